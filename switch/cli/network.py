"""`cmi-switch network`: the Visa or Mastercard stub."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from switch.server.driver import Driver


@click.command
@click.argument("schemes", nargs=-1, required=True, metavar="SCHEME...")
@click.option("--network", default="morocco", show_default=True, help="Network file, or a shipped network's name.")
@click.option("--latency", default=80.0, show_default=True, metavar="MS", help="Median time to answer (log-normal).")
@click.option("--sigma", default=0.35, show_default=True, help="Spread of the latency; 0: constant.")
@click.option(
    "--abroad-rate", default=0.0, metavar="N", help="Payments a second with Moroccan cards abroad. [default: none]"
)
@click.option(
    "--fault", "faults", multiple=True, metavar="KIND=SHARE", help="silent, late, wrong, cut or slow; share 0 to 1."
)
@click.option("--seed", default=1, show_default=True, help="Of latency, faults and traffic.")
@click.option("--book", type=click.Path(dir_okay=False, path_type=Path), help="Write both sides' books, when stopped.")
@click.option("--verbose", is_flag=True, help="Show links and faults as they come.")
def command(
    schemes: tuple[str, ...], network: str, latency: float, sigma: float, abroad_rate: float, faults: tuple[str, ...], seed: int,
    book: Path | None, verbose: bool,
) -> None:  # fmt: skip
    """Run the card network SCHEME (visa, mastercard, or both) until Ctrl-C or SIGTERM.

    It answers for foreign cards in its own dialect, converts the amount with its margin, and takes its time. With
    --abroad-rate it also brings Moroccan banks' cards used abroad.

    \b
    Examples:
      cmi-switch network visa
      cmi-switch network visa mastercard --abroad-rate 2
      cmi-switch network mastercard --latency 250 --sigma 0.6
    """
    from switch.cli._network import load
    from switch.cli._parties import dice_from, parse_faults, start, station_of, where_they_are, write_book
    from switch.hosts.books import Books
    from switch.hosts.build import UnknownNameError, find_host, make_network
    from switch.hosts.faults import Latency

    loaded = load(network)
    wrong = parse_faults(faults)
    dice = dice_from(seed)
    try:
        hosts = [find_host(loaded, s, "network") for s in schemes]
        parties = [make_network(loaded, h.scheme, dice(), Latency(latency, sigma), abroad_rate, wrong) for h in hosts]
    except UnknownNameError as error:
        raise click.BadParameter(str(error), param_hint="SCHEME") from None
    stations = [station_of(loaded, h.name, p) for h, p in zip(hosts, parties, strict=True)]

    def ready(drivers: "Sequence[Driver]") -> None:
        abroad = f"; {abroad_rate:g} payments/s from abroad" if abroad_rate else ""
        click.echo(
            f"Ready: networks {where_they_are(hosts, drivers)}; median {latency:g} ms{abroad}; next: `cmi-switch serve`"
        )

    ended = start(stations, ready, what="cmi-switch network", verbose=verbose)
    issuers, abroad = [p.book() for p in parties], [p.abroad_book() for p in parties]
    write_book(book, Books(issuers=tuple(issuers), networks=tuple(abroad)))
    for i, a in zip(issuers, abroad, strict=True):
        line = (
            f"{i.name}: answered {i.approved + sum(i.declined.values())} ({i.approved} approved), {i.reversed} reversed"
        )
        if a.sent:
            line += f"; from abroad {a.sent} sent, {a.approved} approved, {sum(a.declined.values())} declined"
            line += f", {a.reversed} reversed, {a.unanswered} unanswered"
        click.echo(line)
    click.echo(f"Stopped: {ended}")
