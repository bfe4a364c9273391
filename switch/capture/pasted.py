"""Bytes as people paste them: dumps (`dumps.py`), lists of numbers, literals of programs, base64, and what a log has of them.

Plain hex, with or without separators, is not its matter: whoever asks reads that himself.
"""

import ast
import base64
import binascii
import re
from typing import Final

from switch.capture import dumps

_STRING: Final = r"(?:'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")"
_LITERAL: Final = re.compile(rf"(?:[\w. ]*=\s*)?(?:bytearray|bytes)?\(*\s*((?:[bB]{_STRING}\s*)+)\)*[;,]?")
_ESCAPED: Final = re.compile(r"[^\"'\\]*[\"']?(?:[\x20-\x7e\s]*\\x[0-9a-fA-F]{2})+[\x20-\x7e\s]*")
_BYTEA: Final = re.compile(r"[\"']?(?:\\\\?x|0[xX])((?:[0-9a-fA-F]{2}){8,})[\"']?(?:::bytea)?;?")
"""One number of many digits, as databases write bytes."""
_CODED: Final = {
    re.compile(r"(?:\\u00[0-9a-fA-F]{2}){8,}"): (r"\\u00([0-9a-fA-F]{2})", 16),
    re.compile(r"(?:\\[0-3][0-7]{2}){8,}"): (r"\\([0-3][0-7]{2})", 8),
    re.compile(r"(?:%[0-9a-fA-F]{2}){8,}"): (r"%([0-9a-fA-F]{2})", 16),
}
"""Bytes each of which is an escape: of JSON, of C in octal, of a URL."""
_COMMENT: Final = re.compile(r"/\*.*?\*/|^\s*(?:#|//)[^\n]*$", re.DOTALL | re.MULTILINE)
_PREFIXED: Final = re.compile(r"(?:\(byte\)\s*)?\b0[xX]([0-9a-fA-F]{1,2})\b")
_AROUND: Final = re.compile(r"[\w\s,;{}()\[\]=*.:&]*")
_WORDS_AROUND: Final = 8
"""words of a program around its list, at most"""
_NUMBERS: Final = re.compile(
    r"[\w.\s:=\"*&{(\[\]<>,]*?[\[{(]((?:\s*-?\d{1,3}[\s,])+\s*-?\d{1,3})\s*,?\s*[\]})]\s*[)}]?\s*;?"
)
_QUOTED: Final = re.compile(r"[\[{(]?\s*(?:[\"'][0-9a-fA-F]{2}[\"']\s*,?\s*){8,}[\]})]?")
_BUFFER: Final = re.compile(r"<Buffer((?: [0-9a-f]{2})+)(?: \.\.\. \d+ more bytes?)?>")
_DASHED: Final = re.compile(r"[0-9a-fA-F]{2}(?:-[0-9a-fA-F]{2}){7,}")
_BASE64: Final = re.compile(r"(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])[A-Za-z0-9+/\s]{24,}={0,2}\s*")
_BINARY: Final = re.compile(r"!!binary \|\n((?:[ \t]+[A-Za-z0-9+/=]+\n?)+)")
"""What Wireshark's "follow as YAML" has."""
_HEX_RUN: Final = re.compile(r"(?<![0-9A-Za-z])(?:0[xX])?((?:[0-9a-fA-F]{2}[ :-]?){15,}[0-9a-fA-F]{2})(?![0-9A-Za-z])")
_TEXT_RUN: Final = re.compile(r"(?:^|(?<=[\s:=\[\"'>(]))[0129][1-8][0-9]{2}[0-9A-Fa-f]{16}[\x20-\x7e]*")
_MTI_AND_BITMAP: Final = re.compile(r"[0129][0-9]{3}[0-9A-Fa-f]{16}")
_CLOSES: Final = {"[": "]", '"': '"', "'": "'", "(": ")", ">": "<"}
_FEW: Final = 8
"""fewer numbers are no message"""


def written(text: str) -> bytes | None:
    """The bytes that a pasted text stands for; None: it is in none of these forms."""
    return next(iter(readings(text)), None)


def readings(text: str) -> list[bytes]:
    """What a pasted text may stand for, the likelier first: a log's line may have hex, or a message's own text."""
    text = text.strip()
    code = _COMMENT.sub(" ", text).strip()
    listed = (_prefixed, _numbers)
    for read in (_literal, _bytea, _escaped, _coded, *listed, _quoted, _buffer, dumps.read, _dashed, _base64):
        found = read(code if read in listed else text)
        if found:
            return [found]
    return _logged(text)


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


