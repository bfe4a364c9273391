"""An issuer's accounts: what a message does to them and what it is answered. Knows documents in internal format, no wire.

Theory of operation. The ledger decides; `postings.Holdings` remembers. Each payment that moves money is a `Posting`, known by its
payment key (DE32/DE41/DE37) and by the STAN and time it came under (what DE90 names).

- 0200 posts: the balance moves at once. 0100 holds: the amount is reserved, the balance stays. DE25=06 marks a
  pre-authorization on a terminal's slip; the ledger holds for every 0100, as authorization and clearing are two messages.
- 0100 whose DE90 names a hold adds its DE4 to it, with the answers a new one would get; its DE37 is its own, or its hold's. A
  hold that is captured or reversed takes no more (77). A reversal that names it takes back that alone; captured, it stays
  captured.
- 0220 that names a held payment captures: the hold goes, its own DE4 (which may differ) is posted. 0220 (0120) of its own posts
  (holds) without asking: it reports what was done.
- A completion of more than the tolerance above what is held is refused with 61. A hold that is not completed in time is released;
  a completion that comes later is posted all the same, and marked: an advice reports what was done.
- A purchase of more than there is, at a terminal that can take less (DE48.61), is approved in part (10): what there is in DE4.
- 0120 after the switch has stood in (DE48.60) does what the request it reports would have done: DE90 has its MTI, a 0200 posts.
  It is posted whatever the balance, and to a suspense account where the card is not on file: somebody has the goods.
- 0400/0420 takes back what stands, all of it or down to DE95's actual amount, once; a second one changes nothing.
- A reversal that comes before its original is remembered and answered 00, since what it asks is already so. The late original is
  refused with 05: whoever sent it has given it up.
- A payment key names one payment: another request under the key of one that stands is refused with 94.
- A message seen before changes nothing and is answered as it was: one with the same class, DE11, DE7 and payment key, or a
  request that has another STAN and is the same payment all the same (payment key, card, DE3, DE4, DE12, DE13; of an increment:
  its own payment key, hold, DE4): whoever sent it has forgotten that it had. Once that payment is reversed, it is refused with
  05.

Money moved is DE6 where DE51 is the account's currency (a card used abroad), else DE4 where DE49 is.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

import msgspec

from switch.core.messages.internal import Additional, Private48, additional_amount
from switch.core.records.lifecycle import Status
from switch.simulators.card_desk import CardDesk
from switch.simulators.card_file import Account, CardFile
from switch.simulators.cards import Population, TestCard
from switch.simulators.clock import Moment
from switch.simulators.de48 import private_elements, with_private
from switch.simulators.dismissals import Dismissals
from switch.simulators.minds import FORGETS, REMEMBERS, UNKNOWN, happens
from switch.simulators.originals import Originals, adds, asked_of, early_name, early_names, message_key, wire_name
from switch.simulators.payment_key import own_name, payment_key
from switch.simulators.pins import PinDesk, Refusal
from switch.simulators.postings import KEEP, Holdings, Increment, Posting, Taken
from switch.simulators.proofs import ProofDesk
from switch.simulators.reconciliation import IssuerBook
from switch.simulators.rules import (
    INQUIRIES,
    Verdict,
    balances,
    billed_amount,
    card_refusal,
    cash_refusal,
    may_approve_part,
    money_refusal,
)
from switch.wire.vocabulary import APPROVALS, DE, MTI, Answer, Document, Processing

HOLD_S: Final = 604_800
"""a week"""
TOLERANCE: Final = Decimal("0.15")

Dress: TypeAlias = Callable[[Verdict], Verdict]


class _Decision(NamedTuple):
    """A verdict, and what it changes (see `postings.Taken`)."""

    verdict: Verdict
    posting: Posting | None = None
    counts: str = ""
    early: str = ""


_Do: TypeAlias = Callable[[Document, Moment], _Decision]


class Ledger:
    """The accounts of one host. Each call takes a document in internal format and the moment, and returns a verdict.

    What a call has changed is in `fresh`, for a host that keeps a journal to record (and to clear).
    """

    def __init__(
        self,
        name: str,
        cards: Iterable[TestCard],
        keep: int = KEEP,
        *,
        hold_s: int = HOLD_S,
        tolerance: Decimal = TOLERANCE,
        population: Population | None = None,
    ) -> None:
        """`hold_s`: a pre-authorization is released after so long. `tolerance`: a completion may be so much above it (0.15).
        `population`: cards that are on file beside `cards`."""
        self.name = name
        self.holdings = Holdings(cards, keep, population)
        self._originals = Originals(self.holdings)
        self._hold_s = hold_s
        self._tolerance = tolerance
        self.early = REMEMBERS
        """what becomes of a reversal whose original has not been posted (`minds`)"""
        self.approves_part = 0.0
        """share of payments (`minds`)"""
        self.period = ""
        """business day (MMDD), as the switch has said; "": it has not, and it is the calendar's"""
        self.dismissed, self.pins, self.cards, self.proofs = Dismissals(), PinDesk(), CardDesk(), ProofDesk()
        self.fresh: list[Taken] = []

    @property
    def accounts(self) -> CardFile:
        """By PAN, and by name."""
        return self.holdings.accounts

    # -- messages

    def authorize(self, document: Document, at: Moment, dress: "Dress | None" = None) -> Verdict:
        """0100, 0200 and their repeats. `dress` adds to a new verdict what the host answers with it; a repeat gets it again."""
        return self._take_once(document, at, self._decide_request, dress)

    def book_advice(self, document: Document, at: Moment) -> Verdict:
        """0120, 0220 and their repeats."""
        return self._take_once(document, at, self._decide_advice, None)

    def reverse(self, document: Document, at: Moment) -> Verdict:
        """0400, 0420 and their repeats."""
        return self._take_once(document, at, self._decide_reversal, None)

    def _take_once(self, document: Document, at: Moment, do: "_Do", dress: "Dress | None") -> Verdict:
        key = message_key(document)
        before = self.holdings.answers.get(key)
        if before is not None:
            return _repeat_verdict(before)
        self.holdings.release(at.second)
        verdict, posting, counts, early = do(document, at)
        if dress is not None and not verdict.repeated:
            verdict = dress(verdict)
        entry = Taken(
            at_us=at.second * 1_000_000,
            message=key,
            de39=verdict.de39,
            extra=verdict.extra,
            reason=verdict.reason,
            counts=counts,
            posting=posting,
            early=early,
            period=self.period or at.sent_at[:4],
            pin=self.pins.take_tries(),
            chip=self.cards.seen(),
            repeats=own_name(document) if verdict.repeated else "",
        )
        self.holdings.apply(entry)
        self.fresh.append(entry)
        return verdict

    def _decide_request(self, document: Document, at: Moment) -> _Decision:
        verdict, posting = self._judge(document, at)
        if verdict.repeated:
            return _Decision(verdict)
        return _Decision(verdict, posting, Status.APPROVED if verdict.de39 in APPROVALS else Status.DECLINED)

    def _judge(self, document: Document, at: Moment) -> tuple[Verdict, Posting | None]:
        hold = self._originals.find_hold(document)
        refusal = self._refuse_known(document, hold)
        if refusal is not None:
            return refusal, None
        account = self.accounts.get(document.get(DE.PAN, ""))
        if account is None:
            return Verdict(Answer.INVALID_CARD, reason="no such card on file"), None
        if hold is None and adds(document):
            return Verdict(Answer.RECORD_NOT_FOUND, reason="no such hold as it would add to"), None
        if hold is not None and not (hold.held and hold.amount and not hold.expired):
            reason = "the hold it adds to is captured, reversed or released"
            return Verdict(Answer.ORIGINAL_INCONSISTENT, reason=reason), None
        kind = document.get(DE.PROCESSING_CODE, "")[:2]
        refusal = card_refusal(account.card, kind, document, at)
        refusal = refusal or self.cards.judge(account, document)
        if refusal is None and (unproved := self._refuse_unproved(account, document)) is not None:
            refusal = Verdict(unproved.de39, reason=unproved.reason)
        if refusal is not None:
            return refusal, None
        private = {Private48.CVV2_RESULT: "M"} if Private48.CVV2 in private_elements(document) else {}
        extra = with_private(self.cards.response(), private) | {DE.APPROVAL_CODE: self._next_approval()}
        if kind == Processing.BALANCE:
            return Verdict(Answer.APPROVED, extra | {DE.ADDITIONAL_AMOUNTS: balances(account)}), None
        if kind in INQUIRIES:
            return Verdict(Answer.NO_REASON_TO_DECLINE, extra), None
        billed = billed_amount(document, account.card.currency)
        refusal = cash_refusal(kind, document) or money_refusal(account, kind, billed, at)
        part = self._part(document, account)
        if 0 < part < (billed or 0) and (refusal is None or refusal.de39 == Answer.INSUFFICIENT_FUNDS):
            return self._approve_in_part(document, account, at, extra, hold, part)
        if refusal is not None or billed is None:
            return refusal or Verdict(Answer.INVALID_TRANSACTION), None
        posting = (
            self._add(hold, document, billed) if hold is not None else self._make_posting(document, account, billed, at)
        )
        return Verdict(Answer.APPROVED, extra | {DE.APPROVAL_CODE: posting.approval}), posting

    def _refuse_unproved(self, account: Account, document: Document) -> Refusal | None:
        return self.proofs.judge(account.card, document) or self.pins.judge(account, document)

    def _add(self, hold: Posting, document: Document, billed: int) -> Posting:
        amount = int(document[DE.AMOUNT])
        added = Increment(key=payment_key(document), wire=wire_name(document), amount=amount, billed=billed)
        return msgspec.structs.replace(
            hold, amount=hold.amount + amount, billed=hold.billed + billed, increments=(*hold.increments, added)
        )

    def _part(self, document: Document, account: Account) -> int:
        """What a request gets where it may get less than it asks: what there is, or what this host gives. 0: it may not."""
        if not may_approve_part(document, account):
            return 0
        gives = int(document.get(DE.AMOUNT, "0")) // (2 if happens("part", self.approves_part, document) else 1)
        return min(account.available, gives)

    def _approve_in_part(
        self, document: Document, account: Account, at: Moment, extra: Document, hold: Posting | None, there: int
    ) -> tuple[Verdict, Posting]:
        """DE39=10: `there` in DE4; DE54 has what was asked. An increment (`hold`) adds as much to its hold."""
        currency, less = account.card.currency, document | {DE.AMOUNT: f"{there:012d}"}
        if hold is not None:
            posting = self._add(hold, less, there)
        else:
            posting = self._make_posting(less, account, there, at)
            posting = msgspec.structs.replace(posting, made_by=self._identify(document))
        asked = additional_amount(Additional.ORIGINAL, currency, int(document[DE.AMOUNT]), "D")
        added = {DE.APPROVAL_CODE: posting.approval, DE.AMOUNT: f"{there:012d}", DE.ADDITIONAL_AMOUNTS: asked}
        return Verdict(Answer.PARTIAL, extra | added, "not all of it"), posting

    def _refuse_known(self, document: Document, hold: Posting | None) -> Verdict | None:
        """The verdict on a request that repeats, or collides with, what was taken before; None: it is new. `hold`: it is an
        increment of that."""
        key, holdings = own_name(document), self.holdings
        if any(name in holdings.early for name in early_names(document)):
            return Verdict(Answer.DO_NOT_HONOUR, reason="its reversal was here first")
        namesake = holdings.postings.get(key)
        if hold is not None and (namesake is None or namesake.key == hold.key):
            return self._refuse_told(document, hold)
        if namesake is not None and namesake.made_by == self._identify(document):
            before = holdings.answers.get(namesake.answered_to)
            if namesake.amount and before is not None:
                return _repeat_verdict(before)
            return Verdict(Answer.DO_NOT_HONOUR, reason="it was reversed before")
        return _collides(key) if namesake is not None and namesake.amount else None

    def _refuse_told(self, document: Document, hold: Posting) -> Verdict | None:
        """The same of an increment: it is known by its own payment key, which no posting has."""
        known = self._originals.find_told(document, hold)
        if known is None:
            return None
        increment, told = known
        if not increment.amount:
            return Verdict(Answer.DO_NOT_HONOUR, reason="it was reversed before")
        if asked_of(increment, told) != int(document.get(DE.AMOUNT, "0")):
            return _collides(increment.key)
        return _repeat_verdict(told)

    def _decide_advice(self, document: Document, at: Moment) -> _Decision:
        if document.get(DE.RESPONSE_CODE, Answer.APPROVED) not in APPROVALS:
            return _Decision(Verdict(Answer.APPROVED, reason="advice of a decline: noted"))
        posting = self._originals.find(document)
        follows = posting is not None and (posting.held or DE.ORIGINAL in document)
        if posting is not None and posting.amount and follows and document[DE.MTI][1] == MTI.FINANCIAL:
            return self._complete(posting, document)
        if posting is not None and posting.amount:
            return _Decision(Verdict(Answer.APPROVED, reason="advice of what stands already"))
        if posting is not None or payment_key(document) in self.holdings.early:
            return _Decision(Verdict(Answer.ORIGINAL_INCONSISTENT, reason="its payment has been reversed"))
        account = self.accounts.get(document.get(DE.PAN, ""))
        if account is None and Private48.STAND_IN in private_elements(document):
            account = self.accounts.suspense
        if account is None:
            return _Decision(Verdict(Answer.INVALID_CARD, reason="no such card on file"))
        billed = billed_amount(document, account.card.currency)
        if billed is None:
            return _Decision(Verdict(Answer.INVALID_TRANSACTION, reason="no amount in the account's currency"))
        return _Decision(Verdict(Answer.APPROVED), self._make_posting(document, account, billed, at), Status.APPROVED)

    def _complete(self, posting: Posting, document: Document) -> _Decision:
        """The hold goes, and a completion adds its amount to what is posted; a tip's takes the place of that."""
        amount = int(document.get(DE.AMOUNT, "0"))
        held = posting.amount if posting.held else posting.authorized
        before = (0, 0) if posting.held or not held else (posting.amount, posting.billed)
        most = held or posting.approved or posting.amount
        if amount + before[0] > most + int(most * self._tolerance):
            reason = f"a completion of more than {self._tolerance:.0%} above what is held"
            return _Decision(Verdict(Answer.EXCEEDS_AMOUNT, reason=reason))
        billed = billed_amount(document, self._card(posting).currency)
        if billed is None:
            billed = _share(posting.billed, amount, posting.amount)
        posted = msgspec.structs.replace(
            posting, amount=amount + before[0], billed=billed + before[1], held=False, authorized=held
        )
        reason = "posted after its hold had expired" if posting.expired else ""
        return _Decision(Verdict(Answer.APPROVED, {DE.APPROVAL_CODE: posting.approval}, reason), posted)

    def _decide_reversal(self, document: Document, _: Moment) -> _Decision:
        increment = self._originals.find_increment(document)
        if increment is not None:
            return self._take_increment_back(*increment)
        posting = self._originals.find(document)
        if posting is None and self.early == UNKNOWN:
            self.dismissed.add(document)
            return _Decision(Verdict(Answer.RECORD_NOT_FOUND, reason="no such payment stands"))
        if posting is None and self.early == FORGETS:
            self.dismissed.add(document)
            return _Decision(Verdict(Answer.APPROVED, reason="no such payment stands; not remembered"))
        if posting is None:
            reason = "no such payment stands; its original will be refused"
            return _Decision(Verdict(Answer.APPROVED, reason=reason), early=early_name(document))
        left = _left_of(document)
        if left is None:
            reason = "DE95 begins with what is to stand of the payment: twelve digits"
            return _Decision(Verdict(Answer.FORMAT_ERROR, reason=reason))
        if posting.amount == 0 or left >= abs(posting.amount):
            return _Decision(Verdict(Answer.APPROVED, reason="nothing left to take back"))
        sign = -1 if posting.amount < 0 else 1
        billed = _share(posting.billed, sign * left, posting.amount) if left else 0
        approved = min(posting.approved, left)
        reduced = msgspec.structs.replace(posting, amount=sign * left, billed=billed, approved=approved)
        return _Decision(Verdict(Answer.APPROVED), reduced, "" if left else Status.REVERSED)

    def _take_increment_back(self, hold: Posting, increment: Increment) -> _Decision:
        if not increment.amount or not hold.amount:
            return _Decision(Verdict(Answer.APPROVED, reason="nothing left to take back"))
        rest = tuple(msgspec.structs.replace(i, amount=0) if i is increment else i for i in hold.increments)
        reduced = msgspec.structs.replace(hold, increments=rest)
        if hold.held:
            reduced = msgspec.structs.replace(
                reduced, amount=hold.amount - increment.amount, billed=hold.billed - increment.billed
            )
        elif hold.authorized:
            reduced = msgspec.structs.replace(reduced, authorized=hold.authorized - increment.amount)
        return _Decision(Verdict(Answer.APPROVED), reduced)

    # -- what stands

    def _make_posting(self, document: Document, account: Account, billed: int, at: Moment) -> Posting:
        kind = document.get(DE.PROCESSING_CODE, "")[:2]
        sign = -1 if kind == Processing.REFUND else 1
        advised = document.get(DE.ORIGINAL, "")[1:2]  # an advice after stand-in: MTI class of the request it reports
        held = MTI.FINANCIAL not in (document[DE.MTI][1], advised) and kind != Processing.REFUND
        return Posting(
            key=own_name(document),
            card=account.card.name,
            amount=sign * int(document[DE.AMOUNT]),
            currency=document.get(DE.CURRENCY, ""),
            billed=sign * billed,
            held=held,
            approval=document.get(DE.APPROVAL_CODE) or self._next_approval(),
            day=at.day,
            made_by=self._identify(document),
            answered_to=message_key(document),
            until=at.second + self._hold_s if held else 0,
            approved=0 if held else int(document[DE.AMOUNT]),
        )

    def _card(self, posting: Posting) -> TestCard:
        return self.accounts.named(posting.card).card

    def _identify(self, document: Document) -> tuple[str, ...]:
        """The card by its name, so that no record holds a PAN."""
        account, get = self.accounts.get(document.get(DE.PAN, "")), document.get
        elements = (get(de, "") for de in (DE.PROCESSING_CODE, DE.AMOUNT, DE.LOCAL_TIME, DE.LOCAL_DATE))
        return (account.card.name if account else "", *elements)

    def _next_approval(self) -> str:
        """DE38 of the message being taken: six digits that differ from one to the next and look unlike a counter."""
        return f"{(self.holdings.taken + 1) * 7919 % 1_000_000:06d}"

    def book(self) -> IssuerBook:
        """Balances of the accounts that moved, and each payment that stands."""
        return self.holdings.book(self.name)


def _repeat_verdict(before: Taken) -> Verdict:
    """The verdict that was given then, for a repeat."""
    return Verdict(before.de39, before.extra, before.reason, repeated=True)


def _collides(key: str) -> Verdict:
    return Verdict(Answer.DUPLICATE, reason=f"another payment stands under DE32/DE41/DE37 {key}")


def _left_of(reversal: Document) -> int | None:
    """Minor units that a reversal leaves (DE95; 0 without one); None: DE95 cannot be read."""
    actual = reversal.get(DE.REPLACEMENT, "")[:12]
    if not actual:
        return 0
    return int(actual) if actual.isascii() and actual.isdecimal() else None


def _share(billed: int, amount: int, whole: int) -> int:
    """The part of `billed` that `amount` is of `whole`, rounded half up."""
    return (2 * abs(billed * amount) + abs(whole)) // (2 * abs(whole)) * (-1 if billed < 0 else 1) if whole else 0
