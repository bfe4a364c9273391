"""Wait until descriptors can be read or written, whatever their numbers.

In: descriptors. Out: which of them are ready. select() knows none above 1,023, and a switch with a thousand links has such.
"""

import select
from collections.abc import Iterable
from math import ceil
from typing import Final, Protocol

_READ: Final = select.POLLIN | select.POLLPRI
_WRITE: Final = select.POLLOUT


class Descriptor(Protocol):
    """Whatever has a descriptor."""

    def fileno(self) -> int:
        """Its number."""


def wait(end: int | Descriptor, seconds: float | None = None, *, writing: bool = False) -> bool:
    """Return when `end` can be read (or, `writing`, written), is closed by the other side, or after so many seconds: False."""
    poll = select.poll()
    poll.register(end, _READ | _WRITE if writing else _READ)
    return bool(poll.poll(None if seconds is None else _milliseconds(seconds)))


def ready(reading: Iterable[int], writing: Iterable[int], seconds: float) -> set[int]:
    """Those that can go on, at the latest after so many seconds. `reading`, `writing`: what each is waited for."""
    poll = select.poll()
    for end in reading:
        poll.register(end, _READ)
    for end in writing:
        poll.register(end, _WRITE)
    return {end for end, _ in poll.poll(_milliseconds(seconds))}


def _milliseconds(seconds: float) -> int:
    """Not less, so that nobody comes back before the time and asks again at once."""
    return max(0, ceil(seconds * 1000))
