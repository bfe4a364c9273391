"""What goes wrong in a simulated day: a schedule of frozen values drawn from a seed, so that it can be cut down and repeated.

In: a random source and the names of what can break. Out: faults in order of time. A fault is
a value and does nothing; the world acts.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from random import Random
from typing import Final

import msgspec

from switch.core.network import CutoverSchedule, Network

MS_NS: Final = 1_000_000


class Kind(Enum):
    """What can go wrong. `target` and `amount` of a fault, by kind."""

    CUT = "cut"
    """a connection of circuit `target` breaks; what was under way arrives in part, torn anywhere. amount: ms until redialled"""
    HALF_OPEN = "half-open"
    """one end of circuit `target` is gone and the other is not told, for `amount` ms; detail: `switch` or `peer` is left"""
    STALL = "stall"
    """what is sent on circuit `target` is not read for `amount` ms; detail: by the `switch` or by the `peer`"""
    SLOW_LINK = "slow-link"
    """each way over circuit `target` takes up to 50 times as long, for `amount` ms"""
    CRASH = "crash"
    """the switch dies; detail: `before` or `after`, then `record`, `send` or `any`; and which effect of that kind from now on.
    amount: ms until it is back"""
    RESTART = "restart"
    """the switch drains, stops and starts again; amount: ms between"""
    HOST_CRASH = "host-crash"
    """the issuer behind host link `target` dies; its accounts survive. amount: ms until it is back; detail: `keeps` if its
    connection does not notice"""
    MOOD = "mood"
    """host `target` misbehaves for `amount` ms; detail: shares of requests, as `silent=0.3,late=0.2`"""
    FREEZE = "freeze"
    """the process of `target` (`switch`, or a party) stands still for `amount` ms; what comes meanwhile waits"""
    DISK_SLOW = "disk-slow"
    """each flush takes up to `amount` ms more, for a while (detail: ms)"""
    DISK_FULL = "disk-full"
    """the journal's writer is gone for `amount` ms"""
    CLOCK = "clock"
    """the wall clock of `target` (`switch`, or a party) jumps by `amount` ms, either way"""
    SIGN_OFF = "sign-off"
    """host or acquirer `target` signs off and, after `amount` ms, on again"""
    HOLD = "hold"
    """an operator holds what is owed to host `target`; after `amount` ms it is released, and every dead letter retried"""
    CUTOVER = "cutover"
    """host `target` closes the business day; "": an operator does. detail: `window`, a window alone; an operator does so by its
    name, and says so twice"""
    REPEAT = "repeat"
    """acquirer `target` sends its next request again after `amount` ms, perhaps on another connection; detail: `marked` as x1
    or `same`, byte for byte"""
    ANSWER_TWICE = "answer-twice"
    """host `target` sends its next message a second time, after `amount` ms"""
    FLOOD = "flood"
    """acquirer `target` begins to pay `amount` times a second"""
    DEFECT = "defect"
    """an error that nobody foresaw: the `amount`-th function of the switch's core that is called from then on raises one"""
    GARBAGE = "garbage"
    """a stranger connects to listener `target` and sends `amount` bytes of nonsense"""


AHEAD_S: Final = 3_600
"""how far the clocks of simulated schedules are ahead of UTC"""


class Fault(msgspec.Struct, frozen=True):
    """One thing that goes wrong, at one time."""

    at_ms: int
    """virtual ms since the world began"""
    kind: Kind
    target: str = ""
    amount: int = 0
    detail: str = ""

    def __str__(self) -> str:
        parts = [self.target, str(self.amount) if self.amount else "", self.detail]
        return f"{self.at_ms:>9,} ms  {self.kind.value:<12} " + "  ".join(part for part in parts if part)


class Targets(msgspec.Struct, frozen=True):
    """Names of what can break."""

    circuits: tuple[str, ...]
    hosts: tuple[str, ...]
    """names of host links"""
    issuers: tuple[str, ...]
    """of them, those whose process can die: an issuer's accounts survive it"""
    acquirers: tuple[str, ...]
    floods: tuple[str, ...]
    listeners: tuple[str, ...]


class Span(msgspec.Struct, frozen=True):
    """When things go wrong, virtual ms: while payments are made, and in the tail, while reversals are repeated."""

    begin_ms: int
    load_ms: int
    tail_ms: int


_MOODS: Final = (
    "silent=1", "late=1", "silent=0.4,late=0.3", "wrong=0.5", "slow=0.8", "cut=0.2", "slow=0.5,silent=0.3,cut=0.05",
    "silent=0.1,late=0.1,wrong=0.1,cut=0.05,slow=0.2",
)  # fmt: skip
_WEIGHTS: Final[tuple[tuple[Kind, int], ...]] = (
    (Kind.CUT, 14), (Kind.HALF_OPEN, 6), (Kind.STALL, 6), (Kind.SLOW_LINK, 4), (Kind.CRASH, 14), (Kind.RESTART, 3),
    (Kind.HOST_CRASH, 6), (Kind.MOOD, 12), (Kind.DISK_SLOW, 8), (Kind.DISK_FULL, 4), (Kind.CLOCK, 4), (Kind.SIGN_OFF, 3),
    (Kind.REPEAT, 16), (Kind.ANSWER_TWICE, 6), (Kind.FLOOD, 1), (Kind.GARBAGE, 2), (Kind.HOLD, 4),
)  # fmt: skip


