"""The oracle is not fooled: what is planted in the far sides, it finds, names and ends with 1 for."""
import contextlib
import http.server
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import types
import unittest
import unittest.mock as mock
import urllib.parse

ORACLE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(ORACLE.parent), str(ORACLE.parent / "scenario")]

from oracle import ledger  # noqa: E402
from oracle.payload import BASE_MS, members  # noqa: E402
from oracle.verdict import Book  # noqa: E402
from support import judgement  # noqa: E402

DEVICES, NUMBERS = ("a", "b"), range(1, 21)


def enriched(device, number, lsn):
    return {**members(device, number), "status": "NORMAL", "_penstock": {"journal": "j", "lsn": lsn}}


def delivery():
    """Two devices, taking turns."""
    pairs = [(device, number) for number in NUMBERS for device in DEVICES]
    return [enriched(*pair, lsn) for lsn, pair in enumerate(pairs, 1)]


def book():
    kept = Book()
    for device in DEVICES:
        for _ in NUMBERS:
            kept.ack(device, kept.issue(device))
    return kept


def swap(values, i, j):
    values[i], values[j] = values[j], values[i]


# What is planted, and what the verdict has to say of it.
PLANTED = {
    "a loss": (lambda v: v.pop(7), "lost 1", False),
    "the loss of the last record": (lambda v: v.pop(), "lost 1", False),
    "a duplicate of the same identity": (lambda v: v.insert(9, v[6]), "duplicated 1", True),
    "a record kept twice under two identities": (lambda v: v.append(enriched("a", 3, 99)), "doubled 1", False),
    "a swap of two records of a device": (lambda v: swap(v, 4, 6), "out of order 1", False),
    "a swap that the LSNs hide": (
        lambda v: (v[4].update(members("a", 4)), v[6].update(members("a", 3))), "out of order 1", False),
    "a swap of two devices": (lambda v: swap(v, 4, 5), "out of order 0", True),
    "a changed value": (lambda v: v[5].update(heartRate=99), "corrupted 1", False),
    "a changed byte of a text": (lambda v: v[5].update(note="N" + v[5]["note"][1:]), "corrupted 1", False),
    "a member that is gone": (lambda v: v[5].pop("check"), "corrupted 1", False),
    "a record that nobody sent": (lambda v: v.append(enriched("a", 21, 99)), "corrupted 1", False),
    "one identity for two records": (lambda v: v[9]["_penstock"].update(lsn=3), "corrupted 1", False),
    "nothing": (lambda v: None, "lost 0", True),
}


