"""What an issuer remembers: accounts, what stands on them, what it has answered. `Holdings.apply` is the only place they change.

A ledger (`simulators.accounts`) decides and makes a `Taken`; the holdings are the fold of those. Where a host keeps a journal,
its records are these, so that a host that was killed is again what it was by the code that ran before.

Nothing secret is in a record: a card is known by the name it is on file under, never by its PAN.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import Final, TypeAlias, TypeVar

import msgspec

from switch.core.records.entry import Entry
from switch.core.records.lifecycle import Status
from switch.simulators.card_file import Account, CardFile
from switch.simulators.cards import Population, TestCard
from switch.simulators.own_totals import OwnTotals
from switch.simulators.reconciliation import CardBook, Debit, IssuerBook
from switch.wire.vocabulary import Answer, Document, mask_pan

KEEP: Final = 500_000
"""payments and answers remembered one by one, the newest; a reversal of an older one finds nothing to undo"""
EARLY_KEEP: Final = 10_000

WireKey: TypeAlias = tuple[str, str]
"""DE11, DE7"""
MessageKey: TypeAlias = tuple[str, str, str, str]
"""MTI class, DE11, DE7, payment key"""
_K = TypeVar("_K")
_V = TypeVar("_V")


class Increment(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What a further request has added to a hold."""

    key: str
    """payment key"""
    wire: WireKey
    amount: int
    """0 once reversed"""
    billed: int


