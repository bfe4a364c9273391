"""Who sees that something derived from the journal was built again: the process that does it, the hop log, who asked for it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import msgspec
import pytest
import trio
from click.testing import CliRunner
from trio.testing import MockClock

from switch.cli.journal import command, list_command
from switch.core.party import Log as Event
from switch.core.records.lifecycle import Status
from switch.journal.index import REMOVED, Rebuilt
from switch.journal.indexer import DAMAGED, follow
from switch.journal.projections import STANDARD
from switch.journal.projections.transactions import Transactions
from switch.server.indexing import keep_index, projection_rebuilt
from tests.journal.samples import catch_up, day, written
from tests.journal.test_projections import MARKED, spoil


def outdated(state: Path) -> None:
    """An index as an earlier release left it: its days are of another version."""
    written(state, day(40))
    catch_up(state)
    spoil(state, "UPDATE projections SET version = 0 WHERE name = 'days'")
    spoil(state, MARKED["days"])


def test_the_process_says_what_it_built_again(tmp_path: Path) -> None:
    outdated(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "switch.journal.indexer", "--dir", str(tmp_path), "--follow"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    said = msgspec.json.decode(process.stdout.readline(), type=Rebuilt)
    process.communicate(timeout=10)
    assert (said.projection, said.why, said.records) == ("days", "of version 0, now 3", len(day(40)))
    assert process.returncode == 0


async def test_an_index_that_is_damaged_again_and_again_is_not_built_all_the_time(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try reads the whole log: on a disk that damages what is written to it, that would be all this machine does."""
    begun: list[float] = []

    async def open_process(*_: object, **__: object) -> object:
        begun.append(trio.current_time())
        return SimpleNamespace(returncode=DAMAGED, stdin=None, stdout=Nothing(), wait=wait)

    class Nothing:
        def __aiter__(self) -> "Nothing":
            return self

        async def __anext__(self) -> bytes:
            raise StopAsyncIteration

        async def aclose(self) -> None:
            """Nothing to close."""

    async def wait() -> int:
        await trio.lowlevel.checkpoint()
        return DAMAGED

    monkeypatch.setattr(trio.lowlevel, "open_process", open_process)
    events: list[Event] = []
    with trio.move_on_after(300):
        await keep_index(tmp_path, events.append, events.append)
    assert {event.event for event in events} == {"index.damaged"}
    assert len(begun) < 12
    assert begun[1] - begun[0] < 5


async def test_a_process_that_does_not_end_by_itself_is_killed_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[trio.Process] = []
    really_open = trio.lowlevel.open_process

    async def open_process(command: list[str], **options: Any) -> trio.Process:
        begun.append(await really_open(["sleep", "60"], **options))
        return begun[-1]

    monkeypatch.setattr(trio.lowlevel, "open_process", open_process)
    monkeypatch.setattr("switch.server.indexing.END_S", 1.0)
    with trio.move_on_after(0.2):
        await keep_index(tmp_path, lambda _: None, lambda _: None)
    assert [process.returncode for process in begun] == [-signal.SIGKILL]


async def test_the_hop_log_hears_of_it(tmp_path: Path) -> None:
    outdated(tmp_path)
    events: list[Event] = []
    heard = trio.Event()

    def log(event: Event) -> None:
        events.append(event)
        heard.set()

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keep_index, tmp_path, log, log)
            await heard.wait()
            nursery.cancel_scope.cancel()
    assert [(e.level, e.event, e.fields["projection"], e.fields["last"]) for e in events] == [
        ("info", "projection.rebuilt", "days", len(day(40)))
    ]
    assert projection_rebuilt(Rebuilt(projection="old", why=REMOVED)).event == "projection.removed"


def test_a_follower_mends_what_another_release_did_to_its_index_while_it_ran(tmp_path: Path) -> None:
    outdated(tmp_path)
    reading, writing = os.pipe()
    told: list[Rebuilt] = []

    def tell(rebuilt: Rebuilt) -> None:
        told.append(rebuilt)
        if len(told) == 1:
            spoil(tmp_path, "UPDATE projections SET version = 9 WHERE name = 'transactions'")
        else:
            os.close(writing)

    follow(tmp_path, reading, STANDARD, tell)
    os.close(reading)
    assert [(r.projection, r.why) for r in told] == [
        ("days", "of version 0, now 3"),
        ("transactions", f"of version 9, now {Transactions.version}"),
    ]


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_the_command_says_what_it_did(tmp_path: Path) -> None:
    written(tmp_path, day(40))
    last = len(day(40))
    assert run("rebuild", "--state", str(tmp_path)) == (
        0,
        f"transactions: built again from records 1 to {last}.\ndays: built again from records 1 to {last}.\n"
        f"ledger: built again from records 1 to {last}.\n",
    )
    code, text = run("rebuild", "days", "--json", "--state", str(tmp_path))
    assert code == 0
    assert json.loads(text) == {
        "projection": "days",
        "why": "asked for",
        "records": last,
        "first": 1,
        "last": last,
    }
    code, text = run("rebuild", "nights", "--state", str(tmp_path))
    assert code == 1
    assert "there is no projection 'nights'; there are: transactions, days" in text
    assert "no journal here" in run("rebuild", "--state", str(tmp_path / "none"))[1]


def test_a_list_is_narrowed_by_every_status_there_is() -> None:
    (option,) = (parameter for parameter in list_command.params if parameter.name == "status")
    assert isinstance(option.type, click.Choice)
    assert set(option.type.choices) == {"", *Status} - {Status.RECEIVED}
