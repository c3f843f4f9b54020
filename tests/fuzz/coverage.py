#!/usr/bin/env python3
"""How much of each parser its corpus reaches. README.md beside this file says how to build for it.

coverage.py FOLDER [--least 90]    FOLDER holds the fuzz programs, built with -fprofile-instr-generate -fcoverage-mapping

Lines of the parsers' own sources, each by the corpus of its own target alone. Exit 1 when one is below --least.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import fuzz

# Target -> the sources that read what comes from outside, below src/.
PARSERS = {
    "mqtt_packet": ["ingest/mqtt/decode.cpp", "ingest/mqtt/properties.cpp", "ingest/mqtt/topic.cpp"],
    "mqtt_session": ["ingest/mqtt/session.cpp"],
    "http_request": ["ingest/http/request_parser.cpp", "ingest/http/content.cpp", "ingest/http/route.cpp"],
    "http_body": ["ingest/http/decompress.cpp", "ingest/http/elements.cpp"],
    "json": ["inspect/json_walk.cpp", "inspect/form.cpp", "inspect/text_marks.cpp", "inspect/json_token.cpp",
             "base/record_json.cpp"],
    "rules": ["expression/lexer.cpp", "expression/parser.cpp"],
    "config": ["config/document.cpp", "config/yaml.cpp"],
    "journal": ["journal/reader.cpp", "journal/recovery.cpp", "journal/survey.cpp"],
    "stored": ["base/record.cpp", "inspect/score/state_blob.cpp", "journal/cursor_format.cpp", "journal/format.cpp",
               "journal/quarantine_format.cpp"],
    "query": ["api/query.cpp", "api/target.cpp"],
    "line": ["sinks/archive/object_name.cpp", "sinks/encode/line_protocol.cpp"],
    "text": ["base/base64.cpp", "base/iso_time.cpp", "base/text.cpp", "config/units.cpp", "inspect/event_time.cpp",
             "inspect/number.cpp"],
}


def lines_of(program, target, sources):
    """Source -> (lines, lines reached)."""
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        fuzz.write_corpus(target, here / "corpus")
        subprocess.run([program, "-runs=0", str(here / "corpus")], check=True, capture_output=True,
                       env={"LLVM_PROFILE_FILE": str(here / "raw")})
        subprocess.run(["llvm-profdata-19", "merge", "-o", here / "merged", here / "raw"], check=True)
        done = subprocess.run(["llvm-cov-19", "export", "-summary-only", "-instr-profile", here / "merged", program],
                              check=True, capture_output=True)
    found = {}
    for file in json.loads(done.stdout)["data"][0]["files"]:
        for source in sources:
            if file["filename"].endswith("/src/" + source):
                found[source] = file["summary"]["lines"]["count"], file["summary"]["lines"]["covered"]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--least", type=float, default=90)
    options = parser.parse_args()
    low = 0
    for target, sources in PARSERS.items():
        found = lines_of(options.folder / f"fuzz_{target}", target, sources)
        for source in sources:
            lines, reached = found[source]
            share = 100 * reached / lines
            low += share < options.least
            print(f"{target:<13} {source:<36} {lines:>5} lines {share:>6.1f} %{'' if share >= options.least else '  too few'}")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
