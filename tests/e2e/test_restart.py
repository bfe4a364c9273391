"""Restarts under steady load: the program is replaced, and nobody at the other ends notices."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from switch.cli._processes import Child
from switch.core.records.records import Booted
from tests.e2e.load import await_load, books_agree, declined_here, hosts_with_books, load
from tests.e2e.stage import QUICK, Stage, wait_for
from tests.e2e.test_crash import everything_arrived

pytestmark = pytest.mark.long  # restarts under load, several times over

RESTARTS = int(os.environ.get("RESTARTS", "3"))
"""`RESTARTS=100 pytest tests/e2e/test_restart.py` is the long run; what it saw goes to restarts.json in RESTARTS_DIR"""
RATE = int(os.environ.get("RESTARTS_RATE", "100"))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    one = Stage(tmp_path)
    try:
        hosts_with_books(one)
        yield one
    finally:
        one.close()


def restarts(stage: Stage) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "switch.cli.main",
        "restart",
        "--network",
        str(stage.path),
        "--state",
        str(stage.state),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_restarts_at_steady_load_decline_nothing_and_double_nothing(stage: Stage) -> None:
    switch = stage.serve()
    banks = load(stage, "banks", RATE, 0, "--bank", "atlas", "--bank", "rif")
    tills = load(stage, "tills", RATE // 4, 0, "--bank", "souss", "--port", "pos", "--count", "30")
    stage.event("link.signed_on", source="souss")
    wait_for(lambda: len(stage.events("link.signed_on")) == 32)
    ups = len(stage.events("link.up"))
    for n in range(1, RESTARTS + 1):
        done = restarts(stage)
        assert done.returncode == 0, done
        assert f"(process {switch.pid}, for the {n}" in done.stdout, "the same process"
    assert [load.stop() for load in (banks, tills)] == [0, 0]
    closed = [line for line in stage.events("link.closed") if line["reason"] != "closed by the peer"]
    assert not closed
    finished = stage.events("restart.done")
    assert [(line["connections"], line["restarts"]) for line in finished] == [(37, n) for n in range(1, RESTARTS + 1)]
    assert len(stage.events("link.signed_on")) == 32, "nobody signed on again"
    assert len(stage.events("link.up")) == ups
    assert not declined_here(stage)
    assert len([entry for entry in stage.entries() if isinstance(entry, Booted)]) == 1
    in_flight = sum(line["in_flight"] for line in finished)
    sent = books_agree(stage, switch)
    if (there := os.environ.get("RESTARTS_DIR")) is not None:
        gaps = sorted(line["gap_ms"] for line in finished)
        seen = {"restarts": RESTARTS, "payments": sent, "in_flight_at_restarts": in_flight, "gap_ms": gaps}
        (Path(there) / "restarts.json").write_text(json.dumps(seen))


def test_a_program_that_could_not_take_over_is_refused_with_its_own_words(stage: Stage) -> None:
    switch = stage.serve()
    text = stage.path.read_text()
    stage.path.write_text(text.replace('name = "morocco"', 'name = "tunisia"'))
    refused = restarts(stage)
    assert refused.returncode == 1
    assert "name is morocco and would become tunisia" in refused.stderr
    stage.path.write_text(text.replace('framing = "tpdu"', 'framing = "tpdo"'))
    os.kill(switch.pid, signal.SIGUSR2)
    assert "tpdo" in stage.event("restart.refused", seconds=60, by="SIGUSR2")["reason"]
    assert not stage.events("restart.begun")
    assert switch.running()


def between_programs(switch: Child) -> bool:
    """True once the new program has begun in the place of the old one, and has not taken anything over yet."""
    try:
        return b"CMI_SWITCH_HANDOVER=" in Path(f"/proc/{switch.pid}/environ").read_bytes()
    except PermissionError:  # a program keeps its memory to itself; the next one does a moment after it has begun
        return False


def test_a_switch_killed_between_its_two_programs_loses_and_doubles_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, QUICK)
    try:
        hosts_with_books(stage)
        switch = stage.serve()
        banks = load(stage, "banks", 100, 0, "--bank", "atlas", "--bank", "rif", "--patience", "4")
        await_load(stage)
        os.kill(switch.pid, signal.SIGUSR2)
        wait_for(partial(between_programs, switch), 60)
        os.kill(switch.pid, signal.SIGKILL)
        switch.wait(5)
        switch = stage.serve()
        assert banks.stop(60) == 0
        assert everything_arrived(stage)
        assert stage.events("restart.begun")
        assert books_agree(stage, switch, calm=False)
    finally:
        stage.close()
