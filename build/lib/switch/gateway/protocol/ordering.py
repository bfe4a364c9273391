"""The orders in which merchants' clients put field names before they hash the values.

In: names. Out: the same names, ordered; names that an order cannot tell apart stay as they came. The one rule: `natural` is the
order of PHP's natcasesort, byte for byte, because the standard hash (ver3) is defined by it; PHP itself is the oracle of the
tests.
"""

import re
from collections.abc import Callable, Iterable
from functools import cmp_to_key, lru_cache
from typing import Final

Ordering = Callable[[Iterable[str]], list[str]]

_DIGITS: Final = re.compile(rb"([0-9]+)")
_NUMBERS: Final = re.compile(r"([0-9]+)")
_ZERO_INSIDE: Final = re.compile(r"[^0-9]0[0-9]")
_BLANKS: Final = b" \t\n\v\f\r"
_ICU_PUNCTUATION: Final = {character: rank for rank, character in enumerate("_-,;:!?./'\"()[]{}@*&#%+<=>|~$")}
"""punctuation and symbols stand before digits, digits before letters (CLDR root collation)"""


def natural(names: Iterable[str]) -> list[str]:
    """Case is ignored (ASCII), runs of digits compare as numbers; `_` stands after letters, `.` before digits."""
    names = list(names)
    if _awkward("\x01".join(names)):
        return sorted(names, key=cmp_to_key(_compare_names))
    return sorted(names, key=_natural_key)


def by_bytes(names: Iterable[str]) -> list[str]:
    """PHP's ksort: capitals before small letters, digits as text."""
    return sorted(names, key=_bytes)


def ignoring_case(names: Iterable[str]) -> list[str]:
    """Small letters for capitals, digits as text."""
    return sorted(names, key=str.lower)


def as_icu(names: Iterable[str]) -> list[str]:
    """JavaScript's `localeCompare` with numbers compared as such."""
    return sorted(names, key=_icu_key)


def _bytes(name: str) -> bytes:
    return name.encode()


def _awkward(text: str) -> bool:
    """Blanks are skipped, and digits behind a zero within a name are compared from the left: no key can say that."""
    return text.split() != [text] or ("0" in text and _ZERO_INSIDE.search(text) is not None)


@lru_cache(maxsize=4096)  # a shop's forms have the same names each time
def _natural_key(name: str) -> bytes:
    """Bytes that compare as `_compare` does, for names that are not awkward.

    Capitals stand for small ASCII letters, and for no others, as in PHP since 8.2.
    A run of digits becomes a zero, its length and its digits: it meets a letter as any digit does, and another run by length
    first. Zeros at its head, which only the start of a name can have here, do not count.
    """
    key = name.encode().upper()
    if key.isalpha():
        return key
    out = bytearray()
    for at, part in enumerate(_DIGITS.split(key)):
        text = part
        if at % 2:
            text = part.lstrip(b"0") or b"0"
            out += b"0" + len(text).to_bytes(2, "big")
        out += text
    return bytes(out)


def _compare_names(one: str, other: str) -> int:
    return _compare(one.encode(), other.encode())


def _compare(one: bytes, other: bytes) -> int:
    """-1, 0 or 1. Digits are bytes 48 to 57; zeros at the head of the name are skipped, and blanks anywhere."""
    if not one or not other:
        return (len(one) > len(other)) - (len(one) < len(other))
    i = j = 0
    while True:
        i, j = _start(one, i), _start(other, j)
        a, b = one[i : i + 1], other[j : j + 1]
        if a.isdigit() and b.isdigit():
            left, right = _run(one, i), _run(other, j)
            decided = _compare_runs(left, right)
            if decided:
                return decided
            i, j = i + len(left), j + len(right)
            if i >= len(one) or j >= len(other):
                return (i < len(one)) - (j < len(other))
            a, b = one[i : i + 1], other[j : j + 1]
        a, b = a.upper(), b.upper()
        if a != b:
            return -1 if a < b else 1
        i, j = i + 1, j + 1
        if i >= len(one) or j >= len(other):
            return (i < len(one)) - (j < len(other))


def _start(text: bytes, at: int) -> int:
    """Where the comparison goes on: behind zeros that a digit follows, at the head of the name only, and behind blanks."""
    if at == 0:
        while text[at : at + 1] == b"0" and text[at + 1 : at + 2].isdigit():
            at += 1
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def _run(text: bytes, at: int) -> bytes:
    end = at
    while end < len(text) and text[end : end + 1].isdigit():
        end += 1
    return text[at:end]


def _compare_runs(one: bytes, other: bytes) -> int:
    """A run that begins with a zero makes both compare from the left; else the longer is the greater."""
    if one[:1] != b"0" and other[:1] != b"0" and len(one) != len(other):
        return -1 if len(one) < len(other) else 1
    return (one > other) - (one < other)


def _icu_key(name: str) -> list[tuple[int, int | str]]:
    """Digits as numbers behind punctuation and before letters; case counts for nothing."""
    key: list[tuple[int, int | str]] = []
    for at, part in enumerate(_NUMBERS.split(name)):
        if at % 2:
            key.append((1, int(part)))
            continue
        for character in part.lower():
            rank = _ICU_PUNCTUATION.get(character)
            key.append((2, character) if rank is None else (0, rank))
    return key
