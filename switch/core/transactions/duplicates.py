"""Repeats are answered as their originals were, and change nothing.

Two messages with the same key (acquirer, MTI class, DE11, DE7, DE32, DE41) are the same message. One that has the key but not
the amount or the card of the first is a mistake of the sender's, and is refused (DE39=94), never mistaken for either.
Beyond the network's `duplicate_window_s` a key says nothing any more: the message is judged anew.
"""

from switch.core.kernel import Kernel
from switch.core.messages.translator import answer
from switch.core.records.state import Outcome
from switch.core.transactions.transaction import Incoming, Refusal, hop_of, reply
from switch.wire.vocabulary import ADVICES, APPROVALS, DE, Answer, Document


def answer_again(kernel: Kernel, message: Incoming) -> bool:
    """True if the message was seen before and has been dealt with here. Raises Refusal (94) for another message's key."""
    document, session = message.document, message.session
    pending = kernel.pending.get(message.key)
    if pending is not None:
        _check_same(pending.pan, pending.amount, message)
        kernel.end_waiting(pending.link)
        session.in_flight += 1
        pending.link, pending.raw = session.link, message.raw
        kernel.log("info", "repeat.pending", txn=f"{pending.txn:x}", link=session.link, mti=document[DE.MTI],
                   hint="its original still waits for the issuer; the answer goes to this link")  # fmt: skip
        return True
    outcome = kernel.repeated(message.key)
    if outcome is None:
        if kernel.refused and (refused := kernel.remembered_refusal(message.key)):
            raise Refusal(refused, "it was refused before, and not recorded")
        return False
    request = outcome.request
    if request is not None:
        _check_same(request.pan, request.amount, message)
    de39, extra = answer_now(outcome)
    again = answer(document, de39, extra)
    route = request.route if request is not None else "refused"
    note = f"as {outcome.txn:x} was answered" if de39 == outcome.de39 else f"{outcome.txn:x} was reversed since"
    hop = hop_of("hop.sent", message, again, session.link, route, de39, note)
    approved = de39 in APPROVALS
    promised = outcome.reversed_by or approved  # neither an approval nor a reversal is said before it is durable
    if approved:
        kernel.count_copy(outcome.txn)
    reply(kernel, session, again, message.raw, after=kernel.position if promised else 0,
          txn=outcome.txn if approved else 0, hop=hop)  # fmt: skip
    kernel.log("info", "repeat.answered", txn=f"{outcome.txn:x}", link=session.link, mti=document[DE.MTI], de39=de39)
    return True


def answer_now(outcome: Outcome) -> tuple[str, Document]:
    """DE39 and added elements for a repeat: as before, but never an approval of what has been reversed since.

    The answer to an advice approves nothing: it says that the advice was taken, and so it was.
    """
    if outcome.reversed_by and outcome.de39 in APPROVALS and outcome.mti not in ADVICES:
        return Answer.ISSUER_INOPERATIVE, {}
    return outcome.de39, outcome.elements


def _check_same(pan: str, amount: int, message: Incoming) -> None:
    earlier = "DE11, DE7, DE32 and DE41 are those of an earlier message"
    if message.masked and pan != message.masked:
        raise Refusal(Answer.DUPLICATE, f"{earlier} with another card")
    if amount != message.amount:
        raise Refusal(Answer.DUPLICATE, f"{earlier} with another amount")
