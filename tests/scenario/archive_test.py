"""What an operator does with an archive: prove that it misses nothing, beside a running daemon and after it."""
import json
import pathlib
import subprocess
import unittest

from support.daemon import BINARY, Daemon, eventually

LAKE = """
sinks:
  lake:
    type: archive
    local: {{ directory: "{dir}/lake" }}
    where: "heartRate != 66"
    window: {{ bytes: 64KiB, age: 100ms }}
"""


def run(*arguments):
    done = subprocess.run([str(BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


class Archive(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon()
        self.addCleanup(self.daemon.close)
        self.daemon.sinks = LAKE.format(dir=self.daemon.dir)
        self.daemon.write_config()
        self.lake = self.daemon.dir / "lake"

    def do(self, *arguments, code=0):
        got, out, said = run(*arguments, "--config", self.daemon.config)
        self.assertEqual(got, code, f"{arguments}: {out}{said}\n{self.daemon.log()[-2000:]}")
        return out + said

    def post(self, count):
        """Records of five devices in turn; every tenth is not for the archive."""
        lines = "\n".join(json.dumps({"deviceId": f"d{n % 5}", "heartRate": 66 if n % 10 == 9 else 70}) for n in range(count))
        self.assertEqual(self.daemon.post("/v1/ingest/wearables", lines, {"Content-Type": "application/x-ndjson"})[0], 200)

    def objects(self):
        return sorted(path for path in self.lake.rglob("*.zst") if ".penstock" not in str(path))

    def archived(self):
        """How many records the archive has confirmed."""
        [sink] = self.daemon.get_json("/v1/sinks")[1]
        return sink["ledger"]["delivered"]

    def test_verify_proves_it_at_any_moment_and_names_what_is_missing(self):
        self.daemon.start()
        for _ in range(5):
            self.post(200)
            self.assertIn("nothing is missing", self.do("archive", "verify"))
        self.daemon.kill()
        self.assertIn("nothing is missing", self.do("archive", "verify"))
        self.daemon.start()
        eventually(lambda: self.archived() == 900, what="all is archived")
        said = eventually(lambda: out if "100 filtered" in (out := self.do("archive", "verify", "--deep")) else None,
                          what="the cursor is saved")
        self.assertIn("LSN 1 to 1000: 900 records archived, 100 LSNs were not for this sink", said)
        self.assertIn("900 archived, 100 filtered, 0 refused", said)

        self.do("replay", "--sink", "lake", "--from", "101", "--to", "300", "--device", "d1")
        said = self.do("archive", "verify")
        self.assertIn("nothing is missing", said)
        self.assertEqual(len(list((self.lake / "manifest/lake").rglob("*.json"))), said.count("1 manifests"))

        victim = self.objects()[0]
        name = str(victim.relative_to(self.lake))
        kept = victim.read_bytes()
        victim.unlink()
        self.assertIn(f"{name}: is missing (", self.do("archive", "verify", code=1))
        victim.write_bytes(kept[:-1])
        self.assertIn(f"{name}: has {len(kept) - 1} bytes, not {len(kept)}", self.do("archive", "verify", "--sink", "lake", code=1))
        victim.write_bytes(kept)
        self.do("archive", "verify")
        self.assertIn("no archive 'pond'", self.do("archive", "verify", "--sink", "pond", code=64))
        self.assertIn("is no time", self.do("archive", "verify", "--since", "yesterday", code=64))


class Restore(unittest.TestCase):
    def test_what_was_archived_comes_back_with_the_ids_that_it_had(self):
        for form in ("ndjson", "raw", "parquet"):
            with self.subTest(form), Daemon() as daemon:
                self.restore(daemon, form)

    def restore(self, daemon, form):
        lines, back = daemon.dir / "lines", daemon.dir / "back"
        both = (f'sinks:\n  lake: {{ type: archive, local: {{ directory: "{daemon.dir}/lake" }}, format: {form}, window: {{ age: 50ms }} }}\n'
                f'  lines: {{ type: file, path: "{lines}" }}\n')
        daemon.sinks = both
        daemon.write_config()
        daemon.start()
        for hour in range(3):
            at = f"2026-01-0{1 + hour}T12:30:00Z"
            body = "\n".join(json.dumps({"deviceId": f"d{n % 5}", "heartRate": 100 + n, "timestamp": at, "at": {"x": n}}) for n in range(100))
            self.assertEqual(daemon.post("/v1/ingest/wearables", body, {"Content-Type": "application/x-ndjson"})[0], 200)
        eventually(lambda: all(s["ledger"]["delivered"] == 300 for s in daemon.get_json("/v1/sinks")[1]), what="both have all")
        target = ("--sink", "lake", "--to", "back", "--config", daemon.config)
        daemon.sinks = both + f'  back: {{ type: file, path: "{back}" }}\n'
        daemon.write_config()

        def lake(*arguments, code=0):
            got, out, said = run("archive", "restore", *arguments)
            self.assertEqual(got, code, out + said)
            return out + said
        self.assertIn("stop the daemon first", lake(*target, code=1))
        daemon.stop()
        if form == "parquet":
            self.assertIn("is Parquet: only ndjson and raw", lake(*target, code=1))
            return
        self.assertIn("300 delivered", lake(*target))
        self.assertEqual(back.read_bytes(), lines.read_bytes())
        back.unlink()
        self.assertIn("20 delivered", lake(*target, "--from", "2026-01-02T12:30", "--until", "2026-01-02T12:31", "--device", "d3"))
        self.assertEqual([json.loads(line)["deviceId"] for line in back.read_text().splitlines()], ["d3"] * 20)
        self.assertIn("no object", lake(*target, "--stream", "pumps", code=1))
        self.assertIn("no archive 'pond'", lake("--sink", "pond", "--to", "back", "--config", daemon.config, code=64))
        victim = sorted((daemon.dir / "lake").rglob("*.zst"))[0]
        victim.write_bytes(victim.read_bytes()[:-1])
        self.assertIn("is not what its manifest says", lake(*target, code=1))


class Cursors(unittest.TestCase):
    def test_every_cursor_is_listed_and_none_is_lost_with_its_sink(self):
        with Daemon() as daemon:
            both = 'sinks:\n  old: {{ type: file, path: "{0}/old" }}\n  kept: {{ type: file, path: "{0}/kept" }}\n'.format(daemon.dir)
            daemon.sinks = both
            daemon.write_config()
            daemon.start()
            self.assertEqual(daemon.post("/v1/ingest/wearables", json.dumps({"deviceId": "d", "heartRate": 70}))[0], 200)
            eventually(daemon.caught_up, what="both have it")
            daemon.stop()
            daemon.sinks = 'sinks:\n  kept: {{ type: file, path: "{0}/kept" }}\n'.format(daemon.dir)
            daemon.write_config()
            daemon.start()
            self.assertEqual(daemon.post("/v1/ingest/wearables", json.dumps({"deviceId": "d", "heartRate": 71}))[0], 200)
            eventually(daemon.caught_up, what="the one has it")

            def rows():
                code, out, said = run("cursor", "ls", "--json", "--config", daemon.config)
                self.assertEqual(code, 0, said)
                return {row["sink"]: row for row in json.loads(out)["cursors"]}
            listed = eventually(lambda: rows() if rows()["kept"]["lagRecords"] == 0 else None, what="its cursor is saved")
            self.assertEqual({name: row["use"] for name, row in listed.items()}, {"kept": "configured", "old": "orphaned"})
            self.assertEqual((listed["old"]["lsn"], listed["old"]["lagRecords"], listed["kept"]["lsn"]), (1, 1, 2))
            self.assertGreater(listed["old"]["lagBytes"], 0)
            self.assertIn("orphaned", run("cursor", "ls", "--config", daemon.config)[1])

    def test_a_directory_without_a_journal_gets_none(self):
        with Daemon() as daemon:
            for command in (("ls",), ("set", "--sink", "lake", "--to", "earliest")):
                code, out, said = run("cursor", *command, "--data-dir", daemon.dir / "nowhere")
                self.assertEqual(code, 1, out)
                self.assertIn("nowhere", said)
            self.assertFalse(pathlib.Path(daemon.dir / "nowhere").exists())


if __name__ == "__main__":
    unittest.main()
