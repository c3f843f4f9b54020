#!/usr/bin/env python3
"""Breaks the protocol on purpose, one line at a time, and sees whether the tests notice. (T19)

Usage:
  run.py --check          every sabotage still applies to the tree and names tests that exist (seconds; in the suite)
  run.py --list           what there is
  run.py --all            applies each to a scratch copy, builds it and runs the test that has to catch it
  run.py NAME...          only these
  --scratch DIR           where the copy is kept (default build/sabotage; kept, so that the next run compiles little)
  --jobs N                of the compiler (default 2)

A sabotage is an entry of sabotages.toml: `find` must stand exactly once in `file` and becomes `replace`. It is caught
when `caught_by` fails for the reason that `says` names. The same test is run on the unbroken copy first, where it has to pass.
Exit code 0: all caught. 1: one was not, or the tree has moved away from under one.
"""
import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TEST_SECONDS = 400
LIST = HERE / "sabotages.toml"
# Broken code may have names that nobody uses any more, and comparisons that are always true.
QUIET = "".join(f'#pragma GCC diagnostic ignored "-W{name}"\n' for name in (
    "unused-variable", "unused-but-set-variable", "unused-parameter", "unused-function", "type-limits"))


class Unfit(Exception):
    """A sabotage that the tree does not fit any more, or a test that cannot be judged by."""


@dataclasses.dataclass(frozen=True)
class Test:
    """`PART/CASE`: a case of tests/PART by its whole name; or `scenario/FILE` with or without `/Class.test`."""
    name: str

    @property
    def part(self):
        return self.name.split("/", 1)[0]

    @property
    def case(self):
        return self.name.split("/", 1)[1]

    @property
    def target(self):
        return "penstock" if self.part == "scenario" else f"test_{self.part}"

    def command(self, tree, build):
        if self.part != "scenario":
            # What Catch would take for syntax.
            return [build / self.target, re.sub(r"([\\,\[\]*])", r"\\\1", self.case)]
        file, _, case = self.case.partition("/")
        return [sys.executable, "-B", tree / f"tests/scenario/{file}.py", *([case] if case else []), "-v"]

    def exists(self):
        if self.part != "scenario":
            wanted = self.case.replace('"', '\\"')
            texts = (p.read_text() for p in (ROOT / "tests" / self.part).rglob("*_test.cpp"))
            return any(f'"{wanted}"' in re.sub(r'"\s*\n\s*"', "", text) for text in texts)
        file, _, case = self.case.partition("/")
        path = ROOT / f"tests/scenario/{file}.py"
        return path.exists() and (not case or f"def {case.split('.')[-1]}(" in path.read_text())


@dataclasses.dataclass(frozen=True)
class Sabotage:
    name: str
    claim: str      # what it breaks
    file: str
    find: str
    replace: str
    caught_by: str
    says: str = ""  # a pattern in the output of the test that failed

    @property
    def test(self):
        return Test(self.caught_by)

    def broken(self, tree):
        """The text of the file with the sabotage in it."""
        path = tree / self.file
        text = path.read_text() if path.exists() else ""
        count = text.count(self.find)
        if count != 1:
            raise Unfit(f"{self.name}: the text to find stands {count} times in {self.file}, not once")
        if self.find == self.replace:
            raise Unfit(f"{self.name}: changes nothing")
        return QUIET + text.replace(self.find, self.replace)


def sabotages():
    entries = tomllib.loads(LIST.read_text())["sabotage"]
    out = [Sabotage(**entry) for entry in entries]
    names = [s.name for s in out]
    if len(set(names)) != len(names):
        raise Unfit("two sabotages have the same name")
    return out


def check(chosen):
    """Everything that can be said without building."""
    problems = []
    for one in chosen:
        try:
            one.broken(ROOT)
            re.compile(one.says)
        except (Unfit, re.error) as error:
            problems.append(f"{one.name}: {error}" if isinstance(error, re.error) else str(error))
        if not one.test.exists():
            problems.append(f"{one.name}: there is no test '{one.caught_by}'")
    print("\n".join(problems) if problems else f"sabotages: all {len(chosen)} apply")
    return 1 if problems else 0


