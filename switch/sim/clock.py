"""Virtual time: a heap of things to do, in the order they are due. Nothing happens between two of them.

In: what to do, and when. Out: calls, in order of time and, at one time, in the order they were asked for.
"""

import heapq
from collections.abc import Callable
from typing import Any, Final, Protocol

SECOND_NS: Final = 1_000_000_000
MS_NS: Final = 1_000_000
EPOCH_NS: Final = 1_764_072_000 * SECOND_NS
"""wall clock at the beginning of a world and of a script: 2025-11-25 12:00:00 UTC"""


class Clock:
    """Monotonic nanoseconds since the world began."""

    def __init__(self) -> None:
        self.now = 0
        self.done = 0
        """calls made so far"""
        self._heap: list[tuple[int, int, Callable[[Any], None], Any]] = []
        self._asked = 0

    def at(self, when: int, do: Callable[[Any], None], argument: Any = None) -> None:
        """Call `do(argument)` at `when`, or at once where that is past."""
        self._asked += 1
        heapq.heappush(self._heap, (when, self._asked, do, argument))

    def after(self, wait_ns: int, do: Callable[[Any], None], argument: Any = None) -> None:
        """Call `do(argument)` when `wait_ns` have passed."""
        self.at(self.now + wait_ns, do, argument)

    def step(self) -> bool:
        """Move to the next thing to do, and do it. False: there is none."""
        if not self._heap:
            return False
        when, _, do, argument = heapq.heappop(self._heap)
        self.now = max(self.now, when)
        self.done += 1
        do(argument)
        return True


TOLD_MAX: Final = 100


class Timed(Protocol):
    """A party, as far as time is concerned."""

    def next_deadline(self) -> int | None:
        """When it wants to be told the time next."""


class CirclesError(RuntimeError):
    """A party does nothing at its own deadline: it would be told the same time for ever."""


class Progress:
    """Whether a party gets on: an error that is contained may leave a deadline to be told once more, and not a hundred times."""

    def __init__(self) -> None:
        self._told = -1
        self._times = 0

    def check(self, party: Timed, now: int) -> None:
        """`party` has just been told the time. Raises CirclesError where it has been told this one a hundred times."""
        due = party.next_deadline()
        if due is None or due > now or now != self._told:
            self._told, self._times = now, 0
            return
        self._times += 1
        if self._times > TOLD_MAX:
            raise CirclesError(
                f"{type(party).__name__} was told that it is {now} ns, and its next deadline is still {due}"
            )
