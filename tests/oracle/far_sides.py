"""Reads back what the far sides hold, with their own tools, in the order of delivery."""
import http.client
import json
import pathlib
import subprocess
import urllib.parse
import urllib.request

from .payload import BASE_MS, members
from .verdict import Delivered, from_enriched


def kafka_records(brokers, topic, timeout=60):
    """All records of a topic (none before it is there): (key, value as text, headers, partition, offset), in order."""
    form = '{"p":%p,"o":%o,"k":"%k","h":"%h"}\x1f%s\x1e'
    done = subprocess.run(
        ["kcat", "-b", brokers, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f", form,
         "-X", "topic.metadata.refresh.interval.ms=500"],
        capture_output=True, timeout=timeout, check=False)
    if b"Unknown topic" in done.stderr:
        return []  # it comes with the first record
    if done.returncode:
        raise RuntimeError(f"kcat: {done.stderr.decode(errors='replace')[-1000:]}")
    out = []
    for item in done.stdout.decode().split("\x1e"):
        if "\x1f" not in item:
            continue
        head, value = item.split("\x1f", 1)
        head = json.loads(head, strict=False)
        headers = dict(h.split("=", 1) for h in head["h"].split(",") if "=" in h)
        out.append((head["k"], value, headers, head["p"], head["o"]))
    return sorted(out, key=lambda record: record[3:])


def archive_objects(folder):
    """Every object of an archive: (path, lines), by the LSNs of their window, then by stream and hour."""
    def window(path):
        return path.name.split("-", 1)[1], path     # <journal>-<first LSN>-<last LSN>.ndjson.zst
    for path in sorted(pathlib.Path(folder).rglob("*.ndjson.zst"), key=window):
        data = subprocess.run(["zstd", "-dcq", str(path)], capture_output=True, check=True).stdout
        yield path.relative_to(folder), data.splitlines()


def archive_lines(folder):
    """Every line of an archive: (object path, parsed), in the order of archive_objects()."""
    return [(path, json.loads(line)) for path, lines in archive_objects(folder) for line in lines]


def series(endpoint, match='{__name__!=""}'):
    """VictoriaMetrics: [(labels, [(ms, value)])]"""
    with urllib.request.urlopen(f"{endpoint}/internal/force_flush", timeout=20):
        pass
    url = f"{endpoint}/api/v1/export?" + urllib.parse.urlencode({"match[]": match})
    with urllib.request.urlopen(url, timeout=60) as answer:
        rows = [json.loads(line) for line in answer.read().splitlines()]
    return [(r["metric"], list(zip(r["timestamps"], r["values"]))) for r in rows]


def get_json(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {text[:200]}")
        return json.loads(text)
    finally:
        connection.close()


def history_pages(admin, device):
    """A device's records, newest first, as the query API gives them."""
    after = ""
    while after is not None:
        page = get_json(admin, f"/v1/devices/{urllib.parse.quote(device, safe='')}/history?limit=10000"
                        + (f"&after={urllib.parse.quote(str(after), safe='')}" if after else ""))
        yield from page["records"]
        after = page["next"]


# ---- each as Delivered

def from_kafka(brokers, topic):
    return list(from_enriched(json.loads(record[1]) for record in kafka_records(brokers, topic)))


def from_archive(folder):
    return list(from_enriched(value for _, value in archive_lines(folder)))


def from_series(endpoint, stream="wearables"):
    """Points carry no identity, and a store keeps one of equal series and time."""
    rates = {(labels["deviceId"], ms): value
             for labels, points in series(endpoint, f'{{__name__="{stream}_heartRate"}}') for ms, value in points}
    out = []
    for labels, points in series(endpoint, f'{{__name__="{stream}_steps"}}'):
        for ms, steps in points:
            device, number = labels["deviceId"], ms - BASE_MS
            out.append(Delivered(device, number, steps == number and
                                 rates.get((device, ms)) == members(device, number)["heartRate"]))
    return out


def from_history(admin, devices):
    return [one for device in devices for one in from_enriched(history_pages(admin, device))]
