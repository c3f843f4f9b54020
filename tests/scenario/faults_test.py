"""T7, T8: a far side that is stopped, hung, slow, resetting or refusing harms nobody else, and gets everything after it.

bench/faults.py is the long run, with figures.
PENSTOCK_FAULT_RECORDS: records taken under each fault (default 300). PENSTOCK_SEED: of what is refused.
"""
import os
import random
import unittest

from support.daemon import Daemon, eventually
from support.fault_proxy import BLOCKING, MODES, FaultProxy
from support.judgement import judge
from support.servers import S3, Kafka, Victoria

from oracle import devices, ledger
from oracle.verdict import Book

RECORDS = int(os.environ.get("PENSTOCK_FAULT_RECORDS", "300"))
SEED = int(os.environ.get("PENSTOCK_SEED", random.randrange(1 << 32)))
# Short waits, so that a fault costs the test little. VictoriaMetrics is not killed here: what it confirms, it keeps.
SINKS = """
sinks:
  events:
    {{ type: kafka, brokers: ["127.0.0.1:{events}"], topic: telemetry, retry: {{ longest: 300ms }},
       options: {{ reconnect.backoff.max.ms: "300" }} }}
  series:
    {{ type: line_protocol, endpoint: "http://127.0.0.1:{series}/write", settle: 0s, timeout: 2s, batch: {{ age: 100ms }},
       retry: {{ longest: 300ms }} }}
  lake:
    type: archive
    s3: {{ endpoint: "http://127.0.0.1:{lake}", bucket: lake, access_key: penstock, secret_key: penstock-secret }}
    window: {{ age: 200ms }}
    retry: {{ longest: 300ms }}
"""


class Faults(unittest.TestCase):
    def positions(self):
        """Up to which LSN the journal is durable, and each sink is done, by its ledger."""
        seen = self.daemon.metrics()
        done = {sink: ledger.position(seen, sink) for sink in self.proxies}
        return seen["penstock_journal_durable_lsn"], done

    def disturb(self, sink, mode):
        proxy = self.proxies[sink]
        proxy.become(mode)
        start, _ = self.positions()
        eventually(lambda: self.positions()[0] >= start + RECORDS, 60, 0.02, f"ingest while {sink} is {mode}")
        taken, _ = self.positions()

        def others():
            _, done = self.positions()
            return done if all(lsn >= taken for other, lsn in done.items() if other != sink) else None
        done = eventually(others, 60, 0.02, f"the other sinks while {sink} is {mode}")
        if mode in BLOCKING:
            self.assertLess(done[sink], taken, f"the fault {mode} did not hold {sink} up")
        else:
            eventually(lambda: self.positions()[1][sink] >= taken, 60, 0.05, f"{sink} while it is {mode}")
            eventually(lambda: proxy.refused > 0, 60, 0.02, f"something refused to {sink}")
        proxy.become("pass")

    def test_t7_t8_one_far_side_in_trouble_delays_nobody_and_gets_everything_in_order(self):
        print(f"PENSTOCK_SEED={SEED}")
        book = Book()
        with FaultProxy(SEED) as events, FaultProxy(SEED + 1) as series, FaultProxy(SEED + 2) as lake:
            self.proxies = {"events": events, "series": series, "lake": lake}
            with Kafka(KAFKA_ADVERTISED=f"127.0.0.1:{events.port}") as kafka, Victoria() as victoria, S3() as s3, \
                    Daemon() as self.daemon:
                events.target, series.target, lake.target = kafka.port, victoria.port, s3.port
                self.daemon.sinks = SINKS.format(**{name: proxy.port for name, proxy in self.proxies.items()})
                self.daemon.extra = "journal: { memory_tail: 4MiB }\n"
                self.daemon.write_config()
                self.daemon.start()
                playing = devices.fleet(book, 3, self.daemon.mqtt, self.daemon.http)
                for device in playing:
                    device.start()
                eventually(lambda: min(self.positions()[1].values()) > 0, 60, 0.05, "every sink at work")
                for sink in self.proxies:
                    for mode in MODES:
                        self.disturb(sink, mode)
                devices.stop(playing)
                judge(self, book, self.daemon, kafka, victoria, s3.dir / "data" / s3.bucket)


if __name__ == "__main__":
    unittest.main()
