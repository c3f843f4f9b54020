#!/usr/bin/env python3
"""T14: a fleet comes back all at once after its node was killed, with a token, a client certificate, or a password each.

Usage: bench/reconnect.py [--clients 2000] [--build DIR] [--write]
Passwords are dear on purpose (argon2id, 46 MiB and some 50 ms of a core each), and the restart forgot which were right:
their rate is what the cores can hash. The queue in front of them is bounded, who finds it full is told to come again.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from measure import process, results  # noqa: E402


def main():
    parser = process.parser(__doc__)
    parser.add_argument("--clients", type=int, default=2000)
    options = process.prepared(parser)
    from support.storm import MEANS, QUEUE, storm
    with results.section("T14: a fleet comes back at once", options.write) as say:
        say("| means | clients | all back after the kill, s | of them down | clients/s | turned away for the time being | "
            f"longest queue of checks (bound {QUEUE}) | CPU us a client |\n|---|---|---|---|---|---|---|---|")
        for means in MEANS:
            r = storm(means, options.clients)
            say(f"| {means} | {r['clients']} | {r['seconds']:.1f} | {r['down']:.1f} | {r['per_second']:.0f} | "
                f"{r['turned_away']} | {r['longest_queue']:.0f} | {r['cpu_us']:.0f} |")


if __name__ == "__main__":
    main()
