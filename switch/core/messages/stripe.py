"""Track 2 (DE35) as stripes have it, and as a chip without contact says it to terminals that read stripes only.

In: DE35. Out: its parts. Where its values stand is Visa's layout for all schemes (assumed): PVKI (1), PVV (4), CVV (3); of a chip
that is read so (DE22 91) a value that changes in the CVV's place, and after it the last four digits of its counter (ATC) and one
of the terminal's unpredictable number. Mastercard's cards choose the places themselves (PCVC3, PUNATC).
"""

from typing import Final, NamedTuple

from switch.wire.vocabulary import DE, Document

CONTACTLESS_STRIPE: Final = "91"
"""PAN entry mode (DE22): a chip without contact, by the rules of stripes"""
_VALUE: Final = slice(5, 8)
_COUNTER: Final = slice(8, 12)
_UNPREDICTABLE: Final = slice(12, 13)
_TURN: Final = 10_000
"""counters of which the last four digits are the same"""
_EXPIRY: Final = 4


class Stripe(NamedTuple):
    """Track 2, taken apart; "" where it is too short."""

    pan: str
    expiry: str
    """YYMM"""
    service_code: str
    discretionary: str

    @property
    def value(self) -> str:
        """CVV or iCVV, dCVV or CVC3: three digits."""
        return self.discretionary[_VALUE]

    @property
    def counter(self) -> str:
        """The counter's last four digits, of a chip."""
        return self.discretionary[_COUNTER]

    @property
    def unpredictable(self) -> str:
        """The terminal's digit, of a chip."""
        return self.discretionary[_UNPREDICTABLE]

    @property
    def template(self) -> str:
        """What of it does not change: zeros stand for what does."""
        return f"{self.pan}D{self.expiry}{self.service_code}{self.discretionary[: _VALUE.start]}{'0' * 8}"


def stripe_of(track: str) -> Stripe:
    """The parts of DE35."""
    pan, _, rest = track.replace("D", "=").partition("=")
    return Stripe(pan, rest[:_EXPIRY], rest[_EXPIRY:7], rest[7:])


def earliest_expiry(document: Document) -> str:
    """The month (YYMM) after which a card no longer pays: the earlier one of DE14's and track 2's. "": neither says one."""
    said = (document.get(DE.EXPIRY, ""), stripe_of(document.get(DE.TRACK2, "")).expiry)
    return min((month for month in said if len(month) == _EXPIRY and month.isdecimal()), default="")


def whole_counter(digits: str, last: int) -> int:
    """The counter that these four digits are the end of: the first above the last one that was proved (-1: none was)."""
    return last + 1 + (int(digits) - last - 1) % _TURN
