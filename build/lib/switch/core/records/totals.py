"""Running totals of what was approved and taken back, a party, role, currency and window, to answer reconciliations from.

Theory of operation. Totals are a part of the state, so a fold of the records: a restart counts as the day before did. Each
record says for itself what it counts; what memory has let go of is never asked. A payment counts for who brought it
(`acquirer`: a member, or a network by its host's name) and for the host that answers for the card (`issuer`), in the window
in which the record stands (`records.windows`).

The rule, of both roles. The view is that of the cardholder's account: purchases and cash debit it, refunds credit it. What
takes back counts once, with what it takes back, in the window in which it is recorded, beside what it takes back, which is not
touched. So does the lowering of an amount. Nothing declined, held, given up or only asked is in a sum. An approval that its
acquirer could not be handed is none of that acquirer's: it is taken out again while its window is open. What a host approved too
late counts for that host alone, both ways at once.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from switch.core.messages.meaning import direction_of
from switch.core.records.day_records import PartyTotals, Reconciled
from switch.core.records.records import ACQUIRER, Answered, Booted, Forwarded, Owed, Snapshot
from switch.core.records.windows import name_of, parts_of
from switch.wire.vocabulary import DE, MTI

TOTALS_SCHEMA: Final = 5
"""of the records that say what they count"""

AS_ACQUIRER: Final = "acquirer"
AS_ISSUER: Final = "issuer"
"""Roles."""

CREDIT, CREDIT_BACK, DEBIT, DEBIT_BACK = range(4)
"""Positions: credits (refunds), purchases and cash taken back (which credit), debits, refunds taken back (which debit). First the
numbers, then in the same order the amounts."""
AMOUNTS: Final = 4
"""position of the first amount"""
INQUIRIES, AUTHORIZATIONS = 8, 9
"""Positions of two more numbers: inquiries, and holds and their increments."""
SIZE: Final = 10
NOTHING: Final[tuple[int, ...]] = (0,) * SIZE

_UNDELIVERED: Final = "undelivered"

Cell = tuple[str, str, str]
"""Role, party, currency."""
Period = tuple[str, int]
"""A business day, and the number of a window in it; 0: all of them."""


def net_of(sums: Iterable[int]) -> int:
    """What the cardholders' accounts have come to, minor units: credited less debited."""
    of = tuple(sums)[AMOUNTS:]
    return of[CREDIT] + of[CREDIT_BACK] - of[DEBIT] - of[DEBIT_BACK]


