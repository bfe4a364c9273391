"""An operator's commands on links: which there are and how they fare; out of use and in again."""

import msgspec

from switch.core.kernel import Kernel
from switch.core.link_control.leaving import Leaving
from switch.core.link_control.maintenance import Maintenance
from switch.core.links.session import HostState, Session
from switch.core.links.states import SessionState
from switch.core.network import HostRole, ListenerRole
from switch.core.operator.command import Arguments, Command, Unable, unknown
from switch.core.operator.errors import ErrorCode
from switch.core.operator.keys import KeyCommands, KeyRow


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One connection."""

    link: str
    """`NAME#N`"""
    role: ListenerRole
    peer: str
    """member or host at the other end; "" before it has signed on"""
    dialect: str
    state: str
    in_flight: int
    """payments that came on it (acquirer) or left on it (host) and wait for their answer"""
    heard_ms: int
    """since something came"""
    good: int
    """messages read"""
    bad: int
    """messages that could not be"""
    certificate: str = ""
    """subject of the other end's; "": a plain connection"""
    certificate_ends_us: int = 0
    """wall clock; 0: not known"""


class HostRow(msgspec.Struct, frozen=True, kw_only=True):
    """One host, over all its connections."""

    host: str
    role: HostRole
    route: str
    """`domestic` or the network's scheme"""
    dialect: str
    address: str
    """where the switch connects to; "": it connects in"""
    state: str
    """`up`, `signing on`, `signed off`, `draining`, `maintenance`; `away`: without a connection; `leaving`: no longer in the
    network file, and here until nothing can come back to it"""
    up: int
    """connections that carry payments"""
    connections: int
    """that the switch keeps, or (where the host connects in) that there are"""
    in_flight: int
    owed: int
    """reversals and advices it has not acknowledged"""
    leaving_since_us: int = 0
    """wall-clock microseconds; 0: it is in the network file"""
    stays_for: str = ""
    """of one that is leaving: what can still come back to it"""


class Links(msgspec.Struct, frozen=True):
    """The answer to `links.list`: hosts, connections, what is kept out."""

    hosts: tuple[HostRow, ...]
    sessions: tuple[SessionRow, ...]
    maintenance: dict[str, int]
    """`host:NAME`, `acquirer:NAME`, `listener:NAME` -> kept out by an operator since, wall-clock microseconds"""
    keys: tuple[KeyRow, ...] = ()
    """those that change by message"""


class Which(Arguments, frozen=True):
    """What to keep out or let in again."""

    name: str
    """of a host, listener or member, or of one connection (`atlas#3`)"""
    acquirer: bool = False
    """the member of this name as acquirer, where a host has the same name"""
    reason: str = ""
    """why, for the logs"""


class TargetState(msgspec.Struct, frozen=True):
    """What was named, and how its connections are now."""

    target: str
    """`host:NAME`, `acquirer:NAME`, `listener:NAME`, or a connection"""
    states: dict[str, str]
    """of its connections, by link"""
    in_flight: int


