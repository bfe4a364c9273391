"""Virtual time: a heap of things to do, in the order they are due. Nothing happens between two of them.

In: what to do, and when. Out: calls, in order of time and, at one time, in the order they were asked for.
"""

import heapq
from collections.abc import Callable
from typing import Any, Final

SECOND_NS: Final = 1_000_000_000
MS_NS: Final = 1_000_000
EPOCH_NS: Final = 1_764_072_000 * SECOND_NS
"""wall clock at the world's beginning: 2025-11-25 12:00:00 UTC"""


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
