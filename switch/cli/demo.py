"""`cmi-switch demo`: the whole Moroccan network at work on this machine, and its books compared at the end."""

import contextlib
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from switch.cli._numbers import Finite
from switch.cli._processes import Child, ChildError
from switch.counting import counted
from switch.loopback import on_free_ports
from switch.observe import HOP_LOG
from switch.security.files import make_private_directory

if TYPE_CHECKING:
    from switch.observe.model import Model
    from switch.simulators.reconciliation import Books, Difference

RUNS_KEPT = 5
POS_SHARE = 0.35
ABROAD_SHARE = 0.04
LATE_S = 5.0
"""a silent issuer's answer comes up to 4 s after its payment was given up"""


class _Options(NamedTuple):
    """What the command line asked for."""

    duration: float
    rate: float
    seed: int
    mix: str
    live: bool
    run_dir: Path | None


@click.command()
@click.option(
    "--duration", type=Finite(0), default=60.0, show_default=True, metavar="S", help="How long the terminals pay."
)
@click.option(
    "--rate",
    type=Finite(0, min_open=True),
    default=100.0,
    show_default=True,
    metavar="N",
    help="Payments a second, over all terminals.",
)
@click.option(
    "--seed", default=1, show_default=True, help="Of cards, amounts, latencies: the same seed makes the same payments."
)
@click.option(
    "--mix",
    default="silent=0.2",
    show_default=True,
    metavar="KIND=WEIGHT,...",
    help="As in `cmi-switch terminal --help`.",
)
@click.option(
    "--live/--no-live", default=None, help="A live picture, or a plain line a second. [default: live on a terminal]"
)
@click.option(
    "--dir",
    "run_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where this run's files go. [default: var/demo/TIME]",
)
@click.option(
    "--web", is_flag=True, help="A shop and a payment page instead of terminals, for your browser, until Ctrl-C."
)
def command(
    duration: float, rate: float, seed: int, mix: str, live: bool | None, run_dir: Path | None, *, web: bool
) -> None:
    """Run the switch, three banks, Visa, Mastercard and a set of terminals over loopback TCP, and watch them pay.

    Each party is a process of its own and listens on free ports. At the end everyone's books are laid beside each other:
    every payment as its terminal knows it, as the switch's journal has it, as it stands on the issuer's accounts. Exit code 0
    only if they agree to the centime.

    \b
    Examples:
      tools/demo                                 a minute at 100 payments a second
      tools/demo --duration 10 --no-live         short and plain, as CI runs it
      tools/demo --rate 300 --mix foreign=50     half of the cards from abroad
      tools/demo --mix silent=2                  issuers that often stay silent: timeouts, reversals, late answers
      tools/demo --web                           prints an address: buy something there and pay by card
    """
    asked = _Options(duration, rate, seed, mix, sys.stdout.isatty() if live is None else live, run_dir)
    directory = asked.run_dir or _fresh_directory()
    try:
        make_private_directory(directory)  # what its processes print has passwords and a key to the console
    except OSError as error:
        raise click.ClickException(f"{directory}: {error.strerror}") from None
    with contextlib.ExitStack() as stack:
        cast = _Cast(asked, directory, stack)
        try:
            if web:
                from switch.cli._demo_web import play

                play(directory, stack)
                return
            model = cast.play()
            raise SystemExit(_verdict(cast, model))
        except ChildError as error:
            raise click.ClickException(str(error)) from None


def _fresh_directory() -> Path:
    """A directory for this run; the oldest of earlier runs make room."""
    root = Path("var/demo")
    earlier = sorted(p for p in root.glob("20*") if p.is_dir()) if root.is_dir() else []
    for old in earlier[: max(0, len(earlier) - RUNS_KEPT + 1)]:
        shutil.rmtree(old, ignore_errors=True)
    return root / time.strftime("%Y%m%d-%H%M%S")


