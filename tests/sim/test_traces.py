"""Trace hashes: two checkouts, wherever they lie and from wherever they are run, have the same."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def traced(checkout: Path, at: Path) -> str:
    """Seed 1 by the code of `checkout`, asked in the directory `at`: declines in it name lines of the network file."""
    command = [sys.executable, "-m", "switch.sim.traces", "--seeds", "1"]
    paths = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(command, cwd=at, env=paths, capture_output=True, text=True, check=True)
    return done.stdout


def test_a_day_has_the_same_hash_in_two_checkouts_and_from_anywhere(tmp_path: Path) -> None:
    other = tmp_path / "another checkout"
    shutil.copytree(ROOT / "specs", other / "specs")
    shutil.copytree(ROOT / "switch", other / "switch", symlinks=True)
    here = traced(ROOT, ROOT)
    assert here.startswith("1 ")
    assert traced(other, tmp_path) == here
