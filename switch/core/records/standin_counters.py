"""What the switch has approved in issuers' place: a card's over the last 24 hours, a host's until its issuer has been told.

Part of the switch's state: `state.apply` alone changes it, and times are those of the records, so that a restart counts what
the process before it counted. Cards are known by a keyed digest (`security.vault`), never by their number.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

import msgspec

from switch.wire.dates import DAY_US

WINDOW_US: Final = DAY_US
"""a card's payments count for 24 hours"""

STAND_IN: Final = "stand-in"
"""Route of what the switch approved itself, and reason of the advice about it."""


class Stood(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One payment approved by the switch itself."""

    txn: int
    at_us: int
    """wall-clock microseconds"""
    card: bytes
    """keyed digest of the PAN"""
    amount: int
    """minor units of the home currency"""
    atc: int = -1
    """the counter that the card's chip has proved; -1: none was"""


class StandInCounters(msgspec.Struct):
    """The counters. Bounded by `limits.standin_payments`, which who decides looks at."""

    window: OrderedDict[int, Stood] = msgspec.field(default_factory=OrderedDict)
    """by transaction, oldest first; what is older than the newest by more than the window has left"""
    cards: dict[bytes, list[Stood]] = msgspec.field(default_factory=dict)
    """the same by card"""
    unadvised: dict[str, int] = msgspec.field(default_factory=dict)
    """host -> minor units that its issuer has not been told of"""

    @classmethod
    def of(cls, window: tuple[Stood, ...], unadvised: Iterable[tuple[str, int]]) -> "StandInCounters":
        """Counters as a snapshot has them; `unadvised`: host and amount of each advice that is still owed."""
        made = cls()
        for stood in window:
            made._add(stood)
        for host, amount in unadvised:
            made.unadvised[host] = made.unadvised.get(host, 0) + amount
        return made

    def _add(self, stood: Stood) -> None:
        self.window[stood.txn] = stood
        self.cards.setdefault(stood.card, []).append(stood)

    def count(self, stood: Stood, host: str) -> None:
        """One more; what has left the window is forgotten."""
        while self._oldest_us(stood.at_us) <= stood.at_us - WINDOW_US:
            _, gone = self.window.popitem(last=False)
            left = self.cards[gone.card]
            left.remove(gone)
            if not left:
                del self.cards[gone.card]
        self._add(stood)
        self.unadvised[host] = self.unadvised.get(host, 0) + stood.amount

    def settle(self, host: str, amount: int) -> None:
        """The issuer has taken the advice of one."""
        left = self.unadvised.get(host, 0) - amount
        if left:
            self.unadvised[host] = left
        else:
            self.unadvised.pop(host, None)

    def of_card(self, card: bytes, now_us: int) -> tuple[int, int]:
        """How many payments of a card, and how much, in the window that ends now."""
        counted = [s.amount for s in self.cards.get(card, ()) if s.at_us > now_us - WINDOW_US]
        return len(counted), sum(counted)

    def counter_of(self, card: bytes) -> int:
        """The highest counter that a card's chip has proved in the window; -1: none."""
        return max((stood.atc for stood in self.cards.get(card, ())), default=-1)

    def full(self, payments: int, now_us: int) -> bool:
        """True where one more would be more than `payments` in the window."""
        return len(self.window) >= payments and self._oldest_us(now_us) > now_us - WINDOW_US

    def _oldest_us(self, now_us: int) -> int:
        """When the oldest that is counted was approved; now, where there is none."""
        return next((stood.at_us for stood in self.window.values()), now_us)
