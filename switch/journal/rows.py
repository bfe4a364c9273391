"""One row a transaction: how the journal's records read to those who list them.

In: entries and where they were found. Out: rows, for the index and for what the index has not reached yet. Knows no SQL.
"""

from collections.abc import Callable
from hashlib import blake2b
from struct import Struct
from typing import Final

import msgspec

from switch.core.messages.meaning import direction_of, left_of
from switch.core.records.lifecycle import Status
from switch.core.records.records import (
    ACQUIRER,
    ENCODER,
    LATE,
    MTI_CLASS,
    STAN,
    TRANSMISSION_TIME,
    Abandoned,
    Answered,
    AnyEntry,
    Cutover,
    Declined,
    Delivered,
    Forwarded,
    Key,
    Owed,
    Resolved,
    Retried,
    Shelved,
    Snapshot,
    StoodIn,
)
from switch.journal.days import ADVICE, APPROVED, DECLINED, PRUNED, REVERSED, STOOD_IN, DayBook, Party
from switch.wire.vocabulary import APPROVALS, DE, MTI, Answer

PLACE: Final = Struct(">QIQ")
"""A record in the `places` column: sequence, segment ordinal, offset."""

_OF_APPROVED: Final = frozenset({"acquirer", "undelivered"})
"""Reasons of reversals of what stood. Others (`timeout`, `restart` …) end a payment without an answer its acquirer could take."""


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
    """`open`, `approved`, `declined` (by the host), `refused` (here), `reversed`, `overtaken` (by its reversal), `abandoned`;
    `owed`, `dead` (owed and given up until an operator retries it), `delivered`, `resolved` (by a person)"""
    reason: str
    original: int
    """txn of what this one undoes or follows; 0: none"""
    reversed_by: int
    """txn of the reversal; 0: none"""
    cost: int
    """minor units of the home currency"""
    places: bytes
    """PLACE of each of its records"""
    direction: int
    """which way its amount moves money: 1, -1 (a refund) or 0"""
    stands: int = 0
    """signed minor units that stand of the payment; of an advice that follows one known here, 0: they stand there"""
    stands_in: str = ""
    """their currency"""
    stan: str = ""
    """DE11 of the acquirer's message"""


def key_hash(key: Key) -> int:
    """The number a key is looked up by, 63 bits: DE7, then 29 bits of a hash; the records tell keys apart that share it.

    DE7 leads so that what is written together is found together: numbers all over the range would cost the index a page a row.
    """
    sent_at = (
        int(key[TRANSMISSION_TIME]) if key[TRANSMISSION_TIME].isdecimal() and len(key[TRANSMISSION_TIME]) <= 10 else 0
    )
    return sent_at << 29 | int.from_bytes(blake2b(ENCODER.encode(key), digest_size=4).digest(), "big") >> 3


