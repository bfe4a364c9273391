"""`cmi-switch journal days`: business days, closed and open, and what each came to."""

import json
import time
from typing import TYPE_CHECKING

import click

from switch.cli._backup import STATE

if TYPE_CHECKING:
    from switch.journal.days import DayTotals

_PARTS = ("acquirer", "issuer", "route")


@click.command("days")
@STATE
@click.option(
    "--by",
    default="",
    type=click.Choice(["", *_PARTS]),
    help="A line for each of a day's acquirers, issuers or routes.",
)
@click.option("--limit", default=30, show_default=True, type=click.IntRange(0), help="At most so many days; 0: all.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines instead of a table.")
def days_command(state_dir: str, by: str, limit: int, as_json: bool) -> None:
    """Business days, newest first: closed when and by whom, payments counted, and what they came to.

    A payment counts on the day in which its outcome stands in the journal; a reversal or a completion on the day of its own, with
    the difference it makes. So a closed day never changes, and NET over all days is what stands. HELD is what holds have grown or
    shrunk by: no money has moved for it, and none of it is in NET. STOOD-IN is part of APPROVED.

    \b
    Examples:
      cmi-switch journal days
      cmi-switch journal days --by acquirer --limit 7
      cmi-switch journal days --json | jq .net
    """
    from switch.journal.log import JournalError
    from switch.journal.reports import Reports
    from switch.journal.views import DAY_PARTS, day_fields

    try:
        reports = Reports(state_dir)
        days = reports.days(time.time_ns() // 1000, DAY_PARTS.get(by, ""), limit)
        reports.close()
    except JournalError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        for one in days:
            click.echo(json.dumps(day_fields(one, by)))
        return
    _table(days, by)
    for day in sorted({one.day for one in days if not one.whole}):
        click.echo(f"note: {day} is not whole: the beginning of it, or of payments that it changes, has been pruned")
    if limit and len({one.day for one in days}) == limit:
        click.echo(f"(up to {limit} days shown; --limit 0 shows all)", err=True)


def _table(days: "list[DayTotals]", by: str) -> None:
    """Aligned columns with a heading: counts to the right, amounts of each currency last."""
    from switch.journal.views import DAY_COUNTS, time_text
    from switch.money.currency import format_amount

    parted = (by.upper(),) if by else ()
    last = ("HELD",) if any(any(one.held.values()) for one in days) else ()
    lines = [("DAY", "CLOSED", "BY", *parted, *(name.upper().replace("_", "-") for name in DAY_COUNTS), "NET", *last)]
    for one in days:
        closed = (time_text(one.closed_us), one.closed_by) if one.closed_us else ("open", "-")
        net = ", ".join(format_amount(amount, code) for code, amount in sorted(one.net.items())) or "-"
        held = ", ".join(format_amount(amount, code) for code, amount in sorted(one.held.items()) if amount) or "-"
        counts = (f"{getattr(one, name):,}" for name in DAY_COUNTS)
        lines.append((one.day, *closed, *((one.of or "-",) if by else ()), *counts, net, *((held,) if last else ())))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    counted = range(lines[0].index("NET") - len(DAY_COUNTS), lines[0].index("NET"))
    for line in lines:
        cells = [c.rjust(w) if i in counted else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))]
        click.echo("  ".join(cells).rstrip())
