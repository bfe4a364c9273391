"""The driver over real loopback sockets and virtual time: what reaches the party, and how its effects leave."""

import os
import time
from collections import Counter
from contextlib import AsyncExitStack

import msgspec
import pytest
import trio
from trio.testing import MockClock

from switch.core.limits import Limits
from switch.core.party import Close, LinkId, Log, Record, Send
from switch.server.connections import RECEIVE_BYTES, Connection
from switch.server.driver import Sinks, trio_clock
from tests.server.driven import SECOND, clock, driven, peer, promise, until
from tests.server.parties import InTurns, Notes, Paper, Scripted, hop_named

__all__ = ["clock"]

# -- effects


async def test_effects_leave_in_the_order_the_party_appended_them(clock: MockClock) -> None:
    def answer(party: Scripted, link: LinkId, data: bytes) -> None:
        party.effects += [
            Log("info", "first", {}), Send(link, b"one ", hop=hop_named("second")), Log("info", "third", {}),
            hop_named("fourth"), Send(link, b"two"), Log("info", "fifth", {}), Close(link, "said all"),
        ]  # fmt: skip

    party, notes = Scripted(answer), Notes()
    async with driven(party, notes) as driver, await peer(driver) as stream:
        await stream.send_all(b"?")
        said = b"".join([data async for data in stream])
        assert said == b"one two", "the link closes once all of it has left"
        await until(lambda: party.did("disconnected"))
    assert notes.order == ["first", "second", "third", "fourth", "fifth", "link.closed"]
    assert notes.named("link.closed")[0].fields["reason"] == "said all"
    assert party.calls == [("connected", "peers#1"), ("received", "peers#1", b"?"), ("disconnected", "peers#1")]


async def test_what_arrives_on_several_links_at_once_leaves_in_one_send_a_link_and_one_push(
    clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sends: Counter[str] = Counter()
    flush = Connection.flush

    def counted(connection: Connection) -> bool:
        sends[connection.link] += 1
        return flush(connection)

    monkeypatch.setattr(Connection, "flush", counted)
    position = 0

    def answer(party: Scripted, link: LinkId, data: bytes) -> None:
        nonlocal position
        for n in range(5):
            position += 1
            party.effects += [Record(position, n), Send(link, b"%d" % n), Send(link, b"held", after=position)]

    party, paper = Scripted(answer), Paper()
    async with driven(party, journal=paper) as driver, AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(await peer(driver)) for _ in range(3)]
        await until(lambda: len(party.did("connected")) == 3)
        pushes = paper.pushes
        for stream in streams:
            os.write(stream.socket.fileno(), b"?")
        for stream in streams:
            assert await stream.receive_some() == b"01234"
        assert sends == {"peers#1": 1, "peers#2": 1, "peers#3": 1}
        assert paper.pushes == pushes + 1
        paper.acknowledge(15)
        for stream in streams:
            assert await stream.receive_some() == b"held" * 5
        assert sends == {"peers#1": 2, "peers#2": 2, "peers#3": 2}


# -- the journal


async def test_a_send_waits_for_its_position_and_waits_alone(clock: MockClock) -> None:
    party, paper = Scripted(promise), Paper()
    async with driven(party, journal=paper) as driver, await peer(driver) as stream:
        await stream.send_all(b"?")
        assert await stream.receive_some() == b"at once"
        assert paper.entries == {1: "a", 2: "b"}
        paper.acknowledge(1)
        await until(lambda: ("durable", 1) in party.calls)
        with trio.move_on_after(1) as waited:
            await stream.receive_some()
        assert waited.cancelled_caught, "position 1 is not 2"
        paper.acknowledge(2)
        assert await stream.receive_some() == b"promised"
        assert party.did("durable") == [("durable", 1), ("durable", 2)]
    assert paper.closed


async def test_what_was_durable_before_is_not_waited_for(clock: MockClock) -> None:
    party = Scripted(lambda party, link, _: party.effects.append(Send(link, b"old promise", after=41)))
    async with driven(party, journal=Paper(), durable=41) as driver, await peer(driver) as stream:
        await stream.send_all(b"?")
        assert await stream.receive_some() == b"old promise"


async def test_records_nobody_waits_for_leave_a_few_ms_later(clock: MockClock) -> None:
    party, paper = Scripted(lambda party, *_: party.effects.append(Record(1, "a"))), Paper()
    async with driven(party, journal=paper) as driver, await peer(driver) as stream:
        await until(lambda: party.calls)
        await trio.sleep(1)
        pushes = paper.pushes
        await stream.send_all(b"?")
        await until(lambda: paper.pushes > pushes)


