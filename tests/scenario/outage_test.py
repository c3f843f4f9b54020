"""A dead sink harms nobody else and loses nothing; a data directory made anew is not mistaken for the old one.

PENSTOCK_OUTAGE: seconds that Kafka is away (default 8).
"""
import json
import os
import shutil
import time
import unittest

from support.daemon import Daemon, eventually
from support.judgement import judge
from support.servers import Kafka

from oracle import devices, far_sides
from oracle.payload import payload
from oracle.verdict import Book

SINKS = """
sinks:
  events: {{ type: kafka, brokers: ["{kafka}"], topic: telemetry }}
  lake:   {{ type: archive, local: {{ directory: "{lake}" }}, window: {{ age: 500ms }} }}
"""


def lag(daemon, sink):
    return sum(v for k, v in daemon.metrics().items()
               if k.startswith("penstock_sink_lag_records") and f'sink="{sink}"' in k)


class Outage(unittest.TestCase):
    def test_s08_a_dead_kafka_delays_nobody_and_gets_everything_in_order_after_its_return(self):
        seconds = float(os.environ.get("PENSTOCK_OUTAGE", "8"))
        book = Book()
        with Kafka() as kafka, Daemon() as daemon:
            lake = daemon.dir / "lake"
            daemon.sinks = SINKS.format(kafka=kafka.endpoint, lake=lake)
            # Small bounds, so that what may fill up is full before the outage is half over.
            daemon.extra = "journal: { memory_tail: 4MiB }\n"
            daemon.write_config()
            daemon.start()
            playing = devices.fleet(book, 6, daemon.mqtt, daemon.http, pause=0.05)
            for device in playing:
                device.start()
            eventually(lambda: len(book.acked) > 2000, 30, what="load before the outage")
            kafka.kill()
            time.sleep(1)
            acked = len(book.acked)
            time.sleep(seconds / 2)
            rss = daemon.rss_bytes()
            time.sleep(seconds / 2)
            during, grown = len(book.acked) - acked, daemon.rss_bytes() - rss
            print(f"{during / seconds:.0f} acknowledged/s during the outage, memory grew by {grown >> 20} MiB, "
                  f"lag kafka {lag(daemon, 'events'):.0f} lake {lag(daemon, 'lake'):.0f}")
            self.assertGreater(during, 100 * seconds)
            self.assertGreater(lag(daemon, "events"), during)
            self.assertEqual(daemon.get("/live")[0], 200)
            # Nothing may grow with the backlog.
            self.assertLess(grown, 32 << 20)
            kafka.start()
            devices.stop(playing)
            judge(self, book, daemon, kafka, archive=lake)

    def test_a_new_data_directory_is_not_mistaken_for_the_old_one(self):
        with Kafka() as kafka, Daemon() as daemon:
            lake = daemon.dir / "lake"
            daemon.sinks = SINKS.format(kafka=kafka.endpoint, lake=lake)
            daemon.write_config()
            for number in (1, 2):
                daemon.start()
                status, text, _ = daemon.post("/v1/ingest/wearables", payload("d", number))
                self.assertEqual(status, 200, text)
                eventually(lambda: lag(daemon, "events") == 0 and lag(daemon, "lake") == 0, 60, what="delivered")
                self.assertEqual(daemon.stop(), 0)
                shutil.rmtree(daemon.dir / "data")
            values = [json.loads(record[1]) for record in kafka.read("telemetry")]
            self.assertEqual([v["steps"] for v in sorted(values, key=lambda v: v["steps"])], [1, 2])
            self.assertEqual(len({v["_penstock"]["journal"] for v in values}), 2)
            archived = [v for _, v in far_sides.archive_lines(lake)]
            self.assertEqual(sorted(v["steps"] for v in archived), [1, 2])


if __name__ == "__main__":
    unittest.main()
