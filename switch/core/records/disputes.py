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
from switch.money.fee_line import Fee


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

    @property
    def open(self) -> bool:
        """True until it is closed."""
        return self.step != Step.CLOSED


class IllegalStepError(ValueError):
    """A step that the table does not have."""


class Disputes(msgspec.Struct, kw_only=True):
    """The fold of the steps. Bounded: of `limits.disputes` ended ones leave oldest first."""

    last: dict[int, Disputed] = {}
    """by name, its newest step"""
    committed: dict[int, int] = {}
    """payment -> minor units that are in dispute, or have been left with its issuer"""

    def check_step(self, entry: Disputed) -> None:
        """Raise IllegalStepError unless the table has it, and no more is given back than is in dispute."""
        before = self.last.get(entry.dispute)
        step = Step(before.step) if before is not None else Step.PRESENTED
        if Step(entry.step) not in MOVES[step]:
            raise IllegalStepError(f"a dispute that is {step} cannot take {entry.step}")
        had = before.given_back if before is not None else 0
        if not 0 <= entry.given_back <= entry.amount or entry.given_back - had != entry.change:
            raise IllegalStepError(f"{entry.change} of {entry.amount} cannot go back after {had}")

    def beside(self, payment: int, dispute: int) -> tuple[list[Disputed], int]:
        """Other disputes of a payment that are known, and minor units that forgotten ones have left with its issuer."""
        of_it = [one for one in self.last.values() if one.original == payment]
        forgotten = self.committed.get(payment, 0) - sum(map(_commits, of_it))
        return [one for one in of_it if one.dispute != dispute], forgotten

    def apply(self, entry: Disputed, keep: int) -> None:
        """Take a step in."""
        before = self.last.pop(entry.dispute, None)
        self.last[entry.dispute] = entry
        held = self.committed.get(entry.original, 0) + _commits(entry) - (_commits(before) if before is not None else 0)
        self.committed[entry.original] = held
        if not held:
            del self.committed[entry.original]
        if len(self.last) > keep:
            ended = next((one for one in self.last.values() if not one.open), None)
            if ended is not None:
                del self.last[ended.dispute]


def _commits(entry: Disputed) -> int:
    return entry.amount if entry.open else entry.given_back
