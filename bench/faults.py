#!/usr/bin/env python3
"""T7, T8 at size: what a far side in trouble costs ingest and the other sinks.

Usage: bench/faults.py [--rate 15000] [--seconds 8] [--pairs 5] [--sink kafka ...] [--mode hung ...]
Real Kafka, VictoriaMetrics and S3, each behind a TCP proxy (tests/scenario/support/fault_proxy.py). For each sink and
fault: pairs of an undisturbed and a disturbed stretch, taking turns; CPU of the node per event, and how many records the
other two sinks lag behind on average, as a ratio of disturbed to undisturbed, median over the pairs. Acknowledgement
latency is printed, not judged: the far sides share the machine. After each disturbed stretch everything must arrive. At
the end every acknowledged event must be in Kafka and in the archive, and in order per device.
"""
import collections
import json
import pathlib
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from measure import process, results  # noqa: E402
from support.cost import cpu_ns, memory  # noqa: E402
from support.daemon import Daemon, eventually  # noqa: E402
from support.fault_proxy import MODES, FaultProxy  # noqa: E402
from support.load import Load, run  # noqa: E402
from support.servers import S3, Kafka, Victoria  # noqa: E402
from oracle.far_sides import archive_objects  # noqa: E402

SINKS = """
sinks:
  kafka: {{ type: kafka, brokers: ["127.0.0.1:{kafka}"], topic: telemetry, retry: {{ longest: 1s }} }}
  series:
    {{ type: line_protocol, endpoint: "http://127.0.0.1:{series}/write", fields: [heartRate, n], settle: 0s, timeout: 5s,
       retry: {{ longest: 1s }} }}
  lake:
    type: archive
    s3: {{ endpoint: "http://127.0.0.1:{lake}", bucket: lake, access_key: penstock, secret_key: penstock-secret }}
    window: {{ age: 2s }}
    retry: {{ longest: 1s }}
"""
DEVICES = "--qos 1 --k 4 --window 256 --connections 100"


class Lag(threading.Thread):
    """Mean lag of some sinks in records, and the most memory."""

    def __init__(self, daemon, sinks):
        super().__init__(daemon=True)
        self.daemon_, self.sinks, self.ending = daemon, sinks, threading.Event()
        self.samples, self.most = [], 0

    def run(self):
        while not self.ending.wait(0.1):
            metrics = self.daemon_.metrics()
            self.samples.append(sum(metrics[f'penstock_sink_lag_records{{sink="{sink}"}}'] for sink in self.sinks))
            self.most = max(self.most, memory(self.daemon_.process.pid))

    def mean(self):
        self.ending.set()
        self.join()
        return statistics.mean(self.samples)


class Rig:
    def __init__(self, daemon, proxies, options):
        self.daemon, self.proxies, self.options = daemon, proxies, options
        self.ledgers = []

    def stretch(self, sink, mode):
        """One stretch of load; `mode` None: undisturbed."""
        if mode:
            self.proxies[sink].become(mode)
        lag = Lag(self.daemon, [s for s in self.proxies if s != sink])
        lag.start()
        cpu = -cpu_ns(self.daemon.process.pid)
        told = run(self.daemon.mqtt, DEVICES, rate=self.options.rate, seconds=self.options.seconds, stamp=True,
                   client=f"c{len(self.ledgers)}")
        cpu += cpu_ns(self.daemon.process.pid)
        mean = lag.mean()
        self.ledgers.append(told["acked"])
        self.proxies[sink].become("pass")
        start = time.monotonic()
        eventually(self.daemon.caught_up, 300, 0.1, "all delivered")
        return {"cpu": cpu / 1000 / told["acked"], "lag": mean, "p99": told["p99_us"] / 1000, "memory": lag.most,
                "after": time.monotonic() - start}

    def compare(self, sink, mode):
        pairs = []
        for number in range(self.options.pairs):
            order = [None, mode] if number % 2 == 0 else [mode, None]
            pairs.append({one: self.stretch(sink, one) for one in order})
        ratio = {key: statistics.median(p[mode][key] / max(1, p[None][key]) for p in pairs) for key in ("cpu", "lag")}
        values = {key: [statistics.median(p[one][key] for p in pairs) for one in (None, mode)]
                  for key in ("cpu", "lag", "p99", "after")}
        grown = max(p[mode]["memory"] for p in pairs) - min(p[None]["memory"] for p in pairs)
        return (f"| {sink} | {mode} | {values['cpu'][0]:.1f} / {values['cpu'][1]:.1f} | {ratio['cpu']:.2f} | "
                f"{values['lag'][0]:.0f} / {values['lag'][1]:.0f} | {ratio['lag']:.2f} | "
                f"{values['p99'][0]:.1f} / {values['p99'][1]:.1f} | {grown / 2**20:.0f} | {values['after'][1]:.1f} |")


