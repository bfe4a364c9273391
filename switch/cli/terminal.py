"""`cmi-switch terminal`: terminals that pay at a steady rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from switch.cli._address import asked_address
from switch.cli._host_options import SimulatorOptions, own_keys_options
from switch.cli._network import PAY_PORT, network_option
from switch.cli._numbers import Finite
from switch.cli._ready import ready_option
from switch.cli._tls import dialling_end, tls_option
from switch.counting import counted

if TYPE_CHECKING:
    from switch.core.network import Network
    from switch.server.driver import Driver
    from switch.server.tls import TlsEnd
    from switch.simulators.reconciliation import AcquirerBook
    from switch.simulators.terminal import Terminal


RECONNECT_MS = 200
"""before the first try"""


@click.command
@click.option(
    "--bank", "banks", multiple=True, metavar="NAME", help="Acquiring member; may be repeated. [default: the first]"
)
@click.option("--port", default=PAY_PORT, show_default=True, help="Listener of the network file.")
@click.option("--count", default=10, show_default=True, help="Terminals, a bank.")
@click.option("--links", default=0, help="Connections, a bank. [default: one a terminal on a POS port, else one]")
@click.option(
    "--rate", type=Finite(0, min_open=True), default=10.0, show_default=True, help="Payments a second, over all banks."
)
@click.option("--duration", type=Finite(0), default=10.0, show_default=True, metavar="S", help="0: until Ctrl-C.")
@click.option(
    "--patience",
    type=Finite(0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="S",
    help="A payment unanswered for so long is reversed.",
)
@click.option(
    "--repeats", default=0, show_default=True, help="First ask again (0101, 0201) so often, each time for --patience."
)
@click.option(
    "--reconnect",
    "reconnect_ms",
    type=click.IntRange(min=20),
    default=2_000,
    show_default=True,
    metavar="MS",
    help="A connection that is lost is tried for ever less often, and at least so often.",
)
@click.option(
    "--drain",
    type=Finite(0),
    default=15.0,
    show_default=True,
    metavar="S",
    help="To finish what is open when told to stop.",
)
@click.option("--mix", "mix_text", default="", metavar="KIND=WEIGHT,...", help="See below. [default: a realistic one]")
@click.option("--seed", default=1, show_default=True, help="Of cards, kinds and amounts.")
@network_option
@click.option("--host", "host_text", default="", metavar="HOST:PORT", help="Instead of the listener's own address.")
@click.option(
    "--book", type=click.Path(dir_okay=False, path_type=Path), help="Write every payment and what came of it."
)
@click.option(
    "--pins", is_flag=True, help="Cardholders type their PINs (`pin_key` of the bank, or of its terminals' port)."
)
@own_keys_options
@tls_option
@ready_option()
@click.option("--verbose", is_flag=True, help="Show links as they come and go.")
def command(**options: Any) -> None:
    """Pay with test cards at a steady rate, and say what came of it.

    Exit code 0 if every payment came to an end (approved, declined or reversed), 1 if one is still unanswered or none was
    sent.

    --mix: weights of purchase, web, cash, refund, balance, preauth (with its completion), void, part (voided in part),
    cashback; and percent of payments that are foreign, showcase (declines on purpose), silent (the issuer never answers),
    of terminals that take less than they ask (less), percent of web payments with a wrong_cvv2, percent of completed
    pre-authorizations that are undone, and of all that get increments.

    \b
    Examples:
      cmi-switch terminal
      cmi-switch terminal --bank rif --port pos --count 50 --rate 100 --duration 60
      cmi-switch terminal --mix purchase=1,foreign=50,showcase=0
    """
    _run(_Options(**options))


@dataclass(frozen=True, kw_only=True)
class _Options(SimulatorOptions):
    """And what only this command is asked for."""

    banks: tuple[str, ...]
    port: str
    count: int
    links: int
    rate: float
    duration: float
    patience: float
    repeats: int
    reconnect_ms: int
    drain: float
    mix_text: str
    host_text: str
    pins: bool


def _run(asked: _Options) -> None:
    from switch.cli._network import load, spell
    from switch.cli._run_simulators import need_listener, start, write_book
    from switch.server.driver import Dial
    from switch.server.stations import Station
    from switch.simulators.build import UnknownNameError, find_listener
    from switch.simulators.mix import NoCardsError
    from switch.simulators.personalized import PersonalizationError
    from switch.simulators.reconciliation import Books

    loaded = load(asked.network)
    try:
        listener = find_listener(loaded, asked.port)
        parties = _parties(loaded, asked)
    except UnknownNameError as error:
        raise click.UsageError(str(error)) from None
    except (PersonalizationError, NoCardsError) as error:
        raise click.ClickException(str(error)) from None
    address = asked_address(asked.host_text) if asked.host_text else listener.address
    stations = []
    for party, bank in zip(parties, _banks(loaded, asked), strict=True):
        end = dialling_end(asked.tls_dir, bank, listener, address.host if asked.host_text else "")
        ends: dict[str, TlsEnd] = dict.fromkeys(party.links, end) if end is not None else {}
        least_ms = min(RECONNECT_MS, asked.reconnect_ms)
        dials = [Dial(name, address, least_ms, asked.reconnect_ms) for name in party.links]
        stations.append(Station(party, dial=dials, ends=ends))
    need_listener(address, "the switch", spell("serve", loaded))

    def ready(drivers: "Sequence[Driver]") -> str:
        del drivers
        much = (
            f"{asked.count * len(parties)} terminals ({', '.join(p.name for p in parties)}), {asked.rate:g} payments/s"
        )
        span = f"for {asked.duration:g} s" if asked.duration else "until told to stop"
        return f"Ready: {much} to {address} ({listener.dialect}) {span}"

    def finished() -> bool:
        return all(p.finished for p in parties) or any(len(p.refusals) == len(p.links) for p in parties)

    ended = start(
        stations,
        ready,
        what="terminal",
        ready_path=asked.ready_path,
        finished=finished,
        verbose=asked.verbose,
        drain_s=asked.drain,
    )
    books = [p.book() for p in parties]
    write_book(asked.book, Books(terminals=tuple(books)))
    for b in books:
        click.echo(_summary(loaded, b))
    skipped = sum(p.skipped for p in parties)
    click.echo(f"Stopped: {ended}." + (f" {counted(skipped, 'payment')} skipped." if skipped else ""))
    _complain(parties, books)


def _parties(network: "Network", asked: _Options) -> "list[Terminal]":
    """One load a bank. Raises UnknownNameError, PersonalizationError, NoCardsError, click errors."""
    from switch.cli._network import module_of
    from switch.cli._run_simulators import have_keys_change, parse_key_manner, random_sources
    from switch.simulators.build import TERMINALS_MAX, make_terminal
    from switch.simulators.mix import Mix, MixError
    from switch.simulators.terminal import Load
    from switch.simulators.under_way import Timeouts

    if asked.count < 1 or asked.links < 0:
        raise click.UsageError("--count is above 0, --links not below it")
    if asked.count > TERMINALS_MAX:
        said = f"expected at most {TERMINALS_MAX:,}, found {asked.count:,}: start another with another --bank"
        raise click.BadParameter(said, param_hint="--count")
    if asked.repeats < 0:
        raise click.BadParameter(f"expected 0 or more, found {asked.repeats}", param_hint="--repeats")
    timeouts = Timeouts(answer_ns=int(asked.patience * 1e9), request_repeats=asked.repeats)
    try:
        mix = Mix.parse(asked.mix_text)
    except MixError as error:
        raise click.BadParameter(str(error), param_hint="--mix") from None
    rng = random_sources(asked.seed)
    names = _banks(network, asked)
    load = Load(rate=asked.rate / len(names), duration_s=asked.duration)
    module = module_of(network, asked.keys, asked.lmk)
    parties = [
        make_terminal(
            network,
            bank,
            asked.port,
            load,
            rng(),
            mix=mix,
            terminals=asked.count,
            links=asked.links,
            timeouts=timeouts,
            module=module,
            pins=asked.pins,
        )
        for bank in names
    ]
    have_keys_change(parties, parse_key_manner(asked.change_keys_s, asked.key_faults))
    return parties


def _banks(network: "Network", asked: _Options) -> tuple[str, ...]:
    return asked.banks or (network.members[0].name,)


def _complain(parties: "Sequence[Terminal]", books: "Sequence[AcquirerBook]") -> None:
    """Raise a click error unless everything came to an end."""
    for party in parties:
        for link, de39 in party.refusals.items():
            raise click.ClickException(f"link {link}: sign-on refused (DE39={de39}); see the switch's log")
    if not any(b.sent for b in books):
        raise click.ClickException("no payment was sent: the sign-on got no answer; is that port the switch's?")
    still_open = sum(b.open for b in books)
    if still_open:
        raise click.ClickException(f"{still_open} payment(s) still unanswered, or their reversal is")


def _summary(network: "Network", book: "AcquirerBook") -> str:
    from switch.money import format_amount
    from switch.simulators.latency import percentile_us

    declined = ", ".join(f"{code}: {n}" for code, n in book.declined.items())
    amounts = ", ".join(format_amount(a, c) for c, a in book.amounts.items()) or format_amount(0, network.currency)
    lines = [
        f"{book.name}: {counted(book.sent, 'payment')}: {book.approved} approved, {sum(book.declined.values())} declined"
        + (f" ({declined})" if declined else "")
        + f", {book.reversed} reversed, {book.open} unanswered; {amounts} stand"
    ]
    for route, classes in book.latency_us.items():
        p50, p99 = (percentile_us(classes, p) / 1000 for p in (50, 99))
        lines.append(f"  {route:<11} {sum(classes.values()):>7} answers, p50 {p50:.2f} ms, p99 {p99:.2f} ms")
    return "\n".join(lines)
