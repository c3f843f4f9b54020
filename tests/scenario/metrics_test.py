"""What the daemon tells Prometheus: clean by promtool, and the same as docs/METRICS.md says.

PENSTOCK_UPDATE=1 writes the page instead of comparing it.
"""
import json
import os
import re
import ssl
import subprocess
import unittest

from support.daemon import ROOT, Daemon, eventually, free_ports
from oracle.mqtt import Client
from oracle.payload import payload

SINKS = """
sinks:
  events:  {{ type: kafka, brokers: ["127.0.0.1:{port}"], topic: telemetry }}
  metrics: {{ type: line_protocol, endpoint: "http://127.0.0.1:{port}/write" }}
  lake:    {{ type: archive, local: {{ directory: "{lake}" }}, window: {{ age: 500ms }} }}
"""
HEAD = """# Metrics

What `/metrics` of the admin listener says, in the Prometheus text format. Label values come from the configuration or from a
fixed set, never from a device, with one exception that is off as it comes: `penstock_sensor_value` (`sensor_metrics` in
[CONFIG.md](CONFIG.md)) shows device ids, of at most `devices_max` devices and 256 bytes each, escaped. `process_*` metrics are
those of every exporter.

The ledger of a sink (nothing leaves without being counted), all since the start and exact in every scrape:

    durable_lsn - base_lsn
        = confirmed + quarantined + filtered + expired + corrupt + skipped + lag_records   (each penstock_sink_...)

The same over the life of the data directory: `ledger` in `/v1/sinks`, and `penstock audit`.

| metric | type | labels | is |
|---|---|---|---|
"""


def families(text):
    out, labels = {}, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, says = line.split(" ", 3)
            out.setdefault(name, ["", ""])[0] = says
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ", 3)
            out.setdefault(name, ["", ""])[1] = kind
        else:
            name = re.match(r"[a-zA-Z0-9_:]+", line).group()
            base = re.sub(r"_(bucket|sum|count)$", "", name) if re.sub(r"_(bucket|sum|count)$", "", name) in out else name
            labels.setdefault(base, set()).update(x for x in re.findall(r'(\w+)="', line) if x != "le")
    return {n: (kind, sorted(labels.get(n, ())), says) for n, (says, kind) in out.items()}


