"""In which window of which business day each payment is: by the journal's cutovers alone, and by what acquirers were answered.

In: durable records in order; at rest, what terminals have noted. Out: sentences about what differs. Nothing of the switch's own
counting is asked: a cutover begins a window, and what stands behind it is in that.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, TypeAlias

from switch.core.records.day_records import Cutover
from switch.core.records.records import (
    STAN,
    TERMINAL,
    Abandoned,
    Answered,
    AnyEntry,
    Declined,
    Forwarded,
    Owed,
    StoodIn,
)
from switch.wire.vocabulary import APPROVALS, DE, Document

Named: TypeAlias = tuple[str, str, str, str]
"""A payment, as its answer and its record both name it: MTI class, DE11, DE41, DE37."""
_OUTCOMES: Final = (Answered, Declined, Abandoned, Owed, StoodIn)


def named(mti_class: str, document: Document) -> Named:
    """What a message's payment is known by."""
    return mti_class, document.get(DE.STAN, ""), document.get(DE.TERMINAL, "").strip(), document.get(DE.RRN, "").strip()


class Dates:
    """The windows up to a record."""

    def __init__(self) -> None:
        self._now: tuple[str, int] | None = None
        """None: there has been no cutover"""
        self._asked: dict[int, Named] = {}
        self._approved: dict[Named, set[tuple[str, str]]] = {}
        """approvals -> DE15 and number of the window; two payments of one name are two dates"""

    def fold(self, entry: AnyEntry) -> str:
        """Count one record. What is wrong with it, or ""."""
        if isinstance(entry, Cutover):
            self._now = entry.day, entry.window
            return ""
        request = entry.request if isinstance(entry, StoodIn) else entry
        if isinstance(request, Forwarded):
            rrn = {
                DE.STAN: request.key[STAN],
                DE.TERMINAL: request.key[TERMINAL],
                DE.RRN: request.elements.get(DE.RRN, ""),
            }
            self._asked[request.txn] = named(request.mti[1], rrn)
        if not isinstance(entry, _OUTCOMES):
            return ""
        calendar = datetime.fromtimestamp(entry.at_us // 1_000_000, UTC).date().isoformat()
        day, number = self._now or (calendar, 1)
        if isinstance(entry, Answered | StoodIn) and entry.de39 in APPROVALS:
            dates = self._approved.setdefault(self._asked[entry.txn], set())
            dates.add((day[5:7] + day[8:], f"{number:03d}"))
        if entry.window != f"{day}/{number}":
            said = f"{type(entry).__name__} {entry.txn:x} says that it is in {entry.window}"
            return f"journal: {said}, and stands in {day}/{number}"
        return ""

    def differing(self, whose: str, noted: Mapping[Named, tuple[str, str]]) -> Iterator[str]:
        """What an acquirer has noted otherwise than the journal has it; of a link that says no numbers, by the day."""
        for payment, (date, number) in noted.items():
            dates = self._approved.get(payment, set())
            if not any(day == date and number in ("", window) for day, window in dates):
                yield f"{whose}: {payment} was answered with DE15 {date}, window {number or '-'}; the journal has it in {dates}"
