"""Reversals (0400, 0420) and advices (0120, 0220) that acquirers and networks send.

Both are promises once acknowledged: the acquirer forgets them when it reads our answer, so that the answer waits until the
`Owed` record is durable. A reversal undoes its original at the issuer exactly once in effect, whether it comes before, during,
after or without that original.
"""

from itertools import islice

import msgspec

from switch.core.kernel import Kernel
from switch.core.links.session import Session
from switch.core.messages.meaning import is_inquiry
from switch.core.messages.translator import answer, parse_original
from switch.core.records.records import (
    ACQUIRER,
    ADVICE,
    INSTITUTION,
    MTI_CLASS,
    REVERSAL,
    TERMINAL,
    Declined,
    Forwarded,
    Key,
    Owed,
)
from switch.core.records.state import Outcome
from switch.core.routing.routing import Router
from switch.core.saf.forwarder import NOT_YET, Forwarder
from switch.core.transactions.duplicates import answer_now
from switch.core.transactions.payments import Payments
from switch.core.transactions.transaction import (
    NOT_STORED,
    Incoming,
    Refusal,
    check_shape,
    hop_of,
    original_name,
    reply,
    reversal_entry,
    route,
    take,
)
from switch.wire.vocabulary import ADVICES, APPROVALS, DE, MTI, Answer, Document, advice_of, request_of

SEARCHED_MAX = 4_096
"""newest outcomes looked through for a reversal that names its original by DE37 only (no DE90)"""
OF_THE_MOMENT = NOT_YET | {Answer.NOT_PERMITTED_TERMINAL}
"""Refusals that a repeat of the same reversal or advice need not meet: it is judged anew."""