def in_order(lines):
    """(different records, out of order) of enriched lines in the order of delivery: by the LSNs of each device."""
    highest, seen, late = collections.defaultdict(int), set(), 0
    for line in lines:
        value = json.loads(line)
        device, lsn = value["deviceId"], value["_penstock"]["lsn"]
        if lsn in seen:
            continue
        seen.add(lsn)
        late += lsn < highest[device]
        highest[device] = max(highest[device], lsn)
    return len(seen), late


def kafka_lines(kafka):
    out = subprocess.Popen(["kcat", "-b", kafka.endpoint, "-C", "-t", "telemetry", "-o", "beginning", "-e", "-q",
                            "-f", "%s\n"], stdout=subprocess.PIPE)
    yield from out.stdout
    if out.wait():
        raise RuntimeError(f"kcat ended with {out.returncode}")


def archived(folder):
    return (line for _, lines in archive_objects(folder) for line in lines)


def main():
    parser = process.parser(__doc__)
    parser.add_argument("--rate", type=float, default=15_000)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--sink", action="append", choices=["kafka", "series", "lake"])
    parser.add_argument("--mode", action="append", choices=MODES)
    parser.add_argument("--seed", type=int, default=1)
    options = process.prepared(parser)
    heading = f"T7, T8: a far side in trouble, {options.rate:,.0f} events/s, {options.pairs} pairs of {options.seconds:g} s"
    with results.section(heading, options.write) as say:
        measure(options, say)


def measure(options, say):
    with FaultProxy(options.seed) as kafka_proxy, FaultProxy(options.seed + 1) as series_proxy, \
            FaultProxy(options.seed + 2) as lake_proxy, Kafka(KAFKA_ADVERTISED=f"127.0.0.1:{kafka_proxy.port}") as kafka, \
            Victoria() as victoria, S3() as s3, Daemon() as daemon:
        proxies = {"kafka": kafka_proxy, "series": series_proxy, "lake": lake_proxy}
        kafka_proxy.target, series_proxy.target, lake_proxy.target = kafka.port, victoria.port, s3.port
        daemon.sinks = SINKS.format(**{name: proxy.port for name, proxy in proxies.items()})
        daemon.write_config()
        daemon.start()
        with Load(daemon.mqtt, DEVICES, rate=options.rate, seconds=5) as warm:
            warmed = warm.result()["acked"]
        rig = Rig(daemon, proxies, options)
        say("| sink | fault | CPU us per event, undisturbed / disturbed | ratio | lag of the others, records | ratio | "
              "ack p99 ms | memory + MiB | caught up after s |\n|---|---|---|---|---|---|---|---|---|")
        for sink in options.sink or proxies:
            for mode in options.mode or MODES:
                say(rig.compare(sink, mode))
        acked = warmed + sum(rig.ledgers)
        for name, lines in (("Kafka", kafka_lines(kafka)), ("archive", archived(s3.dir / "data" / s3.bucket))):
            records, late = in_order(lines)
            say(f"{name}: {records:,} different records of {acked:,} acknowledged, {late} out of order per device"
                  f"{'' if records >= acked and not late else ' FAILED'}")


if __name__ == "__main__":
    main()
