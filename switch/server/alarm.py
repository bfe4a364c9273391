"""When the task that keeps time has to look up: one moment, which whoever else runs may move to another."""

from typing import Final

import trio

from switch.core.limits import NEVER
from switch.server.ports import trio_clock

_SHORT_NS: Final = 1_000
"""seconds in a float fall nanoseconds short: what rings so early is due"""


class Alarm:
    """One task waits for it, and no other; whoever else runs may move it. Times are the monotonic clock's, ns."""

    def __init__(self) -> None:
        self.at = NEVER
        """when it rings"""
        self._scope: trio.CancelScope | None = None

    async def ring(self, at: int) -> int:
        """Return at that time, or where it has been moved to by then: what the time is. It may be early, where it was moved as it
        rang."""
        with trio.CancelScope() as self._scope:
            self.move(at)
            await trio.sleep_forever()
        now = trio_clock()
        return self.at if now < self.at < now + _SHORT_NS else now

    def move(self, at: int) -> None:
        """From now on it rings then, or NEVER."""
        if self._scope is not None:
            self.at = at
            self._scope.deadline = at / 1e9 if at < NEVER else float("inf")
