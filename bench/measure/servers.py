"""The servers that are compared. Each has `port`, `pids` and `taken()`: how many events it counted itself, or None."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from . import process
from .far_side import FarSide
from support.daemon import Daemon, eventually, free_ports

SINKS = {
    "kafka": '  events: {{ type: kafka, brokers: ["{kafka}"], topic: telemetry }}\n',
    "series": '  series: {{ type: line_protocol, endpoint: "{http}/write", settle: 0s }}\n',
    "archive": '  lake: {{ type: archive, local: {{ directory: "{lake}" }}, window: {{ age: 2s }} }}\n',
}


def tls_files():
    """Certificate and key of a server, from the same place as the test servers'."""
    script = process.ROOT / "tests/servers/common.bash"
    done = subprocess.run(["bash", "-c", f'source "{script}"; make_tls; echo "$tls"'], capture_output=True, text=True,
                          check=True)
    folder = pathlib.Path(done.stdout.strip().splitlines()[-1])
    return folder / "server.pem", folder / "server.key"


def wait_for_port(port, pid):
    def listening():
        if not pathlib.Path(f"/proc/{pid}").exists():
            raise RuntimeError("the server ended")
        return f":{port:04X} 00000000:0000 0A" in pathlib.Path("/proc/net/tcp").read_text()
    eventually(listening, 20, 0.02, f"port {port}")


def total(metrics, name):
    return sum(value for key, value in metrics.items() if key.split("{")[0] == name)


class Penstock:
    def __init__(self, shards=1, sinks=(), tls=False, http=False, extra=""):
        self.far_side = FarSide() if {"kafka", "series"} & set(sinks) else None
        self.daemon = Daemon(extra=f"shards: {shards}\n{extra}")
        self.lake = self.daemon.dir / "lake"
        self.sinks = sinks
        if sinks:
            self.daemon.sinks = "sinks:\n" + "".join(SINKS[sink] for sink in sinks).format(
                kafka=self.far_side and self.far_side.kafka, http=self.far_side and self.far_side.http, lake=self.lake)
        if tls:
            certificate, key = tls_files()
            self.daemon.mqtt_extra = f', tls: {{ certificate: "{certificate}", key: "{key}" }}'
        self.daemon.write_config()
        self.daemon.start()
        self.port = self.daemon.http if http else self.daemon.mqtt
        self.pids = [self.daemon.process.pid]

    def taken(self):
        return total(self.daemon.metrics(), "penstock_journal_records_total")

    def counters(self):
        """What describes the work: journal, commits, packets, reads, and what should stay 0."""
        metrics = self.daemon.metrics()
        return {
            "records": total(metrics, "penstock_journal_records_total"),
            "commits": total(metrics, "penstock_journal_commits_total"),
            "packets": total(metrics, "penstock_packets_per_read_sum"),
            "reads": total(metrics, "penstock_packets_per_read_count"),
            "refused": total(metrics, "penstock_quarantined_records_total") +
                       total(metrics, "penstock_refused_records_total"),
        }

    def settle(self):
        """Waits until every sink has what the journal has."""
        if self.sinks:
            eventually(self.daemon.caught_up, 300, 0.05, "delivered")

    def delivered(self):
        """What the far sides have, by sink."""
        counts = self.far_side.counts() if self.far_side else {}
        out = {}
        if "kafka" in self.sinks:
            out["kafka"] = counts["kafka"]
        if "series" in self.sinks:
            out["series"] = counts["points"]
        if "archive" in self.sinks:
            out["archive"] = archived_lines(self.lake)
        return out

    def close(self):
        self.daemon.close()
        if self.far_side:
            self.far_side.close()


def archived_lines(folder):
    count = 0
    for path in pathlib.Path(folder).rglob("*.zst"):
        text = subprocess.run(["zstd", "-dcq", str(path)], capture_output=True, check=True).stdout
        count += text.count(b"\n")
    return count


class Broker:
    """A process with a configuration file, in a folder of its own. `command` holds {config}."""

    far_side = None

    def __init__(self, command, config, port, mode=0o755):
        self.dir = tempfile.mkdtemp(prefix="penstock-bench-")
        os.chmod(self.dir, mode)
        self.port, self.command = port, command
        self.config = pathlib.Path(self.dir) / "server.conf"
        self.config.write_text(config.replace("{dir}", self.dir))
        self.start()

    def start(self):
        self.process = subprocess.Popen([part.format(config=self.config) for part in self.command],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pids = [self.process.pid]
        wait_for_port(self.port, self.process.pid)

    def taken(self):
        return None

    def counters(self):
        return None

    def settle(self):
        time.sleep(0.2)

    def delivered(self):
        return {}

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def mosquitto(tls=False, extra=None):
    """With what it needs to accept such a load at all: by default it allows 20 in flight and 1,000 queued."""
    port = free_ports(1)[0]
    config = f"listener {port} 127.0.0.1\nallow_anonymous true\n"
    config += "max_inflight_messages 0\nmax_queued_messages 0\n" if extra is None else extra
    if tls:
        certificate, key = tls_files()
        folder = tempfile.mkdtemp(prefix="penstock-bench-tls-")
        os.chmod(folder, 0o755)
        # It gives up root before it reads them.
        for source in (certificate, key):
            shutil.copy(source, folder)
            os.chmod(f"{folder}/{source.name}", 0o644)
        config += f"certfile {folder}/{certificate.name}\nkeyfile {folder}/{key.name}\n"
    broker = Broker([shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", "{config}"], config, port)
    if tls:
        shutil.rmtree(folder)
    return broker


def ack_floor(rest=0):
    """Takes packets and acknowledges them, nothing else: what the kernel charges every server here."""
    port = free_ports(1)[0]
    return Broker([str(process.folder() / "ack_floor"), str(port), str(rest)], "", port)


def flashmq():
    port = free_ports(1)[0]
    return Broker([shutil.which("flashmq"), "--config-file", "{config}"],
                  f"thread_count 1\nallow_anonymous true\nlog_level error\nlog_file {{dir}}/log\n"
                  f"listen {{\n  protocol mqtt\n  port {port}\n  inet4_bind_address 127.0.0.1\n}}\n", port)


def has_flashmq():
    return shutil.which("flashmq") is not None
