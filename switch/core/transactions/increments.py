"""Incremental authorizations: further 0100s that add to what a pre-authorization holds.

A hotel asks for more while the guest stays. What tells one from a new payment: a 0100 that moves money and names a hold of the
same acquirer, by DE90, or by DE37 and DE38 together. It is of the same card, kind (DE3, first two digits) and currency, at the
same terminal (DE41) or merchant (DE42). Its DE4 is what is added. It goes to the host that has the hold, wherever the card's
range leads meanwhile, and names the hold as that host knows it (DE90, DE38, the network's reference).

Approved, it is part of the hold: completions and their tolerance count against the whole, a reversal of the hold takes back all
of it. A reversal of the increment takes back that alone. A hold that has been completed, in part perhaps, or reversed takes no
more: an approval that comes later is not passed on but reversed. Stand-in approves none.

An increment leaves when its record is durable: a crash then leaves none at a host that is not known here, and no reversal of one
can be mistaken for the hold's, whose DE37 it may have.
"""

from switch.core.kernel import Kernel
from switch.core.messages.internal import PRIVATE, Private48, private_elements
from switch.core.messages.meaning import INQUIRIES
from switch.core.network import BinRange
from switch.core.records.outcomes import Outcome
from switch.core.records.records import MTI_CLASS, TERMINAL, Forwarded, HoldName
from switch.core.records.standin_counters import STAND_IN
from switch.core.routing.decision import Decision
from switch.core.saf.forwarder import Forwarder
from switch.core.transactions.incoming import Incoming
from switch.core.transactions.originals import NAMES, find_original, original_of_message
from switch.core.transactions.transaction import Refusal, original_name
from switch.wire.subfields import SubfieldError
from switch.wire.vocabulary import DE, MTI, Answer, Document


def find_hold(kernel: Kernel, forwarder: Forwarder, message: Incoming) -> Outcome | None:
    """What a 0100 adds to; None: it is a payment of its own.

    Raises Refusal where DE90 names what is not known here, the hold takes no such increment, or its host may not know of it yet.
    """
    document = message.document
    named = bool(document.get(DE.ORIGINAL, "").strip("0 "))
    code = document.get(DE.APPROVAL_CODE, "")
    if not named and not (code and document.get(DE.RRN)):
        return None
    if document[DE.PROCESSING_CODE][:2] in INQUIRIES:
        return None
    found = find_original(kernel, message, original_of_message(message), follows="" if named else code)
    if found is None and named:
        raise Refusal(Answer.RECORD_NOT_FOUND, "what DE90 names, to be added to, is not known here")
    if found is None:
        return None
    if found.outcome is None or found.request is None:
        raise Refusal(Answer.ORIGINAL_INCONSISTENT, "what it would add to has not been approved")
    _check(kernel, message, found.outcome, found.request)
    if found.request.route == STAND_IN and len(forwarder.queues[found.request.host]):
        why = f"host {found.request.host} may not have been told yet of the pre-authorization that was stood in for"
        raise Refusal(Answer.ISSUER_INOPERATIVE, why)
    return found.outcome


def _check(kernel: Kernel, message: Incoming, hold: Outcome, request: Forwarded) -> None:
    """Raise Refusal where the message is no increment that the hold takes."""
    document, elements, which = message.document, request.elements, f"the pre-authorization {hold.txn:x}"
    if request.key[MTI_CLASS] != MTI.AUTHORIZATION:
        why = f"{hold.txn:x} is no pre-authorization: nothing can be added to it"
        raise Refusal(Answer.ORIGINAL_INCONSISTENT, why)
    terminal, merchant = message.key[TERMINAL].strip(), document.get(DE.MERCHANT, "").strip()
    same_place = (terminal and terminal == request.key[TERMINAL].strip()) or (
        merchant and merchant == elements.get(DE.MERCHANT, "").strip()
    )
    kind = document[DE.PROCESSING_CODE][:2]
    differing = (
        ("card", message.masked != request.pan),
        ("kind of transaction (DE3)", kind != elements.get(DE.PROCESSING_CODE, "")[:2]),
        ("currency", message.currency != request.currency),
        ("terminal and another merchant", not same_place),
    )
    for what, differs in differing:
        if differs:
            raise Refusal(Answer.ORIGINAL_INCONSISTENT, f"{which} has another {what}")
    why = closed(hold)
    if why:
        raise Refusal(Answer.ORIGINAL_INCONSISTENT, f"{which} {why}: it takes no increment")
    if request.host not in kernel.hosts:
        raise Refusal(
            Answer.ISSUER_INOPERATIVE, f"{which} is held by host {request.host}, which is not in the network file"
        )


