"""One row a transaction: how the journal's records read to those who list them, and look for one.

In: records and their places. Out: a row a transaction; and, as each record is folded, what it did to which payment, for those who
need that (`effects.Report`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from switch.core.messages.meaning import direction_of, left_of
from switch.core.records.lifecycle import Status
from switch.core.records.records import (
    ACQUIRER,
    ENCODER,
    LATE,
    MTI_CLASS,
    REVERSAL,
    STAN,
    TRANSMISSION_TIME,
    Abandoned,
    Answered,
    Declined,
    Delivered,
    Forwarded,
    Key,
    Owed,
    Resolved,
    Retried,
    Shelved,
    StoodIn,
)
from switch.journal.projections.effects import Effect, Party, Report, report_to_nobody
from switch.journal.projections.projection import PLACE, Fold, Look, Take, Write, nothing
from switch.wire.vocabulary import APPROVALS, DE, MTI, REQUESTS, Answer

_MAKE: Final = """CREATE TABLE transactions (
    txn INTEGER PRIMARY KEY, at_us INTEGER, acquirer TEXT, link TEXT, host TEXT, route TEXT, mti TEXT, key_hash INTEGER,
    rrn TEXT, pan TEXT, amount INTEGER, currency TEXT, de39 TEXT, status TEXT, reason TEXT, original INTEGER,
    reversed_by INTEGER, cost INTEGER, places BLOB, direction INTEGER, stands INTEGER, stands_in TEXT, stan TEXT,
    holds INTEGER)"""
_PUT: Final = (
    "INSERT OR REPLACE INTO transactions "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_GET: Final = "SELECT * FROM transactions WHERE txn = ?"
_NEWEST: Final = "SELECT * FROM transactions ORDER BY txn DESC"
RUN: Final = "substr(places, 1, 6)"
"""Which 65,536 records a transaction's first is among. It leads the index of cards, so that what is written together is found
together: an index by card alone would cost a page a row. Whoever looks asks once a run: 300 times among ten million payments."""
_BY_CARD: Final = f"CREATE INDEX by_card ON transactions ({RUN}, amount, substr(pan, -4))"
_FORGET: Final = "DELETE FROM transactions WHERE places < ?"

_OF_APPROVED: Final = frozenset({"acquirer", "undelivered"})
"""Reasons of reversals of what stood. Others (`timeout`, `restart` …) end a payment without an answer its acquirer could take."""


class Row(msgspec.Struct):
    """One transaction in the order of the table's columns."""

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
    """a `Status`"""
    reason: str
    original: int
    """txn of what this one undoes, follows, (an increment) adds to or (a refund) gives back; 0: none"""
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
    holds: int = 0
    """1: a hold that is not completed: what stands of it is held, and has moved no money"""


def key_hash(key: Key) -> int:
    """The number a key is looked up by, 63 bits: DE7, then 29 bits of a hash; the records tell keys apart that share it.

    DE7 leads so that what is written together is found together: numbers all over the range would cost the index a page a row.
    """
    sent_at = (
        int(key[TRANSMISSION_TIME]) if key[TRANSMISSION_TIME].isdecimal() and len(key[TRANSMISSION_TIME]) <= 10 else 0
    )
    return sent_at << 29 | int.from_bytes(blake2b(ENCODER.encode(key), digest_size=4).digest(), "big") >> 3


