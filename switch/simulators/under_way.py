"""What an acquiring party has under way: payments, their plans, the messages about them that await an answer. Values."""

import msgspec

from switch.core.records.lifecycle import Status
from switch.simulators.acquirer_records import Asked, Ended, without_secrets
from switch.simulators.host import MS
from switch.simulators.reconciliation import Payment
from switch.simulators.unmatched import MatchKey
from switch.wire.vocabulary import DE, Document


class Plan(msgspec.Struct, frozen=True):
    """What happens to an approved payment."""

    void_after_ns: int = 0
    """0: it is not voided"""
    left: int = 0
    """minor units that a void leaves: it takes back a part"""
    complete_after_ns: int = 0
    """0: it is not completed"""
    completed_amount: int = 0
    """minor units"""
    undo_after_ns: int = 0
    """after its completion was acknowledged, it is taken back; 0: it is not"""
    increment_after_ns: int = 0
    """0: nothing is added to it"""
    increment: int = 0
    """minor units to be added; what was approved of it is completed, too"""
    increment_undone: bool = False
    """what was added is taken back before the completion"""
    cancelled: bool = False
    """once it has been added to, the whole is taken back instead of completed"""


class OpenPayment(msgspec.Struct, kw_only=True):
    """A payment that something is still to come for."""

    key: str
    kind: str
    route: str
    plan: Plan
    request: Document
    sent_ns: int
    amount: int
    status: Status = Status.OPEN
    de39: str = ""
    approval: str = ""
    hold: "OpenPayment | None" = None
    """of an increment: what it adds to"""
    added: int = 0
    """by an increment; to a pre-authorization, by those that stand"""
    posted: int = 0
    """signed minor units, as answers have said"""


class MessageExchange(msgspec.Struct):
    """A message on its way, and the payment it is for."""

    payment: OpenPayment
    message: Document
    purpose: str
    """`request`, `reversal` or `completion`"""
    repeats: int = 0
    """of a request, so far"""
    whole: bool = False
    """it names its payment by all of its names"""


class Timeouts(msgspec.Struct, frozen=True):
    """How long this side waits, nanoseconds."""

    answer_ns: int = 30_000 * MS
    repeat_ns: int = 10_000 * MS
    """between an unacknowledged reversal or completion and its repeat"""
    request_repeats: int = 0
    """how often an unanswered request is sent again, each time for another `answer_ns`, before it is reversed"""


def within(plan: Plan, approved: int) -> Plan:
    """The plan of a payment of which so much was approved: no more is completed, and what would be left of more is not voided."""
    return msgspec.structs.replace(
        plan,
        completed_amount=min(plan.completed_amount, approved),
        void_after_ns=plan.void_after_ns if plan.left < approved else 0,
    )


def match_key(document: Document) -> MatchKey:
    """What of a message its answer repeats."""
    get = document.get
    return MatchKey(document[DE.MTI][1], get(DE.STAN, ""), get(DE.TRANSMISSION_TIME, ""), get(DE.TERMINAL, "").strip())


def as_payment(payment: OpenPayment) -> Payment:
    """As it stands in the book of its acquirer."""
    return Payment(
        key=payment.key,
        status=payment.status,
        amount=payment.amount if payment.status == Status.APPROVED and payment.hold is None else 0,
        currency=payment.request[DE.CURRENCY],
        de39=payment.de39,
        kind=payment.kind,
        route=payment.route,
    )


def as_asked(payment: OpenPayment, card: str, at_us: int) -> Asked:
    """The record of its request. `card`: the card's name."""
    return Asked(
        at_us=at_us,
        key=payment.key,
        card=card,
        kind=payment.kind,
        route=payment.route,
        request=without_secrets(payment.request),
    )


def as_ended(payment: OpenPayment, at_us: int) -> Ended:
    """The record of its end."""
    final = as_payment(payment)
    return Ended(
        at_us=at_us,
        key=payment.key,
        outcome=payment.status,
        amount=final.amount,
        currency=final.currency,
        de39=payment.de39,
    )


def approved_part(answer: Document) -> int | None:
    """Minor units that an answer with DE39=10 approves (DE4); None: it does not say."""
    approved = answer.get(DE.AMOUNT, "")
    return int(approved) if approved.isascii() and approved.isdecimal() else None
