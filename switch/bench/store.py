"""The journal in PostgreSQL beside the journal in files: `tools/bench store`.

Each round measures both, in turn. Without `--url` it is a cluster of its own, a primary and two standbys of which one must have
what is committed (`ANY 1`), on the same processors and disk as all the rest: what that costs the switch is then said too high.
"""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from switch.bench.compare import STATE, directory_for, one_round, subject_command, text_on_free_ports
from switch.bench.process import usage
from switch.bench.servers import Cluster, ServerError, cluster
from switch.bench.versus import figures_of, table
from switch.config import load_network
from switch.core.network import Network

FILES: Final = "files"
DATABASE: Final = "database"
SERVERS: Final = "servers_us"
"""the processor's time of all servers, a payment"""


def network_on(directory: Path, url: str, number: int) -> Network:
    """The network of `tools/bench`, its journal in that database under a name that no other round has; in files for ""."""
    path = directory / f"store-{number}-{bool(url)}.toml"
    name = f"bench-{int(time.time())}-{number}"
    text = text_on_free_ports().replace('name = "bench"', f'name = "{name}"', 1)
    path.write_text(f'{text}\n[journal]\nstore = "{url}"\n' if url else text)
    return load_network(str(path))


@contextmanager
def counted(servers: Cluster | None, used: list[int]) -> Iterator[None]:
    """What the servers take of the processor meanwhile, in ns, is appended to `used`."""
    pids = [server.pid for server in (servers.primary, *servers.standbys)] if servers else []
    before = sum(usage(pid).cpu_ns for pid in pids)
    yield
    used.append(sum(usage(pid).cpu_ns for pid in pids) - before)


def measured(
    network: Network, runs: dict[str, Sequence[str]], seconds: float, directory: Path, servers: Cluster | None
) -> dict[str, Any]:
    """One subject, each run on a journal that is begun. `seconds`: of a run, with its warm-up. CompareError: it failed."""
    command = subject_command("switch", network, directory / STATE)
    found: dict[str, Any] = {}
    for name, arguments in runs.items():
        shutil.rmtree(directory / STATE, ignore_errors=True)
        used: list[int] = []
        found |= one_round(network, command, {name: arguments}, directory, counted(servers, used))
        found[name][SERVERS] = used[0] / 1_000 / (found[name]["throughput"] * seconds)
    return found


@click.command()
@click.option(
    "--url", default="", help="A database of yours, that needs no password here. [default: three servers of its own]"
)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Of both, in turn.")
@click.option("--duration", type=click.FloatRange(min=0.1), default=5, show_default=True, help="Seconds a measurement.")
@click.option(
    "--warmup", type=click.FloatRange(min=0), default=2, show_default=True, help="Seconds before, not counted."
)
@click.option("--in-flight", type=click.IntRange(1), default=128, show_default=True, help="Closed loop.")
@click.option("--rate", type=click.FloatRange(min=1), default=1_000, show_default=True, help="Open loop, a second.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def main(url: str, rounds: int, duration: float, warmup: float, in_flight: int, rate: float, as_json: bool) -> None:
    """Measure the switch with its journal in PostgreSQL and in files, in alternation. It needs cmi-switch[postgresql].

    What it has made in a database of yours stays there, under names that begin with bench-; delete it.
    """
    common = ["--duration", str(duration), "--warmup", str(warmup)]
    runs: dict[str, Sequence[str]] = {
        f"{in_flight} in flight": ["--in-flight", str(in_flight), *common],
        f"at {rate:g}/s": ["--rate", str(rate), *common],
    }
    made: list[dict[str, dict[str, Any]]] = []
    try:
        with directory_for("store") as directory, nullcontext() if url else cluster(standbys=2) as servers:
            os.sync()  # what making the servers has left dirty would be flushed by somebody's first commit
            for turn in range(rounds):
                found = {}
                for subject in (FILES, DATABASE)[:: 1 if turn % 2 == 0 else -1]:
                    click.echo(f"round {turn + 1} of {rounds}: {subject}", err=True)
                    kept = subject == DATABASE
                    where = url or (servers.primary.url if servers else "")
                    network = network_on(directory, where if kept else "", turn)
                    found[subject] = measured(network, runs, duration + warmup, directory, servers if kept else None)
                made.append(found)
    except ServerError as error:
        raise click.ClickException(str(error)) from None
    figures = figures_of(made, DATABASE, FILES)
    if as_json:
        click.echo(msgspec.json.encode(figures))
        return
    click.echo(table(figures, DATABASE, FILES))
    for run in runs:
        own = sorted(one[DATABASE][run][SERVERS] for one in made)[len(made) // 2]
        click.echo(f"{run:<14} the servers together take {own:,.0f} µs of the processor a payment" if not url else "")


if __name__ == "__main__":
    main()