class TransactionFold:
    """The rows as a batch of records changes them."""

    def __init__(self, look: Look = nothing) -> None:
        """`look`: finds the rows of transactions that began in an earlier batch."""
        self.changed: dict[int, Row] = {}
        """by txn"""
        self.report: Report = report_to_nobody
        """is told of every effect, as the record that has it is folded"""
        self._look = look
        self.takes: Mapping[type, Take] = {
            Forwarded: self._forward,
            Answered: self._answer,
            Declined: self._decline,
            Abandoned: self._abandon,
            Delivered: self._deliver,
            Owed: self._owe,
            StoodIn: self._stand_in,
            Shelved: self._move_promise,
            Retried: self._move_promise,
            Resolved: self._move_promise,
        }

    def writes(self) -> Iterable[Write]:
        """See Fold."""
        return ((_PUT, [msgspec.structs.astuple(row) for row in self.changed.values()]),)

    def find(self, txn: int) -> Row | None:
        """A transaction's row as it is now."""
        row = self.changed.get(txn)
        if row is None and txn:
            row = find(self._look, txn)
            if row is not None:
                self.changed[txn] = row
        return row

    # -- payments

    def _forward(self, entry: Forwarded, _: int, place: bytes) -> None:
        row = self.changed[entry.txn] = _forwarded(entry, place)
        self._note_at_hold(row, place)

    def _note_at_hold(self, row: Row, place: bytes) -> None:
        """The records of an increment are those of its hold, too: together they say how much is held; those of a refund are its
        payment's."""
        hold = self.find(row.original) if _is_increment(row) else None
        if hold is not None:
            hold.places += place

    def _answer(self, entry: Answered, _: int, place: bytes) -> None:
        row = self.find(entry.txn)
        if row is None:
            return
        row.places += place
        row.de39, row.cost = entry.de39, entry.cost
        if entry.de39 == Answer.PARTIAL:
            row.amount = int(entry.elements.get(DE.AMOUNT, row.amount))
        self._note_at_hold(row, place)
        hold = self._payment(row)
        if entry.de39 in APPROVALS and hold is not row:  # an increment: the hold grows by it
            row.status = Status.APPROVED
            self._let_stand(row, 0, Effect.APPROVAL, entry.at_us)
            # a completion has ended the hold: what is approved after it is neither held nor moved
            grown = hold.stands + hold.direction * row.amount if hold.holds else hold.stands
            self._let_stand(hold, grown, Effect.APPROVAL, entry.at_us, counted=0)
        elif entry.de39 in APPROVALS:
            row.status = Status.APPROVED
            self._let_stand(row, row.direction * row.amount, Effect.APPROVAL, entry.at_us)
        else:
            row.status = Status.DECLINED
            self._let_stand(row, 0, Effect.DECLINE, entry.at_us)

    def _decline(self, entry: Declined, _: int, place: bytes) -> None:
        row = self.changed[entry.txn] = _declined(entry, place)
        if entry.came and entry.key[MTI_CLASS] != MTI.REVERSAL:
            self._let_stand(row, 0, Effect.DECLINE, entry.at_us)

    def _abandon(self, entry: Abandoned, _: int, place: bytes) -> None:
        row = self.find(entry.txn)
        if row is None:
            return
        row.places += place
        row.de39, row.status, row.reason = entry.de39, Status.ABANDONED, entry.reason
        self._let_stand(row, 0, Effect.DECLINE, entry.at_us)

    def _stand_in(self, entry: StoodIn, _: int, place: bytes) -> None:
        row = self.changed[entry.txn] = _forwarded(entry.request, place)
        row.de39, row.status, row.reason = entry.de39, Status.APPROVED, f"stand-in for {entry.product}"
        self._let_stand(row, row.direction * row.amount, Effect.STAND_IN, entry.at_us)
        self.changed[entry.advice.txn] = _owed(entry.advice, place)

    # -- promises

    def _deliver(self, entry: Delivered, _: int, place: bytes) -> None:
        row = self.find(entry.txn)
        if row is None:
            return
        row.places += place
        row.de39 = entry.de39
        if row.status != Status.REVERSED:
            row.status = Status.DELIVERED

    def _move_promise(self, entry: Shelved | Retried | Resolved, _: int, place: bytes) -> None:
        row = self.find(entry.txn)
        if row is not None:
            row.places += place
        if row is not None and not (isinstance(entry, Resolved) and entry.unpriced):
            moved = {Shelved: Status.DEAD, Retried: Status.OWED, Resolved: Status.RESOLVED}
            row.status = moved[type(entry)] if row.status in (Status.OWED, Status.DEAD) else row.status

    def _owe(self, entry: Owed, _: int, place: bytes) -> None:
        """What it follows or undoes changes, too; only then is its status another one."""
        row = self.changed[entry.txn] = _owed(entry, place)
        original = self.find(entry.original)
        if original is not None:
            original.places += place
        if entry.kind == REVERSAL:
            self._reverse(entry, original, place)
        else:
            self._advise(entry, self._payment(row), pruned=bool(entry.original) and original is None)

    def _advise(self, entry: Owed, payment: Row, *, pruned: bool) -> None:
        """An advice says how much stands of a payment, its own or the one that it follows."""
        if pruned:
            party = Party(payment.acquirer, payment.route, payment.host)
            self.report(entry.at_us, party, Effect.PRUNED, payment.currency, 0, 1)
        approved = entry.message.get(DE.RESPONSE_CODE, "00") in APPROVALS
        stands = entry.stands if entry.stands >= 0 else entry.amount
        amount = direction_of(entry.message) * stands if approved else payment.stands
        if approved and payment.holds and entry.message.get(DE.MTI, "0220")[1] == MTI.FINANCIAL:
            self._let_stand(payment, 0, Effect.ADVICE, entry.at_us, counted=0)
            payment.holds = 0
        self._let_stand(payment, amount, Effect.ADVICE, entry.at_us, entry.currency if approved else "")

    def _reverse(self, entry: Owed, original: Row | None, place: bytes) -> None:
        if original is None:
            self._reverse_unknown(entry)
            return
        if entry.reason == LATE and original.status != Status.APPROVED:
            return  # of an approval that nobody was told of: it never stood here
        payment, left = self._payment(original), left_of(entry.message)
        self._note_at_hold(original, place)
        if payment is not original and not _is_increment(original):
            payment.places += place  # a completion's reversal is its hold's, too
        if original.status == Status.OPEN:
            original.de39, original.reason = "91", entry.reason
            self._let_stand(original, 0, Effect.DECLINE, entry.at_us)
        elif _is_increment(original) and payment is not original:
            stands = abs(payment.stands) if entry.stands < 0 else entry.stands
            self._let_stand(payment, payment.direction * stands, Effect.REVERSAL, entry.at_us)
        else:
            kept = min(left, abs(payment.stands))
            self._let_stand(payment, kept if payment.stands > 0 else -kept, Effect.REVERSAL, entry.at_us)
        if left and original.status == Status.APPROVED:
            original.amount, original.reason = left, "taken back in part"
        else:
            original.status, original.reversed_by = Status.REVERSED, entry.txn

    def _reverse_unknown(self, entry: Owed) -> None:
        """What it undoes was never here: nothing stood. Or it was pruned: the promise says how much stood at first."""
        row, amount = self.changed[entry.txn], 0
        if not entry.original:
            if entry.key[ACQUIRER]:
                self._let_stand(row, 0, Effect.REVERSAL, entry.at_us)
            return
        stood = entry.reason in _OF_APPROVED
        if stood:
            amount = row.direction * (left_of(entry.message) - entry.amount)
        party = Party(row.acquirer, row.route, row.host)
        self.report(entry.at_us, party, Effect.REVERSAL if stood else Effect.DECLINE, row.currency, amount, 1)
        self.report(entry.at_us, party, Effect.PRUNED, row.currency, 0, 1)

    # -- what stands

    def _payment(self, row: Row) -> Row:
        """What an advice follows, if it is known here; else itself: where the amount stands."""
        while not _is_refund(row) and (known := self.find(row.original)) is not None and known.txn < row.txn:
            row = known
        return row

    def _let_stand(
        self, row: Row, amount: int, effect: Effect, at_us: int, currency: str = "", counted: int = 1
    ) -> None:
        """So much of a payment stands from now on, signed; the record has moved the difference, or held it. `counted`: see
        `Report`."""
        party = Party(row.acquirer, row.route, row.host)
        if row.holds:
            self.report(at_us, party, effect, row.currency, 0, counted)
            effect, counted = Effect.HELD, 0
        before = row.stands_in or row.currency
        now = currency or before
        if now != before:
            self.report(at_us, party, effect, before, -row.stands, 0)
            row.stands = 0
        self.report(at_us, party, effect, now, amount - row.stands, counted)
        row.stands, row.stands_in = amount, now if amount else ""