class _Cast:
    """Everyone who takes part, and what they leave behind."""

    def __init__(self, asked: _Options, directory: Path, stack: contextlib.ExitStack) -> None:
        self.asked = asked
        self.directory = directory
        self.state = directory / "state"
        self.hops = self.state / HOP_LOG
        self.network = directory / "network.toml"
        self._stack = stack
        self.exits: dict[str, int] = {}

    def _start(self, name: str, *arguments: str) -> Child:
        child = Child(name, list(arguments), self.directory / f"{name}.out")

        def reap() -> None:
            if child.running():
                child.kill()

        self._stack.callback(reap)
        return child

    def book(self, name: str) -> Path:
        """Where a party writes its book."""
        return self.directory / f"book-{name}.json"

    def play(self) -> "Model":
        """Start everyone, watch them, and send them home in the order that lets each finish."""
        from switch.config.load import SHIPPED

        asked, network = self.asked, str(self.network)
        self.network.write_text(on_free_ports((SHIPPED / "morocco.toml").read_text(encoding="utf-8")), encoding="utf-8")
        seed = str(asked.seed)
        say = click.style("demo:", dim=True)
        click.echo(f"{say} starting issuers, networks and the switch; everything of this run is in {self.directory}")
        issuers = self._start(
            "issuers",
            "issuer",
            "--network",
            network,
            "--seed",
            seed,
            "--latency",
            "4",
            "--book",
            str(self.book("issuers")),
        )
        abroad = f"{asked.rate * ABROAD_SHARE:g}"
        networks = self._start(
            "networks", "network", "visa", "mastercard", "--network", network, "--seed", seed, "--abroad-rate", abroad,
            "--book", str(self.book("networks")),
        )  # fmt: skip
        issuers.ready()
        networks.ready()
        switch = self._start("switch", "serve", network, "--state", str(self.state), "--no-show")
        click.echo(switch.ready().sentence)
        terminals = [
            self._terminals("banks", "acquirers", asked.rate * (1 - POS_SHARE), asked.seed),
            self._terminals("pos", "pos", asked.rate * POS_SHARE, asked.seed + 1),
        ]
        for child in terminals:
            child.ready()
        model = self._watch(terminals, [switch, issuers, networks])
        for child in terminals:
            self.exits[child.name] = child.wait(60)
        click.echo(f"{say} terminals have finished; waiting until everything owed has arrived")
        self.exits["networks"] = networks.stop(60)
        self._wait_until_nothing_is_owed()
        self.exits["day close"] = self._start("day-close", "day", "close", "--again", "--state", str(self.state)).wait(
            30
        )
        self.exits["issuers"] = issuers.stop()
        self.exits["switch"] = switch.stop()
        return model

    def _terminals(self, name: str, port: str, rate: float, seed: int) -> Child:
        banks = [argument for bank in ("atlas", "rif", "souss") for argument in ("--bank", bank)]
        return self._start(
            f"terminals-{name}", "terminal", *banks, "--port", port, "--count", "20" if port == "pos" else "40",
            "--rate", f"{rate:g}", "--duration", f"{self.asked.duration:g}", "--seed", str(seed), "--network", str(self.network),
            "--mix", self.asked.mix, "--book", str(self.book(name)),
        )  # fmt: skip

    def _watch(self, terminals: list[Child], others: list[Child]) -> "Model":
        from switch.observe.live import run_live

        def over() -> bool:
            for child in others:
                if not child.running():
                    raise child.failed("ended in the middle of the demo")
            return not any(child.running() for child in terminals)

        title = f"cmi-switch demo: {self.asked.rate:g} payments/s for {self.asked.duration:g} s"
        return run_live([self.hops], over, plain=not self.asked.live, title=title)

    def _wait_until_nothing_is_owed(self, seconds: float = 120.0) -> None:
        """Every late answer, too, has come by then: each makes the switch owe one more reversal."""
        from switch.core.records.records import Owed
        from switch.journal.recovery import entries_of
        from switch.simulators.reconciliation import journal_rows

        until = time.monotonic() + seconds
        while time.monotonic() < until:
            entries = list(entries_of(self.state))
            given_up_us = max((e.at_us for e in entries if isinstance(e, Owed) and e.reason == "timeout"), default=0)
            quiet = time.time() - given_up_us / 1e6 > LATE_S
            if quiet and not any(row.owed for row in journal_rows(entries)):
                return
            time.sleep(0.25)
        look = f"cmi-switch journal list --state {shlex.quote(str(self.state))}"
        click.echo(f"demo: something is still owed after {seconds:g} s: see `{look}`", err=True)

    def books(self) -> "Books":
        """Everyone's books as one."""
        from switch.simulators.reconciliation import Books

        return Books.from_json(*(self.book(name).read_bytes() for name in ("banks", "pos", "networks", "issuers")))


