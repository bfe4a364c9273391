"""Bytes as programs and debuggers write them: literals, lists of numbers, and text in which only some bytes are escaped."""

import ast
import quopri
import re
from collections.abc import Callable
from itertools import count
from typing import Final, NamedTuple

FEW: Final = 8
"""fewer numbers are no message"""
_STRING: Final = r"(?:'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")"
_LITERAL: Final = re.compile(rf"(?:[\w. ]*=\s*)?(?:bytearray|bytes)?\(*\s*((?:[bB]{_STRING}\s*)+)\)*[;,]?")
_LITERALS: Final = re.compile(rf"[\[(]\s*[bB]{_STRING}\s*(?:,\s*[bB]{_STRING}\s*)+,?\s*[\])]")
_BROKEN: Final = re.compile(r"\\\n(?!x[0-9a-fA-F])|\n")
"""A line end within a literal, and the sign that continues it; not the one of an escape that is broken in two."""
_ESCAPED: Final = re.compile(r"[^\"'\\]*[\"']?(?:\\x[0-9a-fA-F]{2}\s*)+[\"'\s;,]*")
_CODED: Final = {
    re.compile(r"(?:\\u00[0-9a-fA-F]{2}){8,}"): (r"\\u00([0-9a-fA-F]{2})", 16),
    re.compile(r"(?:\\[0-3][0-7]{2}){8,}"): (r"\\([0-3][0-7]{2})", 8),
    re.compile(r"(?:%[0-9a-fA-F]{2}){8,}"): (r"%([0-9a-fA-F]{2})", 16),
    re.compile(r"(?:=[0-9A-F]{2}(?:=\n)?){8,}"): (r"=([0-9A-F]{2})", 16),
    re.compile(r"(?:&#[xX][0-9a-fA-F]{1,2};?){8,}"): (r"&#[xX]([0-9a-fA-F]{1,2})", 16),
    re.compile(r"(?:&#\d{1,3};?){8,}"): (r"&#(\d{1,3})", 10),
    re.compile(r"(?:\w+\s*:?=\s*)?(?:#\d{1,3}){8,};?"): (r"#(\d{1,3})", 10),
    re.compile(r"(?:[01]{8}[\s,]*){8,}"): (r"([01]{8})", 2),
}
"""Bytes each of which is an escape: of JSON, of C in octal, of a URL, of a mail, of HTML, of Delphi; or eight bits."""
_COMMENT: Final = re.compile(r"/\*.*?\*/|^\s*(?:#(?![\d$])|//)[^\n]*$", re.DOTALL | re.MULTILINE)
_ADDRESS: Final = re.compile(r"^\s*0x[0-9a-f]+(?: <[^>\n]*>)?:|^\$\d+ =", re.MULTILINE)
"""What a debugger's `x/xb` has before each row, and its `print` before a value."""
_PREFIXED: Final = re.compile(
    r"(?:\(byte\)\s*)?(?:\b0[xX]|&[hH]|#?\$)([0-9a-fA-F]{1,2})(?:u8|[uU])?\b(?:\.toU?Byte\(\))?"
)
_SUFFIXED: Final = re.compile(r"\b0?([0-9a-fA-F]{2})[hH]\b")
"""`030h`, as assemblers have it."""
_AROUND: Final = re.compile(r"[\w\s,;{}()\[\]=*.:&$+]*")
_WORDS_AROUND: Final = 8
"""words of a program around its list, at most"""
_LISTED: Final = re.compile(
    r"[\[{(<]((?:\s*-?\d{1,3}[\s,])+\s*-?\d{1,3})\s*,?\s*(?:\.\.\.\s*(?:\d+ more items?)?\s*)?[\]})>]"
)
_HEX_LIST: Final = re.compile(
    r"(?:[A-Za-z_][\w. ]{0,40}=\s*)?[\[{(<]?\s*((?:[0-9a-fA-F]{1,2}\s*,\s*){7,}[0-9a-fA-F]{1,2}),?\s*[\]})>]?;?"
)
_BRACKETED: Final = re.compile(
    r"[\[{(<\"']\s*((?:(?:[0-9a-fA-F]{2})+\s+){2,}(?:[0-9a-fA-F]{2})+|(?<=[(<])(?:[0-9a-fA-F]{2}){20,})\s*[\]})>\"']?"
)
_BASE_10: Final = re.compile(r"Typ=\d+ Len=(\d+)(?: CharacterSet=\w+)?: ([0-9a-f]{1,3}(?:,[0-9a-f]{1,3})+)")
"""What DUMP of Oracle prints: in decimal numbers, or with 16 (or 1016) in hex."""
_QUOTED: Final = re.compile(r"[\[{(]?\s*(?:[\"'][0-9a-fA-F]{2}[\"']\s*,?\s*){8,}[\]})]?")
_INDEXED: Final = re.compile(
    r"\s*\[?(\d+)\]?\s*[:=\t]\s*(?:=\s*)?(?:\{?(?:byte|Byte|u?int8|Int)\}?\s*)?(0x[0-9a-fA-F]{1,2}|-?\d{1,3})"
    r"(?:\s+(?:'|\"|byte|Byte|u?int|unsigned|char|number).*)?,?\s*"
)
"""A row of a debugger: index, value, and what it may say of its kind."""
_BUFFER: Final = re.compile(r"<Buffer((?: [0-9a-f]{2})+)(?: \.\.\. (\d+) more bytes?)?>")
_MORE: Final = re.compile(r"\.\.\. (\d+) more items?")
_MIXED: Final = (
    (re.compile(r"\\x([0-9a-fA-F]{2})"), 16),
    (re.compile(r"\\u00([0-9a-fA-F]{2})"), 16),
    (re.compile(r"\\([0-3][0-7]{2})"), 8),
    (re.compile(r"%([0-9a-fA-F]{2})"), 16),
    (re.compile(r"<(?:0x)?([0-9a-fA-F]{2})>"), 16),
    (re.compile(r"\[(?:0x)?([0-9a-fA-F]{2})\]"), 16),
)
"""How single bytes are written among text that is itself."""
_SOFT: Final = re.compile(r"=[0-9A-F]{2}")
"""Quoted-printable, as mails have it."""
_SIGNS: Final = {"\\\\": "\\", '\\"': '"', "\\'": "'", "\\n": "\n", "\\r": "\r", "\\t": "\t", "\\/": "/"}
_SIGN: Final = re.compile(r"\\[\\\"'nrt/]")
_WORD: Final = re.compile(r"(?:.*\s)?(?:[A-Za-z_][\w.]*[=:])?[\[(]?(?=\S*$)", re.DOTALL)
_MIXED_MIN: Final = 4
"""escapes that make a text one of bytes"""
_MESSAGE_MIN: Final = 20


