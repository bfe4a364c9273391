"""How long turns take, and so how many requests the next one may let in.

A turn is: read what has arrived on all links, deal with it, write what comes of it. What arrives meanwhile waits for the next. A
request's answer takes about three turns beside what its issuer takes, so turns that stay short are latencies that stay flat.

Where each turn of a quarter of a second took more of the processor than it may, it does not keep up; from then on turns have
room for so many requests as fit a sixth of that time, by what they took; the rest is declined (`core.transactions.overload`).
It does not keep up either, however short its turns, where for a second each left something unread on a link: what cannot be
seen waits there, too. Then whatever waits is read while a turn lasts, so that it is declined now, not late.

It is known sooner where more has come meanwhile than was dealt with, and what waits cannot be dealt with in a quarter of a second
any more: at five times what it serves that is so with the second such turn, and each further one would be late for all that wait.

One slow turn, or a burst that is dealt with in a quarter of a second, declines nothing; nor is one that has come whole and grows
no more known sooner. Time that others have the processor is not counted, since to decline would not give it back, until for a
second more waits than is read. A third of a turn at least is for payments, however many are to be declined and whatever that
costs: turns grow longer then.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, runtime_checkable

from switch.core.party import LinkId
from switch.server.connections import RECEIVE_BYTES

GRACE_NS: Final = 250_000_000
BEHIND_NS: Final = 1_000_000_000
"""so long turns may leave something unread, if they are short ones"""
GROWN: Final = 1.0
"""Turns' worth of more that waits than after the first: what has grown by that is no burst which has come whole."""
SHORTER: Final = 6
"""Turns that have bounded room are to be so many times shorter than those that bound it: a payment takes about four of them, and
they become longer by what is declined."""
ROOM_MIN: Final = 16
"""requests: a turn that has nothing to do with them may be long, too"""
ROOM_MAX: Final = 1 << 14
"""room that nobody fills: it is no bound any more"""


@runtime_checkable
class Yielding(Protocol):
    """A party that can spare connections for others."""

    def make_room(self, limit: str, value: int, remedy: str) -> bool:
        """Ask to close one at once, for this limit that `remedy` would raise. False: none can be spared."""


@runtime_checkable
class Choosing(Protocol):
    """A party that knows from where one may connect, before anything is read."""

    def admits(self, link: LinkId, peer: str) -> bool:
        """False: this address may not, and the party has said so."""


@runtime_checkable
class Paced(Protocol):
    """A party whose turns may be given bounded room."""

    admitted: int
    shed: int

    def hold(self, room: int) -> None:
        """A turn begins that may let in so many requests."""

    def settle(self, now: int) -> None:
        """All links have been read."""

    def release(self, now: int) -> None:
        """There is room for all again."""


class Waiting(Protocol):
    """A link of which a piece was read."""

    def unread(self) -> int:
        """How many bytes have arrived and wait in the kernel."""


def turns_to_read(links: Sequence[Waiting]) -> float:
    """How many turns it takes to read what waits on these links, of which each has a piece read in one."""
    return sum(link.unread() for link in links) / (RECEIVE_BYTES * max(len(links), 1))


class Pace:
    """Of one driver. `begin_turn` and `end_turn` stand around each turn, `read` between its reading and its writing.

    The party is a `Paced` one: which it is the driver has asked once, since asking costs more than all of this.
    """

    def __init__(
        self,
        turn_ms: int,
        clock: Callable[[], int] = time.perf_counter_ns,
        processor: Callable[[], int] = time.thread_time_ns,
    ) -> None:
        """`clock` is cheap, and read twice a turn; `processor`, this thread's own time, only where turns are long."""
        self.room = 0
        """requests the next turn may let in; 0: any number"""
        self.limit(turn_ms)
        self._clock = clock
        self._processor = processor
        self._began = 0
        self._used_before = 0
        self._late_since = self._late_from = 0
        """when the first such turn ended, and when it began"""
        self._late_admitted = self._late_used = 0
        self._waited = 0.0
        """turns that what the first of them left unread would have taken"""
        self._least = ROOM_MIN
        self._cost_ns = 1
        """of a request that is let in, by what late turns took"""
        self._admitted = self._shed = 0

    def limit(self, turn_ms: int) -> None:
        """From now on turns may take so long."""
        self._turn_ns = turn_ms * 1_000_000
        self._held_ns = self._turn_ns // SHORTER

    def begin_turn(self, party: Any) -> None:
        """Before anything is read: from here the turn is timed, and the party lets in `room` requests of it."""
        self._began = self._clock()
        self._admitted = party.admitted
        if self._late_since or self.room:
            self._used_before = self._processor()
        if self.room:
            self._shed = party.shed
            party.hold(self.room)

    def read(self, party: Any, now: int) -> None:
        """All links have been read, or some of them once more."""
        if self.room:
            party.settle(now)

    def reads_on(self) -> bool:
        """True while a turn of bounded room may look at what is still unread."""
        return self.room > 0 and self._clock() - self._began < self._turn_ns

    def end_turn(self, party: Any, now: int, *, behind: bool, unread: Sequence[Waiting] = ()) -> None:
        """After what came of it was written: find the next turn's `room`. `behind`: a link may have more to be read; `unread`:
        those links, where the turn had room for all."""
        ended = self._clock()
        long = ended - self._began > self._turn_ns
        if self.room:
            self._adapt(party, self._processor() - self._used_before, now)
        elif not (long or behind):
            self._late_since = 0
        elif not self._late_since:
            self._late_since, self._late_from = ended, self._began
            self._late_admitted, self._late_used = 0, 0
            self._waited = turns_to_read(unread)
        else:
            self._late(party, ended, unread, long=long, behind=behind)

    def _late(self, party: Any, ended: int, unread: Sequence[Waiting], *, long: bool, behind: bool) -> None:
        """Another turn that was long, or left something unread."""
        used = self._processor() - self._used_before
        long = long and used > self._turn_ns
        if not (long or behind):
            self._late_since = 0
            return
        self._late_admitted += party.admitted - self._admitted
        self._late_used += used
        waiting = turns_to_read(unread)
        done_in_ns = ended - self._late_from + int(waiting * (ended - self._began))
        grows = waiting >= self._waited + GROWN and done_in_ns > GRACE_NS
        if grows or ended - self._late_since > (GRACE_NS if long else BEHIND_NS):
            self._late_since = 0
            self.room = max(ROOM_MIN, self._late_admitted * self._held_ns // max(self._late_used, 1))
            self._cost_ns = max(1, self._late_used // max(self._late_admitted, 1))
            self._least = max(ROOM_MIN, self.room // 2)

    def _adapt(self, party: Any, used: int, now: int) -> None:
        declined_ns = max(0, used - (party.admitted - self._admitted) * self._cost_ns)
        third = min(declined_ns, self._turn_ns) // 2 // self._cost_ns
        if self.room < third:
            self.room += self.room // 16 + 1
        elif used > self._held_ns:
            self.room = max(self._least, third, self.room * 3 // 4, self.room * self._held_ns // used)
        elif party.shed != self._shed:
            self.room += self.room // 16 + 1
        else:
            self.room += self.room // 4 + 1
            if self.room > ROOM_MAX:
                self.room = 0
                party.release(now)
