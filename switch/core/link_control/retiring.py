"""Connections that a changed network file no longer knows as they are: they end when they can be missed.

An acquirer's or terminal's ends as soon as nothing it asked still waits. A host's gives way once another connection of that host
is up and what was asked on it is answered; until then it goes on carrying payments, for an address that cannot be reached must
not cost one that can.
"""

from switch.core.kernel import Kernel
from switch.core.link_control.network_management import NetworkManagement
from switch.core.links.session import HostState, Session
from switch.core.links.states import LinkEvent, SessionState
from switch.core.party import Close, LinkId

LOOK_NS = 50_000_000
"""between two looks whether they can be missed"""


class Retiring:
    """Lets connections end once they can be missed."""

    def __init__(self, kernel: Kernel, management: NetworkManagement) -> None:
        self._kernel = kernel
        self._management = management
        self.links: dict[LinkId, str] = {}
        """connections that are to end -> why"""
        self._look_at = 0

    def add(self, session: Session, reason: str, now: int) -> None:
        """Have this connection end, for this reason."""
        self.links[session.link] = reason
        self._look_at = now

    def deadline(self) -> int | None:
        """When to look next."""
        return self._look_at if self.links else None

    def tick(self, now: int) -> None:
        """Let go whoever can be missed."""
        if not self.links or now < self._look_at:
            return
        self._look_at = now + LOOK_NS
        kernel = self._kernel
        busy = {pending.link for pending in kernel.pending.values()}
        busy |= {pending.host_link for pending in kernel.pending.values()}
        for link, reason in list(self.links.items()):
            session = kernel.sessions.get(link)
            if session is None or session.state is SessionState.CLOSING:
                del self.links[link]
            elif session.host is None:
                if link not in busy:
                    self._end(session, reason)
            elif self._give_way(session, session.host) and link not in busy:
                self._management.sign_off(session, now)
                self._end(session, reason)

    def _give_way(self, session: Session, host: HostState) -> bool:
        """True once other connections of the host take what comes. One that is not up has nothing to give."""
        if any(other.link not in self.links for other in host.sessions):
            host.remove(session)
        return session not in host.sessions

    def _end(self, session: Session, reason: str) -> None:
        del self.links[session.link]
        session.move(LinkEvent.CLOSE)
        self._kernel.effects.append(Close(session.link, reason))
