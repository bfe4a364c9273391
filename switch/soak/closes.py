"""Windows and business days are closed while everything breaks: each by its name, until the switch says that it has ended, and
once more.

In: the switch's control socket. Out: what it has answered for. The rule: whoever closes something must be able to say so twice,
as an answer may be lost with the process that gave it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import trio

from switch.core.records.day_records import Cutover
from switch.core.records.windows import name_of
from switch.server.control_path import short_address
from switch.simulators.faults import RandomSource
from switch.simulators.reconciliation import Difference

EVERY_S: Final = 3.0
"""between two closes, in the mean"""
_DAYS: Final = 0.2
"""share of closes that end the day"""
_AGAIN_S: Final = 0.3
_PATIENCE_S: Final = 15.0
"""for one answer: the switch may be stopped"""


class Closer:
    """Of one switch."""

    def __init__(self, control: Path, rng: RandomSource) -> None:
        """`control`: its control socket."""
        self.done: list[str] = []
        """days and windows that the switch has said have ended"""
        self._control, self._rng = control, rng

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await trio.sleep(EVERY_S * (0.5 + self._rng.random()))
            shown = await self._insist({"command": "day.show"})
            day, window = str(shown["day"]), int(shown["window"])
            whole = self._rng.random() < _DAYS
            ends = day if whole else name_of(day, window)
            for _ in range(2):
                await self._insist({"command": "day.close" if whole else "day.close_window", "ends": ends})
            self.done.append(ends)

    async def _insist(self, command: dict[str, Any]) -> dict[str, Any]:
        """Ask until it is done."""
        while True:
            with trio.move_on_after(_PATIENCE_S):
                answer = await self._ask(command)
                if answer.get("ok"):
                    return answer
            await trio.sleep(_AGAIN_S)

    async def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """One command on a connection of its own; empty: no answer."""
        try:
            with short_address(self._control) as address:
                stream = await trio.open_unix_socket(address)
            async with stream:
                await stream.send_all(msgspec.json.encode(command) + b"\n")
                line = b""
                async for data in stream:
                    line += data
                    if line.endswith(b"\n"):
                        return msgspec.json.decode(line, type=dict[str, Any])
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError, msgspec.DecodeError):
            pass
        return {}


def closed_once(done: Sequence[str], cutovers: Sequence[Cutover]) -> list[Difference]:
    """What the switch has answered for and did not end, and what has ended more often than once."""
    windows = [name_of(c.closed, c.ended) for c in cutovers]
    days = [c.closed for c in cutovers if c.closed != c.day]
    ended = [*windows, *days]
    twice = [name for name in sorted(set(ended)) if ended.count(name) > 1]
    lost = sorted(set(done) - set(ended))
    return [
        *(Difference("", f"{name} was closed {ended.count(name)} times") for name in twice),
        *(Difference("", f"the close of {name} was acknowledged, and has no cutover") for name in lost),
    ]
