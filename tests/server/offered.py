"""A switch under load in virtual time, as its `Pace` sees it: what each message costs is given, and nothing else passes time.

Requests arrive on links at a fixed rate and wait in the kernel. A turn reads a piece of each link, lets in what there is room
for, refuses the rest; an issuer answers later, and an answer leaves when the journal holds it, with the turn after.
"""

from collections import deque
from statistics import median

import msgspec

from switch.server.connections import RECEIVE_BYTES
from switch.server.pace import Pace

MS = 1_000_000
MESSAGE_BYTES = 204
PIECE = RECEIVE_BYTES // MESSAGE_BYTES
REQUEST_NS, ANSWER_NS, REFUSAL_NS, TURN_NS, ISSUER_NS = 35_000, 25_000, 3_500, 40_000, 500_000
SERVED_PER_S = 1_000_000_000 // (REQUEST_NS + ANSWER_NS)


class Link:
    """What waits in the kernel: when each request should have left."""

    def __init__(self, due: deque[int]) -> None:
        self.due = due
        self.arrived = 0

    def unread(self) -> int:
        return self.arrived * MESSAGE_BYTES

    def piece(self) -> list[int]:
        n = min(self.arrived, PIECE)
        self.arrived -= n
        return [self.due.popleft() for _ in range(n)]


class Served(msgspec.Struct, frozen=True):
    due_ns: int
    took_ns: int


class Load:
    """`dues`: when the requests of each link should leave."""

    def __init__(self, dues: list[list[int]], turn_ms: int = 30) -> None:
        self.now = 1
        self.pace = Pace(turn_ms, lambda: self.now, lambda: self.now)
        self.admitted = self.shed = 0
        self.served: list[Served] = []
        self._room: int | None = None
        self._links = [Link(deque(due)) for due in dues]
        self._asked: deque[tuple[int, int]] = deque()
        self._answered: list[int] = []

    def hold(self, room: int) -> None:
        self._room = room

    def settle(self, now: int) -> None:
        """Here each piece is shared out as it is read."""

    def release(self, now: int) -> None:
        self._room = None

    def passes(self, ms: int) -> None:
        while self.now < ms * MS:
            self._arrive()
            if not (self._answered or any(link.arrived for link in self._links) or self._due_answers()):
                self.now += 20_000
                continue
            self._turn()

    def p50_ms(self, begin_ms: int, end_ms: int) -> float:
        """Of what should have left then, and was served; 0 where nothing was."""
        took = [one.took_ns for one in self.served if begin_ms * MS <= one.due_ns < end_ms * MS]
        return median(took) / MS if took else 0.0

    def _arrive(self) -> None:
        for link in self._links:
            while link.arrived < len(link.due) and link.due[link.arrived] <= self.now:
                link.arrived += 1

    def _due_answers(self) -> bool:
        return bool(self._asked) and self._asked[0][0] <= self.now

    def _turn(self) -> None:
        self.pace.begin_turn(self)
        self.now += TURN_NS
        self.served += [Served(due, self.now - due) for due in self._answered]
        self._answered.clear()
        while self._due_answers():
            self._answered.append(self._asked.popleft()[1])
            self.now += ANSWER_NS
        unread = behind = self._read(self._links)
        while unread and self.pace.reads_on():
            self._arrive()
            unread = self._read(unread)
        self._arrive()
        self.pace.end_turn(self, self.now, behind=bool(behind), unread=unread)

    def _read(self, links: list[Link]) -> list[Link]:
        """Read a piece of each; returns those of which there may be more."""
        pieces = [link.piece() for link in links]
        left = len(pieces)
        for piece in sorted(pieces, key=len):
            room = len(piece) if self._room is None else self._room // left
            admitted = piece[:room]
            for due in admitted:
                self.now += REQUEST_NS
                self._asked.append((self.now + ISSUER_NS, due))
            refused = len(piece) - len(admitted)
            if self._room is not None:
                self._room -= len(admitted)
            self.admitted += len(admitted)
            self.shed += refused
            self.now += REFUSAL_NS * refused
            left -= 1
        return [link for link, piece in zip(links, pieces, strict=True) if len(piece) == PIECE]


def offered(times: float, links: int, seconds: float) -> list[list[int]]:
    """So many times what is served, over the links in turn."""
    gap_ns = 1e9 / (SERVED_PER_S * times)
    dues: list[list[int]] = [[] for _ in range(links)]
    for n in range(int(seconds * 1e9 / gap_ns)):
        dues[n % links].append(int(n * gap_ns))
    return dues
