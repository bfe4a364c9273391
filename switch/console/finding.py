"""Payments and orders by what a receipt or a complaint says, and all that is kept of one of them.

In: words as a person types them, a state directory. Out: rows, newest first; a payment with its records, hops and events.
Blocks, and reads only: what the index has not reached yet is read from the log.
"""

from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec

from switch.capture.pcapng import CaptureError
from switch.capture.transaction import Caught, caught
from switch.core.records.records import AnyEntry
from switch.gateway.orders.beside import store_beside
from switch.gateway.orders.order import Order
from switch.gateway.orders.store import orders_called
from switch.journal.projections.transactions import Row
from switch.journal.reports import Reports
from switch.journal.search import SearchError, Sought, read_words
from switch.observe.lines import HopLine
from switch.observe.transaction import read_transaction

SHOWN_MAX: Final = 100
RELATED_MAX: Final = 20


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What goes by these words."""

    rows: list[Row] = []
    orders: list[Order] = []
    why: str = ""
    """the words can mean no payment"""


class KeptPayment(msgspec.Struct, frozen=True, kw_only=True):
    """One payment, as it is kept."""

    row: Row
    entries: list[tuple[int, AnyEntry]]
    hops: list[HopLine]
    events: list[dict[str, Any]]
    caught: list[Caught]
    """its messages, where a capture has them"""
    left_out: list[str]
    """sentences: files of the hop log that are damaged, so that hops may be missing"""
    related: list[Row]
    """of the same RRN and card, or what it follows, undoes or is undone by; newest first"""


def find(state_dir: Path, text: str) -> Found:
    """Payments and orders that go by these words. Raises JournalError, StoreError."""
    words = tuple(text.split())
    orders = orders_called(store_beside(state_dir), text.strip())
    try:
        sought = read_words(words)
    except SearchError as error:
        return Found(orders=orders, why="" if orders else str(error))
    with closing(Reports(state_dir)) as reports:
        return Found(rows=reports.find(sought, SHOWN_MAX), orders=orders)


def read_payment(state_dir: Path, log: Path, txn: int, capture: Path | None = None) -> KeptPayment | None:
    """All that is kept of transaction `txn`; None: there is none. `capture`: as the network file names it. Raises JournalError,
    OSError."""
    with closing(Reports(state_dir)) as reports:
        found = reports.transaction(txn)
        if found is None:
            return None
        row, entries = found
        related = {}
        if row.rrn:
            same = reports.find(Sought(rrn=row.rrn), RELATED_MAX)
            related = {one.txn: one for one in same if one.pan == row.pan}
        for other in (row.original, row.reversed_by):
            if other and other not in related and (there := reports.find(Sought(txn=other), 1)):
                related[other] = there[0]
        related.pop(row.txn, None)
    damaged: list[str] = []
    hops, events = read_transaction(log, f"{txn:x}", lambda error: damaged.append(f"{error.filename} {error.strerror}"))
    try:
        messages = caught(capture, f"{txn:x}") if capture is not None else []
    except CaptureError:
        messages = []
    newest = sorted(related.values(), key=lambda one: one.txn, reverse=True)
    return KeptPayment(
        row=row, entries=entries, hops=hops, events=events, caught=messages, left_out=damaged, related=newest
    )
