#!/usr/bin/env python3
"""Counts the instructions of each stage of a record's way, and compares them with instructions.toml.

Usage: count.py STAGE_COUNT          compares (a test of ctest: instructions)
       PENSTOCK_UPDATE=1 count.py …  writes the table anew

Counted are instructions of user code as callgrind executes them, in all libraries, on the processor that valgrind shows to
programs: it has AVX2 where the machine has it, never AVX-512. That is deterministic and the same on a busy machine;
what a cache miss or a system call costs is not in it (stage_bench measures time).

Exit code 1: a stage takes over TOLERANCE more than the table says, or is not in it. 77 (skipped): no valgrind here, or
another compiler, library or make of processor than the table was made with, whose code is not comparable. Fewer instructions than the table
says pass, with a note to write the table anew: otherwise the gain can be lost again unseen.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib

TABLE = pathlib.Path(__file__).resolve().parent / "instructions.toml"
TOLERANCE = 0.10
SKIPPED = 77
HEAD = """# Instructions per record of each stage (bench/README.md). Written by count.py:
#   PENSTOCK_UPDATE=1 ctest --test-dir build/dev -R ^instructions$
# A stage may take 10 % more. Whoever makes one dearer says why in the commit that raises its number.
"""


def processor():
    """The C library and simdjson choose their code by it."""
    return re.search(r"^vendor_id\s*: (\S+)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)


def count(program):
    """What the numbers depend on, and the instructions per record by stage."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", "--combine-dumps=no",
                   "--dump-line=no", "--dump-instr=no", program]
        # The environment lies on the program's stack and moves what stands below.
        done = subprocess.run(command, env={"PATH": os.defpath}, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"count.py: {program} under valgrind: exit code {done.returncode}\n{done.stderr[-2000:]}")
        totals = {}
        for path in pathlib.Path(folder).iterdir():
            text = path.read_text()
            trigger = re.search(r"^desc: Trigger: Client Request: (\S+)$", text, re.M)
            total = re.search(r"^(?:summary|totals): (\d+)", text, re.M)
            if trigger and total:
                totals[trigger[1]] = int(total[1])
    made_with, *stages = done.stdout.splitlines()
    counts = {}
    for name, records in (line.split() for line in stages):
        counts[name] = totals[name] / int(records)
    made_by = processor()
    return made_with + (f", {made_by[1]}" if made_by else ""), counts


def write(made_with, counts):
    lines = [f'made_with = "{made_with}"', "", "[instructions]"]
    lines += [f'"{name}" = {number:.0f}' for name, number in counts.items()]
    TABLE.write_text(HEAD + "\n".join(lines) + "\n")


def verdict(number, bound):
    if bound is None:
        return "not in the table", True
    if number > bound * (1 + TOLERANCE):
        return "TOO MANY", True
    if number < bound * (1 - TOLERANCE):
        return "fewer: write the table anew", False
    return "", False


def compare(counts, bounds):
    print(f"{'instructions per record':38}{'now':>9}{'table':>9}{'':>8}")
    failed = False
    for name in [*counts, *(name for name in bounds if name not in counts)]:
        number, bound = counts.get(name), bounds.get(name)
        if number is None:
            print(f"{name:38}{'-':>9}{bound:9}{'':>8}  gone: write the table anew")
            failed = True
            continue
        said, bad = verdict(number, bound)
        failed |= bad
        change = "" if bound is None else f"{(number / bound - 1) * 100:+.1f} %"
        print(f"{name:38}{number:9.0f}{'-' if bound is None else bound:>9}{change:>8}  {said}")
    return failed


def main():
    program = sys.argv[1]
    if shutil.which("valgrind") is None:
        print("skipped: valgrind is not installed")
        return SKIPPED
    made_with, counts = count(program)
    if os.environ.get("PENSTOCK_UPDATE") == "1":
        write(made_with, counts)
        compare(counts, tomllib.loads(TABLE.read_text())["instructions"])
        return 0
    table = tomllib.loads(TABLE.read_text())
    if made_with != table["made_with"]:
        print(f"skipped: the table was made with {table['made_with']}; here is {made_with}")
        return SKIPPED
    if compare(counts, table["instructions"]):
        print(f"\nOver the table by more than {TOLERANCE:.0%}. If that is what it has to cost: PENSTOCK_UPDATE=1, and say why.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
