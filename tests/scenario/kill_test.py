"""SIGKILL under load over MQTT and HTTP: what was acknowledged is in every sink. (T1)

Every other kill comes at a random moment; the others at once on an acknowledgement, by the thread that reads it: what
was acknowledged too early is then still in the memory of the process, and lost with it.

PENSTOCK_KILLS: how often (default 3). PENSTOCK_SEED: of the moments; printed, so that a failure can be replayed.

The long programme runs rounds of kills, each judged by itself, and goes on where it was interrupted:
  python3 tests/scenario/kill_test.py --programme 300 [--minutes 8] [--state build/kill-programme.json]
"""
import os
import random
import time
import unittest

from support.daemon import Daemon, eventually
from support.judgement import judge
from support.programme import main
from support.servers import Kafka, Victoria

from oracle import devices, ledger
from oracle.verdict import Book

SINKS = """
sinks:
  events:  {{ type: kafka, brokers: ["{kafka}"], topic: telemetry }}
  metrics: {{ type: line_protocol, endpoint: "{victoria}/write", tags: [deviceId, status], settle: 0s }}
  lake:    {{ type: archive, local: {{ directory: "{lake}" }}, window: {{ age: 500ms }} }}
"""
DEVICES = 12
BETWEEN = 200   # acknowledgements before the next kill
ROUND = 10      # kills of a round of the programme


def kill_and_restart(daemon, playing, at_an_acknowledgement, dice):
    time.sleep(dice.uniform(0.0, 1.0))
    if at_an_acknowledgement:
        dice.choice([device for device in playing if device.means != "mqtt0"]).on_ack = daemon.process.kill
        daemon.process.wait(30)
    else:
        daemon.kill()
    daemon.start()


def kill_round(test, kills, seed):
    """Servers, a daemon, devices; kills; the verdict. Returns figures."""
    dice = random.Random(seed)
    book = Book()
    with Kafka() as kafka, Victoria() as victoria, Daemon() as daemon:
        lake = daemon.dir / "lake"
        daemon.sinks = SINKS.format(kafka=kafka.endpoint, victoria=victoria.endpoint, lake=lake)
        # Small segments: a kill may hit the change from one to the next.
        if dice.choice([True, False]):
            daemon.extra = "journal: { segment_size: 2MiB, record_max: 256KiB, batch_size: 256KiB }\n"
        daemon.write_config()
        daemon.start()
        playing = devices.fleet(book, DEVICES, daemon.mqtt, daemon.http)
        for device in playing:
            device.start()
        for i in range(kills + 1):
            before = len(book.acked)
            eventually(lambda b=before: len(book.acked) > b + BETWEEN, 60, what="acknowledgements after a start")
            test.assertEqual(daemon.metrics()["penstock_journal_cursor_ahead_total"], 0)
            test.assertEqual(ledger.problems(daemon.admin), [])
            if i < kills:
                kill_and_restart(daemon, playing, i % 2 == 0, dice)
        devices.stop(playing)
        verdicts = judge(test, book, daemon, kafka, victoria, lake)
    return {"seed": seed, "kills": kills, "issued": sum(book.issued.values()), "acknowledged": len(book.acked),
            "lost": sum(v.lost for v in verdicts.values()), "sound": all(v.sound for v in verdicts.values()),
            "duplicated": {name: v.duplicated for name, v in verdicts.items()}}


class Kill(unittest.TestCase):
    def test_nothing_acknowledged_is_lost_in_any_sink(self):
        kills = int(os.environ.get("PENSTOCK_KILLS", "3"))
        seed = int(os.environ.get("PENSTOCK_SEED", time.time_ns() % 1_000_000))
        print(f"PENSTOCK_KILLS={kills} PENSTOCK_SEED={seed}")
        kill_round(self, kills, seed)


if __name__ == "__main__":
    main(__doc__, kill_round, ROUND, "kills", "kill-programme")
