"""Straight-line Python for one layout: an MTI and the elements that come with it.

No other place writes code than `decoder.py`, `encoder.py` and this one, which has what they share. A compiled function takes what
is right about a message for granted, slices it at constant offsets until the first variable element, at offsets from there after
it, and checks at the end, in bulk: that the lengths add up to the message, that runs of digits are digits. Whatever does not hold
raises one of `GIVES_UP`; then `careful.py` finds out what it is, or that nothing is. It never answers otherwise than `careful.py`
would.
"""

from binascii import a2b_hex, hexlify
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from switch.wire.element import SIGN_BYTES, TRACK, Element
from switch.wire.vocabulary import Document

Decode: TypeAlias = Callable[[bytes], Document]
Encode: TypeAlias = Callable[[Document], bytes]

GIVES_UP: Final = (LookupError, ValueError, TypeError, AttributeError)
"""What a compiled function raises on anything but a message or document of its layout."""


class Names:
    """Constants the generated source refers to by name."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {"J": "".join, "JB": b"".join, "A2B": a2b_hex, "B2A": hexlify}

    def of(self, value: Any) -> str:
        """The name of a value; it has one from here on."""
        name = f"C{len(self.values)}"
        self.values[name] = value
        return name


def compile_layout(source: list[str], what: str, names: Names) -> Any:
    """The function `layout` of these lines. `what`: said of it in a traceback."""
    exec(compile("\n".join(source), f"<{what}>", "exec"), names.values)  # noqa: S102 - our own text, made of a checked dialect
    return names.values["layout"]


def content_check(e: Element, value: str) -> str:
    """Source of the check of one value's content."""
    if e.content == "n":
        return f"({value} or '0').isdecimal()"
    if e.content == "z":
        separator = "=" if e.text else "D"
        return f"({value}.replace({separator!r}, '0', 1).encode().isdigit() or not {value}.strip({TRACK!r}))"
    if e.content == "x+n":
        signs, rest = ("CD", f"{value}[1:]") if e.text else (SIGN_BYTES, f"{value}[2:]")
        sign = f"{value}[0]" if e.text else f"{value}[:2]"
        return f"{sign} in {signs!r} and {rest}.isdecimal()"
    return f"A2B({value}) is not None"
