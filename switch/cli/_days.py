"""`cmi-switch journal days`: business days, closed and open, and what each came to."""

import json
import time
from typing import TYPE_CHECKING, Any

import click

from switch.cli._backup import STATE, time_text

if TYPE_CHECKING:
    from switch.journal.days import DayTotals

_COLUMNS = {"acquirer": "acquirer", "issuer": "host", "route": "route"}
"""--by -> what the journal calls it"""
_COUNTS = ("approved", "stood_in", "declined", "reversed", "advices")


@click.command("days")
@STATE
@click.option(
    "--by",
    default="",
    type=click.Choice(["", *_COLUMNS]),
    help="A line for each of a day's acquirers, issuers or routes.",
)
@click.option("--limit", default=30, show_default=True, type=click.IntRange(0), help="At most so many days; 0: all.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines instead of a table.")
def days_command(state_dir: str, by: str, limit: int, as_json: bool) -> None:
    """Business days, newest first: closed when and by whom, payments counted, and what they came to.

    A payment counts on the day in which its outcome stands in the journal; a reversal or a completion on the day of its own, with
    the difference it makes. So a closed day never changes, and NET over all days is what stands. STOOD-IN is part of APPROVED.

    \b
    Examples:
      cmi-switch journal days
      cmi-switch journal days --by acquirer --limit 7
      cmi-switch journal days --json | jq .net
    """
    from switch.journal.log import JournalError
    from switch.journal.reports import Reports

    try:
        reports = Reports(state_dir)
        days = reports.days(time.time_ns() // 1000, _COLUMNS.get(by, ""), limit)
        reports.close()
    except JournalError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        for one in days:
            click.echo(json.dumps(_fields(one, by)))
        return
    _table(days, by)
    for day in sorted({one.day for one in days if not one.whole}):
        click.echo(f"note: {day} is not whole: the beginning of it, or of payments that it changes, has been pruned")
    if limit and len({one.day for one in days}) == limit:
        click.echo(f"(up to {limit} days shown; --limit 0 shows all)", err=True)


def _fields(one: "DayTotals", by: str) -> dict[str, Any]:
    """A day as JSON has it; `net`: minor units by currency (ISO 4217 numeric)."""
    closed = time_text(one.closed_us) if one.closed_us else ""
    fields: dict[str, Any] = {"day": one.day, "open": not one.closed_us, "closed": closed, "closed_by": one.closed_by}
    if by:
        fields[by] = one.of
    counts = {name: getattr(one, name) for name in _COUNTS}
    return {**fields, **counts, "net": one.net, "whole": one.whole}


def _table(days: "list[DayTotals]", by: str) -> None:
    """Aligned columns with a heading: counts to the right, amounts of each currency last."""
    from switch.money.currency import format_amount

    parted = (by.upper(),) if by else ()
    lines = [("DAY", "CLOSED", "BY", *parted, *(name.upper().replace("_", "-") for name in _COUNTS), "NET")]
    for one in days:
        closed = (time_text(one.closed_us), one.closed_by) if one.closed_us else ("open", "-")
        net = ", ".join(format_amount(amount, code) for code, amount in sorted(one.net.items())) or "-"
        counts = (f"{getattr(one, name):,}" for name in _COUNTS)
        lines.append((one.day, *closed, *((one.of or "-",) if by else ()), *counts, net))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    counted = range(len(widths) - 1 - len(_COUNTS), len(widths) - 1)
    for line in lines:
        cells = [c.rjust(w) if i in counted else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))]
        click.echo("  ".join(cells).rstrip())
