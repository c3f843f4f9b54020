"""The whole picture of deploy/docker-compose.yml, by hand: its settings, scrape file, rules and dashboards with a real Kafka,
S3 server, VictoriaMetrics and Prometheus. Every query of every dashboard must return something.

PENSTOCK_PICTURE_SECONDS is how long the fleet sends before the queries are asked (default 10).
"""
import json
import os
import pathlib
import re
import subprocess
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from support import yaml_file
from support.daemon import BINARY, ROOT, Daemon, eventually, free_ports
from support.servers import S3, Kafka, Victoria

DEPLOY = ROOT / "deploy"
SECONDS = int(os.environ.get("PENSTOCK_PICTURE_SECONDS", "10"))
BOARDS = {path.stem: json.loads(path.read_text()) for path in sorted((DEPLOY / "grafana/dashboards").glob("*.json"))}


def queries(board):
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def metrics_in(expression):
    """Names of metrics; everything else in PromQL is a function, a keyword, a label or a number."""
    bare = re.sub(r'"[^"]*"|\[[^\]]*\]|\{[^}]*\}|\b(by|without)\s*\([^)]*\)', "", expression)
    return set(re.findall(r"\b(?:penstock|process)_\w+|\bpenstock:[\w:]+", bare))


class Agreement(unittest.TestCase):
    def test_the_dashboards_are_what_their_program_writes(self):
        done = subprocess.run(["python3", str(DEPLOY / "grafana/dashboards.py"), "--check"], capture_output=True, text=True,
                              check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)

    def test_every_metric_that_is_shown_or_judged_exists(self):
        rules = [rule for group in yaml_file.load(DEPLOY / "prometheus/rules.yml")["groups"] for rule in group["rules"]]
        known = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/METRICS.md").read_text(), re.M))
        histograms = set(re.findall(r"^\| `(\w+)` \| histogram", (ROOT / "docs/METRICS.md").read_text(), re.M))
        known |= {f"{name}_{part}" for name in histograms for part in ("bucket", "sum", "count")}
        known |= {rule["record"] for rule in rules if "record" in rule}
        expressions = [rule["expr"] for rule in rules] + [expr for _, expr in queries(BOARDS["penstock"])]
        expressions += [variable["query"] for variable in BOARDS["penstock"]["templating"]["list"]]
        named = set().union(*map(metrics_in, expressions))
        self.assertGreater(len(named), 40)
        self.assertEqual({name for name in named - known if not name.startswith("process_")}, set())

    def test_panels_stand_beside_each_other_and_ask_a_source_that_is_set_up(self):
        sources = {source["uid"] for source in
                   yaml_file.load(DEPLOY / "grafana/provisioning/datasources/stores.yaml")["datasources"]}
        for name, board in BOARDS.items():
            taken = {}
            for panel in board["panels"]:
                place = panel["gridPos"]
                self.assertLessEqual(place["x"] + place["w"], 24, f"{name}: {panel['title']}")
                for cell in ((x, y) for x in range(place["x"], place["x"] + place["w"])
                             for y in range(place["y"], place["y"] + place["h"])):
                    self.assertNotIn(cell, taken, f"{name}: {panel['title']} lies on {taken.get(cell)}")
                    taken[cell] = panel["title"]
                if panel["type"] != "row":
                    self.assertIn(panel["datasource"]["uid"], sources)
                    self.assertTrue(panel["title"] and panel["targets"])


def ask(store, path, **parameters):
    try:
        with urllib.request.urlopen(f"{store}{path}?{urllib.parse.urlencode(parameters)}", timeout=10) as answer:
            return json.load(answer)["data"]
    except (urllib.error.URLError, ConnectionError):
        return {}


class Prometheus:
    """A real one, with the scrape file and the rules of deploy/, every second."""

    def __init__(self, folder, node, token):
        [port] = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        config = (DEPLOY / "prometheus/prometheus.yml").read_text()
        for there, here in (("penstock:9850", node), ("/run/secrets/admin_token", str(token)), ("10s", "1s"),
                            ("[rules.yml]", f"[{DEPLOY}/prometheus/rules.yml]")):
            assert there in config, there
            config = config.replace(there, here)
        file = folder / "prometheus.yml"
        file.write_text(config)
        self.log = open(folder / "prometheus.log", "wb")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={file}", f"--storage.tsdb.path={folder}/tsdb", f"--web.listen-address=127.0.0.1:{port}"],
            stdout=self.log, stderr=self.log)

    def query(self, expression):
        return ask(self.url, "/api/v1/query", query=expression).get("result", [])

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


