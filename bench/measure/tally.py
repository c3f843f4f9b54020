"""Which of the load generator's events came to a place, how often, and how long after they were due."""
import re
import time

FIRST = 1_000_000_000


class Tally:
    """Finds number and time of sending of each event in any text, by two patterns. Not safe for threads."""

    def __init__(self, number, sent):
        self.number, self.sent = re.compile(number), re.compile(sent)
        self.times = bytearray()    # by number, at most 255
        self.buckets = {}           # milliseconds, two significant digits -> how many

    def add(self, text, now_us=None):
        now_us = time.time_ns() // 1000 if now_us is None else now_us
        for found in self.number.findall(text):
            at = int(found) - FIRST
            if at >= len(self.times):
                self.times.extend(bytes(max(at + 1, 2 * len(self.times)) - len(self.times)))
            if self.times[at] < 255:
                self.times[at] += 1
        for found in self.sent.findall(text):
            late = max(0, now_us - int(found))
            key = late if late < 100 else float(f"{late:.2g}")
            self.buckets[key] = self.buckets.get(key, 0) + 1

    def latency(self):
        """Microseconds."""
        total, seen, out = sum(self.buckets.values()), 0, {}
        for key in sorted(self.buckets):
            seen += self.buckets[key]
            for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1)):
                if name not in out and seen >= share * total:
                    out[name] = key
        return out


def compare(ledger, times):
    """(acknowledged, of them lost, events that came again) of a generator's ledger and a tally's times."""
    acked = sum(ledger)
    lost = sum(1 for n, one in enumerate(ledger) if one and not (n < len(times) and times[n]))
    return acked, lost, sum(times) - sum(1 for n in times if n)
