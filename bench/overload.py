#!/usr/bin/env python3
"""T10: ten times what the node can take, for a minute: memory, goodput, loss, and how soon it is over.

Usage: bench/overload.py [--seconds 60] [--build DIR]
Devices that wait for their acknowledgements (QoS 1) offer ten times the most that they got through before, and give up
what they cannot send; others flood the node at QoS 0 meanwhile. A sink archives everything, and is read afterwards.
"""
import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from measure import process  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--build", type=pathlib.Path, help="an optimised build to take in place of build/bench")
    options = parser.parse_args()
    process.use(options.build) if options.build else process.build()
    from support.overload import overload
    r = overload(options.seconds)
    print(process.machine())
    print(f"most at QoS 1 before            {r['most_per_second']:>12,.0f} events/s\n"
          f"on offer for {options.seconds:.0f} s at QoS 1       {r['offered_per_second']:>12,.0f} events/s\n"
          f"taken (QoS 1 and the flood)     {r['goodput_per_second']:>12,.0f} events/s, "
          f"{r['goodput_per_second'] / r['most_per_second'] * 100:.0f} % of the most (target: 90)\n"
          f"acknowledged and lost           {r['lost']:>12} of {r['acked']:,}\n"
          f"memory                          {r['memory'] / 2**20:>12.0f} MiB; memory_limit {r['limit'] / 2**20:.0f} MiB\n"
          f"back to normal after            {r['recovered_seconds']:>12.2f} s (target: 5)\n"
          f"told to wait                    {r['busy']:>12,.0f} times; connections lost: {r['lost_connections']}")


if __name__ == "__main__":
    main()
