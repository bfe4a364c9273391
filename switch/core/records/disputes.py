"""Disputes: the steps that a payment goes through when its issuer claims it back, the one table that all others ask.

Theory of operation. A record is a step. Each side answers the other, within a time that the reason's rules set; the money in
dispute is with the issuer or with the acquirer, and goes over with the step that says so:

    presented ──chargeback──> issuer has it ──representment──> acquirer has it (all, or a part)
        ──pre-arbitration──> issuer has it ──arbitration──> a ruling is asked for, no money moves
    and from each but the first ──closed──> for one side, which has it from then on

Rule: `Kernel.record` asks `check_step` before every step; there is none that is not in the table. Of a payment never more is
given back than stands of it: what is in open disputes, and what ended ones have left with the issuer, counts together.
"""

from enum import StrEnum
from typing import Final

import msgspec

from switch.core.records.entry import Entry
from switch.core.records.windows import parts_of
from switch.money.fee_line import Fee
from switch.money.fees import add_up


class Step(StrEnum):
    """As records, commands and people call them."""

    PRESENTED = "presented"
    """the payment itself: no record of a dispute"""
    CHARGEBACK = "chargeback"
    REPRESENTMENT = "representment"
    PRE_ARBITRATION = "pre-arbitration"
    ARBITRATION = "arbitration"
    CLOSED = "closed"


ISSUER: Final = "issuer"
ACQUIRER: Final = "acquirer"
"""Sides."""

MOVES: Final[dict[Step, tuple[Step, ...]]] = {
    Step.PRESENTED: (Step.CHARGEBACK,),
    Step.CHARGEBACK: (Step.REPRESENTMENT, Step.CLOSED),
    Step.REPRESENTMENT: (Step.PRE_ARBITRATION, Step.CLOSED),
    Step.PRE_ARBITRATION: (Step.ARBITRATION, Step.CLOSED),
    Step.ARBITRATION: (Step.CLOSED,),
    Step.CLOSED: (),
}
"""What may follow."""

WHOSE: Final[dict[Step, str]] = {
    Step.CHARGEBACK: ISSUER,
    Step.REPRESENTMENT: ACQUIRER,
    Step.PRE_ARBITRATION: ISSUER,
    Step.ARBITRATION: ACQUIRER,
}
"""Who takes it, in time; anybody may close."""


class Disputed(Entry, frozen=True, kw_only=True, tag="dsp"):
    """A step of a dispute, with all that is so from then on."""

    txn: int
    at_us: int
    dispute: int
    """txn of its first step: its name"""
    step: str
    """a `Step`"""
    original: int
    """txn of the payment"""
    rrn: str
    """DE37 of that"""
    reason: str
    """code of the scheme's"""
    amount: int
    """minor units in dispute"""
    given_back: int
    """of them, what the issuer has from here on"""
    change: int
    """of that, by this step: above zero, it goes back to the issuer"""
    currency: str
    due: str
    """day (YYYY-MM-DD) by which the other side must answer; "": nobody need"""
    side: str
    """of `closed`: for whom"""
    by: str
    scheme: str
    acquirer: str
    issuer: str
    merchant: str
    cash: bool
    of_day: str
    """business day of the payment"""
    interchange: tuple[Fee, ...] = ()
    """what goes back of it with all of `amount`"""
    returned: tuple[Fee, ...] = ()
    """what has gone back of it, from here on"""
    fees: tuple[Fee, ...] = ()
    """of that, by this step"""
    window: str = ""
    until: str = ""
    """day (YYYY-MM-DD) up to which the payment may be claimed back for some reason; "": not said by an older release"""

    @property
    def open(self) -> bool:
        """True until it is closed."""
        return self.step != Step.CLOSED


class IllegalStepError(ValueError):
    """A step that the table does not have."""


class Disputes(msgspec.Struct, kw_only=True):
    """The fold of the steps. Bounded by `limits.disputes`: none is begun where all that are known must be (`crowded`).

    What may leave, oldest first, is what has ended and left nothing with the issuer, or whose payment is too old to be claimed
    again, and of which no other claim is open.
    """

    last: dict[int, Disputed] = {}
    """by name, its newest step"""
    committed: dict[int, int] = {}
    """payment -> minor units that are in dispute, or have been left with its issuer"""
    named: dict[int, tuple[int, ...]] = {}
    """payment -> its disputes that are known, oldest first"""

    def check_step(self, entry: Disputed) -> None:
        """Raise IllegalStepError unless the table has it, and no more is given back than is in dispute."""
        before = self.last.get(entry.dispute)
        step = Step(before.step) if before is not None else Step.PRESENTED
        if Step(entry.step) not in MOVES[step]:
            raise IllegalStepError(f"a dispute that is {step} cannot take {entry.step}")
        had = before.given_back if before is not None else 0
        if not 0 <= entry.given_back <= entry.amount or entry.given_back - had != entry.change:
            raise IllegalStepError(f"{entry.change} of {entry.amount} cannot go back after {had}")

    def of(self, payment: int) -> list[Disputed]:
        """Those of one payment, by their newest steps."""
        return [self.last[name] for name in self.named.get(payment, ())]

    def restate(self, dispute: int, lines: tuple[Fee, ...]) -> None:
        """So much more interchange has gone back by it, as another amount stands of its payment."""
        known = self.last.get(dispute)
        if known is not None:
            self.last[dispute] = msgspec.structs.replace(known, returned=add_up(known.returned, lines))

    def apply(self, entry: Disputed, keep: int) -> None:
        """Take a step in."""
        before = self.last.pop(entry.dispute, None)
        self.last[entry.dispute] = entry
        if before is None:
            self.named[entry.original] = tuple(sorted((*self.named.get(entry.original, ()), entry.dispute)))
        self._commit(entry.original, _commits(entry) - (_commits(before) if before is not None else 0))
        day = parts_of(entry.window)[1] if entry.window else ""
        while len(self.last) > keep and (ended := self._may_leave(day)) is not None:
            self._forget(ended)

    def _forget(self, ended: Disputed) -> None:
        del self.last[ended.dispute]
        self._commit(ended.original, -_commits(ended))
        others = tuple(name for name in self.named.pop(ended.original) if name != ended.dispute)
        if others:
            self.named[ended.original] = others

    def crowded(self, keep: int, day: str) -> bool:
        """True where no further one can be begun on `day`."""
        return len(self.last) >= keep and self._may_leave(day) is None

    def _may_leave(self, day: str) -> Disputed | None:
        under_way = {one.original for one in self.last.values() if one.open}
        ended = (one for one in self.last.values() if one.original not in under_way)
        return next((one for one in ended if one.until < day or not (one.given_back or one.returned)), None)

    def _commit(self, payment: int, change: int) -> None:
        held = self.committed.get(payment, 0) + change
        self.committed[payment] = held
        if not held:
            del self.committed[payment]


def _commits(entry: Disputed) -> int:
    return entry.amount if entry.open else entry.given_back
