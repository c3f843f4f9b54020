"""Starts, stops and kills the real daemon, and asks it things."""
import contextlib
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from oracle import ledger

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = pathlib.Path(os.environ.get("PENSTOCK_BINARY", ROOT / "build/dev/penstock"))


def free_ports(count, following=0):
    """Ports nobody listens on, each with `following` free ones behind it.

    Below the range that the kernel hands to outgoing connections, so that none of those takes one
    between this choice and the server's start.
    """
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
        top = min(int(f.read().split()[0]), 32768)
    chosen = []
    while len(chosen) < count:
        first = random.randrange(10240, top - following)
        if any(abs(first - other) <= following for other in chosen):
            continue
        try:
            for port in range(first, first + following + 1):
                with socket.socket() as s:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind(("127.0.0.1", port))
        except OSError:
            continue
        chosen.append(first)
    return chosen


STREAMS = """
streams:
  wearables:
    topics: ["iot/wearable/data", "iot/+/data"]
    device: { field: deviceId }
    time:   { field: timestamp }
    fields:
      heartRate: { type: number, min: 20, max: 250, required: true }
      steps:     { type: integer, min: 0 }
    status:
      - { when: "heartRate > 140", is: HIGH_HEART_RATE }
    score: [heartRate]
"""


class Daemon:
    """A daemon with a data directory of its own. `sinks` and `extra` are YAML text."""

    def __init__(self, sinks="", streams=STREAMS, extra="", listeners="", mqtt_extra="", http_extra=""):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="penstock-test-"))
        self.data = self.dir / "data"
        self.mqtt, self.http, self.admin = free_ports(3)
        self.process = None
        self.log_path = self.dir / "penstock.log"
        self.streams, self.sinks, self.extra, self.listeners = streams, sinks, extra, listeners
        self.mqtt_extra, self.http_extra = mqtt_extra, http_extra
        self.overlays = []  # settings files that are laid over its own
        self.write_config()

    def write_config(self):
        self.config = self.dir / "penstock.yaml"
        self.config.write_text(
            f"data_dir: {self.data}\n"
            "listeners:\n"
            f'  mqtt:  {{ listen: "127.0.0.1:{self.mqtt}"{self.mqtt_extra} }}\n'
            f'  http:  {{ listen: "127.0.0.1:{self.http}"{self.http_extra} }}\n'
            f'  admin: {{ listen: "127.0.0.1:{self.admin}" }}\n'
            f"{self.listeners}\n{self.streams}\n{self.sinks}\n{self.extra}\n")

    def start(self, wait=30, expect_exit=False, env=None, until="/ready", under=()):
        """`under`: a command that starts the daemon as its child, such as a tracer."""
        log = open(self.log_path, "ab")
        files = [part for file in (self.config, *self.overlays) for part in ("--config", str(file))]
        self.process = subprocess.Popen([*under, str(BINARY), "run", *files], stdin=subprocess.DEVNULL,
                                        stdout=log, stderr=log, env={**os.environ, **(env or {})})
        log.close()
        if expect_exit:
            return self.process.wait(wait)
        end = time.monotonic() + wait
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"the daemon ended with {self.process.returncode}:\n{self.log()[-3000:]}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.get(until)[0] == 200:
                    return self
            time.sleep(0.02)
        raise TimeoutError(f"not ready after {wait} s:\n{self.log()[-3000:]}")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self, wait=30):
        """SIGTERM; returns the exit code."""
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(wait)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def get(self, path, port=None, timeout=10):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.admin, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get_json(self, path):
        status, body = self.get(path)
        return status, json.loads(body)

    def post(self, path, body, headers=None, timeout=30):
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=timeout)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.getheaders())
        finally:
            connection.close()

    def metrics(self):
        """name{labels} -> value"""
        return ledger.metrics(self.admin)

    def caught_up(self):
        """Every sink runs, and has what the journal has."""
        return ledger.settled(self.metrics())

    def rss_bytes(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        return 0

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self, keep=False):
        with contextlib.suppress(Exception):
            self.stop(10)
        if not keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print(f"--- daemon log (tail) ---\n{self.log()[-4000:]}")
        self.close()


def eventually(check, wait=30.0, step=0.1, what="condition"):
    """Calls check() until it returns something true; that is returned."""
    end = time.monotonic() + wait
    while True:
        got = check()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {wait} s (last: {got!r})")
        time.sleep(step)
