"""Errors nobody foresaw, as text that can be kept: where they arose, and nothing that was in a message.

In: an exception. Out: its kind, the places it passed through, and its own words without whatever could be a number of a card.
"""

import re
from hashlib import sha256
from traceback import StackSummary, format_tb, walk_tb
from typing import Any, Final

import msgspec

PLACES_MAX: Final = 40
WORDS_MAX: Final = 200
_DATA: Final = re.compile(r"""\bb'(?:[^'\\]|\\.)*'|\bb"(?:[^"\\]|\\.)*"|\w*\d\w*|\\x[0-9a-f]{2}|\b[0-9A-Fa-f]{8,}\b""")
"""bytes as Python shows them (a key is not all digits), words with a digit, hex digits"""


class PlantedError(Exception):
    """Raised on purpose by a test or a simulated day, to see what an error that nobody foresaw costs."""


class Defect(msgspec.Struct, frozen=True, kw_only=True):
    """An error nobody foresaw, as it is logged and kept."""

    name: str
    """the same for errors of one kind at one place"""
    error: str
    """kind and place: `KeyError in core/transactions/payments.py:120 (handle_answer)`"""
    report: str
    """lines for a file"""


def describe(error: BaseException, doing: str) -> Defect:
    """What is known of `error`, which arose while `doing` something."""
    frames = StackSummary.extract(walk_tb(error.__traceback__), lookup_lines=False)
    places = [f"{_short(frame.filename)}:{frame.lineno} ({frame.name})" for frame in frames] or ["an unknown place"]
    kind = type(error).__name__
    words = words_of(error)
    told = places if len(places) <= PLACES_MAX else [*places[: PLACES_MAX // 2], "…", *places[-PLACES_MAX // 2 :]]
    lines = [
        f"{kind}: {words}",
        f"while {doing}",
        "through, the last one raised it:",
        *(f"  {place}" for place in told),
    ]
    return Defect(
        name=sha256(f"{kind} {places[-1]}".encode()).hexdigest()[:8],
        error=f"{kind} in {places[-1]}",
        report="\n".join(lines) + "\n",
    )


def words_of(error: BaseException) -> str:
    """Its own words, cut, and without whatever could be a number of a card, a key or a PIN."""
    return _DATA.sub("#", str(error))[:WORDS_MAX]


def told_whole(error: BaseException) -> str:
    """Lines for a file: `error` with its traceback, after what it came of, before those it is a group of. Of lines of source
    as they are, of values nothing that `words_of` leaves out, and no notes."""
    waiting, seen, told = [error], set[int](), list[str]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        before = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        if before is not None and id(before) not in seen:
            waiting += [one, before]
            continue
        seen.add(id(one))
        told += [*format_tb(one.__traceback__), f"{type(one).__name__}: {words_of(one)}\n\n"]
        if isinstance(one, BaseExceptionGroup):
            waiting += reversed(one.exceptions)
    return "".join(told)


def fields_of(error: BaseException, doing: str, **about: Any) -> dict[str, Any]:
    """What the event `switch.defect` says of it; `about`: what else is known. Its `report` is for a file (`server.defects`)."""
    defect = describe(error, doing)
    hint = "a mistake of the switch's own: please report it with the file"
    return {
        "doing": doing,
        "error": defect.error,
        **about,
        "defect": defect.name,
        "report": defect.report,
        "hint": hint,
    }


def _short(path: str) -> str:
    """From the package on."""
    return path.rpartition("/switch/")[2]