def judge(*options):
    done = subprocess.run([sys.executable, "-B", str(ORACLE), "judge", *map(str, options)], capture_output=True, text=True,
                          timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


class Planted(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.dir = pathlib.Path(self.folder.name)
        self.book = self.dir / "book.json"
        book().save(self.book)

    def write_archive(self, values):
        """Two windows of one partition."""
        part = self.dir / "lake/stream=wearables/date=2025-06-15/hour=15"
        part.mkdir(parents=True, exist_ok=True)
        for first, lines in ((1, values[:20]), (21, values[20:])):
            text = "".join(json.dumps(value) + "\n" for value in lines)
            name = f"j-{first:020}-{first + 19:020}.ndjson.zst"
            (part / name).write_bytes(
                subprocess.run(["zstd", "-qc"], input=text.encode(), capture_output=True, check=True).stdout)
        return self.dir / "lake"

    def test_what_is_planted_in_an_archive_is_found(self):
        for what, (plant, says, sound) in PLANTED.items():
            with self.subTest(what):
                values = delivery()
                plant(values)
                code, text = judge("--book", self.book, "--archive", self.write_archive(values))
                self.assertIn(says, text)
                self.assertEqual(code, 0 if sound else 1, text)

    def test_a_loss_in_one_far_side_is_not_made_up_for_by_another(self):
        values = delivery()
        whole = self.write_archive(values)
        with served({"/v1/devices/a/history": history(values[:-2], "a"), "/v1/devices/b/history": history(values, "b")}) as port:
            code, text = judge("--book", self.book, "--archive", whole, "--history", port)
        self.assertIn("history: issued 40, acknowledged 40, delivered 39, lost 1", text)
        self.assertEqual(code, 1, text)

    def test_a_point_that_is_missing_or_changed_in_a_store_is_found(self):
        for plant, says in ((lambda steps, rates: steps.pop(3), "lost 1"),
                            (lambda steps, rates: rates.__setitem__(3, (rates[3][0], 61.5)), "corrupted 1"),
                            (lambda steps, rates: None, "lost 0")):
            answers = {}
            for name in ("steps", "heartRate"):
                answers[name] = {d: [(BASE_MS + n, members(d, n)[name]) for n in NUMBERS] for d in DEVICES}
            plant(answers["steps"]["a"], answers["heartRate"]["a"])
            with served({"/internal/force_flush": "", "/api/v1/export": lambda query: export(query, answers)}) as port:
                code, text = judge("--book", self.book, "--series", f"http://127.0.0.1:{port}")
            self.assertIn(says, text)
            self.assertEqual(code, 0 if says == "lost 0" else 1, text)

    def test_a_ledger_that_does_not_balance_is_found(self):
        names = ("confirmed_records_total", "quarantined_records_total", "filtered_records_total", "expired_records_total",
                 "corrupt_records_total", "skipped_lsns_total", "lag_records", "state")
        for confirmed, code in ((33, 0), (32, 1)):
            lines = ['penstock_sink_durable_lsn{sink="lake"} 50', 'penstock_sink_base_lsn{sink="lake"} 10']
            lines += [f'penstock_sink_{name}{{sink="lake"}} {value}'
                      for name, value in zip(names, (confirmed, 1, 2, 0, 0, 4, 0, 1))]
            with served({"/metrics": "\n".join(lines)}) as port:
                self.assertEqual(judge("--book", self.book, "--ledger", port)[0], code)

    def test_a_sink_that_has_not_seen_the_newest_record_is_waited_for(self):
        lines = {"state": 1, "lag_records": 0, "durable_lsn": 50, "base_lsn": 10}
        seen = {f'penstock_sink_{name}{{sink="lake"}}': float(value) for name, value in lines.items()}
        self.assertTrue(ledger.settled(seen | {"penstock_journal_durable_lsn": 50.0}))
        self.assertFalse(ledger.settled(seen | {"penstock_journal_durable_lsn": 51.0}))

    def test_an_audit_that_does_not_add_up_is_found(self):
        sink = {"sink": "lake", "accepted": 10, "delivered": 5, "quarantined": 1, "dropped": 0, "filtered": 1, "expired": 0, "lost": 0, "pending": 3}
        for change, found in (({}, 0), ({"pending": 2}, 1), ({"lost": 1, "pending": 2}, 1)):
            said = {"code": 0, "sound": True, "damaged": 0, "sinks": [{**sink, **change}]}
            self.assertEqual(len(ledger.audit_problems(said)), found)
        self.assertEqual(len(ledger.audit_problems({"code": 1, "sound": False, "damaged": 1, "sinks": [sink]})), 1)

    def test_a_journal_that_no_longer_holds_everything_is_audited_all_the_same(self):
        audit = {"code": 0, "sound": True, "damaged": 0, "records": 1, "sinks": []}
        daemon = types.SimpleNamespace(admin=0, config="c")
        with (mock.patch.object(ledger, "wait_until_settled"), mock.patch.object(ledger, "problems", return_value=[]),
              contextlib.redirect_stdout(io.StringIO())):
            with mock.patch.object(ledger, "audit", return_value=audit):
                self.assertEqual(judgement.judge(self, Book(), daemon, history=False), {})
            with (mock.patch.object(ledger, "audit", return_value={**audit, "sound": False}),
                  self.assertRaisesRegex(AssertionError, "not sound")):
                judgement.judge(self, Book(), daemon, history=False)


def history(values, device):
    mine = [value for value in reversed(values) if value["deviceId"] == device]

    def page(query):
        start = int(query.get("after", ["0"])[0])
        end = start + 7
        return json.dumps({"records": mine[start:end], "next": str(end) if end < len(mine) else None})
    return page


def export(query, answers):
    name = query["match[]"][0].split("wearables_")[1].rstrip('"}')
    return "\n".join(json.dumps({"metric": {"deviceId": device}, "timestamps": [ms for ms, _ in points],
                                 "values": [value for _, value in points]}) for device, points in answers[name].items())


@contextlib.contextmanager
def served(answers):
    """A server of these paths: a text, or what makes one of the query."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            url = urllib.parse.urlsplit(self.path)
            answer = answers[url.path]
            text = answer if isinstance(answer, str) else answer(urllib.parse.parse_qs(url.query))
            self.send_response(200)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


if __name__ == "__main__":
    unittest.main()
