"""`cmi-switch network`: the Visa or Mastercard stub."""

from dataclasses import dataclass
from typing import Any

import click

from switch.cli._host_options import HostOptions, host_options
from switch.cli._numbers import Finite


@click.command
@click.argument("schemes", nargs=-1, required=True, metavar="SCHEME...")
@click.option(
    "--latency",
    type=Finite(0),
    default=80.0,
    show_default=True,
    metavar="MS",
    help="Median time to answer (log-normal).",
)
@click.option("--sigma", type=Finite(0), default=0.35, show_default=True, help="Spread of the latency; 0: constant.")
@click.option(
    "--abroad-rate",
    type=Finite(0),
    default=0.0,
    metavar="N",
    help="Payments a second with Moroccan cards abroad. [default: none]",
)
@click.option(
    "--patience",
    type=Finite(0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="S",
    help="A payment from abroad unanswered for so long is reversed.",
)
@click.option(
    "--drain",
    type=Finite(0),
    default=15.0,
    show_default=True,
    metavar="S",
    help="To finish what came from abroad when told to stop.",
)
@host_options
def command(**options: Any) -> None:
    """Run the card network SCHEME (visa, mastercard, or both) until Ctrl-C or SIGTERM.

    It answers for foreign cards in its own dialect, converts the amount with its margin, and takes its time. With
    --abroad-rate it also brings Moroccan banks' cards used abroad.

    \b
    Examples:
      cmi-switch network visa
      cmi-switch network visa mastercard --abroad-rate 2
      cmi-switch network mastercard --latency 250 --sigma 0.6
      cmi-switch network visa --state var/networks       started again, it knows what it has answered
    """
    _run(_Options(**options))


@dataclass(frozen=True, kw_only=True)
class _Options(HostOptions):
    """And what only this command is asked for."""

    schemes: tuple[str, ...]
    latency: float
    sigma: float
    abroad_rate: float
    patience: float
    drain: float


def _run(asked: _Options) -> None:
    from switch.cli._network import load, module_of, spell
    from switch.cli._run_simulators import parse_faults, random_sources, run_hosts, write_book
    from switch.simulators.build import UnknownNameError, find_host, make_network
    from switch.simulators.faults import Latency
    from switch.simulators.personalized import PersonalizationError
    from switch.simulators.reconciliation import Books
    from switch.simulators.under_way import Timeouts

    loaded = load(asked.network)
    wrong = parse_faults(asked.faults)
    rng = random_sources(asked.seed)
    try:
        hosts = [find_host(loaded, s, "network") for s in asked.schemes]
        latency, timeouts = Latency(asked.latency, asked.sigma), Timeouts(answer_ns=int(asked.patience * 1e9))
        module = module_of(loaded, asked.keys, asked.lmk)
        parties = [
            make_network(loaded, h.scheme, rng(), latency, asked.abroad_rate, wrong, timeouts, module) for h in hosts
        ]
    except UnknownNameError as error:
        raise click.BadParameter(str(error), param_hint="SCHEME") from None
    except PersonalizationError as error:
        raise click.ClickException(str(error)) from None

    def ready(where: str, kept: str) -> str:
        abroad = f"; {asked.abroad_rate:g} payments/s from abroad" if asked.abroad_rate else ""
        return f"Ready: networks {where}; median {asked.latency:g} ms{abroad}{kept}; next: `{spell('serve', loaded)}`"

    ended = run_hosts(asked, loaded, hosts, parties, ready, what="cmi-switch network", drain_s=asked.drain)
    issuers, abroad = [p.book() for p in parties], [p.abroad_book() for p in parties]
    write_book(asked.book, Books(issuers=tuple(issuers), networks=tuple(abroad)))
    for i, a in zip(issuers, abroad, strict=True):
        line = (
            f"{i.name}: answered {i.approved + sum(i.declined.values())} ({i.approved} approved), {i.reversed} reversed"
        )
        if a.sent:
            line += f"; from abroad {a.sent} sent, {a.approved} approved, {sum(a.declined.values())} declined"
            line += f", {a.reversed} reversed, {a.open} unanswered"
        click.echo(line)
    click.echo(f"Stopped: {ended}")
