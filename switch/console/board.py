"""What the live board shows, added up from the hop log's lines. Pure: its time is the lines' own.

In: lines in their order. Out: payments by second and by minute, of all and of each route, host and listener; what operators and
links did, as marks for charts. The one rule: it is bounded, and a line that is not about an answer costs a look at its bytes.

A payment is counted when its answer leaves towards the acquirer (route, listener), and once more when its host's answer comes
(host): so that a host is judged by its own answers and its own time.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from switch.core.party import link_name
from switch.observe.histogram import Histogram
from switch.observe.lines import HopLine, LineError, answer_code, read_event, read_hop, second_of
from switch.wire.vocabulary import APPROVALS, is_response

ALL: Final = "all"
ROUTE, HOST, LISTENER = "route:", "host:", "listener:"
"""what the name of a key begins with"""
SECONDS_KEPT: Final = 300
MINUTES_KEPT: Final = 60
"""with their histograms; older ones are rows of the history"""
KEYS_KEPT: Final = 200
MARKS_KEPT: Final = 300
CLOSED_KEPT: Final = 240
_NO_ANSWER: Final = b'"de39":"",'
_A_HOP: Final = b'"event":"hop.'
MARKED: Final = {
    "network.reloaded": "reload",
    "restart.begun": "restart",
    "restart.done": "restart",
    "day.closed": "cutover",
    "window.closed": "cutover",
    "link.down": "link",
    "link.up": "link",
    "link.signed_off": "link",
    "link.drained": "link",
    "link.resumed": "link",
    "host.leaving": "link",
    "host.left": "link",
    "host.back": "link",
    "health.changed": "health",
    "journal.down": "health",
    "journal.up": "health",
    "operator.command": "operator",
    "operator.refused": "operator",
    "owed.held": "operator",
    "owed.released": "operator",
    "certificate.ending": "keys",
    "certificate.list_old": "keys",
    "vault.key_beside": "keys",
    "capture.started": "operator",
    "capture.ended": "operator",
    "projection.rebuilt": "operator",
}
"""event -> kind of its mark"""
LOOKING: Final = frozenset({"status"})
"""commands that change nothing, and are logged all the same"""
KINDS: Final = ("reload", "restart", "cutover", "link", "health", "operator", "keys")
_KEYS_TOLD: Final = ("mac_key", "pin_key", "pvv_key", "[security]", "certificate", "tls")
"""what a reload says of a change of keys"""


class Sums(msgspec.Struct):
    """Payments of one key in one span of time."""

    approved: int = 0
    declined: int = 0
    codes: Counter[str] = msgspec.field(default_factory=Counter)
    """DE39 (1987 form) of declines"""
    latency: Histogram = msgspec.field(default_factory=Histogram)
    """µs"""

    @property
    def total(self) -> int:
        """Payments."""
        return self.approved + self.declined

    def add(self, other: "Sums") -> None:
        """All that `other` has counted."""
        self.approved += other.approved
        self.declined += other.declined
        self.codes.update(other.codes)
        self.latency.merge(other.latency)


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Something that may explain a change in the charts."""

    at: str
    event: str
    kind: str
    """one of `KINDS`"""
    level: str
    text: str
    by: str = ""
    """who did it; "": nobody"""


