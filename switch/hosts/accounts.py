"""An issuer's accounts: what a message does to them and what it is answered. Knows documents in house form, no wire.

Theory of operation. Each payment that moves money is a `_Posting`, known by its payment key (DE32/DE41/DE37) and by the
STAN and time it came under (what DE90 names).

- 0200 posts: the balance moves at once. 0100 holds: the amount is reserved, the balance stays. DE25=06 marks a
  pre-authorization on a terminal's slip; the ledger holds for every 0100, as authorization and clearing are two messages.
- 0220 that names a held payment captures: the hold goes, its own DE4 (which may differ) is posted. 0220 (0120) of its own, as
  after stand-in, posts (holds) without asking: it tells what was done.
- 0400/0420 takes back what stands, all of it or down to DE95's actual amount, once; a second one changes nothing.
- A reversal that comes before its original is remembered and answered 00, since what it asks is already so. The late original is
  refused with 05: whoever sent it has given it up.
- A payment key names one payment: another request under the key of one that stands is refused with 94.
- A message seen before changes nothing and is answered as it was: one with the same class, DE11, DE7 and payment key, or a
  request that has another STAN and is the same payment all the same (payment key, card, DE3, DE4, DE12, DE13): whoever sent it
  has forgotten that it had. Once that payment is reversed, it is refused with 05.

Money moved is DE6 where DE51 is the account's currency (a card used abroad), else DE4 where DE49 is.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from typing import TypeAlias, TypeVar

import msgspec

from switch.core.translate import House48
from switch.hosts.books import CardBook, Debit, IssuerBook, payment_key
from switch.hosts.cards import TestCard
from switch.hosts.clock import Moment
from switch.hosts.private import private_elements, with_private
from switch.wire.vocabulary import APPROVALS, DE, MTI, Answer, Document, Processing, mask_pan

KEEP = 500_000
"""payments and answers remembered one by one, the newest; a reversal of an older one finds nothing to undo"""
EARLY_KEEP = 10_000
_STATUS = {
    "lost": Answer.LOST, "stolen": Answer.STOLEN, "restricted": Answer.RESTRICTED, "refused": Answer.DO_NOT_HONOUR,
}  # fmt: skip
_DEBITS = frozenset({Processing.PURCHASE, Processing.CASH, Processing.CASH_BACK})
_INQUIRIES = frozenset({Processing.BALANCE, Processing.VERIFICATION})

WireKey: TypeAlias = tuple[str, str]
"""DE11, DE7"""
MessageKey: TypeAlias = tuple[str, str, str, str]
"""MTI class, DE11, DE7, payment key"""
_K = TypeVar("_K")
_V = TypeVar("_V")


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What a message is answered with."""

    de39: str
    extra: Document = {}
    """elements the answer adds: DE38, DE48, DE54"""
    reason: str = ""
    """why, for the host's own log; never secret"""
    repeated: bool = False


Dress: TypeAlias = Callable[[Verdict], Verdict]
_Do: TypeAlias = Callable[[Document, Moment], Verdict]


class Account(msgspec.Struct):
    """One card's account. Amounts in minor units of its currency."""

    card: TestCard
    balance: int
    held: int = 0
    spent: int = 0
    """on `day`"""
    day: str = ""

    @property
    def available(self) -> int:
        """What a debit may take."""
        return self.balance - self.held


class _Posting(msgspec.Struct):
    """One payment that stands, or stood."""

    key: str
    account: Account
    amount: int
    """signed, minor units of `currency`; 0 once reversed"""
    currency: str
    billed: int
    """signed, minor units of the account's currency"""
    held: bool
    approval: str
    day: str
    made_by: tuple[str, ...]
    """card, DE3, DE4, DE12, DE13 of its request"""
    answered_to: "MessageKey"


def _put(store: "OrderedDict[_K, _V]", key: _K, value: _V, keep: int) -> "_V | None":
    """Remember `value`; returns what had to be forgotten for it."""
    store[key] = value
    return store.popitem(last=False)[1] if len(store) > keep else None


