"""What one process leaves to the next: sockets, and a memory that counts only if it can be read and is the newest."""

import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from switch.config import parse_network
from switch.config.load import SHIPPED
from switch.core.handover.memory import MEMORY_VERSION, Memory
from switch.core.handover.succession import hand_over
from switch.core.limits import Limits
from switch.core.network import Address, Network
from switch.core.party import LinkId, Send
from switch.loopback import on_free_ports
from switch.server.driver import Dial, Driver, Sinks
from switch.server.driving import driving
from switch.server.handover import ENVIRONMENT, Handover, KeptConnection, KeptListener, inherit, leave
from switch.server.serving import serving
from tests.core.scripts import Scene, purchase
from tests.server.driven import until
from tests.server.parties import Notes, Scripted

ANYWHERE = Address("127.0.0.1", 0)


@pytest.fixture
def clock() -> MockClock:
    return MockClock(autojump_threshold=0.02)


@pytest.fixture
def network() -> Network:
    return parse_network(on_free_ports((SHIPPED / "morocco.toml").read_text()), "morocco.toml")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def handover(memory: Any = None, version: int = MEMORY_VERSION, **members: Any) -> Handover:
    given = {
        "version": version, "memory": msgspec.Raw(msgspec.msgpack.encode(memory)), "listeners": (), "connections": (),
        "dialled": (), "counts": {}, "children": (), "restarts": 1, "stopped_ns": 0, "by": "test",
    }  # fmt: skip
    return Handover(**{**given, **members})


def pair(stack: ExitStack, link: LinkId, **members: Any) -> tuple[socket.socket, KeptConnection]:
    """Our end of a connection, and the other as an handover has it: the descriptor alone."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = stack.enter_context(socket.create_connection(server.getsockname()))
        theirs, _ = server.accept()
    kept = {"link": link, "fd": theirs.detach(), "unsent": b"", "txns": (), "closing": "", **members}
    return ours, KeptConnection(**kept)


# -- from one process to the next


def test_only_the_process_it_is_meant_for_takes_it() -> None:
    fd = leave(handover(counts={"peers": 7}))
    assert inherit({}, os.getpid()) is None
    assert inherit({ENVIRONMENT: f"{os.getpid() + 1}:{fd}"}, os.getpid()) is None
    taken = inherit({ENVIRONMENT: f"{os.getpid()}:{fd}"}, os.getpid())
    assert taken is not None
    assert taken.counts == {"peers": 7}
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_its_descriptors_pass_to_the_next_program_and_no_further(stack: ExitStack) -> None:
    ours, kept = pair(stack, "peers#1")
    os.close(leave(handover(connections=(kept,))))
    assert os.get_inheritable(kept.fd)
    (sock,) = handover(connections=(kept,)).sockets().values()
    stack.enter_context(sock)
    assert not sock.get_inheritable()
    assert not ours.get_inheritable()


def test_what_cannot_be_read_is_closed_whole(tmp_path: Path) -> None:
    """In a process of its own, since everything above stderr is closed."""
    script = """
