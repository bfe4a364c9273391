"""Who has not signed on may say what he likes as often as he likes: what the log says of it is bounded by the address.

Of each address so many lines are written at once and one a second after that; what goes beyond is counted, and said in one line a
second. Without it a flood nobody signed for turns the log over until nothing else is in it.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from switch.core.party import Effect, Hop, Log, Send

AT_ONCE: Final = 50
"""lines of one address, before it gets one a second"""
ADDRESSES_MAX: Final = 1_024
"""remembered; of more, those heard of longest ago share `OTHERS`"""
SAID_MAX: Final = 20
"""addresses with a line of their own in a second"""
OTHERS: Final = "others"
_SECOND: Final = 1_000_000_000


class _Address:
    """What one address may still say, and what it has said beyond that."""

    __slots__ = ("at_ns", "left", "unsaid")

    def __init__(self, now: int) -> None:
        self.at_ns = now
        self.left = AT_ONCE
        self.unsaid: Counter[str] = Counter()

    def may_say(self, now: int) -> bool:
        seconds = (now - self.at_ns) // _SECOND
        if seconds > 0:
            self.left = min(AT_ONCE, self.left + seconds)
            self.at_ns += seconds * _SECOND
        if not self.left:
            return False
        self.left -= 1
        return True


class Strangers:
    """Bounds what is logged of each address, and counts the rest."""

    def __init__(self, event: str = "unsigned.counted") -> None:
        """`event`: what the lines are called that count."""
        self._event = event
        self._addresses: OrderedDict[str, _Address] = OrderedDict()
        self._due: int | None = None
        """when what is counted is said"""

    def sift(self, effects: list[Effect], since: int, peer: str, now: int) -> None:
        """Take out of `effects[since:]` what the log has no room for, and count it. `peer`: an address; "", which nobody knows,
        is not counted."""
        if peer and len(effects) > since:
            effects[since:] = [left for effect in effects[since:] for left in self._left(effect, peer, now)]

    def _left(self, effect: Effect, peer: str, now: int) -> Iterator[Effect]:
        said = effect.hop if isinstance(effect, Send) else effect
        if not isinstance(said, Hop | Log) or self._may_say(said.event, peer, now):
            yield effect
        elif isinstance(effect, Send):
            yield msgspec.structs.replace(effect, hop=None)

    def _may_say(self, event: str, peer: str, now: int) -> bool:
        address = self._addresses.get(peer)
        if address is None:
            address = self._addresses[peer] = _Address(now)
            if len(self._addresses) > ADDRESSES_MAX:
                self._forget(now)
        if address.may_say(now):
            return True
        address.unsaid[event] += 1
        if self._due is None:
            self._due = now + _SECOND
        return False

    def _forget(self, now: int) -> None:
        """Let go of the address heard of longest ago; what it said unwritten is said for the others."""
        oldest = next(name for name in self._addresses if name != OTHERS)
        unsaid = self._addresses.pop(oldest).unsaid
        if unsaid:
            self._addresses.setdefault(OTHERS, _Address(now)).unsaid.update(unsaid)

    def deadline(self) -> int | None:
        """When `counted` has something to say; None: never."""
        return self._due

    def counted(self, now: int) -> Iterator[Log]:
        """Once a second: a line for each address with more than was written, and one for all that are beyond `SAID_MAX`."""
        if self._due is None or now < self._due:
            return
        self._due = None
        rest = Counter[str]()
        said = 0
        for peer, address in self._addresses.items():
            unsaid, address.unsaid = address.unsaid, Counter()
            if unsaid and said < SAID_MAX and peer != OTHERS:
                said += 1
                yield self._line(peer, unsaid)
            else:
                rest += unsaid
        if rest:
            yield self._line(OTHERS, rest)

    def _line(self, peer: str, unsaid: Counter[str]) -> Log:
        fields: dict[str, Any] = {"peer": peer, "times": unsaid.total(), "events": dict(unsaid)}
        fields["hint"] = (
            "this many more than there are lines of; the first of an address are written, the rest is counted"
        )
        return Log("warning", self._event, fields)
