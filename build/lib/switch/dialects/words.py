"""What an element is, in the field's own words: `fixed 6 n, BCD`, `LLVAR 19 n, ASCII`."""

from switch.wire.element import Element


def form(e: Element) -> str:
    """`fixed 12`, `LLVAR 19`, `LLLVAR 999`: as people write an element's length, in characters or digits, or bytes of `b`."""
    if not e.length_bytes:
        return f"fixed {e.size}"
    digits = e.length_bytes * (2 if e.length_bcd else 1)
    if e.length is None and not e.length_bcd:
        return f"VAR {e.size}"
    # a BCD length of two bytes holds four digits and is called LLL where three will do
    if e.length_bcd and e.size < 10 ** (digits - 1):
        digits -= 1
    return f"{'L' * digits}VAR {e.size}"


def unit(e: Element) -> str:
    """What the length counts."""
    return "digits" if e.nibbles else "bytes" if e.text is None else "characters"


def data(e: Element) -> str:
    """How the value is written: `ASCII`, `EBCDIC cp037`, `BCD, odd: 0 left`, `bytes`, `hex in ASCII`."""
    if e.text is not None:
        name = _text(e.text.name)
        return f"hex in {name}" if e.content == "b" else name
    if not e.nibbles:
        return "BCD" if e.content == "n" else "sign and BCD" if e.content == "x+n" else "bytes"
    pad = f", odd: {e.left_pad} left" if e.left_pad else f", odd: {e.right_pad} right" if e.right_pad else ""
    return f"BCD{pad}"


def length(e: Element) -> str:
    """How the length in front is written; "" where there is none."""
    if not e.length_bytes:
        return ""
    if e.length is not None:
        return f"{e.length_bytes} {_text(e.length.name)} digits"
    kind = "BCD" if e.length_bcd else "binary"
    return f"{e.length_bytes} {kind} byte{'s' if e.length_bytes > 1 else ''}"


def _text(name: str) -> str:
    return {"ascii": "ASCII", "iso8859-1": "Latin-1"}.get(name, f"EBCDIC {name}")
