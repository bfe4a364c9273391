"""Payments: a request (0100, 0200) comes, its answer comes, or no answer comes.

A flow decides: it reads state, records, sends. What must be durable before what leaves is the table in docs/journal.md; here it
is the `after` of each send.
"""

from switch.core.kernel import Kernel
from switch.core.links.pending import Pending
from switch.core.links.session import HostState, Session
from switch.core.messages.internal import Private48, private_elements
from switch.core.messages.meaning import INQUIRIES, is_inquiry
from switch.core.messages.translator import answer
from switch.core.party import Hop
from switch.core.records.records import Abandoned, Answered, Forwarded, Key
from switch.core.routing.routing import Decision, Router
from switch.core.routing.tariffs import Tariffs
from switch.core.saf.forwarder import Forwarder
from switch.core.transactions.duplicates import answer_again
from switch.core.transactions.overload import shed
from switch.core.transactions.standin import StandIn
from switch.core.transactions.transaction import (
    ANSWER_KEPT,
    KEPT,
    RESTORED,
    UP,
    Away,
    Incoming,
    Refusal,
    away,
    check_shape,
    declined_entry,
    forgotten_entry,
    hop_of,
    keep_reference,
    limit_reached,
    reply,
    reversal_entry,
    route,
    take,
)
from switch.wire import EncodeError
from switch.wire.subfields import SubfieldError
from switch.wire.vocabulary import APPROVALS, DE, Answer, Document, is_repeat


