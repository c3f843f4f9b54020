#!/usr/bin/env python3
"""Sets what Penstock spends on a durable, scored record beside what Mosquitto spends on one it forgets, in one run.

Usage: bench/run.py [--rounds 5] [--messages 600000] [--scenario NAME ...] [--write]
The servers take turns (ABAB). Figures are CPU microseconds of the server process per acknowledged message, from
/proc/PID/schedstat; minimum and median over the rounds. A run in which a server's own count differs from what was
acknowledged is void. --write puts the table into bench/RESULTS.md, with command, commit and machine.
"""
import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/scenario"))
from support.daemon import Daemon, free_ports  # noqa: E402

LOAD = ROOT / "build/bench/mqtt_load"
SCENARIOS = {
    "qos1-k16": "--qos 1 --k 16 --window 64 --connections 100",
    "qos0-k16": "--qos 0 --k 16 --connections 100",
    "qos1-k1": "--qos 1 --k 1 --window 20 --connections 100",
    "fleet-10k": "--qos 1 --k 1 --window 20 --connections 1000 --rate 10000 --warmup 2",
}
STREAM = """
streams:
  wearables:
    topics: ["iot/wearable/data"]
    device: { field: deviceId }
    time:   { field: timestamp }
    fields:
      heartRate: { type: number, min: 20, max: 250, required: true }
      steps:     { type: integer, min: 0 }
    status:
      - { when: "heartRate > 140", is: HIGH_HEART_RATE }
    score: [heartRate]
"""


