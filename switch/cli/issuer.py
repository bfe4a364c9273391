"""`cmi-switch issuer`: the banks' issuer hosts."""

from dataclasses import dataclass
from typing import Any

import click

from switch.cli._host_options import HostOptions, host_options
from switch.cli._numbers import Finite


@click.command
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--latency", type=Finite(0), default=0.0, metavar="MS", help="Median time to answer. [default: at once]")
@click.option(
    "--population",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="So many plain cards more, a bank: numbers 0 to N-1 of its first domestic range. 3200000 is a country's.",
)
@click.option("--stop-list", is_flag=True, help="After each sign-on, send the switch the lost and stolen cards (0302).")
@host_options
def command(**options: Any) -> None:
    """Run the issuer hosts NAME... (default: all of the network file) until Ctrl-C or SIGTERM.

    Each listens where the switch connects to, or connects in, as the file says. It keeps accounts for its test cards
    (`cmi-switch cards`): balance, limits, status, expiry, CVV2.

    \b
    Examples:
      cmi-switch issuer                          all of them in one process
      cmi-switch issuer atlas --latency 40
      cmi-switch issuer rif --fault silent=0.01 --fault wrong=0.005
      cmi-switch issuer atlas --population 3200000
      cmi-switch issuer --book issuers.json      what stands, for a comparison
      cmi-switch issuer rif --keys rif.json --lmk rif.lmk --change-keys 60
      cmi-switch issuer --state var/issuers      started again, it knows what it has answered
    """
    _run(_Options(**options))


@dataclass(frozen=True, kw_only=True)
class _Options(HostOptions):
    """And what only this command is asked for."""

    names: tuple[str, ...]
    latency: float
    stop_list: bool
    population: int


def _run(asked: _Options) -> None:
    from switch.cli._network import load, module_of, spell
    from switch.cli._run_simulators import parse_faults, random_sources, run_hosts, write_book
    from switch.simulators.build import UnknownNameError, find_host, make_issuer
    from switch.simulators.faults import Latency
    from switch.simulators.reconciliation import Books

    loaded = load(asked.network)
    wrong = parse_faults(asked.faults)
    rng = random_sources(asked.seed)
    try:
        hosts = [find_host(loaded, n, "issuer") for n in asked.names] or [h for h in loaded.hosts if h.role == "issuer"]
        latency = Latency(asked.latency, 0.3)
        module = module_of(loaded, asked.keys, asked.lmk)
        parties = [
            make_issuer(
                loaded,
                h.name,
                rng(),
                latency,
                wrong,
                stop_list=asked.stop_list,
                module=module,
                population=asked.population,
            )
            for h in hosts
        ]
    except UnknownNameError as error:
        raise click.BadParameter(str(error), param_hint="NAME") from None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--population") from None

    def ready(where: str, kept: str) -> str:
        return f"Ready: issuers {where}{kept}; next: `{spell('serve', loaded)}`, then `{spell('pay', loaded)}`"

    ended = run_hosts(asked, loaded, hosts, parties, ready, what="cmi-switch issuer")
    books = [p.book() for p in parties]
    write_book(asked.book, Books(issuers=tuple(books)))
    for b in books:
        declined = ", ".join(f"{code}: {n}" for code, n in sorted(b.declined.items())) or "none"
        click.echo(f"{b.name}: {b.approved} approved, declined {declined}; {b.reversed} reversed")
    click.echo(f"Stopped: {ended}")
