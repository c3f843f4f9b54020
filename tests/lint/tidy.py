#!/usr/bin/env python3
"""House rules that no compiler checks, over the tracked text of the tree.

Usage: tidy.py [ROOT]. Exit 1 and one line per finding, as FILE:LINE.
"""
import pathlib
import re
import subprocess
import sys

COLUMNS = 120
CODE = (".h", ".cpp")
# A pattern, and what to use in its place.
BANNED = [
    (r"\b(TODO|FIXME|XXX)\b", "finish it, or leave it out"),
    (r"\busing namespace std\b", "name what you use"),
    (r"\bstd::(cout|cerr)\b", "a stream that the caller gives, or base/log.h"),
    (r"\b(sprintf|strcpy|strcat|gets|atoi|atof|strtok)\s*\(", "std::to_chars, std::from_chars, fmt"),
    (r"\bstd::(mutex|lock_guard|unique_lock)\b.*//\s*data path", "a ring"),
]
MAY_PRINT = re.compile(r"^(src/main\.cpp|src/app/|bench/|tests/)")
# How long a function may be before the file is named. The list may only shrink.
FUNCTION_LINES = 120


def tracked(root):
    out = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout
    for name in out.decode().split("\0"):
        path = root / name
        if name and path.is_file():
            yield name, path


def check_code(name, text):
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > COLUMNS:
            yield f"{name}:{number}: {len(line)} columns, {COLUMNS} at most"
        for pattern, instead in BANNED:
            if "cout" in pattern and MAY_PRINT.match(name):
                continue
            if re.search(pattern, line):
                yield f"{name}:{number}: banned: {line.strip()[:60]}; use: {instead}"
    if name.endswith(".h") and not text.lstrip().startswith("#pragma once"):
        yield f"{name}:1: a header starts with #pragma once"


def check_contracts(name, text):
    """A public class says which threads may use it."""
    if not name.startswith(("include/", "src/")) or not name.endswith(".h"):
        return
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if not re.match(r"^(class|struct)\s+(?:\[\[\w+\]\]\s+)?[A-Z]\w+[^;]*$", line):
            continue
        if re.match(r"^struct\b", line):
            continue
        comment, j = [], i - 1
        while j >= 0 and (lines[j].startswith("///") or lines[j].startswith("template") or lines[j].startswith("    requires")):
            comment.append(lines[j])
            j -= 1
        if "Threads:" not in "".join(comment):
            yield f"{name}:{i + 1}: class comment without a 'Threads:' line"


def check_co_await(name, text):
    """g++ 12 destroys such temporaries twice (docs/ARCHITECTURE.md)."""
    for number, line in enumerate(text.splitlines(), 1):
        if "co_await" in line and re.search(r"co_await[^;]*\[[^\]]*[&=\w][^\]]*\]\s*\(", line):
            yield f"{name}:{number}: a lambda inside a co_await expression: name it first"


def long_functions(name, text):
    start = None
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"^[A-Za-z].*\)\s*(const|noexcept|\s)*\{\s*$", line):
            start = number
        elif line == "}" and start:
            if number - start > FUNCTION_LINES:
                yield f"{name}:{start}: a function of {number - start} lines, {FUNCTION_LINES} at most"
            start = None


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    found = []
    for name, path in tracked(root):
        if not name.endswith(CODE):
            continue
        text = path.read_text()
        for check in (check_code, check_contracts, check_co_await, long_functions):
            found += check(name, text)
    print("\n".join(found) if found else "tidy: nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
