"""Simulated hosts and terminals over sockets: where each listens or connects, where it keeps its books, and running them.

In: parties (`switch.simulators`). Out: drivers that run them until they have finished or are told to stop.
"""

import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import trio

from switch.core.limits import Limits
from switch.core.network import Address, Network
from switch.core.operator.command import Unable
from switch.core.operator.errors import ErrorCode
from switch.core.party import Log, Party
from switch.journal.feed import Feed
from switch.journal.log import JournalError
from switch.journal.recovery import Fold
from switch.server.driver import Dial, Driver, Journal, Sinks
from switch.server.driving import driving
from switch.server.tls import TlsEnd
from switch.simulators.issuer import Issuer
from switch.simulators.journal_records import DECODER, SCHEMA


class Station(NamedTuple):
    """A party and its sockets."""

    party: Party
    listen: Sequence[tuple[str, Address]] = ()
    dial: Sequence[Dial] = ()
    journal: Journal | None = None
    recorded: int = 0
    """records the journal holds already"""
    ends: Mapping[str, TlsEnd] | None = None
    """of its links with TLS, by name"""


def station_of(
    network: Network, name: str, party: Issuer, state: Path | None = None, end: TlsEnd | None = None
) -> Station:
    """Where a host's party listens; for one that connects in, the listener of role `host` it dials.

    `state`: the directory its books are kept in, in one of its own; they are read from there first. Raises Unable where they
    cannot be. `end`: its own, where its link has TLS.
    """

    host = next(h for h in network.hosts if h.name == name)
    journal, recorded = _keep_books(network, name, party, state / name) if state is not None else (None, 0)
    ends = {name: end} if end is not None else None
    if host.connect is not None:
        return Station(party, listen=[(name, host.connect)], journal=journal, recorded=recorded, ends=ends)
    listener = next(x for x in network.listeners if x.role == "host")
    dial = [Dial(name, listener.address, host.backoff_min_ms, host.backoff_max_ms)]
    return Station(party, dial=dial, journal=journal, recorded=recorded, ends=ends)


def _keep_books(network: Network, name: str, party: Issuer, directory: Path) -> tuple[Journal, int]:
    """Fold what the host's journal holds into its ledger; the journal to go on with, and how many records it holds."""

    fold = Fold(
        SCHEMA, DECODER.decode, lambda _: party, lambda host, entry: host.fold(entry),
        "is about card {}, which the network file no longer has",
    )  # fmt: skip
    feed = Feed(directory, f"{network.name}:{name}", Limits(), fold=fold)
    try:
        found = feed.open()
    except JournalError as error:
        raise Unable(str(error), code=ErrorCode.JOURNAL_UNUSABLE) from None
    party.keep_journal(found.position)
    return feed, found.position


async def run(
    stations: Sequence[Station],
    ready: Callable[[Sequence[Driver]], None],
    *,
    log: Callable[[Log, int], None],
    finished: Callable[[], bool] | None = None,
    drain_s: float = 15.0,
) -> str:
    """Drive parties until `finished` (looked at 50 times a second) or Ctrl-C or SIGTERM; then drain. Says how it ended.

    Raises OSError where an address cannot be had: nothing is half-started then.
    """

    sinks = Sinks(log)
    async with AsyncExitStack() as stack:
        drivers = [
            await stack.enter_async_context(
                driving(
                    s.party,
                    sinks=sinks,
                    listen=s.listen,
                    dial=s.dial,
                    journal=s.journal,
                    durable=s.recorded,
                    ends=s.ends,
                )
            )
            for s in stations
        ]
        ended = "finished"
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            ready(drivers)
            async with trio.open_nursery() as nursery:

                async def follow_signals() -> None:
                    nonlocal ended
                    async for number in signals:
                        if ended != "finished":
                            ended = f"{signal.Signals(number).name}: stopped at once"
                            nursery.cancel_scope.cancel()
                            return
                        ended = f"{signal.Signals(number).name}: drained"
                        nursery.start_soon(drain)

                async def drain() -> None:
                    nonlocal ended
                    undone: list[str] = []
                    async with trio.open_nursery() as draining:
                        for driver in drivers:
                            draining.start_soon(_drain, driver, drain_s, undone)
                    if undone:
                        ended = f"stopped after {drain_s:g} s, something was still open"
                    nursery.cancel_scope.cancel()

                nursery.start_soon(follow_signals)
                if finished is None:
                    await trio.sleep_forever()
                while not finished():  # noqa: ASYNC110 - parties are pure: they have no event to wait for
                    await trio.sleep(0.02)
                nursery.cancel_scope.cancel()
    return ended


async def _drain(driver: Driver, seconds: float, undone: list[str]) -> None:
    if not await driver.drain(seconds):
        undone.append("open")
