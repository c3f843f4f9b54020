"""The real far sides: Kafka, S3, InfluxDB, VictoriaMetrics, each by its script in tests/servers."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

from oracle import far_sides

from .daemon import ROOT, free_ports


def call_script(script, *args, env=None):
    path = ROOT / "tests/servers" / f"{script}.sh"
    done = subprocess.run([str(path), *map(str, args)], env=env, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        raise RuntimeError(f"{path} {args}: {done.stderr[-2000:]}")
    return done.stdout


def skip_if(off, script):
    if os.environ.get(off):
        raise unittest.SkipTest(f"{script}: {off} is set")


def parquet_readers():
    """The folder of pyarrow and DuckDB, for PYTHONPATH."""
    skip_if("PENSTOCK_NO_PARQUET", "parquet")
    return call_script("parquet", "fetch").strip()


class Server:
    script = ""
    off = ""  # environment variable that says this server cannot be had here

    def __init__(self, **env):
        skip_if(self.off, self.script)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=f"penstock-{self.script}-"))
        self.env = {**os.environ, **env}
        self.info = {}
        self.start_first()

    def start_first(self):
        for attempt in range(5):
            # Some servers take the ports behind theirs as well.
            self.port = free_ports(1, following=3)[0]
            try:
                return self.start()
            except RuntimeError:
                if attempt == 4:
                    raise
                shutil.rmtree(self.dir)
                self.dir.mkdir(mode=0o700)
        return self

    def call(self, *args):
        return call_script(self.script, *args, env=self.env)

    def start(self):
        out = self.call("start", self.dir, self.port)
        self.info = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
        self.endpoint = self.info["endpoint"]
        return self

    def stop(self):
        self.call("stop", self.dir)

    def kill(self):
        self.call("kill", self.dir)

    def signal(self, number):
        os.kill(int(self.info["pid"]), number)

    def close(self):
        try:
            self.call("kill", self.dir)
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Kafka(Server):
    script, off = "kafka", "PENSTOCK_NO_KAFKA"

    def read(self, topic, timeout=60):
        """All records of a topic: (key, value as text, headers, partition, offset)."""
        return far_sides.kafka_records(self.endpoint, topic, timeout)


class S3(Server):
    script, off = "s3", "PENSTOCK_NO_S3"

    def __init__(self, bucket="lake", **env):
        self.bucket = bucket
        super().__init__(S3_BUCKET=bucket, **env)

    def lines(self):
        """Every archived line: (key, parsed). versitygw keeps objects as plain files."""
        return far_sides.archive_lines(self.dir / "data" / self.bucket)


class Kinesis(Server):
    """Moto: all in memory; a record takes it the longer the more are in its shard."""
    script, off = "kinesis", "PENSTOCK_NO_KINESIS"

    def __init__(self, stream="telemetry", shards=32, **env):
        super().__init__(KINESIS_STREAM=stream, KINESIS_SHARDS=str(shards), **env)


class Nats(Server):
    script = "nats"


class Postgres(Server):
    script = "postgres"


class Redis(Server):
    script = "redis"


class Influx(Server):
    script, off = "influx", "PENSTOCK_NO_INFLUX"

    def query(self, text, db="penstock"):
        url = f"{self.endpoint}/query?" + urllib.parse.urlencode({"db": db, "q": text, "epoch": "ns"})
        with urllib.request.urlopen(url, timeout=20) as answer:
            results = json.load(answer)["results"][0]
        rows = []
        for series in results.get("series", []):
            rows += [dict(zip(series["columns"], values)) for values in series["values"]]
        return rows


class Victoria(Server):
    script, off = "victoria", "PENSTOCK_NO_VICTORIA"

    def export(self, match='{__name__!=""}'):
        """[(labels, [(ms, value)])]"""
        return far_sides.series(self.endpoint, match)


def wait_until(check, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if check():
            return True
        time.sleep(0.2)
    return False