class Posting(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One payment as it stands on an account, or stood."""

    key: str
    """payment key (DE32/DE41/DE37)"""
    card: str
    """name of the card whose account it is on"""
    amount: int
    """signed, minor units of `currency`; 0 once reversed"""
    currency: str
    billed: int
    """signed, minor units of the account's currency"""
    held: bool
    """reserved, not yet captured"""
    approval: str
    """DE38"""
    day: str
    """YYMMDD"""
    made_by: tuple[str, ...]
    """card's name, DE3, DE4, DE12, DE13 of its request"""
    answered_to: MessageKey
    """of its request: DE11 and DE7 are what DE90 of a message about it names"""
    until: int = 0
    """second since 1970 at which a hold is released; 0: never"""
    expired: bool = False
    """it was a hold and has been released"""
    authorized: int = 0
    """of a hold that has been completed, in part perhaps: what was held"""
    increments: tuple[Increment, ...] = ()
    """of `amount` of a hold: what was added"""
    approved: int = 0
    """of a payment that was never held: up to what, before any tolerance, a tip may bring it"""

    @property
    def posted(self) -> int:
        """Of `amount`, what is posted."""
        return 0 if self.held else self.amount

    @property
    def free(self) -> bool:
        """True for a released hold: the account is not touched by it."""
        return self.expired and self.held


class PinTries(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How many wrong PINs running a card has from here on."""

    card: str
    """its name"""
    wrong: int


class ChipSeen(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The highest transaction counter that a card's chip has proved."""

    card: str
    """its name"""
    atc: int


class Taken(Entry, frozen=True, kw_only=True, tag="tkn"):
    """A message was taken: what it was answered, and what came of it. A repeat is no record: it changes nothing."""

    at_us: int
    message: MessageKey
    de39: str
    extra: Document
    """elements the answer adds; a repeat gets them again"""
    reason: str = ""
    counts: str = ""
    """towards which `Status` in the book: approved, declined or reversed; "": none of them"""
    posting: Posting | None = None
    """the payment it is about, as it stands from here on; None: no money was touched"""
    early: str = ""
    """name of an original to be refused if it ever comes, since its reversal was first"""
    period: str = ""
    """business day (MMDD) that the host takes it to be"""
    pin: PinTries | None = None
    """None: it had no PIN, or nothing has changed by it"""
    chip: ChipSeen | None = None
    """None: no cryptogram was proved"""
    repeats: str = ""
    """payment key of what it asks for again under a DE11 or DE7 of its own: DE90 of a message about that may name either"""


def _put(store: "OrderedDict[_K, _V]", key: _K, value: _V, keep: int) -> "_V | None":
    """Remember `value`; returns what had to be forgotten for it."""
    store[key] = value
    return store.popitem(last=False)[1] if len(store) > keep else None


class Holdings:
    """The fold of `Taken` records over accounts as they were opened. Bounded: the oldest payments are forgotten one by one."""

    def __init__(self, cards: Iterable[TestCard], keep: int = KEEP, population: Population | None = None) -> None:
        self.accounts = CardFile(cards, population)
        self.postings: OrderedDict[str, Posting] = OrderedDict()
        self.answers: OrderedDict[MessageKey, Taken] = OrderedDict()
        self.early: OrderedDict[str, None] = OrderedDict()
        self.increments: OrderedDict[str, str] = OrderedDict()
        """payment key of an increment -> that of its hold"""
        self.taken = 0
        """records so far: also what approval codes and references are numbered by"""
        self._keep = keep
        self._holds: OrderedDict[str, int] = OrderedDict()
        """payment key -> when its hold is released, in the order in which they were made"""
        self._by_wire: OrderedDict[WireKey, tuple[str, MessageKey]] = OrderedDict()
        """DE11 and DE7 of a request or its repeat -> payment key, and the request that its posting answered then"""
        self.totals = OwnTotals()
        self._left_out = 0
        self._counts: Counter[str] = Counter()
        self._declined: Counter[str] = Counter()

    def find_by_de90(self, stan: str, sent_at: str) -> Posting | None:
        """The payment that came, or came again, under this DE11 and DE7, which DE90 of a message about it repeats."""
        key, answered_to = self._by_wire.get((stan, sent_at), ("", None))
        posting = self.postings.get(key)
        return posting if posting is not None and posting.answered_to == answered_to else None

    def apply(self, entry: Taken) -> None:
        """Fold one record. KeyError: it is about a card that is not on file (another network file's journal)."""
        self.release(entry.at_us // 1_000_000)
        self.taken += 1
        self._counts[entry.counts] += 1
        if entry.counts == Status.DECLINED:
            self._declined[entry.de39] += 1
        if entry.posting is not None:
            self._count(entry, entry.posting)
            self._book(entry.posting)
        if entry.repeats in self.postings:
            known = self.postings[entry.repeats]
            _put(self._by_wire, entry.message[1:3], (known.key, known.answered_to), self._keep)
        if entry.pin is not None:
            account = self.accounts.named(entry.pin.card)
            account.pin_tries = entry.pin.wrong
            self.accounts.keep(account)
        if entry.chip is not None:
            account = self.accounts.named(entry.chip.card)
            account.atc = entry.chip.atc
            self.accounts.keep(account)
        if entry.early:
            _put(self.early, entry.early, None, EARLY_KEEP)
        _put(self.answers, entry.message, entry, self._keep)

    def _count(self, entry: Taken, posting: Posting) -> None:
        """In the host's own totals."""
        before = self.postings.get(posting.key)
        known = before is not None and before.answered_to == posting.answered_to
        was = before.posted if before is not None and known else 0
        self.totals.move(entry.period, posting.currency, was, posting.posted)
        if entry.de39 == Answer.PARTIAL and not known:
            self.totals.add_asked(entry.period, posting.currency, int(posting.made_by[2]) - posting.amount)

    def release(self, second: int) -> None:
        """Holds whose time has run out by `second` (since 1970) are held no more. A fold does the same at the next record."""
        while self._holds:
            key, until = next(iter(self._holds.items()))
            if until > second:
                return
            del self._holds[key]
            posting = self.postings.get(key)
            if posting is not None and posting.held and posting.until == until:
                self._move(self.accounts.named(posting.card), posting, 0, back=True)
                self.postings[key] = msgspec.structs.replace(posting, expired=True)

    def _book(self, posting: Posting) -> None:
        """From here on the payment stands as `posting` says: the account moves by the difference."""
        account = self.accounts.named(posting.card)
        before = self.postings.get(posting.key)
        if before is None or before.answered_to != posting.answered_to:
            if account.day != posting.day:
                account.day, account.spent = posting.day, 0
            self._move(account, posting, max(0, posting.billed))
            _put(self._by_wire, posting.answered_to[1:3], (posting.key, posting.answered_to), self._keep)
        else:
            self._move(account, before, 0, back=True)
            self._move(account, posting, posting.billed - before.billed if before.billed >= 0 else 0)
        if posting.held and posting.until and not posting.expired:
            _put(self._holds, posting.key, posting.until, self._keep)
        for increment in posting.increments[-1:]:
            _put(self.increments, increment.key, posting.key, self._keep)
        gone = _put(self.postings, posting.key, posting, self._keep)
        if gone is not None and gone.amount:
            self._left_out += 1

    def _move(self, account: Account, posting: Posting, spent: int, *, back: bool = False) -> None:
        """Put what `posting` bills on the account, or take it `back`; `spent` counts towards the daily limit of its day."""
        billed = 0 if posting.free else -posting.billed if back else posting.billed
        if posting.held:
            account.held += billed
        else:
            account.balance -= billed
        if account.day == posting.day:
            account.spent += spent
        self.accounts.keep(account)

    def book(self, name: str) -> IssuerBook:
        """Balances of the accounts that moved, and each payment that stands."""
        return IssuerBook(
            name=name,
            cards=tuple(
                CardBook(
                    pan=mask_pan(a.card.pan),
                    currency=a.card.currency,
                    opening=a.card.balance,
                    closing=a.balance,
                    held=a.held,
                )
                for a in self.accounts.moved()
            ),
            debits=tuple(
                Debit(
                    key=p.key,
                    amount=p.amount,
                    currency=p.currency,
                    billed=0 if p.free else p.billed,
                    billing=self.accounts.named(p.card).card.currency,
                    held=p.held,
                    expired=p.expired,
                )
                for p in self.postings.values()
                if p.amount
            ),
            left_out=self._left_out,
            approved=self._counts[Status.APPROVED],
            declined=dict(self._declined),
            reversed=self._counts[Status.REVERSED],
            early_reversals=sum("@" not in key for key in self.early),
        )