class Reversals:
    """What acquirers and networks take back or tell afterwards."""

    def __init__(self, kernel: Kernel, router: Router, forwarder: Forwarder, payments: Payments) -> None:
        self._kernel = kernel
        self._router = router
        self._forwarder = forwarder
        self._payments = payments

    def handle_reversal(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """0400, 0420 and their repeats."""
        self._handle(take(self._kernel, session, document, raw, now), advice=False)

    def handle_advice(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """0120, 0220 and their repeats: acknowledged at once, forwarded until the issuer has it."""
        self._handle(take(self._kernel, session, document, raw, now), advice=True)

    def _handle(self, message: Incoming, *, advice: bool) -> None:
        kernel = self._kernel
        try:
            check_shape(message)
            if kernel.journal_down or kernel.journal_full():
                why = f"the journal cannot take it: {kernel.journal_down or 'too much waits'}"
                raise Refusal(Answer.MALFUNCTION, why)
            seen = kernel.repeated(message.key)
            if seen is not None:
                self._acknowledge(message, answer_now(seen)[0], f"as {seen.txn:x} was answered")
            elif advice:
                self._owe_forward(message, ADVICE)
            else:
                self._reverse(message)
        except Refusal as refusal:
            self._payments.decline(message, refusal, remember=refusal.de39 not in OF_THE_MOMENT)

    def _reverse(self, message: Incoming) -> None:
        kernel, left = self._kernel, _remaining(message)
        if self._reverse_open(message):
            return
        original = self._original(message)
        if original is None:
            self._owe_forward(message, REVERSAL)
            return
        request = original.request
        if request is None or left >= original.amount:
            why = _nothing_to_undo(original)
            kernel.log(
                "info", "reversal.nothing_to_undo", txn=f"{message.txn:x}", original=f"{original.txn:x}", reason=why
            )
            self._acknowledge(message, Answer.APPROVED, f"nothing to undo: {why}")
            return
        if message.masked and request.pan != message.masked:
            raise Refusal(Answer.ORIGINAL_INCONSISTENT, f"the original {original.txn:x} has another card")
        if self._forwarder.full(request.host):
            raise Refusal(Answer.MALFUNCTION, f"limit owed_per_host reached (host {request.host})")
        entry = reversal_entry(kernel, request, "acquirer", original.elements, message.now, approved=True)
        if left:
            elements = {**entry.message, DE.REPLACEMENT: message.document[DE.REPLACEMENT]}
            entry = msgspec.structs.replace(entry, message=elements)
        self._owe(message, entry)

    def _reverse_open(self, message: Incoming) -> bool:
        """The original still waits for its issuer: it ends here, and its late answer will be known for one."""
        kernel = self._kernel
        key = original_key_of(message)
        pending = kernel.pending.get(key) if key is not None else None
        if pending is None:
            pending = next((p for p in kernel.pending.values() if _names(message, p.key, p.request)), None)
        if pending is None:
            return False
        kernel.hosts[pending.decision.host].pending.give_up(pending, "reversed by the acquirer", message.now)
        kernel.end_waiting(pending.link)
        request = kernel.state.open[pending.txn]
        if is_inquiry(request.elements):
            self._payments.close_open(request, "reversed by the acquirer", message.now)
            self._acknowledge(message, Answer.APPROVED, "nothing to undo: an inquiry moves no money")
        else:
            self._owe(message, reversal_entry(kernel, request, "acquirer", {}, message.now))
        return True

    def _owe(self, message: Incoming, entry: Owed) -> None:
        """Promise `entry` under the acquirer's own key and transaction, and acknowledge once the promise is durable."""
        owed = msgspec.structs.replace(entry, txn=message.txn, key=message.key, link=message.session.name)
        self._forwarder.owe(owed, message.now)
        if not entry.original and entry.undoes is not None:
            self._refuse_original(message, entry.undoes)
        by = self._kernel.hosts[entry.host].route
        message.masked = message.masked or entry.pan
        self._acknowledge(message, Answer.APPROVED, f"{entry.kind} owed to {entry.host}", by)

    def _owe_forward(self, message: Incoming, kind: str) -> None:
        """An advice, or a reversal of what is not known here: to the card's issuer all the same."""
        kernel, document, now = self._kernel, message.document, message.now
        if not message.pan:
            why = "its original is not known here, and it has no PAN (DE2) to route by"
            raise Refusal(Answer.RECORD_NOT_FOUND, why)
        try:
            decision = route(self._router, message)
        except Refusal as refusal:
            if kind == ADVICE:
                raise
            why = f"its original is not known here, and no issuer can be named: {refusal.reason}"
            raise Refusal(Answer.RECORD_NOT_FOUND, why) from None
        if self._forwarder.full(decision.host):
            why = f"limit owed_per_host reached (host {decision.host})"
            raise Refusal(Answer.ISSUER_INOPERATIVE, why, decision.route)
        if kind == REVERSAL:
            kernel.log("warning", "reversal.original_unknown", txn=f"{message.txn:x}", link=message.session.link,
                       host=decision.host, hint="forwarded to the card's issuer all the same")  # fmt: skip
        elements = {de: value for de, value in document.items() if de not in NOT_STORED}
        elements[DE.MTI] = advice_of(document[DE.MTI])
        elements[DE.STAN], elements[DE.TRANSMISSION_TIME] = kernel.next_stan(decision.host), kernel.de7(now)
        elements[DE.FORWARDER] = kernel.network.institution
        followed = self._find_followed(message)
        if followed is not None:
            elements[DE.ORIGINAL] = original_name(kernel, followed)
        undoes = original_key_of(message) if kind == REVERSAL else followed.key if followed else None
        entry = Owed(
            txn=message.txn,
            at_us=kernel.wall_us(now),
            kind=kind,
            reason="acquirer",
            host=decision.host,
            original=followed.txn if followed else 0,
            key=message.key,
            link=message.session.name,
            pan=message.masked,
            sealed=kernel.vault.seal(message.pan, message.txn),
            amount=message.amount,
            currency=message.currency,
            message=elements,
            undoes=undoes,
        )
        self._owe(message, entry)

    def _refuse_original(self, message: Incoming, key: Key) -> None:
        """The original may yet come, overtaken by its reversal. `apply` has ended it already; this is for the journal's index."""
        kernel = self._kernel
        kernel.record(
            Declined(
                txn=kernel.next_txn(message.now),
                at_us=kernel.wall_us(message.now),
                key=key,
                link=message.session.name,
                mti=request_of(key[MTI_CLASS]),
                pan=message.masked,
                amount=message.amount,
                currency=message.currency,
                rrn=message.document.get(DE.RRN, ""),
                de39=Answer.ISSUER_INOPERATIVE,
                reason="its reversal was here first",
            )
        )

    def _find_followed(self, message: Incoming) -> Forwarded | None:
        """The request that an advice follows, where it is known: its host knows it by other names than its acquirer does.

        Raises Refusal for a completion (0220) of a pre-authorization that cannot be completed.
        """
        try:
            key = original_key_of(message)
        except Refusal:
            return None
        outcome = self._kernel.find(key) if key is not None else None
        request = outcome.request if outcome is not None else None
        if (
            outcome is not None
            and request is not None
            and (message.key[MTI_CLASS], request.key[MTI_CLASS]) == (MTI.FINANCIAL, MTI.AUTHORIZATION)
        ):
            self._check_completion(message, outcome, request)
        return request

    def _check_completion(self, message: Incoming, original: Outcome, request: Forwarded) -> None:
        """Raise Refusal where what it completes does not stand, or its issuer allows no such amount."""
        if message.masked and request.pan != message.masked:
            raise Refusal(Answer.ORIGINAL_INCONSISTENT, f"the pre-authorization {original.txn:x} has another card")
        if not original.approved:
            why = f"the pre-authorization {original.txn:x} does not stand: {_nothing_to_undo(original)}"
            raise Refusal(Answer.ORIGINAL_INCONSISTENT, why)
        tolerance = self._kernel.hosts[request.host].config.completion_tolerance
        most = original.authorized + int(original.authorized * tolerance)
        if message.currency == request.currency and message.amount > most:
            why = f"{message.amount} is more than {original.authorized} and completion_tolerance of {tolerance:.0%}: {most}"
            raise Refusal(Answer.EXCEEDS_AMOUNT, why)

    def _acknowledge(self, message: Incoming, de39: str, note: str, by: str = "") -> None:
        """Answer once everything recorded so far is durable: the promise among it."""
        kernel, session = self._kernel, message.session
        acknowledgement = answer(message.document, de39)
        hop = hop_of("hop.sent", message, acknowledgement, session.link, by, de39, note)
        reply(kernel, session, acknowledgement, message.raw, after=kernel.position, hop=hop)

    def _original(self, message: Incoming) -> Outcome | None:
        """What the reversal undoes: named by DE90, or by DE37 and DE41 where DE90 is absent or names nothing known here.

        The 1993 edition's DE56 has the original's local time where DE90 has its DE7 (facts of the wire, docs/translate.md).
        """
        key = original_key_of(message)
        original = self._kernel.find(key) if key is not None else None
        if original is not None:
            return original
        if key is None and DE.RRN not in message.document:
            why = "a reversal needs DE90 (original data elements) or DE37 to name its original"
            raise Refusal(Answer.FORMAT_ERROR, why)
        newest_first = islice(reversed(self._kernel.state.recent.values()), SEARCHED_MAX)
        same_terminal = (
            o
            for o in newest_first
            if (o.key[ACQUIRER], o.key[TERMINAL]) == (message.key[ACQUIRER], message.key[TERMINAL])
        )
        named = (o for o in same_terminal if (asked := o.request) and _names(message, o.key, asked.elements))
        advice = None
        for outcome in filter(self._kernel.of_this_year, named):
            if outcome.mti not in ADVICES:
                return outcome
            advice = advice or outcome
        return advice


def _names(message: Incoming, key: Key, elements: Document) -> bool:
    """True if the reversal names the request with this key and these elements by DE37, from the same terminal."""
    rrn = message.document.get(DE.RRN)
    return (
        rrn is not None
        and elements.get(DE.RRN) == rrn
        and (key[ACQUIRER], key[TERMINAL]) == (message.key[ACQUIRER], message.key[TERMINAL])
    )


def _remaining(message: Incoming) -> int:
    """What is to stand after a partial reversal (DE95), minor units; 0: nothing. Raises Refusal where it cannot be read."""
    actual = message.document.get(DE.REPLACEMENT, "")[:12]
    if not actual:
        return 0
    if not (len(actual) == 12 and actual.isascii() and actual.isdecimal()):
        raise Refusal(Answer.FORMAT_ERROR, "DE95 begins with what is to stand of the transaction: twelve digits")
    return int(actual)


def _nothing_to_undo(original: Outcome) -> str:
    """Why a reversal of it changes nothing."""
    if original.reversed_by:
        return "already reversed"
    if original.approved:
        return f"no more than DE95 says stands: {original.amount}"
    return "an inquiry moves no money" if original.de39 in APPROVALS else f"it was declined ({original.de39})"


def original_key_of(message: Incoming) -> Key | None:
    """The key of the message that DE90 names; None where there is no DE90. Raises Refusal where DE90 cannot be read."""
    text, key = message.document.get(DE.ORIGINAL), message.key
    if text is None:
        return None
    try:
        mti, stan, de7, _ = parse_original(text)
    except ValueError as error:
        raise Refusal(Answer.FORMAT_ERROR, f"DE90: {error}") from None
    if mti[1] == MTI.REVERSAL:
        raise Refusal(Answer.INVALID_TRANSACTION, "a reversal cannot be reversed")
    return (key[ACQUIRER], mti[1], stan, de7, key[INSTITUTION], key[TERMINAL])
