"""What commands about windows share: which one is meant, and when it was closed."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from switch.journal.ledgers import LedgerView
    from switch.ledger.entries import Window


def all_of(ledger: "LedgerView") -> "list[Window]":
    """Every window up to now, oldest first."""
    known = [closed.window for closed in ledger.closed]
    return known if ledger.now is None or ledger.now in known else [*known, ledger.now]


def choose(ledger: "LedgerView", wanted: str) -> "Window":
    """The window that is meant. UsageError: there is none of that name."""
    known = all_of(ledger)
    if wanted:
        for window in known:
            if str(window) == wanted:
                return window
        listed = ", ".join(map(str, known[-5:])) or "none yet"
        raise click.UsageError(f"no window {wanted} in the journal; the last ones are: {listed}")
    if not known:
        raise click.ClickException("nothing has been recorded yet: there is no window to settle")
    return ledger.closed[-1].window if ledger.closed else known[-1]


def when_closed(ledger: "LedgerView", window: "Window") -> str:
    """`closed 2026-11-27 23:00:00 by operator`, or `open`."""
    from switch.journal.views import time_text

    closed = ledger.closed_as(window)
    return f"closed {time_text(closed.at_us)} by {closed.by}" if closed is not None else "open"
