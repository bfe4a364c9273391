"""What is left of a payment when a reversal takes some of it back."""

from switch.core.kernel import Kernel
from switch.core.messages.meaning import direction_of
from switch.core.records.outcomes import Outcome
from switch.core.records.records import MTI_CLASS, Forwarded
from switch.core.transactions.incoming import Incoming
from switch.core.transactions.transaction import Refusal
from switch.wire.vocabulary import ADVICES, APPROVALS, DE, MTI, Answer


def remaining(message: Incoming) -> int:
    """What is to stand after a partial reversal (DE95), minor units; 0: nothing. Raises Refusal where it cannot be read."""
    actual = message.document.get(DE.REPLACEMENT, "")[:12]
    if not actual:
        return 0
    if not (len(actual) == 12 and actual.isascii() and actual.isdecimal()):
        raise Refusal(Answer.FORMAT_ERROR, "DE95 begins with what is to stand of the transaction: twelve digits")
    return int(actual)


def followed_by(kernel: Kernel, advice: Outcome) -> Outcome | None:
    """The payment that a completion or a tip changed; None for anything else, and where it is not known any more."""
    request = advice.request
    name = request.hold if request is not None and request.mti in ADVICES else None
    payment = kernel.find(name.key) if name is not None else None
    return payment if payment is not None and payment.request is not None else None


def left_without(part: Outcome, payment: Outcome, left: int) -> int:
    """Minor units that stand of a payment once a completion of it, all but `left`, or a tip is taken back. A tip has taken the
    place of an amount: that is what stands again, if it was less."""
    if part.key[MTI_CLASS] != MTI.FINANCIAL:
        return left
    if payment.key[MTI_CLASS] == MTI.AUTHORIZATION:
        return max(0, payment.amount - (part.amount - left))
    return min(payment.amount, max(left, payment.may_stand))


def nothing_to_undo(original: Outcome) -> str:
    """Why a reversal of it changes nothing."""
    if original.reversed_by:
        return "already reversed"
    if original.approved:
        return f"no more than DE95 says stands: {original.amount}"
    return "an inquiry moves no money" if original.de39 in APPROVALS else f"it was declined ({original.de39})"


def taken_back(original: Outcome, left: int = 0) -> dict[str, int]:
    """What a reversal of it, down to `left` minor units, changes of what is posted (`Owed.posts`). A hold has posted what of it
    has been completed."""
    request = original.request
    back = posted(original) - min(left, posted(original))
    return _change(request, -back) if request is not None else {}


def told(message: Incoming, followed: Outcome | None) -> dict[str, int]:
    """What an advice changes of what is posted (`Owed.posts`). `followed`: what it completes or corrects."""
    document, said = message.document, message.document.get(DE.RESPONSE_CODE, Answer.APPROVED)
    if message.key[MTI_CLASS] != MTI.FINANCIAL or said not in APPROVALS:
        return {}
    whole = direction_of(document) * message.amount
    request = followed.request if followed is not None else None
    if followed is None or request is None or followed.key[MTI_CLASS] == MTI.AUTHORIZATION:
        return {message.currency: whole} if whole else {}
    changes = _change(request, -posted(followed))
    changes[message.currency] = changes.get(message.currency, 0) + whole
    return {currency: change for currency, change in changes.items() if change}


def posted(outcome: Outcome) -> int:
    """Minor units that are posted of it: of a hold, what of it has been completed."""
    if outcome.key[MTI_CLASS] == MTI.AUTHORIZATION:
        return outcome.captured if outcome.approved else 0
    return outcome.amount


def _change(request: Forwarded, amount: int) -> dict[str, int]:
    change = direction_of(request.elements) * amount
    return {request.currency: change} if change else {}