import os, socket
from switch.server.handover import ENVIRONMENT, inherit
ours, theirs = socket.socketpair()
fd = os.memfd_create("handover")
os.write(fd, b"nonsense")
os.lseek(fd, 0, 0)
kept = os.dup2(ours.fileno(), 1)
theirs.detach()
assert inherit({ENVIRONMENT: f"{os.getpid()}:{fd}"}, os.getpid()) is None
assert os.read(1, 1) == b"", "the peer sees the end"
os._exit(17)
"""
    assert os.waitstatus_to_exitcode(os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", script]) << 8) == 17


def test_the_children_of_the_program_before_are_waited_for() -> None:
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    os.close(reading)
    handover(children=(pid,)).wait_for_children(wait_s=0.01)
    os.close(writing)
    handover(children=(pid,)).wait_for_children()
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


# -- the driver


@asynccontextmanager
async def driven(party: Scripted, **options: Any) -> AsyncIterator[Driver]:
    options.setdefault("listen", [("peers", ANYWHERE)])
    async with driving(party, sinks=Notes().sinks(), limits=Limits(), **options) as driver:
        yield driver


async def test_nothing_is_read_and_no_deadline_passes_while_a_driver_stands_still(clock: MockClock) -> None:
    party = Scripted()
    async with driven(party) as driver:
        at = driver.addresses["peers"]
        stream = await trio.open_tcp_stream(at.host, at.port)
        async with stream:
            await until(lambda: party.did("connected"))
            driver.stand_still()
            party.deadline = 1
            await stream.send_all(b"waits")
            late = await trio.open_tcp_stream(at.host, at.port)
            await trio.sleep(5)
            assert [call[0] for call in party.calls] == ["connected"]
            party.deadline = None
            driver.go_on()
            await until(lambda: len(party.did("connected")) == 2 and party.did("received"))
            await late.aclose()
    assert ("received", "peers#1", b"waits") in party.calls


async def test_an_adopted_connection_goes_on_where_it_was(clock: MockClock, stack: ExitStack) -> None:
    def echo(party: Scripted, link: LinkId, data: bytes) -> None:
        party.effects.append(Send(link, b"heard " + data))

    ours, kept = pair(stack, "peers#41", unsent=b"rest of an answer, ")
    party = Scripted(echo)
    ours.send(b"early")
    async with driven(party, inherited=handover(connections=(kept,), counts={"peers": 41})) as driver:
        assert party.calls == [("received", "peers#41", b"early")], "before anything else happens"
        assert ours.recv(100) == b"rest of an answer, heard early"
        at = driver.addresses["peers"]
        async with await trio.open_tcp_stream(at.host, at.port):
            await until(lambda: party.did("connected"))
        assert party.did("connected") == [("connected", "peers#42")], "numbers go on"


async def test_an_answer_left_over_that_never_leaves_is_reported(clock: MockClock, stack: ExitStack) -> None:
    ours, kept = pair(stack, "peers#1", unsent=b"x" * 16_000_000, txns=((7, 1_000), (8, 16_000_000)))
    party = Scripted()
    async with driven(party, inherited=handover(connections=(kept,))):
        ours.close()
        await until(lambda: party.did("disconnected"))
    assert party.did("undelivered") == [("undelivered", "peers#1", 8)], "the first had left"


async def test_an_open_port_is_taken_over_and_one_that_moved_is_opened(clock: MockClock) -> None:
    sock = socket.create_server(("127.0.0.1", 0))
    there, gone = Address("127.0.0.1", sock.getsockname()[1]), socket.create_server(("127.0.0.1", 0))
    listening = (KeptListener("stays", there, sock.detach()), KeptListener("goes", ANYWHERE, os.dup(gone.fileno())))
    gone.close()
    listen = [("stays", there), ("comes", ANYWHERE)]
    async with driven(Scripted(), listen=listen, inherited=handover(listeners=listening)) as driver:
        assert set(driver.addresses) == {"stays", "comes"}
        async with await trio.open_tcp_stream(there.host, there.port):
            pass


async def test_what_another_process_dialled_is_dialled_again_only_when_it_is_lost(
    clock: MockClock, stack: ExitStack
) -> None:
    server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    server.setblocking(False)
    at = Address("127.0.0.1", server.getsockname()[1])
    ours, kept = pair(stack, "host#3")
    party = Scripted()
    left = handover(connections=(kept,), dialled=(("host", at, 1, "host#3"),), counts={"host": 3})
    async with driven(party, listen=[], dial=[Dial("host", at)], inherited=left):
        await trio.sleep(30)
        with pytest.raises(BlockingIOError):
            server.accept()
        ours.close()
        await until(lambda: party.did("connected"))
    assert party.did("connected") == [("connected", "host#4")]


# -- the switch


def memory_of_a_scene() -> Memory:
    scene = Scene()
    scene.rif.sends(purchase())
    return hand_over(scene.book.switch, whole=True)


@pytest.mark.parametrize(
    ("left", "reason"),
    [
        (
            handover(version=MEMORY_VERSION + 1),
            f"of version {MEMORY_VERSION + 1}, this release reads version {MEMORY_VERSION}",
        ),
        (handover(memory=[1, 2]), "cannot be read"),
        (handover(memory=memory_of_a_scene()), "the memory is of record 2, the journal of record 0"),
    ],
    ids=["another version", "nonsense", "an older journal"],
)
async def test_a_memory_of_no_use_closes_connections_and_keeps_ports(
    left: Handover, reason: str, network: Network, tmp_path: Path, stack: ExitStack
) -> None:
    ours, kept = pair(stack, "acquirers#1")
    pos = next(x for x in network.listeners if x.name == "pos").address
    door = socket.create_server((pos.host, pos.port))
    inode = os.fstat(door.fileno()).st_ino
    left = msgspec.structs.replace(left, connections=(kept,), listeners=(KeptListener("pos", pos, door.detach()),))
    notes = Notes()

    def sinks() -> Sinks:
        return notes.sinks()

    async with serving(network, tmp_path, sinks, left) as running:
        (said,) = notes.named("restart.without_memory")
        assert reason in said.fields["reason"]
        assert said.fields["closed"] == 1
        assert ours.recv(10) == b""
        assert running.driver.open_connections == 0
        ((fd),) = [door.fd for door in running.driver.listeners.kept() if door.name == "pos"]
        assert os.fstat(fd).st_ino == inode, "the same open port"


def test_a_release_that_calls_listeners_doors_reads_them() -> None:
    """A restart in place may be from that release to this one, or back."""
    left = msgspec.msgpack.decode(msgspec.msgpack.encode(handover()))
    assert "doors" in left
    assert "listeners" not in left
