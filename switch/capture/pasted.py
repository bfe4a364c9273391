"""Bytes as people paste them: dumps (`dumps.py`), what programs write (`literals.py`), base64, and what a log has of them.

Plain hex, with or without separators, is not its matter: whoever asks reads that himself.
"""

import base64
import re
from typing import Final

from switch.capture import around, dumps, literals
from switch.capture.layers import COOKED, ETHERNET, RAW_IP, segment_of

_BYTEA: Final = re.compile(
    r"[\"']?(?:\\\\?x|0[xX])((?:[0-9a-fA-F]{2}){8,})[\"']?(?:::bytea)?;?|((?:[0-9A-F]{2}){8,})[hH]|h'((?:[0-9a-fA-F]{2}){8,})'"
)
"""One number of many digits, as databases write bytes; hex that says it is some; CBOR's notation."""
_DASHED: Final = re.compile(r"[0-9a-fA-F]{2}(?:-[0-9a-fA-F]{2})*-?")
_APART: Final = re.compile(r"(?:[0-9a-fA-F]{2}){1,4}([|.;_/])(?:(?:[0-9a-fA-F]{2}){1,4}\1){5,}(?:[0-9a-fA-F]{2}){0,4}")
"""Hex with one and the same sign between its bytes."""
_NUMBERED: Final = re.compile(r"\s*(\d{1,4})[:.)|]?\s+((?:[0-9a-fA-F]{2}[ :]?)+)\s*")
"""A line of hex behind its number."""
_BASE64: Final = re.compile(r"(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])[A-Za-z0-9+/_\-\s]{24,}={0,2}\s*")
_BINARY: Final = re.compile(r"!!binary \|\n((?:[ \t]+[A-Za-z0-9+/=]+\n?)+)")
"""What Wireshark's "follow as YAML" has."""
_ARMOUR: Final = re.compile(r"-----BEGIN [^-\n]+-----\n(.*?)-----END [^-\n]+-----", re.DOTALL)
_BASE64_RUN: Final = re.compile(r"(?<![A-Za-z0-9+/_.-])[A-Za-z0-9+/_-]{32,}={0,2}(?![A-Za-z0-9+/_.])")
_DOTTED: Final = str.maketrans({
    "\u00a0": " ", "\u2007": " ", "\u202f": " ", "\u3000": " ", "\u2018": "'", "\u2019": "'", "\u201a": "'",
    "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"', "\u2010": "-", "\u2011": "-", "\u2012": "-",
    "\u2013": "-", "\u2014": "-", "\u2212": "-", "\u2026": "...", "\u00b7": ".", "\u200b": None, "\u200c": None,
    "\u200d": None, "\u2060": None, "\ufeff": None,
})  # fmt: skip
"""What mails, tickets and word processors make of blanks, quotes, dashes and dots."""
_FENCE: Final = re.compile(r"\s*(?:```\w*|\{(?:code|noformat)(?::[^}\n]*)?\})\s*")
_TICKED: Final = re.compile(r"\A\s*(`{1,3})(.*)\1\s*\Z", re.DOTALL)
"""What a mail or a ticket has between backticks."""
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*[mK]")
"""What a terminal makes colours of."""
_ETHERNET_BYTES, _COOKED_BYTES, _SHORTEST = 14, 16, 60
"""of the header before IP, and of the shortest Ethernet frame, which is filled up"""
_IP_BYTES: Final = 20
_ROW_MAX: Final = 100
"""characters of a row of a dump"""
_PIECES_MAX, _PIECE_MIN = 1_000, 20
_AROUND_MAX: Final = 65_536
"""characters of a text that is read again without what stands around"""
_BARE: Final = (0, 5, 7, 12, 22, 26)
"""where the MTI of a message without a length may stand: behind no header, or a known one"""
_WHERE: Final = (0, 2, 4, 5, 7, 9, 11, 12, 13, 22, 24, 26)
"""where a message's MTI may stand: behind lengths and headers"""
_HEX_RUN: Final = re.compile(r"(?<![0-9A-Za-z])(?:0[xX])?((?:[0-9a-fA-F]{2}[ :-]?){15,}[0-9a-fA-F]{2})(?![0-9A-Za-z])")
_TEXT_RUN: Final = re.compile(r"(?:^|(?<=[\s:=\[\"'>(]))[0129][1-8][0-9]{2}[0-9A-Fa-f]{16}[\x20-\x7e]*")
_MTI_BYTES: Final = re.compile(
    rb"[0129][1-8][0-9][0-5]|[\xf0-\xf2\xf9][\xf1-\xf8][\xf0-\xf9][\xf0-\xf5]|[\x01-\x08\x11-\x18\x21-\x28][\x00-\x95]"
)
_OWN_MTI: Final = re.compile(rb"[012][1-58][0-4][0-5]")
"""An MTI in ASCII that most messages have."""
_MTI_AND_BITMAP: Final = re.compile(r"[0129][0-9]{3}[0-9A-Fa-f]{16}")
_CLOSES: Final = {"[": "]", '"': '"', "'": "'", "(": ")", ">": "<"}
_ZONED_MIN: Final = 16


