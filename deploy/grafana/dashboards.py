#!/usr/bin/env python3
"""Writes the dashboards of this folder: dashboards/penstock.json (the node) and dashboards/sensors.json (what devices measure).

Usage: dashboards.py [--check]. With --check nothing is written; exit code 1 when a file is not what this program would write.
"""
import json
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent / "dashboards"
NODE = 'instance=~"$node"'
SINK = 'instance=~"$node",sink=~"$sink"'
STATES = ["starting", "running", "backing off", "alarm", "holding", "stopped"]
STATE_COLOURS = ["blue", "green", "yellow", "red", "red", "red"]
WIDTH = 24


def rate(metric, selector=NODE, by=""):
    inner = f"rate({metric}{{{selector}}}[$__rate_interval])"
    return f"sum by ({by}) ({inner})" if by else f"sum({inner})"


def quantiles(metric, selector=NODE, levels=(0.5, 0.9, 0.99, 0.999)):
    return [(f"histogram_quantile({level}, sum by (le) (rate({metric}_bucket{{{selector}}}[$__rate_interval])))",
             f"p{level * 100:g}") for level in levels]


class Dashboard:
    """Panels from left to right and top to bottom; a row has a title and panels of one height."""

    def __init__(self, uid, title, source, variables):
        self.uid, self.title, self.source, self.variables = uid, title, source, variables
        self.panels, self.y, self.x, self.height = [], 0, 0, 0

    def row(self, title, height):
        self.y, self.x = self.y + (self.height if self.x else 0), 0
        self.add({"type": "row", "title": title, "collapsed": False, "panels": []}, WIDTH, 1)
        self.y, self.x, self.height = self.y + 1, 0, height

    def add(self, panel, width, height):
        if self.x + width > WIDTH:
            self.x, self.y = 0, self.y + height
        panel |= {"id": len(self.panels) + 1, "gridPos": {"x": self.x, "y": self.y, "w": width, "h": height}}
        if panel["type"] != "row":
            panel["datasource"] = {"type": "prometheus", "uid": self.source}
            self.x += width
        self.panels.append(panel)

    def panel(self, kind, title, says, queries, unit="short", width=8, options=None, defaults=None):
        self.add({
            "type": kind, "title": title, "description": says, "options": options or {},
            "targets": [{"refId": chr(ord("A") + i), "expr": expr, "legendFormat": legend}
                        for i, (expr, legend) in enumerate(queries)],
            "fieldConfig": {"defaults": {"unit": unit, **(defaults or {})}, "overrides": []},
        }, width, self.height)

    def graph(self, title, says, queries, unit="short", width=8, stack=False):
        custom = {"fillOpacity": 15 if stack else 0, "showPoints": "never", "stacking": {"mode": "normal" if stack else "none"}}
        options = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
        self.panel("timeseries", title, says, queries, unit, width, options, {"custom": custom, "min": 0})

    def figure(self, title, says, expr, unit="short", width=3, bad_from=None, bad_below=None):
        """One number; red from `bad_from` on, or below `bad_below`."""
        steps = [{"color": "green", "value": None}]
        if bad_from is not None:
            steps.append({"color": "red", "value": bad_from})
        if bad_below is not None:
            steps = [{"color": "red", "value": None}, {"color": "green", "value": bad_below}]
        options = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"}
        self.panel("stat", title, says, [(expr, "")], unit, width, options, {"thresholds": {"mode": "absolute", "steps": steps}})

    def states(self, title, says, queries, names, colours, width=8):
        shown = {str(i): {"text": name, "color": colours[i], "index": i} for i, name in enumerate(names)}
        options = {"showValue": "never", "rowHeight": 0.8, "legend": {"displayMode": "list", "placement": "bottom"}}
        self.panel("state-timeline", title, says, queries, "short", width, options,
                   {"mappings": [{"type": "value", "options": shown}]})

    def text(self):
        board = {
            "uid": self.uid, "title": self.title, "tags": ["penstock"], "schemaVersion": 39, "version": 1, "editable": False,
            "timezone": "browser", "refresh": "10s", "time": {"from": "now-1h", "to": "now"}, "graphTooltip": 1,
            "templating": {"list": [self.variable(*variable) for variable in self.variables]}, "panels": self.panels,
        }
        return json.dumps(board, indent=1) + "\n"

    def variable(self, name, label, query):
        return {"type": "query", "name": name, "label": label, "query": query, "refresh": 2, "sort": 1, "multi": True,
                "includeAll": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"},
                "datasource": {"type": "prometheus", "uid": self.source}}


