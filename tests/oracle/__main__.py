"""Plays devices against a running node, then judges what its far sides hold.

  python3 tests/oracle play  --book FILE --mqtt PORT --http PORT [--seconds 10] [--devices 12]
  python3 tests/oracle judge --book FILE [--kafka BROKERS/TOPIC] [--series URL] [--archive DIR] [--history PORT]
                             [--ledger PORT] [--stream wearables]

play notes in FILE what was issued and what was acknowledged; it goes on where an earlier run ended. judge prints a line
for each far side and ends with 1 when anything acknowledged is lost, out of order, doubled or corrupted, or when a ledger does not
balance. Judge when the sinks have caught up: `--ledger` (the admin port) waits for that, at most --wait seconds.
"""
import argparse
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from oracle import devices, far_sides, ledger  # noqa: E402
from oracle.verdict import Book  # noqa: E402


def play(options):
    book = Book.load(options.book) if options.book.exists() else Book()
    playing = devices.fleet(book, options.devices, options.mqtt, options.http)
    for device in playing:
        device.start()
    time.sleep(options.seconds)
    devices.stop(playing)
    book.save(options.book)
    print(f"issued {sum(book.issued.values())}, acknowledged {len(book.acked)}")
    return 0


def judge(options):
    book = Book.load(options.book)
    sound = True
    if options.ledger:
        ledger.wait_until_settled(options.ledger, options.wait)
        problems = ledger.problems(options.ledger)
        print("ledger:", "; ".join(problems) if problems else "balances")
        sound = not problems
    sides = {}
    if options.kafka:
        sides["kafka"] = (far_sides.from_kafka(*options.kafka.rsplit("/", 1)), True)
    if options.series:
        sides["series"] = (far_sides.from_series(options.series, options.stream), False)
    if options.archive:
        sides["archive"] = (far_sides.from_archive(options.archive), True)
    if options.history:
        sides["history"] = (far_sides.from_history(options.history, book.issued), False)
    for name, (delivered, ordered) in sides.items():
        verdict = book.verdict(delivered, ordered)
        print(f"{name}: {verdict}")
        sound = sound and verdict.sound
    print("sound" if sound else "NOT SOUND")
    return 0 if sound else 1


def main():
    parser = argparse.ArgumentParser(prog="oracle", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    subs = parser.add_subparsers(required=True)
    sub = subs.add_parser("play")
    sub.set_defaults(action=play)
    sub.add_argument("--book", type=pathlib.Path, required=True)
    sub.add_argument("--mqtt", type=int, required=True)
    sub.add_argument("--http", type=int, required=True)
    sub.add_argument("--seconds", type=float, default=10)
    sub.add_argument("--devices", type=int, default=12)
    sub = subs.add_parser("judge")
    sub.set_defaults(action=judge)
    sub.add_argument("--book", type=pathlib.Path, required=True)
    sub.add_argument("--kafka")
    sub.add_argument("--series")
    sub.add_argument("--archive", type=pathlib.Path)
    sub.add_argument("--history", type=int)
    sub.add_argument("--ledger", type=int)
    sub.add_argument("--wait", type=float, default=120)
    sub.add_argument("--stream", default="wearables")
    options = parser.parse_args()
    return options.action(options)


if __name__ == "__main__":
    sys.exit(main())
