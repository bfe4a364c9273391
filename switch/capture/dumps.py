"""Dumps: rows of an offset, bytes, and mostly what they are as text, as programs print them and logs keep them.

`xxd`, `hexdump`, `od` in its forms, Wireshark, `tcpdump -X`, jPOS, Netty, Go's `hex.Dump`, PowerShell's `Format-Hex`; those whose
offsets have an `h` behind them.
"""

import re
from itertools import pairwise
from typing import Final, NamedTuple

_ROW: Final = re.compile(r"\s*(?:0x)?([0-9a-fA-F]{4,16})h?([:|]?)(\s+.*)?")
_WITHIN: Final = re.compile(r"(?<![0-9a-zA-Z])(?:0x)?([0-9a-fA-F]{4,16})h?([:|]?)((?:\||\s)\s*[0-9a-fA-F]{2}.*)")
"""A row behind something else: a time, a log's own words, a border."""
_PAIRS: Final = re.compile(r"([ \-]{0,2}|\t)([0-9a-fA-F]{2})")
_WIDTH: Final = 16
_WIDEST: Final = 64
_OCTAL_OFFSET: Final = re.compile(r"([0-7]{7,})(?: (.*))?")
_WORDS: Final = re.compile(r"\s*([0-7]{6}):?\s+((?:[01][0-7]{5} ?)+)(?:\s.*)?")
_CHARACTERS: Final = {r"\0": 0, r"\a": 7, r"\b": 8, r"\t": 9, r"\n": 10, r"\v": 11, r"\f": 12, r"\r": 13}
"""What `od -c` writes of some bytes; of others three octal digits, or the character."""


class _Row(NamedTuple):
    """A row, as its match has it."""

    offset: str
    mark: str
    """`:` or `|` behind the offset"""
    rest: str | None


def read(text: str) -> bytes | None:
    """The bytes of a dump: of rows and nothing else, or of rows among other lines and words. None: it is none."""
    return _octal(text) or _tandem(text) or _whole(text) or _among(text)


def _whole(text: str) -> bytes | None:
    """Rows and nothing else. Offsets say how many bytes a row has."""
    lines = [line for line in text.splitlines() if line.strip()]
    rows = [(line, _ROW.fullmatch(line)) for line in lines]
    if not lines or any(match is None and line.strip() != "*" for line, match in rows):
        return None
    found = [_Row(match[1], match[2], match[3]) for _, match in rows if match is not None]
    if not found or int(found[0].offset, 16) or not found[0].rest:
        return None
    if len(found) == 1 and not found[0].mark and len(found[0].offset) > 4 and not re.match(r"\s\s", found[0].rest):
        return None  # a hex message in words
    return _rows(found, "*" in {line.strip() for line in lines}, _base(found))


def _among(text: str) -> bytes | None:
    """Rows that stand among other lines, each perhaps behind a log's own words; they count on from the first."""
    found: list[_Row] = []
    base = last = 0
    for line in text.splitlines():
        for match in _WITHIN.finditer(line):
            at = int(match[1], 16)
            if found and not 0 < at - last <= _WIDEST:
                continue
            if not found:
                base = at
            found.append(_Row(f"{at - base:04x}", ":", " " + match[3].lstrip("| \t")))
            last = at
            break
    if len(found) < 2 or len({int(b.offset, 16) - int(a.offset, 16) for a, b in pairwise(found)}) > 1:
        return None
    return _rows(found, False, 16)


def _base(rows: list[_Row]) -> int:
    """What the offsets are counted in: od's are octal."""
    octal = len(rows) > 1 and len(rows[1].offset) == 7 and int(rows[1].offset, 16) == 0x20
    return 8 if octal and all(set(row.offset) <= set("01234567") for row in rows) else 16


