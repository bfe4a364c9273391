"""The sentences: what the peer sends, what is configured, and the setting that puts it right."""

import re
from typing import Final

from switch.doctor.diagnosis import Configured, Evidence, Setting
from switch.doctor.envelopes import BY_NAME, FRAMING_WORDS, LOOKS_LIKE, NOTHING
from switch.doctor.readings import Reading, lead_name
from switch.doctor.shown import ROW, shown
from switch.doctor.tables import (
    ASCII_MTI,
    EBCDIC_MTI,
    PACKED_MTI,
    Habits,
    Spoken,
    bitmaps_at,
    habits_of,
    header_bytes,
    mtis_at,
)
from switch.wire import Dialect
from switch.wire.framing import TPDU_BYTES
from switch.wire.vocabulary import DE, EDITIONS

_HABIT: Final = {
    ("bitmap", "raw"): "bitmaps are raw bytes",
    ("bitmap", "hex"): "bitmaps are hex digits",
    ("charset", "ascii"): "text is ASCII",
    ("charset", "ebcdic"): "text is EBCDIC",
    ("digits", "text"): "numbers and lengths are a character a digit",
    ("digits", "packed"): "numbers and lengths are packed BCD",
    ("binary", "raw"): "binary elements are raw bytes",
    ("binary", "hex"): "binary elements are hex digits",
}
_HABIT_KEYS: Final = {
    ("bitmap", "raw"): '"p" and "1": {"data_enc": "b", "max_len": 8}',
    ("bitmap", "hex"): '"p" and "1": {"data_enc": "ascii", "max_len": 16}',
    ("charset", "ascii"): '"data_enc" and "len_enc": "ascii" where they are EBCDIC',
    ("charset", "ebcdic"): '"data_enc" and "len_enc": "cp037" where they are ASCII',
    ("digits", "text"): '"data_enc" and "len_enc": "ascii" in elements of digits, lengths a byte a digit',
    ("digits", "packed"): '"data_enc": "b", "len_count": "nibbles", "len_enc": "bcd" in elements of digits',
    ("binary", "raw"): '"data_enc": "b" in elements of content b',
    ("binary", "hex"): '"data_enc": "ascii" and twice the max_len in elements of content b',
}
_MTI_CODES: Final = {ASCII_MTI: "ascii", EBCDIC_MTI: "cp037"}
_REAL_MTI: Final = re.compile("[012][1-68][0-4][0-5]")
_OFTEN: Final = frozenset({3, 4, 7, 12, 39, 70})
"""elements of which a message has one, beside DE11"""
_ELEMENTS_MAX, _ELEMENTS_SHOWN = 40, 12
LEAD_SHOWN: Final = 4
"""bytes shown of a header that is none of the known ones"""
_BEST: Final = "length2"


def habit_words(name: str, value: str) -> str:
    """`bitmaps are raw bytes`."""
    return _HABIT[name, value]


def spoken_like(dialect: Dialect) -> str:
    """A dialect in a few words: `ASCII, bitmaps as hex digits`."""
    habits = habits_of(dialect)
    return _spoken_like(habits)


def _spoken_like(habits: Habits) -> str:
    charset = "EBCDIC" if habits.charset == "ebcdic" else "ASCII"
    text = f"BCD numbers, {charset} text" if habits.digits == "packed" else charset
    return f"{text}, {'raw' if habits.bitmap == 'raw' else 'hex'} bitmaps"


def set_to(configured: Configured) -> str:
    """`framing length2, dialect cmi87`: what a link is set to; "" where nothing is said."""
    parts = []
    if configured.framing:
        parts.append(f"framing {configured.framing}")
    if configured.dialect is not None:
        parts.append(f"dialect {configured.dialect.name}")
    return ", ".join(parts)


def sentence(*parts: str) -> str:
    """Parts joined, begun with a capital, ended with a full stop."""
    text = "; ".join(part for part in parts if part)
    return f"{text[:1].upper()}{text[1:]}."


# -- framing


def framing_part(data: bytes, reading: Reading, configured: str) -> str:
    """What stands around the messages, and what the configured framing makes of it."""
    mti = reading.documents[0][DE.MTI]
    if reading.kind is NOTHING and not (reading.lead and not lead_name(reading.lead)):
        says = f"the peer sends no length header, the bytes begin with {_begins(reading, mti)}"
        if not configured:
            return says
        taken = _takes(data, configured)
        return f"{taken}: {says}" if taken else f"{says}; framing {configured} is configured"
    head = data[reading.heads[0] : reading.spans[0][0]]
    if reading.kind is NOTHING:
        says = f"the {len(reading.lead)} bytes {_lead_bytes(reading.lead)} before the MTI are no length header this doctor knows"
    else:
        says = f"the peer sends {reading.kind.words}" + (f" ({_bytes(head)})" if head else "")
    if not configured:
        return says
    if configured == "length2" and reading.kind.name == "length4":
        return (
            f"{says}; length2 is configured, which takes its first half for a keep-alive and would answer in two bytes"
        )
    return f"{says}; {configured} is configured, {_reads(data, configured)}"