def cpu_ns(pid):
    """CPU of all threads of a process."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total


class Penstock:
    name = "penstock"

    def __init__(self, shards):
        self.daemon = Daemon(streams=STREAM, extra=f"shards: {shards}\n")
        self.daemon.start()
        self.port, self.pid = self.daemon.mqtt, self.daemon.process.pid

    def accepted(self):
        return sum(v for k, v in self.daemon.metrics().items() if k.startswith("penstock_journal_records_total"))

    def commits(self):
        return sum(v for k, v in self.daemon.metrics().items() if k.startswith("penstock_journal_commits_total"))

    def close(self):
        self.daemon.close()


class Mosquitto:
    name = "mosquitto"

    def __init__(self, _shards):
        self.port = free_ports(1)[0]
        self.dir = tempfile.mkdtemp()
        config = pathlib.Path(self.dir) / "mosquitto.conf"
        # What it needs to accept this load at all: it refuses more than 20 in flight and 1,000 queued by default.
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\n"
                          "max_queued_messages 0\n")
        binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.process = subprocess.Popen([binary, "-c", str(config)], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.pid = self.process.pid
        time.sleep(0.5)

    def accepted(self):
        return None

    def commits(self):
        return None

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def one_run(server, arguments, messages):
    before, cpu, commits = server.accepted(), cpu_ns(server.pid), server.commits()
    command = [str(LOAD), "--port", str(server.port), "--messages", str(messages), *arguments.split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        return {"void": done.stderr.strip()}
    result = json.loads(done.stdout)
    time.sleep(0.5)  # QoS 0 has no acknowledgement to wait for
    spent = cpu_ns(server.pid) - cpu
    result["server_us"] = spent / 1000 / result["acked"]
    after = server.accepted()
    if after is not None:
        if after - before != result["sent"]:
            result["void"] = f"the journal took {after - before:.0f} of {result['sent']}"
        result["per_commit"] = (after - before) / max(1, server.commits() - commits)
    return result


def measure(names, rounds, messages, shards):
    rows = {}
    for name in names:
        for number in range(rounds):
            for kind in (Penstock, Mosquitto):
                server = kind(shards)
                try:
                    one_run(server, SCENARIOS[name], min(messages, 100_000))  # warm
                    count = min(messages, 100_000) if "--rate" in SCENARIOS[name] else messages
                    result = one_run(server, SCENARIOS[name], count)
                finally:
                    server.close()
                print(f"{name} round {number + 1} {server.name}: {result}", flush=True)
                rows.setdefault((name, server.name), []).append(result)
    return rows


def table(rows, names):
    lines = ["| scenario | server | CPU us per acknowledged, min (median) | ratio to Mosquitto (min) | most per second | "
             "records a commit | ack p50 / p99 us | generator us |", "|---|---|---|---|---|---|---|---|"]
    for name in names:
        base = min((r["server_us"] for r in rows[(name, "mosquitto")] if "void" not in r), default=None)
        for server in ("penstock", "mosquitto"):
            good = [r for r in rows[(name, server)] if "void" not in r]
            void = len(rows[(name, server)]) - len(good)
            if not good:
                lines.append(f"| {name} | {server} | void ({rows[(name, server)][0]['void']}) | | | | | |")
                continue
            us = [r["server_us"] for r in good]
            ratio = f"{min(us) / base:.2f}" if base else ""
            commits = [r["per_commit"] for r in good if "per_commit" in r]
            lines.append(
                f"| {name} | {server} | {min(us):.2f} ({statistics.median(us):.2f})"
                f"{f', {void} void' if void else ''} | {ratio} | {max(r['per_second'] for r in good):.0f} | "
                f"{f'{statistics.median(commits):.0f}' if commits else ''} | "
                f"{statistics.median(r['p50_us'] for r in good):.0f} / {statistics.median(r['p99_us'] for r in good):.0f} | "
                f"{statistics.median(r['generator_us'] for r in good):.2f} |")
    return lines


def memory_per_connection(count):
    """User memory of idle plain connections: anonymous memory of the process, by difference."""
    daemon = Daemon(streams=STREAM)
    daemon.start()
    try:
        def anonymous():
            for line in pathlib.Path(f"/proc/{daemon.process.pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Anonymous:"):
                    return int(line.split()[1]) * 1024
            return 0
        before = anonymous()
        load = subprocess.Popen([str(LOAD), "--port", str(daemon.mqtt), "--connections", str(count), "--idle", "15"],
                                stdout=subprocess.PIPE, text=True)
        load.stdout.readline()
        time.sleep(5)
        after = anonymous()
        load.wait()
        return (after - before) / count
    finally:
        daemon.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=600_000)
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--scenario", action="append", choices=sorted(SCENARIOS))
    parser.add_argument("--idle-connections", type=int, default=9000)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    subprocess.run(["cmake", "--preset", "bench"], cwd=ROOT, check=True, capture_output=True)
    subprocess.run(["cmake", "--build", "--preset", "bench"], cwd=ROOT, check=True)
    os.environ["PENSTOCK_BINARY"] = str(ROOT / "build/bench/penstock")
    import support.daemon
    support.daemon.BINARY = ROOT / "build/bench/penstock"
    names = options.scenario or ["qos1-k16", "qos0-k16", "qos1-k1", "fleet-10k"]
    rows = measure(names, options.rounds, options.messages, options.shards)
    lines = table(rows, names)
    bytes_each = memory_per_connection(options.idle_connections)
    lines += ["", f"User memory of an idle plain MQTT connection ({options.idle_connections} connections): "
              f"{bytes_each:.0f} bytes."]
    print("\n".join(lines))
    if options.write:
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True,
                                check=True).stdout.strip()
        cpu = next((line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                    if line.startswith("model name")), "unknown")
        head = ["# Results", "",
                "Penstock: every record parsed to its last byte, validated, scored and on disk before its acknowledgement. "
                "Mosquitto: accepts and forgets (no subscriber, no persistence). 500-byte wearable events of 16,384 devices; "
                "load generator and server on the same machine. Absolute figures differ from machine to machine: compare "
                "within a table.", "",
                f"Command: `bench/run.py {' '.join(sys.argv[1:])}`; commit {commit}; {os.cpu_count()} cores, {cpu}; "
                f"Linux {platform.release()}; shards: {options.shards}.", ""]
        (ROOT / "bench/RESULTS.md").write_text("\n".join(head + lines) + "\n")


if __name__ == "__main__":
    main()
