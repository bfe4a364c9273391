"""What `issuer`, `network` and `terminal` share: parties run over sockets until they have finished or are told to stop."""

import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from switch.cli._network import paint

if TYPE_CHECKING:
    from random import Random

    from switch.core.network import Address, HostLink, Network
    from switch.core.party import Log, Party
    from switch.server.driver import Dial, Driver, Journal
    from switch.simulators.faults import Faults
    from switch.simulators.issuer import Issuer
    from switch.simulators.reconciliation import Books

_STYLES = {"warning": "caret", "error": "error"}


class Station(NamedTuple):
    """A party and its sockets."""

    party: "Party"
    listen: "Sequence[tuple[str, Address]]" = ()
    dial: "Sequence[Dial]" = ()
    journal: "Journal | None" = None
    recorded: int = 0
    """records the journal holds already"""


def station_of(network: "Network", name: str, party: "Issuer", state: Path | None = None) -> Station:
    """Where a host's party listens; for one that connects in, the listener of role `host` it dials.

    `state`: the directory its books are kept in, in one of its own; they are read from there first. Click error: they cannot be.
    """
    from switch.server.driver import Dial

    host = next(h for h in network.hosts if h.name == name)
    journal, recorded = _keep_books(network, name, party, state / name) if state is not None else (None, 0)
    if host.connect is not None:
        return Station(party, listen=[(name, host.connect)], journal=journal, recorded=recorded)
    listener = next(x for x in network.listeners if x.role == "host")
    dial = [Dial(name, listener.address, host.backoff_min_ms, host.backoff_max_ms)]
    return Station(party, dial=dial, journal=journal, recorded=recorded)


def _keep_books(network: "Network", name: str, party: "Issuer", directory: Path) -> "tuple[Journal, int]":
    """Fold what the host's journal holds into its ledger; the journal to go on with, and how many records it holds."""
    from switch.core.limits import Limits
    from switch.journal.feed import Feed
    from switch.journal.log import JournalError
    from switch.journal.recovery import Fold
    from switch.simulators.journal_records import DECODER, SCHEMA

    fold = Fold(
        SCHEMA, DECODER.decode, lambda _: party, lambda host, entry: host.fold(entry),
        "is about card {}, which the network file no longer has",
    )  # fmt: skip
    feed = Feed(directory, f"{network.name}:{name}", Limits(), fold=fold)
    try:
        found = feed.open()
    except JournalError as error:
        raise click.ClickException(str(error)) from None
    party.keep_journal(found.position)
    return feed, found.position


def what_they_kept(stations: Sequence[Station]) -> str:
    """For a Ready: line: what was read from the hosts' journals; "" where none keeps one."""
    if not any(s.journal for s in stations):
        return ""
    return f"; books are durable, {sum(s.recorded for s in stations):,} records recovered"


def dice_from(seed: int) -> "Callable[[], Random]":
    """A source of dice, one set a party: what one party draws does not change what another does."""
    from random import Random

    source = Random(seed)  # noqa: S311 - simulation, not secrecy
    return lambda: Random(source.getrandbits(64))  # noqa: S311


