"""What a driver is given: whom to call, where events go, and whatever makes records durable."""

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec
import trio

from switch.core.network import Address
from switch.core.party import Hop, Log
from switch.core.switch import Switch

OFFSET_TRIES: Final = 5
HELD_UP_NS: Final = 20_000
"""between two readings of a clock: more than that, and the process was not running all the time"""
WALL_SET_NS: Final = 1_000_000
"""a wall clock that is off by less was not set"""


CLOCK_JUMP_NS: Final = 1_000_000_000
"""a wall clock that was set by so much is said; less is what time servers do"""
CLOCK_HINT: Final = "deadlines go by another clock; DE7, the close of the day and the log by this one: is it right now?"


class Dial(msgspec.Struct, frozen=True):
    """A link this side connects, and reconnects with back-off and jitter."""

    name: str
    address: Address
    backoff_min_ms: int = 200
    backoff_max_ms: int = 10_000
    number: int = 1
    """of several to one address"""


class Journal(Protocol):
    """The narrow port to whatever makes records durable (`switch.journal.feed`)."""

    def fileno(self) -> int:
        """Readable when there is an acknowledgement to read."""

    def append(self, position: int, entry: Any) -> None:
        """Take a record; nothing leaves yet."""

    def push(self) -> bool:
        """Hand what was taken to the writer, without blocking; False if some of it must wait."""

    def acknowledged(self) -> int:
        """The newest durable position. Raises RuntimeError (`journal.feed.WriterGone`), with the reason, when the
        writer is gone."""

    def restart(self) -> None:
        """Start the writer anew and hand it again what it never acknowledged. Blocks for some ms; raises OSError."""

    def close(self) -> int:
        """Make durable what was taken, and stop the writer. Returns how many records did not become durable."""


def refuse_record(position: int, entry: Any) -> None:
    """Instead of a journal's `append`, where a party has none."""
    raise AssertionError(f"a party that records ({type(entry).__name__}, position {position}) needs a journal")


class Sinks(msgspec.Struct, frozen=True):
    """Where events go. `hop` gets the hop, its monotonic time and the wall clock (ns); `flush` is called now and then."""

    log: Callable[[Log, int], None]
    hop: Callable[[Hop, int, int], None] | None = None
    flush: Callable[[], None] = lambda: None


class MonotonicClock(trio.abc.Clock):
    """Trio's time is the machine's own, so that it goes on where another process of the same switch was."""

    def start_clock(self) -> None:
        """Nothing to start."""

    def current_time(self) -> float:
        """Seconds, as `time.monotonic` has them."""
        return time.monotonic()

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Seconds until then."""
        return deadline - time.monotonic()


def trio_clock() -> int:
    """Nanoseconds of Trio's own clock: monotonic, and virtual under a MockClock."""
    return int(trio.current_time() * 1e9)


def time_rules(switch: Switch) -> None:
    """Time a switch's own rules, where it has any, by the machine's clock: they may do what takes time without the processor."""
    if switch.own_rules is not None:
        switch.own_rules.clock = time.perf_counter_ns


def wall_offset(
    known_ns: int | None = None, wall: Callable[[], int] = time.time_ns, clock: Callable[[], int] = trio_clock
) -> int:
    """Nanoseconds from `trio_clock` to the wall clock, of the one of a few measurements that was held up least.

    `known_ns`, what it was before, stays unless the wall clock was set: times of events would go back by as much as the
    measurement before was held up.
    """
    best, held_up = 0, -1
    for _ in range(OFFSET_TRIES):
        before = clock()
        offset = wall() - before
        took = clock() - before
        if held_up < 0 or took < held_up:
            best, held_up = offset, took
        if took <= HELD_UP_NS:
            break
    if known_ns is not None and abs(best - known_ns) < WALL_SET_NS + held_up:
        return known_ns
    return best
