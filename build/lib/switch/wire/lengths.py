"""What stands before the data of a variable element, as tables. They are large, and all layouts of a dialect share them."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias

import msgspec

from switch.wire import careful
from switch.wire.element import Element

TABLE_MAX: Final = 9_999
"""Up to this size a table has a row for each length; beyond it one is worked out each time, where elements are long anyway."""


class _Read:
    """What stands before the data -> its length, worked out: the table of a long element. KeyError: no length it may have."""

    def __init__(self, e: Element) -> None:
        self._e = e

    def __getitem__(self, before: str | bytes) -> int:
        e = self._e
        if isinstance(before, bytes) and not e.length_bcd:
            n = int.from_bytes(before, "big")
        else:
            digits = before if isinstance(before, str) else before.hex()
            if not (digits.isascii() and digits.isdecimal()):
                raise KeyError(before)
            n = int(digits)
        if n > e.size or len(before) != e.length_bytes:
            raise KeyError(before)
        return n


class _Written:
    """The inverse: characters of a value -> what stands before it."""

    def __init__(self, e: Element) -> None:
        self._e = e

    def __getitem__(self, n: int) -> Any:
        e = self._e
        if n > (e.size if e.text or e.nibbles else e.size * 2):
            raise IndexError(n)
        return _prefix(e, n)


Lengths: TypeAlias = Mapping[str, int] | Mapping[bytes, int] | tuple[int | None, ...] | _Read

KEPT: Final = 1_024
"""tables; a dialect has a few dozen"""


def lengths_of(e: Element) -> Lengths:
    """What stands before the data -> its length, by text, by bytes, or (a tuple) by one byte."""
    return _lengths(_bare(e))


def prefixes_of(e: Element) -> tuple[Any, ...] | _Written:
    """What stands before the data, by the number of characters its value has; None: no value has so many."""
    return _prefixes(_bare(e))


def _bare(e: Element) -> Element:
    """What of an element its length depends on."""
    return msgspec.structs.replace(e, key="", name="", content="", sensitive=False)


@lru_cache(maxsize=KEPT)
def _lengths(e: Element) -> Lengths:
    if e.size > TABLE_MAX:
        return _Read(e)
    if e.length:
        return {f"{i:0{e.length_bytes}d}": i for i in range(e.size + 1)}
    if e.length_bytes > 1:
        return {careful.length_prefix(e, i): i for i in range(e.size + 1)}
    lengths: list[int | None] = [None] * 256
    for i in range(e.size + 1):
        lengths[int(str(i), 16) if e.length_bcd else i] = i
    return tuple(lengths)


@lru_cache(maxsize=KEPT)
def _prefixes(e: Element) -> tuple[Any, ...] | _Written:
    size = e.size if e.text or e.nibbles else e.size * 2
    return _Written(e) if e.size > TABLE_MAX else tuple(_prefix(e, n) for n in range(size + 1))


def _prefix(e: Element, n: int) -> Any:
    """What stands before a value of `n` characters; None: none has so many."""
    odd = n & 1 and not e.text
    if odd and not (e.nibbles and (e.left_pad or e.right_pad)):
        return None
    count = n if e.text or e.nibbles else n // 2
    before: Any = f"{count:0{e.length_bytes}d}" if e.length else careful.length_prefix(e, count)
    if not e.length and not e.text:
        before = before.hex() + (e.left_pad if odd else "")
    return before