def _verdict(cast: _Cast, model: "Model") -> int:
    """Print the summary and the comparison; the exit code."""
    from rich.console import Console

    from switch.cli._demo_settled import settle_demo
    from switch.cli._network import load
    from switch.journal.recovery import entries_of
    from switch.observe.live import summary
    from switch.simulators.reconciliation import journal_rows, reconcile

    console = Console()
    books = cast.books()
    rows = journal_rows(entries_of(cast.state))
    differences = reconcile(books.terminals, books.networks, books.issuers, rows)
    console.print()
    network = load(str(cast.network))
    console.print(summary(model, network.currency, console.width))
    console.print(_books_table(books, rows))
    differences += settle_demo(cast.state, network, books, model.total.cost, console)
    bad_exits = {name: code for name, code in cast.exits.items() if code}
    _print_outcome(differences, bad_exits, len(rows))
    click.echo(f"hop log  {cast.hops}      look: cmi-switch hops --log {shlex.quote(str(cast.hops))}")
    click.echo(
        f"journal  {cast.state / 'journal'}      look: cmi-switch journal list --state {shlex.quote(str(cast.state))}"
    )
    return 1 if differences or bad_exits or not rows else 0


def _books_table(books: "Books", rows: list[Any]) -> Any:
    """Payments and what stands, as each side has them."""
    from rich.table import Table

    from switch.core.records.lifecycle import Status
    from switch.money.currency import format_amount

    def sums_of(pairs: "Iterator[tuple[str, int]]") -> str:
        sums: dict[str, int] = {}
        for currency, amount in pairs:
            sums[currency] = sums.get(currency, 0) + amount
        return ", ".join(format_amount(a, c) for c, a in sorted(sums.items()) if a) or "–"

    acquirers = (*books.terminals, *books.networks)
    table = Table(
        box=None, pad_edge=False, header_style="bold", title="The same payments in three books", title_justify="left"
    )
    for heading in ("book", "approved", "declined", "reversed", "what stands"):
        table.add_column(heading, justify="left" if heading in ("book", "what stands") else "right")
    payments = [p for b in acquirers for p in b.payments]
    columns = (Status.APPROVED, Status.DECLINED, Status.REVERSED)
    for name, all_of in (("terminals and networks", payments), ("the switch's journal", rows)):
        counts = [f"{sum(p.status is status for p in all_of):,}" for status in columns]
        table.add_row(name, *counts, sums_of((p.currency, p.amount) for p in all_of))
    debits = [d for b in books.issuers for d in b.debits]
    reversed_ = f"{sum(b.reversed for b in books.issuers):,}"
    table.add_row(
        "issuers' accounts", f"{len(debits):,} stand", "", reversed_, sums_of((d.currency, d.amount) for d in debits)
    )
    return table


def _print_outcome(differences: "list[Difference]", bad_exits: dict[str, int], payments: int) -> None:
    click.echo()
    for name, code in bad_exits.items():
        click.echo(click.style(f"{name} ended with exit code {code}", fg="red"))
    for difference in differences[:20]:
        click.echo(click.style(difference.sentence, fg="red"))
    if len(differences) > 20:
        click.echo(f"… and {len(differences) - 20} more")
    if differences:
        click.echo(
            click.style(f"The books do not agree: {counted(len(differences), 'difference')}.", fg="red", bold=True)
        )
    elif not payments:
        click.echo(click.style("No payment was made.", fg="red", bold=True))
    elif not bad_exits:
        click.echo(click.style(f"All books agree: {payments:,} payments, to the centime.", fg="green", bold=True))
