"""An operator's commands on links: which there are and how they fare."""

import msgspec

from switch.core.command import Arguments, Command
from switch.core.kernel import Kernel
from switch.core.links import HostState, Session


class SessionRow(msgspec.Struct, frozen=True):
    """One connection."""

    link: str
    """`NAME#N`"""
    role: str
    """`acquirer`, `terminal` or `host`"""
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


class HostRow(msgspec.Struct, frozen=True):
    """One host, over all its connections."""

    host: str
    role: str
    route: str
    """`domestic` or the network's scheme"""
    dialect: str
    address: str
    """where the switch connects to; "": it connects in"""
    state: str
    """`up`, `signed off`, `signing on`, or `away` without a connection"""
    up: int
    """connections that carry payments"""
    in_flight: int
    owed: int
    """reversals and advices it has not acknowledged"""


class Links(msgspec.Struct, frozen=True):
    """All there are."""

    hosts: tuple[HostRow, ...]
    sessions: tuple[SessionRow, ...]


class LinkCommands:
    """`links.…`"""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def table(self) -> dict[str, Command]:
        """By name."""
        return {"links.list": Command(Arguments, self.list, changes=False)}

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
        hosts = tuple(self._host(host, owed.get(host.name, 0)) for host in kernel.hosts.values())
        sessions = tuple(_session(s, flying.get(s.link, 0), now) for s in kernel.sessions.values())
        return Links(hosts, sessions)

    def _host(self, host: HostState, owed: int) -> HostRow:
        config = host.config
        return HostRow(
            host=host.name, role=config.role, route=host.route, dialect=config.dialect, address=str(config.connect or ""),
            state=self._state_of(host), up=len(host.sessions), in_flight=len(host.pending), owed=owed,
        )  # fmt: skip

    def _state_of(self, host: HostState) -> str:
        if host.up is not None:
            return "up"
        states = [s.state.value for s in self._kernel.sessions.values() if s.host is host]
        return states[0] if states else "away"


def _session(session: Session, in_flight: int, now: int) -> SessionRow:
    peer = session.source or (session.host.name if session.host is not None else "")
    return SessionRow(
        link=session.link, role=session.role, peer=peer, dialect=session.dialect.name, state=session.state.value,
        in_flight=in_flight, heard_ms=max(0, now - session.heard_ns) // 1_000_000, good=session.good, bad=session.bad,
    )  # fmt: skip
