"""Records about a business day as a whole, beside `records`: its close, and what parties have counted of it."""

from typing import Final

import msgspec

from switch.core.records.entry import Entry

FIRST_DAY: Final = -1
"""for `Cutover.day_at_us`: of the first day of all, of which windows alone have been closed"""


class Cutover(Entry, frozen=True, kw_only=True, tag="cut"):
    """Window `ended` of the business day `closed` (YYYY-MM-DD) is closed, and `window` of `day` begins: what stands behind this
    record belongs to it. Where `day` is `closed`, the day goes on. `by`: a host's name, `operator` or `schedule`."""

    at_us: int
    day: str
    closed: str
    by: str
    window: int = 1
    ended: int = 1
    day_at_us: int = 0
    """when `day` began; 0: with this record; `FIRST_DAY`: no close has begun it"""

    @property
    def since_us(self) -> int:
        """When the day began that goes on with it; 0: no close has begun it."""
        return max(self.day_at_us, 0) if self.day_at_us else self.at_us


class Reconciled(Entry, frozen=True, kw_only=True, tag="rcn"):
    """A reconciliation (0500, 0520 …) was answered: with what it said, what was counted here, and what came of it."""

    at_us: int
    txn: int
    link: str
    mti: str
    stan: str
    sent_at: str
    """DE11 and DE7 of it: a repeat has the same"""
    role: str
    """`acquirer` or `issuer`: whose view of the payments"""
    party: str
    """member, or network by its host's name"""
    currency: str
    day: str
    """business day (YYYY-MM-DD)"""
    result: str
    """DE66: 1 they agree, 2 they differ, 3 nothing to compare with, or not yet"""
    theirs: tuple[int, ...]
    """`totals`: numbers and amounts by position; -1 for what it did not say; last its DE97, signed"""
    ours: tuple[int, ...]
    """the same; empty: there are no totals of that day"""
    reason: str
    window: int = 0
    """of the day; 0: all of them"""


class PartyTotals(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What was counted of one party in one role, currency and window: `core.records.totals`."""

    window: str
    """its name (`records.windows`)"""
    role: str
    party: str
    currency: str
    sums: tuple[int, ...]
