"""What the daemon tells Prometheus: clean by promtool, and the same as docs/METRICS.md says.

PENSTOCK_UPDATE=1 writes the page instead of comparing it.
"""
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
fixed set, never from a device. `process_*` metrics are those of every exporter.

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


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        cls.certificate()
        cls.daemon.sinks = SINKS.format(port=9, lake=cls.daemon.dir / "lake")
        cls.daemon.write_config()
        cls.daemon.start()
        client = Client(cls.daemon.mqtt, "m")
        for body in (payload("d", 1), b"{", b'{"deviceId":"d"}'):
            client.publish_and_wait("iot/wearable/data", body)
        client.close()
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


if __name__ == "__main__":
    unittest.main()