def node():
    board = Dashboard("penstock", "Penstock", "prometheus", [
        ("node", "Node", "label_values(penstock_build_info, instance)"),
        ("sink", "Sink", 'label_values(penstock_sink_state{instance=~"$node"}, sink)')])

    board.row("At a glance", 4)
    board.figure("Nodes up", "Nodes that answer.", f'sum(up{{job="penstock",{NODE}}})', bad_below=1)
    board.figure("Records a second", "Taken from devices.", rate("penstock_received_records_total"), "cps")
    board.figure("Lost", "Acknowledged records that were found damaged. Must be 0.",
                 f"sum(penstock_journal_lost_lsns_total{{{NODE}}}) + sum(penstock_sink_corrupt_records_total{{{NODE}}})", bad_from=1)
    board.figure("Expired", "Records that retention deleted before a sink had them, since the start. Must be 0 with when_behind: hold.",
                 f"sum(penstock_sink_expired_records_total{{{NODE}}})", bad_from=1)
    board.figure("Out of balance", "Records of a sink's ledger that are neither delivered, kept aside, filtered, expired, lost nor "
                 "pending. Must be 0.", ledger_gap(), bad_from=1)
    board.figure("Room for an outage", "How long every sink may be down before the journal is full.",
                 f"min(penstock_journal_outage_reserve_seconds{{{NODE}}})", "s", bad_below=7200)
    board.figure("Furthest behind", "Age of the oldest record that some sink has not settled.",
                 f"max(penstock_sink_lag_seconds{{{NODE}}})", "s", bad_from=300)
    board.figure("Acknowledged within", "99 of 100 records, of the last minutes.",
                 quantiles("penstock_ack_latency_seconds", levels=(0.99,))[0][0], "s", bad_from=1)

    board.row("Flow", 8)
    board.graph("Records by stage", "From the device to the far sides.", [
        (rate("penstock_received_records_total"), "received"), (rate("penstock_journal_records_total"), "durable"),
        (rate("penstock_acked_records_total"), "acknowledged"), (rate("penstock_sink_confirmed_records_total", by="sink"), "{{sink}}")],
        "cps", 12)
    board.graph("Kept aside and refused", "By reason. Kept aside: in the journal, marked. Refused: told to the device, not kept.", [
        (rate("penstock_quarantined_records_total", by="reason"), "aside: {{reason}}"),
        (rate("penstock_refused_records_total", by="reason"), "refused: {{reason}}")], "cps", 12, stack=True)
    board.graph("Received by source", "", [(rate("penstock_received_records_total", by="source"), "{{source}}")], "cps")
    board.graph("Bytes", "", [(rate("penstock_received_bytes_total", by="listener"), "from devices: {{listener}}"),
                              (rate("penstock_journal_bytes_total"), "to the journal"),
                              (rate("penstock_sink_sent_bytes_total", by="sink"), "to {{sink}}")], "Bps")
    board.graph("Told to wait", "Connections that were not read for a moment because the journal or another shard had no room.",
                [(rate("penstock_intake_busy_total"), "a second")], "cps")

    board.row("Latency", 8)
    board.graph("Acknowledgement", "From the arrival of a message to the release of its acknowledgement.",
                quantiles("penstock_ack_latency_seconds"), "s", 12)
    board.graph("Commit", "From the start of a write until it is durable: the disk.", quantiles("penstock_journal_commit_seconds"),
                "s", 12)

    board.row("Sinks", 8)
    board.states("State", "", [(f"penstock_sink_state{{{SINK}}}", "{{sink}}")], STATES, STATE_COLOURS)
    board.graph("Lag", "Durable records that the sink has not settled.", [(f"penstock_sink_lag_records{{{SINK}}}", "{{sink}}")])
    board.graph("Lag in time", "Age of the oldest of them.", [(f"penstock_sink_lag_seconds{{{SINK}}}", "{{sink}}")], "s")
    board.graph("Settled", "Confirmed by the far side, each once.",
                [(rate("penstock_sink_confirmed_records_total", SINK, "sink"), "{{sink}}")], "cps")
    board.graph("Errors and retries", "", [(rate("penstock_sink_errors_total", SINK, "sink, class"), "{{sink}}: {{class}}"),
                                           (rate("penstock_sink_retries_total", SINK, "sink"), "{{sink}}: retries")], "cps")
    board.graph("Not delivered", "Since the start: refused by the far side, filtered by its settings, expired.", [
        (f"penstock_sink_quarantined_records_total{{{SINK}}}", "{{sink}}: refused"),
        (f"penstock_sink_filtered_records_total{{{SINK}}}", "{{sink}}: filtered"),
        (f"penstock_sink_expired_records_total{{{SINK}}}", "{{sink}}: expired")])

    board.row("Devices", 8)
    board.graph("Connections", "", [(f"sum by (listener) (penstock_connections{{{NODE}}})", "{{listener}}")])
    board.graph("Coming and going", "", [(rate("penstock_connections_total", by="listener"), "opened: {{listener}}"),
                                         (rate("penstock_disconnects_total", by="reason"), "ended: {{reason}}")], "cps")
    board.graph("Log-ins", "", [(rate("penstock_auth_attempts_total", by="means, result"), "{{means}}: {{result}}")], "cps")
    board.graph("Memory of connections", "Beginnings of packets, and answers that are not read.",
                [(f"sum(penstock_connection_buffer_bytes{{{NODE}}})", "bytes")], "bytes")
    board.graph("HTTP answers", "", [(rate("penstock_http_requests_total", by="code"), "{{code}}")], "cps")
    board.graph("Scores", "Devices whose level is learned, and those forgotten for want of memory.", [
        (f"sum(penstock_score_devices{{{NODE}}})", "learned"), (f"sum(penstock_score_evicted_devices{{{NODE}}})", "forgotten")])

    board.row("Journal", 8)
    board.graph("Size", "", [(f"sum(penstock_journal_size_bytes{{{NODE}}})", "segments"),
                             (f"sum(penstock_journal_held_bytes{{{NODE}}})", "held for sinks that are behind"),
                             (f"sum(penstock_quarantine_size_bytes{{{NODE}}})", "quarantine")], "bytes")
    board.graph("Commits", "", [(rate("penstock_journal_commits_total"), "commits"),
                                (rate("penstock_journal_records_total") + " / " + rate("penstock_journal_commits_total"),
                                 "records a commit")], "short")
    board.states("Space", "", [(f"penstock_journal_full{{{NODE}}} * 2 + penstock_journal_low_space{{{NODE}}} < 2 or "
                                f"penstock_journal_full{{{NODE}}} * 2", "{{instance}}")],
                 ["enough", "low", "full"], ["green", "yellow", "red"])

    board.row("Process", 8)
    board.graph("Processor", "Cores.", [(f"rate(process_cpu_seconds_total{{{NODE}}}[$__rate_interval])", "{{instance}}")])
    board.graph("Memory", "", [(f"process_resident_memory_bytes{{{NODE}}}", "{{instance}}")], "bytes")
    board.graph("Descriptors and log", "", [(f"process_open_fds{{{NODE}}}", "descriptors"),
                                            (rate("penstock_log_lines_total", by="level"), "log lines a second: {{level}}")])
    return board


