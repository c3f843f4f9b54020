"""The wall clock is set under load, an hour and ten years to and fro: nothing acknowledged is lost, nobody is cut off. (T13)"""
import os
import pathlib
import sys
import unittest

from support.daemon import ROOT, Daemon, eventually
from support.judgement import judge

from oracle import devices
from oracle.mqtt import Client
from oracle.verdict import Book

SET_CLOCK = pathlib.Path(os.environ.get("PENSTOCK_SET_CLOCK", ROOT / "build/dev/libset_clock.so"))
SINKS = 'sinks:\n  lake: {{ type: archive, local: {{ directory: "{lake}" }}, window: {{ age: 300ms }} }}\n'
# History is kept by age: it is to survive the ten years.
JOURNAL = "journal: { retain_time: 20000d, segment_size: 1MiB, record_max: 256KiB, batch_size: 256KiB }\n"
HOUR, YEARS = 3600, 10 * 365 * 86400
# A quarter of an hour before the clocks of Berlin go forward and back, seen from the seconds since 1970.
SUMMER, WINTER = 1774746000 - 900, 1792890000 - 900


class Clock(unittest.TestCase):
    def test_jumps_cost_nothing(self):
        book = Book()
        with Daemon() as daemon:
            clock = daemon.dir / "clock"
            env = {"LD_PRELOAD": str(SET_CLOCK), "PENSTOCK_CLOCK_FILE": str(clock), "TZ": "Europe/Berlin"}
            lake = daemon.dir / "lake"
            daemon.sinks, daemon.extra = SINKS.format(lake=lake), JOURNAL
            daemon.write_config()
            clock.write_text("0")
            daemon.start(env=env)
            playing = devices.fleet(book, 12, daemon.mqtt, daemon.http)
            for device in playing:
                device.start()
            quiet = Client(daemon.mqtt, "quiet", keepalive=300)
            now = int(clock.stat().st_mtime)
            for to in (HOUR, -HOUR, 0, YEARS, -YEARS, 0, SUMMER - now, SUMMER - now + 1800, WINTER - now, WINTER - now + 1800):
                whole = clock.with_suffix(".new")
                whole.write_text(str(to))
                whole.replace(clock)
                before = len(book.acked)
                eventually(lambda b=before: len(book.acked) > b + 300, 60, what=f"acknowledgements with the clock at {to:+} s")
                quiet.ping()    # still connected
                if to in (YEARS, -YEARS):
                    quiet.close(polite=False)
                    daemon.kill()
                    daemon.start(env=env)
                    quiet = Client(daemon.mqtt, "quiet", keepalive=300)
            quiet.close()
            devices.stop(playing)
            # A window is split by event hours, and those of the records that arrived before 2025 jump to and fro.
            judge(self, book, daemon, archive=lake, ordered=False)
            seen = daemon.metrics()
            self.assertEqual(seen["penstock_journal_cursor_ahead_total"], 0)
            self.assertEqual(seen["penstock_journal_lost_lsns_total"], 0)
            self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    if os.environ.get("PENSTOCK_SANITIZED"):
        print("SKIPPED: a sanitizer wants to be loaded first")
        sys.exit(77)
    unittest.main()