class Ledger:
    """The accounts of one host. Each call takes a document in house form and the moment, and returns a verdict."""

    def __init__(self, name: str, cards: Iterable[TestCard], keep: int = KEEP) -> None:
        self.name = name
        self.accounts = {c.pan: Account(c, c.balance) for c in cards if c.on_file}
        self._keep = keep
        self._postings: OrderedDict[str, _Posting] = OrderedDict()
        self._by_wire: OrderedDict[WireKey, _Posting] = OrderedDict()
        self._answers: OrderedDict[MessageKey, Verdict] = OrderedDict()
        self._early: OrderedDict[str, None] = OrderedDict()
        self._approvals = 0
        self._left_out = 0
        self._approved = 0
        self._reversed = 0
        self._declined: Counter[str] = Counter()

    # -- messages

    def request(self, document: Document, at: Moment, dress: "Dress | None" = None) -> Verdict:
        """0100, 0200 and their repeats. `dress` adds to a new verdict what the host says with it; a repeat gets it again."""
        return self._once(document, at, self._request, dress)

    def advice(self, document: Document, at: Moment) -> Verdict:
        """0120, 0220 and their repeats."""
        return self._once(document, at, self._advice, None)

    def reversal(self, document: Document, at: Moment) -> Verdict:
        """0400, 0420 and their repeats."""
        return self._once(document, at, self._reversal, None)

    def _once(self, document: Document, at: Moment, do: "_Do", dress: "Dress | None") -> Verdict:
        key = _message_key(document)
        before = self._answers.get(key)
        if before is not None:
            return msgspec.structs.replace(before, repeated=True)
        verdict = do(document, at)
        if dress is not None:
            verdict = dress(verdict)
        _put(self._answers, key, verdict, self._keep)
        return verdict

    def _request(self, document: Document, at: Moment) -> Verdict:
        verdict = self._decide(document, at)
        if verdict.repeated:
            return verdict
        if verdict.de39 in APPROVALS:
            self._approved += 1
        else:
            self._declined[verdict.de39] += 1
        return verdict

    def _decide(self, document: Document, at: Moment) -> Verdict:
        key = payment_key(document)
        if key in self._early or _wire_name(document.get("11", ""), document.get("7", "")) in self._early:
            return Verdict(Answer.DO_NOT_HONOUR, reason="its reversal was here first")
        namesake = self._postings.get(key)
        if namesake is not None and namesake.made_by == _made_by(document):
            before = self._answers.get(namesake.answered_to)
            if namesake.amount and before is not None:
                return msgspec.structs.replace(before, repeated=True)
            return Verdict(Answer.DO_NOT_HONOUR, reason="it was reversed before")
        if namesake is not None and namesake.amount:
            return Verdict(Answer.DUPLICATE, reason=f"another payment stands under DE32/DE41/DE37 {key}")
        account = self.accounts.get(document.get(DE.PAN, ""))
        if account is None:
            return Verdict(Answer.INVALID_CARD, reason="no such card on file")
        kind = document.get(DE.PROCESSING_CODE, "")[:2]
        refusal = _card_refusal(account.card, kind, document, at)
        if refusal is not None:
            return refusal
        private = {House48.CVV2_RESULT: "M"} if House48.CVV2 in private_elements(document) else {}
        extra = with_private({}, private)
        if kind in _INQUIRIES:
            if kind == Processing.BALANCE:
                return Verdict(Answer.APPROVED, extra | {DE.ADDITIONAL_AMOUNTS: _balances(account), **self._approval()})
            return Verdict(Answer.NO_REASON_TO_DECLINE, extra | self._approval())
        billed = _billed(document, account.card.currency)
        refusal = _money_refusal(account, kind, billed, at)
        if refusal is not None or billed is None:
            return refusal or Verdict(Answer.INVALID_TRANSACTION)
        held = document[DE.MTI][1] == MTI.AUTHORIZATION and kind != Processing.REFUND
        posting = self._post(document, account, billed, held=held, at=at)
        return Verdict(Answer.APPROVED, extra | {DE.APPROVAL_CODE: posting.approval})

    def _advice(self, document: Document, at: Moment) -> Verdict:
        if document.get(DE.RESPONSE_CODE, Answer.APPROVED) not in APPROVALS:
            return Verdict(Answer.APPROVED, reason="advice of a decline: noted")
        posting = self._original(document)
        if posting is not None and posting.amount and posting.held and document[DE.MTI][1] == MTI.FINANCIAL:
            return self._capture(posting, document)
        if posting is not None and posting.amount:
            return Verdict(Answer.APPROVED, reason="advice of what stands already")
        if posting is not None or payment_key(document) in self._early:
            return Verdict(Answer.ORIGINAL_INCONSISTENT, reason="its payment has been reversed")
        account = self.accounts.get(document.get(DE.PAN, ""))
        if account is None:
            return Verdict(Answer.INVALID_CARD, reason="no such card on file")
        billed = _billed(document, account.card.currency)
        if billed is None:
            return Verdict(Answer.INVALID_TRANSACTION, reason="no amount in the account's currency")
        self._approved += 1
        self._post(document, account, billed, held=document[DE.MTI][1] == MTI.AUTHORIZATION, at=at)
        return Verdict(Answer.APPROVED)

    def _capture(self, posting: _Posting, document: Document) -> Verdict:
        """A completion: the hold goes, its final amount is posted."""
        account = posting.account
        amount = int(document.get(DE.AMOUNT, "0"))
        billed = _billed(document, account.card.currency)
        if billed is None:
            billed = _share(posting.billed, amount, posting.amount)
        account.held -= posting.billed
        account.balance -= billed
        self._spend(posting, billed - posting.billed)
        posting.amount, posting.billed, posting.held = amount, billed, False
        return Verdict(Answer.APPROVED, {DE.APPROVAL_CODE: posting.approval})

    def _reversal(self, document: Document, at: Moment) -> Verdict:
        del at
        posting = self._original(document)
        if posting is None:
            self._remember_early(document)
            return Verdict(Answer.APPROVED, reason="no such payment stands; its original will be refused")
        left = int(document.get(DE.REPLACEMENT, "")[:12] or 0)
        if posting.amount == 0 or left >= abs(posting.amount):
            return Verdict(Answer.APPROVED, reason="nothing left to take back")
        sign = -1 if posting.amount < 0 else 1
        billed = _share(posting.billed, sign * left, posting.amount) if left else 0
        back = posting.billed - billed
        if posting.held:
            posting.account.held -= back
        else:
            posting.account.balance += back
        self._spend(posting, -back)
        posting.amount, posting.billed = sign * left, billed
        self._reversed += not left
        return Verdict(Answer.APPROVED)

    # -- what stands

    def _post(self, document: Document, account: Account, billed: int, *, held: bool, at: Moment) -> _Posting:
        sign = -1 if document.get(DE.PROCESSING_CODE, "")[:2] == Processing.REFUND else 1
        approval = document.get(DE.APPROVAL_CODE) or self._approval()[DE.APPROVAL_CODE]
        posting = _Posting(
            payment_key(document), account, sign * int(document[DE.AMOUNT]), document.get(DE.CURRENCY, ""), sign * billed,
            held, approval, at.day, _made_by(document), _message_key(document),
        )  # fmt: skip
        if held:
            account.held += billed
        else:
            account.balance -= sign * billed
        if account.day != at.day:
            account.day, account.spent = at.day, 0
        self._spend(posting, max(0, sign * billed))
        gone = _put(self._postings, posting.key, posting, self._keep)
        if gone is not None and gone.amount:
            self._left_out += 1
        _put(self._by_wire, (document.get("11", ""), document.get("7", "")), posting, self._keep)
        return posting

    def _spend(self, posting: _Posting, billed: int) -> None:
        """Count towards the daily limit, if it is still the same day."""
        if posting.account.day == posting.day and posting.billed >= 0:
            posting.account.spent += billed

    def _original(self, document: Document) -> _Posting | None:
        """What has the same payment key; else, where there is no DE37 to make one, what DE90 names of the same card.

        DE90 alone proves little: STAN and time of another acquirer's, or of a switch that forgot a number, may be the same.
        """
        if DE.RRN in document:
            posting = self._postings.get(payment_key(document))
        else:
            original = document.get(DE.ORIGINAL, "")
            posting = self._by_wire.get((original[4:10], original[10:20])) if len(original) >= 20 else None
        if posting is not None and posting.account.card.pan == document.get(DE.PAN, posting.account.card.pan):
            return posting
        return None

    def _remember_early(self, document: Document) -> None:
        original = document.get(DE.ORIGINAL, "")
        if DE.RRN in document:
            _put(self._early, payment_key(document), None, EARLY_KEEP)
        elif len(original) >= 20:
            _put(self._early, _wire_name(original[4:10], original[10:20]), None, EARLY_KEEP)

    def _approval(self) -> Document:
        """DE38: six digits that differ from one to the next and look unlike a counter."""
        self._approvals += 1
        return {DE.APPROVAL_CODE: f"{self._approvals * 7919 % 1_000_000:06d}"}

    def book(self) -> IssuerBook:
        """Balances of the accounts that moved, and each payment that stands."""
        return IssuerBook(
            name=self.name,
            cards=tuple(
                CardBook(mask_pan(a.card.pan), a.card.currency, a.card.balance, a.balance, a.held)
                for a in self.accounts.values()
                if a.day
            ),
            debits=tuple(
                Debit(p.key, p.amount, p.currency, p.billed, p.account.card.currency, p.held)
                for p in self._postings.values()
                if p.amount
            ),
            left_out=self._left_out,
            approved=self._approved,
            declined=dict(self._declined),
            reversed=self._reversed,
            early_reversals=sum("@" not in key for key in self._early),
        )