async def test_who_stops_with_records_that_are_not_durable_says_how_many(clock: MockClock) -> None:
    party, paper, notes = Scripted(promise), Paper(), Notes()
    async with driven(party, notes, journal=paper) as driver, await peer(driver) as stream:
        await stream.send_all(b"?")
        assert await stream.receive_some() == b"at once"
        paper.acknowledge(1)
        await until(lambda: driver.durable == 1)
    (ended,) = notes.named("journal.ended_without")
    assert (ended.fields["records"], ended.fields["durable"]) == (1, 1)


async def test_a_writer_that_dies_is_restarted_and_what_waited_leaves(clock: MockClock) -> None:
    party, paper, notes = Scripted(promise), Paper(), Notes()
    async with driven(party, notes, journal=paper) as driver, await peer(driver) as stream:
        await stream.send_all(b"?")
        assert await stream.receive_some() == b"at once"
        paper.die()
        await until(lambda: len(party.did("journal_state")) == 2)
        assert party.did("journal_state") == [
            ("journal_state", False, "the writer is gone"),
            ("journal_state", True, ""),
        ]
        assert notes.named("journal.down")[0].fields["held_sends"] == 1
        assert notes.named("journal.up")
        paper.acknowledge(2)
        assert await stream.receive_some() == b"promised"


async def test_a_writer_that_does_not_come_back_is_tried_again_with_back_off(clock: MockClock) -> None:
    party, paper, notes = Scripted(promise), Paper(), Notes()
    paper.restarts_to_fail = 4
    async with driven(party, notes, journal=paper) as driver, await peer(driver) as stream:
        await stream.send_all(b"?")
        assert await stream.receive_some() == b"at once"
        paper.die()
        await until(lambda: notes.named("journal.up"))
        failed = notes.named("journal.restart_failed")
        assert [log.fields["next_attempt_ms"] for log in failed] == [50, 100, 200, 400]
        assert {log.fields["reason"] for log in failed} == {"no room"}
        paper.acknowledge(2)
        assert await stream.receive_some() == b"promised"
        paper.die()
        await until(lambda: len(notes.named("journal.up")) == 2)
    assert paper.restarts == 6


# -- peers that do not behave


