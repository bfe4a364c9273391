"""A driver over real loopback sockets and virtual time, and its peers: what tests of the server stand on."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from switch.core.network import Address
from switch.core.party import LinkId, Record, Send
from switch.server.driver import Driver
from switch.server.driving import driving
from tests.server.parties import Notes, Scripted

SECOND = 1_000_000_000
ANYWHERE = Address("127.0.0.1", 0)


@pytest.fixture
def clock() -> MockClock:
    """Time jumps once every task has waited this long (real seconds): sockets have delivered by then."""
    return MockClock(autojump_threshold=0.02)


async def peer(driver: Driver, receive_bytes: int = 0) -> trio.SocketStream:
    """A connection to the driver's listener."""
    address = driver.addresses["peers"]
    sock = trio.socket.socket()
    if receive_bytes:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    try:
        await sock.connect((address.host, address.port))
    except OSError:
        sock.close()
        raise
    return trio.SocketStream(sock)


async def until(what: Callable[[], Any]) -> None:
    """Let things happen until `what` holds, looking at growing intervals: at most an hour of virtual time."""
    step = 0.001
    with trio.fail_after(3_000):  # where the machine is busy, time jumps before sockets have delivered
        while not what():
            await trio.sleep(step)
            step = min(step * 2, 1.0)


@asynccontextmanager
async def driven(party: Scripted, notes: Notes | None = None, **options: Any) -> AsyncIterator[Driver]:
    async with driving(party, sinks=(notes or Notes()).sinks(), listen=[("peers", ANYWHERE)], **options) as driver:
        yield driver


def promise(party: Scripted, link: LinkId, data: bytes) -> None:
    """Record two facts; say one thing that waits for both and one that waits for nothing."""
    party.effects += [Record(1, "a"), Record(2, "b"), Send(link, b"promised", after=2, txn=7), Send(link, b"at once")]