def _message_key(document: Document) -> MessageKey:
    get = document.get
    return document[DE.MTI][1], get(DE.STAN, ""), get(DE.TRANSMISSION_TIME, ""), payment_key(document)


def _made_by(document: Document) -> tuple[str, ...]:
    get = document.get
    return tuple(get(de, "") for de in (DE.PAN, DE.PROCESSING_CODE, DE.AMOUNT, DE.LOCAL_TIME, DE.LOCAL_DATE))


def _wire_name(stan: str, sent_at: str) -> str:
    return f"{stan}@{sent_at}"


def _share(billed: int, amount: int, whole: int) -> int:
    """The part of `billed` that `amount` is of `whole`, rounded half up."""
    return (2 * abs(billed * amount) + abs(whole)) // (2 * abs(whole)) * (-1 if billed < 0 else 1) if whole else 0


def _billed(document: Document, currency: str) -> int | None:
    """What the account pays, minor units of its currency; None where the message does not say it."""
    if document.get(DE.CURRENCY_BILLING) == currency and DE.AMOUNT_BILLING in document:
        return int(document[DE.AMOUNT_BILLING])
    if document.get(DE.CURRENCY, currency) == currency and DE.AMOUNT in document:
        return int(document[DE.AMOUNT])
    return None


def _card_refusal(card: TestCard, kind: str, document: Document, at: Moment) -> Verdict | None:
    """What speaks against the card itself, the heaviest first; None: nothing."""
    if card.status != "active":
        return Verdict(_STATUS[card.status], reason=f"the card is {card.status}")
    if card.expiry < at.day[:4] or document.get(DE.EXPIRY, card.expiry) != card.expiry:
        return Verdict(Answer.EXPIRED, reason="the card has expired, or DE14 is not its expiry date")
    if kind not in _DEBITS and kind not in _INQUIRIES and kind != Processing.REFUND:
        return Verdict(Answer.INVALID_TRANSACTION, reason=f"transaction type {kind or 'absent'} (DE3)")
    if kind in card.forbidden:
        return Verdict(Answer.NOT_PERMITTED_CARDHOLDER, reason=f"product {card.product} does not allow type {kind}")
    private = private_elements(document)
    if House48.CVV2 in private and private[House48.CVV2] != card.cvv2:
        return Verdict(Answer.CVV2_FAILURE, with_private({}, {House48.CVV2_RESULT: "N"}), "wrong CVV2")
    if document.get(DE.ENTRY_MODE, "")[:2] == "81" and House48.CVV2 not in private and House48.CAVV not in private:
        return Verdict(Answer.DO_NOT_HONOUR, reason="a web payment without CVV2 or authentication value")
    return None


