"""The control socket over real Unix sockets: lines in, lines out, and clients that misbehave."""

import json
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from switch.cli._control import ask
from switch.cli._not_done import NotDone
from switch.core.operator.command import Arguments, Command, Named, Unable
from switch.core.operator.errors import ErrorCode
from switch.core.operator.operator import Operator
from switch.core.party import Log
from switch.server import control
from switch.server.connections import ListenError
from switch.server.control import Control, controlling, open_control
from switch.server.control_path import LINE_BYTES_MAX, SOCKET
from switch.server.driver import Driver
from switch.server.driving import driving
from tests.server.parties import Notes, Scripted


class Greeting(msgspec.Struct, frozen=True):
    text: str


class Desk:
    """As much of a kernel as an operator needs: what is logged is an effect of the party."""

    def __init__(self, party: Scripted) -> None:
        self.party = party
        self.position = self.durable_position = 0
        self.journal_down = ""

    def mark(self) -> tuple[int, int]:
        return 0, 0

    def contain(self, error: Exception, doing: str, mark: tuple[int, int]) -> None:
        self.log("error", "switch.defect", doing=doing)

    def log(self, level: str, event: str, **fields: Any) -> None:
        self.party.effects.append(Log(level, event, fields))


class Office:
    """A driver, its notes, and a control socket with a few commands."""

    def __init__(self, driver: Driver, notes: Notes, desk: Desk, control: Control) -> None:
        self.driver, self.notes, self.desk, self.control = driver, notes, desk, control


def commands(desk: Desk) -> dict[str, Command]:
    def greet(given: Named, now: int) -> Greeting:
        if given.name == "nobody":
            raise Unable("nobody is there", "greet somebody", code=ErrorCode.NAME_UNKNOWN)
        desk.position += 1
        return Greeting(f"good day, {given.name}")

    def fail(_: Arguments, now: int) -> Greeting:
        raise KeyError("lost")

    def look(_: Arguments, now: int) -> Greeting:
        return Greeting("x" * 4_000_000)

    return {"greet": Command(Named, greet), "fail": Command(Arguments, fail), "look": Command(Arguments, look, False)}


@asynccontextmanager
async def office(state_dir: Path, *, durable: bool = True) -> AsyncIterator[Office]:
    party, notes = Scripted(), Notes()
    desk = Desk(party)
    if durable:
        desk.durable_position = 1_000
    operator = Operator(desk, commands(desk))  # type: ignore[arg-type]
    async with driving(party, sinks=notes.sinks()) as driver, controlling(driver, operator, state_dir) as opened:
        yield Office(driver, notes, desk, opened)


async def client(state_dir: Path) -> trio.SocketStream:
    sock = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    await sock.connect(str(state_dir / SOCKET))
    return trio.SocketStream(sock)


async def line(stream: trio.SocketStream) -> dict[str, Any]:
    data = b""
    while not data.endswith(b"\n"):
        got = await stream.receive_some()
        assert got, "the connection ended"
        data += got
    answer = json.loads(data)
    assert isinstance(answer, dict)
    return answer


async def until(what: Callable[[], Any]) -> None:
    """Let things happen until `what` holds: at most a minute of the clock's time."""
    with trio.fail_after(60):
        while not what():  # noqa: ASYNC110 - any of many things may be waited for
            await trio.sleep(0.05)


@pytest.fixture
def quick() -> MockClock:
    """Time jumps once every task has waited this long (real seconds)."""
    return MockClock(autojump_threshold=0.02)


async def test_a_command_is_a_line_and_so_is_its_answer(tmp_path: Path) -> None:
    async with office(tmp_path) as here, await client(tmp_path) as stream:
        await stream.send_all(b'{"command": "greet", ')
        await trio.sleep(0.01)
        await stream.send_all(b'"name": "you"}\n')
        assert await line(stream) == {"ok": True, "text": "good day, you"}
        (done,) = here.notes.named("operator.command")
        assert (done.fields["command"], done.fields["arguments"]) == ("greet", {"name": "you"})
        assert f"(uid {os.getuid()}, pid {os.getpid()})" in done.fields["by"]


@pytest.mark.parametrize(
    ("said", "code", "error", "hint"),
    [
        ('{"command": "great"}', "command.unknown", 'there is no command "great"', "did you mean greet?"),
        ('{"command": "zzz"}', "command.unknown", 'there is no command "zzz"', "there are: fail, greet, look"),
        ('{"command": "greet"}', "command.arguments", "greet: Object missing required field `name`", "it takes: name"),
        (
            '{"command": "greet", "nam": "x"}',
            "command.arguments",
            "greet: Object contains unknown field `nam`",
            "it takes: name",
        ),
        (
            '{"command": "greet", "name": 7}',
            "command.arguments",
            "greet: Expected `str`, got `int` - at `$.name`",
            "it takes: name",
        ),
        ('{"command": "greet", "name": "nobody"}', "name.unknown", "nobody is there", "greet somebody"),
        ('{"name": "x"}', "command.unreadable", "no command is named", 'such as {"command": "links.list"}'),
        (
            "[1]",
            "command.unreadable",
            "not a JSON object on one line: Expected `object`, got `array`",
            'such as {"command": "links.list"}',
        ),
        (
            '{"command": ' + "[" * 30_000 + "]" * 30_000 + "}",
            "command.unreadable",
            "not a command: its arrays or objects are nested too deeply",
            'such as {"command": "links.list"}',
        ),
    ],
)
async def test_what_cannot_be_done_is_a_code_a_sentence_and_a_hint(
    tmp_path: Path, said: str, code: str, error: str, hint: str
) -> None:
    async with office(tmp_path), await client(tmp_path) as stream:
        await stream.send_all(said.encode() + b"\n")
        assert await line(stream) == {"ok": False, "code": code, "error": error, "hint": hint}
        await stream.send_all(b'{"command": "greet", "name": "you"}\n')
        assert (await line(stream))["ok"], "and the client goes on"


