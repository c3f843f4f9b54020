#!/usr/bin/env python3
"""T10: ten times what the node can take, for a minute: memory, goodput, loss, and how soon it is over.

Usage: bench/overload.py [--seconds 60] [--build DIR] [--write]
Devices that wait for their acknowledgements (QoS 1) offer ten times the most that they got through before, and give up
what they cannot send; others flood the node at QoS 0 meanwhile. A sink archives everything, and is read afterwards.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from measure import process, results  # noqa: E402


def main():
    parser = process.parser(__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    options = process.prepared(parser)
    from support.overload import overload
    r = overload(options.seconds)
    heading = f"T10: ten times what the node can take, for {options.seconds:.0f} s"
    with results.section(heading, options.write) as say:
        say("| | | |\n|---|---|---|")
        say(f"| most at QoS 1 before | {r['most_per_second']:,.0f} events/s | |")
        say(f"| on offer at QoS 1 | {r['offered_per_second']:,.0f} events/s | |")
        say(f"| taken (QoS 1 and the flood) | {r['goodput_per_second']:,.0f} events/s | "
            f"{r['goodput_per_second'] / r['most_per_second'] * 100:.0f} % of the most (target: 90) |")
        say(f"| acknowledged and lost | {r['lost']} | of {r['acked']:,} |")
        say(f"| memory | {r['memory'] / 2**20:.0f} MiB | `memory_limit` {r['limit'] / 2**20:.0f} MiB |")
        say(f"| back to normal after | {r['recovered_seconds']:.2f} s | target: 5 s |")
        say(f"| told to wait | {r['busy']:,.0f} times | connections lost: {r['lost_connections']} |")


if __name__ == "__main__":
    main()