class LinkCommands:
    """`links.…`"""

    def __init__(self, kernel: Kernel, maintenance: Maintenance, leaving: Leaving, keys: KeyCommands) -> None:
        self._keys = keys
        self._kernel = kernel
        self._maintenance = maintenance
        self._leaving = leaving

    def table(self) -> dict[str, Command]:
        """By name."""
        return {
            "links.list": Command(Arguments, self.list, changes=False),
            "links.show": Command(Which, self.show, changes=False),
            "links.signoff": Command(Which, self.signoff),
            "links.drain": Command(Which, self.drain),
            "links.resume": Command(Which, self.resume),
        }

    # -- in and out of use

    def signoff(self, which: Which, now: int) -> TargetState:
        """Take it out of use at once. Raises Unable."""
        target = self._target(which)
        self._maintenance.begin(target, now, drain=False)
        return self._target_state(target)

    def drain(self, which: Which, now: int) -> TargetState:
        """Take it out of use once what is in flight has ended. Raises Unable."""
        target = self._target(which)
        self._maintenance.begin(target, now, drain=True)
        return self._target_state(target)

    def resume(self, which: Which, now: int) -> TargetState:
        """Put it in use again. Raises Unable."""
        target = self._target(which)
        self._maintenance.end(target, now)
        return self._target_state(target)

    def show(self, which: Which, _: int) -> TargetState:
        """How its connections are, and how much is in flight on them. Raises Unable."""
        return self._target_state(self._target(which))

    def _target(self, which: Which) -> str:
        """Hosts first: a bank's host and the bank as acquirer often have one name."""
        kernel, name = self._kernel, which.name
        if "#" in name:
            session = kernel.sessions.get(name)
            if session is None:
                raise unknown("connection", name, kernel.sessions)
            if session.state in (SessionState.CONNECTED, SessionState.CLOSING):
                raise Unable(
                    f"connection {name} is {session.state.value}: it carries nothing", code=ErrorCode.LINK_IDLE
                )
            return name
        members = {m.name for m in kernel.network.members}
        listeners = {listener.name for listener in kernel.network.listeners}
        if which.acquirer:
            if name not in members:
                raise unknown("member", name, members)
            return f"acquirer:{name}"
        for kind, names in (("host", kernel.hosts.keys()), ("listener", listeners), ("acquirer", members)):
            if name in names:
                return f"{kind}:{name}"
        raise unknown("host, listener, member or connection", name, {*kernel.hosts, *listeners, *members})

    def _target_state(self, target: str) -> TargetState:
        sessions = {s.link: s.state.value for s in self._maintenance.sessions_of(target)}
        waiting = self._kernel.pending.values()
        return TargetState(target, sessions, sum(p.link in sessions or p.host_link in sessions for p in waiting))

    # -- what there is

    def list(self, _: Arguments, now: int) -> Links:
        """Every host, and every connection."""
        kernel = self._kernel
        flying: dict[str, int] = {}
        for pending in kernel.pending.values():
            for link in (pending.link, pending.host_link):
                flying[link] = flying.get(link, 0) + 1
        owed: dict[str, int] = {}
        for entry in kernel.state.owed.values():
            owed[entry.host] = owed.get(entry.host, 0) + 1
        hosts = tuple(self._host(host, owed.get(host.name, 0), now) for host in kernel.hosts.values())
        sessions = tuple(_session(s, flying.get(s.link, 0), now) for s in kernel.sessions.values())
        return Links(hosts, sessions, dict(kernel.state.maintenance), self._keys.rows(now))

    def _host(self, host: HostState, owed: int, now: int) -> HostRow:
        config = host.config
        stays_for = self._leaving.reason(host.name, now) if config.leaving_since_us else ""
        return HostRow(
            host=host.name, role=config.role, route=host.route, dialect=config.dialect, address=str(config.connect or ""),
            state=self._state_of(host), up=len(host.sessions), connections=self._connections(host),
            in_flight=len(host.pending), owed=owed, leaving_since_us=config.leaving_since_us, stays_for=stays_for,
        )  # fmt: skip

    def _connections(self, host: HostState) -> int:
        if host.config.connect is not None:
            return host.config.connections
        return sum(s.host is host for s in self._kernel.with_hosts.values())

    def _state_of(self, host: HostState) -> str:
        if host.config.leaving_since_us:
            return "leaving"
        if host.up is not None:
            return "up"
        states = [s.state.value for s in self._kernel.sessions.values() if s.host is host]
        if states:
            return states[0]
        return "maintenance" if f"host:{host.name}" in self._kernel.state.maintenance else "away"


def _session(session: Session, in_flight: int, now: int) -> SessionRow:
    peer = session.source or (session.host.name if session.host is not None else "")
    shown = session.certificate
    return SessionRow(
        link=session.link, role=session.role, peer=peer, dialect=session.dialect.name, state=session.state.value,
        in_flight=in_flight, heard_ms=max(0, now - session.heard_ns) // 1_000_000, good=session.good, bad=session.bad,
        certificate=shown.subject if shown is not None else "", certificate_ends_us=shown.expires_us if shown is not None else 0,
    )  # fmt: skip
