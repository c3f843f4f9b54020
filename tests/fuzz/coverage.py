#!/usr/bin/env python3
"""How much of each parser the corpora reach. README.md beside this file says how to build for it.

coverage.py FOLDER [--least 90]    FOLDER holds the fuzz programs, built with -fprofile-instr-generate -fcoverage-mapping

Lines of the parsers' sources, by the corpora of all targets together. Exit 1 when one is below --least.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import fuzz

# What reads bytes from outside, below src/.
PARSERS = (
    "api/query.cpp", "api/target.cpp",
    "base/base64.cpp", "base/iso_time.cpp", "base/json_shape.h", "base/record.cpp", "base/record_json.cpp", "base/text.cpp",
    "base/mqtt/decode.cpp", "base/mqtt/properties.cpp", "base/mqtt/topic.cpp", "base/utf8.cpp",
    "config/substitution.cpp", "config/units.cpp", "config/yaml.cpp",
    "expression/lexer.cpp", "expression/parser.cpp",
    "ingest/http/content.cpp", "ingest/http/decompress.cpp", "ingest/http/elements.cpp",
    "ingest/http/request_parser.cpp", "ingest/http/route.cpp", "ingest/mqtt/session.cpp",
    "inspect/event_time.cpp", "inspect/form.cpp", "inspect/json_token.cpp", "inspect/json_walk.cpp",
    "inspect/number.cpp", "inspect/score/state_blob.cpp", "inspect/text_marks.cpp",
    "journal/cursor_format.cpp", "journal/format.cpp", "journal/quarantine_format.cpp", "journal/reader.cpp",
    "journal/recovery.cpp", "journal/survey.cpp",
)


def profile(program, folder):
    """Runs a target's corpus; where it writes what was reached."""
    target = fuzz.target_of(program)
    raw = folder / f"{target}.raw"
    fuzz.write_corpus(target, folder / target)
    subprocess.run([program, "-runs=0", str(folder / target)], check=True, capture_output=True,
                   env={"LLVM_PROFILE_FILE": str(raw)})
    return raw


def lines_reached(programs):
    """Path -> (lines, lines reached), without the functions that only the compiler runs."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        raw = [profile(program, folder) for program in programs]
        subprocess.run(["llvm-profdata-19", "merge", "-o", folder / "merged", *raw], check=True)
        objects = [word for program in programs[1:] for word in ("-object", program)]
        done = subprocess.run(["llvm-cov-19", "export", "-skip-expansions", "-instr-profile", folder / "merged", programs[0],
                               *objects], check=True, capture_output=True)
    report = json.loads(done.stdout)["data"][0]
    lines = {file["filename"]: (file["summary"]["lines"]["count"], file["summary"]["lines"]["covered"])
             for file in report["files"]}
    for path, size in compiler_only(report["functions"]):
        lines[path] = (lines[path][0] - size, lines[path][1])
    return lines


def compiler_only(functions):
    """(path, lines) of each constexpr function of a parser that was never called: it made a constant."""
    for function in functions:
        path, (first, _, last, *_) = function["filenames"][0], function["regions"][0]
        if function["count"] or not any(path.endswith(f"/src/{parser}") for parser in PARSERS):
            continue
        if pathlib.Path(path).read_text().splitlines()[first - 1].startswith(("constexpr ", "consteval ")):
            yield path, last - first + 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--least", type=float, default=90)
    options = parser.parse_args()
    found = lines_reached(sorted(options.folder.glob("fuzz_*")))
    low = 0
    for source in PARSERS:
        lines, reached = next(counts for path, counts in found.items() if path.endswith("/src/" + source))
        share = 100 * reached / lines
        low += share < options.least
        print(f"{source:<34} {lines:>5} lines {share:>6.1f} %{'' if share >= options.least else '  too few'}")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