def closed(hold: Outcome | None) -> str:
    """Why nothing can be added to a hold; "" where something can."""
    if hold is None:
        return "is not known here any more"
    if hold.reversed_by:
        return "has been reversed"
    if not hold.approved:
        return f"was declined ({hold.de39})"
    return "has been completed" if hold.captured else ""


def decide(kernel: Kernel, hold: Outcome, card_range: BinRange | None) -> Decision:
    """Where its increments go: to the host that has it, whatever the routing tables say today. `card_range`: of its card."""
    request = hold.request
    assert request is not None
    route, rule = kernel.hosts[request.host].route, f"it adds to {hold.txn:x}"
    return Decision(host=request.host, route=route, de39="", rule=rule, bin=card_range)


def name_of(hold: Outcome) -> HoldName:
    """As an increment's record has it."""
    return HoldName(txn=hold.txn, key=hold.key)


def name_hold(kernel: Kernel, out: Document, hold: Outcome | None) -> None:
    """Put into `out`, an increment on its way to the host, how that host knows the hold."""
    request = hold.request if hold is not None else None
    if hold is None or request is None:
        return
    answered = hold.elements
    for de in NAMES:
        if de in request.elements:
            out.setdefault(de, request.elements[de])
    out[DE.ORIGINAL] = original_name(kernel, request)
    out.pop(DE.APPROVAL_CODE, None)
    if DE.APPROVAL_CODE in answered:
        out[DE.APPROVAL_CODE] = answered[DE.APPROVAL_CODE]
    try:
        reference = private_elements(answered).get(Private48.REFERENCE)
        if reference:
            out[DE.PRIVATE_48] = PRIVATE.build({**private_elements(out), Private48.REFERENCE: reference})
    except SubfieldError:
        pass  # a DE48 of another making: it goes as it is, and DE90 names the hold


def cannot_add(kernel: Kernel, hold: HoldName) -> str:
    """Why an approval of what adds to `hold` cannot be passed on: it has ended meanwhile. "" where it can."""
    why = closed(kernel.find(hold.key))
    return f"the pre-authorization {hold.txn:x}, which it adds to, {why}" if why else ""


def is_added_to(kernel: Kernel, hold: Outcome) -> bool:
    """True while an increment of it waits for its issuer: what all of it is, nobody can tell."""
    return any(r.hold is not None and r.hold.txn == hold.txn for r in kernel.state.open.values())


def hold_ended(kernel: Kernel, request: Forwarded | None) -> str:
    """Why there is nothing of an increment to take back: it went with its hold. "" for anything else."""
    hold = request.hold if request is not None else None
    if hold is None:
        return ""
    outcome = kernel.find(hold.key)
    return (
        f"the pre-authorization {hold.txn:x} has been reversed, and it with that"
        if outcome and outcome.reversed_by
        else ""
    )


def stands_without(kernel: Kernel, increment: Outcome, left: int = 0) -> int:
    """What stands of the hold once all of an increment, or all but `left`, is taken back; -1: that changes no hold."""
    request = increment.request
    hold = kernel.find(request.hold.key) if request is not None and request.hold is not None else None
    if hold is None or not hold.approved or not increment.approved:
        return -1
    return hold.amount if hold.captured else hold.amount - max(0, increment.amount - left)