def _begins(reading: Reading, mti: str) -> str:
    if not reading.lead:
        return f"MTI {mti}"
    return f"{_a(lead_name(reading.lead) or f'header of {len(reading.lead)} bytes')} and MTI {mti}"


def _takes(data: bytes, configured: str) -> str:
    """`length 12596 is the text '14'`: what a binary length reads in text; "" where it is none."""
    name = LOOKS_LIKE.get(configured, configured)
    if name not in BY_NAME or name in OF_DIGITS:
        return ""
    kind = BY_NAME[name]
    head = data[: kind.head]
    measured = kind.measure(data, 0) if len(head) == kind.head and kind.head else None
    if measured is None or name.startswith("bcd2") or not is_text(head[:2]):
        return ""
    number = int.from_bytes(head[:2] if name == "visa4" else head, "little" if "little" in name else "big")
    return f"length {number} is the text '{head.decode('ascii', 'replace')}'"


def _reads(data: bytes, configured: str) -> str:
    """What the configured framing makes of the first bytes."""
    name = LOOKS_LIKE.get(configured, configured)
    if name == "gzip":
        return f"which wants a gzip stream (1F 8B) behind two bytes of length and finds {_bytes(data[2:4])}"
    kind = BY_NAME[name]
    if name == "stxetx":
        return f"which begins with 02, not {data[0]:02X}"
    measured = kind.measure(data, 0)
    head = _bytes(data[: kind.head])
    if measured is None:
        wants = kind.words.removeprefix("a length of ").removeprefix("a ").removesuffix(" in two bytes")
        return f"which finds no {wants} in {head}"
    at, body, _ = measured
    number = body + (kind.head if name.endswith("inclusive") else 0)
    if number == 0:
        return f"which takes {head} for a keep-alive"
    length = f"which takes {head} for a length of {number}"
    if configured in LOOKS_LIKE and 0 < body <= len(data) - at:
        wants = "a TPDU (60 to 6F)" if configured == "tpdu" else "a BASE I header (16)"
        return f"which wants {wants} behind the length and finds {data[at]:02X}"
    return length


OF_DIGITS: Final = ("ascii3", "ascii4", "ascii4-inclusive", "ascii5", "ascii6", "ebcdic4", "hex4")
"""Framings whose length is digits in text."""


def is_text(chunk: bytes) -> bool:
    """Printable ASCII."""
    return all(0x20 <= byte < 0x7F for byte in chunk)


def _bytes(chunk: bytes) -> str:
    """`30 30 38 35 = '0085'`."""
    digits = chunk[:26].hex(" ").upper()
    return f"{digits} = '{chunk.decode()}'" if chunk and is_text(chunk) else digits


def _may_lead(head: bytes, size: int) -> bool:
    """Whether the first bytes may be a length of all that came, or of what is behind it, and a TPDU."""
    header = head[-TPDU_BYTES:] if len(head) >= TPDU_BYTES else b""
    length = head[: len(head) - len(header)]
    number = int(length) if length.isdigit() else int.from_bytes(length, "big")
    return (not header or bool(lead_name(header))) and (not length or number in (size, size - len(length)))


def _announced(data: bytes, at: int) -> tuple[int, ...]:
    """The elements that what may be a bitmap at `at` announces, where those are as in a message; else none."""
    raw, text = bitmaps_at(data, at)
    first = text or raw
    size = 16 if text else 8
    second = bitmaps_at(data, at + size)[1 if text else 0] if first >> 63 else 0
    found = tuple(n for n in range(2, 129) if (first << 64 | second) >> (128 - n) & 1)
    return found if 11 in found and 3 <= len(found) <= _ELEMENTS_MAX and _OFTEN.intersection(found) else ()


def unknown(data: bytes) -> str:
    """Bytes that are nothing known; or an MTI and a bitmap, and behind them elements that nobody here reads."""
    for at in (0, *(n for n in (2, 4, 5, 7) if _may_lead(data[:n], len(data)))):
        for form in mtis_at(data, at):
            mti = data[at : at + 2].hex() if form == PACKED_MTI else data[at : at + 4].decode(_MTI_CODES[form])
            elements = _announced(data, at + (2 if form == PACKED_MTI else 4)) if _REAL_MTI.fullmatch(mti) else ()
            if elements:
                said = ", ".join(map(str, elements[:_ELEMENTS_SHOWN])) + (
                    " …" if len(elements) > _ELEMENTS_SHOWN else ""
                )
                behind = f" at byte {at}" if at else ""
                return (
                    f"MTI {mti} in {form}{behind}, and a bitmap that announces DE{said}; no dialect at hand reads what follows: "
                    "import the peer's, or write one (cmi-switch dialect)"
                )
    if is_text(data[:4]):
        return f"the bytes are text ('{data[:4].decode()}' …), and no message of any dialect at hand"
    return f"the first bytes ({data[:4].hex(' ').upper()} …) begin no message of any dialect at hand, in any framing"