def text_of(content: bytes) -> str | None:
    """A file or a pipe as text in ASCII, as mails, tickets and Windows have it: UTF-16, a mark at its beginning, other quotes
    and blanks. None: it is no text, or has letters of its own.
    """
    for name in _charsets(content):
        try:
            text = tidied(content.decode(name))
        except UnicodeDecodeError:
            continue
        if text.isascii() and all(c >= " " or c in "\t\r\n\f" for c in text):
            return text
    return _with_letters(content)


def _with_letters(content: bytes) -> str | None:
    """Text with letters outside ASCII, each as `?`, where they stand around bytes in a form that is known, and not in them."""
    try:
        text = tidied(content.decode("utf-8"))
    except UnicodeDecodeError:
        return None
    if any(c < " " and c not in "\t\r\n\f" for c in text):
        return None
    text = text.encode("ascii", "replace").decode("ascii")
    return text if _without_what_is_around(text.strip()) else None


def _charsets(content: bytes) -> tuple[str, ...]:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return ("utf-16",)
    if len(content) > literals.FEW and not len(content) % 2 and not any(content[1::2]):
        return ("utf-16-le",)
    return ("utf-8", "cp1252")


def plain(text: str) -> str:
    """Text with plain blanks, quotes, dashes and line ends."""
    return text.translate(_DOTTED).replace("\r\n", "\n")


def tidied(text: str) -> str:
    """Text without what copying has done to it: other blanks, quotes and line ends, fences, the `>` of an answered mail."""
    text = _TICKED.sub(r"\2", _COLOURS.sub("", plain(text)))
    lines = [line for line in text.split("\n") if not _FENCE.fullmatch(line)]
    if all(line.startswith(">") for line in lines if line.strip()) and not _is_talk([x for x in lines if x.strip()]):
        lines = [line[1:].removeprefix(" ") for line in lines]
    return "\n".join(lines)


def _is_talk(lines: list[str]) -> bool:
    """`> 3032…` a line, which a capture's text has of what the client sent: each line a message of its own."""
    if not all(re.fullmatch(r">[0-9a-fA-F\s:]*", line) and len(line) > 2 * _PIECE_MIN for line in lines):
        return False
    same = len({len(line.rstrip()) for line in lines[:-1]}) == 1 and len(lines[0]) <= _ROW_MAX
    return not same or all(any(_begins_at(line, at) for at in _WHERE) for line in lines)


def _begins_at(line: str, at: int) -> bool:
    digits = re.sub("[^0-9a-fA-F]", "", line[1:])
    data = bytes.fromhex(digits[: len(digits) & ~1])
    return _begins(data[at:], (0,))


def written(text: str) -> bytes | None:
    """The bytes that a pasted text stands for; None: it is in none of these forms."""
    return next(iter(readings(text)), None)


def readings(text: str) -> list[bytes]:
    """What a pasted text may stand for, the likelier first: a log's line may have hex, or a message's own text."""
    text = tidied(text).strip()
    data = _in_one_form(text) or _without_what_is_around(text)
    if data:
        return [unwrapped(_hex_of(data))]
    itself = _MTI_AND_BITMAP.match(text) is not None
    few = None if itself else _escaped(text)
    if few and _begins(few, _WHERE):
        return [unwrapped(few)]
    found = [] if itself else _logged(text)
    data = None if found else literals.mixed(text) or (None if itself else _base64_within(text))
    if data:
        found = [data, *([text.encode("utf-8", "replace")] if itself else [])]
    return [unwrapped(one) for one in found]