def schedule(rng: Random, targets: Targets, span: Span, count: int) -> tuple[Fault, ...]:
    """`count` faults or a few more, many in groups: what is lost is mostly lost between two, while the disk is slow."""
    draw = _Draw(rng, targets)
    kinds, weights = zip(*_WEIGHTS, strict=True)
    favoured = set(rng.sample(kinds, 5)) if rng.random() < 0.5 else set(kinds)
    weights = tuple(w * (4 if k in favoured else 1) for k, w in _WEIGHTS)
    faults: list[Fault] = []
    while len(faults) < count:
        tail = rng.random() < 0.2
        at = span.begin_ms + (span.load_ms + rng.randrange(span.tail_ms) if tail else rng.randrange(span.load_ms))
        if rng.random() < 0.15:
            faults += draw.group(at)
            continue
        faults += draw.fault(rng.choices(kinds, weights)[0], at)
        if rng.random() < 0.3:
            soon = at + int(rng.choice((0, 1, 5, 50, 500, 15_000)) * rng.random())
            faults += draw.fault(Kind.CRASH if rng.random() < 0.6 else rng.choices(kinds, weights)[0], soon)
    return tuple(sorted(faults, key=lambda fault: fault.at_ms))


def draw_cutovers(rng: Random, targets: Targets, span: Span) -> tuple[Fault, ...]:
    """The closes of a business day, in half of all days that have faults: several hosts may say it of the same day. And of its
    windows, by an operator."""
    count = rng.choice((0, 0, 1, 4))
    who = [(rng.choice(("", *targets.hosts)), "") for _ in range(count)]
    who += [("", "window")] * rng.choice((0, 0, 1, 5))
    who += [(rng.choice(targets.hosts), "window") for _ in range(rng.choice((0, 1, 3)))]
    return tuple(
        Fault(span.begin_ms + rng.randrange(span.load_ms), Kind.CUTOVER, one, detail=what) for one, what in who
    )


def closable(network: Network, schedule: CutoverSchedule | None, seed: int) -> Network:
    """The network file of a day on which the clock closes what `schedule` says and, every other day, banks' hosts may, too."""
    banks = Random(f"{seed} closing banks").random() < 0.5  # noqa: S311 - its own: else other days change
    hosts = [msgspec.structs.replace(host, may_cut_over=host.may_cut_over or banks) for host in network.hosts]
    return msgspec.structs.replace(network, cutover_schedule=schedule, hosts=tuple(hosts))


