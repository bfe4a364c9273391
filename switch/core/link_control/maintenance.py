"""What an operator keeps from payments: a host, an acquirer, a listener's connections, or one connection.

Theory of operation. A *target* is a name for connections. Signing it off takes them out of use at once: a host is told (0800,
DE70=002), an acquirer's requests are refused; the connections stay, so that resuming takes one message. Draining does the same
once what is in flight has ended; until then new requests are refused, while answers, reversals and advices pass.

    up ──sign off──> maintenance ──resume──> signing on ──0810──> up        (a host)
     └──drain──> draining ──nothing in flight──> maintenance ──resume──> up (an acquirer)

That a host, acquirer or listener is kept out is durable (`Maintained`): it outlives its connections and this process, for a crash
must not undo what an operator wanted. One connection (`atlas#3`) is kept out for as long as it lasts.
"""

from typing import Final

from switch.core.kernel import Kernel
from switch.core.link_control.network_management import NetworkManagement
from switch.core.links.session import RESUME_HINT, Session, maintenance_of, targets_of
from switch.core.links.states import LinkEvent, SessionState
from switch.core.records.records import Maintained

LOOK_NS: Final = 20_000_000
"""while something drains it is looked at so often"""
IN_USE: Final = frozenset({SessionState.UP, SessionState.SIGNING_ON, SessionState.SIGNED_OFF, SessionState.DRAINING})
KEPT_OUT: Final = frozenset({SessionState.DRAINING, SessionState.MAINTENANCE})


class Maintenance:
    """Begins and ends what is kept out, signs hosts off and on, and keeps it over reconnects."""

    def __init__(self, kernel: Kernel, management: NetworkManagement) -> None:
        self._kernel = kernel
        self._management = management
        self._looked_ns = 0
        self._draining: set[str] = set()
        """links"""

    def keep_out(self, session: Session) -> bool:
        """True if a connection with a host, just made, is not to be used: it waits for `resume`."""
        target = maintenance_of(self._kernel.state.maintenance, session)
        if target:
            session.move(LinkEvent.KEEP_OUT)
            hint = RESUME_HINT.format(target.partition(":")[2])
            self._kernel.log("warning", "link.maintenance", link=session.link, maintenance=target, hint=hint)
        return bool(target)

    def adopt(self, session: Session) -> None:
        """A connection that another switch had (`core.handover.succession`): what drained there goes on draining here."""
        if session.state is SessionState.DRAINING:
            self._draining.add(session.link)

    def sessions_of(self, target: str) -> list[Session]:
        """The connections a target names; one connection's own name is a target, too."""
        sessions = self._kernel.sessions
        if target in sessions:
            return [sessions[target]]
        return [s for s in sessions.values() if target in targets_of(s)]

    # -- commands

    def begin(self, target: str, now: int, *, drain: bool) -> None:
        """Keep it out: at once, or (`drain`) once what is in flight has ended."""
        kernel = self._kernel
        if "#" not in target and target not in kernel.state.maintenance:
            kernel.record(Maintained(at_us=kernel.wall_us(now), target=target, on=True))
        for session in self.sessions_of(target):
            if session.state not in IN_USE:
                continue
            carried = session.state is SessionState.UP or session.state is SessionState.DRAINING
            if session.host is not None:
                session.host.remove(session)
            if drain and carried:
                session.move(LinkEvent.DRAIN)
                self._draining.add(session.link)
            else:
                self._out(session, now)
        self._looked_ns = now

    def end(self, target: str, now: int) -> None:
        """Let it in again, where no other target keeps it out."""
        kernel = self._kernel
        if target in kernel.state.maintenance:
            kernel.record(Maintained(at_us=kernel.wall_us(now), target=target, on=False))
        for session in self.sessions_of(target):
            if session.state in KEPT_OUT and not maintenance_of(kernel.state.maintenance, session):
                self._in(session, now)

    def _out(self, session: Session, now: int) -> None:
        """Out of use, now."""
        self._draining.discard(session.link)
        told = session.host is not None and session.state is not SessionState.SIGNED_OFF
        session.move(LinkEvent.KEEP_OUT)
        if told:
            self._management.sign_off(session, now)
        self._kernel.log("warning", "link.maintenance", link=session.link, source=session.source, told=told)

    def _in(self, session: Session, now: int) -> None:
        """In use again: a host that was signed off is signed on to first."""
        self._draining.discard(session.link)
        if session.host is None:
            session.move(LinkEvent.RESUME)
            self._kernel.log("info", "link.resumed", link=session.link, source=session.source)
        elif session.state is SessionState.DRAINING:
            session.move(LinkEvent.RESUME)
            self._management.mark_up(session, now)
        else:
            self._management.sign_on(session, now)

    # -- time

    def tick(self, now: int) -> None:
        """Sign off what has drained."""
        if not self._draining or now - self._looked_ns < LOOK_NS:
            return
        self._looked_ns = now
        kernel = self._kernel
        busy = {link for pending in kernel.pending.values() for link in (pending.link, pending.host_link)}
        for link in list(self._draining - busy):
            session = kernel.sessions.get(link)
            if session is None or session.state is SessionState.CLOSING:
                self._draining.discard(link)
            else:
                kernel.log("info", "link.drained", link=link)
                self._out(session, now)

    def deadline(self) -> int | None:
        """When to look again."""
        return self._looked_ns + LOOK_NS if self._draining else None
