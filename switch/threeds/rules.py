"""Which server authenticates a card, and when it asks: the network file's `[[acs]]`, turned to card numbers.

In: a network, a card's number. Out: its server and rule; the card ranges that a directory server announces. The one rule: of
several ranges that hold a card the longest counts, as in routing.
"""

from collections.abc import Iterator

import msgspec

from switch.core.authentication import AccessControl, AuthenticationRule, acs_of
from switch.core.network import Network
from switch.core.routing.routing import Router
from switch.threeds.protocol.errors import VERSION

NOT_ENROLLED = "not-enrolled"


class CardRange(msgspec.Struct, frozen=True, kw_only=True):
    """Cards that one server authenticates, whole numbers from `low` to `high`."""

    low: str
    high: str
    method_url: str = ""
    version: str = VERSION
    """the newest that this side and its server both speak"""

    def holds(self, pan: str) -> bool:
        """Is the card one of these?"""
        return len(pan) == len(self.low) and self.low <= pan <= self.high


class Rules:
    """By card number: which access control server, and whether its bank asks for a code."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._router = Router(network)

    def scheme_of(self, pan: str) -> str:
        """`cmi`, `visa` …; "" for no card's number."""
        found = self._router.lookup(pan)
        return found.scheme if found is not None else ""

    def find(self, pan: str) -> tuple[AccessControl, AuthenticationRule] | None:
        """Its server and what that does; None: the card is not enrolled."""
        found = self._router.lookup(pan)
        acs = acs_of(self._network.acs, found.issuer or found.scheme) if found is not None else None
        if acs is None:
            return None
        fitting = [rule for rule in acs.rules if rule.low <= pan[: len(rule.low)] <= rule.high]
        rule = max(fitting, key=lambda rule: len(rule.low))
        return None if rule.asks == NOT_ENROLLED else (acs, rule)

    def card_ranges(self) -> Iterator[tuple[CardRange, AccessControl]]:
        """All cards that are enrolled, without overlap, in order."""
        for size in sorted({b.digits for b in self._network.bins}):
            yield from self._of_size(size)

    def _of_size(self, size: int) -> Iterator[tuple[CardRange, AccessControl]]:
        """Cut at every edge of a range or rule; between two edges all cards are alike."""
        spans = [(b.low, b.high) for b in self._network.bins]
        spans += [(rule.low, rule.high) for acs in self._network.acs for rule in acs.rules if rule.low]
        edges = {int(low.ljust(size, "0")) for low, _ in spans} | {int(high.ljust(size, "9")) + 1 for _, high in spans}
        begun: tuple[str, AccessControl] | None = None
        for edge in sorted(edges):
            pan = f"{edge:0{size}d}"
            found = self.find(pan) if len(pan) == size else None
            owner = found[0] if found is not None else None
            if begun is not None and begun[1] is not owner:
                yield CardRange(low=begun[0], high=f"{edge - 1:0{size}d}", method_url=_method(begun[1])), begun[1]
                begun = None
            if begun is None and owner is not None:
                begun = pan, owner


def _method(acs: AccessControl) -> str:
    return f"{acs.url}/method" if acs.method else ""
