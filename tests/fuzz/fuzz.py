#!/usr/bin/env python3
"""Runs the fuzz targets. README.md beside this file says how.

fuzz.py run PROGRAM [--seconds N]    the corpus, then N seconds of fuzzing (default 3, or $PENSTOCK_FUZZ_SECONDS)
fuzz.py corpus PROGRAM FOLDER        writes the corpus as files
fuzz.py replay PROGRAM TARGET        the corpus alone, with the fuzz_replay of an ordinary build
fuzz.py keep PROGRAM                 adds what earlier runs found to found/, as little of it as covers the same
"""
import argparse
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile

import seeds

LONGEST = {"config": 20_000}  # bytes of an input; the others: 6,000


def target_of(program):
    return pathlib.Path(program).name.removeprefix("fuzz_")


def bounds(target):
    """A leak is a finding; so is an input that takes long or much memory."""
    return [f"-max_len={LONGEST.get(target, 6000)}", "-timeout=20", "-rss_limit_mb=1024"]


def write_corpus(target, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds.corpus(target):
        (folder / hashlib.sha1(seed).hexdigest()).write_bytes(seed)


def work_folder(program):
    return pathlib.Path(program).resolve().parent / "out" / target_of(program)


def run(program, seconds):
    """What is found new stays in out/<target> beside the program."""
    target = target_of(program)
    work = work_folder(program)
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        write_corpus(target, pathlib.Path(folder))
        command = [program, *bounds(target), "-print_final_stats=1", f"-artifact_prefix={work}-", f"-max_total_time={seconds}"]
        if target in seeds.DICTIONARIES:
            command.append(f"-dict={seeds.HERE / 'dict' / seeds.DICTIONARIES[target]}.dict")
        # The corpus itself first: a target that cannot stand it has no use for more.
        status = subprocess.run([program, *bounds(target), "-runs=0", folder], check=False).returncode
        return status or subprocess.run([*command, str(work), folder], check=False).returncode


def replay(program, target):
    with tempfile.TemporaryDirectory() as folder:
        write_corpus(target, pathlib.Path(folder))
        done = subprocess.run([program, target, folder], check=False, capture_output=True, text=True, errors="replace")
        print(done.stdout, end="")
        if done.returncode != 0:
            told = done.stderr.splitlines()
            names = [line for line in told if (pathlib.Path(folder) / line).is_file()]
            print("\n".join(line for line in told if line not in names), f"\nexit code {done.returncode}")
            for name in names[-1:]:
                print(f"the input: {(pathlib.Path(folder) / name).read_bytes()!r}")
        return 1 if done.returncode != 0 else 0


def keep(program):
    target = target_of(program)
    with tempfile.TemporaryDirectory() as first:
        given = pathlib.Path(first)
        for seed in seeds.SEEDS[target]():
            (given / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
        write_corpus(target, work_folder(program))
        # libFuzzer takes what the first folder lacks from the others.
        before = {path.name for path in given.iterdir()}
        subprocess.run([program, *bounds(target), "-merge=1", first, str(work_folder(program))], check=True)
        new = sorted((path for path in given.iterdir() if path.name not in before), key=lambda p: (p.stat().st_size, p.name))
        text = "".join(f"{path.read_bytes()!r}\n" for path in new)
    if text:
        (seeds.HERE / "found").mkdir(exist_ok=True)
        (seeds.HERE / "found" / f"{target}.txt").write_text(text)
    print(f"{target}: {len(new)} inputs beyond the seeds")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "corpus", "replay", "keep"])
    parser.add_argument("program")
    parser.add_argument("folder", nargs="?", help="the target, of replay")
    parser.add_argument("--seconds", type=int, default=int(os.environ.get("PENSTOCK_FUZZ_SECONDS", "3")))
    arguments = parser.parse_args()
    if arguments.what == "corpus":
        return write_corpus(target_of(arguments.program), pathlib.Path(arguments.folder))
    if arguments.what == "replay":
        return replay(arguments.program, arguments.folder)
    if arguments.what == "keep":
        return keep(arguments.program)
    return run(arguments.program, arguments.seconds)


if __name__ == "__main__":
    sys.exit(main())
