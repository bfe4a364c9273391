"""Transactions as lists show them."""

import sys
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from switch.journal.projections.transactions import Row

_HEADING: Final = ("TXN", "BEGAN", "MTI", "ACQUIRER", "HOST", "ROUTE", "PAN", "AMOUNT", "DE39", "STATUS", "REASON")


def print_rows(rows: "list[Row]") -> None:
    """Aligned columns; without a heading where they go into a pipe."""
    from switch.journal.views import time_text_ms
    from switch.money.currency import format_amount
    from switch.wire.printable import printable

    lines = [
        (
            f"{r.txn:x}", time_text_ms(r.at_us), r.mti, r.acquirer or "-", r.host or "-", r.route or "-", r.pan,
            format_amount(r.amount, r.currency), r.de39 or "-",
            f"{r.status} by {r.reversed_by:x}" if r.reversed_by else r.status, r.reason,
        )
        for r in rows
    ]  # fmt: skip
    if sys.stdout.isatty():
        lines.insert(0, _HEADING)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [c.rjust(w) if i == 7 else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))]
        click.echo(printable("  ".join(cells).rstrip()))


def up_to(last_us: int) -> str:
    """`, which is written up to 2025-11-25T12:00:03Z`: a node that stands by has what it has read by then. `last_us`: when the
    last record was made, wall-clock µs; 0: there is none."""
    from switch.journal.views import time_text

    return f", which is written up to {time_text(last_us)}" if last_us else ""