class Transactions:
    """A row for each payment, reversal and advice."""

    name: Final = "transactions"
    version: Final = 5
    tables: Final[Mapping[str, Sequence[str]]] = {
        "transactions": (
            _MAKE,
            "CREATE INDEX by_key ON transactions (key_hash)",
            "CREATE INDEX by_rrn ON transactions (rrn)",
            "CREATE INDEX by_stan ON transactions (stan)",
            _BY_CARD,
        )
    }
    needs: Final = ()

    def fold(self, look: Look, _needed: Mapping[str, Fold]) -> TransactionFold:
        """See Projection."""
        return TransactionFold(look)

    def forget(self, first: int) -> Iterable[Write]:
        """Those that began before go."""
        return ((_FORGET, [(PLACE.pack(first, 0, 0),)]),)


def find(look: Look, txn: int) -> Row | None:
    """The row of a transaction."""
    return next((Row(*found) for found in look(_GET, (txn,))), None)


def newest_first(look: Look) -> Iterator[Row]:
    """Every row."""
    return (Row(*found) for found in look(_NEWEST, ()))


def _is_increment(row: Row) -> bool:
    """Or a refund that names its payment: either has a row of its own."""
    return row.original != 0 and row.mti in REQUESTS


def _is_refund(row: Row) -> bool:
    return row.direction < 0 and row.mti in REQUESTS


def _forwarded(r: Forwarded, place: bytes) -> Row:
    named = r.hold or r.gives_back
    return Row(
        txn=r.txn, at_us=r.at_us, acquirer=r.key[ACQUIRER], link=r.link, host=r.host, route=r.route, mti=r.mti,
        key_hash=key_hash(r.key), rrn=r.elements.get(DE.RRN, ""), pan=r.pan, amount=r.amount, currency=r.currency,
        de39="", status=Status.OPEN, reason="", original=named.txn if named is not None else 0, reversed_by=0, cost=0,
        places=place, stan=r.key[STAN], direction=direction_of(r.elements), holds=int(r.mti[1] == MTI.AUTHORIZATION),
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
        holds=int(r.kind != REVERSAL and r.message.get(DE.MTI, "0")[1:2] == MTI.AUTHORIZATION),
    )  # fmt: skip