def _hex_of(data: bytes) -> bytes:
    """What the hex says that a program's text stands for (`b'0048600000…'`), where that begins as a message and it does not."""
    digits = data.decode("latin-1")
    made = None if _OWN_MTI.match(data) else _plain_hex(digits)
    return made if made and len(made) >= _PIECE_MIN and _begins(made, _WHERE) else data


def _in_one_form(text: str) -> bytes | None:
    """All of a text, in one of the forms that leave nothing over; None: in none of them."""
    for read in (_bytea, literals.read, dumps.read, _numbered, _dashed, _zoned, _base64):
        data = read(text)
        if data:
            return data
    return None


def _without_what_is_around(text: str) -> bytes | None:
    """What is left without a log's times, line numbers or sentences, where that is bytes that begin as a message."""
    if len(text) > _AROUND_MAX or _MTI_AND_BITMAP.match(text) or _plain_hex(text):
        return None
    parts = [tidied(left).strip() for left in around.left(text)]
    for read in (_in_one_form, _plain_hex, _escaped):
        for part in parts:
            data = read(part)
            if data and len(data) >= _PIECE_MIN and _begins(data, _WHERE):
                return data
    return None


def _escaped(text: str) -> bytes | None:
    """Text of which few bytes are escapes, or one."""
    return literals.mixed(text, 1)


def _plain_hex(text: str) -> bytes | None:
    """Hex digits in pairs, with blanks, colons, dashes or commas between."""
    digits = re.sub(r"[\s:,-]", "", text)
    return bytes.fromhex(digits) if len(digits) % 2 == 0 and re.fullmatch("[0-9a-fA-F]+", digits) else None


def unbroken(text: str) -> str:
    """A message's own text that a screen, a mail or a page has broken into lines of one width, as one line; else the text."""
    lines = text.rstrip("\n").split("\n")
    widths = {len(line) for line in lines[:-1]}
    wide = len(widths) == 1 and _PIECE_MIN < len(lines[0]) <= _ROW_MAX and 0 < len(lines[-1]) <= len(lines[0])
    return "".join(lines) if wide and _MTI_AND_BITMAP.match(text) else text


def pieces(text: str) -> list[bytes]:
    """The messages of a text that has several without frames: a line each, a paragraph each, or a dump each. Else none."""
    text = tidied(text).strip()
    listed = literals.several(text)
    if listed:
        return listed
    lines = [line for line in text.split("\n") if line.strip()]
    paragraphs = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    each_dump = re.split(r"\n(?=[^\S\n]*(?:0x)?0{4,16}[:|\s])", text)
    for parts in (lines, paragraphs, each_dump):
        if 1 < len(parts) <= _PIECES_MAX:
            found = [_piece(part) for part in parts]
            if all(len(data) >= _PIECE_MIN for data in found) and any(
                all(_begins(data, (at,)) for data in found) for at in _BARE
            ):
                return found
    return []


def _piece(text: str) -> bytes:
    """The bytes of one of several; none where it cannot be read."""
    data = written(text)
    if data is None and _MTI_AND_BITMAP.match(text):
        return text.encode("ascii", "replace")
    return data or _plain_hex(text) or b""


def unwrapped(data: bytes) -> bytes:
    """What a TCP packet carries, where the bytes are one or its beginning, as Wireshark copies a frame; else the bytes."""
    for linktype, at in ((ETHERNET, _ETHERNET_BYTES), (COOKED, _COOKED_BYTES), (RAW_IP, 0)):
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        padded = size < _SHORTEST - at and len(data) == _SHORTEST
        cut = at + size > len(data) and not _ones_sum(data[at : at + _IP_BYTES])
        if data[at : at + 1] == b"\x45" and (at + size == len(data) or padded or cut):
            segment = segment_of(linktype, data)
            if segment is not None and segment.payload:
                return segment.payload
    return data


