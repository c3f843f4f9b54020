"""P10: how soon a killed node takes records again, and how fast a sink catches up with what lies in the journal."""
import pathlib
import threading
import time

from .servers import total
from support.cost import cpu_ns
from support.daemon import STREAMS, Daemon, eventually
from support.load import Load
from oracle.mqtt import Client, Closed

EVENT = b'{"deviceId":"w-first","heartRate":80,"steps":1,"timestamp":1750000000000}'
# It takes nothing, but reads every record.
NULL_SINK = 'sinks:\n  nothing: { type: line_protocol, endpoint: "http://127.0.0.1:9", streams: [none], settle: 0s }\n'
NO_STREAM = '  none: { topics: ["none"] }\n'


def fill(daemon, size):
    """Loads until the journal has this size; returns the records in it. The load ends with the kill of the node."""
    with Load(daemon.mqtt, "--qos 1 --k 16 --window 64 --connections 100", messages=10**10, reconnect=True,
              patience=5) as load:
        eventually(lambda: total(daemon.metrics(), "penstock_journal_size_bytes") >= size, 3600, 0.5, "a full journal")
        records = total(daemon.metrics(), "penstock_journal_records_total")
        daemon.kill()
        load.stop()
    return records


def first_accept(daemon):
    """Seconds from the start of the process to the first acknowledgement, and the bytes it had read by then."""
    began = time.monotonic()
    starting = threading.Thread(target=daemon.start, kwargs={"wait": 300})
    starting.start()
    eventually(lambda: daemon.process.poll() is None, 10, 0.001, "a process")
    while True:
        try:
            client = Client(daemon.mqtt, "first", timeout=60)
            client.publish_and_wait("iot/wearable/data", EVENT, timeout=60)
            break
        except (OSError, Closed):
            time.sleep(0.005)
    seconds = time.monotonic() - began
    io = dict(line.split(": ") for line in pathlib.Path(f"/proc/{daemon.process.pid}/io").read_text().splitlines())
    starting.join()
    client.close()
    return seconds, int(io["rchar"])


def recovery(gib):
    with Daemon(streams=STREAMS + NO_STREAM, extra="shards: 1\njournal: { retain_size: 1000GiB }\n") as daemon:
        daemon.start()
        records = fill(daemon, gib * 2**30)
        daemon.process.wait()
        daemon.sinks = NULL_SINK
        daemon.write_config()
        seconds, read = first_accept(daemon)
        start, cpu = time.monotonic(), cpu_ns(daemon.process.pid)
        eventually(daemon.caught_up, 3600, 0.02, "caught up")
        caught_up = time.monotonic() - start + seconds
        cpu = cpu_ns(daemon.process.pid) - cpu
        got = total(daemon.metrics(), "penstock_sink_filtered_records_total")
    void = "" if got >= records else f" VOID: {got:.0f} of {records:.0f} records came"
    return [f"P10: journal of {gib:g} GiB ({records:,.0f} records), killed and started: first accept after {seconds:.2f} s, "
            f"{read / 2**20:.1f} MiB read by then; a sink that takes nothing had read all of it after {caught_up:.1f} s "
            f"({records / caught_up:,.0f} records/s, at most {cpu / 1000 / records:.2f} CPU us each).{void}"]
