"""Ways to cut and read under which a message goes far, and then wrong: where a search for what is wrong with it begins."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from switch.doctor.diagnosis import Configured
from switch.doctor.envelopes import LOOKS_LIKE, NOTHING, WHOLE, Cut
from switch.doctor.plausible import is_mti, likeliness
from switch.doctor.readings import LEAD_MAX, bitmap_fits, is_header, lead_name
from switch.doctor.tables import ASCII_MTI, Spoken, Walk, mtis_at, walk
from switch.wire import DecodeError, Document
from switch.wire.careful import Reader, Table
from switch.wire.vocabulary import DE

TRIED_MAX: Final = 6_000
"""elements read in search of a fault, over all"""
_READ_MIN: Final = 2
_TEXT_LEADS: Final = 3
"""places in text where an MTI and a bitmap may stand, of which digits make more than one"""
_HEAD_BYTES: Final = 20
"""of MTI and bitmap as text"""
_HEADERS: Final = (5, 12, 22, 26)
"""bytes of the headers that have a name"""


class Suspect(NamedTuple):
    """A way to cut and read under which a message goes far, and then wrong."""

    cut: Cut
    spoken: Spoken
    at: int
    """where the failing message's MTI stands"""
    stop: int
    lead: int
    """bytes of a header before it"""
    read: Walk
    far: float
    """0 to 1"""


class Budget:
    """Bounds the work."""

    def __init__(self) -> None:
        self.left = TRIED_MAX


def suspects_of(
    data: bytes, cuts: Sequence[Cut], spoken: Sequence[Spoken], configured: Configured
) -> Iterator[Suspect]:
    """Every one there is. Where no framing is configured, the bytes are first of all a message that somebody has pasted."""
    wanted = LOOKS_LIKE.get(configured.framing, configured.framing)
    pasted = Cut(NOTHING, ((0, len(data)),), (0,), None, 0, 0)
    right = [cut for cut in cuts if cut.frames and (cut.kind is WHOLE or (wanted and cut.kind.name == wanted))]
    tried = right or [*[cut for cut in cuts if cut.frames], pasted]
    for cut in tried:
        likelier = 0.3 if cut is pasted and not configured.framing else 0
        for one in spoken:
            ours = configured.dialect is not None and one.dialect.name == configured.dialect.name
            for lead in _leads(data, cut, one):
                suspect = _suspect(data, cut, one, lead, least=0 if ours else _READ_MIN)
                if suspect is not None:
                    bonus = (0.5 if ours else 0) + (0.2 if one.dialect.version == suspect.read.document["t"][:1] else 0)
                    bonus -= _header_odd(data[suspect.at - lead : suspect.at], one, len(suspect.read.document))
                    yield suspect._replace(far=suspect.far + bonus + likelier)


def _header_odd(lead: bytes, one: Spoken, came: int) -> float:
    """How much less likely a message is for what stands before its MTI: by the dialect another length, or none of its kind.

    `came`: elements that were read behind it; the more, the less an accident is it that an MTI seems to stand there.
    """
    if len(lead) != one.header:
        return 0.1 if not lead or lead_name(lead) else max(0.1, 0.25 - 0.005 * came)
    return 0.3 if lead and not is_header(lead, one) else 0


def _leads(data: bytes, cut: Cut, one: Spoken) -> Iterator[int]:
    """How long the header before the MTI may be: the dialect's, a known one that is there, none, or text before text that can be
    nothing but an MTI and a bitmap."""
    start, stop = cut.frames[0]
    yield one.header
    if one.mti == ASCII_MTI and not one.bitmap_raw:
        places = range(1, min(LEAD_MAX, stop - start - _HEAD_BYTES) + 1)
        there = (
            n for n in places if ASCII_MTI in mtis_at(data, start + n) and bitmap_fits(data, start + n, one, sure=False)
        )
        for lead in islice(there, _TEXT_LEADS):
            header = data[start : start + lead]
            if lead not in (one.header, *_HEADERS) and header.isalnum() and not header.isdigit():
                yield lead
    for lead in (0, *_HEADERS):
        named = not lead or lead_name(data[start : start + lead])
        if lead != one.header and named and one.mti in mtis_at(data, start + lead):
            yield lead


def _suspect(data: bytes, cut: Cut, one: Spoken, lead: int, least: int) -> Suspect | None:
    """The first message that goes wrong; None where the first one of all does not even begin as one.

    `least`: elements that must have been read before.
    """
    for start, stop in cut.frames:
        at = start + lead
        if at + 10 > stop:
            return None
        read = walk(one.table, data[:stop], at)
        if not is_mti(read.document.get("t", "")) or DE.BITMAP not in read.document:
            return None
        if read.error is None and read.end == stop:
            continue
        unknown_bit = (
            not read.numbers or (read.error is not None and read.error.field not in read.starts) or _in_bitmap(read)
        )
        numbers = _numbers(one, data[:stop], at) if unknown_bit else read.numbers
        came = len(read.document) - 2
        if came < least and not unknown_bit and DE.BITMAP_SECONDARY not in read.starts:
            return None
        far = came / max(1, len(numbers)) if not unknown_bit else 0.5
        return Suspect(
            cut,
            one,
            at,
            stop,
            lead,
            read._replace(numbers=numbers),
            far * likeliness(read.document, one.dialect.version),
        )
    return None


def _in_bitmap(read: Walk) -> bool:
    """True where what goes wrong is the second bitmap."""
    return read.error is not None and read.error.field == DE.BITMAP_SECONDARY


def _numbers(spoken: Spoken, data: bytes, at: int) -> tuple[int, ...]:
    """The elements that the bitmaps of a message announce, whether the dialect has them or not; `at`: of its MTI."""
    e = spoken.table.elements["p"]
    start = at + spoken.table.elements["t"].size
    chunk = data[start : start + 2 * e.size]
    digits = chunk.hex() if e.text is None else chunk.decode(e.text.name, "replace")
    try:
        bits = int(digits.ljust(32, "0")[:32], 16)
    except ValueError:
        return ()
    most = 129 if spoken.table.both or bits >> 127 else 65
    return tuple(n for n in range(2, most) if bits >> (128 - n) & 1)


class Rest:
    """The elements behind a place, read to the last byte; each place is read once, from however many forms it is reached."""

    def __init__(self, message: bytes, table: Table, keys: Sequence[str], budget: Budget) -> None:
        self._message = message
        self._table = table
        self._keys = keys
        self.budget = budget
        self._known: dict[tuple[int, int], Document | None] = {}

    def read(self, index: int, at: int) -> Document | None:
        """The elements from `keys[index]` on, which begin at `at`; None where they do not come out even."""
        if index == len(self._keys):
            return {} if at == len(self._message) else None
        place = (index, at)
        if place not in self._known:
            self._known[place] = self._one(index, at)
        return self._known[place]

    def _one(self, index: int, at: int) -> Document | None:
        self.budget.left -= 1
        key = self._keys[index]
        reader = Reader(self._table, self._message)
        reader.pos = at
        try:
            reader.element(self._table.elements[key])
        except DecodeError:
            return None
        rest = self.read(index + 1, reader.pos)
        return None if rest is None else {key: reader.document[key], **rest}
