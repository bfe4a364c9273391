"""What is left of a payment when a reversal takes some of it back."""

from switch.core.kernel import Kernel
from switch.core.records.outcomes import Outcome
from switch.core.records.records import MTI_CLASS
from switch.core.transactions.transaction import Incoming, Refusal
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
    return min(payment.amount, max(left, payment.authorized))


def nothing_to_undo(original: Outcome) -> str:
    """Why a reversal of it changes nothing."""
    if original.reversed_by:
        return "already reversed"
    if original.approved:
        return f"no more than DE95 says stands: {original.amount}"
    return "an inquiry moves no money" if original.de39 in APPROVALS else f"it was declined ({original.de39})"