class Rows:
    """Rows as records change them. `load` finds the row of a transaction that began before."""

    def __init__(self, load: Callable[[int], Row | None], cutover: Cutover | None) -> None:
        """`cutover`: the last one before the first record; None: there was none."""
        self.changed: dict[int, Row] = {}
        self.days = DayBook(cutover)
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
            row = self.changed[entry.txn] = _declined(entry, place)
            if entry.came and entry.key[MTI_CLASS] != MTI.REVERSAL:
                self._stands(row, 0, DECLINED, entry.at_us)
        elif isinstance(entry, Owed):
            self.changed[entry.txn] = _owed(entry, place)
            self._followed(entry, place)
        elif isinstance(entry, StoodIn):
            row = self.changed[entry.txn] = _forwarded(entry.request, place)
            row.de39, row.status, row.reason = entry.de39, Status.APPROVED, f"stand-in for {entry.product}"
            self._stands(row, row.direction * row.amount, STOOD_IN, entry.at_us)
            self.changed[entry.advice.txn] = _owed(entry.advice, place)
        elif isinstance(entry, Shelved | Retried | Resolved):
            self._shelved(entry, place)
        elif isinstance(entry, Cutover):
            self.days.cut(entry, sequence)
        elif isinstance(entry, Snapshot):
            self.days.begins(entry.cutover, sequence)

    def _shelved(self, entry: Shelved | Retried | Resolved, place: bytes) -> None:
        row = self._row(entry.txn)
        if row is not None:
            row.places += place
            moved = {Shelved: Status.DEAD, Retried: Status.OWED, Resolved: Status.RESOLVED}
            row.status = moved[type(entry)] if row.status in (Status.OWED, Status.DEAD) else row.status

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
            row.status = Status.APPROVED if entry.de39 in APPROVALS else Status.DECLINED
            approved = row.status == Status.APPROVED
            amount = row.direction * row.amount if approved else 0
            self._stands(row, amount, APPROVED if approved else DECLINED, entry.at_us)
        elif isinstance(entry, Abandoned):
            row.status, row.reason = Status.ABANDONED, entry.reason
            self._stands(row, 0, DECLINED, entry.at_us)
        elif row.status != Status.REVERSED:
            row.status = Status.DELIVERED

    def _followed(self, entry: Owed, place: bytes) -> None:
        """What it follows or undoes changes; only then is its status another one."""
        original = self._row(entry.original)
        if original is not None:
            original.places += place
        if entry.kind == "reversal":
            self._reversed(entry, original)
        else:
            row = self._payment(self.changed[entry.txn])
            if entry.original and original is None:
                self.days.counts(entry.at_us, Party(row.acquirer, row.route, row.host), PRUNED, row.currency, 0)
            approved = entry.message.get(DE.RESPONSE_CODE, "00") in APPROVALS
            stands = entry.stands if entry.stands >= 0 else entry.amount
            amount = direction_of(entry.message) * stands if approved else row.stands
            self._stands(row, amount, ADVICE, entry.at_us, entry.currency if approved else "")

    def _reversed(self, entry: Owed, original: Row | None) -> None:
        if original is None:
            self._reversed_unknown(entry)
            return
        if entry.reason == LATE and original.status != Status.APPROVED:
            return  # of an approval that nobody was told of: it never stood here
        payment, left = self._payment(original), left_of(entry.message)
        if original.status == Status.OPEN:
            original.de39, original.reason = "91", entry.reason
            self._stands(payment, 0, DECLINED, entry.at_us)
        else:
            kept = min(left, abs(payment.stands))
            self._stands(payment, kept if payment.stands > 0 else -kept, REVERSED, entry.at_us)
        if left and original.status == Status.APPROVED:
            original.amount, original.reason = left, "taken back in part"
        else:
            original.status, original.reversed_by = Status.REVERSED, entry.txn

    def _reversed_unknown(self, entry: Owed) -> None:
        """What it undoes was never here: nothing stood. Or it was pruned: the promise says how much stood at first."""
        row, amount = self.changed[entry.txn], 0
        if not entry.original:
            if entry.key[ACQUIRER]:
                self._stands(row, 0, REVERSED, entry.at_us)
            return
        stood = entry.reason in _OF_APPROVED
        if stood:
            amount = row.direction * (left_of(entry.message) - entry.amount)
        party = Party(row.acquirer, row.route, row.host)
        self.days.counts(entry.at_us, party, REVERSED if stood else DECLINED, row.currency, amount)
        self.days.counts(entry.at_us, party, PRUNED, row.currency, 0)

    def _payment(self, row: Row) -> Row:
        """What an advice follows, if it is known here; else itself: where the amount stands."""
        while (known := self._row(row.original)) is not None and known.txn < row.txn:
            row = known
        return row

    def _stands(self, row: Row, amount: int, what: str, at_us: int, currency: str = "") -> None:
        """So much of a payment stands from now on, signed; the difference belongs to the day it is now."""
        party = Party(row.acquirer, row.route, row.host)
        before = row.stands_in or row.currency
        now = currency or before
        if now != before:
            self.days.counts(at_us, party, what, before, -row.stands, 0)
            row.stands = 0
        self.days.counts(at_us, party, what, now, amount - row.stands)
        row.stands, row.stands_in = amount, now if amount else ""


def _forwarded(r: Forwarded, place: bytes) -> Row:
    return Row(
        txn=r.txn, at_us=r.at_us, acquirer=r.key[ACQUIRER], link=r.link, host=r.host, route=r.route, mti=r.mti,
        key_hash=key_hash(r.key), rrn=r.elements.get(DE.RRN, ""), pan=r.pan, amount=r.amount, currency=r.currency,
        de39="", status=Status.OPEN, reason="", original=0, reversed_by=0, cost=0, places=place,
        stan=r.key[STAN], direction=direction_of(r.elements),
    )  # fmt: skip


def _declined(r: Declined, place: bytes) -> Row:
    return Row(
        txn=r.txn, at_us=r.at_us, acquirer=r.key[ACQUIRER], link=r.link, host="", route="refused" if r.came else "", mti=r.mti,
        key_hash=key_hash(r.key), rrn=r.rrn, pan=r.pan, amount=r.amount, currency=r.currency,
        de39=r.de39 if r.came else "", status=Status.REFUSED if r.came else Status.OVERTAKEN, reason=r.reason,
        original=0, reversed_by=0, cost=0, places=place,
        stan=r.key[STAN], direction=0,
    )  # fmt: skip


def _owed(r: Owed, place: bytes) -> Row:
    return Row(
        txn=r.txn, at_us=r.at_us, acquirer=r.key[ACQUIRER], link=r.link, host=r.host, route="",
        mti=r.message.get(DE.MTI, MTI.REVERSAL_ADVICE), key_hash=key_hash(r.key) if r.key[ACQUIRER] else None,
        rrn=r.message.get(DE.RRN, ""), pan=r.pan, amount=r.amount, currency=r.currency,
        de39="", status=Status.OWED, reason=r.reason, original=r.original, reversed_by=0, cost=0, places=place,
        stan=r.key[STAN] if r.key[ACQUIRER] else "", direction=direction_of(r.message),
    )  # fmt: skip
