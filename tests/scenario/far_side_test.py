"""Records published over MQTT and HTTP are read back from a real Kafka, S3, InfluxDB and VictoriaMetrics."""
import json
import unittest

from support.daemon import Daemon, eventually
from support.servers import S3, Influx, Kafka, Victoria
from oracle.mqtt import Client
from oracle.payload import BASE_MS

EVENT_NS = 1_750_000_000_123_000_000
SINKS = """
sinks:
  events:  {{ type: kafka, brokers: ["{kafka}"], topic: telemetry }}
  metrics: {{ type: line_protocol, endpoint: "{victoria}/write", tags: [deviceId, status], settle: 0s }}
  influx:  {{ type: line_protocol, endpoint: "{influx}/write?db=penstock", tags: [deviceId, status], settle: 0s }}
  lake:
    type: archive
    s3: {{ endpoint: "{s3}", bucket: lake, prefix: "raw/", access_key: penstock, secret_key: penstock-secret }}
    window: {{ age: 500ms }}
"""


class FarSide(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = []
        try:
            cls.kafka, cls.s3, cls.influx, cls.victoria = cls.servers = [k() for k in (Kafka, S3, Influx, Victoria)]
        except BaseException:
            cls.tearDownClass()
            raise
        cls.daemon = Daemon(sinks=SINKS.format(kafka=cls.kafka.endpoint, victoria=cls.victoria.endpoint,
                                               influx=cls.influx.endpoint, s3=cls.s3.endpoint))
        cls.daemon.start()

    @classmethod
    def tearDownClass(cls):
        if hasattr(cls, "daemon"):
            cls.daemon.close()
        for server in cls.servers:
            server.close()

    def test_a_fleet_of_wearables_arrives_in_every_sink_with_device_time_status_and_score(self):
        client = Client(self.daemon.mqtt, "w-fleet")
        for i in range(40):  # enough to warm the score up
            rate = 150 if i == 39 else 80 + i % 3
            body = {"deviceId": "w-1", "heartRate": rate, "steps": i, "timestamp": EVENT_NS // 10**6 + i}
            client.publish_and_wait("iot/wearable/data", json.dumps(body).encode())
        client.close()
        status, text, _ = self.daemon.post("/v1/ingest/wearables", json.dumps(
            {"deviceId": "w-2", "heartRate": 80, "steps": 1, "timestamp": "2025-06-15T15:06:40.500Z"}))
        self.assertEqual(status, 200, text)

        kafka = eventually(lambda: (lambda r: r if len(r) >= 41 else None)(self.kafka.read("telemetry")), 60,
                           what="41 records in Kafka")
        values = {}
        for key, value, headers, _, _ in kafka:
            parsed = json.loads(value)
            self.assertEqual(key, parsed["deviceId"])
            self.assertEqual(headers["penstock.lsn"], str(parsed["_penstock"]["lsn"]))
            values[(parsed["deviceId"], parsed["steps"])] = parsed
        spike, calm = values[("w-1", 39)], values[("w-1", 38)]
        self.assertEqual(spike["status"], "HIGH_HEART_RATE")
        self.assertEqual(calm["status"], "NORMAL")
        self.assertEqual(values[("w-2", 1)]["status"], "NORMAL")
        self.assertIn("processedAt", spike)
        self.assertGreater(spike["score"], 0.9)
        self.assertLess(calm["score"], 0.9)

        archived = eventually(lambda: (lambda r: r if len(r) >= 41 else None)(self.s3.lines()), 60, what="41 lines in S3")
        for path, value in archived:
            self.assertIn("stream=wearables/date=2025-06-15/hour=15", str(path))
            twin = values[(value["deviceId"], value["steps"])]
            self.assertEqual((value["status"], value["_penstock"]["lsn"]), (twin["status"], twin["_penstock"]["lsn"]))

        rows = eventually(lambda: (lambda r: r if len(r) >= 41 else None)(self.influx.query('select * from "wearables"')),
                          60, what="41 points in InfluxDB")
        high = [r for r in rows if r["status"] == "HIGH_HEART_RATE"]
        self.assertEqual([(r["deviceId"], r["heartRate"], r["time"]) for r in high],
                         [("w-1", 150, EVENT_NS + 39 * 10**6)])
        self.assertGreater(high[0]["score"], 0.9)

        def in_victoria():
            series = self.victoria.export('{__name__="wearables_heartRate",status="HIGH_HEART_RATE"}')
            return series and series[0][1] == [(EVENT_NS // 10**6 + 39, 150)]
        eventually(in_victoria, 60, what="150 bpm in VictoriaMetrics")

    def test_a_partial_write_costs_only_the_bad_record(self):
        # The first point fixes the type of `reading` in InfluxDB; a text in the same field is refused by it.
        good = [{"deviceId": "p-1", "heartRate": 80, "steps": i, "timestamp": BASE_MS + i, "reading": 1.5}
                for i in range(3)]
        status, text, _ = self.daemon.post("/v1/ingest/wearables", json.dumps(good[:1]))
        self.assertEqual(status, 200, text)
        query = "select * from \"wearables\" where \"deviceId\" = 'p-1'"
        eventually(lambda: len(self.influx.query(query)) == 1, 30, what="first point")
        bad = {**good[1], "steps": 1, "reading": True}
        status, text, _ = self.daemon.post("/v1/ingest/wearables", json.dumps([bad, good[2]]))
        self.assertEqual(status, 200, text)
        eventually(lambda: len(self.influx.query(query)) == 2, 30, what="the good one behind the bad one")

        def quarantined():
            return [v for k, v in self.daemon.metrics().items()
                    if k.startswith("penstock_sink_quarantined_records_total") and 'sink="influx"' in k] == [1.0]
        eventually(quarantined, 30, what="one quarantined record")


if __name__ == "__main__":
    unittest.main()
