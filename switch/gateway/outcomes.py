"""What an order comes to: for its merchant as a result, for the switch as the message that is owed. No I/O."""

import time
from typing import Final

import msgspec

from switch.gateway import payment_messages as messages
from switch.gateway.orders.lifecycle import GOOD, Stage
from switch.gateway.orders.order import Attempt, Authentication, Order
from switch.gateway.payment_messages import CardAcceptor
from switch.gateway.protocol.answers import Authenticated, Money, Result
from switch.money.currency import format_amount
from switch.threeds.protocol.statuses import PROVED, Status, internal_eci_of, liability_of, md_status_of
from switch.wire.vocabulary import Answer, Document


def named(order: Order) -> dict[str, object]:
    """An order as events name it."""
    return {"order": order.asked.oid, "merchant": order.asked.clientid}


def result_of(order: Order) -> Result:
    """What its merchant is told of an order."""
    attempt = order.attempt
    proved = attempt.authentication if attempt is not None else None
    text = "" if order.stage in GOOD or order.stage is Stage.APPROVED else _TEXTS.get(order.stage, "Declined")
    if order.stage is Stage.DECLINED and attempt is not None and not attempt.code:
        text = "The cardholder was not authenticated"
    if attempt is None:
        return Result(approved=False, code="99", text=text)
    approved = order.stage in GOOD or order.stage is Stage.APPROVED
    code = Answer.APPROVED if approved else attempt.code if attempt.code not in ("", Answer.APPROVED) else "99"
    names = attempt.names
    return Result(
        approved=approved,
        code=code,
        text=text,
        approval=attempt.approval if approved else "",
        rrn=names.rrn,
        stan=names.stan,
        number=f"{order.number:012d}",
        masked=attempt.masked,
        scheme=attempt.scheme,
        client=attempt.client,
        at=local(order.moved_us),
        money=money_of(order),
        authentication=_told(proved) if proved is not None and proved.status else Authenticated(),
    )


def _told(known: Authentication) -> Authenticated:
    """What a merchant is told of an authentication that has come to something."""
    status = Status(known.status)
    return Authenticated(
        md_status=md_status_of(status),
        text="" if status in PROVED else f"3-D Secure: {status.name.lower().replace('_', ' ')}",
        status=status if len(status) == 1 else "",
        eci=known.eci,
        value=known.value,
        xid=known.ds_trans_id,
        protocol=f"3DS{known.version}" if known.version else "",
        server_id=known.trans_id,
        acs_id=known.acs_trans_id,
        liability=liability_of(status),
    )


def proof_of(attempt: Attempt) -> tuple[str, str]:
    """ECI of the internal format, and what proves it, for the authorization."""
    known = attempt.authentication
    return (
        (internal_eci_of(Status(known.status)), known.value) if known is not None else (messages.NOT_AUTHENTICATED, "")
    )


def local(us: int) -> str:
    """A time as merchants are told it."""
    return time.strftime("%Y%m%d %H:%M:%S", time.localtime(us // 1_000_000))


def money_of(order: Order) -> Money | None:
    """What is captured, and what of it are fees; None: nothing is."""
    if not order.captured or order.stage not in GOOD:
        return None
    kept, posted, currency = order.captured - order.credited, order.posted, order.asked.currency
    money = Money(captured=_decimal(kept, currency))
    if posted is None:
        return money
    fees = posted.fees + posted.tax if posted.fees is not None and posted.currency == currency else None
    day, _, number = posted.window.partition("/")
    return msgspec.structs.replace(
        money,
        window=day.replace("-", "") + (f"{int(number):03d}" if number else ""),
        fees=_decimal(fees, currency) if fees is not None else "",
        net=_decimal(kept - fees, currency) if fees is not None else "",
        settles=local(posted.settles_us) if posted.settles_us else "",
    )


def _decimal(minor: int, currency: str) -> str:
    """`31.50`."""
    return format_amount(minor, currency).partition(" ")[0]


_TEXTS: Final = {
    Stage.CANCELLED: "Cancelled by the customer",
    Stage.EXPIRED: "The session has ended without a payment",
    Stage.REVERSING: "Not completed, and taken back",
    Stage.REVERSED: "Not completed, and taken back",
}


def attempt_of(order: Order) -> Attempt:
    """The last card submitted. LookupError: there was none."""
    if order.attempt is None:
        raise LookupError(f"order {order.number} has had no card")
    return order.attempt


def owed_message(order: Order, acceptor: CardAcceptor) -> Document:
    """What is sent to the switch until it is acknowledged."""
    attempt = attempt_of(order)
    own = order.owed
    if own is None:
        raise LookupError(f"order {order.number} owes nothing")
    if order.stage is Stage.CAPTURING:
        return messages.completion(acceptor, attempt.names, attempt.approval, own)
    left = own.amount if order.stage is Stage.CREDITING else 0
    return messages.reversal(acceptor, attempt.names, attempt.approval, own, left)
