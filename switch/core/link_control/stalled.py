"""Connections that stall: not signed on in time, a frame begun and not finished, idle for longer than their listener allows."""

from collections.abc import Callable, Mapping
from typing import Final

from switch.core.kernel import Kernel
from switch.core.link_control.newcomers import Newcomers
from switch.core.links.session import Session
from switch.core.links.states import SessionState
from switch.core.network import Listener
from switch.core.party import LinkId

SWEEP_NS: Final = 5_000_000_000
"""how often idle connections are looked for"""


class Stalled:
    """Finds connections whose time is over, closes them, and says when the next one's is."""

    def __init__(
        self,
        kernel: Kernel,
        newcomers: Newcomers,
        partial: dict[LinkId, int],
        listeners: Mapping[str, Listener],
        close: Callable[[Session, str], None],
        sift: Callable[[Session, int, int], None],
    ) -> None:
        """`partial`: connections with a frame begun, and since when. `close`: ends a connection, for a reason. `sift`: leaves out
        of the effects since then what the log has no room for."""
        self._kernel = kernel
        self._newcomers = newcomers
        self._partial = partial
        self._listeners = listeners
        self._close = close
        self._sift = sift
        self._swept_ns = 0

    def close(self, now: int) -> None:
        """Close those whose time has come."""
        limits = self._kernel.limits
        self._close_overdue(
            self._newcomers.deadlines, now, now, "sign_on_ms", "did not sign on (0800, DE70=001) in time"
        )
        self._close_overdue(
            self._partial, now - limits.frame_ms * 1_000_000, now, "frame_ms", "a frame was begun and not finished"
        )
        if now - self._swept_ns > SWEEP_NS:
            self._sweep(now)

    def deadline(self) -> int:
        """When the next one is due."""
        due = self._swept_ns + SWEEP_NS + 1
        if self._newcomers.deadlines:
            due = min(due, next(iter(self._newcomers.deadlines.values())))
        if self._partial:
            due = min(due, next(iter(self._partial.values())) + self._kernel.limits.frame_ms * 1_000_000)
        return due

    def _close_overdue(self, table: dict[LinkId, int], until: int, now: int, limit: str, reason: str) -> None:
        kernel = self._kernel
        while table:
            link, at = next(iter(table.items()))
            if at > until:
                return
            del table[link]
            self._newcomers.remove(link)
            session = kernel.sessions.get(link)
            if session is not None:
                since = len(kernel.effects)
                kernel.log("warning", "limit.reached", limit=limit, value=getattr(kernel.limits, limit), link=link, reason=reason,
                           hint=f"raise {limit} in [limits] of the network file if it is only slow")  # fmt: skip
                self._close(session, reason)
                self._sift(session, since, now)

    def _sweep(self, now: int) -> None:
        """Close connections that have been idle for longer than their listener allows."""
        self._swept_ns = now
        idle_ns = {
            name: listener.idle_s * 1_000_000_000 for name, listener in self._listeners.items() if listener.idle_s
        }
        if not idle_ns:
            return
        for session in list(self._kernel.sessions.values()):
            allowed = idle_ns.get(session.name)
            if allowed and now - session.heard_ns > allowed and session.state is not SessionState.CLOSING:
                self._close(
                    session, f"idle for more than {allowed // 1_000_000_000} s (idle_s of listener {session.name})"
                )