def _money_refusal(account: Account, kind: str, billed: int | None, at: Moment) -> Verdict | None:
    """What speaks against the amount; None: nothing."""
    if billed is None:
        return Verdict(
            Answer.INVALID_TRANSACTION, reason=f"no amount in the account's currency {account.card.currency}"
        )
    if billed == 0:
        return Verdict(Answer.INVALID_AMOUNT, reason="amount zero")
    if kind == Processing.REFUND:
        return None
    card = account.card
    if card.per_transaction and billed > card.per_transaction:
        return Verdict(Answer.EXCEEDS_AMOUNT, reason="above the limit per transaction")
    spent = account.spent if account.day == at.day else 0
    if card.per_day and spent + billed > card.per_day:
        return Verdict(Answer.EXCEEDS_AMOUNT, reason="above the daily limit")
    if billed > account.available:
        return Verdict(Answer.INSUFFICIENT_FUNDS, reason="not sufficient funds")
    return None


def _balances(account: Account) -> str:
    """DE54: ledger and available balance, each account type 00, amount type, currency, C/D, 12 digits."""

    def one(amount_type: str, amount: int) -> str:
        return f"00{amount_type}{account.card.currency}{'D' if amount < 0 else 'C'}{abs(amount):012d}"

    return one("01", account.balance) + one("02", account.available)
