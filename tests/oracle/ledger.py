"""The node's own ledger, read from its metrics and from `penstock audit`, and added up here: at every sink, what was taken is
somewhere. (R6)"""
import http.client
import json
import re
import subprocess
import time

FATES = ("confirmed_records_total", "quarantined_records_total", "filtered_records_total", "expired_records_total",
         "corrupt_records_total", "skipped_lsns_total")
RUNNING = 1


def metrics(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    out = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            out[name] = float(value)
    return out


def sinks(seen):
    return sorted(set(re.findall(r'penstock_sink_base_lsn\{sink="([^"]+)"\}', "\n".join(seen))))


def of_sink(seen, sink, name):
    return seen.get(f'penstock_sink_{name}{{sink="{sink}"}}', 0.0)


def position(seen, sink):
    """Up to which LSN the sink is done, by its ledger."""
    return sum(of_sink(seen, sink, part) for part in ("base_lsn", *FATES))


def settled(seen):
    """Every sink runs, and lags behind nothing that the journal holds.

    One that is starting does not know yet how far it lags, and what a sink says of itself may be a second older than the journal.
    """
    durable = seen.get("penstock_journal_durable_lsn", 0.0)
    return bool(sinks(seen)) and all(
        of_sink(seen, sink, "state") == RUNNING and of_sink(seen, sink, "lag_records") == 0
        and of_sink(seen, sink, "durable_lsn") >= durable for sink in sinks(seen))


def wait_until_settled(port, seconds):
    end = time.monotonic() + seconds
    while not settled(metrics(port)):
        if time.monotonic() > end:
            raise TimeoutError(f"the sinks have not caught up within {seconds} s")
        time.sleep(0.3)


def problems(port):
    """What does not balance, in words. It has to at any time, not only when nothing moves."""
    seen = metrics(port)
    out = []
    for sink in sinks(seen):
        fates = {name: of_sink(seen, sink, name) for name in FATES}
        accounted = sum(fates.values()) + of_sink(seen, sink, "lag_records")
        accepted = of_sink(seen, sink, "durable_lsn") - of_sink(seen, sink, "base_lsn")
        if accounted != accepted:
            out.append(f"{sink}: {accepted:.0f} since its cursor at the start, {accounted:.0f} accounted for {fates}")
    return out


def audit(binary, config):
    """What `penstock audit` says, parsed."""
    done = subprocess.run([str(binary), "audit", "--config", str(config), "--json"], capture_output=True, text=True, timeout=300,
                          check=False)
    if not done.stdout:
        raise RuntimeError(f"penstock audit: {done.returncode} {done.stderr}")
    return {**json.loads(done.stdout), "code": done.returncode}


def audit_problems(said):
    """What does not balance in an audit, or was lost, in words."""
    out = [] if said["code"] == 0 and said["sound"] and not said["damaged"] else [f"not sound: {said}"]
    for sink in said["sinks"]:
        accounted = sum(sink[name] for name in ("delivered", "quarantined", "dropped", "filtered", "expired", "lost", "pending"))
        if accounted != sink["accepted"] or sink["lost"]:
            out.append(f"{sink['sink']}: {sink}")
    return out
