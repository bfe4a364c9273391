"""What a second shard brings on two cores: `tools/bench shards`.

Each round measures one shard alone and two side by side, in turn, with a load of its own for each; load and issuer run where the
system puts them, on the same cores, so that two shards cannot do twice what one does. What counts are ratios within a round: of
throughput, and of the processor's time a payment.
"""

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from switch.bench.compare import CLI, STATE, CompareError, directory_for, measure, running, text_on_free_ports
from switch.bench.versus import figures_of, table
from switch.config import load_network
from switch.core.network import Network
from switch.loopback import free_ports
from switch.readiness import read_ready

ONE: Final = "one shard"
TWO: Final = "two"
NAMES: Final = ("a", "b")
_BANKS: Final = ("504101", "504102")


def divided(directory: Path) -> Network:
    """The network of `tools/bench` as two shards: a bank and a listener in each, one issuer that both reach; on free ports."""
    text = text_on_free_ports()
    text = text.replace('name = "acquirers"', 'name = "acquirers"\nshard = "a"', 1)
    text = text.replace('title = "Atlas Bank"', 'title = "Atlas Bank"\nshard = "a"', 1)
    more = f"""
[[shard]]
name = "a"
number = 1

[[shard]]
name = "b"
number = 2

[[member]]
name = "rif"
title = "Rif Bank"
institution = "{_BANKS[1]}"
shard = "b"

[[listener]]
name = "acquirers-b"
role = "acquirer"
address = "127.0.0.1:{free_ports(1)[0]}"
dialect = "cmi87"
framing = "length2"
shard = "b"
"""
    path = directory / "shards.toml"
    path.write_text(text + more)
    return load_network(str(path))


def one_round(network: Network, shards: str, runs: dict[str, Sequence[str]], directory: Path) -> dict[str, Any]:
    """Start the issuer and these shards (`a`, or `all`), load each at once, for each of `runs`. CompareError: it failed."""
    everywhere = frozenset(os.sched_getaffinity(0))
    state = directory / STATE
    shutil.rmtree(state, ignore_errors=True)
    issuer = [*CLI[:1], "-m", "switch.bench.echo_issuer", "--listen", str(network.hosts[0].connect)]
    serve = [*CLI, "serve", network.source, "--shards", shards, "--state", str(state), "--no-show"]
    names = NAMES if shards == "all" else (shards,)
    with (
        running(issuer, everywhere, directory / "issuer.err"),
        running(serve, everywhere, directory / "subject.err"),
        ThreadPoolExecutor(len(names)) as pool,
    ):
        return {
            name: together(list(pool.map(partial(_load, network, state, arguments), range(len(names)))))
            for name, arguments in runs.items()
        }


def _load(network: Network, state: Path, arguments: Sequence[str], at: int) -> dict[str, Any]:
    ready = read_ready(state / NAMES[at] / "ready.json")
    if ready is None:
        raise CompareError(f"shard {NAMES[at]} is not ready")
    everywhere = frozenset(os.sched_getaffinity(0))
    address = str(network.listeners[at].address)
    return measure(address, ready.pid, everywhere, ["--bank-institution", _BANKS[at], *arguments])


def together(loads: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What these loads, which ran at once, have come to: payments a second are added up, the rest is a mean by payments."""
    whole = sum(one["throughput"] for one in loads)

    def mean(group: str, figure: str) -> float:
        return float(sum(one[group][figure] * one["throughput"] for one in loads) / whole)

    return {
        "throughput": whole,
        "cpu": {"us_per_transaction": mean("cpu", "us_per_transaction")},
        "latency_us": {figure: mean("latency_us", figure) for figure in ("p50", "p99")},
    }


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Of both, in turn.")
@click.option("--duration", type=click.FloatRange(min=0.1), default=5, show_default=True, help="Seconds a measurement.")
@click.option(
    "--warmup", type=click.FloatRange(min=0), default=2, show_default=True, help="Seconds before, not counted."
)
@click.option("--in-flight", type=click.IntRange(1), default=64, show_default=True, help="At each shard.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def main(rounds: int, duration: float, warmup: float, in_flight: int, as_json: bool) -> None:
    """Measure two shards beside one, in alternation, load and issuer on the same cores.

    A ratio of CPU of 1 says that a payment costs a shard what it costs a switch that is alone.
    """
    runs: dict[str, Sequence[str]] = {
        f"{in_flight} each": ["--in-flight", str(in_flight), "--duration", str(duration), "--warmup", str(warmup)]
    }
    if len(os.sched_getaffinity(0)) < 2:
        click.echo("one core only: two shards do no more than one there", err=True)
    with directory_for("shards") as directory:
        network = divided(directory)
        made: list[dict[str, dict[str, Any]]] = []
        for turn in range(rounds):
            found = {}
            for subject, shards in ((ONE, "a"), (TWO, "all"))[:: 1 if turn % 2 == 0 else -1]:
                click.echo(f"round {turn + 1} of {rounds}: {subject}", err=True)
                found[subject] = one_round(network, shards, runs, directory)
            made.append(found)
    figures = figures_of(made, TWO, ONE)
    click.echo(msgspec.json.encode(figures) if as_json else table(figures, TWO, ONE))


if __name__ == "__main__":
    main()
