#!/usr/bin/env python3
"""The reference scenario: 100,000 devices at 20,000 events/s, Kafka, a store and an archive, for ten minutes.

Usage: bench/reference.py [--seconds 600] [--rate 20000] [--devices 100000] [--connections 1000]
The devices share the connections, one message a write, QoS 1. Latency counts from when an event was due to when it had
arrived: at a consumer of Kafka, in the body of a write at the store, in a finished object of the archive. CPU is that of the
node alone, beside Mosquitto's with the same load and nobody who reads, before and after, in the same run.
"""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from measure import process, results, servers  # noqa: E402
from measure.pipelines import PenstockPipeline  # noqa: E402
from measure.tally import Tally, compare  # noqa: E402
from support import cost  # noqa: E402
from support.load import run  # noqa: E402

# What the serverless stack that Penstock replaces was published with.
PUBLISHED = "mean 67 ms, p95 124 ms, p99 289 ms"


def arguments(options, seconds):
    return {"arguments": "--qos 1 --k 1 --window 64 --stamp 1", "connections": options.connections, "rate": options.rate,
            "devices": options.devices, "seconds": seconds, "warmup": 5, "timeout": seconds + 300}


def mosquitto_cpu(options):
    """Share of a core."""
    broker = servers.mosquitto()
    try:
        before = cost.cpu_ns(broker.pids[0])
        told = run(broker.port, **arguments(options, options.mosquitto))
        return (cost.cpu_ns(broker.pids[0]) - before) / 1e9 / told["seconds"]
    finally:
        broker.close()


def archived(folder):
    """What an archive holds; an event has arrived when its object was finished."""
    tally = Tally(rb'"n":(\d+)', rb'"sent":(\d+)')
    for path in folder.rglob("*.zst"):
        text = subprocess.run(["zstd", "-dcq", str(path)], capture_output=True, check=True).stdout
        tally.add(text, path.stat().st_mtime_ns // 1000)
    return tally


def main():
    parser = process.parser(__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--mosquitto", type=float, default=60, help="seconds of each of the broker's two runs")
    parser.add_argument("--rate", type=float, default=20_000)
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=1000)
    options = process.prepared(parser)
    heading = (f"T20: {options.devices:,} devices at {options.rate:,.0f} events/s over {options.connections:,} connections "
               f"for {options.seconds:.0f} s, three sinks")
    with results.section(heading, options.write) as say:
        measure(options, say)


def measure(options, say):
    broker = [mosquitto_cpu(options)]
    pipeline = PenstockPipeline(
        extra="score_state: { memory: 384MiB }\n", series="batch: { age: 50ms }",
        sinks='  lake: { type: archive, local: { directory: "{dir}/lake" }, window: { age: 5s } }\n')
    try:
        ledger = pipeline.daemon.dir / "ledger"
        before = pipeline.cpu_ns()
        told = run(pipeline.port, ledger=ledger, **arguments(options, options.seconds))
        share = (pipeline.cpu_ns() - before) / 1e9 / told["seconds"]
        memory = pipeline.memory()
        pipeline.settle()
        places = {"Kafka": (bytes(pipeline.witness.tally.times), pipeline.witness.tally.latency()),
                  "store (batches of 50 ms)": (pipeline.far_side.numbers(), pipeline.far_side.latency())}
        tally = archived(pipeline.daemon.dir / "lake")
        places["archive (objects of 5 s)"] = (bytes(tally.times), tally.latency())
        acked = ledger.read_bytes()
    finally:
        pipeline.close()
    broker.append(mosquitto_cpu(options))
    say(f"acknowledged {told['acked']:,} of {told['sent']:,}; after p50 {told['p50_us'] / 1000:.1f} ms, "
          f"p99 {told['p99_us'] / 1000:.1f} ms; memory {memory / 2**20:.0f} MiB\n"
          f"CPU {share * 100:.1f} % of a core; Mosquitto alone {broker[0] * 100:.1f} and {broker[1] * 100:.1f} %: "
          f"{share / min(broker):.2f}x (target: 30 % or 0.6x)\n\n"
          "| arrived at | lost | again | p50 ms | p95 ms | p99 ms | longest ms |\n|---|---|---|---|---|---|---|")
    for name, (times, late) in places.items():
        _, lost, again = compare(acked, times)
        say(f"| {name} | {lost} | {again} | " + " | ".join(f"{late[q] / 1000:.1f}" for q in ("p50", "p95", "p99", "max"))
              + " |")
    say(f"\nThe serverless stack: {PUBLISHED}, to its store.")


if __name__ == "__main__":
    main()