class Payments:
    """Requests (0100, 0200) and their answers."""

    def __init__(self, kernel: Kernel, router: Router, forwarder: Forwarder, tariffs: Tariffs) -> None:
        self._kernel = kernel
        self._router = router
        self._forwarder = forwarder
        self._tariffs = tariffs
        self._stand_in = StandIn(kernel, forwarder)

    # -- a request comes

    def handle_request(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """0100, 0200 and their repeats: refused, answered again, or forwarded."""
        if self._kernel.admitted >= self._kernel.admit_to and shed(self._kernel, session, document, raw, now):
            return
        message = take(self._kernel, session, document, raw, now)
        decision = None
        try:
            if session.state is not UP and answer_again(self._kernel, message):
                return  # what was answered before is answered so again, also where nothing new may come in
            check_shape(message)
            if answer_again(self._kernel, message):
                return
            decision = route(self._router, message)
            self._forward(message, decision, self._admit(decision, session))
        except Refusal as refusal:
            if decision is not None and self._may_be_forgotten(message):
                self._take_back(message, decision, refusal)
            elif not (type(refusal) is Away and decision and self._stand_in.approve(message, decision, refusal)):
                self.decline(message, refusal)

    def _admit(self, decision: Decision, session: Session) -> HostState:
        """The host to forward to. Raises Refusal where it is away or a limit is reached."""
        kernel = self._kernel
        if kernel.journal_down:
            raise Refusal(Answer.MALFUNCTION, f"the journal is down: {kernel.journal_down}", decision.route)
        if kernel.draining:
            raise Refusal(Answer.ISSUER_INOPERATIVE, "the switch is shutting down", decision.route)
        host = kernel.hosts[decision.host]
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

    def _forward(self, message: Incoming, decision: Decision, host: HostState) -> None:
        kernel, document, txn, now = self._kernel, message.document, message.txn, message.now
        host_session = host.pick(now)
        assert host_session is not None
        stan, de7 = kernel.next_stan(host.name), kernel.de7(now)
        answer_key = (message.key[1], stan, de7)
        if answer_key in host.pending.waiting:
            raise Refusal(Answer.MALFUNCTION, f"all 999,999 STANs towards {host.name} are in use this second")
        mti = document[DE.MTI]
        out = self._outgoing(document, stan, de7, "0")
        amount, currency = message.amount, message.currency
        cost = self._tariffs.cost(decision, document, amount)
        hop = Hop(
            "hop.sent", txn, host_session.link, out[DE.MTI], stan, document.get(DE.RRN, ""), message.masked, amount, currency,
            decision.route, "", cost, now, now,
        )  # fmt: skip
        try:
            kernel.transmit(host_session, out, hop=hop)
        except EncodeError as error:
            raise Refusal(Answer.FORMAT_ERROR, f"cannot be said in {host_session.dialect.name}: {error}") from None
        kernel.record(
            Forwarded(
                txn, kernel.wall_us(now), message.key, message.session.name, host.name, decision.route, mti, stan, de7,
                message.masked, kernel.vault.seal(message.pan, txn), amount, currency,
                {de: document[de] for de in KEPT if de in document},
            )
        )  # fmt: skip
        host.pending.add(
            Pending(
                txn, message.key, message.session.link, document, message.raw, host_session.link, answer_key, decision,
                message.masked, amount, cost, now, now + host.timeout_ns,
            )
        )  # fmt: skip
        message.session.in_flight += 1
        kernel.admitted += 1

    def _outgoing(self, document: Document, stan: str, de7: str, origin: str) -> Document:
        """A request as it goes to the host: the switch's own DE11 and DE7; `origin` is the MTI's last digit, "1" a repeat."""
        out = document.copy()
        out[DE.STAN], out[DE.TRANSMISSION_TIME] = stan, de7
        out[DE.FORWARDER] = self._kernel.network.institution
        if document[DE.MTI][3] != origin:
            out[DE.MTI] = document[DE.MTI][:3] + origin
        return out

    def resend(self, host: HostState, pending: Pending, now: int) -> bool:
        """The connection it left on is lost and another one is up: the same request again, marked as a repeat. Its deadline
        stands. False: it cannot be said, or nothing is up."""
        session = host.pick(now)
        if session is None:
            return False
        _, stan, de7 = pending.answer_key
        out = self._outgoing(pending.request, stan, de7, "1")
        hop = Hop(
            "hop.sent", pending.txn, session.link, out[DE.MTI], stan, out.get(DE.RRN, ""), pending.pan, pending.amount,
            out.get(DE.CURRENCY, ""), pending.decision.route, "", 0, now, pending.first_ns,
            f"sent again: connection {pending.host_link} was lost",
        )  # fmt: skip
        try:
            self._kernel.transmit(session, out, hop=hop)
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
        refused = answer(document, de39)
        hop = hop_of("hop.sent", message, refused, session.link, refusal.route, de39, refusal.reason)
        reply(kernel, session, refused, message.raw, hop=hop)

    # -- its answer comes

    def handle_answer(self, session: Session, document: Document, pending: Pending, now: int) -> None:
        """0110, 0210 of a request that waits: to the acquirer, an approval only when it is durable."""
        kernel = self._kernel
        host = session.host
        assert host is not None
        txn, request = pending.txn, pending.request
        host.pending.remember_answer(pending.answer_key, txn)
        de39 = document.get(DE.RESPONSE_CODE) or Answer.MALFUNCTION
        by, rrn = pending.decision.route, request.get(DE.RRN, "")
        currency = request.get(DE.CURRENCY, "")
        kernel.effects.append(
            Hop(
                "hop.received", txn, session.link, document[DE.MTI], document[DE.STAN], rrn, pending.pan, pending.amount,
                currency, by, de39, 0, now, pending.first_ns,
            )
        )  # fmt: skip
        kept: Document = {de: document[de] for de in ANSWER_KEPT if de in document}
        if de39 == Answer.PARTIAL:
            wrong = _cannot_take(pending, document)
            if wrong:
                self._refuse_partial(pending, wrong, now)
                return
            kept[DE.AMOUNT] = document[DE.AMOUNT]
        if DE.PRIVATE_48 in document:
            keep_reference(kept, document)
        position = kernel.record(Answered(txn, kernel.wall_us(now), de39, kept, pending.cost))
        approved = de39 in APPROVALS
        back = kernel.sessions.get(pending.link)
        if back is None:
            self._reverse_undelivered(pending.key, txn, approved, pending.link, now)
            return
        back.in_flight -= 1
        document[DE.STAN], document[DE.TRANSMISSION_TIME] = request[DE.STAN], request[DE.TRANSMISSION_TIME]
        document[DE.RESPONSE_CODE] = de39
        for de in RESTORED:
            if de in request:
                document[de] = request[de]
        amount = pending.amount
        if de39 == Answer.PARTIAL:
            document[DE.AMOUNT], amount = kept[DE.AMOUNT], int(kept[DE.AMOUNT])
        document.pop(DE.FORWARDER, None)
        hop = Hop(
            "hop.sent", txn, back.link, document[DE.MTI], request[DE.STAN], rrn, pending.pan, amount, currency, by, de39,
            0, now, pending.first_ns,
        )  # fmt: skip
        if approved:
            reply(kernel, back, document, pending.raw, after=position, txn=txn, hop=hop)
        else:
            reply(kernel, back, document, pending.raw, hop=hop)

    def _refuse_partial(self, pending: Pending, wrong: str, now: int) -> None:
        """An approval of less than was asked that its acquirer could not deal with: taken back, and declined."""
        kernel = self._kernel
        after = self.reverse(kernel.state.open[pending.txn], "partial", now, {})
        kernel.log("warning", "answer.partial_refused", txn=f"{pending.txn:x}", host=pending.decision.host, reason=wrong,
                   hint="reversed at the issuer, and declined: only who asks with DE48.61=1 may be answered 10")  # fmt: skip
        self._decline_instead(pending, after, wrong, now)

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
            self.reverse(request, "undelivered", now, outcome.elements)

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
        hop = Hop(
            "hop.sent", pending.txn, back.link, silence[DE.MTI], pending.key[2], silence.get(DE.RRN, ""), pending.pan,
            pending.amount, silence.get(DE.CURRENCY, ""), pending.decision.route, Answer.ISSUER_INOPERATIVE, 0, now,
            pending.first_ns, why,
        )  # fmt: skip
        reply(kernel, back, silence, pending.raw, after=after, hop=hop)

    def close_open(self, request: Forwarded, reason: str, now: int) -> int:
        """End a request without an answer. Returns the position that must be durable before anyone hears of it (0: none)."""
        if is_inquiry(request.elements):
            kernel = self._kernel
            kernel.record(Abandoned(request.txn, kernel.wall_us(now), Answer.ISSUER_INOPERATIVE, reason))
            return 0
        return self.reverse(request, reason, now, {})

    def reverse(self, request: Forwarded, reason: str, now: int, answered: Document) -> int:
        """Owe the host a reversal of `request`, which it answered with `answered`. Returns the position of the promise."""
        return self._forwarder.owe(reversal_entry(self._kernel, request, reason, answered, now), now)


def _cannot_take(pending: Pending, document: Document) -> str:
    """Why an approval of less than was asked (DE39=10) cannot be passed on; "" where it can."""
    try:
        capable = private_elements(pending.request).get(Private48.PARTIAL) == "1"
    except SubfieldError:
        capable = False
    if not capable:
        return "the terminal has not said that it can take a partial approval (DE48.61)"
    approved = document.get(DE.AMOUNT, "")
    if not (approved.isascii() and approved.isdecimal() and 0 < int(approved) < pending.amount):
        return f"a partial approval of {approved or 'nothing'} where {pending.amount} was asked"
    return ""
