"""What a transStatus means: for the merchant, for the network's message, for who bears the loss. Pure tables.

Sources: ECI as placetopay's and cardinaldocs' pages have them (Visa 05, 06, 07; Mastercard 02, 01, 00); Cmi cards have no public
rule and are assumed as Visa's. mdStatus as merchants' clients group its values.
"""

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """What an authentication came to: transStatus, and what never got one."""

    AUTHENTICATED = "Y"
    ATTEMPTED = "A"
    NOT_AUTHENTICATED = "N"
    REJECTED = "R"
    UNAVAILABLE = "U"
    NOT_ENROLLED = "not enrolled"
    FAILED = "failed"
    """an error, a time-out, or results that disagree: nothing is known"""


PROVED: Final = frozenset({Status.AUTHENTICATED, Status.ATTEMPTED})
"""carry a value that proves it; the loss of a fraud is the issuer's"""
REFUSED: Final = frozenset({Status.NOT_AUTHENTICATED, Status.REJECTED})
"""never authorized"""
OPEN_TO_MERCHANT: Final = frozenset({Status.UNAVAILABLE, Status.NOT_ENROLLED})
"""authorized without proof where the merchant takes that upon itself"""

_ECI: Final = {
    "mastercard": {Status.AUTHENTICATED: "02", Status.ATTEMPTED: "01"},
    "": {Status.AUTHENTICATED: "05", Status.ATTEMPTED: "06"},
}
_MD_STATUS: Final = {
    Status.AUTHENTICATED: "1",
    Status.NOT_ENROLLED: "2",
    Status.ATTEMPTED: "4",
    Status.UNAVAILABLE: "5",
    Status.FAILED: "7",
}


def eci_of(scheme: str, status: Status) -> str:
    """The ECI of a scheme's own: `mastercard` 02, 01, 00; all others 05, 06, 07."""
    own = scheme if scheme in _ECI else ""
    return _ECI[own].get(status, "07" if own == "" else "00")


def internal_eci_of(status: Status) -> str:
    """The ECI of the internal format (DE48.42), which each network's dialect has its own word for."""
    return eci_of("", status)


def md_status_of(status: Status) -> str:
    """What a merchant is told: 1 authenticated, 2 not enrolled, 4 attempt, 5 unavailable, 7 error, 0 refused."""
    return _MD_STATUS.get(status, "0")


def liability_of(status: Status) -> str:
    """Who bears the loss where the cardholder denies the payment: `issuer` or `merchant`."""
    return "issuer" if status in PROVED else "merchant"
