"""What a user would run: devices on one end, Kafka and a time-series store on the other.

The far sides are the same for both: a real Kafka, read all the time by a consumer, and an HTTP server that takes line
protocol and notes what came.
"""
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from . import process
from .far_side import FarSide
from .servers import Broker
from .tally import Tally
from support.cost import cpu_ns, memory
from support.daemon import Daemon, eventually, free_ports
from support.servers import Kafka

TELEGRAF = """
[agent]
  omit_hostname = true
[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:{port}"]
  topics = ["iot/wearable/data"]
  data_format = "json"
  tag_keys = ["deviceId"]
  json_time_key = "timestamp"
  json_time_format = "unix_ms"
{input}
[[outputs.kafka]]
  brokers = ["{kafka}"]
  topic = "telemetry"
  data_format = "json"
[[outputs.influxdb]]
  urls = ["{http}"]
  skip_database_creation = true
{output}
"""
# Otherwise as they come. Debian's Mosquitto has persistence on.
MOSQUITTO = "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {{dir}}/\n"
# A client of its own keeps its session, and messages are acknowledged: what its manual offers against loss.
PERSISTENT = '  qos = 1\n  persistent_session = true\n  client_id = "telegraf"\n'


class KafkaWitness(threading.Thread):
    """Consumes the topic from its beginning, and notes what comes. kcat gives up when the broker is gone: then it is
    started again, and everything is read anew."""

    def __init__(self, endpoint):
        super().__init__(daemon=True)
        self.endpoint, self.closing = endpoint, False
        self.consume()
        self.start()

    def consume(self):
        self.tally = Tally(rb'"n":(\d+)', rb'"sent":(\d+)')
        self.count = 0
        self.process = subprocess.Popen(
            ["kcat", "-b", self.endpoint, "-C", "-t", "telemetry", "-o", "beginning", "-q", "-u", "-f", "%s\x1e",
             "-X", "reconnect.backoff.max.ms=500", "-X", "topic.metadata.refresh.interval.ms=500",
             "-X", "fetch.wait.max.ms=5", "-X", "allow.auto.create.topics=true"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def run(self):
        self.read()
        while not self.closing:
            time.sleep(0.2)
            self.process.wait()
            self.consume()
            self.read()

    def read(self):
        rest = b""
        while data := self.process.stdout.read1(1 << 20):
            # Telegraf's messages end in line feeds of their own.
            text, end, rest = (rest + data).rpartition(b"\x1e")
            self.tally.add(text)
            self.count += text.count(b"\x1e") + len(end)

    def close(self):
        self.closing = True
        self.process.kill()
        self.join(10)
        self.process.kill()
        self.process.wait()


class Pipeline:
    """`processes`: name -> pid of what is compared; kill() and restart() by these names."""

    def __init__(self, track=True):
        self.far_side = FarSide(track)
        self.kafka = Kafka()
        self.make_topic()
        self.witness = KafkaWitness(self.kafka.endpoint)
        eventually(lambda: self.witness.count > 0, 60, 0.05, "the message that made the topic")

    def make_topic(self):
        """By the first message, as it happens; it is counted nowhere."""
        subprocess.run(["kcat", "-b", self.kafka.endpoint, "-P", "-t", "telemetry"], input=b"begin\n", check=True,
                       capture_output=True, timeout=60)

    def counts(self):
        return {"kafka": self.witness.count - 1, "store": self.far_side.points()}

    def numbers(self):
        return {"kafka": bytes(self.witness.tally.times), "store": self.far_side.numbers()}

    def memory(self):
        return sum(memory(pid) for pid in self.processes.values())

    def cpu_ns(self):
        return sum(cpu_ns(pid) for pid in self.processes.values())

    def far_pid(self, name):
        return int(self.kafka.info["pid"]) if name == "kafka" else self.far_side.process.pid

    def settle(self, quiet=15):
        """Until nothing has come anywhere for so many seconds: longer than any flush interval."""
        last, since = None, time.monotonic()
        while time.monotonic() - since < quiet:
            now = self.counts()
            if now != last:
                last, since = now, time.monotonic()
            time.sleep(0.5)

    def close(self):
        self.witness.close()
        self.kafka.close()
        self.far_side.close()


class PenstockPipeline(Pipeline):
    name = "Penstock"

    def __init__(self, extra="", series="", sinks="", **options):
        """`extra`: further settings, `series`: of the store's sink, `sinks`: further ones; {dir} is the daemon's folder."""
        super().__init__(**options)
        self.daemon = Daemon(extra=extra)
        self.daemon.sinks = (
            f'sinks:\n  events: {{ type: kafka, brokers: ["{self.kafka.endpoint}"], topic: telemetry }}\n'
            f'  series: {{ type: line_protocol, endpoint: "{self.far_side.http}/write"{", " * bool(series)}{series} }}\n'
            + sinks.replace("{dir}", str(self.daemon.dir)))
        self.daemon.write_config()
        self.restart("penstock")
        self.port = self.daemon.mqtt

    def kill(self, _name):
        self.daemon.kill()

    def restart(self, _name):
        self.daemon.start(wait=60)
        self.processes = {"penstock": self.daemon.process.pid}

    def settle(self, quiet=0):
        eventually(self.daemon.caught_up, 300, 0.2, "delivered")
        super().settle(2)

    def close(self):
        self.daemon.close()
        super().close()


class TelegrafPipeline(Pipeline):
    def __init__(self, name, input_settings="", output="", broker="", **options):
        super().__init__(**options)
        self.name = name
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="penstock-bench-telegraf-"))
        self.port = free_ports(1)[0]
        self.broker = Broker([shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", "{config}"],
                             MOSQUITTO.format(port=self.port) + broker, self.port, mode=0o777)
        self.config = self.dir / "telegraf.conf"
        self.config.write_text(TELEGRAF.format(port=self.port, kafka=self.kafka.endpoint, http=self.far_side.http,
                                               input=input_settings, output=output.format(dir=self.dir)))
        self.processes = {"mosquitto": self.broker.process.pid}
        self.restart("telegraf")
        eventually(self.connected, 60, 0.1, "Telegraf at the broker")
        time.sleep(1)   # its subscription follows

    def call(self, *arguments):
        script = process.ROOT / "bench/servers/telegraf.sh"
        done = subprocess.run([str(script), *map(str, arguments)], capture_output=True, text=True, check=True, timeout=1800)
        return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)

    def kill(self, name):
        if name == "mosquitto":
            self.broker.process.send_signal(signal.SIGKILL)
            self.broker.process.wait()
        else:
            self.call("kill", self.dir)

    def restart(self, name):
        if name == "mosquitto":
            self.broker.start()
            self.processes[name] = self.broker.process.pid
        else:
            self.processes[name] = int(self.call("start", self.dir, self.config)["pid"])

    def connected(self):
        """Somebody is connected to the broker."""
        rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return any(row[2] == f"0100007F:{self.port:04X}" and row[3] == "01" for row in rows)

    def close(self):
        self.call("kill", self.dir)
        self.broker.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        super().close()
