"""What `issuer`, `network` and `terminal` share: parties run over sockets until they have finished or are told to stop."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from switch.cli._host_options import HostOptions
from switch.cli._network import paint
from switch.cli._not_done import NotDone
from switch.cli._ready import prepare_ready, say_ready
from switch.cli._tls import end_of, no_tls
from switch.counting import counted

if TYPE_CHECKING:
    from random import Random

    from switch.core.network import Address, HostLink, Network
    from switch.core.party import Log
    from switch.server.driver import Driver
    from switch.server.stations import Station
    from switch.server.tls import TlsEnd
    from switch.simulators.faults import Faults
    from switch.simulators.host import Host
    from switch.simulators.issuer import Issuer
    from switch.simulators.key_desk import KeyManner
    from switch.simulators.reconciliation import Books

_STYLES = {"warning": "caret", "error": "error"}


def stations_of(
    network: "Network",
    hosts: "Sequence[HostLink]",
    parties: "Sequence[Issuer]",
    state: Path | None,
    tls_dir: Path | None,
) -> "list[Station]":
    """Simulated hosts' stations. Raises as `station_of` does; a click error for `tls_dir` where none of their links has TLS."""
    ends = [_end_of(network, host.name, tls_dir) for host in hosts]
    if tls_dir is not None and not any(ends):
        raise no_tls(f"the link of {', '.join(host.name for host in hosts)}")
    return [station_of(network, h.name, p, state, end) for h, p, end in zip(hosts, parties, ends, strict=True)]


def station_of(
    network: "Network", name: str, party: "Issuer", state: Path | None = None, end: "TlsEnd | None" = None
) -> "Station":
    """A simulated host's station. `end`: its own, where its link has TLS. Raises NotDone: its books cannot be read."""
    from switch.core.operator.command import Unable
    from switch.server import stations

    try:
        return stations.station_of(network, name, party, state, end)
    except Unable as error:
        raise NotDone(str(error), error.hint, code=error.code) from None


def _end_of(network: "Network", name: str, tls_dir: Path | None) -> "TlsEnd | None":
    """A host's end of its link; None where that has no TLS. Raises click errors: it has, and there is no certificate."""
    host = next(host for host in network.hosts if host.name == name)
    if host.connect is not None:
        secure = host.tls is not None or (host.edge and tls_dir is not None)
        return end_of(tls_dir, name, f"[[host]] {name}", server=True) if secure else None
    door = next((x for x in network.listeners if x.role == "host"), None)
    if door is None or not (door.tls is not None or (door.edge and tls_dir is not None)):
        return None
    return end_of(tls_dir, name, f"[[listener]] {door.name}", server=False, asks_for=door.address.host)


def what_they_kept(stations: "Sequence[Station]") -> str:
    """For a Ready: line: what was read from the hosts' journals; "" where none keeps one."""
    if not any(s.journal for s in stations):
        return ""
    return f"; books are durable, {counted(sum(s.recorded for s in stations), 'record')} recovered"


def random_sources(seed: int) -> "Callable[[], Random]":
    """A source of rng, one set a party: what one party draws does not change what another does."""
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


def start(
    stations: "Sequence[Station]",
    ready: "Callable[[Sequence[Driver]], str]",
    *,
    what: str,
    ready_path: Path | None = None,
    finished: Callable[[], bool] | None = None,
    verbose: bool = False,
    drain_s: float = 15.0,
) -> str:
    """`run` under Trio; an address that cannot be had becomes a sentence.

    `ready` makes the sentence to print once they can be connected to; what programs read is written to `ready_path`.
    """
    from functools import partial

    import trio

    from switch.server.stations import run

    def announce(drivers: "Sequence[Driver]") -> None:
        where: dict[str, object] = {name: address for driver in drivers for name, address in driver.addresses.items()}
        say_ready(file, where, ready(drivers), recovered=sum(s.recorded for s in stations))

    file = prepare_ready(ready_path)
    running = partial(run, stations, announce, log=show_log(verbose=verbose), finished=finished, drain_s=drain_s)
    try:
        return trio.run(running)
    except OSError as error:
        reason = error.strerror or str(error)
        hint = f"; is another {what} running?" if error.errno == 98 else ""
        raise click.ClickException(f"{error if str(error) != reason else reason}{hint}") from None


def run_hosts(
    asked: HostOptions,
    network: "Network",
    hosts: "Sequence[HostLink]",
    parties: "Sequence[Issuer]",
    sentence: Callable[[str, str], str],
    *,
    what: str,
    drain_s: float = 15.0,
) -> str:
    """Simulated hosts over sockets, as the command line asks for, until told to stop: how that ended. `sentence`: what is said
    once they can be connected to, of where they are and what they have kept. Click errors: options that do not fit, a port in
    use."""
    have_keys_change(parties, parse_key_manner(asked.change_keys_s, asked.key_faults))
    stations = stations_of(network, hosts, parties, asked.state, asked.tls_dir)

    def ready(drivers: "Sequence[Driver]") -> str:
        return sentence(where_they_are(hosts, drivers), what_they_kept(stations))

    return start(stations, ready, what=what, ready_path=asked.ready_path, verbose=asked.verbose, drain_s=drain_s)


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


def parse_key_manner(begins_every_s: float, faults: Sequence[str]) -> "KeyManner":
    """`--change-keys` and `--key-fault late=5` … as `KeyManner`."""
    from switch.simulators.key_desk import KeyManner

    values: dict[str, float | bool] = {"begins_every_s": begins_every_s}
    for item in faults:
        kind, _, text = item.partition("=")
        if kind in ("silent", "wrong-value") and not text:
            values[kind.replace("-", "_")] = True
        elif kind in ("late", "lingers") and text.replace(".", "", 1).isdecimal():
            values[f"{kind}_s"] = float(text)
        else:
            said = f"{item!r}: expected late=SECONDS, lingers=SECONDS, silent or wrong-value"
            raise click.BadParameter(said, param_hint="--key-fault")
    return KeyManner(**values)  # type: ignore[arg-type]  # by name, as made above


def have_keys_change(parties: "Sequence[Host]", manner: "KeyManner") -> None:
    """The parties go about changes of their keys in this manner. Click errors where none of them has keys that change."""
    from switch.simulators.key_desk import PLAIN_KEYS

    desks = [party.keys for party in parties if party.keys is not None]
    if manner != PLAIN_KEYS and not desks:
        raise click.UsageError("--change-keys, --key-fault: no link of theirs has a `zone_key` in the network file")
    for desk in desks:
        desk.behave(manner)


def need_listener(address: "Address", what: str, command: str) -> None:
    """Raise a click error, with what to start first, unless something listens on `address`."""
    missing = missing_listener(address, what, command)
    if missing:
        raise click.ClickException(missing)


def missing_listener(address: "Address", what: str, command: str) -> str:
    """What is to be started, in a sentence, where nothing listens on `address`; else ""."""
    import socket

    try:
        socket.create_connection((address.host, address.port), timeout=3).close()
    except OSError as error:
        reason = "nothing listens on" if isinstance(error, ConnectionRefusedError) else f"{error.strerror or error}:"
        return f"{reason} {address}: start {what} with `{command}`"
    return ""