class Cut(NamedTuple):
    """What a program has left out of the bytes it printed."""

    missing: int | None
    """bytes; None: it does not say how many"""
    whole: str
    """how to print all of them"""


def read(text: str) -> bytes | None:
    """The bytes that a program's text stands for; None: it is in no form known here."""
    code = _ADDRESS.sub(" ", _COMMENT.sub(" ", text)).strip()
    forms: tuple[tuple[Callable[[str], bytes | None], str], ...] = (
        (_literal, text), (_escaped, text), (_coded, text), (_dumped, text), (_prefixed, code), (_hex_list, code),
        (_numbers, code), (_quoted, text), (_indexed, text), (_buffer, text), (_bracketed, text),
    )  # fmt: skip
    return next((found for form, given in forms if (found := form(given))), None)


def cut(text: str) -> Cut | None:
    """What is not there, where the program that printed the bytes left some out and says so."""
    match = _BUFFER.search(text)
    if match is not None and match[2]:
        return Cut(int(match[2]), "console.log(buffer.toString('hex'))")
    match = _MORE.search(text)
    if match is not None:
        return Cut(int(match[1]), "console.log(Buffer.from(array).toString('hex'))")
    if re.search(r"\d, \.\.\.>>", text):
        return Cut(None, "IO.puts(Base.encode16(binary))")
    return None