async def test_a_peer_that_does_not_read_loses_its_link_and_the_party_hears_what_did_not_leave(
    clock: MockClock,
) -> None:
    def flood(party: Scripted, link: LinkId, data: bytes) -> None:
        if data == b"flood":
            party.effects += [Send(link, bytes(65_536), txn=n) for n in range(1, 301)]
        else:
            party.effects.append(Send(link, data))

    party, notes = Scripted(flood), Notes()
    async with (
        driven(party, notes, limits=Limits(send_buffer_bytes=1_000)) as driver,
        await peer(driver, receive_bytes=4_096) as deaf,
        await peer(driver) as other,
    ):
        await deaf.send_all(b"flood")
        await until(lambda: ("disconnected", "peers#1") in party.calls)
        await other.send_all(b"still there?")
        assert await other.receive_some() == b"still there?"
        left = 0
        while data := await deaf.receive_some(1 << 20):
            left += len(data)
    (reached,) = notes.named("limit.reached")
    assert (reached.fields["limit"], reached.fields["value"], reached.fields["link"]) == (
        "send_buffer_bytes", 1_000, "peers#1",
    )  # fmt: skip
    lost = [txn for _, link, txn in party.did("undelivered") if link == "peers#1"]
    assert lost == list(range(left // 65_536 + 1, 301)), "from the first that had not left whole to the last"
    assert len(lost) < 300, "some had left"
    names = [call[0] for call in party.calls]
    assert names.index("disconnected") > max(n for n, name in enumerate(names) if name == "undelivered")


async def test_an_answer_for_a_link_that_is_gone_comes_back_to_the_party(clock: MockClock) -> None:
    party = Scripted(lambda party, link, _: party.effects.append(Send("peers#9", b"x", txn=5)))
    async with driven(party) as driver, await peer(driver) as stream:
        await stream.send_all(b"?")
        await until(lambda: party.did("undelivered"))
    assert party.did("undelivered") == [("undelivered", "peers#9", 5)]


async def test_a_promise_whose_link_has_gone_meanwhile_comes_back_once_it_is_durable(clock: MockClock) -> None:
    party, paper = Scripted(promise), Paper()
    async with driven(party, journal=paper) as driver:
        async with await peer(driver) as stream:
            await stream.send_all(b"?")
            assert await stream.receive_some() == b"at once"
        await until(lambda: party.did("disconnected"))
        assert not party.did("undelivered")
        paper.acknowledge(2)
        await until(lambda: party.did("undelivered"))
    assert party.did("undelivered") == [("undelivered", "peers#1", 7)]


async def test_a_connection_too_many_is_closed_and_the_limit_named(clock: MockClock) -> None:
    party, notes = Scripted(), Notes()
    async with driven(party, notes, limits=Limits(connections=2)) as driver, AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(await peer(driver)) for _ in range(3)]
        assert await streams[2].receive_some() == b""
    assert len(party.did("connected")) == 2
    assert notes.named("limit.reached")[0].fields["limit"] == "connections"


async def test_of_its_open_files_the_process_gives_connections_no_more_than_said(clock: MockClock) -> None:
    party, notes = Scripted(), Notes()
    async with driven(party, notes) as driver, AsyncExitStack() as stack:
        driver.listeners.files_max = 2
        streams = [await stack.enter_async_context(await peer(driver)) for _ in range(3)]
        assert await streams[2].receive_some() == b""
    (reached,) = notes.named("limit.reached")
    assert (reached.fields["limit"], reached.fields["value"]) == ("open files", 2)
    assert "ulimit -Hn" in reached.fields["hint"]


# -- one link and the others


async def test_one_link_that_has_much_to_say_has_no_turn_for_itself(clock: MockClock) -> None:
    party = Scripted()
    async with driven(party) as driver, await peer(driver) as loud, await peer(driver) as quiet:
        await until(lambda: len(party.did("connected")) == 2)
        sent = os.write(loud.socket.fileno(), bytes(4 * RECEIVE_BYTES))
        os.write(quiet.socket.fileno(), b"may I?")
        await until(lambda: sum(len(data) for *_, data in party.did("received")) == sent + 6)
    read = [(link, len(data)) for _, link, data in party.did("received")]
    assert max(size for _, size in read) == RECEIVE_BYTES
    assert read.index(("peers#2", 6)) <= 1, "after one piece of what the other says, at the latest"


async def test_where_there_is_no_room_for_all_what_waits_behind_a_first_piece_is_read_in_the_same_turn(
    clock: MockClock,
) -> None:
    """It is declined now: what the kernel keeps nobody can tell anything of."""
    party = InTurns()
    async with driven(party, limits=Limits(turn_ms=60_000)) as driver, await peer(driver) as stream:
        await until(lambda: party.did("connected"))
        assert driver.pace is not None
        for room in (0, 1):
            driver.pace.room = room
            party.calls.clear()
            sent = os.write(stream.socket.fileno(), bytes(3 * RECEIVE_BYTES + 1))
            await until(lambda: sum(len(data) for *_, data in party.did("received")) == sent)  # noqa: B023 - awaited here
            did = [call[0] for call in party.calls]
            assert did == (["hold"] + ["received", "settle"] * 4 if room else ["received"] * 4)


@pytest.mark.parametrize("after_s", [0.1, 0.29], ids=["long before it woke", "just before it woke"])
async def test_a_process_that_was_frozen_reads_what_has_come_before_it_looks_at_deadlines(after_s: float) -> None:
    def slow(party: Scripted, link: LinkId, data: bytes) -> None:
        time.sleep(0.15)

    party = Scripted(slow)
    party.on_tick = lambda _: setattr(party, "deadline", None)
    async with driven(party) as driver, await peer(driver) as stream:
        await until(lambda: party.did("connected"))
        now = trio_clock()
        party.deadline = now + int(after_s * SECOND)
        driver.carry_out(now)
        sent = os.write(stream.socket.fileno(), bytes(6 * RECEIVE_BYTES))
        time.sleep(0.3)  # noqa: ASYNC251 - this is the freeze
        await until(lambda: party.did("tick"))
    names = [call[0] for call in party.calls]
    read = sum(len(call[2]) for call in party.calls[: names.index("tick")] if call[0] == "received")
    assert read == sent > RECEIVE_BYTES, "all of it, though reading it takes longer than the freeze did"


async def test_a_process_that_was_frozen_while_it_wrote_its_log_reads_first_too() -> None:
    class Frozen(Notes):
        def sinks(self) -> Sinks:
            return msgspec.structs.replace(super().sinks(), flush=self.freeze)

        def freeze(self) -> None:
            if party.deadline is not None and len(party.did("received")) == 1:
                self.sent = os.write(stream.socket.fileno(), bytes(4 * RECEIVE_BYTES))
                time.sleep(0.3)

    def ask(party: Scripted, link: LinkId, data: bytes) -> None:
        if data == b"?":
            party.deadline = trio_clock() + SECOND // 5
            party.effects.append(Log("info", "asked", {}))

    def expire(now: int) -> None:
        if party.deadline is not None and now >= party.deadline:
            party.deadline = None
            party.calls.append(("expired",))

    party, notes = Scripted(ask), Frozen()
    party.on_tick = expire
    async with driven(party, notes) as driver, await peer(driver) as stream:
        await stream.send_all(b"?")
        await until(lambda: party.did("expired"))
    names = [call[0] for call in party.calls]
    read = sum(len(call[2]) for call in party.calls[: names.index("expired")] if call[0] == "received")
    assert read == notes.sent + 1
