"""A restart up to the moment the new program would begin: what is left to it, and what happens where it cannot begin."""

import errno
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from switch.config import parse_network
from switch.config.load import SHIPPED
from switch.core.handover.memory import MEMORY_VERSION, Memory
from switch.core.link_control.leaving import Leaving
from switch.core.network import Network
from switch.core.operator.command import Unable
from switch.journal.index import index_path
from switch.loopback import on_free_ports
from switch.server import reloading
from switch.server.connections import ListenError
from switch.server.handover import ENVIRONMENT, Handover, inherit
from switch.server.open_files import OpenFiles
from switch.server.ports import trio_clock
from switch.server.reloading import Reloader
from switch.server.restarting import Ability, Restarter
from switch.server.serving import Serving, serving
from switch.wire import Dialect
from switch.wire.framing import make_framing
from switch.wire.vocabulary import Document
from tests.open_files import open_below
from tests.server.parties import Notes


@pytest.fixture
def network() -> Network:
    return parse_network(on_free_ports((SHIPPED / "morocco.toml").read_text()), "morocco.toml")


def saying(text: bytes, status: int = 0) -> list[str]:
    """The command of a program that says this when it is asked."""
    return [sys.executable, "-c", f"import sys; sys.stdout.buffer.write({text!r}); sys.exit({status})"]


