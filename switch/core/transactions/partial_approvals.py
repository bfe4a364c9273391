"""Approvals of less than was asked (DE39=10): whether an answer is one, and whether it can be passed on."""

from switch.core.links.awaited import Pending
from switch.core.messages.internal import Private48, private_elements
from switch.core.messages.meaning import is_inquiry
from switch.wire.subfields import SubfieldError
from switch.wire.vocabulary import DE, Document


def approves_less(pending: Pending, document: Document) -> bool:
    """True where DE4 of an approval is below what was asked."""
    amount = document.get(DE.AMOUNT)
    if amount == pending.request.get(DE.AMOUNT):
        return False
    return amount is not None and not is_inquiry(pending.request) and int(amount) < pending.amount


def cannot_take(pending: Pending, document: Document) -> str:
    """Why an approval of less than was asked (DE39=10) cannot be passed on; "" where it can."""
    approved = document.get(DE.AMOUNT, "")
    try:
        capable = private_elements(pending.request).get(Private48.PARTIAL) == "1"
    except SubfieldError:
        capable = False
    if not capable:
        return (
            f"it approves {approved or 'less'} of {pending.amount}, and the terminal has not said that it can take a partial "
            "approval (DE48.61)"
        )
    if not (approved.isascii() and approved.isdecimal() and 0 < int(approved) < pending.amount):
        return f"a partial approval of {approved or 'nothing'} where {pending.amount} was asked"
    return ""