def show_log(*, verbose: bool) -> "Callable[[Log, int], None]":
    """Events to stderr as lines: warnings and errors, and everything but debug with `verbose`."""

    from switch.wire.printable import printable

    def show(log: "Log", wall_ns: int) -> None:
        if log.level == "debug" or (log.level == "info" and not verbose):
            return
        at = datetime.fromtimestamp(wall_ns // 1_000_000_000, UTC)
        fields = " ".join(f"{key}={value}" for key, value in log.fields.items() if value != "")
        text = printable(f"{at:%H:%M:%S} {log.level:<7} {log.event} {fields}")
        click.echo(paint(_STYLES.get(log.level, "plain"), text), err=True)

    return show


def where_they_are(hosts: "Sequence[HostLink]", drivers: "Sequence[Driver]") -> str:
    """For a Ready: line: each host with the address it listens on, or that it connects in."""
    where = []
    for host, driver in zip(hosts, drivers, strict=True):
        at = driver.addresses.get(host.name)
        where.append(f"{host.name} {at} ({host.dialect})" if at else f"{host.name} connecting in ({host.dialect})")
    return ", ".join(where)


async def run(
    stations: Sequence[Station],
    ready: "Callable[[Sequence[Driver]], None]",
    *,
    finished: Callable[[], bool] | None = None,
    verbose: bool = False,
    drain_s: float = 15.0,
) -> str:
    """Drive parties until `finished` (looked at 50 times a second) or Ctrl-C or SIGTERM; then drain. Says how it ended.

    Raises OSError where an address cannot be had: nothing is half-started then.
    """
    import trio

    from switch.server.driver import Sinks
    from switch.server.driving import driving

    sinks = Sinks(show_log(verbose=verbose))
    async with AsyncExitStack() as stack:
        drivers = [
            await stack.enter_async_context(
                driving(s.party, sinks=sinks, listen=s.listen, dial=s.dial, journal=s.journal, durable=s.recorded)
            )
            for s in stations
        ]
        ended = "finished"
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            ready(drivers)
            sys.stdout.flush()
            async with trio.open_nursery() as nursery:

                async def heed() -> None:
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

                nursery.start_soon(heed)
                if finished is None:
                    await trio.sleep_forever()
                while not finished():  # noqa: ASYNC110 - parties are pure: they have no event to wait for
                    await trio.sleep(0.02)
                nursery.cancel_scope.cancel()
    return ended


async def _drain(driver: "Driver", seconds: float, undone: list[str]) -> None:
    if not await driver.drain(seconds):
        undone.append("open")


def start(
    stations: Sequence[Station],
    ready: "Callable[[Sequence[Driver]], None]",
    *,
    what: str,
    finished: Callable[[], bool] | None = None,
    verbose: bool = False,
    drain_s: float = 15.0,
) -> str:
    """`run` under Trio; an address that cannot be had becomes a sentence."""
    from functools import partial

    import trio

    try:
        return trio.run(partial(run, stations, ready, finished=finished, verbose=verbose, drain_s=drain_s))
    except OSError as error:
        reason = error.strerror or str(error)
        hint = f"; is another {what} running?" if error.errno == 98 else ""
        raise click.ClickException(f"{error if str(error) != reason else reason}{hint}") from None


def write_book(path: Path | None, books: "Books") -> None:
    """Write the books, whole or not at all."""
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(path.name + ".part")
        unfinished.write_bytes(books.to_json())
        unfinished.replace(path)
    except OSError as error:
        raise click.ClickException(f"cannot write the book: {error}") from None
    click.echo(f"Book: {path}")


def parse_faults(items: Sequence[str]) -> "Faults":
    """`silent=0.01` … as `Faults`; a share is 0 to 1."""
    import msgspec

    from switch.simulators.faults import Faults

    values: dict[str, float] = {}
    known = ("silent", "late", "wrong", "cut", "slow")
    for item in items:
        name, _, text = item.partition("=")
        if name not in known:
            raise click.BadParameter(f"{name!r} is no fault; there are {', '.join(known)}", param_hint="--fault")
        try:
            values[name] = float(text)
        except ValueError:
            values[name] = -1
        if not 0 <= values[name] <= 1:
            raise click.BadParameter(f"{name}: expected a share from 0 to 1, found {text!r}", param_hint="--fault")
    return msgspec.convert(values, Faults)


def need_listener(address: "Address", what: str, command: str) -> None:
    """Raise a click error, with what to start first, unless something listens on `address`."""
    import socket

    try:
        socket.create_connection((address.host, address.port), timeout=3).close()
    except OSError as error:
        reason = "nothing listens on" if isinstance(error, ConnectionRefusedError) else f"{error.strerror or error}:"
        raise click.ClickException(f"{reason} {address}: start {what} with `{command}`") from None
