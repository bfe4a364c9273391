"""Makes captured requests new: a host that remembers the old ones would answer them as repeats.

Each payment's DE11 is replaced by another, the same one in its repeats and wherever something names it (DE90, in the 1993 edition
DE56, a reversal that has its payment's own DE11); DE7 is set to now; DE37 follows where it ended in DE11, in all that repeats it.

A DE11 is no name of its own: terminals each count theirs, and counters come round. Two requests of one DE11 are one payment only
where all that says when, where, whose and how much agrees, or where the second is marked as a repeat.
"""

import random
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec

from switch.wire import Document
from switch.wire.vocabulary import DE, MTI, is_repeat

_PLACE: Final = (DE.ACQUIRER, DE.TERMINAL, DE.MERCHANT)
_SAME: Final = (DE.LOCAL_TIME, DE.LOCAL_DATE, DE.RRN, DE.PAN, DE.TRACK2, DE.AMOUNT, DE.NETWORK_CODE)
"""what two requests of one DE11 agree in that are one; without a local time, in DE7 too (which some set anew to send again)"""
_OF_ONE_NUMBER_MAX: Final = 64
"""requests of one DE11 that are remembered"""


class _Known(msgspec.Struct, frozen=True):
    """A request that was made new."""

    document: Document
    """as it was captured"""
    fresh: Document

    def is_of(self, other: Document) -> bool:
        """True where `other`, of the same DE11, is this request again, or something that follows it under its own DE11."""
        mine, theirs = self.document[DE.MTI], other[DE.MTI]
        if not self._agrees(other, _PLACE):
            return False
        if mine[1:3] == theirs[1:3]:
            same = _SAME if DE.LOCAL_TIME in other else (*_SAME, DE.TRANSMISSION_TIME)
            return is_repeat(theirs) or all(self.document.get(de) == other.get(de) for de in same)
        follows = theirs[1] == MTI.REVERSAL or theirs[2] == "2"
        return follows and mine[1] != MTI.NETWORK and self._agrees(other, (DE.PAN, DE.RRN))

    def _agrees(self, other: Document, elements: tuple[str, ...]) -> bool:
        return all(self.document[de] == other[de] for de in elements if de in self.document and de in other)


class Refresher:
    """The requests of one replay. `now` gives the wall clock, UTC; `first` is the first DE11 given out."""

    def __init__(self, now: Callable[[], datetime], first: int) -> None:
        self._now = now
        self._next = first % 1_000_000
        self._known: dict[str, deque[_Known]] = {}
        """captured DE11 -> the requests that had it, in their order"""
        self._rrns: dict[tuple[str, str], str] = {}
        """captured DE37 and DE41 -> the new DE37"""

    def __call__(self, document: Document) -> Document:
        """The request, new."""
        fresh = dict(document)
        sent_at = document.get(DE.TRANSMISSION_TIME, "")
        if len(sent_at) == 10:
            fresh[DE.TRANSMISSION_TIME] = self._now().strftime("%m%d%H%M%S")
        self._follow_original(document, fresh)
        old = document.get(DE.STAN, "")
        if len(old) == 6 and old.isdecimal():
            self._number(document, fresh, old)
        rrn = self._rrns.get((document.get(DE.RRN, ""), document.get(DE.TERMINAL, "")))
        if rrn is not None:
            fresh[DE.RRN] = rrn
        return fresh

    def _number(self, document: Document, fresh: Document, old: str) -> None:
        """Its DE11, and a DE37 that ended in it."""
        same = self._known.setdefault(old, deque(maxlen=_OF_ONE_NUMBER_MAX))
        known = next((one for one in reversed(same) if one.is_of(document)), None)
        if known is None:
            fresh[DE.STAN] = self._give()
            same.append(_Known(document, fresh))
        else:
            fresh[DE.STAN] = known.fresh[DE.STAN]
            if document.get(DE.TRANSMISSION_TIME) == known.document.get(DE.TRANSMISSION_TIME, ""):
                fresh[DE.TRANSMISSION_TIME] = known.fresh[DE.TRANSMISSION_TIME]
        rrn = document.get(DE.RRN, "")
        if rrn.endswith(old):
            self._rrns.setdefault((rrn, document.get(DE.TERMINAL, "")), rrn[:-6] + fresh[DE.STAN])

    def _follow_original(self, document: Document, fresh: Document) -> None:
        """DE90, or DE56, as the request that it names is called now."""
        original = document.get(DE.ORIGINAL, "")
        named = self._named(document, original[4:10], original[10:20])
        if named is not None:
            time = named.fresh.get(DE.TRANSMISSION_TIME, "") if self._sent(named, original[10:20]) else original[10:20]
            fresh[DE.ORIGINAL] = original[:4] + named.fresh[DE.STAN] + time + original[20:]
        told = document.get(DE.ORIGINAL_93, "")
        if len(told) >= 22 and told[:4].isdecimal():
            named = self._named(document, told[4:10], "")
            if named is not None:
                fresh[DE.ORIGINAL_93] = told[:4] + named.fresh[DE.STAN] + told[10:]

    def _named(self, document: Document, stan: str, sent_at: str) -> _Known | None:
        """The request that `document` names: of several of one DE11, the one sent at that time, at the same place, the newest."""
        of_stan = self._known.get(stan, deque())
        return max(
            reversed(of_stan),
            key=lambda one: (
                self._sent(one, sent_at),
                sum(de in document and one.document.get(de) == document[de] for de in (*_PLACE, DE.PAN, DE.RRN)),
            ),
            default=None,
        )

    @staticmethod
    def _sent(one: _Known, sent_at: str) -> bool:
        return bool(sent_at) and one.document.get(DE.TRANSMISSION_TIME) == sent_at

    def _give(self) -> str:
        """A DE11 that was not given out yet."""
        given = f"{self._next:06d}"
        self._next = (self._next + 1) % 1_000_000 or 1
        return given


def new_requests() -> Refresher:
    """Requests made new as of now, from a DE11 that nobody is likely to have used lately."""
    return Refresher(lambda: datetime.now(UTC), random.randrange(1, 1_000_000))  # noqa: S311 - a counter's start