def sensors(daemon):
    """Device id, as it stands between the quotes, to latest value."""
    lines = daemon.get("/metrics")[1].decode().split("\n")
    found = (re.fullmatch(r'penstock_sensor_value\{device="(.*)",field="(.*)",stream="(.*)"\} (\S+)', line) for line in lines)
    return {m[1]: float(m[4]) for m in found if m}


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        cls.certificate()
        cls.daemon.extra = "sensor_metrics: { fields: [steps] }"
        cls.daemon.sinks = SINKS.format(port=9, lake=cls.daemon.dir / "lake")
        cls.daemon.write_config()
        cls.daemon.start()
        client = Client(cls.daemon.mqtt, "m")
        for body in (payload("d", 1), b"{", b'{"deviceId":"d"}'):
            client.publish_and_wait("iot/wearable/data", body)
        client.close()
        eventually(lambda: sensors(cls.daemon), 60, what="the latest values")
        eventually(lambda: any("penstock_sink_errors_total" in k and v for k, v in cls.daemon.metrics().items()), 30,
                   what="sinks without a far side report errors")
        cls.text = cls.daemon.get("/metrics")[1].decode()

    @classmethod
    def certificate(cls):
        """A listener with TLS, whose certificate ends in 30 days."""
        pem, key = (cls.daemon.dir / name for name in ("server.pem", "server.key"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                        "-subj", "/CN=localhost", "-keyout", key, "-out", pem], check=True, capture_output=True)
        [port] = free_ports(1)
        cls.daemon.listeners = f'  mqtts: {{ listen: "127.0.0.1:{port}", tls: {{ certificate: {pem}, key: {key} }} }}'
        cls.ends = ssl.cert_time_to_seconds(ssl._ssl._test_decode_cert(str(pem))["notAfter"])

    def test_the_end_of_a_certificate_is_told(self):
        told = self.daemon.metrics()['penstock_tls_certificate_expiry_timestamp_seconds{listener="mqtts"}']
        self.assertEqual(told, self.ends)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.close()

    def test_promtool_finds_nothing(self):
        done = subprocess.run(["promtool", "check", "metrics"], input=self.text, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a12_no_device_text_is_a_label(self):
        client = Client(self.daemon.mqtt, "planted-client")
        client.publish_and_wait("iot/planted-topic/data", b'{"deviceId":"planted-device","heartRate":80}')
        client.close()
        self.assertNotIn("planted", self.daemon.get("/metrics")[1].decode())

    def test_the_page_lists_every_metric(self):
        page = HEAD + "".join(
            f"| `{name}` | {kind} | {', '.join(labels)} | {says} |\n"
            for name, (kind, labels, says) in sorted(families(self.text).items()) if name.startswith("penstock_"))
        path = ROOT / "docs/METRICS.md"
        if os.environ.get("PENSTOCK_UPDATE"):
            path.write_text(page)
        self.assertEqual(path.read_text(), page, "docs/METRICS.md differs: run this test with PENSTOCK_UPDATE=1")

    def test_a13_hostile_ids_stay_one_line_of_the_log_and_secrets_stay_out(self):
        with self.assertRaises(ConnectionRefusedError):
            Client(self.daemon.mqtt, "evil\x1b[31m\r\n", version=5)
        client = Client(self.daemon.mqtt, "honest", version=5)
        client.publish_and_wait("iot/x/data", b'{"deviceId":"a\\r\\n{\\"level\\":\\"error\\"}\\u001b[2J","heartRate":1}')
        client.close(polite=False)
        for line in self.daemon.log().splitlines():
            self.assertTrue(line.startswith("{") and line.endswith("}"), line)
            self.assertNotIn("\x1b", line)


class SensorMetrics(unittest.TestCase):
    """The latest values of devices among the metrics."""

    ODD = 'a"} 1 # TYPE x \\'  # ends the label and the series; an id with a line break is not accepted

    def setUp(self):
        self.daemon = Daemon().start()
        self.client = Client(self.daemon.mqtt, "m")

    def tearDown(self):
        self.client.close()
        self.daemon.close()

    def choose(self, text):
        """Other settings, taken by a reload."""
        before = self.daemon.log().count("settings reloaded")
        self.daemon.extra = f"sensor_metrics: {{ {text} }}"
        self.daemon.write_config()
        self.daemon.reload()
        eventually(lambda: self.daemon.log().count("settings reloaded") > before, 60, what="the reload")

    def send(self, device, number):
        body = json.dumps({"deviceId": device, "heartRate": 80, "steps": number}).encode()
        self.client.publish_and_wait("iot/wearable/data", body)

    def left_out(self):
        return self.daemon.metrics()['penstock_sensor_left_out_records_total{reason="no_place"}']

    def test_it_is_off_until_asked_for_then_bounded_and_escaped(self):
        self.send("a", 1)
        self.assertEqual(sensors(self.daemon), {})
        self.choose("fields: [steps], devices_max: 2")
        for device, number in ((self.ODD, 7), ("b", 8), ("c", 9), (self.ODD, 10)):
            self.send(device, number)
        odd = r'a\"} 1 # TYPE x ' + "\\\\"
        eventually(lambda: sensors(self.daemon) == {odd: 10, "b": 8}, 60, what="the latest values")
        self.assertEqual(self.left_out(), 1)
        text = self.daemon.get("/metrics")[1]
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_silent_device_is_gone_and_its_place_taken_by_another(self):
        self.choose("fields: [steps], devices_max: 1, silent_after: 1s")
        self.send("a", 1)
        eventually(lambda: not sensors(self.daemon), 60, what="the silence")
        eventually(lambda: [self.send("b", 2), sensors(self.daemon)][1] == {"b": 2}, 60, what="the next device")


if __name__ == "__main__":
    unittest.main()
