"""`cmi-switch simulate`: whole days of the network in virtual time, with everything going wrong that can."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from switch.cli._network import DEFAULT
from switch.counting import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from switch.core.network import Network
    from switch.sim.runner import Sum
    from switch.sim.world import Day

STORIES_MAX = 3


@click.command()
@click.argument("network", default=DEFAULT)
@click.option("--seeds", "-n", type=click.IntRange(1), default=100, show_default=True, help="How many days.")
@click.option("--first-seed", "-s", type=click.IntRange(0), default=1, show_default=True)
@click.option("--transactions", "-t", type=click.IntRange(1), default=1_000, show_default=True, help="Payments a day.")
@click.option("--jobs", "-j", type=click.IntRange(1), help="Processes. [default: one a core]")
@click.option("--only", metavar="N,N…", help="Only these faults of a day's schedule (0, 1 …; `none`): repeats a story.")
@click.option("--payments", type=click.IntRange(1), help="Stop after so many of the day's payments: repeats a story.")
@click.option("--shrink/--no-shrink", "shrinks", default=True, show_default=True, help="Cut failing days down.")
@click.option("--minds", is_flag=True, help="Hosts think otherwise than ours do, each day others (docs/simulation.md).")
@click.option(
    "--rules",
    "rules_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Own rules (docs/hooks.md), instead of those that the network file names.",
)
@click.option("--story", "tells", is_flag=True, help="Tell each day: its faults, and what failed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def command(**options: Any) -> None:
    """Run the real switch, issuers, networks and terminals through days in virtual time.

    Each seed is one day: its traffic, its faults (crashes between any two effects, torn connections, full disks, silent hosts,
    clocks that jump …) and every delay come from it, so that a seed always gives the same day. At its end all books must
    agree and nothing may be owed. Exit code 1 if any day fails; then its shortest failing schedule is printed, the way of
    the payment in question, and the command that repeats it.

    \b
    Examples:
      cmi-switch simulate                                    100 days of 1,000 payments
      cmi-switch simulate --seeds 1000 --first-seed 5000     a thousand others
      cmi-switch simulate my-network.toml --json             of your own network
      cmi-switch simulate --seeds 1 --first-seed 42 --story  one day, told
      cmi-switch simulate --minds                            with hosts as other people write them
      cmi-switch simulate --rules my-rules.py                with rules of your own
    """
    from switch.cli._network import load
    from switch.sim.runner import Sum

    network = _with_rules(load(options["network"]), options["rules_path"])
    seeds = range(options["first_seed"], options["first_seed"] + options["seeds"])
    total = Sum()
    failures: dict[int, list[str]] = {}
    for day in _shown(_days(network, seeds, options), seeds, total, quiet=options["as_json"]):
        if day.failures:
            failures[day.seed] = [failure.sentence for failure in day.failures]
    if options["as_json"]:
        import msgspec

        data = total.data() | {"failures": {str(seed): sentences for seed, sentences in failures.items()}}
        click.echo(msgspec.json.encode(data).decode())
    else:
        _report(total)
        for seed in list(failures)[:STORIES_MAX]:
            _tell(network, seed, options)
        if len(failures) > STORIES_MAX:
            click.echo(f"\nalso failed: {', '.join(map(str, list(failures)[STORIES_MAX:]))}")
    if failures:
        sys.exit(1)


def _with_rules(network: Network, path: Path | None) -> Network:
    """The network, with the rules of a file. Raises click errors."""
    import msgspec

    from switch.cli._network import Mistakes
    from switch.config import ConfigErrors
    from switch.config.hooks import hooks_of, mistake_of
    from switch.core.hooks import RulesError

    if path is None:
        return network
    try:
        return msgspec.structs.replace(network, hooks=hooks_of(path))
    except RulesError as error:
        raise Mistakes(ConfigErrors([mistake_of(error, path)])) from None
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path} cannot be read: {error}") from None


def _days(network: Network, seeds: range, options: dict[str, Any]) -> Iterator[Day]:
    from switch.sim.cast import Cast
    from switch.sim.runner import days, tell_day
    from switch.sim.world import World

    transactions = options["transactions"]
    if options["only"] is None and options["payments"] is None and not options["tells"]:
        jobs = options["jobs"] or len(os.sched_getaffinity(0))
        yield from days(network, seeds, transactions, jobs, minds=options["minds"])
        return
    cast = Cast(network, minds=options["minds"])
    for seed in seeds:
        faults = World(cast, seed, transactions).faults
        if options["only"] is not None:
            faults = tuple(faults[n] for n in _numbers(options["only"], len(faults)))
        day, text = tell_day(cast, seed, transactions, faults, options["payments"])
        if options["tells"] and not options["as_json"]:
            click.echo(text + "\n")
        yield day


def _numbers(text: str, count: int) -> list[int]:
    if text == "none":
        return []
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        raise click.UsageError(f"--only takes numbers with commas between them, or `none`; found {text!r}") from None
    for number in numbers:
        if not 0 <= number < count:
            raise click.UsageError(f"--only {number}: this schedule has {count} faults, numbered from 0")
    return numbers


def _shown(days: Iterable[Day], seeds: range, total: Sum, *, quiet: bool) -> Iterator[Day]:
    """The days as they come, counted in `total`; with a progress bar where someone looks."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[rate]:,.0f} payments/s  {task.fields[failed]} failed"),
    )  # fmt: skip
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as progress:
        task = progress.add_task("days", total=len(seeds), rate=0.0, failed=0)
        for day in days:
            total.add(day)
            progress.update(task, advance=1, rate=total.per_second, failed=len(total.failed))
            yield day


def _report(total: Sum) -> None:
    days = f"{counted(total.seeds, 'day')}"
    click.echo(
        f"{days}, {total.transactions:,} payments under {total.faults:,} faults and {total.crashes:,} crashes of "
        f"the switch: {total.approved:,} approved, {total.declined:,} declined, {total.reversed:,} reversed"
    )
    click.echo(
        f"{total.took_s:,.1f} s, {total.per_second:,.0f} payments/s, {total.virtual_s / 3600:,.1f} hours of virtual time"
    )
    failed = len(total.failed)
    click.echo("nothing lost, doubled or left half-done" if not failed else f"{failed} of {total.seeds} days failed")


def _tell(network: Network, seed: int, options: dict[str, Any]) -> None:
    """The story of a failing day, as small as it can be made, and how to repeat it."""
    from switch.sim.cast import Cast
    from switch.sim.runner import smallest, tell_day

    if options["tells"]:
        return
    transactions = options["transactions"]
    if not options["shrinks"] or options["only"] is not None or options["payments"] is not None:
        click.echo("\n" + tell_day(Cast(network, minds=options["minds"]), seed, transactions)[1])
        click.echo(f"\nrepeat: {_repeat(options, seed)}")
        return
    small, text = smallest(network, seed, transactions, minds=options["minds"])
    click.echo("\n" + text)
    kept = ",".join(map(str, small.kept)) or "none"
    again = f"{_repeat(options, seed)} --only {kept} --payments {small.payments} --story"
    click.echo(f"\ncut down in {small.runs} runs; repeat: {again}\nthe whole day: {_repeat(options, seed)}")


def _repeat(options: dict[str, Any], seed: int) -> str:
    name = "" if options["network"] == DEFAULT else f"{shlex.quote(options['network'])} "
    also = " --minds" if options["minds"] else ""
    also += f" --rules {shlex.quote(str(options['rules_path']))}" if options["rules_path"] else ""
    return f"cmi-switch simulate {name}--seeds 1 --first-seed {seed} --transactions {options['transactions']}{also}"
