"""bench/RESULTS.md: a section for each measurement, which is replaced alone when that is run again with --write."""
import contextlib
import datetime
import pathlib
import re
import sys

from . import process

PATH = process.ROOT / "bench/RESULTS.md"
INTRO = """# Results

Penstock: every event parsed to its last byte, validated, scored and on disk before its acknowledgement. Mosquitto (and
FlashMQ): accepts and forgets, without subscriber and persistence. 500-byte wearable events of 16,384 devices, computed
before the run; server and load generator on the same machine. Absolute figures differ from machine to machine by a factor
of two and more: the ratio to Mosquitto in the same run decides. Each run in which the journal or a sink did not have
exactly what was acknowledged would be void. [README.md](README.md) says how to measure again.
"""


def order(heading):
    """P1 before P4-5k before P4-20k before P10 before T7."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", heading)]


def sections(text):
    """Heading -> what stands below it."""
    parts = re.split(r"^## (.*)\n", text, flags=re.M)
    return dict(zip(parts[1::2], (body.strip() for body in parts[2::2])))


def merged(text, heading, body):
    """The page with one section put in or replaced: that of the same first word."""
    kept = {title: old for title, old in sections(text).items() if title.split()[0] != heading.split()[0]}
    kept[heading] = body.strip()
    return INTRO + "".join(f"\n## {title}\n\n{kept[title]}\n" for title in sorted(kept, key=order))


def keep(heading, lines):
    command = " ".join([f"bench/{pathlib.Path(sys.argv[0]).name}", *sys.argv[1:]])
    origin = f"`{command}`; {process.machine()}; {datetime.date.today()}."
    text = PATH.read_text() if PATH.exists() else ""
    PATH.write_text(merged(text, heading, "\n".join([origin, "", *lines])))


@contextlib.contextmanager
def section(heading, write):
    """Gives a function that prints a line; with `write`, all that it printed is the section."""
    lines = []

    def say(text):
        print(text, flush=True)
        lines.append(text)
    print(process.machine(), flush=True)
    yield say
    if write:
        keep(heading, lines)

