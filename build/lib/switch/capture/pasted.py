"""Bytes as people paste them: dumps with offsets (`xxd`, `hexdump -C`, `hexdump`, `od -t x1`, jPOS), lists of numbers, literals.

Plain hex, with or without separators, is not its matter: whoever asks reads that himself.
"""

import ast
import re
from typing import Final

_STRING: Final = r"(?:'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")"
_LITERAL: Final = re.compile(rf"(?:[\w. ]*=\s*)?(?:bytearray|bytes)?\(?\s*((?:[bB]{_STRING}\s*)+)\)?[;,]?")
_ESCAPED: Final = re.compile(r"[^\"'\\]*[\"']?(?:[\x20-\x7e\s]*\\x[0-9a-fA-F]{2})+[\x20-\x7e\s]*")
_PREFIXED: Final = re.compile(r"(?:\(byte\)\s*)?\b0[xX]([0-9a-fA-F]{1,2})\b")
_AROUND: Final = re.compile(r"[\w\s,;{}()\[\]=*.:&]*")
_WORDS_AROUND: Final = 8
"""words of a program around its list, at most"""
_NUMBERS: Final = re.compile(r"\s*[\w.\s]*[=(]?\s*[\[{(]((?:\s*-?\d{1,3}\s*,)+\s*-?\d{1,3})\s*,?\s*[\]})]\s*\)?;?\s*")
_ROW: Final = re.compile(r"\s*(?:0x)?([0-9a-fA-F]{4,16})([:|]?)(\s+.*)?")
_PAIRS: Final = re.compile(r"([ \-]{0,2})([0-9a-fA-F]{2})")
_FEW: Final = 8
"""fewer numbers are no message"""
_WIDTH: Final = 16


def written(text: str) -> bytes | None:
    """The bytes that a pasted text stands for; None: it is in none of these forms."""
    text = text.strip()
    for read in (_literal, _escaped, _prefixed, _numbers, _dump):
        found = read(text)
        if found:
            return found
    return None


def _literal(text: str) -> bytes | None:
    """Python's own: `b'0800\\x82 '`, several one behind the other, in `bytearray(…)`."""
    match = _LITERAL.fullmatch(text)
    if match is None:
        return None
    try:
        value = ast.literal_eval(f"({match[1]})")
    except (ValueError, SyntaxError):
        return None
    return value if isinstance(value, bytes) else None


def _escaped(text: str) -> bytes | None:
    """A string of C, Java or a shell: `"\\x30\\x38"`, also in pieces."""
    if "\\x" not in text or not _ESCAPED.fullmatch(text):
        return None
    pieces = re.findall(r'"([^"]*)"', text) or [text.strip("'\"$;, \n")]
    try:
        return b"".join(ast.literal_eval(f"b'{piece}'") for piece in (p.replace("'", "\\x27") for p in pieces))
    except (ValueError, SyntaxError):
        return None


def _prefixed(text: str) -> bytes | None:
    """`0x30, 0x38, …`, in braces or none, with what a program writes before it."""
    found = _PREFIXED.findall(text)
    rest = _PREFIXED.sub("", text)
    if len(found) < _FEW or not _AROUND.fullmatch(rest) or len(re.findall(r"\w+", rest)) > _WORDS_AROUND:
        return None
    return bytes(int(digits, 16) for digits in found)


def _numbers(text: str) -> bytes | None:
    """`[48, 56, -126, …]`: decimal numbers in brackets, signed as Java prints them."""
    match = _NUMBERS.fullmatch(text)
    numbers = [int(part) for part in match[1].split(",")] if match else []
    if len(numbers) < _FEW or not all(-128 <= n <= 255 for n in numbers):
        return None
    return bytes(n & 0xFF for n in numbers)


# -- dumps


def _dump(text: str) -> bytes | None:
    """Rows of an offset, bytes in hex, and mostly what they are as text. Offsets say how many bytes a row has."""
    lines = [line for line in text.splitlines() if line.strip()]
    rows = [(line, _ROW.fullmatch(line)) for line in lines]
    if not lines or any(match is None and line.strip() != "*" for line, match in rows):
        return None
    found = [match for _, match in rows if match is not None]
    if not found or int(found[0][1], 16) or not found[0][3]:
        return None
    if len(found) == 1 and not found[0][2] and len(found[0][1]) > 4 and not re.match(r"\s\s", found[0][3]):
        return None  # a hex message in words
    return _rows(found, "*" in {line.strip() for line in lines}, _base(found))


def _base(rows: list[re.Match[str]]) -> int:
    """What the offsets are counted in: od's are octal."""
    octal = len(rows) > 1 and len(rows[1][1]) == 7 and int(rows[1][1], 16) == 0x20
    return 8 if octal and all(set(row[1]) <= set("01234567") for row in rows) else 16


def _rows(rows: list[re.Match[str]], squeezed: bool, base: int) -> bytes | None:
    data, last = b"", b""
    offsets = [int(row[1], base) for row in rows]
    words = all(_is_words(row) for row in rows if row[3])
    for n, (row, at) in enumerate(zip(rows, offsets, strict=True)):
        while squeezed and last and len(data) < at and len(data) + len(last) <= at:
            data += last
        if at != len(data):
            if words and row[3] is None and at == len(data) - 1:
                return data[:-1]  # an odd number of bytes, filled up
            return None
        if row[3] is None:
            return data if n + 1 == len(rows) else None
        most = offsets[n + 1] - at if n + 1 < len(rows) and not squeezed else _WIDTH
        last = _bytes(row[3], min(most + most % 2 * words, 64))
        if not last:
            return None
        data += b"".join(last[i : i + 2][::-1] for i in range(0, len(last), 2)) if words else last
    return data


def _is_words(row: re.Match[str]) -> bool:
    """A row of `hexdump` without -C: seven digits, and words of two bytes with the low one first."""
    return len(row[1]) == 7 and not row[2] and re.fullmatch(r"(\s+[0-9a-fA-F]{4})+\s*", row[3] or "") is not None


def _bytes(text: str, most: int) -> bytes:
    """The bytes in hex at a row's beginning: no more than `most`, none behind a wider gap."""
    text, digits, at = text.strip(), "", 0
    while len(digits) < most * 2:
        match = _PAIRS.match(text, at)
        if match is None:
            break
        digits += match[2]
        at = match.end()
    return bytes.fromhex(digits)