class Scratch:
    """A copy of the tree with a build of its own. Files keep their time while their text stays, so little is compiled."""

    def __init__(self, place, jobs):
        self.tree, self.build, self.jobs = place / "tree", place / "tree/build/dev", jobs

    def refresh(self):
        """The copy is what the tree is now, files not added to git included."""
        listed = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True)
        names = {n for n in listed.stdout.decode().split("\0") if n and (ROOT / n).is_file()}
        for name in names:
            self.write(name, (ROOT / name).read_bytes())
            shutil.copymode(ROOT / name, self.tree / name)
        for path in sorted(self.tree.rglob("*")):
            name = path.relative_to(self.tree)
            if path.is_file() and name.parts[0] != "build" and str(name) not in names:
                path.unlink()

    def write(self, name, data):
        path = self.tree / name
        if path.exists() and path.read_bytes() == data:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def compile(self, targets):
        if not all((self.build / name).exists() for name in ("build.ninja", "CMakeCache.txt")):
            self.must(["cmake", "--preset", "dev"])
        self.must(["cmake", "--build", self.build, "-j", str(self.jobs), "--target", *sorted(targets)])

    def must(self, command):
        done = subprocess.run(command, cwd=self.tree, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unfit(f"{' '.join(map(str, command))}: {(done.stdout + done.stderr)[-3000:]}")

    def passes(self, test):
        """(passed, output); no answer in time is neither."""
        env = {**os.environ, "PENSTOCK_BINARY": str(self.build / "penstock")}
        try:
            done = subprocess.run(test.command(self.tree, self.build), cwd=self.tree, env=env, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=TEST_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise Unfit(f"{test.name}: no verdict within {TEST_SECONDS} s") from error
        return done.returncode == 0, done.stdout.decode(errors="replace")


def attempt(scratch, one):
    """Why it was not caught; nothing when it was."""
    original = (scratch.tree / one.file).read_bytes()
    try:
        scratch.write(one.file, one.broken(scratch.tree).encode())
        scratch.compile({one.test.target})
        passed, output = scratch.passes(one.test)
    finally:
        scratch.write(one.file, original)
    if passed:
        return "the test passes"
    if not re.search(one.says, output):
        return f"the test fails, but says nothing of '{one.says}':\n{output[-2000:]}"
    return None


def run(chosen, scratch):
    scratch.refresh()
    scratch.compile({one.test.target for one in chosen})
    for test in sorted({one.test for one in chosen}, key=lambda t: t.name):
        passed, output = scratch.passes(test)
        if not passed:
            raise Unfit(f"{test.name} fails on the unbroken tree:\n{output[-3000:]}")
    print(f"unbroken: {len({one.test for one in chosen})} tests pass", flush=True)
    caught = 0
    for one in chosen:
        started = time.monotonic()
        try:
            missed = attempt(scratch, one)
        except Unfit as error:
            missed = str(error)
        caught += missed is None
        verdict = "caught" if missed is None else f"NOT CAUGHT: {missed}"
        print(f"{one.name} ({time.monotonic() - started:.0f} s, {one.caught_by}): {verdict}", flush=True)
    print(f"{caught} of {len(chosen)} caught")
    return 0 if caught == len(chosen) else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    for flag in ("--check", "--list", "--all"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--scratch", type=pathlib.Path, default=ROOT / "build/sabotage")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    every = sabotages()
    unknown = set(options.names) - {one.name for one in every}
    if unknown:
        parser.error(f"no such sabotage: {', '.join(sorted(unknown))}")
    chosen = [one for one in every if not options.names or one.name in options.names]
    if options.list:
        print("\n".join(f"{one.name}: {one.claim} [{one.caught_by}]" for one in chosen))
        return 0
    if options.check:
        return check(chosen)
    if not options.names and not options.all:
        parser.error("name sabotages, or --all, --check or --list")
    return run(chosen, Scratch(options.scratch.resolve(), options.jobs))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Unfit as error:
        print(error)
        sys.exit(1)
