"""Long programmes of a scenario: rounds with seeds of their own, judged each by itself, with a state that is gone on with."""
import argparse
import json
import pathlib
import subprocess
import sys
import time
import unittest

from .daemon import ROOT


def commit():
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def play_round(play, count, seed, unit, extra):
    """Figures, `passed` among them."""
    figures = {"seed": seed, unit: 0}

    class Round(unittest.TestCase):
        def runTest(self):
            figures.update(play(self, count, seed, **extra))

    print(f"round of {count} {unit}, seed {seed}", flush=True)
    passed = unittest.TextTestRunner(verbosity=0).run(Round()).wasSuccessful()
    return {**figures, "passed": passed, "commit": commit()}


def run_programme(options, play, round_size, unit, extra):
    state = json.loads(options.state.read_text()) if options.state.exists() else {
        "seed": options.seed or time.time_ns() % 1_000_000, "rounds": []}
    end = time.monotonic() + options.minutes * 60
    done = sum(r[unit] for r in state["rounds"])
    while done < options.programme and time.monotonic() < end:
        seed = options.replay or state["seed"] * 1000 + len(state["rounds"])
        played = play_round(play, min(round_size, options.programme - done), seed, unit, extra)
        state["rounds"].append(played)
        options.state.parent.mkdir(parents=True, exist_ok=True)
        options.state.write_text(json.dumps(state, indent=1) + "\n")
        done += played[unit]
        if not played["passed"]:
            break
    rounds = state["rounds"]
    failed = [r["seed"] for r in rounds if not r["passed"]]
    print(f"programme seed {state['seed']}: {done} of {options.programme} {unit} in {len(rounds)} rounds, "
          f"{sum(r.get('acknowledged', 0) for r in rounds)} acknowledged, {sum(r.get('lost', 0) for r in rounds)} lost, "
          f"rounds failed: {failed or 'none'}, commits {sorted({r['commit'] for r in rounds})}")
    return 1 if failed else 0


def main(doc, play, round_size, unit, state, **extra):
    """The test, or with --programme rounds of play(test, count, seed, **extra), which returns figures."""
    if "--programme" not in sys.argv:
        unittest.main()
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programme", type=int, metavar=unit.upper())
    parser.add_argument("--minutes", type=float, default=8, help="no round is begun after this (default 8)")
    parser.add_argument("--state", type=pathlib.Path, default=ROOT / f"build/{state}.json")
    parser.add_argument("--seed", type=int, help="of a new programme")
    parser.add_argument("--replay", type=int, metavar="SEED", help="of one round")
    for name, value in extra.items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    options = parser.parse_args()
    extra = {name: getattr(options, name) for name in extra}
    sys.exit(run_programme(options, play, round_size, unit, extra))
