#!/usr/bin/env python3
"""Bytes an event takes at each place it goes to: journal, Kafka, a store, an archive as lines and as tables.

Usage: bench/footprint.py [--records 200000] [--devices 100000] [--build DIR] [--write]
The events have 26 values in about 500 bytes, as those of the load generator, but for each value drawn anew (seeded): its
digits do not repeat, so what compresses them here compresses readings of the field at least as well. Kafka, VictoriaMetrics
and the archive are real. Bytes do not depend on how the program was optimised: any build will do.
"""
import http.client
import json
import pathlib
import random
import sys
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from measure import process, results  # noqa: E402
from support.daemon import Daemon, eventually  # noqa: E402
from support.servers import Kafka, Victoria  # noqa: E402

READINGS = ("spo2", "skinTemp", "respRate", "hrv", "stress", "calories", "distance", "floors", "accelX", "accelY", "accelZ", "gyroX",
            "gyroY", "lat", "lon", "altitude", "s16", "s17")
BASE_MS = 1_750_000_000_000
STREAM = """
streams:
  wearables:
    topics: ["iot/wearable/data"]
    device: {{ field: deviceId }}
    time:   {{ field: timestamp }}
    fields:
      heartRate: {{ type: number, min: 20, max: 250, required: true }}
      steps: {{ type: integer }}
      battery: {{ type: integer }}
      charging: {{ type: boolean }}
      wristOn: {{ type: boolean }}
      activity: {{ type: string }}
{readings}
    score: [heartRate]
"""
SINKS = """
sinks:
  kafka_lz4:  {{ type: kafka, brokers: ["{kafka}"], topic: lz4 }}
  kafka_zstd: {{ type: kafka, brokers: ["{kafka}"], topic: zstd, compression: zstd }}
  series:     {{ type: line_protocol, endpoint: "{store}/write", settle: 0s }}
  lines:      {{ type: archive, local: {{ directory: "{folder}/lines" }} }}
  tables:     {{ type: archive, format: parquet, local: {{ directory: "{folder}/tables" }} }}
"""


def event(chance, device, number):
    body = {"deviceId": f"w-{100_000 + device}", "heartRate": chance.randrange(50, 180), "steps": chance.randrange(20_000),
            "timestamp": BASE_MS + number, "battery": chance.randrange(100), "charging": chance.random() < 0.2, "wristOn": True,
            "activity": chance.choice(("walking", "resting", "running"))}
    body |= {name: round(chance.uniform(0, 1000), 3) for name in READINGS}
    return json.dumps(body, separators=(",", ":"))


def send(port, options):
    """Returns the bytes of all payloads."""
    chance, payload = random.Random(options.seed), 0
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    for first in range(0, options.records, 1000):
        events = [event(chance, n % options.devices, n) for n in range(first, min(first + 1000, options.records))]
        payload += sum(map(len, events))
        connection.request("POST", "/v1/ingest/wearables", "[" + ",".join(events) + "]", {"Content-Type": "application/json"})
        answer = connection.getresponse()
        if answer.read() and answer.status != 200:
            raise RuntimeError(f"refused: {answer.status}")
    connection.close()
    return payload


def on_disk(*folders):
    return sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())


def log_bytes(kafka, topic):
    """Of the topic's segments, without their indexes, which Kafka allocates ahead."""
    return sum(file.stat().st_size for file in (kafka.dir / "data").glob(f"{topic}-*/*.log"))


def main():
    parser = process.parser(__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = process.prepared(parser)
    readings = "\n".join(f"      {name}: {{ type: number }}" for name in READINGS)
    with Kafka() as kafka, Victoria() as store:
        daemon = Daemon(streams=STREAM.format(readings=readings))
        try:
            daemon.sinks = SINKS.format(kafka=kafka.endpoint, store=store.endpoint, folder=daemon.dir)
            daemon.write_config()
            daemon.start()
            before = daemon.metrics()
            payload = send(daemon.http, options)
            eventually(daemon.caught_up, 600, 0.5, "delivered")
            after = daemon.metrics()
            daemon.stop()
            urllib.request.urlopen(f"{store.endpoint}/internal/force_flush", timeout=60).close()
            store.stop()
            rows = [
                ("payload", payload),
                ("journal", after["penstock_journal_bytes_total"] - before["penstock_journal_bytes_total"]),
                ("Kafka, lz4", log_bytes(kafka, "lz4")), ("Kafka, zstd", log_bytes(kafka, "zstd")),
                ("to the store: line protocol", after['penstock_sink_sent_bytes_total{sink="series"}']),
                ("in the store: VictoriaMetrics on disk", on_disk(store.dir / "data")),
                ("archive, lines with zstd", on_disk(daemon.dir / "lines")),
                ("archive, Parquet", on_disk(daemon.dir / "tables")),
            ]
        finally:
            daemon.close()
    heading = f"Footprint: {options.records:,} events of {options.devices:,} devices"
    with results.section(heading, options.write) as say:
        say("| place | bytes an event |\n|---|---|")
        for place, size in rows:
            say(f"| {place} | {size / options.records:,.0f} |")


if __name__ == "__main__":
    main()
