"""The payloads: each a pure function of device and number, so that what comes out can be compared to the last byte."""
import json
import zlib

BASE_MS = 1_750_000_000_000


def members(device, number, heart_rate=None):
    """One wearable event. The event time is unique per device and number; sizes vary, so that frames and pages do."""
    body = {"deviceId": device, "heartRate": 60 + number % 81 if heart_rate is None else heart_rate, "steps": number,
            "timestamp": BASE_MS + number}
    if heart_rate is None:
        body["note"] = "n" * (number * 7 % 151)
    return {**body, "check": checksum(body)}


def checksum(body):
    return zlib.crc32(json.dumps(body, sort_keys=True).encode())


def payload(device, number, heart_rate=None):
    return json.dumps(members(device, number, heart_rate)).encode()
