"""What each party believes happened, and whether they all believe the same.

A payment is known by its key: DE32, DE41 and DE37 joined by `/`. They travel unchanged from the terminal to the issuer, where
STAN and transmission time do not. Amounts are signed minor units of the transaction's currency: a refund is negative; what
has been reversed stands at 0.
"""

from collections.abc import Iterable, Sequence

import msgspec

from switch.core.messages.meaning import direction_of, left_of
from switch.core.records.lifecycle import Status
from switch.core.records.records import (
    INSTITUTION,
    MTI_CLASS,
    STAN,
    TERMINAL,
    Abandoned,
    Answered,
    AnyEntry,
    Declined,
    Delivered,
    Forwarded,
    Owed,
    Resolved,
    StoodIn,
)
from switch.money.currency import format_amount
from switch.simulators.payment_key import payment_key
from switch.wire.vocabulary import APPROVALS, DE, MTI, Answer, Document

_UNRECORDED = frozenset({Answer.INVALID_TRANSACTION, Answer.FORMAT_ERROR, Answer.NOT_PERMITTED_TERMINAL,
                         Answer.ISSUER_INOPERATIVE, Answer.DUPLICATE, Answer.MALFUNCTION})  # fmt: skip
"""Declines that the switch may give without a record: malformed, not signed on, or the journal itself is away."""

_INQUIRIES = frozenset({"balance", "verification"})
"""Kinds that move no money: one that got no answer in time is given up without a reversal."""


def signed_amount(document: Document) -> int:
    """DE4 as it moves the cardholder's money: a refund is negative, an inquiry or a verification is 0."""
    return direction_of(document) * int(document.get(DE.AMOUNT, "0"))


