"""What a record did to a payment, as the fold of transactions tells those who count it or post it.

Words only; each is a fact about one record. What a payment is in the end is its `Status` (`core.records.lifecycle`).
"""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple


class Effect(StrEnum):
    """What a record did to a payment."""

    APPROVAL = "approval"
    STAND_IN = "stand-in"
    """an approval by the switch in its issuer's place"""
    DECLINE = "decline"
    """by a host, by the switch, or without an answer in time: whatever ends a payment without an approval"""
    REVERSAL = "reversal"
    """of what was approved, in whole or in part; or of what was never here"""
    ADVICE = "advice"
    HELD = "held"
    """of the amount alone: a hold has grown or shrunk by it, and no money has moved"""
    PRUNED = "pruned"
    """it changed a payment whose beginning has been pruned: what stood of it is known only as far as the records left say it"""


class Party(NamedTuple):
    """Whose payment it is."""

    acquirer: str
    route: str
    host: str


Report = Callable[[int, Party, Effect, str, int, int], None]
"""(at_us, party, effect, currency, amount, count): at wall-clock µs a record did this to a payment of this party. `currency`:
ISO 4217 numeric; `amount`: signed minor units by which what stands has changed; `count`: 1, or 0: it is counted elsewhere"""


def report_to_nobody(*_: object) -> None:
    """A `Report` that nobody reads."""
