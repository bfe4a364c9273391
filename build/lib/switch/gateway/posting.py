"""What the switch says of a capture or a credit: in which window it counts, what of it are fees, when that is settled. Pure.

In: the answer (0230, 0410), the time, the network file's schedule. Out: a `Posted`, kept with the order. The one rule: what the
switch has not said is not guessed: an answer without DE46 means that fees are not known, not that there are none.
"""

from datetime import UTC, date, datetime
from typing import Final

import msgspec

from switch.core.messages.fee_amounts import GATEWAY, SERVICE, SERVICE_TAX, read_fees
from switch.core.network import CutoverSchedule
from switch.core.operator.schedule import Calendar
from switch.simulators.de48 import Private48, private_elements
from switch.wire.vocabulary import DE, Document

OF_MERCHANTS: Final = (SERVICE, GATEWAY)
"""codes of what the merchant itself pays"""
_FAR_DAYS: Final = 180


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the money of an order."""

    at_us: int
    """when the switch took it"""
    window: str = ""
    """`2026-11-27/1`; "": the switch does not say it, or the day alone"""
    fees: int | None = None
    """minor units that the merchant pays, before tax; None: not said"""
    tax: int = 0
    """on them"""
    currency: str = ""
    """ISO 4217 of the fees: the switch's home currency"""
    settles_us: int = 0
    """when its window ends, by the network file's clock; 0: nothing ends it by the clock"""


def read_posted(answer: Document, at_us: int, schedule: CutoverSchedule | None) -> Posted:
    """What an answer says that takes a capture."""
    fees = read_fees(answer.get(DE.FEES, ""))
    of_merchant = [fee for fee in fees if fee.code in OF_MERCHANTS]
    return Posted(
        at_us=at_us,
        window=_window(answer, datetime.fromtimestamp(at_us // 1_000_000, UTC).date()),
        fees=sum(fee.amount for fee in of_merchant) if DE.FEES in answer else None,
        tax=sum(fee.amount for fee in fees if fee.code == SERVICE_TAX),
        currency=fees[0].currency if fees else "",
        settles_us=Calendar(schedule).next(at_us // 1_000_000) * 1_000_000 if schedule is not None else 0,
    )


def with_change(posted: Posted | None, answer: Document) -> Posted | None:
    """The same after a credit, whose answer says what of the fees comes back."""
    if posted is None or posted.fees is None or DE.FEES not in answer:
        return posted
    fees = read_fees(answer[DE.FEES])
    back = sum(fee.amount for fee in fees if fee.code in OF_MERCHANTS)
    tax = sum(fee.amount for fee in fees if fee.code == SERVICE_TAX)
    return msgspec.structs.replace(posted, fees=posted.fees + back, tax=posted.tax + tax)


def _window(answer: Document, today: date) -> str:
    """Of DE15 (MMDD) and DE48.64: the day of that name that is nearest."""
    said, number = answer.get(DE.SETTLEMENT_DATE, ""), private_elements(answer).get(Private48.WINDOW, "")
    for year in (today.year, today.year - 1, today.year + 1):
        try:
            day = date(year, int(said[:2]), int(said[2:]))
        except ValueError:
            continue
        if abs((day - today).days) < _FAR_DAYS:
            return f"{day.isoformat()}/{int(number)}" if number.isdecimal() else day.isoformat()
    return ""
