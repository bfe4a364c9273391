"""Looking on: a watcher sees every byte in order and what the party made of it; nobody watching, nothing is asked of anyone."""

import os
from typing import Any

import trio
import trio.lowlevel

from switch.core.network import Address
from switch.core.party import Close, Hop, LinkId, Record, Send
from switch.server.driving import driving
from tests.server.parties import Notes, Paper, Scripted, hop_named

ANYWHERE = Address("127.0.0.1", 0)


class Eyes:
    """A watcher that notes what it is shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []
        self.flushes = self.writes = 0

    def opened(self, link: LinkId, own: Address, peer: Address, dialed: bool, wall_ns: int) -> None:
        self.seen.append(("opened", link, own.port > 0, peer.port > 0, dialed))

    def received(self, link: LinkId, data: bytes, wall_ns: int) -> None:
        self.seen.append(("received", link, data))

    def understood(self, hop: Hop) -> None:
        self.seen.append(("understood", hop.note))

    def sent(self, link: LinkId, data: bytes, hop: Hop | None, wall_ns: int) -> None:
        self.seen.append(("sent", link, data, hop.note if hop else None))

    def written(self) -> None:
        self.writes += 1

    def closed(self, link: LinkId, wall_ns: int) -> None:
        self.seen.append(("closed", link))

    def flush(self) -> None:
        self.flushes += 1


def echo(party: Scripted, link: LinkId, data: bytes) -> None:
    party.effects += [hop_named("heard"), Send(link, data.upper(), hop=hop_named("said"))]
    if data == b"bye":
        party.effects.append(Close(link, "bye"))


async def test_a_watcher_is_shown_everything_from_when_it_comes_until_it_goes() -> None:
    eyes, notes = Eyes(), Notes()
    async with driving(Scripted(echo), sinks=notes.sinks(), listen=[("peers", ANYWHERE)]) as driver:
        at = driver.addresses["peers"]
        stream = await trio.open_tcp_stream(at.host, at.port)

        async def says(data: bytes) -> None:
            await stream.send_all(data)
            assert await stream.receive_some() == data.upper()

        await says(b"unseen")
        driver.show_to(eyes)
        await says(b"one")
        driver.show_to(None)
        await says(b"unseen")
        driver.show_to(eyes)
        await says(b"bye")
        assert await stream.receive_some() == b""
        await stream.aclose()
    opened, closed = ("opened", "peers#1", True, True, False), ("closed", "peers#1")
    assert eyes.seen == [
        opened, ("received", "peers#1", b"one"), ("understood", "heard"), ("sent", "peers#1", b"ONE", "said"), closed,
        opened, ("received", "peers#1", b"bye"), ("understood", "heard"), ("sent", "peers#1", b"BYE", "said"), closed,
    ]  # fmt: skip
    assert eyes.writes >= 2, "after each batch that wrote something"
    assert notes.order == ["heard", "said"] * 4 + ["link.closed"], "the hop log misses nothing of it"


async def test_what_a_watcher_is_shown_is_in_the_order_of_its_times() -> None:
    """An answer leaves once the journal has its record; what is read after that in the same batch came later."""
    times: list[int] = []

    class Clock(Eyes):
        def received(self, link: LinkId, data: bytes, wall_ns: int) -> None:
            times.append(wall_ns)

        def sent(self, link: LinkId, data: bytes, hop: Hop | None, wall_ns: int) -> None:
            times.append(wall_ns)

    def approve(party: Scripted, link: LinkId, data: bytes) -> None:
        position = len(journal.entries) + len(party.effects) // 2 + 1
        party.effects += [Record(position, "approved"), Send(link, data.upper(), after=position)]

    journal = Paper()
    async with driving(
        Scripted(approve), sinks=Notes().sinks(), listen=[("peers", ANYWHERE)], journal=journal
    ) as driver:
        driver.show_to(Clock())
        at = driver.addresses["peers"]
        first, second = [await trio.open_tcp_stream(at.host, at.port) for _ in range(2)]
        for paid in range(10):
            await first.send_all(b"pay")
            while len(journal.entries) == 2 * paid:
                await trio.lowlevel.checkpoint()
            journal.acknowledge(2 * paid + 1)
            os.write(second.socket.fileno(), b"pay")
            assert await first.receive_some() == b"PAY"
            journal.acknowledge(2 * paid + 2)
            assert await second.receive_some() == b"PAY"
        await first.aclose()
        await second.aclose()
    assert len(times) == 40
    assert times == sorted(times)