async def test_a_command_that_fails_is_told_and_costs_the_switch_nothing(tmp_path: Path) -> None:
    async with office(tmp_path) as here, await client(tmp_path) as stream:
        await stream.send_all(b'{"command": "fail"}\n')
        assert "KeyError" in (await line(stream))["error"]
        await stream.send_all(b'{"command": "greet", "name": "you"}\n')
        assert (await line(stream))["ok"]
        assert here.notes.named("switch.defect")


async def test_a_command_of_the_process_is_awaited(tmp_path: Path) -> None:
    async def reload(arguments: dict[str, Any], by: str) -> dict[str, Any]:
        await trio.lowlevel.checkpoint()
        if arguments:
            raise Unable("takes nothing", code=ErrorCode.COMMAND_ARGUMENTS)
        return {"changed": 3}

    async with office(tmp_path) as here, await client(tmp_path) as stream:
        here.control.add("reload", reload)
        await stream.send_all(b'{"command": "reload"}\n')
        assert await line(stream) == {"ok": True, "changed": 3}
        await stream.send_all(b'{"command": "reload", "x": 1}\n')
        assert (await line(stream))["error"] == "takes nothing"
        await stream.send_all(b'{"command": "relaod"}\n')
        assert (await line(stream))["hint"] == "did you mean reload?"


async def test_an_answer_waits_for_the_journal(
    tmp_path: Path, quick: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switch.server.control.DURABLE_S", 0.1)
    async with office(tmp_path, durable=False) as here, await client(tmp_path) as stream:
        await stream.send_all(b'{"command": "greet", "name": "you"}\n')
        await until(lambda: here.desk.position)
        here.desk.durable_position = 1
        assert (await line(stream))["ok"]
        await stream.send_all(b'{"command": "greet", "name": "you"}\n')
        assert "the journal has not taken it" in (await line(stream))["error"]
        here.desk.journal_down = "its writer is gone"
        await stream.send_all(b'{"command": "greet", "name": "you"}\n')
        assert "the journal is down (its writer is gone)" in (await line(stream))["error"]
        assert here.desk.position == 2


async def test_a_line_without_an_end_is_cut_off(tmp_path: Path) -> None:
    async with office(tmp_path), await client(tmp_path) as stream:
        await stream.send_all(b"x" * (LINE_BYTES_MAX + 1))
        assert "one line of up to" in (await line(stream))["error"]
        assert await stream.receive_some() == b""


async def test_a_client_that_does_not_read_is_cut_off_and_others_are_served(
    tmp_path: Path, quick: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switch.server.control.READ_S", 1.0)
    async with office(tmp_path) as here, await client(tmp_path) as deaf, await client(tmp_path) as other:
        await deaf.send_all(b'{"command": "look"}\n' * 3)
        await other.send_all(b'{"command": "greet", "name": "you"}\n')
        assert (await line(other))["ok"]
        await until(lambda: here.notes.named("operator.deaf"))


async def test_a_client_that_says_nothing_is_cut_off(tmp_path: Path, quick: MockClock) -> None:
    async with office(tmp_path), await client(tmp_path) as idle:
        assert await idle.receive_some() == b""


async def test_one_client_too_many_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "CLIENTS_MAX", 1)
    async with office(tmp_path), await client(tmp_path) as first:
        await first.send_all(b'{"command": "greet", "name": "you"}\n')
        await line(first)
        async with await client(tmp_path) as second:
            assert "clients are connected already" in (await line(second))["error"]


async def test_the_socket_is_its_owners_and_goes_with_the_switch(tmp_path: Path) -> None:
    path = tmp_path / SOCKET
    async with office(tmp_path):
        assert path.stat().st_mode & 0o777 == 0o600
        await trio.to_thread.run_sync(lambda: ask(tmp_path, "greet", name="you"))
    assert not path.exists()
    with pytest.raises(NotDone, match=r"no switch runs in .* \(no control socket there\)\nstart it with"):
        ask(tmp_path, "greet", name="you")


async def test_a_dead_switchs_socket_is_replaced_and_a_living_ones_left(tmp_path: Path) -> None:
    open_control(tmp_path).close()
    with pytest.raises(NotDone, match=r"any more \(its control socket is left over\)"):
        ask(tmp_path, "greet", name="you")
    async with office(tmp_path):
        successor = open_control(tmp_path)
    assert (tmp_path / SOCKET).exists(), "the switch that takes over has put its own there"
    successor.close()


def test_a_file_in_the_way_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / SOCKET).write_text("mine")
    with pytest.raises(ListenError, match="is in the way"):
        open_control(tmp_path)
    assert (tmp_path / SOCKET).read_text() == "mine"


async def test_a_path_longer_than_a_sockets_address_will_do(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    async with office(deep):
        answer = await trio.to_thread.run_sync(lambda: ask(deep, "greet", name="you"))
    assert answer == {"text": "good day, you"}
    assert not (deep / SOCKET).exists()
