"""What a newcomer does in the first five minutes, over every way in, and where the record is afterwards."""
import gzip
import json
import subprocess
import threading
import unittest

from support.daemon import Daemon, eventually
from oracle import far_sides
from oracle.mqtt import Client

LOCAL = "sinks:\n  lake: {{ type: archive, local: {{ directory: \"{dir}\" }}, window: {{ age: 500ms }} }}\n"


class FirstRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        cls.lake = cls.daemon.dir / "lake"
        cls.daemon.sinks = LOCAL.format(dir=cls.lake)
        cls.daemon.write_config()
        cls.daemon.start()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.close()

    def found_everywhere(self, device):
        """The device's record in /latest, /history and the archive file."""
        status, latest = eventually(lambda: (lambda r: r if r[0] == 200 else None)(
            self.daemon.get_json(f"/v1/devices/{device}/latest")), what=f"latest of {device}")
        self.assertEqual(latest["deviceId"], device)
        self.assertEqual(latest["_penstock"]["device"], device)
        status, history = self.daemon.get_json(f"/v1/devices/{device}/history")
        self.assertEqual(status, 200)
        self.assertTrue(any(device == r["deviceId"] for r in history["records"]), history)
        eventually(lambda: any(v.get("deviceId") == device for _, v in far_sides.archive_lines(self.lake)),
                   what=f"{device} in the archive")
        return latest

    def mosquitto_pub(self, device, *options):
        payload = json.dumps({"deviceId": device, "heartRate": 150, "steps": 1})
        done = subprocess.run(["mosquitto_pub", "-p", str(self.daemon.mqtt), "-t", "iot/wearable/data", "-m", payload,
                               "-i", f"pub-{device}", *options], capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_mosquitto_pub_is_acknowledged_in_both_versions_and_qualities(self):
        for version in ("311", "5"):
            for qos in ("0", "1"):
                device = f"pub-{version}-{qos}"
                self.mosquitto_pub(device, "-V", f"mqttv{version}", "-q", qos)
                latest = self.found_everywhere(device)
                self.assertEqual(latest["status"], "HIGH_HEART_RATE")
                self.assertIn("processedAt", latest)

    def curl(self, body, *options):
        done = subprocess.run(["curl", "-sS", "-w", "\n%{http_code}", "--data-binary", "@-", *options,
                               f"http://127.0.0.1:{self.daemon.http}/v1/ingest/wearables"],
                              input=body, capture_output=True, timeout=20, check=True)
        text, _, code = done.stdout.decode().rpartition("\n")
        return int(code), text

    def test_curl_is_acknowledged_single_array_ndjson_gzip_zstd(self):
        def event(device, rate=80):
            return json.dumps({"deviceId": device, "heartRate": rate}).encode()
        as_json = ("-H", "Content-Type: application/json")
        as_lines = ("-H", "Content-Type: application/x-ndjson")
        cases = [
            ("single", event("h-single"), as_json, ["h-single"]),
            ("array", b"[" + event("h-a1") + b"," + event("h-a2") + b"]", as_json, ["h-a1", "h-a2"]),
            ("ndjson", event("h-n1") + b"\n" + event("h-n2") + b"\n", as_lines, ["h-n1", "h-n2"]),
            ("gzip", gzip.compress(event("h-gz")), (*as_json, "-H", "Content-Encoding: gzip"), ["h-gz"]),
            ("zstd", subprocess.run(["zstd", "-qc"], input=event("h-zs"), capture_output=True, check=True).stdout,
             (*as_json, "-H", "Content-Encoding: zstd"), ["h-zs"]),
        ]
        for name, body, options, devices in cases:
            with self.subTest(name):
                code, text = self.curl(body, *options)
                self.assertEqual(code, 200, text)
                self.assertEqual(json.loads(text)["accepted"], len(devices))
                for device in devices:
                    self.assertEqual(self.found_everywhere(device)["status"], "NORMAL")

    def test_an_invalid_record_is_quarantined_with_its_reason_and_costs_the_others_nothing(self):
        body = json.dumps([{"deviceId": "q-1", "heartRate": 80}, {"deviceId": "q-2", "heartRate": 400}]).encode()
        code, text = self.curl(body, "-H", "Content-Type: application/json")
        self.assertEqual(code, 200, text)
        answer = json.loads(text)
        self.assertEqual((answer["accepted"], answer["quarantined"]), (1, 1))
        self.assertEqual(answer["results"][0]["index"], 1)
        self.assertEqual(answer["results"][0]["pointer"], "/heartRate")
        self.found_everywhere("q-1")

    def test_the_tail_shows_a_record_as_it_comes(self):
        tail = subprocess.Popen(["curl", "-sSN", "--max-time", "20", f"http://127.0.0.1:{self.daemon.admin}/v1/tail?device=t-1"],
                                stdout=subprocess.PIPE)
        client = Client(self.daemon.mqtt, "tail-test")
        seen = threading.Event()

        def publish():  # the tail begins with what comes after it was asked for
            while not seen.wait(0.1):
                client.publish_and_wait("iot/wearable/data", b'{"deviceId":"t-1","heartRate":90}')
        publisher = threading.Thread(target=publish)
        publisher.start()
        try:
            line = b""
            while not line.startswith(b"data:"):
                line = tail.stdout.readline()
                self.assertTrue(line, "the tail ended")
            self.assertIn(b'"t-1"', line)
        finally:
            seen.set()
            publisher.join()
            tail.kill()
            tail.communicate()
            client.close()


if __name__ == "__main__":
    unittest.main()