def ledger_gap():
    """durable - base - what is accounted for, over all sinks: exact in every scrape."""
    parts = ["confirmed_records_total", "quarantined_records_total", "filtered_records_total", "expired_records_total",
             "corrupt_records_total", "skipped_lsns_total", "lag_records"]
    return (f"sum(abs(penstock_sink_durable_lsn{{{NODE}}} - penstock_sink_base_lsn{{{NODE}}}"
            + "".join(f" - penstock_sink_{part}{{{NODE}}}" for part in parts) + "))")


def sensors():
    chosen = 'deviceId=~"$device"'
    board = Dashboard("penstock-sensors", "Sensor values", "sensors",
                      [("device", "Device", "label_values(wearables_heartRate, deviceId)")])
    board.row("What devices measure: the stream `wearables`, as the sink `metrics` writes it", 9)
    board.graph("Heart rate", "The newest value of each device; the 20 highest.",
                [(f"topk(20, max by (deviceId) (wearables_heartRate{{{chosen}}}))", "{{deviceId}}")], width=12)
    board.graph("Score", "How unusual the value is for its device: 0 to 1; the 20 highest.",
                [(f"topk(20, max by (deviceId) (wearables_score{{{chosen}}}))", "{{deviceId}}")], width=12)
    board.graph("Devices by status", "", [(f"count by (status) (wearables_heartRate{{{chosen}}})", "{{status}}")], width=12)
    board.graph("Steps", "", [(f"topk(20, max by (deviceId) (wearables_steps{{{chosen}}}))", "{{deviceId}}")], width=12)
    return board


def main():
    check = "--check" in sys.argv[1:]
    wrong = 0
    for board, name in ((node(), "penstock.json"), (sensors(), "sensors.json")):
        path, text = FOLDER / name, board.text()
        if not check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            print(f"{path}: not what dashboards.py writes")
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
