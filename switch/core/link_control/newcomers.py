"""Connections that have not signed on yet: how many there may be, and which of them go first.

Theory of operation. Anybody who reaches a listener can hold a connection open until `sign_on_ms` has passed, so that whoever
makes enough of them would lock everybody else out. Three bounds hold (`unsigned_per_address`, `unsigned_per_listener`,
`unsigned_connections` in `[limits]`), and one rule: where there is no room for a newcomer, be it for these bounds, a listener's
`max_connections` or the process's, an unsigned connection goes, the oldest of the address that has most of them; so a flood from
one address displaces itself. Only where all that are open have signed on is the newcomer turned away.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

from switch.core.limits import Limits
from switch.core.network import Listener
from switch.core.party import LinkId

Place: TypeAlias = tuple[str, str]
"""listener, and the other end's address without a port"""
Spare: TypeAlias = Callable[[LinkId, str, int, str], None]
"""(link, limit, value, what to raise): close it at once, and say why"""
IN_LIMITS: Final = "{} in [limits] of the network file"


class Counted(Protocol):
    """A connection, as far as it is counted."""

    link: LinkId
    name: str
    peer: str


class Newcomers:
    """The connections that have not signed on, oldest first, by listener and address."""

    def __init__(self, spare: Spare) -> None:
        """`spare` closes a connection for the sake of others."""
        self.deadlines: dict[LinkId, int] = {}
        """connection -> when it is closed unless it has signed on; in that order"""
        self._spare = spare
        self._places: dict[LinkId, Place] = {}
        self._at: dict[Place, dict[LinkId, None]] = {}
        """oldest first"""
        self._of_listener: Counter[str] = Counter()
        self._of_address: Counter[str] = Counter()

    def add(self, session: Counted, until_ns: int) -> None:
        """Count a connection that has not signed on, and has until `until_ns` to do so."""
        place = session.name, session.peer
        self.deadlines[session.link] = until_ns
        self._places[session.link] = place
        self._at.setdefault(place, {})[session.link] = None
        self._of_listener[session.name] += 1
        self._of_address[session.peer] += 1

    def remove(self, link: LinkId) -> None:
        """Count it no more: it has signed on, or is gone. Nothing happens where it was not counted."""
        self.deadlines.pop(link, None)
        place = self._places.pop(link, None)
        if place is None:
            return
        del self._at[place][link]
        if not self._at[place]:
            del self._at[place]
        name, peer = place
        self._of_listener[name] -= 1
        self._of_address[peer] -= 1
        if not self._of_address[peer]:
            del self._of_address[peer]

    def bound(self, session: Counted, listener: Listener, open_there: int, limits: Limits) -> None:
        """Hold all bounds, now that `session` was added. `open_there`: connections of its listener, signed on or not."""
        name, peer = session.name, session.peer
        if open_there > listener.max_connections:
            self._spare(
                self._oldest(name=name),
                "max_connections",
                listener.max_connections,
                f"max_connections in [[listener]] {name} of the network file",
            )
        elif self._of_address[peer] > limits.unsigned_per_address:
            self._spare(
                self._oldest(peer=peer),
                "unsigned_per_address",
                limits.unsigned_per_address,
                IN_LIMITS.format("unsigned_per_address"),
            )
        elif self._of_listener[name] > limits.unsigned_per_listener:
            self._spare(
                self._oldest(name=name),
                "unsigned_per_listener",
                limits.unsigned_per_listener,
                IN_LIMITS.format("unsigned_per_listener"),
            )
        elif len(self._places) > limits.unsigned_connections:
            self._spare(
                self._oldest(),
                "unsigned_connections",
                limits.unsigned_connections,
                IN_LIMITS.format("unsigned_connections"),
            )

    def make_room(self, limit: str, value: int, remedy: str) -> bool:
        """Let one go, as the process has no room for another. False: all have signed on."""
        if self._places:
            self._spare(self._oldest(), limit, value, remedy)
            return True
        return False

    def _oldest(self, name: str = "", peer: str = "") -> LinkId:
        """The oldest connection of the address that has most, at one listener or address where that is named. There is one."""
        found = (links for (at, address), links in self._at.items() if name in ("", at) and peer in ("", address))
        most: dict[LinkId, None] = max(found, key=len)
        return next(iter(most))
