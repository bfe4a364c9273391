"""Payments: a request (0100, 0200) comes, its answer comes, or no answer comes.

What must be durable before what leaves is the table in docs/journal.md; here it is the `after` of each send.
"""

from collections.abc import Callable

import msgspec

from switch.core.kernel import Kernel
from switch.core.links.awaited import Pending
from switch.core.links.session import HostState, Session, why_no_payment
from switch.core.messages.answer_codes import Meaning
from switch.core.messages.internal import answer
from switch.core.messages.meaning import INQUIRIES, is_inquiry
from switch.core.party import Hop, LinkId
from switch.core.records.outcomes import Outcome
from switch.core.records.prices import hop_cost
from switch.core.records.records import MTI_CLASS, Abandoned, Answered, Forwarded, Key
from switch.core.routing.decision import Decision
from switch.core.routing.routing import Router
from switch.core.saf.forwarder import Forwarder
from switch.core.transactions.conversions import check_conversion
from switch.core.transactions.duplicates import answer_again
from switch.core.transactions.incoming import Incoming
from switch.core.transactions.increments import cannot_add, decide, find_hold, name_hold, name_of, stands_without
from switch.core.transactions.on_behalf import check_on_behalf, refused_because, say_found
from switch.core.transactions.overload import shed
from switch.core.transactions.partial_approvals import approves_less, cannot_take
from switch.core.transactions.pins import pin_again, pin_for
from switch.core.transactions.pricing import Pricing
from switch.core.transactions.refunds import cannot_give_back, check_refund
from switch.core.transactions.replies import reply
from switch.core.transactions.standin import StandIn
from switch.core.transactions.taken_back import taken_back
from switch.core.transactions.transaction import (
    RESTORED,
    UP,
    Away,
    Refusal,
    away,
    check_shape,
    declined_entry,
    forgotten_entry,
    hop_of,
    kept_of,
    limit_reached,
    pan_of,
    remembered,
    reversal_entry,
    route,
    take,
)
from switch.wire import EncodeError
from switch.wire.vocabulary import DE, MACS, MTI, PIN_DATA, Answer, Document, is_repeat, mask_pan, repeat_of

_OF_THE_LINK = (DE.FORWARDER, *MACS, *PIN_DATA)
"""elements of an answer that are its link's, and go no further"""
PARTIAL, DECLINED, UNKNOWN = Meaning.PARTIAL, Meaning.DECLINED, Meaning.UNKNOWN
"""looking them up in the enumeration would cost more than comparing them"""
LOSSES_MAX = 2
"""connections that may end with a request waiting on them before it is given up: it may be what ends them"""