def _bytea(text: str) -> bytes | None:
    """`\\x3038…` of PostgreSQL, `0x3038…` of others."""
    match = _BYTEA.fullmatch(text)
    return bytes.fromhex(match[1]) if match else None


def _escaped(text: str) -> bytes | None:
    """A string of C, Java or a shell: `"\\x30\\x38"`, also in pieces."""
    if "\\x" not in text or not _ESCAPED.fullmatch(text):
        return None
    pieces = re.findall(r'"([^"]*)"', text) or [text.strip("'\"$;, \n")]
    try:
        return b"".join(ast.literal_eval(f"b'{piece}'") for piece in (p.replace("'", "\\x27") for p in pieces))
    except (ValueError, SyntaxError):
        return None


def _coded(text: str) -> bytes | None:
    bare = text.strip("\"'$; ")
    for whole, (each, base) in _CODED.items():
        if whole.fullmatch(bare):
            return bytes(int(digits, base) for digits in re.findall(each, bare))
    return None


def _prefixed(text: str) -> bytes | None:
    """`0x30, 0x38, …`, in braces or none, with what a program writes before it."""
    found = _PREFIXED.findall(text)
    rest = _PREFIXED.sub("", text)
    if len(found) < _FEW or not _AROUND.fullmatch(rest) or len(re.findall(r"\w+", rest)) > _WORDS_AROUND:
        return None
    return bytes(int(digits, 16) for digits in found)


def _numbers(text: str) -> bytes | None:
    """`[48, 56, -126, …]`: decimal numbers in brackets, signed as Java prints them, or with blanks between as Go does."""
    match = _NUMBERS.fullmatch(text)
    numbers = [int(part) for part in match[1].replace(",", " ").split()] if match else []
    if len(numbers) < _FEW or not all(-128 <= n <= 255 for n in numbers):
        return None
    return bytes(n & 0xFF for n in numbers)


def _quoted(text: str) -> bytes | None:
    """`["30", "38", …]`."""
    return bytes.fromhex("".join(re.findall("[0-9a-fA-F]{2}", text))) if _QUOTED.fullmatch(text) else None


def _buffer(text: str) -> bytes | None:
    """Node's `<Buffer 30 38 …>`, which leaves out what is behind 50 bytes."""
    match = _BUFFER.search(text)
    return bytes.fromhex(match[1]) if match else None


def _dashed(text: str) -> bytes | None:
    """`30-38-…`, as .NET's BitConverter writes it, in one line or more."""
    lines = text.split()
    return bytes.fromhex(text.replace("-", "")) if all(_DASHED.fullmatch(line) for line in lines) and lines else None


def _base64(text: str) -> bytes | None:
    """Base64 on its own, or as Wireshark's YAML has it. Text that may be a message itself is none."""
    binary = _BINARY.findall(text + "\n")
    if not binary and (not _BASE64.fullmatch(text) or text[:4].isdecimal() or " " in text):
        return None
    try:
        return b"".join(base64.b64decode("".join(part.split()), validate=True) for part in binary or [text])
    except binascii.Error:
        return None


def _logged(text: str) -> list[bytes]:
    """What a log's lines have of messages among their own words: hex, or the message's own text."""
    if _MTI_AND_BITMAP.match(text) or not re.search(r"[g-zG-Z=\"']", text):
        return []
    runs = [max(found, key=len) for line in text.splitlines() if (found := _HEX_RUN.findall(line))]
    texts = [_closed(line, match) for line in text.splitlines() if (match := _TEXT_RUN.search(line))]
    hexes = [re.sub("[ :-]", "", run) for run in runs]
    found = [bytes.fromhex("".join(hexes))] if hexes and all(len(digits) % 2 == 0 for digits in hexes) else []
    return [*found, "".join(texts).encode("ascii")] if texts else found


def _closed(line: str, match: re.Match[str]) -> str:
    """A message's text in a line, without the bracket or quote that closes behind it."""
    before = line[match.start() - 1] if match.start() else ""
    closing = _CLOSES.get(before, "")
    return match[0].rpartition(closing)[0] if closing and closing in match[0] else match[0].rstrip()
