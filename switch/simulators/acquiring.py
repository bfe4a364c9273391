"""The acquiring side of a conversation: requests out, answers in, and what is owed when none comes.

Theory of operation. A payment is one request, repeated (0101, 0201) as often as `Timeouts` says where no answer comes. Then there
may be one message about it: a completion (0220) of a pre-authorization, or a reversal (0400) as the payment is voided or nothing
was answered in time. Those are repeated (0221, 0401) until they are acknowledged. A payment enters the book when nothing more is
to come. A pre-authorization may be added to before: an increment is a request of its own, with a line of its own in the book,
where its amount stands with the pre-authorization.

    sent ──answer──> approved | declined          approved ──void──> reversing ──0410──> reversed
      └──no answer──> reversing ──0410──> reversed    approved ──complete──> completing ──0230──> approved | reversing

An answer is matched on (MTI class, DE11, DE7, DE41); one that matches nothing is logged with the nearest request and the element
that differs.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial

from switch.core.records.lifecycle import Status
from switch.simulators import messages
from switch.simulators.acquirer_records import KEEP, AcquirerRecord, AcquirerRecords, Asked
from switch.simulators.cards import TestCard
from switch.simulators.endpoint import Line
from switch.simulators.host import MS, Host
from switch.simulators.latency import latency_class
from switch.simulators.minds import PLAIN_MANNER
from switch.simulators.own_totals import OwnTotals
from switch.simulators.payment_key import payment_key
from switch.simulators.reconciliation import AcquirerBook, signed_amount
from switch.simulators.under_way import (
    MessageExchange,
    OpenPayment,
    Plan,
    Timeouts,
    approved_part,
    as_asked,
    as_ended,
    as_payment,
    match_key,
    within,
)
from switch.simulators.unmatched import MatchKey, Past
from switch.wire.vocabulary import APPROVALS, DE, MTI, Answer, Document

_TRY_AGAIN = frozenset({Answer.NOT_PERMITTED_TERMINAL, Answer.ISSUER_INOPERATIVE, Answer.MALFUNCTION, Answer.TOO_LATE})
"""answers to a reversal or completion that only say: not now"""
PERSON_NS = 20_000 * MS
"""until somebody looks at what the switch could not do by itself"""
_STANDS = frozenset({Answer.ORIGINAL_INCONSISTENT})
"""answers to a reversal of what its issuer has claimed back: less of it cannot stand"""
_NOTHING_TO_UNDO = frozenset({Answer.RECORD_NOT_FOUND, Answer.ORIGINAL_NOT_FOUND})


class Acquiring:
    """Payments of one acquiring party. `line` gives a link to send on (or None), `stan` the next DE11 of a terminal."""

    def __init__(
        self,
        host: Host,
        line: Callable[[str], Line | None],
        stan: Callable[[str], str],
        timeouts: Timeouts,
        keep: int = KEEP,
        *,
        record: Callable[[AcquirerRecord], int] = lambda _: 0,
        cards: Iterable[TestCard] = (),
        day: Callable[[], str] = lambda: "",
    ) -> None:
        """`record` makes durable what a payment is asked and how it ended, and says after which position a request may leave.

        `cards`: that payments are made with, for a party that records: known there by name. `day`: business day (MMDD) of an
        answer that does not say its own (DE15).
        """
        self._day = day
        self._host = host
        self._line = line
        self._stan = stan
        self.manner = PLAIN_MANNER
        """how it names the payment that a message is about"""
        self._timeouts = timeouts
        self._exchanges: dict[MatchKey, MessageExchange] = {}
        self._deadlines: dict[MatchKey, int] = {}
        """of requests; the same wait for all, so that they stand in order"""
        self._past = Past(host)
        self._unfinished: dict[str, OpenPayment] = {}
        self.records = AcquirerRecords(keep)
        self._record = record
        self._names = {card.pan: card.name for card in cards}
        self._latency: dict[str, Counter[int]] = {}
        self.totals = OwnTotals()
        """by the business day that answers say (DE15)"""

    @property
    def unfinished(self) -> int:
        """Payments that something is still to come for."""
        return len(self.records.open)

    @property
    def sent(self) -> int:
        """Payments made so far."""
        return self.records.sent

    @property
    def in_flight(self) -> int:
        """Messages that await their answer."""
        return len(self._exchanges)

    # -- requests

    def pay(self, request: Document, kind: str, route: str, plan: Plan, now: int) -> bool:
        """Send a payment request. False: no link to send it on; nothing was sent, nothing is remembered."""
        terminal = request[DE.TERMINAL]
        line = self._line(terminal)
        if line is None:
            return False
        self._ask(line, request, kind, route, plan, now)
        return True

    def _ask(
        self,
        line: Line,
        request: Document,
        kind: str,
        route: str,
        plan: Plan,
        now: int,
        hold: OpenPayment | None = None,
    ) -> None:
        payment = OpenPayment(
            key=payment_key(request),
            kind=kind,
            route=route,
            plan=plan,
            request=request,
            sent_ns=now,
            amount=signed_amount(request),
            hold=hold,
        )
        self._unfinished[payment.key] = payment
        name = self._names.get(request.get(DE.PAN, ""), "")
        after = self._record_entry(as_asked(payment, name, self._us(now)))
        exchange = MessageExchange(payment, request, "request")
        key = match_key(request)
        self._exchanges[key] = exchange
        self._wait(key, now)
        self._host.say(line, request, after=after)

    def _record_entry(self, entry: AcquirerRecord) -> int:
        """Remember it, durably where this party keeps a journal. Returns the position to wait for."""
        self.records.apply(entry)
        return self._record(entry)

    def fold(self, entry: AcquirerRecord) -> None:
        """Remember a record of an earlier life. KeyError: it is about a card that is none of `cards`."""
        if isinstance(entry, Asked) and entry.card not in self._names.values():
            raise KeyError(entry.card)
        self.records.apply(entry)

    def _us(self, now: int) -> int:
        return (now + self._host.wall_offset_ns) // 1_000

    def resume(self, now: int) -> None:
        """After a restart: what was begun and has no end is taken back, for nobody knows what it was answered."""
        pans = {name: pan for pan, name in self._names.items()}
        for asked in list(self.records.open.values()):
            if asked.key in self._unfinished:
                continue
            request = {**asked.request, DE.PAN: pans[asked.card]}
            amount = signed_amount(request)
            payment = OpenPayment(
                key=asked.key,
                kind=asked.kind,
                route=asked.route,
                plan=Plan(),
                request=request,
                sent_ns=now,
                amount=amount,
            )
            self._unfinished[payment.key] = payment
            if amount:
                self._reverse(payment, now)
            else:
                self._finish(payment, Status.REVERSED, now)

    def _wait(self, key: MatchKey, now: int) -> None:
        if not self._deadlines:
            self._host.at(now + self._timeouts.answer_ns, self._expire)
        self._deadlines[key] = now + self._timeouts.answer_ns

    def take_response(self, line: Line, document: Document, now: int) -> None:
        """0110, 0210, 0130, 0230, 0410, 0430: match it and go on."""
        key = match_key(document)
        exchange = self._exchanges.pop(key, None)
        if exchange is None:
            self._past.report(line, document, key, self._exchanges)
            return
        self._deadlines.pop(key, None)
        self._past.remember(key, "answered")
        payment = exchange.payment
        de39 = document.get(DE.RESPONSE_CODE, "")
        if exchange.purpose == "request":
            self._take_answer(payment, document, de39, now)
        elif de39 in _TRY_AGAIN:
            self._host.log("warning", "acknowledgement.refused", link=line.link, mti=document[DE.MTI], de39=de39,
                           hint="sent again later")  # fmt: skip
            self._exchanges[key] = exchange
        elif exchange.purpose == "reversal":
            self._take_reversal_answer(exchange, de39, now)
            if payment.status is not Status.OPEN:
                left = payment.plan.left if DE.REPLACEMENT in exchange.message else 0
                stands = payment.amount if de39 in _STANDS else max(-left, min(left, payment.posted))
                self._count(payment, stands, document)
        else:
            self._take_completion_answer(exchange, de39, now)
            if de39 == Answer.APPROVED:
                self._count(payment, int(exchange.message[DE.AMOUNT]), document)

    def _count(self, payment: OpenPayment, posted: int, answer: Document) -> None:
        """So much of it is posted from here on."""
        day = answer.get(DE.SETTLEMENT_DATE) or self._day()
        self.totals.move(day, payment.request[DE.CURRENCY], payment.posted, posted)
        payment.posted = posted

    def _take_answer(self, payment: OpenPayment, document: Document, de39: str, now: int) -> None:
        payment.de39 = de39
        micros = (now - payment.sent_ns) // 1_000
        self._latency.setdefault(payment.route, Counter())[latency_class(micros)] += 1
        if de39 not in APPROVALS:
            payment.amount = 0
            self._finish(payment, Status.DECLINED, now)
            return
        payment.status, payment.approval = Status.APPROVED, document.get(DE.APPROVAL_CODE, "")
        if de39 == Answer.PARTIAL:
            part = approved_part(document)
            if part is None:
                hint = "DE4 has what is approved of it: it is taken back"
                self._host.log("warning", "answer.without_amount", key=payment.key, de39=de39, hint=hint)
                self._reverse(payment, now)
                return
            payment.amount, payment.plan = -part if payment.amount < 0 else part, within(payment.plan, part)
        if payment.request[DE.MTI][1] == MTI.FINANCIAL:
            self._count(payment, payment.amount, document)
        if payment.hold is not None:
            payment.added = payment.amount
            payment.hold.amount += payment.added
            payment.hold.added += payment.added
        if payment.plan.void_after_ns:
            self._host.at(now + payment.plan.void_after_ns, partial(self._reverse, payment))
        elif payment.plan.increment_after_ns:
            self._host.at(now + payment.plan.increment_after_ns, partial(self._increase, payment))
        elif payment.plan.complete_after_ns:
            self._host.at(now + payment.plan.complete_after_ns, partial(self._complete, payment))
        else:
            self._finish(payment, Status.APPROVED, now)

    # -- what follows a request

    def _expire(self, now: int) -> None:
        """Give up the requests whose time has come; look again when the next one's has."""
        while self._deadlines:
            key, deadline = next(iter(self._deadlines.items()))
            if deadline > now:
                self._host.at(deadline, self._expire)
                return
            del self._deadlines[key]
            exchange = self._exchanges[key]
            if not self._repeat_request(key, exchange, now):
                del self._exchanges[key]
                self._give_up(key, exchange, now)

    def _repeat_request(self, key: MatchKey, exchange: MessageExchange, now: int) -> bool:
        """Repeat an unanswered request. False: often enough done, or no link to do it on."""
        line = self._line(key.terminal)
        if exchange.repeats >= self._timeouts.request_repeats or line is None:
            return False
        exchange.repeats += 1
        self._deadlines[key] = now + self._timeouts.answer_ns
        self._host.say(line, messages.repeat(exchange.message))
        return True

    def _give_up(self, key: MatchKey, exchange: MessageExchange, now: int) -> None:
        self._past.remember(key, "given up")
        self._host.log("warning", "answer.missing", mti=exchange.message[DE.MTI], de11=key.stan, de41=key.terminal,
                       waited_ms=self._timeouts.answer_ns // MS)  # fmt: skip
        if signed_amount(exchange.payment.request) == 0:
            self._finish(exchange.payment, Status.REVERSED, now)
        else:
            self._reverse(exchange.payment, now)

    def _reverse(self, payment: OpenPayment, now: int, *, whole: bool = False) -> None:
        """`whole`: naming it by all of its names, whatever this party's manner."""
        left = payment.plan.left if payment.status == Status.APPROVED else 0
        payment.status = Status.OPEN
        stan = self._stan(payment.request[DE.TERMINAL])
        message = messages.reversal(payment.request, payment.approval, self._host.moment(now), stan, left)
        self._send_about(MessageExchange(payment, message, "reversal", whole=whole), now)

    def _increase(self, hold: OpenPayment, now: int) -> None:
        """Add to a pre-authorization, as soon as there is a link to do it on."""
        terminal, plan = hold.request[DE.TERMINAL], hold.plan
        line = self._line(terminal)
        if line is None:
            self._host.at(now + 500 * MS, partial(self._increase, hold))
            return
        stan = self._stan(terminal)
        message = messages.increment(hold.request, hold.approval, plan.increment, self._host.moment(now), stan)
        ending = Plan(void_after_ns=plan.increment_after_ns if plan.increment_undone else 0)
        self._ask(line, message, messages.INCREMENT, hold.route, ending, now, hold)

    def _go_on(self, hold: OpenPayment, increment: OpenPayment, status: Status, now: int) -> None:
        """The increment has ended: what was planned for the whole."""
        if status != Status.APPROVED:
            hold.amount -= increment.added
            hold.added -= increment.added
        follows = self._reverse if hold.plan.cancelled else self._complete
        self._host.at(now + hold.plan.complete_after_ns, partial(follows, hold))

    def _complete(self, payment: OpenPayment, now: int) -> None:
        stan = self._stan(payment.request[DE.TERMINAL])
        amount = payment.plan.completed_amount + payment.added
        message = messages.completion(payment.request, payment.approval, amount, self._host.moment(now), stan)
        self._send_about(MessageExchange(payment, message, "completion"), now)

    def _send_about(self, exchange: MessageExchange, now: int) -> None:
        manner = PLAIN_MANNER if exchange.whole else self.manner
        exchange.message = manner.name_original(exchange.message, exchange.payment.request)
        self._exchanges[key := match_key(exchange.message)] = exchange
        self._send_until_acknowledged(key, exchange, exchange.message, now)

    def _send_until_acknowledged(self, key: MatchKey, exchange: MessageExchange, message: Document, now: int) -> None:
        """Send until acknowledged: as a repeat from the second time on. Without a link, try again soon."""
        if self._exchanges.get(key) is not exchange:
            return
        line = self._line(exchange.payment.request[DE.TERMINAL])
        if line is None:
            self._host.at(now + 500 * MS, partial(self._send_until_acknowledged, key, exchange, message))
            return
        self._host.say(line, message)
        self._host.at(now + self._timeouts.repeat_ns, partial(self._send_again, key, exchange, message))

    def _send_again(self, key: MatchKey, exchange: MessageExchange, message: Document, now: int) -> None:
        """What is not acknowledged, as a repeat; under a name of its own where that is this party's manner."""
        if self._exchanges.get(key) is not exchange:
            return
        again = messages.repeat(message)
        if self.manner.renumbers and exchange.purpose == "reversal" and not exchange.whole:
            stan, sent_at = self._stan(exchange.payment.request[DE.TERMINAL]), self._host.moment(now).sent_at
            again = {**message, DE.STAN: stan, DE.TRANSMISSION_TIME: sent_at}
            del self._exchanges[key]
            self._exchanges[key := match_key(again)] = exchange
        self._send_until_acknowledged(key, exchange, again, now)

    def _take_reversal_answer(self, exchange: MessageExchange, de39: str, now: int) -> None:
        payment = exchange.payment
        if de39 == Answer.APPROVED and DE.REPLACEMENT in exchange.message:
            payment.amount = payment.plan.left
            self._finish(payment, Status.APPROVED, now)
            return
        if de39 == Answer.APPROVED or de39 in _NOTHING_TO_UNDO:
            payment.amount = 0
            self._finish(payment, Status.REVERSED, now)
            return
        if de39 == Answer.NO_ACTION and not exchange.whole:
            self._host.log("warning", "reversal.ambiguous", key=payment.key, hint="somebody names it in full")
            self._host.at(now + PERSON_NS, partial(self._reverse, payment, whole=True))
            return
        claimed = de39 in _STANDS
        hint = "it stands: its issuer has claimed it back" if claimed else "what stands is not known here"
        self._host.log("error", "reversal.refused", key=payment.key, de39=de39, hint=hint)
        self._finish(payment, Status.APPROVED if claimed else Status.OPEN, now)

    def _take_completion_answer(self, exchange: MessageExchange, de39: str, now: int) -> None:
        payment = exchange.payment
        if de39 == Answer.APPROVED:
            payment.amount = int(exchange.message[DE.AMOUNT])
            if payment.plan.undo_after_ns:
                self._host.at(now + payment.plan.undo_after_ns, partial(self._reverse, payment))
                return
        else:
            self._host.log(
                "error", "completion.refused", key=payment.key, de39=de39, hint="the pre-authorization stands"
            )
        self._finish(payment, Status.APPROVED, now)

    # -- the book

    def _finish(self, payment: OpenPayment, status: Status, now: int) -> None:
        payment.status = status
        self._unfinished.pop(payment.key, None)
        if payment.hold is not None:
            self._go_on(payment.hold, payment, status, now)
        self._record_entry(as_ended(payment, self._us(now)))

    def book(self, name: str) -> AcquirerBook:
        """What was sent and what came of it; what something is still to come for is listed last."""
        return self.records.book(name, map(as_payment, self._unfinished.values()), self._latency)
