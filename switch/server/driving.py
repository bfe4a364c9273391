"""Scopes around a driver: run a party while a body runs, or until a signal comes."""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import trio

from switch.core.limits import Limits
from switch.core.network import Address
from switch.core.party import LinkId, Party
from switch.readiness import notify, watchdog_s
from switch.server.driver import Driver
from switch.server.handover import Handover
from switch.server.listeners import DialKey, ListeningSocket
from switch.server.ports import Dial, Journal, Sinks, trio_clock
from switch.server.secured import End


@asynccontextmanager
async def driving(
    party: Party,
    *,
    sinks: Sinks,
    listen: Sequence[tuple[str, Address]] = (),
    dial: Sequence[Dial] = (),
    limits: Limits | None = None,
    journal: Journal | None = None,
    durable: int = 0,
    inherited: Handover | None = None,
    ends: Mapping[str, End] | None = None,
) -> AsyncIterator[Driver]:
    """Run `party` while the body runs; the body's end stops it at once (call `Driver.drain` first to be gentle).

    `durable` is the position the journal already holds. Raises OSError where a listener's address cannot be had: nothing is
    half-started then. `inherited`: sockets of the process before; `party` knows their links already.
    `ends`: of what is secured, by the name of listener or dial.
    """
    driver = Driver(party, sinks, limits or Limits(), journal, durable)
    driver.listeners.ends = ends or {}
    try:
        if inherited is not None:
            _move_in(driver, inherited)
        wanted = dict(listen)
        driver.listeners.move(wanted, driver.listeners.prepare(wanted))
        if driver.journal is not None:
            driver.journal.attach()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(driver.poll)
            nursery.start_soon(driver.keep_time)
            if driver.journal is not None:
                nursery.start_soon(driver.journal.keep)
            nursery.start_soon(driver.negotiations.keep_time)
            driver.listeners.dial(dial, nursery, _dialled(inherited))
            if inherited is not None:
                driver.read_once()
            driver.carry_out(trio_clock())
            yield driver
            nursery.cancel_scope.cancel()
    finally:
        driver.close()


def _move_in(driver: Driver, inherited: Handover) -> None:
    """Take the sockets that another process has left."""
    driver.listeners.counts.update(inherited.counts)
    listening, connections = inherited.listening_sockets(), inherited.sockets()
    for kept in inherited.listeners:
        driver.listeners.open(ListeningSocket(kept.name, kept.address, listening[kept.name]))
    for connection in inherited.connections:
        driver.adopt(connections[connection.link], connection)


def _dialled(inherited: Handover | None) -> dict[DialKey, LinkId]:
    """The connections that another process made, by whom it dialled."""
    if inherited is None:
        return {}
    there = {connection.link for connection in inherited.connections}
    return {(name, address, number): link for name, address, number, link in inherited.dialled if link in there}


async def keep_alive() -> None:
    """Say to the service manager that this goes on, twice as often as it wants: by the loop that does the work, so that it hears
    nothing where that stands still."""
    wanted = watchdog_s()
    while wanted:
        notify("WATCHDOG=1")
        await trio.sleep(wanted / 2)


async def until_told_to_stop(
    driver: Driver, drain_s: float = 15.0, ready: Callable[[], Awaitable[None]] | None = None
) -> str:
    """Wait for Ctrl-C or SIGTERM, then drain. A second signal stops at once. Returns a sentence that says how it ended.

    `ready` is awaited once signals are followed: who is told "ready" may send one at once.
    """
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        if ready is not None:
            await ready()
        async for number in signals:
            name = signal.Signals(number).name
            break
        notify("STOPPING=1")
        async with trio.open_nursery() as nursery:

            async def insist() -> None:
                async for _ in signals:
                    nursery.cancel_scope.cancel()

            nursery.start_soon(insist)
            done = await driver.drain(drain_s)
            nursery.cancel_scope.cancel()
            return f"{name}: drained" if done else f"{name}: stopped after {drain_s:g} s with work left"
    return f"{name}: stopped at once"
