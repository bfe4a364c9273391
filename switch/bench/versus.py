"""Two versions of the switch side by side: `tools/bench versus PATH`, PATH being a checkout of the other one that is set up.

Each round measures both, in turn, with this version's load generator and issuer; what counts are ratios within a round, so that a
machine's mood falls on both. CPU a payment is the steadier figure where others use the machine, too.
"""

import operator
import statistics
import sys
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from switch.bench.compare import CLI, STATE, CompareError, directory_for, one_round, subject_command
from switch.bench.options import network_option
from switch.config import load_network
from switch.core.network import Network

THIS: Final = "this"
OTHER: Final = "other"
FIGURES: Final = {
    "a second": ("throughput",),
    "CPU µs": ("cpu", "us_per_transaction"),
    "p50 µs": ("latency_us", "p50"),
    "p99 µs": ("latency_us", "p99"),
}
"""what is compared, and where it stands in a run's JSON"""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured figure of both versions, and this one's ratio to the other's."""

    this: float
    """median of the rounds"""
    other: float
    ratio: float
    """median of the rounds' own ratios"""
    lowest: float
    highest: float


def command_of(network: Network, called: str, checkout: Path, state: Path) -> list[str]:
    """How the other version's switch is started, on the network as it was `called`: by a name, which means its own file of that
    name, or by a path. CompareError: the checkout has no environment."""
    python = checkout / ".venv/bin/python"
    if not python.exists():
        raise CompareError(f"{python} is not there: run `tools/bench --help` in {checkout} once, which sets it up")
    arguments = subject_command("switch", network, state)[len(CLI) :]
    # -P: not the `switch` of the directory that this is run in
    arguments = [called if argument == network.source else argument for argument in arguments]
    older = [sys.executable, "-m", "switch.bench.older", str(network.listeners[0].address)]
    return [*older, str(python), "-P", *CLI[1:], *arguments]


def figure_of(rounds: Sequence[tuple[dict[str, Any], dict[str, Any]]], steps: Sequence[str]) -> Figure:
    """What lies at `steps` in the results of both versions (this one's first), over all rounds."""
    ours, theirs = ([float(reduce(operator.getitem, steps, one)) for one in side] for side in zip(*rounds, strict=True))
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return Figure(
        this=statistics.median(ours),
        other=statistics.median(theirs),
        ratio=statistics.median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
    )


def figures_of(made: Sequence[dict[str, dict[str, Any]]], this: str, other: str) -> dict[str, dict[str, Figure]]:
    """`run -> what -> figure` of rounds in which these two subjects were measured."""
    return {
        run: {
            what: figure_of([(one[this][run], one[other][run]) for one in made], steps)
            for what, steps in FIGURES.items()
        }
        for run in made[0][this]
    }


def table(found: dict[str, dict[str, Figure]], this: str, other: str, digits: int = 2) -> str:
    """`run -> what -> figure` as text; ratios to so many digits."""
    rows = [f"{'':<14} {'':<12} {this:>9} {other:>9} {'ratio':>7} {'lowest':>7} {'highest':>8}"]
    for run, row in found.items():
        rows += [
            f"{run:<14} {what:<12} {f.this:>9,.0f} {f.other:>9,.0f} "
            f"{f.ratio:>7.{digits}f} {f.lowest:>7.{digits}f} {f.highest:>8.{digits}f}"
            for what, f in row.items()
        ]
    return "\n".join(rows)


def rounds_of(
    network: Network, commands: dict[str, list[str]], runs: dict[str, Sequence[str]], rounds: int, directory: Path
) -> list[dict[str, dict[str, Any]]]:
    """Measure both versions so many times, each first in every other round. Raises CompareError."""
    made = []
    for number in range(rounds):
        found = {}
        for subject in [*commands] if number % 2 == 0 else [*commands][::-1]:
            click.echo(f"round {number + 1} of {rounds}: {subject}", err=True)
            found[subject] = one_round(network, commands[subject], runs, directory)
        made.append(found)
    return made


@click.command()
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True, help="Of both, in turn.")
@click.option("--duration", type=click.FloatRange(min=0.1), default=5, show_default=True, help="Seconds a measurement.")
@click.option(
    "--warmup", type=click.FloatRange(min=0), default=1, show_default=True, help="Seconds before, not counted."
)
@click.option(
    "--in-flight", multiple=True, type=click.IntRange(1), default=(128, 16, 1), show_default=True, help="Closed loops."
)
@click.option("--rate", type=click.FloatRange(min=1), default=1_000, show_default=True, help="Open loop, a second.")
@network_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def main(
    path: Path,
    rounds: int,
    duration: float,
    warmup: float,
    in_flight: tuple[int, ...],
    rate: float,
    network: str,
    as_json: bool,
) -> None:
    """Measure this version of the switch beside another, in alternation. PATH is a checkout of the other one, set up.

    Below 1, a ratio of CPU says that this version needs less; a ratio of throughput says that it does less.
    """
    common = ["--duration", str(duration), "--warmup", str(warmup)]
    runs: dict[str, Sequence[str]] = {f"{n} in flight": ["--in-flight", str(n), *common] for n in in_flight}
    runs[f"at {rate:g}/s"] = ["--rate", str(rate), *common]
    with directory_for("versus") as directory:
        loaded = load_network(network)
        commands = {
            THIS: subject_command("switch", loaded, directory / STATE),
            OTHER: command_of(loaded, network, path.absolute(), directory / STATE),
        }
        made = rounds_of(loaded, commands, runs, rounds, directory)
    found = figures_of(made, THIS, OTHER)
    click.echo(msgspec.json.encode(found) if as_json else table(found, THIS, OTHER))


if __name__ == "__main__":
    main()