class Payment(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One payment as its acquirer knows it."""

    key: str
    status: Status
    """approved, declined, reversed, or open: something is still to come for it"""
    amount: int
    """what stands"""
    currency: str
    de39: str
    """of the answer to the request; "" if none came in time"""
    kind: str
    """purchase, web, cash, refund, balance, preauth, increment (whose amount stands with its pre-authorization) …"""
    route: str
    """as the acquirer guesses it from the card: `domestic`, `visa`, `mastercard`"""


class AcquirerBook(msgspec.Struct, frozen=True, kw_only=True):
    """What terminals, or a network on behalf of foreign acquirers, have sent and what came of it."""

    name: str
    payments: tuple[Payment, ...]
    left_out: int = 0
    """the oldest payments, beyond what the book keeps one by one; still in the sums"""
    sent: int
    approved: int
    declined: dict[str, int]
    """by DE39"""
    reversed: int
    open: int
    amounts: dict[str, int]
    """what stands, by currency"""
    latency_us: dict[str, dict[int, int]] = {}
    """by route: answers per latency class (lower bound, 3 % wide)"""


class Debit(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One payment as its issuer knows it: only what stands, held or posted."""

    key: str
    amount: int
    currency: str
    billed: int
    """minor units of `billing`"""
    billing: str
    """currency of the account"""
    held: bool
    """a pre-authorization, not yet captured"""
    expired: bool = False
    """its time has run out: the account is free of it (`billed` 0) unless it was completed all the same"""


class CardBook(msgspec.Struct, frozen=True, kw_only=True):
    """One account over the life of a host. Only those that moved are in a book."""

    pan: str
    """masked"""
    currency: str
    opening: int
    closing: int
    held: int
    """of `closing`, reserved by pre-authorizations"""


class IssuerBook(msgspec.Struct, frozen=True, kw_only=True):
    """What an issuer holds against its cardholders."""

    name: str
    cards: tuple[CardBook, ...]
    debits: tuple[Debit, ...]
    left_out: int = 0
    """the oldest payments, beyond what the host remembers one by one; still in the balances"""
    approved: int
    declined: dict[str, int]
    reversed: int
    early_reversals: int
    """reversals that came before their original and wait for it, or had none"""


class JournalRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One payment as the switch's journal knows it."""

    key: str
    status: Status
    """as the acquirer is to have it: what timed out is declined"""
    amount: int
    currency: str
    de39: str
    """what the acquirer was answered"""
    owed: int = 0
    """messages about it not yet acknowledged by their host"""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One disagreement, as a sentence."""

    key: str
    """of the payment; "" for a whole book"""
    sentence: str


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """The books of one process, or of several put together. In JSON: `--book FILE`."""

    terminals: tuple[AcquirerBook, ...] = ()
    networks: tuple[AcquirerBook, ...] = ()
    """traffic from abroad"""
    issuers: tuple[IssuerBook, ...] = ()

    def to_json(self) -> bytes:
        """One JSON object."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, *texts: bytes) -> "Books":
        """The books of several processes as one. msgspec.DecodeError: not a book."""
        books = [msgspec.json.decode(text, type=cls) for text in texts]
        return cls(
            terminals=tuple(b for book in books for b in book.terminals),
            networks=tuple(b for book in books for b in book.networks),
            issuers=tuple(b for book in books for b in book.issuers),
        )


class _Folding:
    """Journal records, oldest first, to one row a payment."""

    def __init__(self) -> None:
        self.rows: dict[str, JournalRow] = {}
        self._keys: dict[int, str] = {}
        self._holds: dict[int, tuple[str, int]] = {}
        """increment -> the payment key of what it adds to, and how much"""
        self._owed: dict[int, str] = {}

    def feed(self, entry: AnyEntry) -> None:
        if isinstance(entry, Forwarded):
            self._forward(entry)
        elif isinstance(entry, Answered):
            self._answer(entry)
        elif isinstance(entry, Abandoned):
            self._close(entry.txn, Status.DECLINED, entry.de39)
        elif isinstance(entry, Declined) and entry.key[MTI_CLASS] != MTI.REVERSAL:
            key = payment_key({"32": entry.key[INSTITUTION], "41": entry.key[TERMINAL], "37": entry.rrn})
            if key not in self.rows:
                self._set(key, status=Status.DECLINED, amount=0, currency=entry.currency, de39=entry.de39)
        elif isinstance(entry, Owed):
            self._owe(entry)
        elif isinstance(entry, StoodIn):
            for part in (entry.request, entry.answer, entry.advice):
                self.feed(part)
        elif isinstance(entry, Delivered) or (isinstance(entry, Resolved) and not entry.unpriced):
            key = self._owed.pop(entry.txn, "")
            if key:
                self._set(key, owed=self.rows[key].owed - 1)

    def _forward(self, entry: Forwarded) -> None:
        told = {DE.ACQUIRER: entry.key[INSTITUTION], DE.TERMINAL: entry.key[TERMINAL], DE.AMOUNT: str(entry.amount)}
        document = entry.elements | told
        key, amount = payment_key(document), signed_amount(document)
        if entry.hold is not None and (hold := self._keys.get(entry.hold.txn)) is not None:
            self._holds[entry.txn] = hold, amount
            key, amount = key if key != hold else f"{key}+{entry.key[STAN]}", 0
        self._keys[entry.txn] = key
        self._set(key, status=Status.OPEN, amount=amount, currency=entry.currency, de39="")

    def _answer(self, entry: Answered) -> None:
        approved, partial = entry.de39 in APPROVALS, entry.de39 == Answer.PARTIAL
        self._close(entry.txn, Status.APPROVED if approved else Status.DECLINED, entry.de39)
        hold, asked = self._holds.get(entry.txn, ("", 0))
        amount = int(entry.elements[DE.AMOUNT]) if partial else asked
        key = self._keys[entry.txn]
        if hold and approved:
            self._set(hold, amount=self.rows[hold].amount + amount)
        elif partial:  # of a refund, too
            self._set(key, amount=-amount if self.rows[key].amount < 0 else amount)

    def _set(self, key: str, **changes: object) -> None:
        row = self.rows.get(key, JournalRow(key=key, status=Status.OPEN, amount=0, currency="", de39=""))
        self.rows[key] = msgspec.structs.replace(row, **changes)

    def _close(self, txn: int, status: Status, de39: str) -> None:
        key = self._keys[txn]
        amount = self.rows[key].amount if status == Status.APPROVED else 0
        self._set(key, status=status, de39=de39, amount=amount)

    def _owe(self, entry: Owed) -> None:
        key = self._keys.get(entry.original) or payment_key(entry.message)
        row = self.rows.get(key)
        self._owed[entry.txn] = key
        self._set(key, owed=1 + (row.owed if row else 0))
        if entry.kind == "advice":
            if entry.message.get(DE.RESPONSE_CODE, "00") in APPROVALS:
                amount = signed_amount(entry.message) if entry.stands < 0 else entry.stands
                de39 = row.de39 if row else "00"
                self._set(key, status=Status.APPROVED, amount=amount, currency=entry.currency, de39=de39)
            return
        if row is None and entry.reason == "forgotten":
            self._set(key, status=Status.DECLINED, currency=entry.currency, de39=Answer.ISSUER_INOPERATIVE)
        elif row is None:
            self._set(key, status=Status.REVERSED, currency=entry.currency)
        elif row.status == Status.OPEN:
            self._set(key, status=Status.DECLINED, amount=0, de39=row.de39 or Answer.ISSUER_INOPERATIVE)
        elif row.status == Status.APPROVED and entry.original in self._holds:
            self._set(key, status=Status.APPROVED if left_of(entry.message) else Status.REVERSED)
            if entry.stands >= 0:
                self._set(self._holds[entry.original][0], amount=entry.stands)
        elif row.status == Status.APPROVED:
            left = min(left_of(entry.message), abs(row.amount))
            sign = -1 if row.amount < 0 else 1
            self._set(key, status=Status.APPROVED if left else Status.REVERSED, amount=sign * left)


def journal_rows(entries: Iterable[AnyEntry]) -> list[JournalRow]:
    """One row a payment from the journal's records, oldest first and from its very beginning."""
    folding = _Folding()
    for entry in entries:
        folding.feed(entry)
    return [row for row in folding.rows.values() if not _says_nothing(row)]


def _says_nothing(row: JournalRow) -> bool:
    """True for the reversal of what was never here, under less than a whole key: it was for its host to know."""
    ended = row.status in (Status.REVERSED, Status.DECLINED)
    return ended and not row.amount and not row.owed and "" in row.key.split("/")


def money(minor: int, currency: str) -> str:
    """An amount as books' sentences show it. `currency`: numeric; "": no book names one."""
    return format_amount(minor, currency) if currency else f"{minor} (of no currency)"


def reconcile(
    terminals: Sequence[AcquirerBook],
    networks: Sequence[AcquirerBook],
    issuers: Sequence[IssuerBook],
    journal: Sequence[JournalRow],
    *,
    declines_lost: bool = False,
) -> list[Difference]:
    """Every disagreement between what acquirers, switch and issuers hold; empty: they agree.

    `terminals` and `networks` are the acquiring sides (a card network acquires for cards used abroad), `issuers` includes the
    foreign issuers behind the networks, `journal` comes from `journal_rows`. To be asked once everything owed has been
    delivered: what is still owed is reported as a difference. `declines_lost`: the switch has crashed; a decline is said before
    it is durable, so that the journal may not know it or may have closed it otherwise, as long as no money stands anywhere.
    """
    found: list[Difference] = []
    acquired: dict[str, Payment] = {}
    for book in (*terminals, *networks):
        found += _own_sums(book)
        for payment in book.payments:
            if payment.key in acquired:
                found.append(
                    Difference(key=payment.key, sentence=f"{book.name}: the key {payment.key} names two payments")
                )
            acquired[payment.key] = payment
    debits: dict[str, Debit] = {}
    for issuer in issuers:
        found += _own_balances(issuer)
        for debit in issuer.debits:
            if debit.key in debits:
                found.append(
                    Difference(key=debit.key, sentence=f"{issuer.name}: {debit.key} stands at two issuers, or twice")
                )
            debits[debit.key] = debit
    rows = {row.key: row for row in journal}
    for key in sorted(acquired.keys() | debits.keys() | rows.keys()):
        paid, row, debited = acquired.get(key), rows.get(key), debits.get(key)
        declined = declines_lost and paid is not None and paid.status == Status.DECLINED
        if declined and debited is None and (row is None or not (row.amount or row.owed)):
            continue
        found += _one_payment(key, paid, row, debited)
    return found


def _own_sums(book: AcquirerBook) -> list[Difference]:
    """A book against itself: its counters say what its payments say."""
    found = []
    if book.left_out:
        found.append(Difference(key="", sentence=f"{book.name}: {book.left_out} payments are no longer listed one by one; "
                                    "raise the book's keep to compare them"))  # fmt: skip
        return found
    for status, count in (
        (Status.APPROVED, book.approved), (Status.REVERSED, book.reversed), (Status.OPEN, book.open),
        (Status.DECLINED, sum(book.declined.values())),
    ):  # fmt: skip
        listed = sum(p.status == status for p in book.payments)
        if listed != count:
            found.append(Difference(key="", sentence=f"{book.name}: counts {count} {status}, lists {listed}"))
    return found


def _own_balances(book: IssuerBook) -> list[Difference]:
    """An issuer against itself, per currency: balances moved by what stands posted, holds are what stands held."""
    if book.left_out:
        return [Difference(key="", sentence=f"{book.name}: {book.left_out} payments are no longer listed one by one; "
                               "raise the ledger's keep to compare them")]  # fmt: skip
    found = []
    for currency in sorted({c.currency for c in book.cards} | {d.billing for d in book.debits}):
        cards = [c for c in book.cards if c.currency == currency]
        debits = [d for d in book.debits if d.billing == currency]
        moved, posted = sum(c.opening - c.closing for c in cards), sum(d.billed for d in debits if not d.held)
        held, holds = sum(c.held for c in cards), sum(d.billed for d in debits if d.held)
        if moved != posted:
            found.append(Difference(key="", sentence=f"{book.name}: balances moved by {money(moved, currency)}, "
                                        f"what stands adds up to {money(posted, currency)}"))  # fmt: skip
        if held != holds:
            found.append(Difference(key="", sentence=f"{book.name}: accounts hold back {money(held, currency)}, "
                                        f"pre-authorizations add up to {money(holds, currency)}"))  # fmt: skip
    return found


def _one_payment(key: str, payment: Payment | None, row: JournalRow | None, debit: Debit | None) -> list[Difference]:
    """One payment in three books."""
    found: list[Difference] = []

    def differ(sentence: str) -> None:
        found.append(Difference(key=key, sentence=f"{key}: {sentence}"))

    if row is not None and row.owed:
        differ(f"the journal still owes {row.owed} message(s) about it to its host")
    if payment is not None and payment.status == Status.OPEN:
        differ("the acquirer still waits for an answer")
    acquirer_amount = payment.amount if payment else 0
    row_amount = row.amount if row else 0
    issuer_amount = debit.amount if debit else 0
    currency = next((x.currency for x in (payment, row, debit) if x is not None and x.currency), "")
    if acquirer_amount != row_amount:
        differ(
            f"{money(acquirer_amount, currency)} stands at the acquirer, {money(row_amount, currency)} in the journal"
        )
    if issuer_amount != row_amount:
        differ(f"{money(row_amount, currency)} stands in the journal, {money(issuer_amount, currency)} at the issuer")
    if payment is None:
        if row is not None:
            differ(f"the journal has it as {row.status}, no acquirer knows it")
        return found
    if row is None:
        if payment.status == Status.APPROVED or (payment.status == Status.DECLINED and payment.de39 not in _UNRECORDED):
            differ(f"the acquirer has it as {payment.status} ({payment.de39}), the journal does not know it")
        return found
    if payment.status == Status.DECLINED and (row.status, row.de39) != (Status.DECLINED, payment.de39):
        differ(f"the acquirer was declined with {payment.de39}, the journal has {row.status} {row.de39}".rstrip())
    elif payment.status == Status.APPROVED and row.status != Status.APPROVED:
        differ(f"the acquirer has it as approved, the journal as {row.status} {row.de39}".rstrip())
    elif (
        payment.status == Status.REVERSED
        and row.status not in (Status.REVERSED, Status.DECLINED)
        and payment.kind not in _INQUIRIES
    ):
        differ(f"the acquirer has reversed it, the journal has it as {row.status}")
    return found
