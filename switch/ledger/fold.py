"""Records -> entries, positions and holds. A pure fold: what it holds after record N depends on the records 1 to N alone.

In: the journal's records in their order, each with its sequence number. Out: an `Entry` for each record that moved money, handed
to `post` as it is made; and, kept here, what each window came to, the holds that are open, and the closes.

The rule. A record's window is decided by the cutovers that stand before it, by nothing else: so each is in exactly one, and a
closed window never changes. Whatever a record's amount says, what is posted is the difference it makes to what stands of the
payment. What another shard has passed on posts nothing here: it does in that one's journal (`core.shards`).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from switch.core.messages.meaning import direction_of, left_of
from switch.core.records.day_records import Cutover
from switch.core.records.disputes import Disputed
from switch.core.records.merchant_charges import Charged
from switch.core.records.prices import Priced
from switch.core.records.records import (
    ACQUIRER,
    REVERSAL,
    Abandoned,
    Answered,
    Booted,
    Forwarded,
    Owed,
    Snapshot,
    StoodIn,
)
from switch.core.shards import is_passed_on
from switch.ledger.entries import DISPUTE, Entry, Move, Window, is_merchant
from switch.ledger.exchange import abroad, exchange
from switch.ledger.moves import fee_moves, principal
from switch.ledger.netting import Cell, Sum
from switch.ledger.payments import Holds, Payment, Payments, Recall, nothing
from switch.ledger.rules import RULES, What
from switch.ledger.windows import Closed, Windows
from switch.wire.vocabulary import APPROVALS, DE, MTI, Answer, Document, Processing

Take = Callable[[Any, int, bytes], None]
_OF_APPROVED: Final = frozenset({"acquirer", "undelivered"})
"""reasons of reversals of what stood; others end a request without an answer that its acquirer could take"""
_AT_HOME: Final = frozenset({"domestic", "stand-in"})
"""routes that no network is on"""
NOT_PRICED: Final = "recorded by a release that named no price"


class LedgerFold:
    """The ledger over the records given so far."""

    def __init__(
        self,
        home: str,
        post: Callable[[Entry], object] | None = None,
        *,
        recall: Recall = nothing,
        windows: Windows | None = None,
        merchants: bool = True,
    ) -> None:
        """`home`: numeric code of the currency that fees are in, until the journal says it. `post`: is given each entry.

        `recall`, `windows`: what earlier batches of records have left; nothing, where these are the first. `merchants`: False
        leaves moves with merchants out of the entries, for whoever wants what settles and no more.
        """
        self.windows = windows or Windows()
        self.positions: dict[Window, dict[Cell, Sum]] = {}
        """of those who settle: what a merchant gets is its acquirer's business, and stands in the entries"""
        self.holds: dict[tuple[Window, str, str, str], Holds] = {}
        """by window, acquirer, issuer, currency"""
        self.payments = Payments(recall)
        self.unpriced: list[Entry] = []
        self.home = home
        self._post, self._merchants = post, merchants

    @property
    def takes(self) -> Mapping[type, Take]:
        """By kind of record: what takes it in, with its sequence number and where it lies, which is all the same here."""
        return {kind: take.__get__(self) for kind, take in _TAKES.items()}

    def fold(self, sequence: int, entry: object) -> None:
        """Take one record in. Records of other kinds move nothing."""
        take = _TAKES.get(type(entry))
        if take is not None:
            take(self, entry, sequence, b"")

    @property
    def closed(self) -> list[Closed]:
        """The windows that are closed, oldest first, those among them in which nothing was posted."""
        return self.windows.closed

    # -- windows

    def _boot(self, entry: Booted, sequence: int, _: bytes) -> None:
        self.home = entry.currency or self.home
        self.windows.begins = self.windows.begins or sequence

    def _cut(self, cutover: Cutover, sequence: int, _: bytes) -> None:
        self.windows.cut(cutover, sequence)

    def _begin(self, snapshot: Snapshot, sequence: int, place: bytes) -> None:
        """News only where a pruned journal begins with it: which day it is, and what was under way."""
        self.windows.begin(snapshot, sequence)
        for request in snapshot.open:
            if self.payments.find(request.txn) is None:
                self._forward(request, sequence, place)

    # -- payments

    def _forward(self, entry: Forwarded, _: int, __: bytes) -> None:
        if is_passed_on(entry.key[ACQUIRER]):
            return
        payment = self.payments.known[entry.txn] = self._payment(entry.txn, entry.mti, entry.elements, entry)
        if entry.route not in _AT_HOME:
            payment.through = entry.host
        if entry.hold is not None and self.payments.find(entry.hold.txn) is not None:
            payment.adds_to = entry.hold.txn

    def _payment(self, txn: int, mti: str, said: Document, entry: Forwarded | Owed) -> Payment:
        acquirer, amount, currency = entry.key[ACQUIRER], entry.amount, entry.currency
        brings = DE.RATE_SETTLEMENT in said and entry.link == acquirer  # on its host's link: a network
        return Payment(
            txn=txn,
            asked=amount,
            currency=currency,
            direction=direction_of(said),
            hold=mti[1] == MTI.AUTHORIZATION,
            cash=said.get(DE.PROCESSING_CODE, "")[:2] == Processing.CASH,
            acquirer=acquirer,
            issuer=entry.host,
            merchant=said.get(DE.MERCHANT, "").rstrip(),
            abroad=abroad(acquirer, amount, currency, said) if brings else None,
        )

    def _answer(self, entry: Answered, sequence: int, _: bytes) -> None:
        payment = self.payments.find(entry.txn)
        if payment is None:
            return
        if entry.de39 not in APPROVALS:
            self.payments.drop(entry.txn)
            return
        amount = payment.asked
        if entry.de39 == Answer.PARTIAL:
            amount = int(entry.elements.get(DE.AMOUNT, amount))
        self._approve(payment, amount, entry, sequence, _WHAT_BEGINS)

    def _approve(
        self, payment: Payment, amount: int, entry: Answered, sequence: int, whats: Mapping[tuple[int, bool], What]
    ) -> None:
        """It stands from here on, or is held."""
        payment.ended = sequence
        self._take_parties(payment, entry.priced)
        if payment.through:
            payment.abroad = abroad(payment.through, amount, payment.currency, entry.elements)
        if payment.hold:
            held = self.payments.find(payment.adds_to) or payment
            if not held.sequence:  # a completion has ended the hold: what is approved after it is not held
                self._hold(held, held.held + amount, entry.at_us, sequence)
        elif payment.direction:
            what = whats[payment.direction, payment.cash]
            self._let_stand(payment, payment.direction * amount, what, entry, sequence, entry.txn)
        else:
            self.payments.drop(entry.txn)

    def _abandon(self, entry: Abandoned, _: int, __: bytes) -> None:
        self.payments.drop(entry.txn)

    def _stand_in(self, entry: StoodIn, sequence: int, place: bytes) -> None:
        self._forward(entry.request, sequence, place)
        payment = self.payments.known.get(entry.txn)
        if payment is None:
            return
        self._approve(payment, payment.asked, entry.answer, sequence, _WHAT_STANDS_IN)
        if entry.txn in self.payments.known:
            self.payments.known[entry.advice.txn] = payment

    # -- what follows

    def _owe(self, entry: Owed, sequence: int, _: bytes) -> None:
        if any(key and is_passed_on(key[ACQUIRER]) for key in (entry.key, entry.undoes)):
            return
        payment = self.payments.find(entry.original)
        if entry.kind == REVERSAL:
            self._reverse(entry, payment, sequence)
        elif entry.message.get(DE.RESPONSE_CODE, Answer.APPROVED) in APPROVALS:
            self._advise(entry, payment, sequence)

    def _advise(self, entry: Owed, payment: Payment | None, sequence: int) -> None:
        """An advice says how much stands of a payment, its own or the one that it follows."""
        mti, direction = entry.message[DE.MTI], direction_of(entry.message)
        what = What.ADVICE
        if payment is None:
            payment = self._payment(entry.txn, mti, entry.message, entry)
            payment.ended = sequence
            self._take_parties(payment, entry.priced)
        elif mti[1] != MTI.AUTHORIZATION:
            what = What.COMPLETION if payment.hold else What.CORRECTION
        self.payments.known[entry.txn] = payment
        if mti[1] == MTI.AUTHORIZATION:
            if payment.hold and not payment.sequence:  # as `_approve`: a completion ends the hold for good
                self._hold(payment, entry.amount, entry.at_us, sequence)
            return
        if not direction:
            return
        self._hold(payment, 0, entry.at_us, sequence)
        stands = entry.stands if entry.stands >= 0 else entry.amount
        self._let_stand(payment, direction * stands, what, entry, sequence, entry.txn, entry.currency)

    def _reverse(self, entry: Owed, payment: Payment | None, sequence: int) -> None:
        if payment is None:
            self._reverse_unknown(entry, sequence)
            return
        if payment.open:
            self.payments.drop(entry.original)
            return
        if payment.adds_to:
            hold = self.payments.find(payment.adds_to)
            if hold is not None and entry.stands >= 0:
                self._hold(hold, min(hold.held, max(0, entry.stands - abs(hold.stands))), entry.at_us, sequence)
            return
        left = left_of(entry.message)
        self._hold(payment, min(left, payment.held), entry.at_us, sequence)
        kept = min(left, abs(payment.stands))
        amount = kept if payment.stands > 0 else -kept
        if amount != payment.stands:
            self._let_stand(payment, amount, What.REVERSAL, entry, sequence, entry.txn)

    def _reverse_unknown(self, entry: Owed, sequence: int) -> None:
        """What it undoes was never here: nothing stood. Or it was pruned: the promise says how much stood at first."""
        if not entry.original or entry.reason not in _OF_APPROVED:
            return
        message = entry.message
        mti = f"0{entry.undoes[1] if entry.undoes else MTI.FINANCIAL}00"
        payment = self._payment(entry.original, mti, message, entry)
        if payment.hold or not payment.direction:
            return
        payment.stands = payment.direction * entry.amount
        self._take_parties(payment, entry.priced)
        amount = payment.direction * left_of(message)
        self._let_stand(payment, amount, What.REVERSAL, entry, sequence, entry.txn)

    # -- what is claimed back

    def _dispute(self, entry: Disputed, sequence: int, _: bytes) -> None:
        """What a step moves, and its interchange. The payment stands as it did: what is in dispute is on accounts of its own."""
        moves: list[Move] = []
        principal(moves, entry, -entry.change, DISPUTE)
        fee_moves(moves, entry.acquirer, entry.fees, self.home)
        if not moves:
            return
        if not self._merchants:
            moves = [one for one in moves if not (is_merchant(one.payer) or is_merchant(one.payee))]
        payment, window = self.payments.find(entry.original), self.windows.at(entry.at_us, sequence)
        if payment is not None and payment.abroad is not None:
            moves = exchange(moves, payment.abroad)
        made = Entry(
            sequence=sequence,
            at_us=entry.at_us,
            window=window,
            txn=entry.original,
            what=What(entry.step),
            counters=payment.sequence if payment is not None else 0,
            of_day=entry.of_day if entry.of_day != window.day else "",
            scheme=entry.scheme,
            acquirer=entry.acquirer,
            issuer=entry.issuer,
            merchant=entry.merchant,
            currency=entry.currency,
            amount=-entry.change,
            moves=tuple(moves),
        )
        self._keep(made)

    # -- what merchants owe without a payment

    def _charge(self, entry: Charged, sequence: int, _: bytes) -> None:
        """A fee and its tax; a month that is free is an entry without moves."""
        moves: list[Move] = []
        fee_moves(moves, entry.acquirer, (entry.fee,), self.home, merchants=self._merchants)
        made = Entry(
            sequence=sequence,
            at_us=entry.at_us,
            window=self.windows.at(entry.at_us, sequence),
            txn=entry.txn,
            what=What.CHARGE,
            acquirer=entry.acquirer,
            issuer=entry.acquirer,
            merchant=entry.merchant,
            currency=self.home,
            amount=0,
            moves=tuple(moves),
        )
        self._keep(made)

    # -- what stands, and what is held

    def _let_stand(
        self, payment: Payment, stands: int, what: What, entry: Answered | Owed, sequence: int, txn: int, now: str = ""
    ) -> None:
        """So much of a payment stands from now on, signed; the difference is posted, and the record's fees with it.

        `now`: the currency of it, where that may be another one than before.
        """
        rule, window, before = RULES[what], self.windows.at(entry.at_us, sequence), payment.stands
        assert rule.posts
        moves: list[Move] = []
        merchants = self._merchants
        if now and now != payment.currency:
            principal(moves, payment, -before, merchants=merchants)
            payment.currency, before = now, 0
        principal(moves, payment, stands - before, merchants=merchants)
        priced = entry.priced
        if priced is not None:
            fee_moves(moves, payment.acquirer, priced.fees, self.home, merchants=merchants)
        if payment.abroad is not None:
            moves = exchange(moves, payment.abroad)
        payment.stands = stands
        made = Entry(
            sequence=sequence,
            at_us=entry.at_us,
            window=window,
            txn=txn,
            what=what,
            counters=payment.sequence if rule.counters else 0,
            of_day=self._of_day(payment, priced, window) if rule.counters else "",
            scheme=payment.scheme,
            acquirer=payment.acquirer,
            issuer=payment.issuer,
            merchant=payment.merchant,
            currency=payment.currency,
            amount=stands - before,
            moves=tuple(moves),
            unpriced=priced.unpriced if priced is not None else NOT_PRICED,
        )
        if not payment.sequence:
            payment.sequence, payment.day = sequence, window.day
        self._keep(made)

    def _keep(self, made: Entry) -> None:
        cells = self.positions.get(made.window)
        if cells is None:
            cells = self.positions[made.window] = {}
        for payer, payee, kind, currency, amount in made.moves:
            if ":" in payer or ":" in payee:  # as `is_inner`, without the calls
                continue
            found = cells.get((payer, payee, kind, currency))  # type: ignore[call-overload]  # a Cell, by its hash
            if found is None:
                found = cells[Cell(payer, payee, kind, currency)] = Sum()
            found.count += 1
            found.amount += amount
        if made.unpriced:
            self.unpriced.append(made)
        if self._post is not None:
            self._post(made)

    def _hold(self, payment: Payment, held: int, at_us: int, sequence: int) -> None:
        """So much is held of a payment from now on."""
        if held == payment.held:
            return
        key = (self.windows.at(at_us, sequence), payment.acquirer, payment.issuer, payment.currency)
        found = self.holds.get(key)
        if found is None:
            found = self.holds[key] = Holds()
        found.count += (held > 0) - (payment.held > 0)
        found.amount += held - payment.held
        payment.held = held

    def _of_day(self, payment: Payment, priced: Priced | None, window: Window) -> str:
        day = payment.day or (priced.of_day if priced is not None else "")
        return day if day != window.day else ""

    def _take_parties(self, payment: Payment, priced: Priced | None) -> None:
        """Who takes part, as it was decided then; where the record does not say, who brought it and where it went."""
        if priced is not None:
            payment.acquirer, payment.issuer = priced.acquirer, priced.issuer
            payment.merchant, payment.scheme = priced.merchant, priced.scheme


_WHAT_BEGINS: Final[Mapping[tuple[int, bool], What]] = {
    (1, False): What.PURCHASE,
    (1, True): What.CASH,
    (-1, False): What.REFUND,
    (-1, True): What.REFUND,
}
"""by direction, and whether it is cash"""
_WHAT_STANDS_IN: Final[Mapping[tuple[int, bool], What]] = dict.fromkeys(_WHAT_BEGINS, What.STOOD_IN)
_TAKES: Final[Mapping[type, Any]] = {
    Forwarded: LedgerFold._forward,
    Answered: LedgerFold._answer,
    Abandoned: LedgerFold._abandon,
    StoodIn: LedgerFold._stand_in,
    Owed: LedgerFold._owe,
    Booted: LedgerFold._boot,
    Cutover: LedgerFold._cut,
    Disputed: LedgerFold._dispute,
    Charged: LedgerFold._charge,
    Snapshot: LedgerFold._begin,
}
"""by kind of record; not of a fold, which would then hold itself and be there until the collector looks"""
