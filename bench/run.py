#!/usr/bin/env python3
"""Sets what Penstock spends on a durable, scored record beside what brokers spend on one they forget, in one run.

Usage: bench/run.py [--rounds 5] [--messages 600000] [--scenario P1 ...] [--write]
The servers take turns (ABAB). Figures are CPU microseconds of the server process per acknowledged event; minimum and
median over the rounds. A run is void when the journal or a sink has not exactly what was acknowledged, or when anything
was quarantined. --write puts each table into its section of bench/RESULTS.md, with command, commit and machine; without
--scenario everything is run, in about an hour.
"""
import functools
import json
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from measure import process, results, servers  # noqa: E402
from measure.pipeline_cost import pipeline_cost  # noqa: E402
from measure.recovery import recovery  # noqa: E402
from support import cost, load  # noqa: E402
from support.daemon import eventually  # noqa: E402

P1_LOAD = "--qos 1 --k 16 --window 64 --connections 100"
P3_LOAD = "--qos 1 --k 1 --window 20 --connections 100"
RATES = (5_000, 10_000, 20_000, 30_000)
SPECIAL = ("P8-Telegraf", "P10")
GATHER_WINDOW = 2000  # microseconds; `gather_window` of the defaults


class Entry:
    """One server under one load. `share`: of --messages, for what is slower than the rest."""

    def __init__(self, name, make, arguments, share=1.0, rate=0):
        self.name, self.make, self.arguments, self.share, self.rate = name, make, arguments, share, rate


def brokers(arguments, share=1.0, rate=0):
    out = [Entry("mosquitto", servers.mosquitto, arguments, share, rate)]
    if servers.has_flashmq():
        out.append(Entry("flashmq", servers.flashmq, arguments, share, rate))
    # As restful as Penstock is where it rests.
    floor = functools.partial(servers.ack_floor, GATHER_WINDOW if rate else 0)
    return [*out, Entry("floor: acknowledges, does nothing else", floor, arguments, share, rate)]


def penstock(name="penstock", share=1.0, rate=0, arguments=P1_LOAD, **options):
    return Entry(name, functools.partial(servers.Penstock, **options), arguments, share, rate)


def scenarios():
    """Name -> (what it is, entries). The ratio is to the entry called mosquitto."""
    http = "--protocol http --connections 100 --k 1 --window 1"
    p4 = "--qos 1 --k 1 --window 20 --connections 1000 --warmup 2"
    mosquitto_p1 = Entry("mosquitto", servers.mosquitto, P1_LOAD, 0.5)
    out = {
        "P1": ("MQTT QoS 1, 100 connections, K=16, W=64",
               [penstock(), penstock("penstock, 2 shards", shards=2), *brokers(P1_LOAD)]),
        "P2": ("MQTT QoS 0, 100 connections, K=16",
               [penstock(arguments="--qos 0 --k 16 --connections 100"), *brokers("--qos 0 --k 16 --connections 100")]),
        "P3": ("MQTT QoS 1, 100 connections, one message a write, W=20",
               [penstock(arguments=P3_LOAD, share=0.5), *brokers(P3_LOAD, 0.5)]),
        "P6": ("HTTP, one event a request; the broker: P1", [penstock(http=True, arguments=http, share=0.3), mosquitto_p1]),
        "P7": ("HTTP, arrays of 100; the broker: P1",
               [penstock(http=True, arguments=f"{http} --batch 100"), mosquitto_p1]),
        "P8": ("P1 with sinks: what they take on top is the difference to the first row",
               [penstock(share=0.5), penstock("penstock, Kafka", share=0.5, sinks=("kafka",)),
                penstock("penstock, Kafka + line protocol + archive", share=0.5, sinks=("kafka", "series", "archive")),
                Entry("mosquitto", servers.mosquitto, P1_LOAD, 0.5)]),
        "P9": ("P3 over TLS 1.3",
               [penstock(tls=True, arguments=f"{P3_LOAD} --tls 1", share=0.3),
                Entry("mosquitto", functools.partial(servers.mosquitto, tls=True), f"{P3_LOAD} --tls 1", 0.3)]),
    }
    for rate in RATES:
        out[f"P4-{rate // 1000}k"] = (f"MQTT QoS 1, 1,000 connections, {rate:,} events/s open loop, one message a write",
                                      [penstock(arguments=p4, rate=rate), *brokers(p4, rate=rate)])
    return dict(sorted(out.items(), key=lambda item: (item[0].split("-")[0], len(item[0]), item[0])))


