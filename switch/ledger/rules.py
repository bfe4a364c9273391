"""The posting rules: what happened to a payment, and what that posts. One table, which the fold asks;
docs/settlement.md has examples of each.

Only money that has moved is posted. A hold moves none: what it holds is counted apart, until a completion ends it or a reversal
takes it back. Whatever changes what was posted is an entry of its own, of the window it arrives in, and names what it changes.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class What(StrEnum):
    """What a record says has happened."""

    PURCHASE = "purchase"
    CASH = "cash"
    REFUND = "refund"
    STOOD_IN = "stand-in"
    HOLD = "hold"
    COMPLETION = "completion"
    ADVICE = "advice"
    CORRECTION = "correction"
    REVERSAL = "reversal"
    RELEASE = "release"
    CHARGEBACK = "chargeback"
    REPRESENTMENT = "representment"
    PRE_ARBITRATION = "pre-arbitration"
    RULING = "closed"
    CHARGE = "charge"


DISPUTED: Final = frozenset({What.CHARGEBACK, What.REPRESENTMENT, What.PRE_ARBITRATION, What.RULING})
"""steps of a dispute that move money"""


class Rule(NamedTuple):
    """What one of them does."""

    says: str
    """the record"""
    posts: bool
    """True: the difference it makes to what stands of the payment is posted, and the fees that the record names"""
    counters: bool
    """True: its entry names the payment's first one, if there is one"""


RULES: Final[dict[What, Rule]] = {
    What.PURCHASE: Rule("a 0200 was approved, in whole or in part (DE39 10)", posts=True, counters=False),
    What.CASH: Rule("a 0200 for cash was approved; no merchant is paid", posts=True, counters=False),
    What.REFUND: Rule("a 0200 that gives back was approved", posts=True, counters=False),
    What.STOOD_IN: Rule("the switch approved a 0200 in its issuer's place", posts=True, counters=False),
    What.HOLD: Rule("a 0100 was approved, or a 0120 tells that it was", posts=False, counters=False),
    What.COMPLETION: Rule("a 0220 completes a hold, which ends with it", posts=True, counters=True),
    What.ADVICE: Rule("a 0220 tells of a payment that is not known here", posts=True, counters=False),
    What.CORRECTION: Rule("a 0220 changes the amount of a payment that is known here", posts=True, counters=True),
    What.REVERSAL: Rule("a 0420 takes back what was posted, in whole or (DE95) in part", posts=True, counters=True),
    What.RELEASE: Rule("a 0420 takes back a hold, in whole or in part", posts=False, counters=False),
    What.CHARGEBACK: Rule(
        "an issuer claims a payment back, and its interchange goes with it", posts=True, counters=True
    ),
    What.REPRESENTMENT: Rule("its acquirer presents it again, in whole or in part", posts=True, counters=True),
    What.PRE_ARBITRATION: Rule("its issuer claims it once more", posts=True, counters=True),
    What.RULING: Rule("a dispute is closed for the side that has not got the money", posts=True, counters=True),
    What.CHARGE: Rule("a merchant owes a fee without a payment: a set-up, a month", posts=True, counters=False),
}
