"""What all simulated parties share: lines, timers, the calendar. See `switch.core.party` for the contract."""

import heapq
from collections.abc import Callable
from datetime import date

from switch.core.party import Certificate, Effect, LinkId, Log
from switch.simulators.clock import Calendar, Moment
from switch.simulators.endpoint import Heard, Line, Speech
from switch.simulators.key_desk import KeyDesk
from switch.wire import EncodeError
from switch.wire.dates import day_of
from switch.wire.vocabulary import DE, Document

MS = 1_000_000
CATCH_UP = 256
"""payments sent in one go at most when the timer was late; what is beyond is skipped, and said"""


class Host:
    """A party with one speech on all of its links. Subclasses say what a message means to them (`on_message`)."""

    def __init__(self, name: str, speech: Speech) -> None:
        self.name = name
        self.effects: list[Effect] = []
        self.wall_offset_ns = 0
        self.lines: dict[LinkId, Line] = {}
        self.draining = False
        self._speech = speech
        self.letters = ""
        """what it writes letters in where its dialect has ASCII (`lettering`); "": it writes none"""
        self._calendar = Calendar()
        self._timers: list[tuple[int, int, Callable[[int], None]]] = []
        self._timer_count = 0
        self._stan = 0
        self.ahead_ns = 0
        """its clock is ahead of the world's by so much"""
        self.keys = KeyDesk(self, speech, self.signed_on_line) if speech.sets is not None else None
        """where its keys change by message"""

    # -- for subclasses

    def signed_on_line(self) -> Line | None:
        """A line that is signed on."""
        return next((line for line in self.lines.values() if line.signed_on), None)

    def on_connected(self, line: Line, now: int) -> None:
        """A link came up."""

    def on_message(self, line: Line, heard: Heard, now: int) -> None:
        """A message came."""

    def on_disconnected(self, line: Line, now: int) -> None:
        """A link is gone."""

    def emit(self, effect: Effect) -> None:
        """Append an effect; the driver replaces the list between calls, so nobody may keep it."""
        self.effects.append(effect)

    def log(self, level: str, event: str, **fields: object) -> None:
        """Append a log event under this party's name."""
        self.effects.append(Log(level, event, {"party": self.name, **fields}))

    def at(self, when: int, do: Callable[[int], None]) -> None:
        """Call `do(now)` at `when` (monotonic ns) or soon after."""
        self._timer_count += 1
        heapq.heappush(self._timers, (when, self._timer_count, do))

    def moment(self, now: int) -> Moment:
        """The wall clock, as messages write it."""
        return self._calendar.at(now + self.wall_offset_ns + self.ahead_ns)

    def _today(self) -> date:
        return day_of(self._calendar.last.second * 1_000_000)

    def next_stan(self) -> str:
        """DE11 of this party's own network messages: 1 to 999,999, then again."""
        self._stan = self._stan % 999_999 + 1
        return f"{self._stan:06d}"

    def say(self, line: Line, document: Document, reference: Document | None = None, *, after: int = 0) -> None:
        """Send on `line`, once the journal holds `after`; what its dialect cannot say is logged instead."""
        try:
            line.say(document, reference, after)
        except EncodeError as error:
            self.log("error", "message.unspeakable", link=line.link, mti=document.get(DE.MTI, ""), reason=str(error))

    # -- the contract

    def connected(self, link: LinkId, now: int, peer: str = "", certificate: Certificate | None = None) -> None:
        """A connection was accepted or made."""
        del peer, certificate
        self.moment(now)
        line = self.lines[link] = Line(link, self._speech, self.emit, self._today, self.letters)
        self.on_connected(line, now)

    def received(self, link: LinkId, data: bytes, now: int) -> None:
        """Bytes as the stream brought them."""
        line = self.lines.get(link)
        if line is None:
            return
        for heard in line.hear(data):
            signed_on = line.signed_on
            if self.keys is None or not self.keys.take(line, heard, now):
                self.on_message(line, heard, now)
            if self.keys is not None and line.signed_on and not signed_on:
                self.keys.link_up(now)

    def disconnected(self, link: LinkId, now: int) -> None:
        """The connection is gone."""
        line = self.lines.pop(link, None)
        if line is not None:
            self.on_disconnected(line, now)

    def undelivered(self, link: LinkId, txn: int, now: int) -> None:
        """No send of a simulator asks for it."""

    def durable(self, position: int, now: int) -> None:
        """No journal."""

    def journal_state(self, up: bool, reason: str, now: int) -> None:
        """No journal."""

    def tick(self, now: int) -> None:
        """Run the timers that are due."""
        timers = self._timers
        while timers and timers[0][0] <= now:
            heapq.heappop(timers)[2](now)

    def next_deadline(self) -> int | None:
        """When the first timer is due."""
        return self._timers[0][0] if self._timers else None

    def drain(self, now: int) -> None:
        """Take no new work."""
        del now
        self.draining = True

    def drained(self) -> bool:
        """Nothing to wait for."""
        return self.draining