class Payments:
    """Requests (0100, 0200) and their answers."""

    def __init__(self, kernel: Kernel, router: Router, forwarder: Forwarder, pricing: Pricing) -> None:
        self._kernel = kernel
        self._pricing = pricing
        self._router = router
        self._forwarder = forwarder
        self._stand_in = StandIn(kernel, forwarder, pricing)

    # -- a request comes

    def handle_request(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """0100, 0200 and their repeats: refused, answered again, or forwarded."""
        if self._kernel.admitted >= self._kernel.admit_to and shed(self._kernel, session, document, raw, now):
            return
        message = take(self._kernel, session, document, raw, now)
        decision = hold = payment = None
        try:
            if session.state is not UP and answer_again(self._kernel, message):
                return  # what was answered before is answered so again, also where nothing new may come in
            check_shape(self._kernel, message)
            if answer_again(self._kernel, message):
                return
            if message.key[MTI_CLASS] == MTI.AUTHORIZATION and (
                DE.ORIGINAL in document or DE.APPROVAL_CODE in document
            ):
                hold = find_hold(self._kernel, self._forwarder, message)
            decision = (
                route(self._router, message, back=self._router.leaving is not None and self._may_be_forgotten(message))
                if hold is None
                else decide(self._kernel, hold, self._router.lookup(message.pan))
            )
            payment = check_refund(self._kernel, message)
            if self._kernel.own_rules is not None and hold is None:
                decision = self._kernel.own_rules.before(message, decision)
            self._forward(message, decision, self._admit(decision, session, new=hold is None), hold, payment)
        except Refusal as refusal:
            if hold is not None:
                self.decline(message, refusal)  # never forgotten in a crash, and never approved by stand-in
            elif decision is not None and self._may_be_forgotten(message):
                self._take_back(message, decision, refusal)
            elif not (type(refusal) is Away and decision and self._stand_in.approve(message, decision, refusal)):
                self.decline(message, refusal)

    def _admit(self, decision: Decision, session: Session, *, new: bool) -> HostState:
        """The host to forward to. Raises Refusal where it is away, or leaving (`new` payments only), or a limit is reached."""
        kernel = self._kernel
        if kernel.journal_down:
            raise Refusal(Answer.MALFUNCTION, f"the journal is down: {kernel.journal_down}", decision.route)
        if kernel.draining:
            raise Refusal(Answer.ISSUER_INOPERATIVE, "the switch is shutting down", decision.route)
        host = kernel.hosts[decision.host]
        if new and host.config.leaving_since_us:
            raise Refusal(Answer.NO_SUCH_ISSUER, why_no_payment(host), decision.route)
        if host.up is None:
            raise Away(Answer.ISSUER_INOPERATIVE, away(kernel, host), decision.route)
        if session.in_flight >= session.max_in_flight:
            where = f"[[listener]] {session.name}"
            raise limit_reached(kernel, "max_in_flight", session.max_in_flight, Answer.MALFUNCTION, session.link, where)
        if len(host.pending) >= host.config.max_pending:
            raise limit_reached(kernel, "max_pending", host.config.max_pending, Answer.ISSUER_INOPERATIVE, host.name)
        if len(kernel.pending) >= kernel.limits.pending:
            raise limit_reached(kernel, "pending", kernel.limits.pending, Answer.MALFUNCTION, host.name)
        full = kernel.journal_full()
        if full:
            raise limit_reached(kernel, full, getattr(kernel.limits, full), Answer.MALFUNCTION, host.name)
        if self._forwarder.full(host.name):
            limit = kernel.limits.owed_per_host
            raise limit_reached(kernel, "owed_per_host", limit, Answer.ISSUER_INOPERATIVE, host.name)
        return host

    def _forward(
        self, message: Incoming, decision: Decision, host: HostState, hold: Outcome | None, payment: Outcome | None
    ) -> None:
        """`hold`: what an increment adds to; `payment`: what a refund gives back."""
        found: Document = {}
        if hold is None and (host.config.card_keys.on_behalf or DE.PRIVATE_48 in message.document):
            found = check_on_behalf(self._kernel, message, decision, host)
        kernel, document, txn, now = self._kernel, message.document, message.txn, message.now
        host_session = host.pick(now)
        assert host_session is not None
        stan, de7 = kernel.next_stan(host.name), kernel.de7(now)
        answer_key = (message.key[MTI_CLASS], stan)
        if answer_key in host.pending.waiting:
            raise Refusal(Answer.MALFUNCTION, f"all 999,999 STANs towards {host.name} are in use this second")
        mti = document[DE.MTI]
        pin = pin_for(kernel, message, host)
        out = self._outgoing(document, host, mti, stan, de7)
        if pin:
            out[DE.PIN] = pin
        if hold is not None:
            name_hold(kernel, out, hold)
        amount, currency = message.amount, message.currency
        pending = Pending(
            txn=txn,
            key=message.key,
            link=message.session.link,
            request=document,
            raw=message.raw,
            host_link=host_session.link,
            answer_key=answer_key,
            sent_at=de7,
            decision=decision,
            pan=message.masked,
            amount=amount,
            first_ns=now,
            deadline_ns=now + host.timeout_ns,
            found=found,
            alone=hold is None and payment is None,
        )
        hop = _hop("hop.sent", pending, out, host_session.link, now)
        waits = message.session.classic  # has no name of its own that its host could be asked by after a crash
        try:
            kernel.transmit(host_session, out, after=kernel.position + 1 if hold is not None or waits else 0, hop=hop)
        except EncodeError as error:
            raise Refusal(Answer.FORMAT_ERROR, f"cannot be said in {host_session.dialect.name}: {error}") from None
        kernel.record(
            Forwarded(
                txn=txn,
                at_us=kernel.wall_us(now),
                key=message.key,
                link=message.session.name,
                host=host.name,
                route=decision.route,
                mti=mti,
                stan=stan,
                sent_at=de7,
                pan=message.masked,
                sealed=kernel.vault.seal(message.pan, txn),
                amount=amount,
                currency=currency,
                elements=kept_of(document if hold is None else out),
                hold=name_of(hold) if hold is not None else None,
                gives_back=name_of(payment) if payment is not None else None,
            )
        )
        host.pending.add(pending)
        message.session.in_flight += 1

    def _outgoing(self, document: Document, host: HostState, mti: str, stan: str, de7: str) -> Document:
        """A request as it goes to the host, under `mti`, with the switch's own DE11 and DE7, without what is another link's: its
        MAC, and PIN data that the host's link does not carry. One that is marked as a repeat and not known here keeps its mark:
        its issuer may know it."""
        out = document.copy()
        for de in MACS if host.config.pass_pin else (*MACS, *PIN_DATA):
            out.pop(de, None)
        out[DE.MTI], out[DE.STAN], out[DE.TRANSMISSION_TIME] = mti, stan, de7
        out[DE.FORWARDER] = self._kernel.network.institution
        return out

    def resend(self, host: HostState, pending: Pending, now: int) -> bool:
        """The connection it left on is lost and another one is up: the same request again, marked as a repeat. Its deadline
        stands. False: nothing is up, it cannot be said (with its PIN, any more), or it may be what ends the connections
        it is sent on."""
        session = host.pick(now)
        pending.losses += 1
        if session is None or pending.losses >= LOSSES_MAX or (pin := pin_again(self._kernel, pending, host)) is None:
            return False
        stan, de7 = pending.answer_key[1], pending.sent_at
        out = self._outgoing(pending.request, host, repeat_of(pending.request[DE.MTI]), stan, de7)
        if pin:
            out[DE.PIN] = pin
        hold = self._kernel.state.open[pending.txn].hold
        if hold is not None:
            name_hold(self._kernel, out, self._kernel.find(hold.key))
        note = f"sent again: connection {pending.host_link} was lost"
        hop = _hop("hop.sent", pending, out, session.link, now, note=note)
        try:
            waits = hold is not None or self._kernel.is_classic(pending.link)
            self._kernel.transmit(session, out, after=self._kernel.position if waits else 0, hop=hop)
        except EncodeError:
            return False
        pending.host_link = session.link
        return True

    def _may_be_forgotten(self, message: Incoming) -> bool:
        """A copy of this request may have gone out before a crash that took its record."""
        document = message.document
        if document[DE.PROCESSING_CODE][:2] in INQUIRIES:
            return False
        if is_repeat(document[DE.MTI]):
            return True
        return self._kernel.from_before(document[DE.TRANSMISSION_TIME], message.session)

    def _take_back(self, message: Incoming, decision: Decision, refusal: Refusal) -> None:
        """Refuse for good what may stand at the host all the same: it is reversed there, and 91 waits for that promise."""
        kernel, document, session, now = self._kernel, message.document, message.session, message.now
        if self._forwarder.full(decision.host):
            limit_reached(kernel, "owed_per_host", kernel.limits.owed_per_host, "", decision.host)
            return  # unanswered: the acquirer will reverse it, and that will be taken when there is room
        entry = forgotten_entry(kernel, message, decision.host)
        self._forwarder.owe(entry, now)
        after = kernel.record(declined_entry(kernel, message, Answer.ISSUER_INOPERATIVE, refusal.reason))
        kernel.log("warning", "repeat.original_unknown", txn=f"{message.txn:x}", link=session.link, host=decision.host,
                   reason=refusal.reason,
                   hint="a copy may have gone out before a crash: reversed at the host, and answered 91")  # fmt: skip
        refused = answer(document, Answer.ISSUER_INOPERATIVE)
        hop = hop_of(
            "hop.sent", message, refused, session.link, decision.route, Answer.ISSUER_INOPERATIVE, refusal.reason
        )
        reply(kernel, session, refused, message.raw, after=after, hop=hop)

    def decline(self, message: Incoming, refusal: Refusal, *, remember: bool = True) -> None:
        """Refuse here: record it, answer, say why. Moves no money, so that nothing waits for the journal.

        `remember` False: the refusal is of the moment, and a repeat of the message is to be judged anew.
        """
        kernel, document, session, de39 = self._kernel, message.document, message.session, refusal.de39
        if kernel.journal_down or kernel.journal_full():
            if remember:
                kernel.remember_refusal(message.key, de39)
        elif remember:
            kernel.record(declined_entry(kernel, message, de39, refusal.reason))
        refused = answer(document, de39, refused_because(de39))
        hop = hop_of("hop.sent", message, refused, session.link, refusal.route, de39, refusal.reason)
        reply(kernel, session, refused, message.raw, hop=hop)

    # -- its answer comes

    def handle_answer(self, session: Session, document: Document, raw: Document, pending: Pending, now: int) -> None:
        """0110, 0210 of a request that waits: to the acquirer, an approval only when it is durable."""
        kernel, host = self._kernel, session.host
        assert host is not None
        txn, request = pending.txn, pending.request
        meaning, code = host.answers.read(raw.get(DE.RESPONSE_CODE))
        de39, wrong = self._judge(host, pending, document, meaning, code)
        approved = meaning is not DECLINED
        amount = int(document[DE.AMOUNT]) if de39 == Answer.PARTIAL and not wrong else pending.amount
        priced = None if wrong or not approved else self._pricing.of_request(pending, amount, now)
        cost = hop_cost(priced, host.name if host.config.scheme else "")
        kernel.effects.append(_hop("hop.received", pending, document, session.link, now, de39=code, cost=cost))
        if wrong:
            self._end_unknown(host, pending, wrong, now, approved=meaning is not UNKNOWN)
            return
        if approved:
            check_conversion(kernel, pending, document, amount, host.name)
        host.pending.remember_answer(pending)
        left_out = _restore(document, request.get, partial=de39 == Answer.PARTIAL)
        document[DE.RESPONSE_CODE] = de39
        for de in _OF_THE_LINK:
            document.pop(de, None)
        if DE.ORIGINAL in document and DE.ORIGINAL in request:
            document[DE.ORIGINAL] = request[DE.ORIGINAL]  # as the acquirer names what it adds to
        if pending.found:
            say_found(document, pending.found, approved=approved)
        if kernel.own_rules is not None:
            kernel.own_rules.answering(pending, document, amount, now)
        window = kernel.window(now)
        answered = Answered(
            txn=txn,
            at_us=kernel.wall_us(now),
            de39=de39,
            elements=remembered(document, left_out),
            cost=cost,
            priced=priced,
            window=window,
        )
        if not pending.alone:
            kernel.history.note(answered, kernel.position + 1, kernel.state)
        position = kernel.record(answered)
        back = kernel.sessions.get(pending.link)
        if back is None:
            self._reverse_undelivered(pending.key, txn, approved, pending.link, now)
            return
        back.in_flight -= 1
        document[DE.STAN], document[DE.TRANSMISSION_TIME] = request[DE.STAN], request[DE.TRANSMISSION_TIME]
        hop = _hop("hop.sent", pending, document, back.link, now, de39=de39, amount=amount)
        after, said = (position, txn) if approved else (0, 0)
        reply(kernel, back, document, pending.raw, after=after, txn=said, hop=hop, window=window)

    def _judge(
        self, host: HostState, pending: Pending, document: Document, meaning: Meaning, code: str
    ) -> tuple[str, str]:
        """DE39 of an answer in internal form, and why it cannot be passed on ("": it can)."""
        if meaning is UNKNOWN:
            return code, f"its DE39={code} is in no table of this link" if code else "it has no DE39"
        if meaning is DECLINED:
            return code, ""
        wrong = contradiction(pending, document, tokens=host.config.pan_tokens)
        if not pending.alone:
            wrong = wrong or self._cannot_follow(pending)
        if not wrong and (meaning is PARTIAL or approves_less(pending, document)):
            return Answer.PARTIAL, cannot_take(pending, document)
        return code, wrong

    def _cannot_follow(self, pending: Pending) -> str:
        """Why an approval cannot be passed on, as what it adds to or gives back is another by now; "" where it can."""
        request = self._kernel.state.open[pending.txn]
        if request.hold is not None:
            return cannot_add(self._kernel, request.hold)
        return cannot_give_back(self._kernel, request, pending.amount)

    def _end_unknown(self, host: HostState, pending: Pending, why: str, now: int, *, approved: bool) -> None:
        """An answer that cannot be passed on: nobody can tell whether money moved, or not as much as it says. The request ends as
        one without an answer. `approved`: its host has said that it approved something."""
        kernel = self._kernel
        host.pending.give_up(pending, why, now)
        kernel.end_waiting(pending.link)
        request = kernel.state.open[pending.txn]
        after = self.close_open(request, "answer not known", now, approved=approved)
        kernel.log("warning", "answer.not_known", txn=f"{pending.txn:x}", host=host.name, reason=why, reversal_owed=bool(after),
                   de11=request.stan, de7=request.sent_at,
                   hint="never passed on: reversed at the host, and answered 91; what its codes mean is said by `answers`, and "
                   "whether DE2 is a token by `pan_tokens`, in its [[host]]")  # fmt: skip
        self._decline_instead(pending, after, why, now)

    def _reverse_undelivered(self, key: Key, txn: int, approved: bool, link: str, now: int) -> None:
        """The acquirer is gone: an approval it never saw is given back."""
        self._kernel.log(
            "warning", "answer.undeliverable", txn=f"{txn:x}", link=link,
            hint="reversed at the issuer, if money moved" if approved else "a decline: nothing to undo",
        )  # fmt: skip
        outcome = self._kernel.find(key)
        if approved and outcome is not None and outcome.approved and outcome.txn == txn:
            request = outcome.request
            assert request is not None
            entry = reversal_entry(self._kernel, request, "undelivered", outcome.elements, now, approved=True)
            priced, stands = self._pricing.of_reversal(outcome, 0, now), stands_without(self._kernel, outcome)
            entry = msgspec.structs.replace(entry, priced=priced, stands=stands, posts=taken_back(outcome))
            self._forwarder.owe(entry, now)

    def undelivered(self, txn: int, now: int) -> None:
        """The driver could not hand over the approval of `txn`, or one of its copies."""
        if self._kernel.may_have_arrived(txn):
            self._kernel.log("info", "answer.undeliverable", txn=f"{txn:x}", hint="said on another connection, too")
            return
        for key, outcome in reversed(self._kernel.state.recent.items()):
            if outcome.txn == txn:
                self._reverse_undelivered(key, txn, outcome.approved, "", now)
                return

    # -- no answer comes

    def give_up(self, host: HostState, pending: Pending, reason: str, now: int) -> None:
        """No answer by the deadline, or the host's connection is lost: 91 to the acquirer, and a reversal owed first."""
        kernel = self._kernel
        host.pending.give_up(pending, reason, now)
        kernel.end_waiting(pending.link)
        request = kernel.state.open[pending.txn]
        after = self.close_open(request, reason, now)
        kernel.log("warning", "answer.missing", txn=f"{pending.txn:x}", host=host.name, reason=reason,
                   waited_ms=(now - pending.first_ns) // 1_000_000, timeout_ms=host.config.timeout_ms, reversal_owed=bool(after),
                   de11=request.stan, de7=request.sent_at)  # fmt: skip
        self._decline_instead(pending, after, f"{reason} at host {host.name}", now)

    def _decline_instead(self, pending: Pending, after: int, why: str, now: int) -> None:
        """91 to the acquirer of a request that ends without an answer it can have, once the reversal owed for it is durable."""
        kernel = self._kernel
        back = kernel.sessions.get(pending.link)
        if back is None:
            return
        silence = answer(pending.request, Answer.ISSUER_INOPERATIVE)
        hop = _hop("hop.sent", pending, silence, back.link, now, de39=Answer.ISSUER_INOPERATIVE, note=why)
        reply(kernel, back, silence, pending.raw, after=after, hop=hop)

    def close_open(self, request: Forwarded, reason: str, now: int, *, approved: bool = False) -> int:
        """End a request without an answer. Returns the position that must be durable before anyone hears of it (0: none)."""
        if is_inquiry(request.elements):
            kernel, txn, de39 = self._kernel, request.txn, Answer.ISSUER_INOPERATIVE
            at_us, window = kernel.wall_us(now), kernel.window(now)
            kernel.record(Abandoned(txn=txn, at_us=at_us, de39=de39, reason=reason, window=window))
            return 0
        return self._forwarder.owe(reversal_entry(self._kernel, request, reason, {}, now, approved=approved), now)


def contradiction(pending: Pending, document: Document, *, tokens: bool) -> str:
    """What an approval says otherwise than its request, with both values (a PAN masked); "" where nothing contradicts.

    An absent element contradicts nothing, and so does a smaller amount, which is a partial approval. DE3 counts by its first two
    digits, the rest being accounts that an issuer may choose. `tokens`: DE2 of this link's answers is none of the card's.
    """
    request = pending.request
    get, had = document.get, request.get
    if (
        get(DE.AMOUNT) in (None, had(DE.AMOUNT))
        and get(DE.PAN) in (None, had(DE.PAN))
        and get(DE.PROCESSING_CODE) in (None, had(DE.PROCESSING_CODE))
        and get(DE.CURRENCY) in (None, had(DE.CURRENCY))
    ):
        return ""  # the rule, and asked with every approval
    said, asked = document.get(DE.PROCESSING_CODE, "")[:2], request.get(DE.PROCESSING_CODE, "")[:2]
    if said and said != asked:
        return f"it approves DE3={said}…, and {asked}… was asked"
    if is_inquiry(request):
        return ""
    pan = document.get(DE.PAN, "")
    if pan and not tokens and pan != (request.get(DE.PAN) or pan_of(request)):
        return f"it approves a payment with card {mask_pan(pan)}, and {pending.pan} was asked about"
    currency = document.get(DE.CURRENCY, "")
    if currency and currency != request.get(DE.CURRENCY, currency):
        return f"it approves in currency {currency}, and {request[DE.CURRENCY]} was asked"
    amount = document.get(DE.AMOUNT, "")
    if amount and not (amount.isascii() and amount.isdecimal() and int(amount) <= pending.amount):
        return f"it approves DE4={amount}, and {pending.amount} was asked"
    return ""


def _restore(document: Document, asked: Callable[[str], str | None], *, partial: bool) -> list[str]:
    """The acquirer gets back what it sent, but for the amount where less of it is approved. Returns what it did not send."""
    amount, absent = document.get(DE.AMOUNT) if partial else None, []
    for de in RESTORED:
        value = asked(de)
        if value is None:
            absent.append(de)
        else:
            document[de] = value
    if amount is not None:
        document[DE.AMOUNT] = amount
    return absent


def _hop(
    event: str, pending: Pending, document: Document, link: LinkId, now: int,
    *, de39: str = "", cost: int = 0, amount: int = -1, note: str = "",
) -> Hop:  # fmt: skip
    """A hop of `document`, which is the pending request or answers it. `amount`: what it says now, where that is less."""
    get = pending.request.get
    return Hop(
        event=event,
        txn=pending.txn,
        link=link,
        mti=document[DE.MTI],
        stan=document[DE.STAN],
        rrn=get(DE.RRN, ""),
        pan=pending.pan,
        amount=pending.amount if amount < 0 else amount,
        currency=get(DE.CURRENCY, ""),
        route=pending.decision.route,
        de39=de39,
        cost=cost,
        at_ns=now,
        first_ns=pending.first_ns,
        note=note,
    )