def _literal(text: str) -> bytes | None:
    """Python's own: `b'0800\\x82 '`, several one behind the other, in `bytearray(…)`; broken by a mail or a screen, too."""
    match = _LITERAL.fullmatch(text) or (_LITERAL.fullmatch(_BROKEN.sub("", text)) if "\n" in text else None)
    if match is None:
        return None
    try:
        value = ast.literal_eval(f"({match[1]})")
    except (ValueError, SyntaxError):
        return None
    return value if isinstance(value, bytes) else None


def several(text: str) -> list[bytes]:
    """The literals of a list of Python's, `[b'0800…', b'0810…']`; none where it is no such list."""
    if not _LITERALS.fullmatch(text):
        return []
    try:
        return [bytes(one) for one in ast.literal_eval(text)]
    except (ValueError, SyntaxError):
        return []


def _escaped(text: str) -> bytes | None:
    """A string of C, Java or a shell whose bytes are all escapes: `"\\x30\\x38"`, also in pieces."""
    text = text.replace("\\\n", "")
    pieces = re.findall(r'"([^"]*)"', text) or [text]
    if "\\x" not in text or not all(_ESCAPED.fullmatch(piece) for piece in pieces):
        return None
    return bytes(int(digits, 16) for piece in pieces for digits in re.findall(r"\\x([0-9a-fA-F]{2})", piece))


def _coded(text: str) -> bytes | None:
    bare = text.strip("\"'; ")
    for whole, (each, base) in _CODED.items():
        if whole.fullmatch(bare):
            found = [int(digits, base) for digits in re.findall(each, bare)]
            return bytes(found) if max(found) < 1 << 8 else None
    return None


def _dumped(text: str) -> bytes | None:
    """`Typ=23 Len=120: 30,38,…` of Oracle."""
    match = _BASE_10.search(text)
    parts = match[2].split(",") if match else []
    if match is None or len(parts) != int(match[1]):
        return None
    digits = all(part.isdecimal() for part in parts)
    base = 10 if digits and (any(len(part) == 3 for part in parts) or not 30 <= int(parts[0]) <= 39) else 16
    values = [int(part, base) for part in parts]
    return bytes(values) if max(values) < 1 << 8 else None


def _prefixed(text: str) -> bytes | None:
    """`0x30, 0x38, …`, `$30`, `&H30` or `030h`, in braces or none, with what a program writes before it."""
    for form in (_PREFIXED, _SUFFIXED):
        found, rest = form.findall(text), form.sub("", text)
        if len(found) >= FEW and _AROUND.fullmatch(rest) and len(re.findall(r"\w+", rest)) <= _WORDS_AROUND:
            return bytes(int(digits, 16) for digits in found)
    return None


def _hex_list(text: str) -> bytes | None:
    """`[30, 38, 8a, 0]`, `30,38,8A`: hex that does not say so: told by a letter, a zero before a digit, or pairs alone."""
    match = _HEX_LIST.fullmatch(text)
    parts = re.findall("[0-9a-fA-F]+", match[1]) if match else []
    pairs = len(parts) > FEW and all(len(part) == 2 for part in parts)
    told = text[:1].isalnum() or any(part[0] == "0" for part in parts)
    if not any(re.search("[a-fA-F]", part) for part in parts) and not (pairs and told):
        return None
    return bytes(int(part, 16) for part in parts)


def _bracketed(text: str) -> bytes | None:
    """`<30383030 82…>` as NSData prints it, `[30 38 30]`; hex in groups of any size in brackets or quotes, of which the last
    may have been lost.
    """
    match = _BRACKETED.fullmatch(text)
    digits = re.sub(r"\s", "", match[1]) if match else ""
    return bytes.fromhex(digits) if len(digits) >= 2 * FEW else None


