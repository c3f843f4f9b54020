"""The disk becomes full and empty again, over and over, under load: nothing acknowledged is lost, nothing is left behind. (T9)

PENSTOCK_DISK_FILLS: how often (default 4). PENSTOCK_SEED: printed.
"""
import errno
import os
import random
import sys
import time
import unittest

from support.daemon import Daemon, eventually
from support.judgement import judge
from support.power import LoopMount, why_not

from oracle import devices
from oracle.payload import payload
from oracle.verdict import Book

SINKS = 'sinks:\n  lake: {{ type: archive, local: {{ directory: "{lake}" }}, window: {{ age: 300ms }} }}\n'
# Room for sixty segments; the hard mark, not the last byte, is what it should stop at when it can.
JOURNAL = "journal: { segment_size: 1MiB, record_max: 256KiB, batch_size: 256KiB, disk_enough: 0, retain_size: 8MiB }\n"
DEVICES = 12


def fill(path, leave):
    """Takes all the space but `leave` bytes, as somebody else's file."""
    with open(path, "wb") as file:
        try:
            while True:
                space = os.statvfs(path.parent)
                free = space.f_bavail * space.f_frsize - leave
                if free <= 0:
                    return
                file.write(bytes(min(free, 1 << 20)))
                file.flush()
        except OSError as e:
            if e.errno != errno.ENOSPC:
                raise


def refused(daemon, book):
    try:
        record = payload("probe", book.issue("probe"))
        status, _, headers = daemon.post("/v1/ingest/wearables", record, timeout=2)
    except OSError:     # taken, and waits for space: whoever comes next is refused
        return False
    return status == 503 and "Retry-After" in headers


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


class DiskFull(unittest.TestCase):
    def cycle(self, daemon, disk, book, leave, restart):
        filler = disk.mount / "filler"
        fill(filler, leave)
        eventually(lambda: refused(daemon, book), 60, 0.05, "the intake closes")
        if restart:     # a start on a full disk has to work: nothing else could make room
            daemon.kill()
            daemon.start(until="/live")
        self.assertIsNone(daemon.process.poll())
        before = len(book.acked)
        began = time.monotonic()
        filler.unlink()
        eventually(lambda: len(book.acked) > before + 100, 60, 0.02, "records are taken again")
        return time.monotonic() - began

    def test_nothing_acknowledged_is_lost_and_nothing_left_behind(self):
        fills = int(os.environ.get("PENSTOCK_DISK_FILLS", "4"))
        seed = int(os.environ.get("PENSTOCK_SEED", time.time_ns() % 1_000_000))
        print(f"PENSTOCK_DISK_FILLS={fills} PENSTOCK_SEED={seed}", flush=True)
        dice = random.Random(seed)
        book = Book()
        with LoopMount("ext4", size=64 << 20) as disk, Daemon() as daemon:
            lake = daemon.dir / "lake"
            daemon.data = disk.mount / "data"
            daemon.sinks, daemon.extra = SINKS.format(lake=lake), JOURNAL
            daemon.write_config()
            daemon.start()
            playing = devices.fleet(book, DEVICES, daemon.mqtt, daemon.http)
            for device in playing:
                device.start()
            eventually(lambda: len(book.acked) > 500, 60, what="acknowledgements")
            took, open_before = [], descriptors(daemon)
            for i in range(fills):
                # To the last byte, or with some room for small files.
                leave = dice.choice([0, 0, 600 << 10, 2 << 20])
                took.append(self.cycle(daemon, disk, book, leave, restart=i % 5 == 2))
            print(f"taken again after {max(took):.2f} s at most, {sum(took) / len(took):.2f} s on average")
            devices.stop(playing)
            judge(self, book, daemon, archive=lake, history=False)
            self.assertLess(descriptors(daemon), open_before + 20)
            self.assertEqual(daemon.stop(), 0, daemon.log()[-2000:])
            left = [path.name for path in daemon.data.rglob("*") if path.name.endswith((".tmp", ".prepared"))]
            self.assertEqual(left, [])
            segments = list((daemon.data / "journal").glob("*.segment"))
            self.assertLess(sum(path.stat().st_size for path in segments), 12 << 20, "retention makes room")


if __name__ == "__main__":
    reason = why_not("ext4")
    if reason:
        print(f"SKIPPED: {reason}")
        sys.exit(77)
    unittest.main()