def one_run(entry, server, messages, seconds):
    options = {"rate": entry.rate, "seconds": seconds} if entry.rate else {"messages": messages}
    if server.far_side is None:
        warm = {**options, **({"seconds": 3} if entry.rate else {"messages": min(messages, 100_000)})}
        warmed = load.run(server.port, entry.arguments, **warm)
        # QoS 0 has no acknowledgement to wait for.
        eventually(lambda: server.taken() in (None, warmed["acked"]), 30, 0.02, "warm")
    before, delivered = server.counters(), server.delivered()
    spent = -sum(cost.cpu_ns(pid) for pid in server.pids)
    waited = -sum(cost.wait_ns(pid) for pid in server.pids)
    result = load.run(server.port, entry.arguments, **options)
    if before:
        eventually(lambda: server.taken() - before["records"] >= result["acked"], 30, 0.02, "taken")
    server.settle()
    spent += sum(cost.cpu_ns(pid) for pid in server.pids)
    waited += sum(cost.wait_ns(pid) for pid in server.pids)
    result["server_us"] = spent / 1000 / result["acked"]
    result["waited_us"] = waited / 1000 / result["acked"]
    if before:
        work = {key: value - before[key] for key, value in server.counters().items()}
        result["per_commit"] = work["records"] / max(1, work["commits"])
        result["per_read"] = work["packets"] / max(1, work["reads"])
        if work["records"] != result["acked"] or work["refused"]:
            result["void"] = f"the journal took {work['records']:.0f} of {result['acked']}, {work['refused']:.0f} refused"
    for sink, count in server.delivered().items():
        if count - delivered[sink] != result["acked"]:
            result["void"] = f"{sink} got {count - delivered[sink]} of {result['acked']}"
    return result


def run_entry(entry, messages, seconds):
    server = entry.make()
    try:
        return one_run(entry, server, int(messages * entry.share), seconds)
    except (RuntimeError, AssertionError) as problem:
        return {"void": str(problem)}
    finally:
        server.close()


def measure(name, entries, rounds, messages, seconds):
    """The entries take turns, so that a slow minute of the machine meets all of them."""
    rows = {entry.name: [] for entry in entries}
    for number in range(rounds):
        for entry in entries:
            result = run_entry(entry, messages, seconds)
            rows[entry.name].append(result)
            print(f"{name} round {number + 1} {entry.name}: {json.dumps(result)}", flush=True)
    return rows


def spread(values, digits):
    return f"{min(values):.{digits}f} ({statistics.median(values):.{digits}f})"


def row(entry, runs, base):
    good = [r for r in runs if "void" not in r]
    if not good:
        return f"| {entry.name} | void: {runs[0]['void']} | | | | | | |"
    us = [r["server_us"] for r in good]
    ratio = ""
    if base:
        ratio = f"{min(us) / min(base):.2f} ({statistics.median(us) / statistics.median(base):.2f})"
    void = f", {len(runs) - len(good)} void" if len(good) < len(runs) else ""
    k = entry.arguments.split("--k ")[1].split()[0]
    counted = [r for r in good if "per_commit" in r]
    per = [f"{statistics.median(r[key] for r in counted):.0f}" if counted else "-" for key in ("per_read", "per_commit")]
    if "http" in entry.arguments:
        per[0] = "-"
    latency = " / ".join(f"{statistics.median(r[q] for r in good) / 1000:.1f}" for q in ("p50_us", "p99_us"))
    return (f"| {entry.name} | {spread(us, 2)}{void} | {ratio} | {k} / {per[0]} / {per[1]} | "
            f"{max(r['per_second'] for r in good):,.0f} | {latency if good[0]['p99_us'] else '-'} | "
            f"{statistics.median(r['waited_us'] for r in good):.2f} | "
            f"{statistics.median(r['generator_us'] for r in good):.2f} |")


HEAD = ["| server | CPU us per event, min (median) | ratio, min (median) | K / packets a read / records a commit | "
        "most events/s | ack p50 / p99 ms | waited for a core, us | generator us |", "|---|---|---|---|---|---|---|---|"]


def table(entries, rows):
    base = [r["server_us"] for r in rows.get("mosquitto", []) if "void" not in r]
    return [row(entry, rows[entry.name], base) for entry in entries]


def main():
    known = scenarios()
    parser = process.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=600_000, help="a round of a closed-loop scenario")
    parser.add_argument("--seconds", type=float, default=10, help="a round of an open-loop scenario")
    parser.add_argument("--scenario", action="append", choices=[*known, *SPECIAL])
    parser.add_argument("--pipeline-messages", type=int, default=50_000, help="a round of P8-Telegraf")
    parser.add_argument("--journal-gib", type=float, default=10, help="P10: what lies in the journal at the restart")
    options = process.prepared(parser)
    for name in options.scenario or [*known, *SPECIAL]:
        if name == "P8-Telegraf":
            heading, lines = "three sinks, beside Mosquitto and Telegraf", pipeline_cost(options.rounds, options.pipeline_messages)
        elif name == "P10":
            heading, lines = "restart and catching up", recovery(options.journal_gib)
        else:
            heading, entries = known[name]
            rows = measure(name, entries, options.rounds, options.messages, options.seconds)
            lines = [*HEAD, *table(entries, rows)]
        with results.section(f"{name}: {heading}", options.write) as say:
            say("\n".join(lines))


if __name__ == "__main__":
    main()
