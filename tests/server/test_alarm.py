"""When the driver wakes: the alarm of the task that keeps time, what leaves with something else, turns that are waited for."""

import os
import threading
import time
from functools import partial

import trio
from trio.testing import MockClock

from switch.core.limits import NEVER
from switch.core.party import Record, Send
from switch.server.alarm import Alarm
from switch.server.driver import LAZY_NS, RIDE_NS
from switch.server.ports import trio_clock
from tests.server.driven import SECOND, clock, driven, peer, until
from tests.server.parties import Notes, Paper, Scripted, hop_named

__all__ = ["clock"]

LINK = "peers#1"


class Counting(Scripted):
    """Counts how often it is asked."""

    asked = 0

    def next_deadline(self) -> int | None:
        self.asked += 1
        return super().next_deadline()


async def sleep_ns(ns: int) -> None:
    await trio.sleep(ns / SECOND)


async def test_an_alarm_that_is_moved_rings_then(clock: MockClock) -> None:
    alarm, rang = Alarm(), []

    async def wait(at: int) -> None:
        rang.append(await alarm.ring(at))

    start = trio_clock()
    for first, moved in ((5, 9), (9, 5), (NEVER, 3)):
        async with trio.open_nursery() as nursery:
            begins = trio_clock()
            nursery.start_soon(wait, first if first == NEVER else begins + first * SECOND)
            await trio.sleep(1)
            alarm.move(begins + moved * SECOND)
        start += moved * SECOND
        assert rang[-1] == start


async def test_an_alarm_that_is_moved_away_as_it_rings_says_what_the_time_is(clock: MockClock) -> None:
    alarm = Alarm()
    for _ in range(12):  # which of the two tasks runs first is chance
        at = trio_clock() + SECOND

        async def move(at: int) -> None:
            await trio.sleep_until(at / SECOND)
            alarm.move(at + 3_600 * SECOND)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(move, at)
            now = await alarm.ring(at)
        assert now == at


async def test_what_nobody_waits_for_leaves_with_what_somebody_does_and_wakes_nobody_again(clock: MockClock) -> None:
    party, notes, journal = Scripted(), Notes(), Paper()
    async with driven(party, notes, journal=journal) as driver, await peer(driver):
        await until(partial(party.did, "connected"))
        await sleep_ns(2 * LAZY_NS)
        party.effects.append(hop_named("first"))
        driver.carry_out(trio_clock())
        flushed, ticks = len(notes.flushed), len(party.did("tick"))
        await sleep_ns(LAZY_NS - RIDE_NS - 500_000)
        party.effects += [Record(1, "a"), Send(LINK, b"promised", after=1)]
        driver.carry_out(trio_clock())
        assert len(notes.flushed) == flushed, "it is too early"
        await sleep_ns(1_000_000)
        party.effects.append(Record(2, "b"))
        driver.carry_out(trio_clock())
        assert len(notes.flushed) == flushed + 1
        await sleep_ns(2 * LAZY_NS)
        assert (len(notes.flushed), len(party.did("tick"))) == (flushed + 1, ticks)


async def test_the_party_is_asked_for_its_deadline_once_until_what_is_lazy_leaves(clock: MockClock) -> None:
    party = Counting()
    async with driven(party, Notes()) as driver:
        await sleep_ns(LAZY_NS)
        party.effects.append(hop_named("first"))
        driver.carry_out(trio_clock())
        asked, begins = party.asked, trio_clock()
        for _ in range(3):
            party.effects.append(hop_named("more"))
            party.deadline = begins + 1_000_000
            driver.carry_out(trio_clock())
        assert party.asked == asked
        party.on_tick = lambda _: setattr(party, "deadline", None)
        await until(partial(party.did, "tick"))
        (_, ticked) = party.did("tick")[-1]
        assert ticked - begins == LAZY_NS, "a deadline that comes up meanwhile is looked at then"


async def test_a_turn_that_is_waited_for_reads_what_comes_meanwhile(clock: MockClock) -> None:
    party = Scripted()
    async with driven(party) as driver, await peer(driver) as stream:
        await until(partial(party.did, "connected"))
        assert not driver.turn(trio_clock(), 0.001)
        sender = threading.Timer(0.02, os.write, (stream.socket.fileno(), b"0800"))
        sender.start()
        began = time.monotonic()
        assert driver.turn(trio_clock(), 5)
        sender.join()
        assert party.did("received") == [("received", LINK, b"0800")]
        assert time.monotonic() - began < 4
