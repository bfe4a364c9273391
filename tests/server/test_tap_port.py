"""Looking on: a watcher sees every byte in order and what the party made of it; nobody watching, nothing is asked of anyone."""

from typing import Any

import trio

from switch.core.network import Address
from switch.core.party import Close, Hop, LinkId, Send
from switch.server.driving import driving
from tests.server.parties import Notes, Scripted, hop_named

ANYWHERE = Address("127.0.0.1", 0)


class Eyes:
    """A watcher that notes what it is shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []
        self.flushes = 0

    def opened(self, link: LinkId, own: Address, peer: Address, dialed: bool, wall_ns: int) -> None:
        self.seen.append(("opened", link, own.port > 0, peer.port > 0, dialed))

    def received(self, link: LinkId, data: bytes, wall_ns: int) -> None:
        self.seen.append(("received", link, data))

    def understood(self, hop: Hop) -> None:
        self.seen.append(("understood", hop.note))

    def sent(self, link: LinkId, data: bytes, hop: Hop | None, wall_ns: int) -> None:
        self.seen.append(("sent", link, data, hop.note if hop else None))

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
    assert notes.order == ["heard", "said"] * 4 + ["link.closed"], "the hop log misses nothing of it"