class Board(msgspec.Struct):
    """The sums."""

    seconds: dict[int, Sums] = {}
    """second since 1970 -> all payments answered in it"""
    minutes: dict[int, dict[str, Sums]] = {}
    """minute since 1970 -> by key"""
    marks: deque[Mark] = msgspec.field(default_factory=lambda: deque(maxlen=MARKS_KEPT))
    keys: dict[str, int] = {}
    """those that were ever counted -> the last minute they were"""
    unreadable: int = 0
    last_at: str = ""
    closed: deque[tuple[int, dict[str, Sums]]] = msgspec.field(default_factory=lambda: deque(maxlen=CLOSED_KEPT))
    """minutes that are over and were not taken yet: for the history"""
    fresh: deque[Mark] = msgspec.field(default_factory=lambda: deque(maxlen=MARKS_KEPT))
    """marks that were not taken yet"""
    _second: tuple[str, int] = ("", 0)
    _minute: int = 0

    def feed(self, lines: Iterable[bytes]) -> None:
        """Add lines in their order. Never raises."""
        for line in lines:
            try:
                if _A_HOP not in line:
                    self._event(read_event(line))
                elif _NO_ANSWER not in line:
                    hop = read_hop(line)
                    if hop is not None:
                        self._hop(hop)
            except LineError:
                self.unreadable += 1

    def _hop(self, hop: HopLine) -> None:
        if len(hop.mti) != 4 or hop.mti[1] not in "12" or not is_response(hop.mti):
            return
        second = self._at(hop.at)
        minute = self._minute_of(second // 60)
        code = answer_code(hop)
        if hop.direction == "received":
            self._count(self._of(minute, HOST + link_name(hop.link)), code, hop.elapsed_us)
            return
        for key in (ALL, ROUTE + (hop.route or "refused"), LISTENER + link_name(hop.link)):
            self._count(self._of(minute, key), code, hop.elapsed_us)
        sums = self.seconds.get(second)
        if sums is None:
            sums = self.seconds[second] = Sums()
            while len(self.seconds) > SECONDS_KEPT:
                del self.seconds[min(self.seconds)]
        self._count(sums, code, hop.elapsed_us)

    def _at(self, at: str) -> int:
        self.last_at = at
        if at[:19] != self._second[0]:
            self._second = (at[:19], second_of(at[:19]))
        return self._second[1]

    def _minute_of(self, number: int) -> dict[str, Sums]:
        found = self.minutes.get(number)
        if found is None:
            found = self.minutes[number] = {}
            if number > self._minute:
                if self._minute:
                    self.closed.append((self._minute, self.minutes.get(self._minute, {})))
                self._minute = number
            while len(self.minutes) > MINUTES_KEPT + 1:
                del self.minutes[min(self.minutes)]
        return found

    def _of(self, minute: dict[str, Sums], key: str) -> Sums:
        sums = minute.get(key)
        if sums is None:
            if key not in self.keys and len(self.keys) >= KEYS_KEPT:
                key = ALL + " others"
            sums = minute.setdefault(key, Sums())
            self.keys[key] = self._minute
        return sums

    def _count(self, sums: Sums, code: str, elapsed_us: int) -> None:
        sums.latency.record(elapsed_us)
        if code in APPROVALS:
            sums.approved += 1
        else:
            sums.declined += 1
            sums.codes[code] += 1

    def _event(self, event: dict[str, Any]) -> None:
        mark = mark_of(event)
        if mark is not None:
            self.marks.append(mark)
            self.fresh.append(mark)

    # -- questions

    def lately(self, key: str, minutes: int, now: int) -> Sums:
        """A key's sums over so many whole minutes and the one that `now` (a second) is in."""
        total = Sums()
        for number in range(now // 60 - minutes, now // 60 + 1):
            found = self.minutes.get(number, {}).get(key)
            if found is not None:
                total.add(found)
        return total

    def recent_seconds(self, now: int, count: int) -> Iterator[Sums]:
        """Of all payments in each of the `count` seconds before `now`, oldest first."""
        empty = Sums()
        return (self.seconds.get(second, empty) for second in range(now - count, now))


def mark_of(event: dict[str, Any]) -> Mark | None:
    """A line that is no hop's as a mark; None for one that explains nothing."""
    name = event["event"]
    kind = MARKED.get(name)
    if kind is None or event.get("command") in LOOKING or (name in ("link.up", "link.down") and "host" not in event):
        return None
    told = {k: _short(v) for k, v in event.items() if k not in ("at", "event", "level", "hint", "by")}
    text = " · ".join(f"{k.replace('_', ' ')} {v}" for k, v in told.items() if v)
    if kind == "reload" and any(word in text for word in _KEYS_TOLD):
        kind = "keys"
    level, by = str(event.get("level", "")), str(event.get("by", ""))
    return Mark(at=str(event.get("at", "")), event=name, kind=kind, level=level, text=text[:600], by=by)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_short(v)}" for k, v in value.items() if v not in ("", None, False))
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
