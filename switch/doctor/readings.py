"""Every way to read the bytes that comes out even: what stands around each message, what before its MTI, in which dialect.

A reading is whole: all messages decode to their last byte, nothing is left over but an unfinished one at the end. So few are
found, mostly one.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from switch.doctor.envelopes import BODY_MAX, NOTHING, Cut, Kind, Span
from switch.doctor.plausible import is_mti, likeliness
from switch.doctor.tables import PACKED_MTI, Spoken, bitmaps_at, mtis_at, walk
from switch.wire import DecodeError, Document
from switch.wire.framing import BASE1_BYTES, BASE1_REJECT_BYTES, TPDU_BYTES

LEAD_MAX: Final = 40
"""bytes before an MTI; a longer header is not looked for"""
ALTERED_LEAD_MAX: Final = 12
"""the same where neither framing nor dialect are known ones"""
ISO_LITERAL_BYTES: Final = 12
"""`ISO` and nine digits, as BASE24 leads its messages"""
_MTI_BYTES: Final = {PACKED_MTI: 2}
_HAS_STAN: Final = 1 << 64 - 11
_NEAR: Final = 1_000
"""bytes of the longest element that may be missing in part"""
_ODD_MAX: Final = 24
"""bytes by which a length may be wrong and still be one"""


class Reading(msgspec.Struct, frozen=True):
    """One way to read the bytes."""

    kind: Kind
    spoken: Spoken
    lead: bytes
    """what stands before the first MTI, behind the length header"""
    spans: tuple[Span, ...]
    """the messages, each from its lead on"""
    documents: tuple[Document, ...]
    heads: tuple[int, ...]
    empty: int
    likely: float
    """0 to 1: what it says looks like payments"""
    unfinished: int = 0
    """bytes at the end that begin one more message"""


def lead_name(lead: bytes) -> str:
    """What a header is, where it is a known one: `TPDU`, `BASE I header`, `ISO literal`; else ""."""
    if len(lead) == TPDU_BYTES and lead[0] & 0xF0 == 0x60:
        return "TPDU"
    if len(lead) in (BASE1_BYTES, BASE1_REJECT_BYTES) and lead[0] == len(lead):
        return "BASE I header"
    for text, charset in ((lead[:3], "ascii"), (lead[:3], "cp037")):
        if len(lead) == ISO_LITERAL_BYTES and text == "ISO".encode(charset):
            return "ISO literal"
    return ""


def is_header(lead: bytes, spoken: Spoken) -> bool:
    """Whether bytes before an MTI are a known header, or the dialect's own: as long as that, and a TPDU first."""
    own = len(lead) == spoken.header and bool(lead_name(lead[:TPDU_BYTES]))
    return own or bool(lead_name(lead))


def framed(data: bytes, spoken: Sequence[Spoken], made: Iterable[Cut]) -> Iterator[Reading]:
    """The readings of every framing with at least one whole message."""
    for cut in made:
        if cut.frames:
            yield from _of_cut(data, cut, spoken)


def begun(data: bytes, spoken: Sequence[Spoken], made: Iterable[Cut]) -> Iterator[Reading]:
    """The readings of a first message that has not come whole, in every framing and in none: right as far as it goes."""
    loose = Cut(NOTHING, (), (), (0, len(data)), 0, 0)
    for cut in (*made, loose):
        if cut.frames or cut.rest is None or cut.missing > BODY_MAX:
            continue
        start, stop = cut.rest
        for lead, form in _leads(data, start, stop):
            header = data[start : start + lead]
            for one in spoken:
                if (
                    one.mti != form
                    or not bitmap_fits(data, start + lead, one, sure=False)
                    or (header and not lead_name(header))
                ):
                    continue
                read = walk(one.table, data, start + lead)
                came = sum(str(number) in read.document for number in read.numbers)
                if read.error is None or read.end + _NEAR < stop or came < 3 or came >= len(read.numbers):
                    continue
                if not _ran_out(read.error, stop):
                    continue
                likely = 0.9 * _likely([read.document], one, header)
                yield Reading(
                    cut.kind, one, header, ((start, stop),), (read.document,), (0,), cut.empty, likely, stop - start
                )


def _ran_out(error: DecodeError, stop: int) -> bool:
    """The message ended before its element did: it may only not have come whole."""
    return error.found.endswith("before the message ends") and error.offset <= stop


