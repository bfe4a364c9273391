"""Refunds that operators ask for beside the merchant: one asks, another approves, the gateway owes it to the switch, whose answer
says that it is done."""

from enum import StrEnum
from typing import Final

import msgspec

WAITS_US: Final = 900_000_000
"""so long a refund waits for its second person, as what the switch does by two"""


class RefundState(StrEnum):
    """Where one is."""

    ASKED = "asked"
    APPROVED = "approved"
    OWED = "owed"
    DONE = "done"
    REFUSED = "refused"


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """One that was asked for."""

    number: int
    order: int
    amount: int
    """minor units of the order's currency"""
    left: int
    """what stood of the order when it was asked for, minor units: how it is known again once it is done"""
    seen_us: int
    """the order's last move then: if something else has happened since, it is refused"""
    reason: str
    asked_by: str
    at_us: int
    approved_by: str = ""
    state: RefundState = RefundState.ASKED
    said: str = ""
    """why it was refused"""

    def waits(self, now_us: int) -> bool:
        """For its second person, still."""
        return self.state is RefundState.ASKED and now_us < self.at_us + WAITS_US