def _ones_sum(header: bytes) -> int:
    """What is wrong with the checksum of an IPv4 header; 0: nothing."""
    total = sum(int.from_bytes(header[i : i + 2], "big") for i in range(0, len(header), 2))
    return (total + total // 0x10000) & 0xFFFF ^ 0xFFFF if len(header) == _IP_BYTES else 0xFFFF


def _bytea(text: str) -> bytes | None:
    """`\\x3038…` of PostgreSQL, `0x3038…` of others."""
    match = _BYTEA.fullmatch(text)
    return bytes.fromhex(match[1] or match[2] or match[3]) if match else None


def _dashed(text: str) -> bytes | None:
    """`30-38-…`, as .NET's BitConverter writes it, in one line or more; `30|38|…` and the like."""
    lines = text.split()
    if lines and lines[0].count("-") >= literals.FEW - 1 and all(_DASHED.fullmatch(line) for line in lines):
        return bytes.fromhex(text.replace("-", ""))
    if lines and all(_APART.fullmatch(line) for line in lines):
        return bytes.fromhex(re.sub("[|.;_/\\s]", "", text))
    return None


def _numbered(text: str) -> bytes | None:
    """Lines of hex behind their numbers, which count from 0 or 1."""
    rows = [_NUMBERED.fullmatch(line) for line in text.splitlines() if line.strip()]
    numbers = [int(row[1]) for row in rows if row is not None]
    if len(rows) < 2 or len(numbers) < len(rows) or numbers != list(range(numbers[0], numbers[0] + len(rows))):
        return None
    widths = {len(row[2].strip()) for row in rows[:-1] if row is not None}
    if numbers[0] > 1 or len(widths) > 1 or widths == {2}:
        return None
    return bytes.fromhex("".join(re.sub("[ :]", "", row[2]) for row in rows if row is not None))


def _zoned(text: str) -> bytes | None:
    """Three lines as ISPF's HEX ON and COBOL's displays have them: the text, the bytes' high digits, their low digits."""
    lines = [line.strip("\n") for line in text.split("\n")]
    if len(lines) != 3 or len(lines[1]) < _ZONED_MIN or len(lines[1]) != len(lines[2]) or len(lines[0]) > len(lines[1]):
        return None
    high, low = lines[1], lines[2]
    if not re.fullmatch("[0-9A-Fa-f]+", high + low):
        return None
    return bytes.fromhex("".join(a + b for a, b in zip(high, low, strict=True)))


def _base64(text: str) -> bytes | None:
    """Base64 on its own (that of URLs, too), in armour, or as Wireshark's YAML has it. Text that may be a message is none."""
    binary = _BINARY.findall(text + "\n") or _ARMOUR.findall(text)
    text = re.sub(r"\n[ \t]+|[ \t]+\n", "\n", text)
    if not binary and (not _BASE64.fullmatch(text) or text[:4].isdecimal() or " " in text):
        return None
    made = [_decoded("".join(part.split())) for part in binary or [text]]
    return b"".join(part for part in made if part) if all(made) else None


def _base64_within(text: str) -> bytes | None:
    """The base64 in a log's line, in JSON, in a program, where what it stands for begins as a message."""
    runs = [
        run for run in _BASE64_RUN.findall(text) if all(re.search(kind, run) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    ]
    made = [data for run in runs if (data := _decoded(run)) and _begins(data, _WHERE)]
    return b"".join(made) or None


def _decoded(text: str) -> bytes | None:
    digits = text.translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except ValueError:  # binascii.Error, or a character that is none of ASCII
        return None


def _begins(data: bytes, places: tuple[int, ...]) -> bool:
    """Whether an MTI stands at one of these places, in ASCII, EBCDIC or BCD."""
    return any(_MTI_BYTES.match(data, at) for at in places)


def _logged(text: str) -> list[bytes]:
    """What a log's lines have of messages among their own words: hex, or the message's own text."""
    if not re.search(r"[g-zG-Z=\"']", text):
        return []
    runs = [max(own, key=len) for line in text.splitlines() if (own := _hex_runs(line))]
    texts = [_closed(line, match) for line in text.splitlines() if (match := _TEXT_RUN.search(line))]
    hexes = [re.sub("[ :-]", "", run) for run in runs]
    found = [bytes.fromhex("".join(hexes))] if hexes and all(len(digits) % 2 == 0 for digits in hexes) else []
    return [*found, "".join(texts).encode("ascii")] if texts else found


def _hex_runs(line: str) -> list[str]:
    """Runs of hex in a line; the digits that a message's own text begins with are none."""
    text = _TEXT_RUN.search(line)
    own = text.start() if text is not None and re.search("[^0-9a-fA-F\\s]", _closed(line, text)) else -1
    return [match[1] for match in _HEX_RUN.finditer(line) if match.start() != own]


def _closed(line: str, match: re.Match[str]) -> str:
    """A message's text in a line, without the bracket or quote that closes behind it."""
    before = line[match.start() - 1] if match.start() else ""
    closing = _CLOSES.get(before, "")
    return match[0].rpartition(closing)[0] if closing and closing in match[0] else match[0].rstrip()
