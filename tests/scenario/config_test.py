"""Settings of several files, and what `penstock config` says of them, with a JSON Schema validator of another hand."""
import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from support import yaml_file
from support.daemon import BINARY, ROOT, Daemon, eventually, free_ports
from oracle.mqtt import Client

EXAMPLES = ROOT / "config/examples"
BASE = ROOT / "config/penstock.yaml"
# Validates documents (JSON, one a line) by the schema of the first line; a line per document: what is wrong first, or "".
VALIDATOR = """
import json, sys, jsonschema
lines = [json.loads(line) for line in sys.stdin]
jsonschema.Draft7Validator.check_schema(lines[0])
judge = jsonschema.Draft7Validator(lines[0])
for document in lines[1:]:
    print(json.dumps("; ".join(error.message for error in judge.iter_errors(document))[:500]))
"""


def penstock(*arguments, env=None):
    return subprocess.run([str(BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False, env=env)


def interpreter():
    """One that has the validator: this one, or the system's own (python3-jsonschema)."""
    return sys.executable if importlib.util.find_spec("jsonschema") else yaml_file.SYSTEM


class Schema:
    def __init__(self, *flags):
        self.text = penstock("config", "schema", *flags).stdout

    def judge(self, *documents):
        lines = [self.text.replace("\n", ""), *map(json.dumps, documents)]
        done = subprocess.run([interpreter(), "-c", VALIDATOR], input="\n".join(lines), capture_output=True, text=True,
                              timeout=120, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]


def with_stream(**field):
    return {"streams": {"meters": {"topics": ["a/+"], "fields": {"watts": {"type": "number", **field}}}}}


class TheSchema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.schema, cls.overlay = Schema(), Schema("--overlay")

    def test_it_takes_what_the_daemon_takes(self):
        files = [BASE, EXAMPLES / "tls.yaml", EXAMPLES / "wearables.yaml", ROOT / "deploy/compose/penstock.yaml"]
        for file, wrong in zip(files, self.schema.judge(*map(yaml_file.load, files))):
            self.assertEqual(wrong, "", file)

    def test_that_for_overlays_takes_them(self):
        files = sorted(EXAMPLES.glob("*.yaml"))
        for file, wrong in zip(files, self.overlay.judge(*map(yaml_file.load, files))):
            self.assertEqual(wrong, "", file)
        changed = {"sinks": {"events": {"topic": "other"}, "lake": None}}
        self.assertEqual(self.overlay.judge(changed), [""])
        self.assertIn("'type' is a required property", self.schema.judge(changed)[0])

    def test_it_takes_every_way_of_writing_a_value(self):
        good = [{"shards": 4}, {"shards": "${SHARDS}"}, {"gather_window": 0}, {"gather_window": "1.5ms"},
                {"memory_limit": "1.5GiB"}, {"sinks": None}, {"listeners": {"mqtt": None}}, with_stream(min=-1.5),
                {"auth": {"bearer": {"a": "env:TOKEN"}}}, {"sinks": {"k": {"type": "kafka", "brokers": ["a:1"], "topic": "t"}}}]
        for document, wrong in zip(good, self.schema.judge(*good)):
            self.assertEqual(wrong, "", document)

    def test_it_refuses_what_the_daemon_refuses(self):
        kafka = {"type": "kafka", "brokers": ["a:1"], "topic": "t"}
        bad = [{"shrads": 4},                                                  # a typo
               {"journal": {"segmentsize": "1MiB"}}, with_stream(minn=1),      # deeper
               {"sinks": {"k": {**kafka, "brokrs": []}}},                      # of a table by type
               {"sinks": {"k": {"type": "floppy"}}}, {"sinks": {"k": {**kafka, "endpoint": "http://a"}}},
               {"sinks": {"k": {"topic": "t"}}},                               # without its type
               {"sinks": {"1k": kafka}},                                       # a name that is none
               {"shards": "four"}, {"shards": 1.5}, {"shards": [4]}, {"streams": []}, {"data_dir": {}},  # wrong types
               {"shards": 65}, {"shards": -1}, {"journal": {"disk_hard": 101}},  # out of bounds
               {"memory_limit": "64"}, {"memory_limit": 64}, {"gather_window": "2 minutes"},             # no unit, or none
               {"log": {"level": "loud"}},                                     # no such word
               {"listeners": {"mqtts": {"tls": {"key": "k"}}}}]                # a required key is missing
        for document, wrong in zip(bad, self.schema.judge(*bad)):
            self.assertNotEqual(wrong, "", document)
        with tempfile.TemporaryDirectory(prefix="penstock-config-") as folder:
            file = pathlib.Path(folder) / "bad.yaml"
            for document in bad:
                file.write_text(json.dumps(document))
                self.assertEqual(penstock("check", "--config", file).returncode, 78, document)

    def test_it_has_the_keys_and_meanings_of_the_reference(self):
        schema = json.loads(self.schema.text)
        described = json.dumps(schema)
        table, known = None, 0
        for line in (ROOT / "docs/CONFIG.md").read_text().splitlines():
            row = re.match(r"^\| `([a-z0-9_]+)` \| [^|]+ \| [^|]*\| (.*) \|$", line)
            if row and "\\|" not in line:
                known += 1
                self.assertIn(json.dumps(row[2])[1:-1], described, (table, row[1]))
        self.assertGreater(known, 200)


class Explain(unittest.TestCase):
    def test_a_key_is_explained(self):
        said = penstock("config", "explain", "journal.commit_window").stdout
        for part in ("journal.commit_window\n", "duration, with a unit", "default  1ms", "bounds   must be", "takes a restart"):
            self.assertIn(part, said)
        self.assertIn("taken by a reload", penstock("config", "explain", "sinks.events.topic").stdout)
        self.assertIn("taken by a reload", penstock("config", "explain", "journal.retain_time").stdout)
        self.assertIn("takes a restart", penstock("config", "explain", "listeners.mqtts.tls.key").stdout)

    def test_a_near_miss_is_suggested(self):
        done = penstock("config", "explain", "journal.comit_window")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("did you mean 'journal.commit_window'?", done.stderr)

    def test_every_key_of_the_reference_can_be_explained(self):
        keys, table = [], ""
        for line in (ROOT / "docs/CONFIG.md").read_text().splitlines():
            heading, row = re.match(r"^## (?:Top level|`([^`]+)`)", line), re.match(r"^\| `([a-z0-9_]+)` \|", line)
            if heading:
                table = heading[1] or ""
            elif row:
                keys.append(f"{table}.{row[1]}".lstrip("."))
        for key in keys[::7]:
            self.assertEqual(penstock("config", "explain", key).returncode, 0, key)


class Init(unittest.TestCase):
    def test_the_file_is_right_and_never_written_over(self):
        with tempfile.TemporaryDirectory(prefix="penstock-config-") as folder:
            for name, flags in (("few.yaml", []), ("all.yaml", ["--all"])):
                file = pathlib.Path(folder) / name
                done = penstock("config", "init", file, *flags)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(file.read_text(), penstock("config", "init", *flags).stdout)
                self.assertEqual(penstock("check", "--config", file).returncode, 0)
                again = penstock("config", "init", file)
                self.assertEqual(again.returncode, 1)
                self.assertIn("File exists", again.stderr)
            self.assertEqual((pathlib.Path(folder) / "all.yaml").read_text(), BASE.read_text())

    def test_what_it_offers_in_comments_is_right_too(self):
        text = penstock("config", "init").stdout
        # Everything that looks like YAML behind '# ' is switched on; it must parse and hold known keys only.
        switched = re.sub(r"(?m)^( *)# ( *(?:- \{|[a-z]\w*:).*)$", r"\1\2", text)
        self.assertNotEqual(switched, text)
        schema = Schema()
        with tempfile.TemporaryDirectory(prefix="penstock-config-") as folder:
            file = pathlib.Path(folder) / "on.yaml"
            file.write_text(switched)
            self.assertEqual(schema.judge(yaml_file.load(file)), [""])


class Overlays(unittest.TestCase):
    def check(self, *files, env=None):
        return penstock("check", *(part for file in files for part in ("--config", file)), env=env)

    def test_a_problem_names_the_file_that_says_it(self):
        with tempfile.TemporaryDirectory(prefix="penstock-config-") as folder:
            base, over = pathlib.Path(folder) / "base.yaml", pathlib.Path(folder) / "over.yaml"
            base.write_text("journal:\n  segment_size: 1KiB\n")
            over.write_text("journal:\n  comit_window: 2ms\n")
            done = self.check(base, over)
            self.assertEqual(done.returncode, 78)
            self.assertIn(f"{base}:2:17: 'journal.segment_size' must be", done.stderr)
            self.assertIn(f"{over}:2:3: unknown key 'journal.comit_window'; did you mean 'commit_window'?", done.stderr)

    def test_the_examples_lie_over_the_base(self):
        with tempfile.TemporaryDirectory(prefix="penstock-config-") as folder:
            made = subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                 "-subj", "/CN=localhost", "-keyout", f"{folder}/server.key", "-out", f"{folder}/server.pem"],
                capture_output=True, check=False)
            self.assertEqual(made.returncode, 0, made.stderr)
            passwords = pathlib.Path(folder) / "passwords"
            subprocess.run([str(BINARY), "passwd", str(passwords), "fleet"], input="long enough\n", text=True, check=True,
                           capture_output=True)
            (pathlib.Path(folder) / "s3_secret_key").write_text("planted")
            for name in ("dev", "staging", "prod"):
                # The files that the examples name are made here.
                example = pathlib.Path(folder) / f"{name}.yaml"
                text = (EXAMPLES / f"{name}.yaml").read_text()
                example.write_text(text.replace("/etc/penstock/tls/", f"{folder}/").replace("/etc/penstock/passwords", str(passwords)))
                for below in ([BASE], [BASE, EXAMPLES / "wearables.yaml"]):
                    done = self.check(*below, example, env={"CREDENTIALS_DIRECTORY": folder})
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertIn(" + ".join(map(str, [*below, example])) + ": good", done.stdout)

    def test_a_later_file_wins_in_the_daemon_too_and_with_a_reload(self):
        with Daemon() as daemon:
            over = daemon.dir / "over.yaml"
            lower, daemon.mqtt = daemon.mqtt, free_ports(1)[0]
            listener = f'listeners: {{ mqtt: {{ listen: "127.0.0.1:{daemon.mqtt}" }} }}\n'
            over.write_text(listener)
            daemon.overlays = [over]
            daemon.start()
            Client(daemon.mqtt, "d").close()
            with self.assertRaises(OSError):
                Client(lower, "d")
            self.assertEqual(daemon.post("/v1/ingest/meters", "{}")[0], 404)
            over.write_text(listener + 'streams: { meters: { topics: ["m/+"], device: { field: id } } }\n')
            daemon.reload()
            eventually(lambda: "settings reloaded" in daemon.log(), 60, what="the reload")
            self.assertEqual(daemon.post("/v1/ingest/meters", '{"id":"m-1"}')[0], 200)
            over.write_text("streams: { meters: { topic: [] } }\n")
            daemon.reload()
            eventually(lambda: "reload refused" in daemon.log(), 60, what="the refusal")
            self.assertIn(f"{over}:1:22: unknown key 'streams.meters.topic'", daemon.log())

    def test_tools_take_the_data_directory_of_the_last_word(self):
        with Daemon() as daemon:
            daemon.start()
            daemon.stop()
            base, over = daemon.dir / "base.yaml", daemon.dir / "over.yaml"
            base.write_text(f"data_dir: {daemon.dir}/none\n")
            over.write_text(f"data_dir: {daemon.data}\n")
            for command in (["journal", "ls"], ["journal", "check"], ["audit"]):
                self.assertNotEqual(penstock(*command, "--config", base).returncode, 0)
                done = penstock(*command, "--config", base, "--config", over)
                self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