def _rows(rows: list[_Row], squeezed: bool, base: int) -> bytes | None:
    data, last = b"", b""
    offsets = [int(row.offset, base) for row in rows]
    words = all(_is_words(row) for row in rows if row.rest)
    for n, (row, at) in enumerate(zip(rows, offsets, strict=True)):
        while squeezed and last and len(data) < at and len(data) + len(last) <= at:
            data += last
        if at != len(data):
            if words and row.rest is None and at == len(data) - 1:
                return data[:-1]  # an odd number of bytes, filled up
            return None
        if row.rest is None:
            return data if n + 1 == len(rows) else None
        most = (
            offsets[n + 1] - at
            if n + 1 < len(rows) and not squeezed
            else max(_WIDTH, at - offsets[n - 1] if n and not squeezed else 0)
        )
        last = _bytes(row.rest, min(most + most % 2 * words, _WIDEST))
        if not last:
            return None
        if n + 1 == len(rows):
            last = _without_text(last, row.rest)
        data += b"".join(last[i : i + 2][::-1] for i in range(0, len(last), 2)) if words else last
    return data


def _is_words(row: _Row) -> bool:
    """A row of `hexdump` without -C: seven digits, and words of two bytes with the low one first."""
    return (
        len(row.offset) == 7 and not row.mark and re.fullmatch(r"(\s+[0-9a-fA-F]{4})+\s*", row.rest or "") is not None
    )


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


def _without_text(found: bytes, row: str) -> bytes:
    """The bytes of a row that is not full, without what only looks like hex in its text: as many as that text shows."""
    row = row.strip()
    ends = [match.end() for match in _PAIRS.finditer(row)]
    for n in range(len(found), 0, -1):
        shown = "".join(chr(b) if 0x20 <= b < 0x7F else "." for b in found[:n])
        if row[ends[n - 1] :].strip("| ") == shown.strip("| "):
            return found[:n]
    return found


# -- od's own forms


def _octal(text: str) -> bytes | None:
    """`od` (words), `od -b` (bytes), `od -c` (characters, of which blanks at a row's end are lost): octal offsets, and no hex."""
    rows = [_OCTAL_OFFSET.fullmatch(line.rstrip()) for line in text.splitlines() if line.strip()]
    if len(rows) < 2 or rows[0] is None or int(rows[0][1], 8) or not rows[0][2]:
        return None
    data = b""
    for n, row in enumerate(rows):
        if row is None or (n and int(row[1], 8) != len(data)):
            filled = row is not None and row[2] is None and int(row[1], 8) == len(data) - 1
            return data[:-1] if filled and n + 1 == len(rows) else None
        if row[2] is None and n + 1 == len(rows):
            return data
        piece = _octal_row(row[2] or "")
        if piece is None:
            return None
        after = rows[n + 1] if n + 1 < len(rows) else None
        blanks = int(after[1], 8) - len(data) - len(piece) if after is not None else 0
        data += piece + b" " * (blanks if 0 < blanks <= _WIDTH else 0)
    return data


def _octal_row(body: str) -> bytes | None:
    words = body.split()
    if words and all(re.fullmatch("[0-7]{6}", word) for word in words):
        values = [int(word, 8) for word in words]
        return b"".join(v.to_bytes(2, "little") for v in values) if max(values) < 1 << 16 else None
    if words and all(re.fullmatch("[0-3][0-7]{2}", word) for word in words):
        return bytes(int(word, 8) for word in words)
    made = []
    body += " " * (-(len(body) + 1) % 4)
    for cell in (f" {body}"[i : i + 4] for i in range(0, len(body) + 1, 4)):
        sign = cell.strip()
        if re.fullmatch("[0-3][0-7]{2}", sign):
            made.append(int(sign, 8))
        elif sign in _CHARACTERS:
            made.append(_CHARACTERS[sign])
        elif len(sign) <= 1 and cell[:3] == "   ":
            made.append(ord(sign or " "))
        else:
            return None
    return bytes(made)


# -- of other machines


def _tandem(text: str) -> bytes | None:
    """Words of two bytes in octal, the high one first, and offsets in words: what NonStop's programs print."""
    rows = [_WORDS.fullmatch(line) for line in text.splitlines() if line.strip()]
    data = b""
    for row in rows:
        if row is None or int(row[1], 8) * 2 != len(data):
            return None
        data += b"".join(int(word, 8).to_bytes(2, "big") for word in row[2].split())
    return data or None
