"""The bytes of a diagnosis: which are shown, and what they are.

Rule: of a message, its length header, message header, MTI and bitmaps; of an element behind them only one that is named and
holds no secret. Everything else is dots, for it may be a PAN read as something else.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from switch.doctor.diagnosis import HIDDEN, Evidence, Mark

ROW: Final = 16
_CELLS_MAX: Final = 6 * ROW


def shown(
    data: bytes,
    first: int,
    last: int,
    marks: Iterable[tuple[int, int, str]],
    open_to: int | None = None,
    hidden: tuple[int, int] = (0, 0),
) -> Evidence:
    """Bytes `first` to `last` (not itself): those before `open_to` (default: all of them) and the marked ones in clear.

    `marks`: first byte, number of bytes, words. `hidden`: a range of which only what is marked is shown.
    """
    said = tuple(Mark(at, size, words) for at, size, words in marks if size > 0)
    last = min(last, len(data), first + _CELLS_MAX)
    clear_to = last if open_to is None else open_to
    cells = []
    for at in range(first, last):
        marked = any(mark.at <= at < mark.at + mark.size for mark in said)
        clear = marked or (at < clear_to and not hidden[0] <= at < hidden[1])
        cells.append(f"{data[at]:02X}" if clear else HIDDEN)
    return Evidence(first, tuple(cells), said)


def rows(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Lines of an evidence, each with its style: `bytes` rows of 16, under each a `caret` row a mark, with its words."""
    skipped = False
    for start in range(0, len(evidence.cells), ROW):
        cells = evidence.cells[start : start + ROW]
        at = evidence.at + start
        if all(cell == HIDDEN for cell in cells):
            if not skipped:
                yield "bytes", "        …"
            skipped = True
            continue
        skipped = False
        yield "bytes", f"  {at:04X}  {' '.join(cells):<{ROW * 3 - 1}}  {''.join(map(_char, cells))}"
        for mark in evidence.marks:
            begins, ends = max(mark.at, at), min(mark.at + mark.size, at + len(cells))
            if begins >= ends:
                continue
            under = " " * (3 * (begins - at)) + "^" * (3 * (ends - begins) - 1)
            goes_on = "" if mark.at + mark.size <= at + len(cells) else " …"
            words = f" {mark.words}{goes_on}" if begins == mark.at else ""
            yield "caret", f"        {under}{words}"


def _char(cell: str) -> str:
    if cell == HIDDEN:
        return "·"
    byte = int(cell, 16)
    return chr(byte) if 0x20 <= byte < 0x7F else "."
