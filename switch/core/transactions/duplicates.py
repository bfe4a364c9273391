"""Repeats are answered as their originals were, and change nothing.

Two messages with the same key (acquirer, MTI class, DE11, DE7, DE32, DE41) are the same message. One that has the key but not
the amount or the card of the first is a mistake of the sender's, and is refused (DE39=94), never mistaken for either. A *marked*
repeat (x1) is recognised without DE7, which some hosts stamp anew: by DE11, DE32, DE41, card and amount. Without the mark another
DE7 is another payment. Zeros before an institution say nothing: DE32 `00000504102`, `504102` and none are the same of who signed
on as that, in memory.
Beyond the network's `duplicate_window_s` a key says nothing any more: the message is judged anew.
"""

from switch.core.kernel import Kernel
from switch.core.links.awaited import Pending
from switch.core.messages.internal import answer
from switch.core.records.outcomes import Outcome
from switch.core.records.standin_counters import STAND_IN
from switch.core.transactions.incoming import Incoming
from switch.core.transactions.increments import hold_ended
from switch.core.transactions.on_behalf import refused_because
from switch.core.transactions.originals import find_first, is_overtaken
from switch.core.transactions.replies import reply
from switch.core.transactions.transaction import RESTORED, Refusal, hop_of
from switch.wire.vocabulary import ADVICES, APPROVALS, DE, Answer, Document, response_mti


def answer_again(kernel: Kernel, message: Incoming) -> bool:
    """True if the message was seen before and has been dealt with here. Raises Refusal (94) for another message's key."""
    document, session = message.document, message.session
    pending = kernel.pending.get(message.key)
    if pending is not None:
        _check_same(pending.pan, pending.amount, message)
        return _wait_too(kernel, pending, message)
    outcome = kernel.repeated(message.key)
    if outcome is None:
        first = find_first(kernel, message)
        if first is not None and first.pending is not None:
            return _wait_too(kernel, first.pending, message)
        outcome = first.outcome if first is not None else is_overtaken(kernel, message)
    if outcome is None:
        if kernel.refused and (refused := kernel.remembered_refusal(message.key)):
            raise Refusal(refused, "it was refused before, and not recorded")
        return False
    request = outcome.request
    if request is not None:
        _check_same(request.pan, request.amount, message)
    de39, extra = answer_now(outcome) if not hold_ended(kernel, request) else (Answer.ISSUER_INOPERATIVE, Document())
    again = (
        _whole_answer(document, outcome, extra)
        if extra
        else answer(document, de39, refused_because(de39) if request is None else None)
    )
    route = request.route if request is not None else "refused"
    note = f"as {outcome.txn:x} was answered" if de39 == outcome.de39 else f"{outcome.txn:x} was reversed since"
    hop = hop_of("hop.sent", message, again, session.link, route, de39, note)
    approved = de39 in APPROVALS
    promised = outcome.reversed_by or approved  # neither an approval nor a reversal is said before it is durable
    if approved:
        kernel.count_copy(outcome.txn)
    reply(kernel, session, again, message.raw, after=kernel.position if promised else 0,
          txn=outcome.txn if approved else 0, hop=hop, window=outcome.window)  # fmt: skip
    kernel.log("info", "repeat.answered", txn=f"{outcome.txn:x}", link=session.link, mti=document[DE.MTI], de39=de39)
    return True


def _wait_too(kernel: Kernel, pending: Pending, message: Incoming) -> bool:
    """Its original still waits for the issuer: the answer goes to who repeats it, as the repeat names itself."""
    session = message.session
    kernel.end_waiting(pending.link)
    session.in_flight += 1
    pending.link, pending.raw = session.link, message.raw
    sent_at = message.document[DE.TRANSMISSION_TIME]
    if pending.request[DE.TRANSMISSION_TIME] != sent_at:
        pending.request = {**pending.request, DE.TRANSMISSION_TIME: sent_at}
    kernel.log("info", "repeat.pending", txn=f"{pending.txn:x}", link=session.link, mti=message.document[DE.MTI],
               hint="its original still waits for the issuer; the answer goes to this link")  # fmt: skip
    return True


def answer_now(outcome: Outcome) -> tuple[str, Document]:
    """DE39 and added elements for a repeat: as before, but never an approval of what has been reversed since.

    The answer to an advice approves nothing: it says that the advice was taken, and so it was.
    """
    if outcome.reversed_by and outcome.de39 in APPROVALS and outcome.mti not in ADVICES:
        return Answer.ISSUER_INOPERATIVE, {}
    return outcome.de39, outcome.elements


def _whole_answer(document: Document, outcome: Outcome, elements: Document) -> Document:
    """What the host answered, whole, as it was handed on: the acquirer's own elements, and all that the host added."""
    if outcome.request is not None and outcome.request.route == STAND_IN:
        return answer(document, outcome.de39, elements)
    again: Document = {DE.MTI: response_mti(document[DE.MTI])}
    for de in (*RESTORED, DE.STAN, DE.TRANSMISSION_TIME):
        if de in document:
            again[de] = document[de]
    again.update(elements)
    again[DE.RESPONSE_CODE] = outcome.de39
    return again


def _check_same(pan: str, amount: int, message: Incoming) -> None:
    earlier = "DE11, DE7, DE32 and DE41 are those of an earlier message"
    if message.masked and pan != message.masked:
        raise Refusal(Answer.DUPLICATE, f"{earlier} with another card")
    if amount != message.amount:
        raise Refusal(Answer.DUPLICATE, f"{earlier} with another amount")
