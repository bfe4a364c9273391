"""What a host has counted for itself, and how it compares that with what the switch says: books of its own, made of its postings.

Nothing here asks the switch's code what counts. A posting that stands for more than before counts where money of its kind goes,
one that stands for less where what is taken back goes, each in the business day that the host takes it to be.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from switch.wire.vocabulary import DE, Document

NUMBERS: Final = (DE.CREDITS, DE.CREDITS_REVERSAL, DE.DEBITS, DE.DEBITS_REVERSAL)
AMOUNTS: Final = (DE.CREDITS_AMOUNT, DE.CREDITS_REVERSAL_AMOUNT, DE.DEBITS_AMOUNT, DE.DEBITS_REVERSAL_AMOUNT)
CREDIT, CREDIT_BACK, DEBIT, DEBIT_BACK = range(4)

APART: Final = "apart"
UNDER_ORIGINALS: Final = "originals"
AS_ASKED: Final = "asked"
"""How a host counts: what is taken back beside its original (as the switch does); out of its original's own sums, where those are
of the same day; and partial approvals at the amount that was asked."""
COUNTS: Final = (APART, APART, UNDER_ORIGINALS, AS_ASKED)
"""of hosts that think otherwise, each as likely as it stands here"""


class Sums(msgspec.Struct):
    """Numbers and amounts of one day and currency, as DE74 to 77 and 86 to 89 have them."""

    numbers: list[int] = msgspec.field(default_factory=lambda: [0] * 4)
    amounts: list[int] = msgspec.field(default_factory=lambda: [0] * 4)

    @property
    def net(self) -> int:
        """What cardholders' accounts have come to."""
        of = self.amounts
        return of[CREDIT] + of[CREDIT_BACK] - of[DEBIT] - of[DEBIT_BACK]

    def elements(self) -> Document:
        """As a reconciliation says them."""
        said = {de: f"{n:010d}" for de, n in zip(NUMBERS, self.numbers, strict=True)}
        said |= {de: f"{n:016d}" for de, n in zip(AMOUNTS, self.amounts, strict=True)}
        return said | {DE.NET: f"{'D' if self.net < 0 else 'C'}{abs(self.net):016d}"}


class OwnTotals:
    """Of one host. `counts`: how it does it (`APART` …)."""

    def __init__(self) -> None:
        self.counts = APART
        self.days: dict[tuple[str, str], Sums] = {}
        """by business day (MMDD) and currency"""
        self.beyond: dict[str, int] = {}
        """currency -> what was asked beyond what was approved, where that is counted"""

    def move(self, day: str, currency: str, before: int, now: int) -> None:
        """A payment that stood for `before` signed minor units (above zero: the cardholder pays) stands for `now`."""
        change = now - before
        if not change:
            return
        sums = self.days.setdefault((day, currency), Sums())
        back = abs(now) < abs(before)
        taken_back, new = (CREDIT_BACK, CREDIT) if change < 0 else (DEBIT_BACK, DEBIT)
        at = taken_back if back else new
        if back and self.counts == UNDER_ORIGINALS:
            at = DEBIT if change < 0 else CREDIT
            if sums.amounts[at] >= abs(change):
                sums.numbers[at] -= not now
                sums.amounts[at] -= abs(change)
                return
            at = taken_back
        sums.numbers[at] += 1
        sums.amounts[at] += abs(change)

    def add_asked(self, day: str, currency: str, beyond: int) -> None:
        """A payment was approved for so much less than was asked."""
        if self.counts == AS_ASKED:
            self.days.setdefault((day, currency), Sums()).amounts[DEBIT] += beyond
            self.beyond[currency] = self.beyond.get(currency, 0) + beyond

    def net(self, currency: str) -> int:
        """Over all days."""
        return sum(sums.net for (_, of), sums in self.days.items() if of == currency)


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """One element that two sides do not agree on."""

    element: str
    here: int
    there: int
    cause: str
    """which is likely"""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one reconciliation."""

    day: str
    currency: str
    result: str
    """DE66 of the answer"""
    disagreements: tuple[Disagreement, ...] = ()


def compare(sums: Sums, answer: Document) -> tuple[Disagreement, ...]:
    """What a host finds in the switch's answer that is not in its books; of totals that the answer does not have, or not as a
    number, nothing can be said."""
    if DE.NET not in answer:
        return ()
    elements = (*NUMBERS, *AMOUNTS, DE.NET)
    here = (*sums.numbers, *sums.amounts, sums.net)
    there = tuple(_number(answer.get(de, "")) for de in elements)
    gaps = tuple(ours - theirs if theirs is not None else 0 for ours, theirs in zip(here, there, strict=True))
    cause = _cause(gaps)
    return tuple(
        Disagreement(element=de, here=ours, there=theirs, cause=cause)
        for de, ours, theirs in zip(elements, here, there, strict=True)
        if theirs not in (None, ours)
    )


def _number(said: str) -> int | None:
    """A number, or an amount led by C or D (DE97); None: it is neither."""
    digits = said.removeprefix("C").removeprefix("D")
    if not (digits.isascii() and digits.isdecimal()):
        return None
    return -int(digits) if said.startswith("D") else int(digits)


def _cause(gaps: tuple[int, ...]) -> str:
    """Of how far apart the elements are (here less there): numbers, amounts, net."""
    numbers, net = gaps[:4], gaps[8]
    if not net:
        return "taken back: one side has it in its original's sums, or, late, never saw it approved"
    if not any(numbers):
        return "amount: the same payments, and one of another amount"
    if sum(numbers) > 0:
        return "missing there, in another window there, or doubled here"
    return "missing here, in another window here, or doubled there"


def request(mti: str, day: str, currency: str, said: Iterable[tuple[str, str]], sums: Sums) -> Document:
    """A reconciliation of this business day (MMDD) and currency; `said`: DE7, DE11, DE32."""
    return {DE.MTI: mti, **dict(said), DE.SETTLEMENT_DATE: day, DE.CURRENCY_SETTLEMENT: currency, **sums.elements()}


REQUEST_OF_ACQUIRER: Final = "0500"
REQUEST: Final = "0502"
ADVICE_OF_ACQUIRER: Final = "0520"
ADVICE: Final = "0522"
"""MTIs of an acquirer's reconciliation, and of an issuer's: a bank's host asks; a card network's tells, and is acknowledged."""
