"""Carries a party's effects out, in the order that `core.party` promises: one piece for production, simulation and playbooks.

In: effects as a party appended them, and the newest position that the journal holds. Out: calls on the `Ports` of whoever drives
the party. It knows no socket, clock or journal.

Rules. Effects are carried out in order. A `Send` whose `after` is above what is durable waits until `release` says that the
journal holds that position: later effects overtake it, other waiting sends do not. An answer whose link is gone when its bytes
are to leave is reported as undelivered, at that moment and not before: until it is durable, nobody was promised anything.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from switch.core.party import Close, Effect, Hop, LinkId, Log, Record, Seal, Send

HopSink: TypeAlias = Callable[[Hop, int, int], None]
"""A hop, its monotonic time, its wall clock time (ns)."""
EVERYTHING: Final = 1 << 62
"""The durable position of a party whose records need not be waited for."""


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """Where effects go. A port may call the party; what that appends is carried out in the next batch."""

    send: Callable[[Send], bool]
    """Hand the bytes to their link. False: there is no such link any more, or it is closing."""
    record: Callable[[int, Any], None]
    """Give the journal an entry, and its position."""
    hop: HopSink | None
    """Log a hop that the party tells of."""
    sent: HopSink | None
    """Log the hop whose bytes have just been handed over."""
    log: Callable[[Log, int], None]
    """Log an event, with its wall clock time."""
    close: Callable[[Close, int], None]
    """Close a link, now."""
    undelivered: Callable[[LinkId, int, int], None]
    """Tell the party that the answer to a transaction did not leave (`Party.undelivered`)."""


class Outbox:
    """The effects of one party in one process. What waits in it when the process dies was never said."""

    __slots__ = ("_waiting", "durable", "ports")

    def __init__(self, ports: Ports, durable: int) -> None:
        """`durable`: the position that the journal holds already."""
        self.ports = ports
        self.durable = durable
        self._waiting: deque[Send] = deque()

    @property
    def waiting(self) -> int:
        """How many sends wait for the journal."""
        return len(self._waiting)

    def carry_out(self, effects: Iterable[Effect], now: int, wall_offset_ns: int) -> None:
        """Carry out effects in order; the commonest kind first, since this runs eight times a payment."""
        ports = self.ports
        log_hop = ports.hop
        made: dict[int, Send] = {}
        for effect in effects:
            if isinstance(effect, Hop):
                if log_hop is not None:
                    log_hop(effect, effect.at_ns, effect.at_ns + wall_offset_ns)
            elif isinstance(effect, Send):
                if effect.seal is not None:
                    if id(effect) not in made:  # the first of its batch; an effect at a time where they come so
                        made = sealed(effects if isinstance(effects, Sequence) else (effect,))
                    effect = made[id(effect)]  # noqa: PLW2901 - the same message, whole
                if effect.after > self.durable:
                    self._waiting.append(effect)
                else:
                    self._send(effect, now, wall_offset_ns)
            elif isinstance(effect, Record):
                ports.record(effect.position, effect.entry)
            elif isinstance(effect, Log):
                ports.log(effect, now + wall_offset_ns)
            else:
                ports.close(effect, now)

    def release(self, position: int, now: int, wall_offset_ns: int) -> None:
        """The journal holds every record up to `position`: send what waited for it."""
        self.durable = position
        waiting = self._waiting
        while waiting and waiting[0].after <= position:
            self._send(waiting.popleft(), now, wall_offset_ns)

    def _send(self, send: Send, now: int, wall_offset_ns: int) -> None:
        ports = self.ports
        if send.seal is not None:
            self._unsealed(send, now, wall_offset_ns)
        elif not ports.send(send):
            if send.txn:
                ports.undelivered(send.link, send.txn, now)
        elif send.hop is not None and ports.sent is not None:
            ports.sent(send.hop, now, now + wall_offset_ns)

    def _unsealed(self, send: Send, now: int, wall_offset_ns: int) -> None:
        """A message that has no MAC, where its link wants one, is not sent."""
        assert send.seal is not None
        (reply,) = send.seal.module.ask([send.seal.command])
        log = Log(
            "error",
            "mac.not_made",
            {
                "link": send.link,
                "key": send.seal.command.key,
                "reason": reply.reason or "the module has refused it before",
                "hint": "nothing leaves this link without its MAC: see to the key, or to the security module",
            },
        )
        self.ports.log(log, now + wall_offset_ns)
        if send.txn:
            self.ports.undelivered(send.link, send.txn, now)

    def drop_waiting(self) -> None:
        """Forget what waits: the process that was to send it is no more."""
        self._waiting.clear()


def sealed(effects: Iterable[Effect]) -> dict[int, Send]:
    """The sends among them that want a MAC, by identity, with it: one question to each module. What is refused is as it was."""
    wanting = [effect for effect in effects if isinstance(effect, Send) and effect.seal is not None]
    by_module: dict[int, list[tuple[Send, Seal]]] = {}
    for send in wanting:
        assert send.seal is not None
        by_module.setdefault(id(send.seal.module), []).append((send, send.seal))
    made: dict[int, Send] = {}
    for group in by_module.values():
        replies = group[0][1].module.ask([seal.command for _, seal in group])
        for (send, seal), reply in zip(group, replies, strict=True):
            made[id(send)] = (
                Send(send.link, seal.finish(reply.value), send.after, send.txn, send.hop) if reply.ok else send
            )
    return made
