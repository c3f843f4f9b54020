"""The power fails under load over MQTT and HTTP: what was acknowledged is in the journal and in every sink. (T2)

The data directory and the archive lie on ext4 or XFS, on a disk that keeps, drops or tears each write that was not flushed.

PENSTOCK_POWER_CUTS: how often (default 5). PENSTOCK_SEED: of the moments and of what the disk keeps; printed.

The long programme runs rounds of cuts, each on a new disk and judged by itself, and goes on where it was interrupted:
  python3 tests/scenario/power_cut_test.py --programme 500 [--kind xfs] [--minutes 8] [--state build/power-programme.json]
"""
import os
import random
import sys
import time
import unittest

from support.daemon import Daemon, eventually
from support.judgement import judge
from support.power import PowerDisk, why_not
from support.programme import main

from oracle import devices
from oracle.verdict import Book

SINKS = 'sinks:\n  lake: {{ type: archive, local: {{ directory: "{lake}" }}, window: {{ age: 300ms }} }}\n'
# Small segments: a cut may hit the change from one to the next, and retention.
JOURNAL = ("journal: {{ io: {io}, segment_size: 1MiB, record_max: 256KiB, batch_size: 256KiB, disk_enough: 16MiB,"
           " retain_size: {retain} }}\n")
DEVICES = 12
BETWEEN = 100   # acknowledgements between two cuts
ROUND = 10      # cuts of a round of the programme


def cut_and_restart(test, disk, daemon, dice):
    time.sleep(dice.uniform(0.0, 0.6))
    became = disk.cut(dice.randrange(1 << 32))
    daemon.kill()
    disk.up()
    daemon.start()
    seen = daemon.metrics()
    test.assertEqual(seen["penstock_journal_cursor_ahead_total"], 0, became)
    test.assertEqual(seen["penstock_journal_lost_lsns_total"], 0, became)
    test.assertEqual(sum(v for k, v in seen.items() if k.startswith("penstock_journal_cursor_unreadable_total")), 0, became)
    return became


def cut_round(test, cuts, seed, kind="ext4", lie=False):
    """A disk, a daemon, devices; cuts; the verdict. Returns figures."""
    dice = random.Random(seed)
    book = Book()
    with PowerDisk(kind, lie) as disk, Daemon() as daemon:
        lake = disk.mount / "lake"
        daemon.data = disk.mount / "data"
        daemon.sinks = SINKS.format(lake=lake)
        history = dice.choice([True, False])
        daemon.extra = JOURNAL.format(io=dice.choice(["auto", "sync"]), retain="128MiB" if history else "2MiB")
        daemon.write_config()
        daemon.start()
        playing = devices.fleet(book, DEVICES, daemon.mqtt, daemon.http)
        for device in playing:
            device.start()
        for i in range(cuts + 1):
            before = len(book.acked)
            eventually(lambda b=before: len(book.acked) > b + BETWEEN, 60, what="acknowledgements after a start")
            if i < cuts:
                print(f"cut {i + 1}: {cut_and_restart(test, disk, daemon, dice)}", flush=True)
        devices.stop(playing)
        whole = daemon.metrics()["penstock_journal_oldest_lsn"] == 1    # on a fast machine retention had to take some
        verdict = judge(test, book, daemon, archive=lake, history=history and whole)["archive"]
        daemon.stop()
    return {"seed": seed, "kind": kind, "cuts": cuts, "issued": sum(book.issued.values()), "acknowledged": len(book.acked),
            "lost": verdict.lost, "duplicated": verdict.duplicated}


class PowerCut(unittest.TestCase):
    def test_nothing_acknowledged_is_lost(self):
        cuts = int(os.environ.get("PENSTOCK_POWER_CUTS", "5"))
        seed = int(os.environ.get("PENSTOCK_SEED", time.time_ns() % 1_000_000))
        kinds = [kind for kind in ("ext4", "xfs") if why_not(kind, PowerDisk) is None]
        for i, kind in enumerate(kinds):
            share = cuts // len(kinds) + (i < cuts % len(kinds))
            print(f"PENSTOCK_POWER_CUTS={cuts} PENSTOCK_SEED={seed}: {share} on {kind}", flush=True)
            cut_round(self, share, seed, kind)

    def test_a_disk_that_lies_about_flushes_is_found_out(self):
        """Without this one could not tell a sound journal from cuts that do no harm."""

        class Lied(unittest.TestCase):
            def runTest(self):
                cut_round(self, 3, 1, "ext4", lie=True)

        result = unittest.TestResult()
        Lied().run(result)
        self.assertFalse(result.wasSuccessful())


if __name__ == "__main__":
    reason = why_not("ext4", PowerDisk)
    if reason:
        print(f"SKIPPED: {reason}")
        sys.exit(77)
    main(__doc__, cut_round, ROUND, "cuts", "power-programme", kind="ext4")
