"""Windows and business days are closed while everything breaks: each by its name, until the switch says that it has ended, and
once more.

In: the switch's control socket. Out: what it has answered for. The rule: whoever closes something must be able to say so twice,
as an answer may be lost with the process that gave it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import trio

from switch.core.records.day_records import Cutover
from switch.core.records.windows import name_of
from switch.simulators.faults import RandomSource
from switch.simulators.reconciliation import Difference
from switch.soak.asking import Asker

EVERY_S: Final = 3.0
"""between two closes, in the mean"""
_DAYS: Final = 0.2
"""share of closes that end the day"""


class Closer:
    """Closes windows and days by name, each until the switch says that it has ended."""

    def __init__(self, control: Path, rng: RandomSource) -> None:
        """`control`: its control socket."""
        self.done: list[str] = []
        """days and windows that the switch has said have ended"""
        self._switch, self._rng = Asker(control), rng

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await trio.sleep(EVERY_S * (0.5 + self._rng.random()))
            shown = await self._switch.insist({"command": "day.show"})
            day, window = str(shown["day"]), int(shown["window"])
            whole = self._rng.random() < _DAYS
            ends = day if whole else name_of(day, window)
            for _ in range(2):
                await self._switch.insist({"command": "day.close" if whole else "day.close_window", "ends": ends})
            self.done.append(ends)


def closed_once(done: Sequence[str], cutovers: Sequence[Cutover]) -> list[Difference]:
    """What the switch has answered for and did not end, and what has ended more often than once."""
    windows = [name_of(c.closed, c.ended) for c in cutovers]
    days = [c.closed for c in cutovers if c.closed != c.day]
    ended = [*windows, *days]
    twice = [name for name in sorted(set(ended)) if ended.count(name) > 1]
    lost = sorted(set(done) - set(ended))
    return [
        *(Difference(key="", sentence=f"{name} was closed {ended.count(name)} times") for name in twice),
        *(Difference(key="", sentence=f"the close of {name} was acknowledged, and has no cutover") for name in lost),
    ]
