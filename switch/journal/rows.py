"""One row a transaction: how the journal's records read to those who list them.

In: entries and where they were found. Out: rows, for the index and for what the index has not reached yet. Knows no SQL.
"""

from collections.abc import Callable
from hashlib import blake2b
from struct import Struct
from typing import Final

import msgspec

from switch.core.reading import left_of
from switch.core.records import (
    ENCODER,
    Abandoned,
    Answered,
    AnyEntry,
    Declined,
    Delivered,
    Forwarded,
    Key,
    Owed,
    Retried,
    Shelved,
    StoodIn,
)
from switch.wire.vocabulary import APPROVALS, DE, MTI, Answer

PLACE: Final = Struct(">QIQ")
"""A record in the `places` column: sequence, segment ordinal, offset."""


class Row(msgspec.Struct):
    """One transaction as the index knows it, in the order of its columns."""

    txn: int
    at_us: int
    """of its first record, wall-clock µs"""
    acquirer: str
    link: str
    host: str
    """"" where it was refused here"""
    route: str
    mti: str
    key_hash: int | None
    """None: the switch's own"""
    rrn: str
    pan: str
    """masked"""
    amount: int
    """minor units of `currency`"""
    currency: str
    de39: str
    """"" while open"""
    status: str
    """`open`, `approved`, `declined` (by the host), `refused` (here), `reversed`, `abandoned`; `owed`, `dead` (owed and
    given up until an operator retries it), `delivered`"""
    reason: str
    original: int
    """txn of what this one undoes or follows; 0: none"""
    reversed_by: int
    """txn of the reversal; 0: none"""
    cost: int
    """minor units of the home currency"""
    places: bytes
    """PLACE of each of its records"""


def key_hash(key: Key) -> int:
    """The number a key is looked up by, 63 bits: DE7, then 29 bits of a hash; the records tell keys apart that share it.

    DE7 leads so that what is written together is found together: numbers all over the range would cost the index a page a row.
    """
    sent_at = int(key[3]) if key[3].isdecimal() and len(key[3]) <= 10 else 0
    return sent_at << 29 | int.from_bytes(blake2b(ENCODER.encode(key), digest_size=4).digest(), "big") >> 3


class Rows:
    """Rows as records change them. `load` finds the row of a transaction that began before."""

    def __init__(self, load: Callable[[int], Row | None]) -> None:
        self.changed: dict[int, Row] = {}
        self._load = load

    def _row(self, txn: int) -> Row | None:
        row = self.changed.get(txn)
        if row is None and txn:
            row = self._load(txn)
            if row is not None:
                self.changed[txn] = row
        return row

    def add(self, entry: AnyEntry, sequence: int, ordinal: int, offset: int) -> None:
        """Fold one record, found at this place."""
        place = PLACE.pack(sequence, ordinal, offset)
        if isinstance(entry, Forwarded):
            self.changed[entry.txn] = _forwarded(entry, place)
        elif isinstance(entry, Answered | Abandoned | Delivered):
            self._ended(entry, place)
        elif isinstance(entry, Declined):
            self.changed[entry.txn] = _declined(entry, place)
        elif isinstance(entry, Owed):
            self.changed[entry.txn] = _owed(entry, place)
            self._undone(entry, place)
        elif isinstance(entry, StoodIn):
            row = self.changed[entry.txn] = _forwarded(entry.request, place)
            row.de39, row.status, row.reason = entry.de39, "approved", f"stand-in for {entry.product}"
            self.changed[entry.advice.txn] = _owed(entry.advice, place)
        elif isinstance(entry, Shelved | Retried):
            self._shelved(entry, place)

    def _shelved(self, entry: Shelved | Retried, place: bytes) -> None:
        row = self._row(entry.txn)
        if row is not None:
            row.places += place
            row.status = "dead" if isinstance(entry, Shelved) else "owed"

    def _ended(self, entry: Answered | Abandoned | Delivered, place: bytes) -> None:
        row = self._row(entry.txn)
        if row is None:
            return
        row.places += place
        row.de39 = entry.de39
        if isinstance(entry, Answered):
            row.cost = entry.cost
            if entry.de39 == Answer.PARTIAL:
                row.amount = int(entry.elements.get(DE.AMOUNT, row.amount))
            row.status = "approved" if entry.de39 in APPROVALS else "declined"
        elif isinstance(entry, Abandoned):
            row.status, row.reason = "abandoned", entry.reason
        elif row.status != "reversed":
            row.status = "delivered"

    def _undone(self, entry: Owed, place: bytes) -> None:
        original = self._row(entry.original)
        if original is None:
            return
        original.places += place
        left = left_of(entry.message)
        if entry.kind == "reversal" and left and original.status == "approved":
            original.amount, original.reason = left, "taken back in part"
        elif entry.kind == "reversal":
            if original.status == "open":
                original.de39, original.reason = "91", entry.reason
            original.status, original.reversed_by = "reversed", entry.txn


def _forwarded(r: Forwarded, place: bytes) -> Row:
    return Row(
        txn=r.txn, at_us=r.at_us, acquirer=r.key[0], link=r.link, host=r.host, route=r.route, mti=r.mti,
        key_hash=key_hash(r.key), rrn=r.elements.get(DE.RRN, ""), pan=r.pan, amount=r.amount, currency=r.currency,
        de39="", status="open", reason="", original=0, reversed_by=0, cost=0, places=place,
    )  # fmt: skip


def _declined(r: Declined, place: bytes) -> Row:
    return Row(
        txn=r.txn, at_us=r.at_us, acquirer=r.key[0], link=r.link, host="", route="refused", mti=r.mti,
        key_hash=key_hash(r.key), rrn=r.rrn, pan=r.pan, amount=r.amount, currency=r.currency,
        de39=r.de39, status="refused", reason=r.reason, original=0, reversed_by=0, cost=0, places=place,
    )  # fmt: skip


def _owed(r: Owed, place: bytes) -> Row:
    return Row(
        txn=r.txn, at_us=r.at_us, acquirer=r.key[0], link=r.link, host=r.host, route="",
        mti=r.message.get(DE.MTI, MTI.REVERSAL_ADVICE), key_hash=key_hash(r.key) if r.key[0] else None,
        rrn=r.message.get(DE.RRN, ""), pan=r.pan, amount=r.amount, currency=r.currency,
        de39="", status="owed", reason=r.reason, original=r.original, reversed_by=0, cost=0, places=place,
    )  # fmt: skip
