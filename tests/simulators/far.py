"""The far end of a party's link, as a test holds it: it says and hears documents in internal format."""

from collections import deque
from datetime import date
from typing import Any

from switch.core.messages.internal import answer
from switch.core.party import Close, Effect, Log, Send
from switch.simulators.endpoint import Heard, Line, Speech
from switch.wire.vocabulary import Document
from tests.simulators.world import EPOCH_NS

MS = 1_000_000
SECOND = 1_000 * MS


class Far:
    """One link of `party`. Time is `now`, and moves by `passes`."""

    def __init__(self, party: Any, speech: Speech, link: str = "far#1") -> None:
        self.party = party
        self.link = link
        self.now = 0
        self.logs: list[Log] = []
        self.closed = ""
        self.effects: list[Any] = []
        """all that were not logs, in order"""
        self.raw_bytes: list[bytes] = []
        self._said: list[Effect] = []
        self._line = Line(
            link,
            Speech(speech.dialect, speech.framing, speech.peer, speech.own, frame_bytes_max=speech.frame_bytes_max),
            self._said.append,
            lambda: date(2025, 11, 25),
        )
        self.inbox: deque[Heard] = deque()
        party.wall_offset_ns = EPOCH_NS
        party.connected(link, self.now)
        self.collect()

    def collect(self) -> None:
        effects, self.party.effects = self.party.effects, []
        for effect in effects:
            if not isinstance(effect, Log):
                self.effects.append(effect)
            if isinstance(effect, Send):
                self.raw_bytes.append(effect.data)
                self.inbox.extend(self._line.hear(effect.data))
            elif isinstance(effect, Log):
                self.logs.append(effect)
            elif isinstance(effect, Close):
                self.closed = effect.reason

    def says(self, internal: Document, reference: Document | None = None) -> None:
        self.says_bytes(self._line.message(internal, reference).data)

    def says_bytes(self, data: bytes) -> None:
        self.party.received(self.link, data, self.now)
        self.collect()

    def hears(self) -> Document:
        """The next message. AssertionError when none came."""
        assert self.inbox, "nothing came"
        return self.inbox.popleft().internal

    def answers(self, request: Document, de39: str = "00", **more: str) -> None:
        self.says(answer(request, de39, {k.removeprefix("de"): v for k, v in more.items()}))

    def passes(self, seconds: float) -> None:
        """Time passes; the party's timers run when they are due."""
        until = self.now + int(seconds * SECOND)
        while (due := self.party.next_deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            self.party.tick(self.now)
            self.collect()
        self.now = until

    def events(self, name: str) -> list[dict[str, Any]]:
        return [log.fields for log in self.logs if log.event == name]
