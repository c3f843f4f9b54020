"""All sinks at once: each has every record, and a far side that is gone disturbs none of the others.

PENSTOCK_ALL_SINKS: seconds of load before anything is killed (default 2). PENSTOCK_RATE: events a second (default 500).
PENSTOCK_DOWN: seconds that each far side is gone for (default 1). PENSTOCK_KILLS: SIGKILLs of the daemon (default 2).
"""
import contextlib
import json
import os
import random
import time
import unittest

from support.daemon import BINARY, Daemon, eventually
from support.fault_proxy import FaultProxy
from support.load import Load
from support.servers import S3, Kafka, Kinesis, Nats, Postgres, Redis, Victoria, parquet_readers

from oracle import devices, far_sides, ledger, stream_readers
from oracle.verdict import Book, from_enriched

SECONDS = float(os.environ.get("PENSTOCK_ALL_SINKS", "2"))
RATE = int(os.environ.get("PENSTOCK_RATE", "500"))
DOWN = float(os.environ.get("PENSTOCK_DOWN", "1"))
KILLS = int(os.environ.get("PENSTOCK_KILLS", "2"))
LOAD = "--qos 1 --k 4 --window 64 --connections 20 --devices 2000"
FIRST_NUMBER = 1_000_000_000    # of the load generator's `n`
STREAMS = """
streams:
  wearables:
    topics: ["iot/+/data"]
    device: { field: deviceId }
    time:   { field: timestamp }
    fields:
      heartRate: { type: number, min: 20, max: 250, required: true }
      steps:     { type: integer, min: 0 }
      n:         { type: integer }
    score: [heartRate]
"""
# Short waits, so that a far side that comes back costs the test little.
SINKS = """
sinks:
  kafka:    {{ type: kafka, brokers: ["{kafka}"], topic: telemetry, retry: {{ longest: 500ms }},
               options: {{ reconnect.backoff.max.ms: "500" }} }}
  kinesis:  {{ type: kinesis, endpoint: "http://127.0.0.1:{kinesis_port}", region: us-east-1, stream: telemetry, timeout: 3s, connections: 1,
               access_key: "{kinesis[access_key]}", secret_key: "text:{kinesis[secret_key]}", retry: {{ longest: 500ms }} }}
  nats:     {{ type: nats, servers: ["nats://{nats}"], stream: TELEMETRY, subject: "telemetry.{{stream}}.{{device}}",
               create_stream: true, retry: {{ longest: 500ms }} }}
  redis:    {{ type: redis_stream, server: "{redis}", user: penstock, password: "text:penstock-secret", key: "telemetry:{{stream}}",
               max_length: 10000000, settle: 0s, retry: {{ longest: 500ms }} }}
  series:   {{ type: line_protocol, endpoint: "http://127.0.0.1:{series}/write", settle: 0s, timeout: 3s, retry: {{ longest: 500ms }} }}
  table:    {{ type: postgres, server: "{table}", database: penstock, user: penstock, password: "text:penstock-secret",
               table: "telemetry_{{stream}}", create_table: true, retry: {{ longest: 500ms }} }}
  lines:    {{ type: archive, window: {{ age: 500ms }}, retry: {{ longest: 500ms }}, s3: {{ prefix: "lines/", {bucket} }} }}
  columns:  {{ type: archive, format: parquet, window: {{ age: 2s }}, retry: {{ longest: 500ms }},
               s3: {{ prefix: "columns/", {bucket} }} }}
"""
BUCKET = 'endpoint: "{}", bucket: lake, access_key: penstock, secret_key: penstock-secret'
# docs/SINKS.md: what these store again is not seen again.
NEVER_TWICE = ("nats", "table", "lines", "columns")


class FarSides(contextlib.ExitStack):
    """The servers of all sinks, and what they hold."""

    def __init__(self):
        super().__init__()
        self.kafka, self.kinesis, self.nats = (self.enter_context(kind()) for kind in (Kafka, Kinesis, Nats))
        self.redis, self.table, self.series = (self.enter_context(kind()) for kind in (Redis, Postgres, Victoria))
        self.lake = self.enter_context(S3())
        # Moto forgets everything when it dies (and of two requests at a time it loses records), VictoriaMetrics its last
        # seconds: only their connections are cut.
        self.to_kinesis, self.to_series = (self.enter_context(FaultProxy(1, server.port)) for server in (self.kinesis, self.series))
        self.library = parquet_readers()

    def sinks(self):
        return SINKS.format(kafka=self.kafka.endpoint, kinesis=self.kinesis.info, kinesis_port=self.to_kinesis.port,
                            nats=self.nats.endpoint, redis=self.redis.endpoint, series=self.to_series.port, table=self.table.endpoint,
                            bucket=BUCKET.format(self.lake.endpoint))

    def values(self):
        """Sink -> its records, as enriched JSON. The store of series keeps none."""
        objects = self.lake.dir / "data" / self.lake.bucket
        return {
            "kafka": [json.loads(record[1]) for record in far_sides.kafka_records(self.kafka.endpoint, "telemetry", 300)],
            "kinesis": list(stream_readers.kinesis_values(self.kinesis.info)),
            "nats": list(stream_readers.nats_values(self.nats.endpoint)),
            "redis": list(stream_readers.redis_values(self.redis.endpoint, "telemetry:wearables")),
            "table": stream_readers.postgres_values(self.table.endpoint, "telemetry_wearables"),
            "lines": [value for _, value in far_sides.archive_lines(objects / "lines")],
            "columns": stream_readers.parquet_values(objects / "columns", self.library),
        }