def _numbers(text: str) -> bytes | None:
    """`[48, 56, -126, …]`: decimal numbers in brackets, signed as Java prints them, or with blanks between as Go does.

    Among other words, too (`{"type":"Buffer","data":[…]}`); a number a line where none may be hex.
    """
    listed = _LISTED.search(text)
    parts = listed[1].replace(",", " ").split() if listed else text.split("\n")
    if not listed and not all(re.fullmatch(r"\s*-?\d{1,3},?\s*", part) for part in parts):
        return None
    numbers = [int(part.strip(" ,")) for part in parts]
    if len(numbers) < FEW or not all(-128 <= n <= 255 for n in numbers):
        return None
    if all(len(part.strip(" ,")) == 2 for part in parts) and not all(0x30 <= n <= 0x39 for n in numbers[:4]):
        if not listed:
            return None  # lines of hex
        if any(part.startswith("0") for part in parts):
            return bytes.fromhex("".join(parts))
    return bytes(n & 0xFF for n in numbers)


def _quoted(text: str) -> bytes | None:
    """`["30", "38", …]`."""
    return bytes.fromhex("".join(re.findall("[0-9a-fA-F]{2}", text))) if _QUOTED.fullmatch(text) else None


def _indexed(text: str) -> bytes | None:
    """`[0] = 48`, `1: 56`, a row each and none left out, as debuggers copy an array."""
    rows = [_INDEXED.fullmatch(line) for line in text.splitlines() if line.strip()]
    if len(rows) < FEW:
        return None
    values = []
    for index, row in zip(count(), rows, strict=False):
        if row is None or int(row[1]) != index:
            return None
        values.append(int(row[2], 16) if row[2].startswith("0x") else int(row[2]))
    return bytes(v & 0xFF for v in values) if all(-128 <= v <= 255 for v in values) else None


def _buffer(text: str) -> bytes | None:
    """Node's `<Buffer 30 38 …>`, which leaves out what is behind 50 bytes."""
    match = _BUFFER.search(text)
    return bytes.fromhex(match[1]) if match else None


def mixed(text: str, least: int = _MIXED_MIN) -> bytes | None:
    """Text of which only what cannot be printed is escaped: `0200\\x82 …`, `0200%82`, `0200<82>`; of a log's line, its end.

    `least`: fewer escapes make none of it.
    """
    if len(_SOFT.findall(text)) >= _MIXED_MIN or "=\n" in text:
        soft = quopri.decodestring(text.encode("ascii", "replace"))
        return soft if len(soft) >= _MESSAGE_MIN else None
    for each, base in _MIXED:
        found = list(each.finditer(text))
        if len(found) < least or "\n" in text:
            continue
        line = _from_token(text, found[0].start())
        quote = line[:1] if line[:1] in ('"', "'") else ""
        line = line[1:].rpartition(quote)[0] if quote and quote in line[1:] else line
        made = _unescaped(line, each, base)
        if made is not None and len(made) >= _MESSAGE_MIN:
            return made
    return None


def _from_token(line: str, at: int) -> str:
    """A log's line from the word in which the first escape stands, without a name and `=` before it."""
    before = _WORD.match(line[:at])
    return line[before.end() :] if before is not None else line


def _unescaped(line: str, each: re.Pattern[str], base: int) -> bytes | None:
    slashed = each.pattern.startswith("\\\\")
    signs = re.compile(f"{each.pattern}|{_SIGN.pattern}") if slashed else each
    if not all(0x20 <= ord(c) < 0x7F for c in signs.sub("", line)):
        return None
    made, at = bytearray(), 0
    for match in signs.finditer(line):
        made += line[at : match.start()].encode("ascii")
        made.append(int(match[1], base) if match[1] else ord(_SIGNS[match[0]]))
        at = match.end()
    return bytes(made) + line[at:].encode("ascii")