def _lead_bytes(lead: bytes) -> str:
    """A header's bytes; of one nobody knows only the first, for there may be anything in it."""
    known = bool(lead_name(lead)) or len(lead) <= LEAD_SHOWN
    return _bytes(lead) if known else f"{_bytes(lead[:LEAD_SHOWN])} …"


def framing_setting(name: str) -> Setting:
    """What to set so that the messages can be cut."""
    if name:
        return Setting("network file", f'framing = "{name}"')
    return Setting("peer", f'send {FRAMING_WORDS[_BEST]} before each message (framing = "{_BEST}")')


# -- header


def header_part(reading: Reading) -> str:
    """What stands before the MTI, and what the dialect wants there."""
    dialect, lead = reading.spoken.dialect, reading.lead
    wants = header_bytes(dialect)
    if not lead:
        mti = reading.documents[0][DE.MTI]
        header = _a({5: "TPDU", 22: "BASE I header"}.get(wants, f"header of {wants} bytes"))
        return f"no header stands before MTI {mti}; dialect {dialect.name} wants {header} there"
    name = lead_name(lead)
    what = f"are {_a(name)}" if name else f"are a header of {len(lead)} bytes"
    has = f"has a header of {wants}" if wants else "has no header"
    return f"the bytes {_lead_bytes(lead)} before the MTI {what}; dialect {dialect.name} {has}"


def header_setting(reading: Reading) -> Setting:
    """What to write into the dialect's file."""
    text = lead_name(reading.lead) == "ISO literal" and reading.lead.isascii()
    enc = "ascii" if text else "b"
    return Setting("dialect file", f'"h": {{"data_enc": "{enc}", "len_type": 0, "max_len": {len(reading.lead)}}}')


# -- dialect


def dialect_part(spoken: Spoken, configured: Dialect | None) -> str:
    """Which dialect the messages are in."""
    if configured is None:
        return f"the messages are {spoken.dialect.name} ({_spoken_like(spoken.habits)})"
    if configured.name == spoken.dialect.name:
        return ""
    ours, theirs = spoken_like(configured), _spoken_like(spoken.habits)
    if ours == theirs and configured.version != spoken.dialect.version:
        ours, theirs = (f"the {EDITIONS[d.version]} edition" for d in (configured, spoken.dialect))
    differ = f" ({theirs})" if ours != theirs else ""
    mine = f" ({ours})" if ours != theirs else ""
    return f"the messages are {spoken.dialect.name}{differ}; dialect {configured.name}{mine} is configured"


def habits_part(spoken: Spoken) -> str:
    """How the messages differ from the dialect's file."""
    if not spoken.changed:
        return ""
    file = habits_of(spoken.dialect)
    theirs = ", ".join(habit_words(name, getattr(spoken.habits, name)) for name in spoken.changed)
    ours = ", ".join(habit_words(name, getattr(file, name)) for name in spoken.changed)
    return f"the messages are {spoken.dialect.name} but for this: {theirs}; the dialect says {ours}"


def habit_settings(spoken: Spoken) -> list[Setting]:
    """What to write into the dialect's file."""
    return [Setting("dialect file", _HABIT_KEYS[name, getattr(spoken.habits, name)]) for name in spoken.changed]


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "AEIOaeio" else f"a {noun}"


# -- evidence


def evidence(data: bytes, reading: Reading) -> Evidence:
    """The first message's beginning: length, header, MTI, bitmaps."""
    start, stop = reading.spans[0]
    head_at = reading.heads[0]
    first, spoken = reading.documents[0], reading.spoken
    marks = []
    hidden = (0, 0)
    if start > head_at:
        words = "STX" if reading.kind.name == "stxetx" else f"length {stop - start}"
        marks.append((head_at, start - head_at, words))
    mti_at = start + len(reading.lead)
    if reading.lead:
        name = lead_name(reading.lead)
        size = len(reading.lead)
        marks.append((start, size if name else min(size, LEAD_SHOWN), name or f"unknown header of {size} bytes"))
        hidden = (start + LEAD_SHOWN, mti_at) if not name else (0, 0)
    width = 2 if spoken.mti == PACKED_MTI else 4
    charset = {PACKED_MTI: "BCD", EBCDIC_MTI: "EBCDIC"}.get(spoken.mti, "ASCII")
    marks.append((mti_at, width, f"MTI {first[DE.MTI]} in {charset}"))
    bitmap = 8 if spoken.bitmap_raw else 16
    bitmaps = bitmap * (2 if DE.BITMAP_SECONDARY in first else 1)
    marks.append((mti_at + width, bitmaps, "bitmap, raw" if spoken.bitmap_raw else "bitmap, hex digits"))
    end = mti_at + width + bitmaps
    upto = min(stop, (end // ROW + 1) * ROW)
    return shown(data, head_at - head_at % ROW, upto, marks, end, hidden)
