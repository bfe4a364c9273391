"""Who may look on: the port through which a driver shows what passes on its links, to a capture for one.

Rule: looking on changes nothing and costs nothing where nobody does: a driver asks once a batch.
"""

from collections.abc import Callable, Container
from typing import Protocol

import msgspec

from switch.core.network import Address
from switch.core.outbox import Ports
from switch.core.party import Hop, LinkId, Send, link_name
from switch.server.connections import Connection, address_of


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

    def written(self) -> None:
        """What was sent has left, as far as the sockets took it."""

    def closed(self, link: LinkId, wall_ns: int) -> None:
        """The connection is gone, or watching ends."""

    def flush(self) -> None:
        """Nobody waits just now: do what was put off."""


def show_opened(watcher: Watcher, connection: Connection, listening: Container[str], wall_ns: int) -> None:
    """Show a connection, whose socket knows its ends. `listening`: names of the links that this side does not make."""
    own, peer = address_of(connection.sock.getsockname), address_of(connection.sock.getpeername)
    watcher.opened(connection.link, own, peer, link_name(connection.link) not in listening, wall_ns)


def watched(ports: Ports, watcher: Watcher, wall: Callable[[], int]) -> Ports:
    """The same ports, with a look at what passes. `wall`: the wall clock, ns."""
    hop, send = ports.hop, ports.send

    def show_hop(shown: Hop, at_ns: int, wall_ns: int) -> None:
        watcher.understood(shown)
        if hop is not None:
            hop(shown, at_ns, wall_ns)

    def show_and_send(message: Send) -> bool:
        sent = send(message)
        if sent:
            watcher.sent(message.link, message.data, message.hop, wall())
        return sent

    return msgspec.structs.replace(ports, hop=show_hop, send=show_and_send)
