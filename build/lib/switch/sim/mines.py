"""Errors planted in the switch: the n-th function of its core that is called raises one, wherever that is.

Where an error cannot come to an end, none is planted: outside of what deals with a message, a deadline or a command; inside of
what applies a record, which either is or is not; and in what mends after an error.
"""

import sys
from types import FrameType
from typing import Final

from switch.core.defects import PlantedError

_GUARDS: Final = frozenset({"guard", "_frames", "_run"})
_SPARED: Final = ("/core/transactions/containment.py", "/core/defects.py", "/core/records/")
_SPARED_NAMES: Final = frozenset(
    {"record", "contain", "mark", "log", "_wait_again", "end_message", "mend", "_end_half_done"}
)


class Mine:
    """One at a time."""

    def __init__(self) -> None:
        self._left = 0
        self.sprung: list[str] = []
        """functions that have raised"""

    def lay(self, calls: int) -> None:
        """The function that is called so many calls from now, of those that may, raises `PlantedError`."""
        if self._left <= 0 and sys.gettrace() is None:
            self._left = calls
            sys.settrace(self._called)

    def clear(self) -> None:
        """Nothing is planted any more."""
        if self._left > 0:
            self._left = 0
            sys.settrace(None)

    def _called(self, frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event != "call" or "/switch/core/" not in code.co_filename:
            return
        if code.co_name == "<genexpr>" or not _may_raise(frame):
            return
        self._left -= 1
        if self._left > 0:
            return
        sys.settrace(None)
        self._left = 0
        self.sprung.append(f"{code.co_filename.rpartition('/switch/')[2]} ({code.co_name})")
        raise PlantedError(self.sprung[-1])


def _may_raise(frame: FrameType) -> bool:
    guarded = False
    at: FrameType | None = frame
    while at is not None:
        code = at.f_code
        if "/switch/core/" in code.co_filename:
            within = at is not frame
            guarded = guarded or (within and code.co_name in _GUARDS)
            if not within and code.co_name in _GUARDS:
                return False
            spared = code.co_name in _SPARED_NAMES or any(path in code.co_filename for path in _SPARED)
            if spared and code.co_name != "guard" and (within or code.co_name != "record"):
                return False
        at = at.f_back
    return guarded
