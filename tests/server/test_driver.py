"""The driver over real loopback sockets and virtual time: what reaches the party, and how its effects leave."""

import os
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from switch.core.limits import Limits
from switch.core.network import Address
from switch.core.party import Close, LinkId, Log, Record, Send
from switch.loopback import free_ports
from switch.server.connections import RECEIVE_BYTES, Connection
from switch.server.driver import LAZY_NS, Dial, Driver, Sinks, trio_clock
from switch.server.driving import driving
from tests.server.parties import InTurns, Notes, Paper, Scripted, hop_named

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


def promise(party: Scripted, link: LinkId, data: bytes) -> None:
    """Record two facts; say one thing that waits for both and one that waits for nothing."""
    party.effects += [Record(1, "a"), Record(2, "b"), Send(link, b"promised", after=2, txn=7), Send(link, b"at once")]


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


async def test_a_writer_that_dies_is_restarted_and_what_waited_leaves(clock: MockClock) -> None:
    party, paper, notes = Scripted(promise), Paper(), Notes()
    async with driven(party, notes, journal=paper) as driver, await peer(driver) as stream:
        await stream.send_all(b"?")
        assert await stream.receive_some() == b"at once"
        paper.die()
        await until(lambda: len(party.did("journal_state")) == 2)
        assert party.did("journal_state") == [
            ("journal_state", False, "the writer is gone"), ("journal_state", True, ""),
        ]  # fmt: skip
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


# -- links this side makes


async def test_a_dialled_link_is_tried_again_with_back_off_until_someone_listens(clock: MockClock) -> None:
    (port,) = free_ports(1)
    address = Address("127.0.0.1", port)
    party, notes = Scripted(), Notes()
    dial = Dial("bank", address, backoff_min_ms=200, backoff_max_ms=1_000)
    async with driving(party, sinks=notes.sinks(), dial=[dial]):
        await until(lambda: len(notes.named("link.connect_failed")) == 5)
        failed = [log.fields for log in notes.named("link.connect_failed")]
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
        await until(lambda: len(notes.named("link.connect_failed")) == 7)
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