class Totals(msgspec.Struct, kw_only=True):
    """Of the newest business days (`limits.totals_days`); of each, of who had traffic in it."""

    keep: int
    windows: dict[str, dict[Cell, list[int]]] = {}
    """by name, oldest first"""
    asked: dict[tuple[Period, Cell], Reconciled] = {}
    """the last reconciliation that was answered"""
    last: dict[str, int] = {}
    """business day that is closed -> number of its last window"""
    begun: bool = False
    not_whole: str = ""
    """days up to this one are not counted, or not from their beginning; "": all are whole"""
    dropped: str = ""
    """the newest day that has made room; "": none"""

    def begin(self, booted: Booted, day: str, *, first: bool) -> None:
        """A process has begun. A journal of an older release says nothing of what is counted: its last day is not whole."""
        if booted.schema >= TOTALS_SCHEMA and not self.begun:
            self.begun, self.not_whole = True, "" if first else day

    def of(self, period: Period, cells: Iterable[Cell]) -> tuple[int, ...]:
        """The sums of these together."""
        day, number = period
        names = (name_of(day, number),) if number else tuple(name for name in self.windows if parts_of(name)[1] == day)
        there = [self.windows.get(name, {}) for name in names]
        found = [sums[cell] for sums in there for cell in cells if cell in sums]
        return tuple(map(sum, zip(*found, strict=True))) if found else NOTHING

    def close(self, day: str, number: int) -> None:
        """A business day ends with this window."""
        self.last[day] = number

    # -- what records count

    def approve(self, request: Forwarded, answer: Answered, window: str) -> None:
        """A request is approved."""
        direction = direction_of(request.elements)
        at = INQUIRIES
        if direction:
            at = AUTHORIZATIONS if request.mti[1] == MTI.AUTHORIZATION else DEBIT if direction > 0 else CREDIT
        there = self.windows.get(window) or self._of_window(window)
        currency = request.currency
        brought, answered = (AS_ACQUIRER, request.key[ACQUIRER], currency), (AS_ISSUER, request.host, currency)
        sums = there.get(brought) or there.setdefault(brought, [0] * SIZE)
        others = there.get(answered) or there.setdefault(answered, [0] * SIZE)
        sums[at] += 1
        others[at] += 1
        if at < AMOUNTS:
            text = answer.elements.get(DE.AMOUNT)
            amount = int(text) if text is not None else request.amount
            sums[AMOUNTS + at] += amount
            others[AMOUNTS + at] += amount

    def follow(self, owed: Owed, window: str, since_us: int) -> None:
        """An advice or a reversal changes what is posted, as it says itself. `since_us`: when the window began."""
        direction = direction_of(owed.message)
        acquirer = owed.key[ACQUIRER] or (owed.undoes[ACQUIRER] if owed.undoes is not None else "")
        unheard = owed.reason == _UNDELIVERED and owed.original >= since_us
        for currency, change in owed.posts.items():
            back = change * direction < 0
            at = (CREDIT_BACK if back else CREDIT) if change < 0 else (DEBIT_BACK if back else DEBIT)
            self._count(window, (AS_ISSUER, owed.host, currency), at, abs(change))
            cell = AS_ACQUIRER, acquirer, currency
            if unheard:
                self._count(window, cell, DEBIT if change < 0 else CREDIT, -abs(change), -1)
            else:
                self._count(window, cell, at, abs(change))

    def approve_late(self, request: Forwarded, window: str) -> None:
        """A host has approved what was given up, and is told to take it back."""
        direction = direction_of(request.elements)
        if direction and request.mti[1] == MTI.FINANCIAL:
            cell = AS_ISSUER, request.host, request.currency
            for at in (DEBIT, CREDIT_BACK) if direction > 0 else (CREDIT, DEBIT_BACK):
                self._count(window, cell, at, request.amount)

    def reconcile(self, asked: Reconciled) -> None:
        """A reconciliation was answered: a repeat of it gets the same answer."""
        self.asked[(asked.day, asked.window), (asked.role, asked.party, asked.currency)] = asked

    def _count(self, window: str, cell: Cell, at: int, amount: int, number: int = 1) -> None:
        sums = self._of_window(window).setdefault(cell, [0] * SIZE)
        sums[at] += number
        sums[AMOUNTS + at] += amount

    def _of_window(self, window: str) -> dict[Cell, list[int]]:
        there = self.windows.get(window)
        if there is None:
            there = self.windows[window] = {}
            self._make_room()
        return there

    def _make_room(self) -> None:
        """The oldest days go, with all their windows."""
        days = list(dict.fromkeys(parts_of(name)[1] for name in self.windows))
        for day in days[: max(0, len(days) - self.keep)]:
            self.dropped = day
            self.windows = {name: sums for name, sums in self.windows.items() if parts_of(name)[1] != day}
            self.asked = {key: asked for key, asked in self.asked.items() if key[0][0] > day}
            self.last = {closed: number for closed, number in self.last.items() if closed > day}

    # -- snapshots

    def rows(self) -> tuple[PartyTotals, ...]:
        """All, as a snapshot has them."""
        return tuple(
            PartyTotals(window=window, role=role, party=party, currency=currency, sums=tuple(sums))
            for window, cells in self.windows.items()
            for (role, party, currency), sums in cells.items()
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Where a fold begins."""
        self.begun = snapshot.schema >= TOTALS_SCHEMA
        self.not_whole, self.dropped = snapshot.totals_not_whole, snapshot.totals_dropped
        self.windows, self.asked, self.last = {}, {}, dict(snapshot.totals_last)
        for row in snapshot.totals:
            self.windows.setdefault(row.window, {})[row.role, row.party, row.currency] = list(row.sums)
        for asked in snapshot.reconciled:
            self.reconcile(asked)
