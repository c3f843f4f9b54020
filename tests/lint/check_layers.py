#!/usr/bin/env python3
"""Walks the includes of src/ and include/: a folder may include only what stands in its row.

Usage: check_layers.py [ROOT]. Exit 1 and one line per violation, as FILE:LINE.
"""
import pathlib
import re
import sys

# Top to bottom. Every allowed folder stands above, so the table itself cannot hold a cycle.
MAY_INCLUDE = {
    "penstock": [],
    "base": ["penstock"],
    "config": ["penstock", "base"],
    "auth": ["penstock", "base", "config"],
    "expression": ["penstock", "base", "config"],
    "inspect": ["penstock", "base", "config", "expression"],
    "journal": ["penstock", "base", "config"],
    "ingest": ["penstock", "base", "config", "auth"],
    "api": ["penstock", "base", "config", "auth"],
    "sinks": ["penstock", "base", "config", "expression", "journal"],
    "app": ["penstock", "base", "config", "auth", "expression", "inspect", "journal", "ingest", "api",
            "sinks"],
}
# Libraries that a folder must not know (docs/ARCHITECTURE.md, "Parts and what they may know").
FORBIDDEN = {
    "expression": r"<boost/|<sys/|<unistd\.h>|<fstream>|<filesystem>",
    "inspect": r"<boost/(asio|beast)|<sys/|<unistd\.h>|<fstream>|<filesystem>",
    "journal": r"<simdjson|<boost/|<rdkafka|<curl",
    "ingest": r"<simdjson|<rdkafka|<curl",
    "penstock": r"<(boost|simdjson|yaml-cpp|prometheus|fmt|librdkafka|curl)",
}
INCLUDE = re.compile(r'^\s*#\s*include\s+("([a-z_0-9]+)/[^"]*"|<[^>]+>)')


def check_table():
    seen = []
    for folder, allowed in MAY_INCLUDE.items():
        for other in allowed:
            assert other in seen, f"{folder} may include {other}, which does not stand above it"
        seen.append(folder)


def folder_of(path, root):
    parts = path.relative_to(root).parts
    if parts[0] == "include":
        return "penstock"
    return parts[1] if len(parts) > 2 else "app"


def violations(root):
    for top in ("include", "src"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".h", ".cpp"):
                continue
            folder = folder_of(path, root)
            if folder not in MAY_INCLUDE:
                yield f"{path}:1: folder '{folder}' has no row in check_layers.py"
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                target = match.group(2)
                if target and target != folder and target not in MAY_INCLUDE[folder]:
                    yield f"{path}:{number}: {folder} must not include {target}"
                if folder in FORBIDDEN and re.search(FORBIDDEN[folder], match.group(1)):
                    yield f"{path}:{number}: {folder} must not know {match.group(1)}"


def main():
    check_table()
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    found = list(violations(root))
    print("\n".join(found) if found else "layers: no violation")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
