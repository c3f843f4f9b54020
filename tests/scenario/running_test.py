"""What an operator does with the sinks of a running daemon: look, deliver again, work the quarantine.

The far side is a service that takes NDJSON and refuses records that hold a heart rate of 66 until it is mended.
"""
import collections
import contextlib
import http.server
import json
import subprocess
import threading
import time
import unittest

from support.daemon import BINARY, Daemon, eventually

SINKS = """
sinks:
  lines: {{ type: file, path: "{dir}/lines.ndjson" }}
  hook: {{ type: http, url: "http://127.0.0.1:9/nobody", retry: {{ first: 50ms, longest: 100ms }} }}
"""


HOOK = """
sinks:
  hook: {{ type: http, url: "http://127.0.0.1:{port}/", refused_statuses: [422], batch_records: 20 }}
"""
EARLIEST = "earliest"


class FarSide:
    """Every record it took, in order, as (device, LSN). Slow, so that there is a middle to be killed in."""

    def __init__(self):
        self.taken, self.rates, self.mended, self.pause = [], {}, False, 0.0
        far = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                lines = [json.loads(line) for line in self.rfile.read(int(self.headers["Content-Length"])).splitlines()]
                time.sleep(far.pause)
                poison = any(line["heartRate"] == 66 for line in lines) and not far.mended
                if not poison:
                    far.rates |= {line["_penstock"]["lsn"]: line["heartRate"] for line in lines}
                    far.taken += [(line["deviceId"], line["_penstock"]["lsn"]) for line in lines]
                self.send_response(422 if poison else 200)
                self.send_header("Content-Length", "0")
                with contextlib.suppress(OSError):  # who asked was killed
                    self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                """Connections of a daemon that was killed."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def lsns(self, begin=0):
        return [lsn for _, lsn in list(self.taken)[begin:]]


@contextlib.contextmanager
def live_load(daemon):
    """Posts records of the device `live` until it is left; yields their number."""
    sent, stop = [0], threading.Event()

    def work():
        while not stop.is_set():
            with contextlib.suppress(OSError):
                if daemon.post("/v1/ingest/wearables", record("live", 70))[0] == 200:
                    sent[0] += 1
            time.sleep(0.01)
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join()


def record(device, rate):
    return json.dumps({"deviceId": device, "heartRate": rate})


def run(*arguments):
    done = subprocess.run([str(BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


class Sinks(unittest.TestCase):
    def test_the_table_tells_the_sink_that_is_down_from_the_one_that_is_well(self):
        with Daemon() as daemon:
            daemon.sinks = SINKS.format(dir=daemon.dir)
            daemon.write_config()
            code, _, said = run("sinks", "--config", daemon.config)
            self.assertEqual((code, "no daemon answers" in said), (1, True), said)
            daemon.start()
            body = "\n".join(json.dumps({"deviceId": f"d{n % 7}", "heartRate": 70}) for n in range(500))
            self.assertEqual(daemon.post("/v1/ingest/wearables", body, {"Content-Type": "application/x-ndjson"})[0], 200)

            def told():
                _, out, _ = run("sinks", "--admin", f"127.0.0.1:{daemon.admin}", "--json")
                sinks = {sink["id"]: sink for sink in json.loads(out)}
                well, ill = sinks["lines"], sinks["hook"]
                good = well["lagRecords"] == 0 and well["recordsPerSecond"] > 0 and ill["lagRecords"] == 500
                return sinks if good and ill.get("lagBytes") and ill["lagSeconds"] > 0 else None
            sinks = eventually(told, what="one sink well, one behind")
            self.assertEqual(sinks["hook"]["state"], "backing off")
            self.assertGreater(sinks["hook"]["runwaySeconds"], 0)
            code, table, _ = run("sinks", "--config", daemon.config)
            self.assertEqual(code, 0)
            head, hook, lines = table.splitlines()
            self.assertEqual(head.split()[:4], ["SINK", "TYPE", "STATE", "LAG"])
            self.assertIn("backing off 500", " ".join(hook.split()))
            self.assertIn("nnect", hook)  # why
            self.assertIn("running", lines)
            self.assertIn('penstock_sink_runway_seconds{sink="hook"}', daemon.get("/metrics")[1].decode())


class Orders(unittest.TestCase):
    def setUp(self):
        self.far = FarSide()
        self.addCleanup(self.far.close)
        self.daemon = Daemon()
        self.addCleanup(self.daemon.close)
        self.daemon.sinks = HOOK.format(port=self.far.port)
        self.daemon.write_config()

    def do(self, *arguments, code=0):
        got, out, said = run(*arguments, "--config", self.daemon.config)
        self.assertEqual(got, code, f"{arguments}: {out}{said}\n{self.daemon.log()[-2000:]}")
        return out + said

    def post(self, rates):
        """One record of each rate, of five devices in turn."""
        lines = "\n".join(record(f"d{n % 5}", rate) for n, rate in enumerate(rates))
        self.assertEqual(self.daemon.post("/v1/ingest/wearables", lines, {"Content-Type": "application/x-ndjson"})[0], 200)

    def books(self):
        """What /v1/sinks says, checked to add up."""
        [sink] = self.daemon.get_json("/v1/sinks")[1]
        books = sink["ledger"]
        parts = ("delivered", "quarantined", "dropped", "filtered", "expired", "corrupt", "skipped", "pending")
        self.assertEqual(books["accepted"], sum(books[part] for part in parts), books)
        return books

    def settled(self, **want):
        def found():
            books = self.books()
            return books if books["pending"] == 0 and all(books[k] == v for k, v in want.items()) else None
        return eventually(found, what=f"books with {want}")

    def audit(self):
        [sink] = json.loads(self.do("audit", "--json"))["sinks"]
        parts = ("delivered", "quarantined", "dropped", "filtered", "expired", "lost", "pending")
        self.assertEqual(sink["accepted"], sum(sink[part] for part in parts), sink)
        return sink

    def kill_in_the_middle(self, began):
        """SIGKILL once the far side has more than `began` records; then a new start."""
        eventually(lambda: len(self.far.taken) > began, what="the order has begun")
        self.daemon.kill()
        self.far.pause = 0
        self.daemon.start()

    def orders(self):
        return [line.split() for line in self.do("orders", "ls").splitlines()]

    def test_quarantine_is_redriven_in_order_after_the_cause_is_mended_killed_in_the_middle(self):
        self.assertIn("no daemon runs", self.do("quarantine", "redrive", "--sink", "hook", code=1))
        self.daemon.start()
        self.post([66 if n % 5 == 2 or n % 7 == 3 else 70 for n in range(400)])
        poison = sum(n % 5 == 2 or n % 7 == 3 for n in range(400))
        self.settled(quarantined=poison, delivered=400 - poison)
        listed = [line.split() for line in self.do("quarantine", "ls", "--sink", "hook").splitlines()]
        self.assertEqual(len(listed), poison)
        shown = self.do("quarantine", "show", listed[0][0])
        self.assertEqual(json.loads(shown.splitlines()[1])["heartRate"], 66)
        self.assertIn("422", shown)
        self.assertEqual(len(self.do("quarantine", "ls", "-n", "5", "--after", listed[2][0]).splitlines()), 5)

        said = self.do("quarantine", "redrive", "--sink", "hook")  # nothing is mended yet
        self.assertIn("refused again and stay", said)
        self.settled(quarantined=poison, delivered=400 - poison)

        self.far.mended, self.far.pause = True, 0.1
        began = len(self.far.taken)
        with live_load(self.daemon) as sent:
            self.do("quarantine", "redrive", "--sink", "hook", "--detach")
            self.kill_in_the_middle(began + 40)
            self.settled(quarantined=0)
            eventually(lambda: self.orders()[-1][3] == "done", what="the order is done")
        books = self.settled(quarantined=0, dropped=0)
        self.assertGreater(sent[0], 0)
        self.assertGreaterEqual(books["delivered"], 400 + sent[0])
        self.assertEqual(self.do("quarantine", "ls"), "")
        wanted = {int(entry[2]) for entry in listed}
        again = [lsn for lsn in self.far.lsns(began) if lsn in wanted]
        self.assertEqual(set(again), wanted)
        firsts = list(dict.fromkeys(again))
        self.assertEqual(firsts, sorted(firsts), "the first time of each is in order")
        self.assertEqual((self.audit()["quarantined"], self.audit()["pending"]), (0, 0))
        self.assertIn("went on after a stop", self.daemon.log() + self.do("orders", "ls"))

    def test_what_is_dropped_is_counted_and_asked_for_twice(self):
        self.daemon.start()
        self.post([66] * 10 + [70] * 10)
        self.settled(quarantined=10, delivered=10)
        first = self.do("quarantine", "ls").split()[0]
        self.assertIn("--yes", self.do("quarantine", "drop", "--sink", "hook", "--all", code=64))
        self.assertIn("--id", self.do("quarantine", "drop", "--sink", "hook", "--yes", code=64))
        self.do("quarantine", "drop", "--sink", "hook", "--id", first, "--yes")
        self.settled(quarantined=9, dropped=1)
        self.assertIn("no entries", self.do("quarantine", "drop", "--sink", "hook", "--id", first, "--yes", code=1))
        self.do("quarantine", "drop", "--sink", "hook", "--all", "--yes")
        self.settled(quarantined=0, dropped=10, delivered=10)
        self.assertEqual(self.daemon.metrics()['penstock_quarantine_dropped_records_total{sink="hook"}'], 10)
        self.assertEqual(self.daemon.metrics()["penstock_quarantine_size_bytes"], 0)
        self.daemon.stop()
        self.assertEqual((self.audit()["dropped"], self.audit()["quarantined"]), (10, 0))

    def test_a_range_of_one_device_is_replayed_while_live_delivery_goes_on_killed_in_the_middle(self):
        self.daemon.start()
        self.post([70 + n % 50 for n in range(500)])
        self.settled(delivered=500)
        before = collections.Counter(self.far.taken)
        live_before = len(self.far.taken)
        self.far.pause = 0.1
        with live_load(self.daemon) as sent:
            self.do("replay", "--sink", "hook", "--from", EARLIEST, "--to", "500", "--device", "d3", "--where", "heartRate < 110",
                    "--detach")

            def replayed():
                return sum(device == "d3" for device, _ in list(self.far.taken)[live_before:])
            eventually(lambda: replayed() >= 20, what="the replay has begun")
            self.kill_in_the_middle(0)
            eventually(lambda: self.orders()[-1][3] == "done", what="the replay is done")
            live = sent[0]
        self.assertGreater(live, 0)
        books = self.settled()
        self.assertGreaterEqual(books["delivered"], 500 + live)
        chosen = [lsn for device, lsn in before if device == "d3" and self.far.rates[lsn] < 110]
        got = [lsn for device, lsn in self.far.taken[live_before:] if device == "d3"]
        self.assertEqual(set(got), set(chosen))
        self.assertLess(len(got), 2 * len(chosen), "it went on, and did not begin anew")
        firsts = list(dict.fromkeys(got))
        self.assertEqual(firsts, sorted(firsts))
        self.assertFalse([d for d, lsn in self.far.taken[live_before:] if d != "d3" and lsn <= 500])

    def test_orders_that_cannot_be_are_refused_with_a_reason_and_a_running_one_can_be_ended(self):
        self.daemon.sinks += f'  lines: {{ type: file, path: "{self.daemon.dir}/lines" }}\n'
        self.daemon.write_config()
        self.daemon.start()
        self.post([70] * 300)
        self.assertIn("no sink 'nobody'", self.do("replay", "--sink", "nobody", "--from", EARLIEST, code=1))
        self.assertIn("second delivery", self.do("replay", "--sink", "lines", "--from", EARLIEST, code=1))
        self.assertIn("must be earliest", self.do("replay", "--sink", "hook", "--from", "yesterday", code=1))
        self.assertIn("is not kept", self.do("replay", "--sink", "hook", "--from", "7000", code=1))
        self.assertIn("--where", self.do("replay", "--sink", "hook", "--from", EARLIEST, "--where", "(", code=64))
        self.assertIn("no record arrived", self.do("replay", "--sink", "hook", "--from", "2001-01-01", "--to", "2002-01-01"))
        self.far.pause = 0.5
        began = len(self.far.taken)
        name = self.do("replay", "--sink", "hook", "--from", EARLIEST, "--detach").split()[1]
        eventually(lambda: len(self.far.taken) > began, what="the replay has begun")
        self.do("orders", "cancel", name)
        eventually(lambda: [order[3] for order in self.orders() if order[0] == name] == ["cancelled"], what="the replay has ended")
        self.assertIn("already", self.do("orders", "cancel", name, code=1))


if __name__ == "__main__":
    unittest.main()
