"""Reads back what streams, tables and Parquet files hold: every record as its enriched JSON, parsed, in the order of the far side."""
import base64
import json
import os
import pathlib
import socket
import subprocess
import sys

PAGE = 10_000


def command(arguments, text=None, environment=None):
    done = subprocess.run([str(a) for a in arguments], input=text, capture_output=True, text=True, check=False, timeout=600,
                          env={**os.environ, **(environment or {})})
    if done.returncode:
        raise RuntimeError(f"{arguments[0]}: {done.stderr.strip()[-1000:]}")
    return done.stdout


# ---- Kinesis

def kinesis_call(server, action, **body):
    return json.loads(command(
        ["curl", "-fsS", "--aws-sigv4", "aws:amz:us-east-1:kinesis", "--user", f"{server['access_key']}:{server['secret_key']}",
         "-H", f"X-Amz-Target: Kinesis_20131202.{action}", "-H", "Content-Type: application/x-amz-json-1.1", "-d", "@-",
         server["endpoint"] + "/"], json.dumps(body)))


def kinesis_values(server, stream="telemetry"):
    """`server`: what its script says: endpoint, access_key and secret_key. Shard after shard."""
    for shard in kinesis_call(server, "ListShards", StreamName=stream)["Shards"]:
        at = kinesis_call(server, "GetShardIterator", StreamName=stream, ShardId=shard["ShardId"],
                          ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while True:
            answer = kinesis_call(server, "GetRecords", ShardIterator=at, Limit=PAGE)
            yield from (json.loads(base64.b64decode(record["Data"])) for record in answer["Records"])
            at = answer["NextShardIterator"]
            if not answer["Records"] and not answer["MillisBehindLatest"]:
                break


# ---- NATS JetStream

class NatsConnection:
    """As much of the client protocol as reading a stream takes. Source: docs.nats.io, "Client Protocol"."""

    def __init__(self, endpoint):
        host, port = endpoint.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=30)
        self.file = self.socket.makefile("rb")
        self.file.readline()    # INFO
        self.send(b'CONNECT {"verbose":false,"headers":true}\r\nSUB reply 1\r\nSUB records 2\r\n')

    def send(self, data):
        self.socket.sendall(data)

    def message(self):
        """(subject, payload) of the next one."""
        while True:
            words = self.file.readline().split()
            if not words:
                raise RuntimeError("the server ended the connection")
            if words[0] == b"PING":
                self.send(b"PONG\r\n")
            elif words[0] in (b"MSG", b"HMSG"):
                headers = int(words[-2]) if words[0] == b"HMSG" else 0
                data = self.file.read(int(words[-1]) + 2)
                return words[1].decode(), data[headers:-2]

    def ask(self, subject, **body):
        text = json.dumps(body).encode() if body else b""
        self.send(b"PUB %s reply %d\r\n%s\r\n" % (subject.encode(), len(text), text))
        while True:
            inbox, data = self.message()
            if inbox == "reply":
                answer = json.loads(data)
                if "error" in answer:
                    raise RuntimeError(f"{subject}: {answer['error']}")
                return answer

    def close(self):
        self.file.close()
        self.socket.close()


def nats_values(endpoint, stream="TELEMETRY"):
    connection = NatsConnection(endpoint)
    try:
        left = connection.ask(f"$JS.API.STREAM.INFO.{stream}")["state"]["messages"]
        if left:
            text = json.dumps({"stream_name": stream, "config": {
                "deliver_subject": "records", "ack_policy": "none", "deliver_policy": "all", "replay_policy": "instant"}}).encode()
            connection.send(b"PUB $JS.API.CONSUMER.CREATE.%s created %d\r\n%s\r\n" % (stream.encode(), len(text), text))
        while left:
            _, data = connection.message()
            yield json.loads(data)
            left -= 1
    finally:
        connection.close()


# ---- Redis

def redis_values(endpoint, key, login=("penstock", "penstock-secret")):
    host, port = endpoint.rsplit(":", 1)
    at = "-"
    while True:
        page = json.loads(command(["redis-cli", "-h", host, "-p", port, "--user", login[0], "--no-auth-warning", "--json",
                                   "XRANGE", key, at, "+", "COUNT", PAGE], environment={"REDISCLI_AUTH": login[1]}))
        for _, pairs in page:
            yield json.loads(dict(zip(pairs[::2], pairs[1::2]))["data"])
        if len(page) < PAGE:
            return
        at = "(" + page[-1][0]


# ---- PostgreSQL

def postgres_values(endpoint, table, login=("admin", "admin-secret"), database="penstock"):
    host, port = endpoint.rsplit(":", 1)
    own = "jsonb_build_object('_penstock', jsonb_build_object('journal', journal, 'lsn', lsn))"
    rows = command(["psql", "-h", host, "-p", port, "-U", login[0], "-d", database, "-XAtq", "-c",
                    f"SELECT payload || {own} FROM {table} ORDER BY lsn"], environment={"PGPASSWORD": login[1]})
    return [json.loads(row) for row in rows.splitlines()]


# ---- Parquet

READ_PARQUET = """
import json, sys
import pyarrow.parquet
for path in sys.argv[1:]:
    for row in pyarrow.parquet.ParquetFile(path).read().to_pylist():
        own = {"journal": row["journal"], "lsn": row["lsn"]}
        fields = {name: row[name] for name in ("heartRate", "steps", "n") if row.get(name) is not None}
        print(json.dumps({"deviceId": row["device"], **fields, **json.loads(row["rest"] or "{}"), "_penstock": own}))
"""


def parquet_values(folder, library):
    """`library`: the folder of pyarrow. By the LSNs of the windows."""
    paths = sorted(pathlib.Path(folder).rglob("*.parquet"), key=lambda path: (path.name.split("-", 1)[1], path))
    if not paths:
        return []
    lines = command([sys.executable, "-c", READ_PARQUET, *paths], environment={"PYTHONPATH": str(library)})
    return [json.loads(line) for line in lines.splitlines()]
