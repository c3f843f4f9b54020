"""SIGKILL under load over MQTT and HTTP: what was acknowledged is in every sink. (T1)

Every other kill comes at a random moment; the others at once on an acknowledgement, by the thread that reads it: what
was acknowledged too early is then still in the memory of the process, and lost with it.

PENSTOCK_KILLS: how often (default 3). PENSTOCK_SEED: of the moments; printed, so that a failure can be replayed.
"""
import http.client
import json
import os
import random
import threading
import time
import unittest

from support import oracle
from support.daemon import Daemon, eventually, read_archive
from support.mqtt import Client, Closed
from support.servers import Kafka, Victoria

SINKS = """
sinks:
  events:  {{ type: kafka, brokers: ["{kafka}"], topic: telemetry }}
  metrics: {{ type: line_protocol, endpoint: "{victoria}/write", tags: [deviceId, status], settle: 0s }}
  lake:    {{ type: archive, local: {{ directory: "{lake}" }}, window: {{ age: 500ms }} }}
"""


class Device(threading.Thread):
    """Publishes without pause, over one protocol, and notes what was acknowledged. Comes back when it is cut off."""

    def __init__(self, daemon, ledger, lock, name, over_http):
        super().__init__(daemon=True)
        self.server, self.ledger, self.lock, self.device, self.over_http = daemon, ledger, lock, name, over_http
        self.ending = threading.Event()
        self.on_ack = None  # called once, with nothing held, by the thread that reads the next acknowledgement

    def run(self):
        while not self.ending.is_set():
            try:
                self.http() if self.over_http else self.mqtt()
            except (OSError, Closed, http.client.HTTPException, AssertionError):  # cut off: come back
                time.sleep(0.02)

    def issue(self):
        with self.lock:
            return self.ledger.issue(self.device)

    def ack(self, number):
        with self.lock:
            self.ledger.ack(self.device, number)
        strike, self.on_ack = self.on_ack, None
        if strike:
            strike()

    def mqtt(self):
        client = Client(self.server.mqtt, f"client-{self.device}", timeout=5)
        waiting = {}
        try:
            while not self.ending.is_set() or waiting:
                while len(waiting) < 32 and not self.ending.is_set():
                    number = self.issue()
                    waiting[client.publish("iot/wearable/data", oracle.payload(self.device, number))] = number
                for packet_id in client.acks(5):
                    self.ack(waiting.pop(packet_id))
        finally:
            client.close(polite=False)

    def http(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.http, timeout=5)
        try:
            while not self.ending.is_set():
                numbers = [self.issue() for _ in range(20)]
                body = b"\n".join(oracle.payload(self.device, n) for n in numbers)
                connection.request("POST", "/v1/ingest/wearables", body, {"Content-Type": "application/x-ndjson"})
                answer = connection.getresponse()
                text = answer.read()
                if answer.status == 200 and json.loads(text)["accepted"] == len(numbers):
                    for number in numbers:
                        self.ack(number)
        finally:
            connection.close()


class Kill(unittest.TestCase):
    def test_nothing_acknowledged_is_lost_in_any_sink(self):
        kills = int(os.environ.get("PENSTOCK_KILLS", "3"))
        seed = int(os.environ.get("PENSTOCK_SEED", time.time_ns() % 1_000_000))
        print(f"PENSTOCK_KILLS={kills} PENSTOCK_SEED={seed}")
        dice = random.Random(seed)
        ledger, lock = oracle.Ledger(), threading.Lock()
        with Kafka() as kafka, Victoria() as victoria, Daemon() as daemon:
            lake = daemon.dir / "lake"
            daemon.sinks = SINKS.format(kafka=kafka.endpoint, victoria=victoria.endpoint, lake=lake)
            daemon.write_config()
            daemon.start()
            devices = [Device(daemon, ledger, lock, f"d{i}", over_http=i % 3 == 2) for i in range(9)]
            for device in devices:
                device.start()
            for i in range(kills):
                before = len(ledger.acked)
                eventually(lambda b=before: len(ledger.acked) > b + 200, 30, what="acknowledgements between two kills")
                time.sleep(dice.uniform(0.0, 1.0))
                if i % 2:
                    daemon.kill()
                else:
                    dice.choice(devices).on_ack = daemon.process.kill
                    daemon.process.wait(30)
                daemon.start()
            before = len(ledger.acked)
            eventually(lambda: len(ledger.acked) > before + 200, 30, what="acknowledgements after the last kill")
            for device in devices:
                device.ending.set()
            for device in devices:
                device.join(20)
            print(f"issued {sum(ledger.issued.values())}, acknowledged {len(ledger.acked)}")

            def drained():
                lag = [v for k, v in daemon.metrics().items() if k.startswith("penstock_sink_lag_records")]
                return len(lag) == 3 and not any(lag)
            eventually(drained, 120, 0.5, "every sink has caught up")
            verdicts = {
                "kafka": ledger.verdict(oracle.from_enriched(sorted(
                    (json.loads(value) for _, value, _, p, o in sorted(kafka.read("telemetry"), key=lambda r: (r[3], r[4]))),
                    key=lambda v: 0))),
                "archive": ledger.verdict(oracle.from_enriched(sorted(
                    (v for _, v in read_archive(lake)), key=lambda v: v["_penstock"]["lsn"]))),
                "victoria": ledger.verdict([
                    (labels["deviceId"], ms - oracle.BASE_MS, None, None)
                    for labels, points in victoria.export('{__name__="wearables_steps"}') for ms, _ in points]),
            }
            for sink, verdict in verdicts.items():
                print(sink, verdict)
            for sink, verdict in verdicts.items():
                with self.subTest(sink):
                    self.assertEqual(verdict["lost"], 0, verdict)
                    self.assertEqual(verdict["corrupted"], 0, verdict)
                    self.assertEqual(verdict["out_of_order"], 0, verdict)


if __name__ == "__main__":
    unittest.main()
