"""What a route decides: where a message goes, and all that one range of cards can decide."""

import msgspec

from switch.core.network import BinRange


class Decision(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where a message goes, or why it goes nowhere."""

    host: str
    """host link name; "" where it is refused"""
    route: str
    """`domestic`, `visa`, `mastercard` or `refused`"""
    de39: str
    """"" where it is not refused"""
    rule: str
    """one sentence for the log, with the line of the network file it rests on"""
    bin: BinRange | None
    """the range the card belongs to, if one does"""

    @property
    def refused(self) -> bool:
        """True where the switch answers itself, with `de39`."""
        return not self.host


class Choices(msgspec.Struct, frozen=True, gc=False):
    """All that a range can decide, made before the first message."""

    bin: BinRange
    domestic_only: bool
    member: Decision
    network: Decision
    acquirer_abroad: Decision
    merchant_abroad: Decision
