"""`cmi-switch statement`: what merchants, members and operators are told of a day, to read, to print, or for a program."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from switch.cli._files import written_whole
from switch.cli._network import load, network_option

if TYPE_CHECKING:
    from switch.core.network import Network
    from switch.ledger.entries import Entry
    from switch.ledger.netting import Settlement
    from switch.statements.rows import Statement
    from switch.statements.statement import Period
    from switch.statements.words import Words

NAMED_MOST = 10


@click.group("statement")
def command() -> None:
    """Statements of a merchant, of a member, of a day: a page to print, CSV or JSON.

    Made from the ledger alone, and so the same as often as you like; sums are those of `cmi-switch settle`. The page is one HTML
    file without script, laid out for A4: print it, or save it as PDF, from any browser. CSV and JSON have amounts in minor units.

    \b
    Examples:
      cmi-switch statement merchant 504101000001 --out statement.html
      cmi-switch statement merchant 504101000001 --period 2026-11 --format csv
      cmi-switch statement member atlas --period 2026-11-27/1 --language en --out atlas.html
      cmi-switch statement day --format json
    """


def _options(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--out", default="", metavar="FILE", help="[default: standard output]"),
        click.option("--zone", default="", help="Whose clock times are by. [default: that of the day's close, or UTC]"),
        click.option(
            "--language", default="fr", show_default=True, type=click.Choice(["fr", "en"]), help="Of the page."
        ),
        click.option("--format", "form", default="html", show_default=True, type=click.Choice(["html", "csv", "json"])),
        click.option(
            "--period",
            default="",
            metavar="WHEN",
            help="As 2026-11-27/1, 2026-11-27 or 2026-11. [default: last closed day]",
        ),
        click.option(
            "--state", "state_dir", metavar="DIR", default="", help="State directory. [default: the network's]"
        ),
        network_option,
    ):
        function = option(function)
    return function


@command.command("merchant")
@click.argument("merchant", metavar="NUMBER")
@_options
def merchant_command(merchant: str, **options: Any) -> None:
    """What the merchant with this NUMBER (DE42) is paid: each payment, its charges and tax, and the net.

    \b
    Examples:
      cmi-switch statement merchant 504101000001 --out statement.html
      cmi-switch statement merchant 504101000001 --period 2026-11 --format csv
    """
    from switch.statements.statement import merchant_statement, merchants_of

    asked = _asked(**options)
    known = merchants_of(asked.entries)
    if merchant not in known:
        listed = ", ".join(sorted(known)[:NAMED_MOST]) or "none"
        more = f" and {len(known) - NAMED_MOST} more" if len(known) > NAMED_MOST else ""
        raise click.UsageError(f"no merchant {merchant} was paid in {asked.period.name}; there are: {listed}{more}")
    statement = merchant_statement(
        asked.title, merchant, asked.period, asked.entries, asked.networks, asked.network.currency
    )
    asked.give(statement)


@command.command("member")
@click.argument("member", metavar="NAME")
@_options
def member_command(member: str, **options: Any) -> None:
    """A member's positions: what it owes and is owed, by whom, what its merchants' payments cost, and what it owes them.

    \b
    Example:
      cmi-switch statement member atlas --out atlas.html
    """
    from switch.statements.statement import member_statement

    asked = _asked(**options)
    if member not in {one.name for one in asked.network.members}:
        listed = ", ".join(one.name for one in asked.network.members)
        raise click.UsageError(f"{member!r} is no member of {asked.network.source}; there are: {listed}")
    try:
        statement = member_statement(
            asked.title,
            member,
            asked.period,
            asked.settlement,
            asked.entries,
            asked.networks,
            asked.network.currency,
        )
    except KeyError:
        raise click.ClickException(f"{member} has no position in {asked.period.name}") from None
    asked.give(statement)


@command.command("day")
@_options
def day_command(**options: Any) -> None:
    """All positions of a day: the net, networks apart, what moves instead of the gross, fees, foreign cost beside domestic.

    \b
    Example:
      cmi-switch statement day --period 2026-11-27 --out day.html
    """
    from switch.statements.statement import day_statement

    asked = _asked(**options)
    statement = day_statement(
        asked.title, asked.period, asked.settlement, asked.entries, asked.networks, asked.network.currency
    )
    asked.give(statement)


class _Asked:
    """A period's entries and settlement, and how a statement of it is given."""

    def __init__(
        self,
        network: "Network",
        period: "Period",
        entries: "list[Entry]",
        settlement: "Settlement",
        words: "Words",
        *,
        form: str,
        out: str,
    ) -> None:
        """`form`: `html`, `csv` or `json`. `out`: the file; "": standard output."""
        self.network, self.period, self.entries, self.settlement = network, period, entries, settlement
        self.title = network.title or network.name
        self.networks = network.networks
        self._words, self._form, self._out = words, form, out

    def give(self, statement: "Statement") -> None:
        """Print it, or write it, whole, to its file."""
        from switch.statements.page import page
        from switch.statements.rows import to_csv, to_json

        text = (
            {"csv": to_csv, "json": to_json}[self._form](statement)
            if self._form != "html"
            else page(statement, self._words)
        )
        if not self._out:
            sys.stdout.write(text)
            return
        try:
            with written_whole(Path(self._out)) as file:
                file.write(text)
        except OSError as error:
            raise click.ClickException(f"{self._out}: {error.strerror or error}") from None
        click.echo(f"{self._out}: {len(text.encode()):,} bytes", err=True)


def _asked(network: str, state_dir: str, period: str, form: str, language: str, zone: str, out: str) -> "_Asked":
    """What the options ask for. UsageError: there is no such period; ClickException: no journal, or none of its entries."""
    from switch.cli._rebuild import watched
    from switch.journal.ledgers import open_ledger
    from switch.journal.log import JournalError
    from switch.journal.shards import check_whole
    from switch.ledger.netting import UnknownPartyError, settle_by, together
    from switch.statements.words import Language, Words

    found = load(network)
    words = Words(Language(language), _zone(zone or (found.cutover_schedule.zone if found.cutover_schedule else "UTC")))
    try:
        check_whole(state_dir or found.state_dir, found)
        with watched("ledger") as watch, open_ledger(state_dir or found.state_dir, found.currency, watch) as ledger:
            windows, about = _choose(ledger, period)
            settlement = settle_by(found, windows[-1], together(map(ledger.positions, windows)))
            entries = [entry for window in windows for entry in ledger.entries(window)]
    except (JournalError, UnknownPartyError) as error:
        raise click.ClickException(str(error)) from None
    return _Asked(found, about, entries, settlement, words, form=form, out=out)


def _choose(ledger: Any, wanted: str) -> "tuple[list[Any], Period]":
    """The windows that are meant. UsageError: there are none."""
    from switch.cli._windows import all_of, choose
    from switch.statements.statement import Period

    name = wanted or choose(ledger, "").day
    windows = [w for w in all_of(ledger) if name in (str(w), w.day) or w.day.startswith(f"{name}-")]
    if not windows:
        listed = ", ".join(dict.fromkeys(w.day for w in all_of(ledger)[-5:])) or "none yet"
        raise click.UsageError(f"nothing is recorded of {name}; the last business days are: {listed}")
    still_open = ledger.closed_as(windows[-1]) is None
    return windows, Period(name=name, windows=tuple(map(str, windows)), open=still_open)


def _zone(name: str) -> Any:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise click.UsageError(f"--zone {name}: no such zone in tzdata; as Africa/Casablanca") from None
