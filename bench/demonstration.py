#!/usr/bin/env python3
"""What a killed process and a dead far side cost: Penstock beside Mosquitto + Telegraf, as they come.

Usage: bench/demonstration.py [--rate 5000] [--warm 25] [--seconds 15] [--stop 60] [--case none ...] [--write]
Devices publish at QoS 1 at a fixed rate over 100 connections, and come back and send again what was not acknowledged when
they are cut off. Everything goes on to Kafka and to a store that takes line protocol. Cases: no fault; one process is
killed (SIGKILL) after --warm seconds and started again half a second later; one far side is stopped (SIGSTOP) for --stop
seconds. Memory: of the pipeline's own processes, what they had more at any time than at the moment of the fault. Lost: acknowledged to the device and not in Kafka, not in the store. Again: events that came more than once.
--write puts the table into bench/DEMONSTRATION.md.
"""
import functools
import os
import pathlib
import signal
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from measure import process  # noqa: E402
from measure.pipelines import PERSISTENT, PenstockPipeline, TelegrafPipeline  # noqa: E402
from measure.tally import compare  # noqa: E402
from support.load import Load  # noqa: E402

TELEGRAF, SESSION = "Mosquitto + Telegraf, defaults", "Mosquitto + Telegraf, QoS 1 and session kept"
PIPELINES = {
    "Penstock": PenstockPipeline,
    TELEGRAF: functools.partial(TelegrafPipeline, TELEGRAF),
    SESSION: functools.partial(TelegrafPipeline, SESSION, PERSISTENT),
}
OWN = {"Penstock": ["penstock"], TELEGRAF: ["mosquitto", "telegraf"], SESSION: ["mosquitto", "telegraf"]}
FAR = ["kafka", "store"]


class Watch(threading.Thread):
    """The most memory of a pipeline's processes, above what they have now."""

    def __init__(self, pipeline):
        super().__init__(daemon=True)
        self.pipeline, self.ending = pipeline, threading.Event()
        self.first = self.most = pipeline.memory()

    def run(self):
        while not self.ending.wait(0.25):
            try:
                self.most = max(self.most, self.pipeline.memory())
            except (OSError, RuntimeError):
                pass    # one of them has just been killed

    def grown(self):
        self.ending.set()
        self.join()
        return (self.most - self.first) / 2**20


def kill_one(name, pipeline, _options):
    if name == "kafka":
        pipeline.kafka.kill()
        time.sleep(0.5)
        pipeline.kafka.start()
    else:
        pipeline.kill(name)
        time.sleep(0.5)
        pipeline.restart(name)
    return {}


def stop_one(name, pipeline, options):
    """The other far side's share of the rate while this one is stopped, after a moment for what was on its way."""
    pid = pipeline.far_pid(name)
    os.kill(pid, signal.SIGSTOP)
    try:
        if name == "kafka":
            other = lambda: pipeline.counts()["store"]  # noqa: E731
            before, start = other(), time.monotonic()
            time.sleep(options.stop)
            share = (other() - before) / (time.monotonic() - start)
        else:   # the store cannot be asked while it is stopped, nor need it
            before, start = pipeline.witness.count, time.monotonic()
            time.sleep(options.stop)
            share = (pipeline.witness.count - before) / (time.monotonic() - start)
    finally:
        os.kill(pid, signal.SIGCONT)
    return {"other": share / options.rate}


def run(make, fault, target, options, scratch):
    pipeline = make()
    try:
        length = options.warm + options.seconds + (options.stop if fault is stop_one else 0)
        ledger = pathlib.Path(scratch) / "ledger"
        with Load(pipeline.port, "--qos 1 --k 1 --window 1000 --connections 100", rate=options.rate, seconds=length,
                  reconnect=True, stamp=True, ledger=ledger, patience=30) as load:
            time.sleep(options.warm)
            watch = Watch(pipeline)
            watch.start()
            told = fault(target, pipeline, options) if fault else {}
            load.result(timeout=length + 120)
        told["grown"] = watch.grown()
        pipeline.settle()
        acked = ledger.read_bytes()
        for place, times in pipeline.numbers().items():
            told["acked"], told[f"{place}_lost"], told[f"{place}_again"] = compare(acked, times)
        return told
    finally:
        pipeline.close()


def cases(options):
    for name, make in PIPELINES.items():
        if options.pipeline and not any(name.startswith(p) for p in options.pipeline):
            continue
        if "none" in options.case:
            yield name, make, "no fault", None, None
        for target in [*OWN[name], "kafka"] if "kill" in options.case else []:
            yield name, make, f"{target} killed", kill_one, target
        for target in FAR if "stop" in options.case else []:
            yield name, make, f"{target} stopped {options.stop:.0f} s", stop_one, target


HEAD = ["| pipeline | fault | acknowledged | lost at Kafka | lost at the store | again at Kafka | again at the store | "
        "other far side's share of the rate meanwhile | memory + MiB |", "|---|---|---|---|---|---|---|---|---|"]


def row(name, what, r):
    other = f"{r['other'] * 100:.1f} %" if "other" in r else ""
    return (f"| {name} | {what} | {r['acked']:,} | {r['kafka_lost']:,} | {r['store_lost']:,} | {r['kafka_again']:,} | "
            f"{r['store_again']:,} | {other} | {r['grown']:.0f} |")


def main():
    parser = process.parser(__doc__)
    parser.add_argument("--rate", type=float, default=5000)
    parser.add_argument("--warm", type=float, default=25, help="seconds before the fault: buffers that are always kept fill")
    parser.add_argument("--seconds", type=float, default=15, help="after it, and after a far side's return")
    parser.add_argument("--stop", type=float, default=60)
    parser.add_argument("--case", action="append", choices=["none", "kill", "stop"])
    parser.add_argument("--pipeline", action="append", help="only those whose name begins so")
    options = process.prepared(parser)
    options.case = options.case or ["none", "kill", "stop"]
    lines = list(HEAD)
    print("\n".join(HEAD), flush=True)
    for name, make, what, fault, target in cases(options):
        with tempfile.TemporaryDirectory(prefix="penstock-bench-") as scratch:
            lines.append(row(name, what, run(make, fault, target, options, scratch)))
        print(lines[-1], flush=True)
    if options.write:
        head = ["# A killed process and a dead far side", "", " ".join(__doc__.split("\n\n")[0].split()), "",
                f"Command: `{' '.join(['bench/demonstration.py', *sys.argv[1:]])}`; {process.machine()}. "
                f"{options.rate:,.0f} events/s at QoS 1.", ""]
        (process.ROOT / "bench/DEMONSTRATION.md").write_text("\n".join(head + lines) + "\n")


if __name__ == "__main__":
    main()
