"""`tools/pythons`: which interpreters it takes, and what it says of each."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NEW_ENOUGH = """#!/bin/sh
case "$2" in *platform*) echo {version};; *) exit {too_old};; esac
"""
CHECKS = """#!/bin/sh
echo "checks $* with $("$PYTHON" -c platform)"
[ "$("$PYTHON" -c platform)" != 3.13.0 ]
"""


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """One whose checks fail under 3.13.0."""
    made = tmp_path / "check out"
    program(made / "tools" / "test", CHECKS)
    shutil.copy(HERE.parent / "tools" / "pythons", made / "tools")
    who = ("-c", "user.name=t", "-c", "user.email=t@t.example", "-c", "commit.gpgsign=false")
    for arguments in (("init", "-q"), ("add", "."), (*who, "commit", "-qm", "one")):
        subprocess.run(("git", *arguments), cwd=made, check=True)
    return made


def run(checkout: Path, *pythons: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONS": " ".join(map(str, pythons)), "TMPDIR": str(checkout.parent)}
    command = (str(checkout / "tools" / "pythons"), "tests/core")
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.skipif(shutil.which("git") is None, reason="it makes checkouts with git")
def test_each_is_tried_and_one_that_fails_is_said_and_stops_none(checkout: Path) -> None:
    old, new = (
        program(checkout.parent / name / "python3", NEW_ENOUGH.format(version=version, too_old=0))
        for name, version in (("a", "3.13.0"), ("b", "3.12.1"))
    )
    ancient = program(checkout.parent / "c" / "python3", NEW_ENOUGH.format(version="3.9.1", too_old=1))
    done = run(checkout, old, ancient, new)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "checks tests/core with 3.13.0",
        f"pythons: 3.13.0 at {old}: failed",
        "checks tests/core with 3.12.1",
        f"pythons: 3.12.1 at {new}: passed",
    ]
    assert f"{ancient} is left out" in done.stderr
    assert not list(checkout.parent.glob("cmi-switch-pythons.*"))
    assert run(checkout, new).returncode == 0


@pytest.mark.skipif(shutil.which("git") is None, reason="it makes checkouts with git")
def test_none_that_will_do_is_said(checkout: Path) -> None:
    done = run(checkout, checkout / "nowhere")
    assert done.returncode == 1
    assert "none found; PYTHONS names some" in done.stderr
