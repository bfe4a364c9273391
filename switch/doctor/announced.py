"""What a message's bitmap says and its bytes do not: a second bitmap, a third one, an element that no bit announces."""

from collections.abc import Iterator

from switch.doctor.advice import changes
from switch.doctor.diagnosis import Cause, Configured, Diagnosis, Setting
from switch.doctor.plausible import likeliness, plausibility
from switch.doctor.readings import Reading
from switch.doctor.suspects import Budget, Rest, Suspect
from switch.doctor.words import sentence
from switch.wire import DecodeError
from switch.wire.careful import Reader
from switch.wire.vocabulary import DE

_LIKELY_MIN = 0.5
_PLAUSIBLE_MIN = 0.2
_UNANNOUNCED = 0.65
_OFTEN = {
    "2",
    "7",
    "12",
    "13",
    "14",
    "22",
    "25",
    "32",
    "35",
    "37",
    "38",
    "39",
    "41",
    "42",
    "43",
    "48",
    "49",
    "54",
    "55",
    "60",
    "62",
    "63",
}
"""elements that messages have as often as not"""
_THIRD = 65


def announced(data: bytes, suspect: Suspect, configured: Configured) -> list[Diagnosis]:
    """What is wrong with the bits of a message, the likeliest first; none where bits do not explain it."""
    found = sorted(_found(data[: suspect.stop], suspect), key=lambda one: -one[2])
    said, seen = [], set[str]()
    start, header = suspect.at - suspect.lead, data[suspect.at - suspect.lead : suspect.at]
    reading = Reading(
        suspect.cut.kind, suspect.spoken, header, ((start, suspect.stop),), (suspect.read.document,), (start,), 0, 0.0
    )
    around = changes(data, reading, configured)
    for words, change, likely in found[:3]:
        if words not in seen:
            seen.add(words)
            settings = (*around.settings, change)
            sure = round(0.9 * likely - 0.1 * len(around.settings), 2)
            said.append(
                Diagnosis(
                    Cause.BITMAP,
                    sentence(*around.parts, words),
                    settings,
                    max(0.05, sure),
                    configured.framing,
                    suspect.spoken.dialect.name,
                )
            )
    return said


def _found(message: bytes, suspect: Suspect) -> Iterator[tuple[str, Setting, float]]:
    """Sentence, what to change, how likely."""
    table, start = suspect.spoken.table, suspect.at
    e = table.elements["p"]
    first = start + table.elements["t"].size
    bits = [_bits(message[first + n * e.size : first + (n + 1) * e.size], suspect) for n in (0, 1)]
    if bits[0] is None or table.both:  # whose bit 1 says nothing
        return
    one = [n for n in bits[0] if n > 1]
    behind = first + e.size
    if 1 in bits[0]:
        likely = _reads(message, suspect, one, behind)
        words = "bit 1 announces a second bitmap, and none follows: the elements begin at once"
        yield from _said(words, "clear bit 1 where no element above 64 is sent", likely)
        two = [n + 64 for n in bits[1] or ()]
        if _THIRD in two:
            rest = [*one, *(n for n in two if n != _THIRD)]
            for size, words in ((0, "and none follows"), (e.size, "which stands behind the second")):
                likely = _reads(message, suspect, rest, behind + e.size + size)
                change = "clear bit 65" if not size else "send no elements above 128: no dialect has them"
                yield from _said(f"bit 65 announces a third bitmap, {words}", change, likely)
            return
    else:
        yield from _always_both(message, suspect, one, bits[1], behind + e.size)
        two = []
    yield from _unannounced(message, suspect, [*one, *two])


def _always_both(
    message: bytes, suspect: Suspect, one: list[int], second: list[int] | None, at: int
) -> Iterator[tuple[str, Setting, float]]:
    """A second bitmap that bit 1 does not announce. An empty one has no other reason than that the peer sends 16 bytes in every
    message (moov's `"length": 16` does): a dialect can say so. One that announces something may be a forgotten bit."""
    two = [n + 64 for n in second or () if n > 1]
    likely = _reads(message, suspect, [*one, *two], at)
    always = Setting("dialect file", '"bitmaps": "both" in its "dialect"')
    if not two:
        words = (
            "a second bitmap follows, which is empty and which bit 1 does not announce: as where every message has both"
        )
        if second is not None and likely > _LIKELY_MIN:
            yield words, always, likely
        return
    change = (
        f"set bit 1 where a second bitmap is sent; of one that always sends both, our {always.where} says {always.text}"
    )
    yield from _said("a second bitmap follows, and bit 1 does not announce it", change, likely)


def _unannounced(message: bytes, suspect: Suspect, numbers: list[int]) -> Iterator[tuple[str, Setting, float]]:
    """An element that is there, and no bit says so."""
    table, read = suspect.spoken.table, suspect.read
    last = read.error.field if read.error is not None else ""
    upto = int(last) if last.isdecimal() else 128
    for number in range(2, 129):
        key = str(number)
        later = [n for n in numbers if n > number]
        if key not in _OFTEN or number in numbers or key not in table.elements or not (later or number > upto):
            continue
        if number > upto or (later and str(later[0]) not in read.starts):
            continue
        place = read.starts[str(later[0])]
        before = {n for n in numbers if n < number}
        likely = _reads(message, suspect, [number, *later], place, before) * _UNANNOUNCED
        words = f"DE{key} is there, and bit {key} does not announce it"
        yield from _said(words, f"set bit {key}, or leave DE{key} out", likely)


def _said(words: str, change: str, likely: float) -> Iterator[tuple[str, Setting, float]]:
    """It, where it is likely; `change`: what the peer is to do."""
    if likely > _LIKELY_MIN:
        yield words, Setting("peer", change), likely


def _reads(message: bytes, suspect: Suspect, numbers: list[int], at: int, before: set[int] | None = None) -> float:
    """How likely a message is that has these elements from `at` on, to its last byte; 0: it does not come out even."""
    table = suspect.spoken.table
    keys = [str(number) for number in numbers]
    if not keys or not all(key in table.elements for key in keys):
        return 0.0
    rest = Rest(message, table, keys, Budget()).read(0, at)
    if rest is None:
        return 0.0
    kept = {
        k: v for k, v in suspect.read.document.items() if k == DE.MTI or (before and k.isdecimal() and int(k) in before)
    }
    document = {**kept, **rest}
    return likeliness(document, suspect.spoken.dialect.version) if plausibility(document) > _PLAUSIBLE_MIN else 0.0


def _bits(chunk: bytes, suspect: Suspect) -> list[int] | None:
    """The bits of a bitmap; None: it is none."""
    reader = Reader(suspect.spoken.table, chunk)
    e = suspect.spoken.table.elements["p"]
    try:
        raw = reader.take(e, e.size, "a bitmap")
        digits = reader.text(e, e.text, raw, 0) if e.text else raw.hex()
        value = int(digits, 16)
    except (DecodeError, ValueError):
        return None
    return [n for n in range(1, 65) if value >> (64 - n) & 1]
