"""Who may look on: the port through which a driver shows what passes on its links, to a capture for one.

Rule: looking on changes nothing and costs nothing where nobody does: a driver asks once a batch.
"""

from typing import Protocol

from switch.core.network import Address
from switch.core.party import Hop, LinkId


class Watcher(Protocol):
    """Is shown bytes and what they are. Times are the wall clock, ns. It raises nothing: payments come first."""

    def opened(self, link: LinkId, own: Address, peer: Address, dialed: bool, wall_ns: int) -> None:
        """A connection, new or there already when watching began. `dialed`: this side made it."""

    def received(self, link: LinkId, data: bytes, wall_ns: int) -> None:
        """Bytes as the stream brought them."""

    def understood(self, hop: Hop) -> None:
        """What the party made of something received on `hop.link`; comes after its `received`."""

    def sent(self, link: LinkId, data: bytes, hop: Hop | None, wall_ns: int) -> None:
        """One whole message, framed, as it is handed to the socket."""

    def closed(self, link: LinkId, wall_ns: int) -> None:
        """The connection is gone, or watching ends."""

    def flush(self) -> None:
        """Nobody waits just now: do what was put off."""
