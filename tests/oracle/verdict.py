"""What was issued and acknowledged (Book), what came out (Delivered), and the verdict over both."""
import collections
import dataclasses
import json
import threading
import typing

from .payload import members


class Delivered(typing.NamedTuple):
    """One record at a far side. A list of these stands in the order of delivery."""
    device: str
    number: int
    whole: bool         # every member that the far side keeps is what was sent
    identity: tuple | None = None   # (journal, LSN), where the far side keeps it


def from_enriched(values):
    """Enriched JSON objects, parsed."""
    for value in values:
        device, number = value.get("deviceId"), value.get("steps")
        sent = members(device, number) if isinstance(number, int) else {}
        whole = bool(sent) and all(value.get(name) == member for name, member in sent.items())
        own = value.get("_penstock", {})
        yield Delivered(device, number, whole, (own.get("journal"), own.get("lsn")))


@dataclasses.dataclass
class Verdict:
    issued: int
    acknowledged: int
    delivered: int = 0      # different records
    lost: int = 0           # acknowledged, and not there
    duplicated: int = 0     # there again, under the identity that it had before: allowed
    doubled: int = 0        # there again under another identity: a reader cannot tell
    out_of_order: int = 0   # a device's record first seen after one that came later
    corrupted: int = 0      # other than it was sent, or never sent
    examples: list = dataclasses.field(default_factory=list)
    devices: dict = dataclasses.field(default_factory=dict)     # out of order, by device

    @property
    def sound(self):
        return not (self.lost or self.doubled or self.out_of_order or self.corrupted)

    def __str__(self):
        words = [f"{name.replace('_', ' ')} {getattr(self, name)}" for name in (
            "issued", "acknowledged", "delivered", "lost", "duplicated", "doubled", "out_of_order", "corrupted")]
        words += [f"({', '.join(f'{d}: {n}' for d, n in sorted(self.devices.items()))})"] if self.devices else []
        words += [f"such as {self.examples}"] if self.examples else []
        return ", ".join(words)


class Book:
    """Numbers given out per device, and those acknowledged. Threads: any."""

    def __init__(self):
        self.lock = threading.Lock()
        self.issued = collections.Counter()
        self.acked = set()      # (device, number)

    def issue(self, device):
        with self.lock:
            self.issued[device] += 1
            return self.issued[device]

    def ack(self, device, number):
        with self.lock:
            self.acked.add((device, number))

    def save(self, path):
        acked = collections.defaultdict(list)
        for device, number in sorted(self.acked):
            acked[device].append(number)
        path.write_text(json.dumps({"issued": self.issued, "acknowledged": acked}))

    @classmethod
    def load(cls, path):
        kept, book = json.loads(path.read_text()), cls()
        book.issued.update(kept["issued"])
        book.acked = {(device, number) for device, numbers in kept["acknowledged"].items() for number in numbers}
        return book

    def verdict(self, delivered, ordered=True):
        """`ordered` False: the far side does not keep the order of delivery."""
        out = Verdict(sum(self.issued.values()), len(self.acked))
        seen, highest, highest_acked, out_of_order, faults = {}, {}, {}, collections.Counter(), []
        numbers = {}    # identity -> record: no identity stands for two
        for one in delivered:
            key = (one.device, one.number)
            if not one.whole or not isinstance(one.number, int) or not 0 < one.number <= self.issued[one.device] \
                    or (one.identity and numbers.setdefault(one.identity, key) != key):
                out.corrupted += 1
                faults.append(("corrupted", *key))
                continue
            if key in seen:
                out.duplicated += seen[key] == one.identity
                out.doubled += seen[key] != one.identity
                continue
            seen[key] = one.identity
            late = False
            if ordered and one.identity:
                # A reader that drops what is not above the highest LSN it has seen of that device must miss nothing.
                late = one.identity[1] <= highest.get((one.device, one.identity[0]), 0)
                highest[(one.device, one.identity[0])] = max(
                    one.identity[1], highest.get((one.device, one.identity[0]), 0))
            if ordered and key in self.acked:
                # By the device's own numbers. What was cut off unacknowledged may have arrived at any time.
                late |= one.number < highest_acked.get(one.device, 0)
                highest_acked[one.device] = max(one.number, highest_acked.get(one.device, 0))
            if late:
                out_of_order[one.device] += 1
                faults.append(("out of order", *key))
        lost = sorted(self.acked - seen.keys())
        out.delivered, out.lost, out.out_of_order, out.devices = (
            len(seen), len(lost), sum(out_of_order.values()), dict(out_of_order))
        out.examples = [("lost", *key) for key in lost[:5]] + faults[:5]
        return out
