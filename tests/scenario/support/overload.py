"""T10: ten times what the node can take, for a while."""
import contextlib
import os
import re
import subprocess
import threading
import time

from .cost import memory
from .daemon import Daemon, eventually
from .load import Load, run
from oracle.mqtt import Client

DEVICES = "--qos 1 --k 16 --window 64 --connections 200"
FLOOD = "--qos 0 --k 16 --window 64 --connections 50 --topic iot/flood/data"
EVENT = b'{"deviceId":"probe","heartRate":80,"steps":1,"timestamp":1750000000000}'
# What the program has beside what memory_limit bounds: code, stacks, the sinks' own buffers, the allocator's reserve.
BESIDE = 96 << 20
# Small shares: the defaults are larger than a short overload could fill.
MEMORY = """
memory_limit: 192MiB
score_state: {{ memory: 32MiB }}
journal: {{ memory_tail: 32MiB, retain_size: 100GiB }}
sinks:
  lake: {{ type: archive, local: {{ directory: "{lake}" }}, window: {{ age: 1s }} }}
"""
# What need not be read again afterwards has a stream of its own, which costs the node the same.
STREAMS = """
streams:
  wearables:
    topics: ["iot/wearable/data"]
    device: { field: deviceId }
    time:   { field: timestamp }
    fields: { heartRate: { type: number, min: 20, max: 250, required: true }, steps: { type: integer, min: 0 } }
    score: [heartRate]
  flood:
    topics: ["iot/flood/data"]
    device: { field: deviceId }
    time:   { field: timestamp }
    fields: { heartRate: { type: number, min: 20, max: 250, required: true }, steps: { type: integer, min: 0 } }
    score: [heartRate]
"""
LIMIT = 192 << 20


class Watch(threading.Thread):
    """The most memory that the daemon had for itself."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.most, self.ending = pid, 0, threading.Event()

    def run(self):
        while not self.ending.wait(0.1):
            self.most = max(self.most, memory(self.pid))


@contextlib.contextmanager
def on_cores(cores):
    """Where the processes run that are started meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def halves():
    """Cores for the daemon and for those that send: what it costs to offer too much is not the daemon's loss."""
    cores = sorted(os.sched_getaffinity(0))
    half = len(cores) // 2
    return (cores[:half], cores[half:]) if half else (cores, cores)


def numbers(folder):
    """Which of the generator's numbers are in an archive's stream, as a bytearray, and how many lines there are."""
    found, lines = bytearray(), 0
    for path in sorted(folder.rglob("*wearables*/**/*.zst")):
        text = subprocess.run(["zstd", "-dcq", str(path)], capture_output=True, check=True).stdout
        lines += text.count(b"\n")
        for number in re.findall(rb'"n":(\d{10})', text):
            at = int(number) - 1_000_000_000
            if at >= len(found):
                found.extend(bytes(at + 1 - len(found)))
            found[at] = 1
    return found, lines


def seconds_until_normal(daemon):
    """How long after the overload until a new device gets its acknowledgement within 50 ms again."""
    start = time.monotonic()
    while True:
        client = Client(daemon.mqtt, "probe", timeout=30)
        began = time.monotonic()
        client.publish_and_wait("iot/flood/data", EVENT, timeout=30)
        took = time.monotonic() - began
        client.close()
        if took < 0.05 or time.monotonic() - start > 60:
            return time.monotonic() - start


def overload(seconds, times=10, calm=5.0):
    """`calm` seconds as much as goes, then `seconds` of `times` that much on offer beside a flood of QoS 0."""
    own, senders = halves()
    with Daemon(streams=STREAMS, listeners="  memory: 64MiB\n") as daemon, contextlib.ExitStack() as places:
        lake = daemon.dir / "lake"
        daemon.extra = MEMORY.format(lake=lake)
        daemon.write_config()
        with on_cores(own):
            daemon.start()
        places.enter_context(on_cores(senders))
        most = Load(daemon.mqtt, DEVICES, messages=10**9, topic="iot/flood/data")
        time.sleep(calm)
        most.stop()
        most = most.result()["per_second"]
        watch = Watch(daemon.process.pid)
        watch.start()
        ledger = daemon.dir / "ledger"
        rate = most * times
        flood = Load(daemon.mqtt, FLOOD, rate=rate, seconds=seconds, waiting=64, patience=5)
        told = run(daemon.mqtt, DEVICES, timeout=seconds + 120, rate=rate, seconds=seconds, waiting=64, patience=5,
                   stamp=True, ledger=ledger)
        flood.stop()
        flood = flood.result()
        normal = seconds_until_normal(daemon)
        watch.ending.set()
        watch.join()
        lag = 'penstock_sink_lag_records{sink="lake"}'
        eventually(lambda: daemon.metrics()[lag] == 0, 600, 0.2, "caught up")
        acked, (found, _) = ledger.read_bytes(), numbers(lake)
        lost = sum(1 for n, one in enumerate(acked) if one and not (n < len(found) and found[n]))
        metrics = daemon.metrics()
        return {
            "most_per_second": most, "offered_per_second": (told["sent"] + told["never_sent"]) / seconds,
            "flood_per_second": flood["per_second"], "acked": told["acked"], "given_up": told["never_sent"],
            "goodput_per_second": told["per_second"] + flood["per_second"], "lost": lost, "recovered_seconds": normal,
            "memory": watch.most, "limit": LIMIT,
            "busy": metrics["penstock_intake_busy_total"], "lost_connections": told["lost_connections"],
            "p99_ms": told["p99_us"] / 1000,
        }
