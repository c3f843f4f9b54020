"""deploy/prometheus/rules.yml, by `promtool test rules`: each alert fires when it should, and is silent when it should be.

A case is the series as they are when all is well, and as they are when it is not (promtool's notation: start+step x count, a
sample a minute). `at` is the minute by which the alert must have fired.
"""
import json
import pathlib
import re
import subprocess
import tempfile
import unittest

from support import yaml_file
from support.daemon import ROOT

RULES = ROOT / "deploy/prometheus/rules.yml"
NODE = 'instance="n:9850",job="penstock"'


def one(metric, well, ill, at, **labels):
    """A case of one series; its labels are those of the alert."""
    series = metric + "{" + ",".join([NODE, *(f'{name}="{value}"' for name, value in labels.items())]) + "}"
    return {series: well}, {series: ill}, at, {"job": "penstock", **labels}


def histogram(metric, upto):
    """100 a minute: 90 up to 10 ms, and all up to `upto` seconds."""
    counts = {"0.01": 90, upto: 100, "+Inf": 100}
    return {f'{metric}_bucket{{{NODE},le="{le}"}}': f"0+{count}x40" for le, count in counts.items()}


def received(values):
    return {f'penstock_received_records_total{{{NODE},source="mqtt"}}': values}


def aside(values):
    return {f'penstock_quarantined_records_total{{{NODE},reason="invalid_field"}}': values}


FILL = 'penstock_quarantine_max_bytes{%s}' % NODE
USED = 'penstock_quarantine_size_bytes{%s}' % NODE
SINK = {"sink": "events"}
CASES = {
    "PenstockDown": one("up", "1x40", "1x10 0x30", 15),
    "PenstockRecordsLost": (*one("penstock_journal_lost_lsns_total", "0x40", "0x10 3x30", 11)[:3], {}),
    "PenstockRecordsExpired": one("penstock_sink_expired_records_total", "7x40", "7x10 9x30", 12, **SINK),
    "PenstockJournalFailed": one("penstock_journal_failed", "0x40", "0x10 1x30", 11),
    "PenstockJournalFull": one("penstock_journal_full", "0x40", "0x10 1x30", 11),
    "PenstockRunwayShort": one("penstock_journal_outage_reserve_seconds", "7300x40", "7300x10 7100x30", 17),
    "PenstockDiskLow": one("penstock_journal_low_space", "0x40", "0x10 1x30", 17),
    "PenstockSinkStopped": one("penstock_sink_state", "2x40", "1x10 3x30", 14, **SINK),
    "PenstockSinkBehind": one("penstock_sink_lag_seconds", "200x40", "1x10 301x30", 22, **SINK),
    "PenstockSinkRefusals": one("penstock_sink_quarantined_records_total", "4x40", "4x10 5x30", 12, **SINK),
    "PenstockQuarantineStoreFilling": ({USED: "79x40", FILL: "100x40"}, {USED: "79x10 81x30", FILL: "100x40"}, 17,
                                       {"job": "penstock"}),
    "PenstockRecordsKeptAside": ({**received("0+600x40"), **aside("0+20x40")}, {**received("0+600x40"), **aside("0+60x40")}, 20,
                                 {}),
    "PenstockRecordsRefused": (*one("penstock_refused_records_total", "0+1x40", "0+60x40", 20, reason="too_large")[:3],
                               {"reason": "too_large"}),
    "PenstockCommitSlow": (histogram("penstock_journal_commit_seconds", "0.25"), histogram("penstock_journal_commit_seconds", "1"),
                           20, {}),
    "PenstockAckSlow": (histogram("penstock_ack_latency_seconds", "1"), histogram("penstock_ack_latency_seconds", "4"), 20, {}),
    "PenstockCursorsNotSaved": one("penstock_journal_cursor_errors_total", "0x40", "0x10 1x30", 12, **SINK),
    "PenstockFleetSilent": (received("0+60x120"), received("0+60x60 3600x60"), 85, {}),
    "PenstockLoginsDenied": (
        *one("penstock_auth_attempts_total", "0+10x40", "0+120x40", 20, means="password", result="denied")[:3],
        {"means": "password"}),
    "PenstockCertificateEnds": one("penstock_tls_certificate_expiry_timestamp_seconds", "1300000x120", "1200000x120", 65,
                                   listener="mqtts"),
    "PenstockReloadRefused": one("penstock_config_last_reload_success", "1x40", "1x10 0x30", 17),
    "PenstockLogLost": one("penstock_log_dropped_lines_total", "2x40", "2x10 3x30", 12),
}
GROUPS = yaml_file.load(RULES)["groups"]
ALERTS = {rule["alert"]: rule for group in GROUPS for rule in group["rules"] if "alert" in rule}


def expected(rule, labels):
    def filled(text):
        return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda match: labels[match.group(1)], text)
    return {"exp_labels": {"instance": "n:9850", **labels, **rule["labels"]},
            "exp_annotations": {name: filled(text) for name, text in rule["annotations"].items()}}


def test_of(name, series, at, fires):
    return {"interval": "1m", "input_series": [{"series": key, "values": values} for key, values in series.items()],
            "alert_rule_test": [{"eval_time": f"{at}m", "alertname": name, "exp_alerts": [fires] if fires else []}]}


class Rules(unittest.TestCase):
    def promtool(self, tests):
        with tempfile.TemporaryDirectory(prefix="penstock-rules-") as folder:
            file = pathlib.Path(folder) / "test.yml"
            # JSON is YAML.
            file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}))
            return subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False)

    def test_promtool_takes_the_rules(self):
        done = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_alert_has_a_case(self):
        self.assertEqual(sorted(CASES), sorted(ALERTS))

    def test_each_fires_when_it_should_and_is_silent_when_it_should_be(self):
        tests = []
        for name, (well, ill, at, labels) in CASES.items():
            tests.append(test_of(name, well, at, None))
            tests.append(test_of(name, ill, at, expected(ALERTS[name], labels)))
            if "for" in ALERTS[name] and any("x10 " in values for values in ill.values()):
                tests.append(test_of(name, ill, 10, None))  # what is ill from minute 11 on
        done = self.promtool(tests)
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr)[-4000:])

    def test_a_case_that_is_wrong_is_found(self):
        well, ill, at, labels = CASES["PenstockJournalFull"]
        fires = expected(ALERTS["PenstockJournalFull"], labels)
        self.assertNotEqual(self.promtool([test_of("PenstockJournalFull", well, at, fires)]).returncode, 0)
        self.assertNotEqual(self.promtool([test_of("PenstockJournalFull", ill, at, None)]).returncode, 0)

    def test_each_alert_says_how_bad_it_is_and_where_to_read_on(self):
        page = (ROOT / "docs/OPERATIONS.md").read_text()
        anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", page, re.M)}
        for name, rule in ALERTS.items():
            self.assertIn(rule["labels"]["severity"], ("critical", "warning"))
            file, _, anchor = rule["annotations"]["runbook"].partition("#")
            self.assertEqual(file, "docs/OPERATIONS.md")
            self.assertIn(anchor, anchors, name)


if __name__ == "__main__":
    unittest.main()
