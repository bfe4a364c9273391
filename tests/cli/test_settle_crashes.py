"""A settlement run that is killed anywhere, on a simulated day: run again, it comes to what one run would have come to."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from switch.cli._settle_files import Drafts, sweep
from switch.config import load_network
from switch.core.records.records import AnyEntry
from switch.ledger.fold import LedgerFold
from switch.sim.cast import Cast
from switch.sim.world import World
from tests.cli.test_settle import settle
from tests.journal.samples import catch_up, written
from tests.ledger.stories import MAD, cutover, records

FORMS = ("pacs.029", "camt.053", "camt.054", "clearing", "networks", "ipm")


class Killed(BaseException):
    """As by SIGKILL: nothing that the process would have done at its end is done."""


@pytest.fixture(scope="module")
def simulated() -> list[AnyEntry]:
    """What is durable of a simulated day with faults, closed at its end."""
    world = World(Cast(load_network("morocco")), 3, 100)
    assert world.run().failures == ()
    entries = world.switch.disk.entries[: world.switch.disk.durable]
    ledger = LedgerFold(MAD)
    for sequence, entry in enumerate(entries, 1):
        ledger.fold(sequence, entry)
    now = ledger.windows.now
    assert now is not None
    return [*entries, cutover(0, now.day, "2025-12-01", ended=now.number)]


def run(state: Path, out: Path) -> None:
    forms = [part for form in FORMS for part in ("--as", form)]
    done = settle(state, *forms, "--out", str(out))
    assert done.exit_code == 0, done.output


def named(directory: Path) -> dict[str, bytes]:
    """Files that have their names."""
    return {p.name: p.read_bytes() for p in sorted(directory.iterdir()) if not p.name.startswith(".")}


def test_killed_at_any_step_it_leaves_whole_files_and_goes_on_where_it_was(
    tmp_path: Path, simulated: list[AnyEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    written(whole, simulated)
    run(whole, tmp_path / "expected")
    expected, mark = named(tmp_path / "expected"), named(whole / "settlement")
    assert len(expected) > 8
    state, out = tmp_path / "state", tmp_path / "out"
    state.mkdir()
    written(state, simulated)
    kills = 0
    calls: dict[str, Callable[..., Any]] = {"fsync": os.fsync, "link": os.link}
    for step in (1, 2, 9, 16, 23, 30, 37, 44, 51, 10_000):
        left = [step]

        def dying(call: Callable[..., Any], left: list[int] = left) -> Callable[..., Any]:
            def die(*told: Any, **more: Any) -> Any:
                left[0] -= 1
                if not left[0]:
                    raise Killed
                return call(*told, **more)

            return die

        with monkeypatch.context() as patch:
            patch.setattr(Drafts, "discard", lambda self: [file.close() for file in self._open.values()])
            for name, call in calls.items():
                patch.setattr(os, name, dying(call))
            try:
                run(state, out)
            except Killed:
                kills += 1
            else:
                break
        found = named(out) if out.exists() else {}
        assert all(expected[name] == data for name, data in found.items()), "complete or absent"
        if step == 16:
            catch_up(state)  # the ledger comes from the log, or from the index: the files are the same
        if step % 2:
            for path in out.glob("2025*") if out.exists() else ():
                path.unlink()
    assert kills > 4
    assert named(out) == expected
    assert named(state / "settlement") == mark


KILLS_ITSELF = """
import os, signal, sys
from switch.cli.main import main
left, fsync = [int(sys.argv[1])], os.fsync
def dying(handle):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return fsync(handle)
os.fsync = dying
main(sys.argv[2:])
"""


def test_drafts_of_a_process_that_was_killed_go_with_the_next_run_which_says_so(tmp_path: Path) -> None:
    """A process of its own, and SIGKILL: nothing of it is left to tidy up. A draft that a living run has locked stays."""
    state, out = tmp_path / "state", tmp_path / "out"
    state.mkdir()
    written(state, [*records("0200 100.00"), cutover(50)])
    forms = [part for form in FORMS for part in ("--as", form)]
    command = ["settle", "morocco", "--state", str(state), *forms, "--out", str(out)]
    killed = subprocess.run(
        [sys.executable, "-c", KILLS_ITSELF, "5", *command], capture_output=True, check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    drafts = list(out.glob(".*.part"))
    assert len(drafts) > 8
    assert not named(out)
    living = Drafts(out)
    living.begin("2026-11-27-1.of.another.run")(b"half")
    again = settle(state, *forms, "--out", str(out))
    assert again.exit_code == 0
    assert f"note: removed {len(drafts)} hidden drafts from {out} that a run which was killed has left" in again.stderr
    assert [path.name[:28] for path in out.glob(".*.part")] == [".2026-11-27-1.of.another.run"]
    living.discard()
    assert sweep(out) == 0
    assert len(named(out)) == len(drafts)
