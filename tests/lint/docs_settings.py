#!/usr/bin/env python3
"""Settings and metrics that the documentation names exist, and values of settings are some that they take.

docs/CONFIG.md and docs/METRICS.md, which are generated, say what there is. Looked at in the other pages: `a.b` and
`a.b: value` where `a` is a table of the top level, `key: value`, and `penstock_...`, each in back quotes.

Usage: docs_settings.py [ROOT]. Exit 1 and one line per finding, as FILE:LINE.
"""
import pathlib
import re
import sys

GENERATED = ("CONFIG.md", "METRICS.md")
HEADING = re.compile(r"^## (?:Top level|`([^`]+)`)")
ROW = re.compile(r"^\| `([a-z0-9_]+)` \| ([^|]+) \|")
QUOTED = re.compile(r"`([^`\n]+)`")
NAMED = re.compile(r"([a-z][a-z0-9_]*(?:\.[a-z0-9_<>\[\]]+)*)(?:: (\S+))?")
METRIC = re.compile(r"penstock_[a-z0-9_]+")
HISTOGRAM_PARTS = re.compile(r"_(bucket|sum|count)$")


def settings(page):
    """{key with dots: the values it may have, or None for any}; a key that several tables have may have those of each."""
    known, table = {}, None
    for line in page.splitlines():
        heading, row = HEADING.match(line), ROW.match(line)
        if heading:
            table = (heading[1] or "").removesuffix("[]")
        elif row and table is not None:
            key = f"{table}.{row[1]}" if table else row[1]
            kind = row[2].strip()
            values = None
            if kind.startswith("one of "):
                values = set(kind.removeprefix("one of ").split(", "))
            elif kind == "true or false":
                values = {"true", "false"}
            if key in known:
                values = values | known[key] if values and known[key] else None
            known[key] = values
    return known


def metrics(page):
    return {name for line in page.splitlines() if line.startswith("| `") for name in METRIC.findall(line.split("|")[1])}


class Names:
    def __init__(self, config, metric_page):
        self.settings = settings(config)
        self.metrics = metrics(metric_page)
        self.tables = {key.split(".")[0] for key in self.settings}
        self.parents = {key.rsplit(".", 1)[0] for key in self.settings if "." in key}
        self.types = set(re.findall(r"with `type: ([a-z_]+)`", config))

    def matching(self, key):
        """The settings that `key` may mean: itself, or those that end with it."""
        return [known for known in self.settings if known == key or known.endswith("." + key)]

    def problem(self, quoted):
        """What is wrong with a text in back quotes, or None."""
        if METRIC.fullmatch(quoted):
            found = quoted in self.metrics or HISTOGRAM_PARTS.sub("", quoted) in self.metrics
            return None if found else "no such metric"
        named = NAMED.fullmatch(quoted)
        if not named:
            return None
        key, value = named.groups()
        dotted = "." in key and key.split(".")[0] in self.tables
        if not dotted and value is None:
            return None
        if key == "type":
            return None if value in self.types else "no such type of sink"
        keys = self.matching(key)
        if not keys:
            looks_like_one = dotted or "_" in key
            return "no such setting" if looks_like_one and key not in self.parents else None
        allowed = [self.settings[name] for name in keys]
        if value is None or any(values is None or value in values for values in allowed):
            return None
        return f"not one of {', '.join(sorted(set().union(*allowed)))}"


def problems(names, text):
    for number, line in enumerate(text.splitlines(), 1):
        for quoted in QUOTED.findall(line):
            what = names.problem(quoted)
            if what:
                yield number, f"`{quoted}`: {what}"


def self_test(names):
    """The check finds what is planted."""
    for wrong in ("journal.on_corruption: accept_loss", "journal.no_such_key", "when_behind: drop", "type: floppy",
                  "on_invalide: refuse", "exclusive: yes", "penstock_no_such_total"):
        assert names.problem(wrong), wrong
    for right in ("journal.on_corruption: continue", "listeners.mqtt.limits", "on_invalid: refuse", "type: kafka",
                  "event: cut", "penstock_journal_commit_seconds_bucket", "sinks.<name>.batch"):
        assert not names.problem(right), right


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    names = Names((root / "docs" / "CONFIG.md").read_text(), (root / "docs" / "METRICS.md").read_text())
    self_test(names)
    pages = [page for page in sorted((root / "docs").glob("*.md")) if page.name not in GENERATED]
    found = []
    for page in [*pages, root / "README.md", root / "bench" / "README.md"]:
        for number, what in problems(names, page.read_text()):
            found.append(f"{page.relative_to(root)}:{number}: {what}")
    print("\n".join(found) if found else f"docs: {len(names.settings)} settings, {len(names.metrics)} metrics; nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
