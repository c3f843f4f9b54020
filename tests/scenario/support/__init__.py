"""What the scenario tests share. Only the standard library, and no code of Penstock: this side is the witness."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))  # the oracle
