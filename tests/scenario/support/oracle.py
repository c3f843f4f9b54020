"""The independent oracle: what was issued, what was acknowledged, what came out; and the verdict.

A payload carries device, a number that counts per device, and a checksum over both; nothing of Penstock is used to read it.
"""
import collections
import json
import zlib

BASE_MS = 1_750_000_000_000


def checksum(device, number):
    return zlib.crc32(f"{device}:{number}".encode())


def payload(device, number, heart_rate=80):
    """One wearable event; the event time is unique per device and number."""
    return json.dumps({"deviceId": device, "heartRate": heart_rate, "steps": number, "timestamp": BASE_MS + number,
                       "check": checksum(device, number)}).encode()


class Ledger:
    def __init__(self):
        self.issued = collections.Counter()
        self.acked = set()      # (device, number)

    def issue(self, device):
        self.issued[device] += 1
        return self.issued[device]

    def ack(self, device, number):
        self.acked.add((device, number))

    def verdict(self, delivered):
        """`delivered`: (device, number, check, lsn) in the order of delivery per device; check or lsn may be None."""
        seen = collections.Counter()
        high = {}
        corrupted = out_of_order = 0
        for device, number, check, lsn in delivered:
            if check is not None and check != checksum(device, number):
                corrupted += 1
                continue
            seen[(device, number)] += 1
            if lsn is not None:
                # A reader that drops what is not above the highest LSN it has seen of that device must miss nothing,
                # so a first sight below the highest is a fault.
                if seen[(device, number)] == 1 and lsn <= high.get(device, 0):
                    out_of_order += 1
                high[device] = max(high.get(device, 0), lsn)
        lost = [key for key in self.acked if key not in seen]
        return {
            "issued": sum(self.issued.values()), "acknowledged": len(self.acked), "delivered": len(seen),
            "lost": len(lost), "duplicated": sum(n - 1 for n in seen.values()), "out_of_order": out_of_order,
            "corrupted": corrupted, "examples": sorted(lost)[:5],
        }


def from_enriched(values):
    """Enriched JSON objects (parsed) to what verdict() takes."""
    return [(v["deviceId"], v["steps"], v.get("check"), v["_penstock"]["lsn"]) for v in values]