class Picture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = []
        cls.addClassCleanup(lambda: [server.close() for server in cls.servers])
        cls.servers.append(Kafka())
        cls.servers.append(S3(bucket="telemetry"))
        cls.servers.append(Victoria())
        cls.kafka, cls.s3, cls.victoria = cls.servers
        cls.daemon = Daemon()
        cls.addClassCleanup(cls.daemon.close)
        cls.secrets = cls.daemon.dir / "secrets"
        cls.secrets.mkdir()
        for name, text in (("admin_token", "an-operator's-token"), ("fleet_token", "a-token-of-the-fleet"),
                           ("s3_secret_key", "penstock-secret")):
            (cls.secrets / name).write_text(text)
        cls.daemon.config.write_text(cls.settings())
        cls.daemon.start()
        cls.prometheus = Prometheus(cls.daemon.dir, f"127.0.0.1:{cls.daemon.admin}", cls.secrets / "admin_token")
        cls.addClassCleanup(cls.prometheus.close)
        cls.fleet = subprocess.Popen(
            [str(BINARY), "sim", f"--mqtt=127.0.0.1:{cls.daemon.mqtt}", f"--http=127.0.0.1:{cls.daemon.http}", "--user=fleet",
             f"--password-file={cls.secrets}/fleet_token", "--devices=50", "--rate=200", "--seconds=0", "--out-of-range=0.05",
             "--bad-json=0.02"], stdout=subprocess.DEVNULL)
        cls.addClassCleanup(cls.fleet.wait)
        cls.addClassCleanup(cls.fleet.terminate)
        time.sleep(SECONDS)

    @classmethod
    def settings(cls):
        text = (DEPLOY / "compose/penstock.yaml").read_text()
        here = {"/run/secrets": str(cls.secrets), "/var/lib/penstock": str(cls.daemon.data), "kafka:9092": cls.kafka.endpoint,
                "http://victoriametrics:8428": cls.victoria.endpoint, "http://s3:7070": cls.s3.endpoint,
                "0.0.0.0:1883": f"127.0.0.1:{cls.daemon.mqtt}", "0.0.0.0:8080": f"127.0.0.1:{cls.daemon.http}",
                "0.0.0.0:9850": f"127.0.0.1:{cls.daemon.admin}"}
        for name, value in here.items():
            assert name in text, name
            text = text.replace(name, value)
        # The archive waits a minute for more before it writes an object.
        return text.replace("    s3:\n", "    window: { age: 1s }\n    s3:\n")

    def all_answer(self, board, query):
        left = [(title, expr) for title, expr in queries(board)]

        def none_left():
            left[:] = [(title, expr) for title, expr in left
                       if not query(expr.replace("$__rate_interval", "15s").replace("$node", ".*").replace("$sink", ".*")
                                    .replace("$device", ".*"))]
            return not left
        try:
            eventually(none_left, 60, 1, "an answer to every query")
        except AssertionError as error:
            raise AssertionError(f"no answer: {left}\n{self.daemon.log()[-1500:]}") from error

    def test_1_every_rule_is_evaluated_and_nothing_is_wrong(self):
        eventually(lambda: self.prometheus.query("penstock:received_records:rate5m"), 60, 1, "a recording rule")
        groups = eventually(lambda: ask(self.prometheus.url, "/api/v1/rules").get("groups"), 30, 1, "rules")
        for rule in (rule for group in groups for rule in group["rules"]):
            self.assertEqual(rule["health"], "ok", rule)
        firing = {alert["labels"]["alertname"] for alert in ask(self.prometheus.url, "/api/v1/alerts")["alerts"]
                  if alert["state"] == "firing"}
        self.assertEqual(firing, set())

    def test_2_the_values_of_sensors_are_shown(self):
        self.all_answer(BOARDS["sensors"], lambda expr: ask(self.victoria.endpoint, "/api/v1/query", query=expr).get("result", []))

    def test_3_every_query_about_the_node_is_answered(self):
        balanced = next(expr for title, expr in queries(BOARDS["penstock"]) if title == "Out of balance")
        balanced = balanced.replace("$node", ".*")
        [gap] = eventually(lambda: self.prometheus.query(balanced), 30, 1, "the ledger")
        self.assertEqual(float(gap["value"][1]), 0)
        self.kafka.kill()  # so that there are errors to show
        self.all_answer(BOARDS["penstock"], self.prometheus.query)

    def test_4_records_have_come_to_the_bucket(self):
        def objects():
            return [path for path in pathlib.Path(self.s3.dir).rglob("*.zst") if "/raw/" in str(path)]
        eventually(objects, 60, 1, "an object in the bucket")


if __name__ == "__main__":
    unittest.main()