def bare(data: bytes, spoken: Sequence[Spoken]) -> Iterator[Reading]:
    """The readings without any framing: messages one behind the other, to the last byte."""
    for lead, form in _leads(data, 0, len(data)):
        for one in spoken:
            known = not lead or is_header(data[:lead], one)
            if (
                one.mti != form
                or (one.changed and not known and lead > ALTERED_LEAD_MAX)
                or not bitmap_fits(data, lead, one, sure=known and not one.changed)
            ):
                continue
            spans, documents, at = [], [], 0
            while at < len(data):
                read = walk(one.table, data, at + lead)
                if read.error is not None or not is_mti(read.document["t"]):
                    break
                spans.append((at, read.end))
                documents.append(read.document)
                at = read.end
            rest = len(data) - at
            if spans and (not rest or (len(spans) > 1 and data[at + lead : at + lead + 1] == data[lead : lead + 1])):
                likely = _likely(documents, one, data[:lead])
                if likely > 0:
                    reading = Reading(NOTHING, one, data[:lead], tuple(spans), tuple(documents), tuple(s for s, _ in spans),
                                      0, likely, rest)  # fmt: skip
                    yield reading if known else _odd(reading)


def _odd(reading: Reading) -> Reading:
    """Unknown bytes before a message, as a length that counts too little or too much, where they can be one."""
    lead, (start, stop) = reading.lead, reading.spans[0]
    for size, order in ((4, "big"), (2, "big"), (4, "little"), (2, "little")):
        number = int.from_bytes(lead[:size], "little" if order == "little" else "big")
        header = lead[size:]
        if len(lead) < size or not number or (header and not lead_name(header)):
            continue
        left = stop - start - size - number
        name = lead_name(header)
        if header and left == len(header):
            counts = f"that does not count the {name} behind it"
        elif 0 < abs(left) <= _ODD_MAX:
            counts = f"that counts {abs(left)} bytes {'fewer' if left > 0 else 'more'} than the message has"
        elif not header and order == "big" and size == len(lead):
            counts = f"that is wrong: it says {number}, and the message has {stop - start - size} bytes"
        else:
            continue
        first = ", low byte first," if order == "little" else ""
        kind = Kind("", f"a {size}-byte binary length{first} {counts}", reading.kind.measure, size)
        spans = tuple((begins + size, ends) for begins, ends in reading.spans)
        return msgspec.structs.replace(reading, kind=kind, lead=header, spans=spans)
    return reading


def _of_cut(data: bytes, cut: Cut, spoken: Sequence[Spoken]) -> Iterator[Reading]:
    start, stop = cut.frames[0]
    for lead, form in _leads(data, start, stop):
        for one in spoken:
            known = lead in (0, one.header) or bool(lead_name(data[start : start + lead]))
            if one.mti != form:
                continue
            if not bitmap_fits(data, start + lead, one, sure=known and not one.changed):
                continue
            documents = _read_all(data, cut.frames, lead, one)
            if documents is None:
                continue
            likely = _likely(documents, one, data[start : start + lead])
            if likely > 0:
                yield Reading(cut.kind, one, data[start : start + lead], cut.frames, tuple(documents), cut.heads, cut.empty,
                              likely, 0 if cut.rest is None else cut.rest[1] - cut.frames[-1][1])  # fmt: skip


def _leads(data: bytes, start: int, stop: int) -> Iterator[tuple[int, str]]:
    """Where in a message its MTI may stand, and in which form."""
    for lead in range(min(LEAD_MAX, stop - start - 10) + 1):
        for form in mtis_at(data, start + lead):
            yield lead, form


def bitmap_fits(data: bytes, at: int, spoken: Spoken, sure: bool) -> bool:
    """Whether a bitmap may stand behind the MTI at `at`; unless `sure` that a message is here, only one that has DE11."""
    raw, text = bitmaps_at(data, at + _MTI_BYTES.get(spoken.mti, 4))
    bits = raw if spoken.bitmap_raw else text
    return bool(bits) and (sure or bool(bits & _HAS_STAN))


def _read_all(data: bytes, frames: Sequence[Span], lead: int, spoken: Spoken) -> list[Document] | None:
    documents = []
    for start, stop in frames:
        read = walk(spoken.table, data[start + lead : stop])
        if read.error is not None or read.end != stop - start - lead or not is_mti(read.document["t"]):
            return None
        documents.append(read.document)
    return documents


def _garbled(document: Document, spoken: Spoken) -> bool:
    """Text nobody writes: any byte is a character of EBCDIC, so that ASCII decodes to something as well."""
    elements = spoken.table.elements
    return any(not value.isprintable() and elements[key].text is not None for key, value in document.items())


def _likely(documents: Sequence[Document], spoken: Spoken, lead: bytes) -> float:
    """How likely it is that these were said; 0: an accident."""
    share = min(likeliness(document, spoken.dialect.version) for document in documents)
    if spoken.habits.charset == "ebcdic" and any(_garbled(document, spoken) for document in documents):
        share *= 0.6
    elements = max(len(document) for document in documents) - 2
    if elements < 2:
        share *= 0.5
    if lead and not is_header(lead, spoken):
        share = 0.0 if elements < 3 or share < 0.6 else share * 0.9
    return share
