"""The build that is measured, and what it runs on."""
import argparse
import os
import pathlib
import platform
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/bench"
sys.path.insert(0, str(ROOT / "tests/scenario"))


def build():
    """The optimised build; what is measured is never anything else."""
    subprocess.run(["cmake", "--preset", "bench"], cwd=ROOT, check=True, capture_output=True)
    subprocess.run(["cmake", "--build", "--preset", "bench"], cwd=ROOT, check=True)
    use(BUILD)


def parser(description):
    """For the command line of a measurement, with the options that all have."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--build", type=pathlib.Path, help="an optimised build to take in place of build/bench")
    made.add_argument("--write", action="store_true", help="puts the figures into bench/RESULTS.md")
    return made


def prepared(made):
    """The options, with the programs in place."""
    options = made.parse_args()
    use(options.build) if options.build else build()
    return options


def folder():
    """Where the programs are that are measured."""
    import support.daemon
    return support.daemon.BINARY.parent


def use(folder):
    """Takes the programs from another build."""
    import support.daemon
    support.daemon.BINARY = pathlib.Path(folder) / "penstock"
    os.environ["PENSTOCK_BINARY"] = str(support.daemon.BINARY)
    from support import load
    load.BINARY = pathlib.Path(folder) / "device_load"


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def machine():
    """Commit and machine, one line."""
    model = next((line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), "unknown processor")
    changed = " with changes" if git("status", "--porcelain", "-uno", "--", "src", "include", "bench", ":!bench/*.md") else ""
    return (f"commit {git('rev-parse', '--short', 'HEAD')}{changed}; {os.cpu_count()} cores, {model}; "
            f"Linux {platform.release()}")
