"""The connections of a certification, and what leaves on them: at once, or later. Pure; the examiner asks it."""

from datetime import date
from typing import NamedTuple

from switch.certify.findings import Passage
from switch.certify.plan import Reply
from switch.certify.run import MS
from switch.certify.wire import Came, Manner, Wire
from switch.certify.words import Words
from switch.core.party import Close, Effect, LinkId, Send
from switch.simulators.clock import Calendar, Moment
from switch.wire import Document
from switch.wire.dates import day_of


def first_stan(wall_ns: int) -> int:
    """DE11 that a run begins with. One that begins within the second of another, which DE7 does not tell apart, uses none of its
    numbers, or its messages would be taken for repeats."""
    return wall_ns // 100_000 % 999_999 + 1


class _Later(NamedTuple):
    """A reply that waits."""

    at: int
    link: LinkId
    data: bytes


class Connections:
    """All connections. Time is monotonic ns; `wall_offset_ns` makes the wall clock of it."""

    def __init__(self, manner: Manner, first_stan: int) -> None:
        self.manner = manner
        self.wall_offset_ns = 0
        self.open: dict[LinkId, Wire] = {}
        self.leaving: set[LinkId] = set()
        """those that this end has closed"""
        self.out: list[Effect] = []
        """to be carried out"""
        self.began = -1
        """when the first one was there"""
        self._stan = first_stan
        self._calendar = Calendar()
        self._later: list[_Later] = []

    def add(self, link: LinkId, now: int) -> None:
        """A connection is there."""
        self._moment(now)
        self.began = now if self.began < 0 else self.began
        self.open[link] = Wire(self.manner, self._today)

    def remove(self, link: LinkId) -> tuple[Wire | None, bool]:
        """A connection is gone: its wire, and whether this end closed it."""
        ours = link in self.leaving
        self.leaving.discard(link)
        return self.open.pop(link, None), ours

    def leave(self, link: LinkId, why: str) -> None:
        """Close a connection."""
        self.leaving.add(link)
        self.out.append(Close(link, why))

    def at_ms(self, now: int) -> float:
        """Since the first connection."""
        return (now - self.began) / MS

    def name(self, words: Words, now: int) -> None:
        """A message is about to be made: its time, its DE11."""
        words.message(self._moment(now), f"{self._stan:06d}")
        self._stan = self._stan % 999_999 + 1

    def send(self, link: LinkId, document: Document, now: int) -> tuple[Document, Passage]:
        """A message of ours: as the other side reads it, as it may be shown. ValueError: it cannot be said."""
        data, read, passage = self.open[link].made(document, self.at_ms(now))
        self.out.append(Send(link, data))
        return read, passage

    def reply(self, link: LinkId, reply: Reply, words: Words, came: Came, now: int) -> tuple[Document, Passage]:
        """An answer to what came, at once or when it is due. UnknownWordError, ValueError."""
        self.name(words, now)
        words.about(came.document)
        echoed = {de: came.document[de] for de in reply.echo if de in came.document}
        at_ms = self.at_ms(now) + reply.after_ms
        data, read, passage = self.open[link].made(echoed | words.filled(reply.elements), at_ms, came.raw)
        if reply.after_ms:
            self._later.append(_Later(now + reply.after_ms * MS, link, data))
        else:
            self.out.append(Send(link, data))
        return read, passage

    @property
    def next_due(self) -> int | None:
        """When the first of those that wait is due."""
        return min((later.at for later in self._later), default=None)

    def send_due(self, now: int) -> None:
        """Replies whose time has come; those of connections that are gone are let go."""
        due = [later for later in self._later if later.at <= now]
        self._later = [later for later in self._later if later.at > now]
        self.out += [Send(later.link, later.data) for later in due if later.link in self.open]

    def _moment(self, now: int) -> Moment:
        return self._calendar.at(now + self.wall_offset_ns)

    def _today(self) -> date:
        return day_of(self._calendar.last.second * 1_000_000)