def disturbances(far):
    """Sink -> (how its far side goes, how it comes back)."""
    def killed(server):
        return server.kill, server.start

    def cut_off(proxy):
        return lambda: proxy.become("stopped"), lambda: proxy.become("pass")
    return {
        "kafka": killed(far.kafka), "nats": killed(far.nats), "redis": killed(far.redis), "table": killed(far.table),
        "lines": killed(far.lake), "kinesis": cut_off(far.to_kinesis), "series": cut_off(far.to_series),
    }


class AllSinks(unittest.TestCase):
    def setUp(self):
        self.far = self.enterContext(FarSides())
        self.daemon = self.enterContext(Daemon(streams=STREAMS, sinks=self.far.sinks()))
        self.daemon.start()

    def done(self, but=()):
        seen = self.daemon.metrics()
        return {sink: ledger.position(seen, sink) for sink in ledger.sinks(seen) if sink not in but}

    def disturb(self, sink, go, come_back):
        go()
        time.sleep(DOWN)
        taken = self.daemon.metrics()["penstock_journal_durable_lsn"]
        # Both archives stand in one bucket.
        but = ("lines", "columns") if sink == "lines" else (sink,)
        eventually(lambda: all(lsn >= taken for lsn in self.done(but).values()), 120, 0.1, f"the others while {sink} is gone")
        come_back()

    def check_settled(self, seconds):
        ledger.wait_until_settled(self.daemon.admin, seconds)
        self.assertEqual(ledger.problems(self.daemon.admin), [])
        said = ledger.audit(BINARY, self.daemon.config)
        self.assertEqual(ledger.audit_problems(said), [])

    def test_each_far_side_has_every_record_whichever_other_was_gone(self):
        path = self.daemon.dir / "ledger"
        with Load(self.daemon.mqtt, LOAD, rate=RATE, seconds=3600, stamp=True, ledger=path) as load:
            time.sleep(SECONDS)
            for sink, (go, come_back) in disturbances(self.far).items():
                with self.subTest(sink):
                    self.disturb(sink, go, come_back)
            load.stop()
            told = load.result()
        self.check_settled(600)
        acked = {FIRST_NUMBER + n for n, one in enumerate(path.read_bytes()) if one}
        self.assertEqual(len(acked), told["acked"])
        print(f"{told['acked']} acknowledged, {told['per_second']:.0f}/s")
        for sink, values in self.far.values().items():
            with self.subTest(sink):
                numbers = [value["n"] for value in values]
                print(f"{sink}: {len(numbers)} records, {len(numbers) - len(set(numbers))} of them again")
                self.assertEqual(len(acked - set(numbers)), 0, "lost")
                if sink in NEVER_TWICE:
                    self.assertEqual(len(numbers), len(set(numbers)))
        points = {value for _, row in far_sides.series(self.far.series.endpoint, '{__name__="wearables_n"}') for _, value in row}
        self.assertEqual(len(acked - points), 0, "lost: series")

    def test_each_far_side_has_every_record_whenever_the_daemon_was_killed(self):
        seed = int(os.environ.get("PENSTOCK_SEED", time.time_ns() % 1_000_000))
        print(f"PENSTOCK_KILLS={KILLS} PENSTOCK_SEED={seed}")
        dice, book = random.Random(seed), Book()
        playing = devices.fleet(book, 9, self.daemon.mqtt, self.daemon.http)
        for device in playing:
            device.start()
        for _ in range(KILLS):
            before = len(book.acked)
            eventually(lambda b=before: len(book.acked) > b + 200, 60, what="acknowledgements after a start")
            time.sleep(dice.uniform(0.0, 1.0))
            self.daemon.kill()
            self.daemon.start()
        devices.stop(playing)
        self.check_settled(600)
        for sink, values in self.far.values().items():
            with self.subTest(sink):
                verdict = book.verdict(list(from_enriched(values)))
                print(f"{sink}: {verdict}")
                self.assertTrue(verdict.sound, verdict)
                if sink in NEVER_TWICE:
                    self.assertEqual(verdict.duplicated, 0)
        verdict = book.verdict(far_sides.from_series(self.far.series.endpoint), ordered=False)
        self.assertTrue(verdict.sound, f"series: {verdict}")


if __name__ == "__main__":
    unittest.main()
