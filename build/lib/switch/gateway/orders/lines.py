"""What a merchant's statement says of one captured order. Pure."""

import msgspec

from switch.gateway.orders.lifecycle import GOOD
from switch.gateway.orders.order import Order


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One captured order, as it stands. Amounts in minor units of `currency`."""

    number: int
    oid: str
    at_us: int
    """when the switch took the capture"""
    rrn: str
    approval: str
    masked: str
    currency: str
    captured: int
    credited: int
    fees: int | None
    """with their tax; None: the switch has not said them, or in another currency"""
    settles_us: int

    @property
    def net(self) -> int | None:
        """What is left for the merchant; None: not known."""
        return self.captured - self.credited - self.fees if self.fees is not None else None


def window_of(order: Order) -> str:
    """The clearing window in which the order's capture counts; "": in none, or it is not said."""
    return order.posted.window if order.posted is not None and order.captured and order.stage in GOOD else ""


def line_of(order: Order) -> Line:
    """Of an order that is captured. LookupError: it is not."""
    attempt, posted, currency = order.attempt, order.posted, order.asked.currency
    if attempt is None or posted is None:
        raise LookupError(f"order {order.number} is not captured")
    known = posted.fees is not None and posted.currency == currency
    return Line(
        number=order.number,
        oid=order.asked.oid,
        at_us=posted.at_us,
        rrn=attempt.names.rrn,
        approval=attempt.approval,
        masked=attempt.masked,
        currency=currency,
        captured=order.captured,
        credited=order.credited,
        fees=(posted.fees or 0) + posted.tax if known else None,
        settles_us=posted.settles_us,
    )
