"""The driver over real loopback sockets and virtual time: the links it makes, its deadlines, its end."""

import os
import socket
from functools import partial

import pytest
import trio
from trio.testing import MockClock

from switch.core.network import Address
from switch.core.party import LinkId, Send
from switch.loopback import free_ports
from switch.server.driver import LAZY_NS, Dial
from switch.server.driving import driving
from tests.server.driven import SECOND, clock, driven, peer, promise, until
from tests.server.parties import Notes, Paper, Scripted

__all__ = ["clock"]

# -- links this side makes


async def test_a_dialled_link_is_tried_again_with_back_off_until_someone_listens(clock: MockClock) -> None:
    (port,) = free_ports(1)
    address = Address("127.0.0.1", port)
    party, notes = Scripted(), Notes()
    dial = Dial("bank", address, backoff_min_ms=200, backoff_max_ms=1_000)
    async with driving(party, sinks=notes.sinks(), dial=[dial]):
        await until(lambda: len(notes.named("link.connect_failed")) >= 5)
        failed = [log.fields for log in notes.named("link.connect_failed")[:5]]
        assert [fields["next_attempt_ms"] for fields in failed] == [200, 400, 800, 1_000, 1_000]
        assert {(fields["reason"], fields["address"]) for fields in failed} == {("Connection refused", str(address))}
        assert 0.75 * 2.4 <= trio.current_time() <= 1.25 * 2.4 + 1
        (listener,) = await trio.open_tcp_listeners(port, host="127.0.0.1")
        async with listener:
            for number in (1, 2, 3):
                async with await listener.accept():
                    await until(partial(party.calls.__contains__, ("connected", f"bank#{number}")))
                await until(partial(party.calls.__contains__, ("disconnected", f"bank#{number}")))


async def test_a_link_that_held_for_a_while_is_dialled_again_without_delay(clock: MockClock) -> None:
    (port,) = free_ports(1)
    party, notes = Scripted(), Notes()
    dial = Dial("bank", Address("127.0.0.1", port), backoff_min_ms=200, backoff_max_ms=100_000)
    async with driving(party, sinks=notes.sinks(), dial=[dial]):
        await until(lambda: len(notes.named("link.connect_failed")) >= 7)
        (listener,) = await trio.open_tcp_listeners(port, host="127.0.0.1")
        async with listener:
            async with await listener.accept():
                await trio.sleep(6)
            lost = trio.current_time()
            async with await listener.accept():
                assert trio.current_time() - lost < 1


async def test_what_the_driver_itself_has_to_say_is_not_kept_back(clock: MockClock) -> None:
    (port,) = free_ports(1)
    notes = Notes()
    dial = Dial("bank", Address("127.0.0.1", port), backoff_min_ms=50_000, backoff_max_ms=50_000)
    async with driving(Scripted(), sinks=notes.sinks(), dial=[dial]):
        await until(lambda: notes.named("link.connect_failed"))
        await trio.sleep(2 * LAZY_NS / SECOND)
        assert notes.flushed[-1] == 1


# -- time


async def test_tick_is_called_when_the_deadline_has_come_and_not_before(clock: MockClock) -> None:
    party = Scripted()
    due = [3 * SECOND, 100 * SECOND, 100 * SECOND + 1, 80_000 * SECOND]
    party.deadline = due[0]

    def on_tick(now: int) -> None:
        while due and due[0] <= now:
            due.pop(0)
        party.deadline = due[0] if due else None

    party.on_tick = on_tick
    async with driven(party):
        await trio.sleep(2.999)
        assert not party.did("tick")
        await trio.sleep(80_001)
    ticks = [now for _, now in party.did("tick")]
    assert [now // SECOND for now in ticks[:1]] == [3]
    for wanted in (3 * SECOND, 100 * SECOND, 80_000 * SECOND):
        assert any(0 <= now - wanted <= 2_000 for now in ticks), (wanted, ticks)
    assert len(ticks) <= 7, "it is not called over and over"


async def test_a_nearer_deadline_that_comes_with_a_message_counts(clock: MockClock) -> None:
    def sooner(party: Scripted, link: LinkId, data: bytes) -> None:
        party.deadline = int(trio.current_time() * SECOND) + 2 * SECOND

    party = Scripted(sooner)
    party.deadline = 1_000 * SECOND

    def answered(now: int) -> None:
        if party.deadline is not None and now >= party.deadline:
            party.deadline = None
            party.effects.append(Send("peers#1", b"too late"))

    party.on_tick = answered
    async with driven(party) as driver, await peer(driver) as stream:
        await stream.send_all(b"?")
        began = trio.current_time()
        assert await stream.receive_some() == b"too late"
        assert 1.9 < trio.current_time() - began < 3


# -- the end


async def test_draining_stops_listening_and_returns_once_the_party_has_finished(clock: MockClock) -> None:
    def answer(party: Scripted, link: LinkId, data: bytes) -> None:
        promise(party, link, data)
        party.is_drained = True

    party, paper = Scripted(answer), Paper()
    party.is_drained = False
    async with driven(party, journal=paper) as driver, await peer(driver) as stream:
        await until(lambda: party.did("connected"))
        ended: list[bool] = []
        async with trio.open_nursery() as nursery:

            async def drain() -> None:
                ended.append(await driver.drain(1_000))

            nursery.start_soon(drain)
            await until(lambda: party.did("drain"))
            with pytest.raises(ConnectionRefusedError):
                await peer(driver)
            await stream.send_all(b"?")
            assert await stream.receive_some() == b"at once"
            await trio.sleep(0.3)
            assert not ended, "a promise is still held"
            paper.acknowledge(2)
            assert await stream.receive_some() == b"promised"
        assert ended == [True]


async def test_draining_gives_up_after_its_time(clock: MockClock) -> None:
    party = Scripted()
    party.is_drained = False
    async with driven(party) as driver:
        began = trio.current_time()
        assert await driver.drain(0.4) is False
        assert 0.4 <= trio.current_time() - began < 0.6


async def test_an_address_that_is_taken_is_named_and_nothing_else_listens_on(clock: MockClock) -> None:
    (port,) = free_ports(1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = Address("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(OSError, match=f"^cannot listen on {wanted}: Address already in use$"):
            async with driving(
                Scripted(), sinks=Notes().sinks(), listen=[("free", Address("127.0.0.1", port)), ("taken", wanted)]
            ):
                raise AssertionError("it started")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


async def test_turns_follow_each_other_only_so_long_that_others_have_theirs(clock: MockClock) -> None:
    """A peer that has always sent more by the time it was read: who else waits for this thread is not forgotten."""
    turns, most = 0, 100_000

    def ask_again(party: Scripted, link: LinkId, data: bytes) -> None:
        nonlocal turns
        turns += 1
        if turns < most:
            os.write(stream.socket.fileno(), b"again")

    async with driven(Scripted(ask_again)) as driver, await peer(driver) as stream:
        await stream.send_all(b"first")
        for _ in range(
            20
        ):  # times that others have the thread; this clock does not go on as long as there is something to do
            await trio.lowlevel.checkpoint()
        assert 0 < turns < most
        most = 0