class Acquirer:
    """Rif's host, signed on."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._dialect, self._framing = Dialect.load("cmi87"), make_framing("length2", 8_192)

    async def asks(self, code: str) -> Document:
        """A network message, and its answer."""
        message = {"t": "0800", "7": "1125120000", "11": f"000{code}", "32": "504102", "70": code}
        await self._stream.send_all(self._framing.frame(self._dialect.encode(message)))
        while not (frames := self._framing.feed(await self._stream.receive_some())):
            pass
        return self._dialect.decode(frames[0])


@asynccontextmanager
async def running_with_acquirer(
    network: Network, state_dir: Path, notes: Notes
) -> AsyncIterator[tuple[Serving, Acquirer]]:
    async with serving(network, state_dir, notes.sinks) as running:
        at = running.driver.addresses["acquirers"]
        async with await trio.open_tcp_stream(at.host, at.port) as stream:
            acquirer = Acquirer(stream)
            assert (await acquirer.asks("001"))["39"] == "00"
            yield running, acquirer


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[Handover]:
    """What was left to programs that then could not be executed."""
    found: list[Handover] = []

    def execve(path: str, command: list[str], environment: dict[str, str]) -> None:
        fd = os.dup(int(environment[ENVIRONMENT].partition(":")[2]))
        handover = inherit({ENVIRONMENT: f"{os.getpid()}:{fd}"}, os.getpid())
        assert handover is not None
        assert all(os.get_inheritable(kept.fd) for kept in handover.connections)
        assert signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ())
        found.append(handover)
        raise OSError(8, "Exec format error")

    monkeypatch.setattr(os, "execve", execve)
    return found


async def until(what: Callable[[], Any]) -> None:
    with trio.fail_after(30):
        while not what():  # noqa: ASYNC110
            await trio.sleep(0.01)


async def test_what_is_left_is_whole_and_a_program_that_cannot_begin_costs_nothing(
    network: Network, tmp_path: Path, left: list[Handover]
) -> None:
    notes = Notes()
    async with running_with_acquirer(network, tmp_path, notes) as (running, acquirer):
        restarter = Restarter(running, 5.0, saying(msgspec.json.encode(Ability(MEMORY_VERSION, network))))
        said = await restarter.command({}, "test")
        assert (said["pid"], said["restarts"], said["keeps_connections"]) == (os.getpid(), 0, True)
        await until(lambda: notes.named("restart.refused"))
        (handover,) = left
        memory = handover.recall()
        assert isinstance(memory, Memory)
        assert memory.position == running.switch.position == memory.durable
        assert [(s.link, s.source, s.state) for s in memory.sessions] == [("acquirers#1", "rif", "up")]
        assert [kept.link for kept in handover.connections] == ["acquirers#1"]
        assert {kept.name for kept in handover.listeners} == {"acquirers", "pos"}
        assert (handover.restarts, handover.children, handover.by) == (1, (running.feed.pid,), "test")
        assert (await restarter.status({}, ""))["restart_failed"] == "[Errno 8] Exec format error"
        assert (await acquirer.asks("301"))["39"] == "00", "it goes on as before"
        assert not any(os.get_inheritable(kept.fd) for kept in handover.connections)
        assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
        assert running.driver.listeners.kept_dials(), "hosts are dialled again"


async def test_a_switch_that_ends_leaves_none_of_its_files_open(network: Network, tmp_path: Path) -> None:
    index = Path(index_path(tmp_path)).name
    async with serving(network, tmp_path, Notes().sinks) as running:
        await until(lambda: running.health() and index in open_below(tmp_path))
    assert not open_below(tmp_path)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (saying(b"", 3), "it ended with status 3"),
        (saying(b"Ready: as ever"), "does not say what it can take over"),
    ],
    ids=["fails", "knows no restarts"],
)
async def test_a_program_that_could_not_take_over_is_not_begun(
    command: list[str], reason: str, network: Network, tmp_path: Path, left: list[Handover]
) -> None:
    notes = Notes()
    async with running_with_acquirer(network, tmp_path, notes) as (running, acquirer):
        with pytest.raises(Unable, match=reason):
            await Restarter(running, 5.0, command).command({}, "test")
        assert not left
        assert reason in notes.named("restart.refused")[0].fields["reason"]
        assert (await acquirer.asks("301"))["39"] == "00"


async def test_a_release_with_another_memory_gets_open_ports_after_all_has_ended(
    network: Network, tmp_path: Path, left: list[Handover], monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []
    really_kill = os.kill

    def kill(pid: int, number: int) -> None:
        if pid == os.getpid():
            killed.append(number)
        else:  # a helper that is slow to end
            really_kill(pid, number)

    monkeypatch.setattr(os, "kill", kill)
    notes = Notes()
    async with running_with_acquirer(network, tmp_path, notes) as (running, _):
        restarter = Restarter(running, 5.0, saying(msgspec.json.encode(Ability(MEMORY_VERSION + 1, network))))
        assert not (await restarter.command({}, "test"))["keeps_connections"]
        await until(lambda: killed)
        (handover,) = left
        with pytest.raises(ValueError, match="of version 0"):
            handover.recall()
        assert {kept.name for kept in handover.listeners} == {"acquirers", "pos"}
        assert running.switch.draining
    assert killed == [signal.SIGTERM], "what has said goodbye does not go on: whoever watches starts it again"


def without_rif(network: Network) -> Network:
    hosts = tuple(host for host in network.hosts if host.name != "rif")
    bins = tuple(each for each in network.bins if each.issuer != "rif")
    return msgspec.structs.replace(network, hosts=hosts, bins=bins)


def had_a_crash(running: Serving) -> None:
    """From now on something may come back to any host: what a process before this one may have sent it."""
    running.switch.booted_de7 = running.switch.de7(trio_clock())


async def test_a_release_with_another_memory_cannot_keep_a_host_that_is_to_stay(
    network: Network, tmp_path: Path, left: list[Handover]
) -> None:
    notes = Notes()
    async with running_with_acquirer(network, tmp_path, notes) as (running, _):
        had_a_crash(running)
        command = saying(msgspec.json.encode(Ability(MEMORY_VERSION + 1, without_rif(network))))
        with pytest.raises(
            Unable, match=r"host rif left the network file with payments of its.*put it back into the file"
        ):
            await Restarter(running, 5.0, command).command({}, "test")
        assert not left
        command = saying(msgspec.json.encode(Ability(MEMORY_VERSION, without_rif(network))))
        assert (await Restarter(running, 5.0, command).command({}, "test"))["keeps_connections"]
        await until(lambda: left)


async def test_a_host_that_cannot_be_let_go_stays_and_the_switch_goes_on(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_files(_: Network) -> OpenFiles:
        raise ListenError(errno.EMFILE, "100 open files are too few")

    notes = Notes()
    async with running_with_acquirer(network, tmp_path, notes) as (running, acquirer):
        had_a_crash(running)
        reloader = Reloader(running, lambda: without_rif(network))
        running.nursery.start_soon(reloader.keep_looking)
        assert any("rif: removed; leaving" in line for line in (await reloader.reload("test")).changes)
        with monkeypatch.context() as patch:
            patch.setattr(reloading, "raise_open_files", no_files)
            patch.setattr(reloading, "LOOK_S", 0.01)
            running.switch.booted_de7 = ""
            running.switch.leaving = Leaving(running.switch)
            await until(lambda: notes.named("host.stays"))
        stays = notes.named("host.stays")[0].fields
        assert (stays["hosts"], stays["reason"]) == (["rif"], "100 open files are too few")
        assert (await acquirer.asks("301"))["39"] == "00"
        await until(lambda: notes.named("host.left"))
        assert "rif" not in running.switch.hosts
