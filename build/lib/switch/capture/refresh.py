"""Makes captured requests new: a host that remembers the old ones would answer them as repeats.

Each DE11 is replaced by another, the same one each time; DE7 is set to now; DE37 follows where it ended in DE11; a reversal's
DE90 (DE56 in the 1993 edition) follows the request that it names.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime

from switch.wire import Document
from switch.wire.vocabulary import DE


class Refresher:
    """The requests of one replay. `now` gives the wall clock, UTC; `first` is the first DE11 given out."""

    def __init__(self, now: Callable[[], datetime], first: int) -> None:
        self._now = now
        self._next = first % 1_000_000
        self._stans: dict[str, str] = {}
        self._times: dict[tuple[str, str], str] = {}
        """captured DE11 and DE7 -> the new DE7"""

    def __call__(self, document: Document) -> Document:
        """The request, new."""
        fresh = dict(document)
        old = document.get(DE.STAN, "")
        if len(old) == 6 and old.isdecimal():
            fresh[DE.STAN] = self._stan(old)
            rrn = document.get(DE.RRN, "")
            if rrn.endswith(old):
                fresh[DE.RRN] = rrn[:-6] + fresh[DE.STAN]
        sent_at = document.get(DE.TRANSMISSION_TIME, "")
        if len(sent_at) == 10:
            fresh[DE.TRANSMISSION_TIME] = self._times.setdefault((old, sent_at), self._now().strftime("%m%d%H%M%S"))
        original = document.get(DE.ORIGINAL, "")
        if original[4:10] in self._stans:
            time = self._times.get((original[4:10], original[10:20]), original[10:20])
            fresh[DE.ORIGINAL] = original[:4] + self._stans[original[4:10]] + time + original[20:]
        named = document.get(DE.ORIGINAL_93, "")
        if len(named) >= 22 and named[4:10] in self._stans and named[:4].isdecimal():
            fresh[DE.ORIGINAL_93] = named[:4] + self._stans[named[4:10]] + named[10:]
        return fresh

    def _stan(self, old: str) -> str:
        known = self._stans.get(old)
        if known is None:
            known = self._stans[old] = f"{self._next:06d}"
            self._next = (self._next + 1) % 1_000_000 or 1
        return known


def new_requests() -> Refresher:
    """Requests made new as of now, from a DE11 that nobody is likely to have used lately."""
    return Refresher(lambda: datetime.now(UTC), random.randrange(1, 1_000_000))  # noqa: S311 - a counter's start