def draw_schedule(rng: Random, span: Span, begins_s: int) -> CutoverSchedule | None:
    """Windows that end by the clock while there is load, in half of all days, and in some the day.

    `begins_s`: when the load begins, seconds since 1970.
    """
    times = [
        (begins_s + AHEAD_S + rng.randrange(1 + span.load_ms // 1_000)) % 86_400
        for _ in range(rng.choice((0, 0, 2, 6)))
    ]
    if not times:
        return None
    close_s = times.pop() if rng.random() < 0.5 else None
    windows_s = tuple(sorted(set(times) - {close_s}))
    return CutoverSchedule(zone="somewhere", close_s=close_s, windows_s=windows_s, offsets=((0, AHEAD_S),))


def draw_freezes(rng: Random, targets: Targets, span: Span) -> tuple[Fault, ...]:
    """Processes that stand still, in half of all days that have faults; mostly the switch, and for longer than its time-outs."""
    drawn = []
    for _ in range(rng.choice((0, 0, 1, 3))):
        who = "switch" if rng.random() < 0.7 else rng.choice((*targets.hosts, *targets.acquirers))
        at = span.begin_ms + rng.randrange(span.load_ms + span.tail_ms)
        drawn.append(Fault(at, Kind.FREEZE, who, int(100 * 200 ** rng.random())))
    return tuple(drawn)


def defects(rng: Random, span: Span, count: int) -> tuple[Fault, ...]:
    """Errors at random places of the switch, while payments are made and reversals repeated."""
    until = span.load_ms + span.tail_ms
    drawn = (Fault(span.begin_ms + rng.randrange(until), Kind.DEFECT, "", rng.randrange(1, 400)) for _ in range(count))
    return tuple(sorted(drawn, key=lambda fault: fault.at_ms))


class _Draw:
    """Draws faults of a kind. Some kinds need a name that a network may not have; then nothing is drawn."""

    def __init__(self, rng: Random, targets: Targets) -> None:
        self._rng = rng
        self._targets = targets
        self._flooding = list(targets.floods)

    def fault(self, kind: Kind, at: int) -> list[Fault]:
        drawn = self._of_kind.get(kind, _Draw._broken_link)(self, kind, at)
        return [drawn] if drawn is not None else []

    def group(self, at: int) -> list[Fault]:
        """A slow disk, something else while it is slow, and a crash from which the switch is back at once."""
        rng = self._rng
        slow = self._span_ms(50, 20_000)
        second = rng.choice((Kind.CUT, Kind.CUT, Kind.REPEAT, Kind.MOOD, Kind.HALF_OPEN, Kind.ANSWER_TWICE, Kind.CLOCK))
        crash_at = at + int(slow * rng.random())
        when, what = rng.choice(("before", "after")), rng.choice(("record", "send", "any"))
        return [
            Fault(at, Kind.DISK_SLOW, "", slow, str(slow)),
            *self.fault(second, at + int((crash_at - at) * rng.random())),
            Fault(crash_at, Kind.CRASH, "", self._span_ms(1, 200), f"{when} {what} {rng.randrange(1, 5)}"),
        ]

    def _span_ms(self, low: int, high: int) -> int:
        """Between two durations, small ones as often as large ones."""
        return int(low * (high / low) ** self._rng.random())

    def _one(self, names: Sequence[str]) -> str:
        return self._rng.choice(names) if names else ""

    def _broken_link(self, kind: Kind, at: int) -> Fault | None:
        rng = self._rng
        hosts = rng.random() < 0.5
        target = self._one(self._targets.hosts if hosts else self._targets.circuits)
        side = rng.choice(("switch", "peer"))
        longest = 60_000 if kind is Kind.HALF_OPEN else 5_000
        return Fault(at, kind, target, self._span_ms(20, longest), side)

    def _crash(self, kind: Kind, at: int) -> Fault:
        rng = self._rng
        when, what = rng.choice(("before", "after")), rng.choice(("record", "send", "any"))
        return Fault(at, kind, "", self._span_ms(5, 5_000), f"{when} {what} {rng.randrange(1, 30)}")

    def _restart(self, kind: Kind, at: int) -> Fault:
        return Fault(at, kind, "", self._span_ms(5, 2_000))

    def _host_crash(self, kind: Kind, at: int) -> Fault | None:
        target = self._one(self._targets.issuers)
        keeps = "keeps" if self._rng.random() < 0.5 else ""
        return Fault(at, kind, target, self._span_ms(20, 8_000), keeps) if target else None

    def _mood(self, kind: Kind, at: int) -> Fault | None:
        target = self._one(self._targets.hosts)
        return Fault(at, kind, target, self._span_ms(50, 20_000), self._rng.choice(_MOODS)) if target else None

    def _disk_slow(self, kind: Kind, at: int) -> Fault:
        return Fault(at, kind, "", self._span_ms(2, 20_000), str(self._span_ms(100, 20_000)))

    def _disk_full(self, kind: Kind, at: int) -> Fault:
        return Fault(at, kind, "", self._span_ms(20, 8_000))

    def _clock(self, kind: Kind, at: int) -> Fault:
        rng = self._rng
        target = self._one(("switch", *self._targets.acquirers, *self._targets.hosts))
        return Fault(at, kind, target, rng.choice((-1, 1)) * self._span_ms(10, 7_200_000))

    def _repeat(self, kind: Kind, at: int) -> Fault | None:
        target = self._one(self._targets.acquirers)
        return (
            Fault(at, kind, target, self._span_ms(1, 40_000), self._rng.choice(("marked", "same"))) if target else None
        )

    def _at_host(self, kind: Kind, at: int) -> Fault | None:
        target = self._one(self._targets.hosts)
        return Fault(at, kind, target, self._span_ms(5, 15_000)) if target else None

    def _hold(self, kind: Kind, at: int) -> Fault | None:
        target = self._one(self._targets.hosts)
        return Fault(at, kind, target, self._span_ms(20, 60_000)) if target else None

    def _sign_off(self, kind: Kind, at: int) -> Fault | None:
        target = self._one((*self._targets.hosts, *self._targets.acquirers))
        return Fault(at, kind, target, self._span_ms(5, 15_000)) if target else None

    def _flood(self, kind: Kind, at: int) -> Fault | None:
        return Fault(at, kind, self._flooding.pop(), self._rng.choice((500, 3_000, 20_000))) if self._flooding else None

    def _garbage(self, kind: Kind, at: int) -> Fault | None:
        target = self._one(self._targets.listeners)
        return Fault(at, kind, target, self._span_ms(1, 2_000)) if target else None

    _of_kind: Final[dict[Kind, Callable[["_Draw", Kind, int], Fault | None]]] = {
        Kind.CRASH: _crash, Kind.RESTART: _restart, Kind.HOST_CRASH: _host_crash, Kind.MOOD: _mood,
        Kind.DISK_SLOW: _disk_slow, Kind.DISK_FULL: _disk_full, Kind.CLOCK: _clock, Kind.REPEAT: _repeat,
        Kind.ANSWER_TWICE: _at_host, Kind.HOLD: _hold, Kind.SIGN_OFF: _sign_off, Kind.FLOOD: _flood, Kind.GARBAGE: _garbage,
    }  # fmt: skip
