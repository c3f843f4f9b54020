#!/usr/bin/env python3
"""Far sides that cost little, in a process of their own: librdkafka's mock of a Kafka cluster, and an HTTP server that
takes line protocol and counts the points.

Prints {"kafka": "host:port", "http": port} and serves until its standard input ends. GET /counts tells what came:
{"kafka": messages, "points": points, "requests": writes}. With --track it notes the load generator's numbers (field n)
and times of sending (field sent) as well: GET /numbers is a byte for each number, how often it came, and GET /latency the
microseconds until then: {"p50": ..., "p95": ..., "p99": ..., "max": ...}.
"""
import ctypes
import gzip
import json
import subprocess
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

if __package__:
    from .tally import Tally
else:
    from tally import Tally

TOPIC = b"telemetry"
PARTITIONS = 4


class MockKafka:
    def __init__(self):
        lib = self.lib = ctypes.CDLL("librdkafka.so.1")
        pointer = ctypes.c_void_p
        for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
            getattr(lib, name).restype = pointer
        lib.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        error = ctypes.create_string_buffer(512)
        handle = pointer(lib.rd_kafka_new(0, pointer(lib.rd_kafka_conf_new()), error, 512))
        self.cluster = pointer(lib.rd_kafka_mock_cluster_new(handle, 1))
        lib.rd_kafka_mock_topic_create(self.cluster, TOPIC, PARTITIONS, 1)
        self.endpoint = lib.rd_kafka_mock_cluster_bootstraps(self.cluster).decode()
        conf = pointer(lib.rd_kafka_conf_new())
        lib.rd_kafka_conf_set(conf, b"bootstrap.servers", self.endpoint.encode(), error, 512)
        self.reader = pointer(lib.rd_kafka_new(1, conf, error, 512))

    def count(self):
        """End offsets of all partitions: the mock forgets old messages, but not how many there were."""
        total = 0
        for partition in range(PARTITIONS):
            low, high = ctypes.c_int64(), ctypes.c_int64()
            failed = self.lib.rd_kafka_query_watermark_offsets(
                self.reader, TOPIC, partition, ctypes.byref(low), ctypes.byref(high), 10_000)
            if failed:
                raise RuntimeError(f"cannot ask for offsets: {failed}")
            total += high.value
        return total


def serve(track):
    tally = Tally(rb"[ ,]n=(\d+)", rb"[ ,]sent=(\d+)")
    counts = {"points": 0, "requests": 0}
    lock = threading.Lock()
    kafka = MockKafka()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        rbufsize = 1 << 16

        def body(self):
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            out = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                out += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass    # trailers
            return out

        def do_POST(self):
            body = self.body()
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            with lock:
                counts["requests"] += 1
                if track:
                    tally.add(body)
                counts["points"] += body.count(b"\n") + (not body.endswith(b"\n") and bool(body))
            self.send_response(204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self):
            if self.path == "/numbers":
                text = bytes(tally.times)
            elif self.path == "/latency":
                text = json.dumps(tally.latency()).encode()
            else:
                text = json.dumps({**counts, "kafka": kafka.count()}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"kafka": kafka.endpoint, "http": server.server_port}), flush=True)
    sys.stdin.read()


class FarSide:
    """Such a process, as the benchmarks use it."""

    def __init__(self, track=False):
        self.process = subprocess.Popen([sys.executable, __file__, *(["--track"] if track else [])], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        told = json.loads(self.process.stdout.readline())
        self.kafka, self.http = told["kafka"], f"http://127.0.0.1:{told['http']}"

    def counts(self):
        with urllib.request.urlopen(f"{self.http}/counts", timeout=30) as answer:
            return json.load(answer)

    def points(self):
        return self.counts()["points"]

    def numbers(self):
        with urllib.request.urlopen(f"{self.http}/numbers", timeout=60) as answer:
            return answer.read()

    def latency(self):
        with urllib.request.urlopen(f"{self.http}/latency", timeout=60) as answer:
            return json.load(answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


if __name__ == "__main__":
    serve("--track" in sys.argv)
