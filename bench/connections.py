#!/usr/bin/env python3
"""T12: many quiet connections. User memory each, plain and TLS, and what the node spends on them.

Usage: bench/connections.py [--count 18000] [--build DIR] [--write]
Opens them in steps, so that a memory that does not grow in proportion shows. The kernel's memory for the sockets is not
counted. One process may open so many files only (ulimit -n): that bounds the count.
"""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from measure import process, results  # noqa: E402
from measure.servers import Penstock, total  # noqa: E402
from support.cost import cpu_ns, memory  # noqa: E402
from support.daemon import eventually  # noqa: E402
from support.load import Load  # noqa: E402

QUIET = 10_000
LIMIT = {False: 1024, True: 17 * 1024}


def idle_cpu(pid, seconds):
    before, start = cpu_ns(pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_ns(pid) - before) / 1e9 / (time.monotonic() - start)


def connected(server):
    return total(server.daemon.metrics(), "penstock_connections")


def open_many(tls, count, seconds):
    """[(connections, bytes of memory)], share of a core while idle, seconds to connect the last step"""
    server = Penstock(tls=tls)
    loads, points = [], []
    share = None
    try:
        # What the first connection of each kind brings with it is not a matter of the rest.
        steps = [100, *range(5_000, count, 5_000), count]
        have = 0
        for step in steps:
            start = time.monotonic()
            loads.append(Load(server.port, connections=step - have, idle=86_400, tls=tls, client=f"quiet-{step}"))
            loads[-1].line()
            took = time.monotonic() - start
            eventually(lambda want=step: connected(server) >= want, 60, what="all connected")
            time.sleep(3)
            points.append((step, memory(server.pids[0])))
            have = step
            if have >= QUIET and share is None:
                share = (have, idle_cpu(server.pids[0], seconds))
        rate = (steps[-1] - steps[-2]) / took
        return points, share, rate
    finally:
        for load in loads:
            load.__exit__()
        server.close()


def main():
    parser = process.parser(__doc__)
    parser.add_argument("--count", type=int, default=18_000)
    parser.add_argument("--seconds", type=float, default=20, help="over which idle CPU is measured")
    options = process.prepared(parser)
    with results.section("T12: quiet connections", options.write) as say:
        compare(options, say)


def compare(options, say):
    say("| | connections | user memory each, bytes | between steps | limit | idle CPU, % of a core | connects/s |\n"
        "|---|---|---|---|---|---|---|")
    for tls in (False, True):
        points, share, rate = open_many(tls, options.count, options.seconds)
        (n0, m0), (n1, m1) = points[0], points[-1]
        each = (m1 - m0) / (n1 - n0)
        steps = ", ".join(f"{(b[1] - a[1]) / (b[0] - a[0]):.0f}" for a, b in zip(points, points[1:]))
        say(f"| {'TLS' if tls else 'plain'} | {n1} | {each:.0f} | {steps} | {LIMIT[tls]}"
            f"{'' if each <= LIMIT[tls] else ' MISSED'} | "
            f"{f'{share[1] * 100:.2f} with {share[0]}' if share else '-'} | {rate:.0f} |")


if __name__ == "__main__":
    main()
