"""Refunds that name the payment they give back: all of them together never give back more than stands of it.

Two that are sent at once each look right by themselves, and a reversal or a claim of the payment may come while a refund of it
is with its issuer. So it is asked twice. As a refund comes, what other refunds under way may give back counts as given. As its
approval comes, what has happened meanwhile counts: an approval that nothing stands behind any more is not passed on but reversed
at its issuer. A reversal never waits for a refund, and takes back no more than refunds have left.

A refund names its payment by DE90, or by DE37 and DE38 together, as increments do; by DE37 alone while memory has that payment,
as refunds have a DE37 of their own as a rule, and the journal is not asked for each. One that names a payment of another card or
currency, or nothing known here, is bound by its member (`unreferenced`).
"""

from switch.core.kernel import Kernel
from switch.core.records.outcomes import Outcome
from switch.core.records.records import ACQUIRER, Forwarded
from switch.core.transactions.incoming import Incoming
from switch.core.transactions.originals import find_original, original_of_message
from switch.core.transactions.taken_back import nothing_to_undo, posted
from switch.core.transactions.transaction import Refusal
from switch.core.transactions.unreferenced import check_unreferenced
from switch.money.currency import format_amount
from switch.wire.vocabulary import APPROVALS, DE, Answer, Processing

REFUND_LIMIT = "refund_amount_max"


def check_refund(kernel: Kernel, message: Incoming) -> Outcome | None:
    """The payment that a refund (DE3 20) gives back; None: it names none that is known here, or is no refund.

    Raises Refusal for one of more than stands of its payment, by others' refunds and claims; or, where it names none, of more
    than its member may pay back without an original.
    """
    if message.document[DE.PROCESSING_CODE][:2] != Processing.REFUND:
        return None
    payment = _refunded(kernel, message)
    if payment is None:
        check_unreferenced(kernel, message, REFUND_LIMIT)
        return None
    under_way = refunds_under_way(kernel, payment)
    if why := _too_much(kernel, payment, message.amount, under_way):
        de39 = Answer.ORIGINAL_INCONSISTENT if _is_claimed(kernel, payment) or not payment.approved else ""
        raise Refusal(de39 or Answer.EXCEEDS_AMOUNT, why)
    return payment


def check_advice(kernel: Kernel, message: Incoming) -> None:
    """Raise Refusal for an advice that follows nothing known here, of more than its member may tell of; for one of a refund, as
    for a refund. What it gives back is not counted for the next one."""
    document = message.document
    if document.get(DE.RESPONSE_CODE, Answer.APPROVED) not in APPROVALS:
        return  # it tells of a decline: no money
    if document[DE.PROCESSING_CODE][:2] == Processing.REFUND:
        check_refund(kernel, message)
    else:
        check_unreferenced(kernel, message, "advice_amount_max")


def refunds_under_way(kernel: Kernel, payment: Outcome) -> int:
    """Minor units that refunds of it may give back which wait for their issuer."""
    there = kernel.state.open.values()
    return sum(r.amount for r in there if r.gives_back is not None and r.gives_back.txn == payment.txn)


def cannot_give_back(kernel: Kernel, request: Forwarded, amount: int) -> str:
    """Why an approval of a refund, of `amount`, cannot be passed on: so much does not stand of its payment any more. "" where it
    can."""
    name = request.gives_back
    payment = kernel.find(name.key) if name is not None else None
    if payment is None or name is None or payment.txn != name.txn:
        return ""  # too old to be asked about; it was known when the refund came
    return _too_much(kernel, payment, amount, 0)


def _is_claimed(kernel: Kernel, payment: Outcome) -> bool:
    return payment.txn in kernel.state.disputes.committed


def _too_much(kernel: Kernel, payment: Outcome, amount: int, under_way: int) -> str:
    """Why so much of a payment cannot be given back; "" where it can."""
    request = payment.request
    claimed = kernel.state.disputes.committed.get(payment.txn, 0)
    stands, name = posted(payment), f"{payment.txn:x}"
    if amount <= stands - claimed - payment.refunded - under_way or request is None:
        return ""
    if not payment.approved:
        return f"there is nothing of {name} to give back: {nothing_to_undo(payment)}"
    parts = ((payment.refunded, "refunded"), (under_way, "refunds under way"), (claimed, "in dispute"))
    besides = ", ".join(f"{format_amount(minor, request.currency)} {what}" for minor, what in parts if minor)
    why = f"{format_amount(amount, request.currency)} of {format_amount(stands, request.currency)} that stand of {name}"
    twice = ": a refund and a chargeback would pay the cardholder twice" if claimed else ""
    return f"{why}{f', with {besides}' if besides else ''}: never more goes back than stands{twice}"


def _refunded(kernel: Kernel, message: Incoming) -> Outcome | None:
    """The payment of this card that a refund names; of a completion or a tip, what that follows. None: it names none.

    Raises Refusal for one that still waits for its issuer.
    """
    document = message.document
    named, code, rrn = (
        bool(document.get(DE.ORIGINAL, "").strip("0 ")),
        document.get(DE.APPROVAL_CODE, ""),
        document.get(DE.RRN),
    )
    if not named and not (rrn and (code or kernel.state.names.with_rrn(message.key[ACQUIRER], rrn.strip()))):
        return None
    try:
        found = find_original(kernel, message, original_of_message(message), follows="" if named else code)
    except Refusal:  # it may be one of several
        return None
    request = found.request if found is not None else None
    if found is None or request is None or (request.pan, request.currency) != (message.masked, message.currency):
        return None
    if request.elements.get(DE.PROCESSING_CODE, "")[:2] == Processing.REFUND:
        return None
    if found.outcome is None:
        raise Refusal(Answer.ORIGINAL_INCONSISTENT, "what it would give back has not been approved")
    return found.outcome
