"""Real processes, killed: afterwards acquirers, journal and issuers agree to the centime."""

import os
import re
import signal
import time
from pathlib import Path

import pytest

from switch.cli._processes import Child
from switch.simulators.reconciliation import Books, Difference, journal_rows, reconcile
from tests.e2e.load import GIVEN_UP
from tests.e2e.stage import QUICK, Stage

pytestmark = pytest.mark.long  # killed under load, and again


def load(stage: Stage, rate: int, seconds: int) -> Child:
    return stage.start(
        "terminal", "--network", str(stage.path), "--bank", "atlas", "--bank", "rif", "--bank", "souss", "--count", "20",
        "--rate", str(rate), "--duration", str(seconds), "--patience", "4", "--book", str(stage.directory / "terminals.json"),
    )  # fmt: skip


def everything_arrived(stage: Stage, seconds: float = 90) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not any(row.owed for row in journal_rows(stage.entries())):
            return True
        time.sleep(0.2)
    return False


def differences(stage: Stage) -> list[Difference]:
    books = Books.from_json(
        *((stage.directory / f"{name}.json").read_bytes() for name in ("terminals", "networks", "issuers"))
    )
    assert sum(book.sent for book in books.terminals) > 100, "there was no load to speak of"
    found = reconcile(books.terminals, books.networks, books.issuers, journal_rows(stage.entries()))
    # a decline leaves before it is durable: where the kill took its record, the journal ends that payment itself, with 91
    return [one for one in found if not re.search(GIVEN_UP, one.sentence)]


def test_a_switch_killed_under_load_and_restarted_loses_and_doubles_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, QUICK)
    try:
        issuers = stage.issuers("--latency", "5", "--book", str(stage.directory / "issuers.json"))
        networks = stage.networks("--latency", "10", "--book", str(stage.directory / "networks.json"))
        switch = stage.serve()
        terminals = load(stage, rate=300, seconds=6)
        for _ in range(3):
            time.sleep(1.2)
            os.kill(switch.pid, signal.SIGKILL)
            switch.wait(5)
            switch = stage.serve()
        terminals.wait(120)
        assert everything_arrived(stage)
        assert networks.stop() == 0
        assert issuers.stop() == 0
        assert switch.stop() == 0
        assert differences(stage) == []
    finally:
        stage.close()
