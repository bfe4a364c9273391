"""Two elements that have other forms than the dialect says, at once.

Theory of operation. From the front, one element after another is read: as the dialect says, and (one of them) in each other form
it may have; what is kept are the places reached, each with the likeliest elements that lead there. From the back, the places
are known from which all that follows comes out even. Where a second element in another form leads from one to the other, both
explain the message. The work is bounded by `STEPS_MAX`, some tens of milliseconds.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from switch.doctor.forms import LATIN, Form, forms
from switch.doctor.plausible import looks_right, odds
from switch.doctor.suspects import Budget, Rest, Suspect
from switch.doctor.tried import ODD_VALUE, Fault, meant, read_form, try_form
from switch.wire import DecodeError, Document
from switch.wire.careful import Reader
from switch.wire.element import Element

STEPS_MAX: Final = 200_000
"""forms of elements tried, over all"""
PLACES_MAX: Final = 40
"""kept an element, the likeliest"""
WAYS_MAX: Final = 8
"""kept a place"""
PRIOR_MIN: Final = 0.5
PAIR: Final = 0.8
"""what a second fault takes from a first"""
SELDOM: Final = 0.1
"""how often two elements are wrong, beside one"""
FOUND_MAX: Final = 12
SPARED: Final = 0.02
"""of the likeliest place; what is less likely is not gone on from"""


class _Reached(NamedTuple):
    """A place reached with one element in another form."""

    first: Fault
    document: Document
    """what was read on the way"""
    rank: float
    """of what was read behind the first element's front"""


_Places = dict[int, list[_Reached]]


def pairs(data: bytes, suspect: Suspect, most: int = FOUND_MAX) -> list[Fault]:
    """The `most` likeliest two elements that, both read otherwise, put the message right; each fault names its `other`."""
    keys = [str(number) for number in suspect.read.numbers]
    table = suspect.spoken.table
    if not keys or not all(key in table.elements for key in keys):
        return []
    message = data[: suspect.stop]
    found: dict[tuple[str, str], Fault] = {}
    for fault in _search(message, suspect, keys):
        assert fault.other is not None
        name = fault.key, fault.other.key
        if name not in found or fault.rank > found[name].rank:
            found[name] = fault
    return sorted(found.values(), key=lambda fault: -fault.rank)[:most]


def _search(message: bytes, suspect: Suspect, keys: list[str]) -> Iterator[Fault]:
    read, table = suspect.read, suspect.spoken.table
    rest = Rest(message, table, keys, Budget())
    habits = suspect.spoken.habits  # what is not there at all explains too much beside something else
    others = [
        [f for f in forms(table.elements[key], habits) if f.prior >= PRIOR_MIN and f.element.digits] for key in keys
    ]
    even = _even(message, [table.elements[key] for key in keys], suspect.at)
    reached: _Places = {}
    steps = STEPS_MAX
    plain: Document = {k: v for k, v in read.document.items() if k not in keys}
    for index, key in enumerate(keys):
        for place, ways in reached.items():
            steps -= len(others[index])
            if steps <= 0:
                return
            for form in others[index]:
                if _end(message, place, form) in even[index + 1]:
                    for way in ways:
                        yield from _both(suspect, message, rest, index, place, form, way)
        onward = _onward(message, suspect, reached, key)
        start = read.starts.get(key)
        if start is not None:
            for form in others[index]:
                _begin(message, suspect, start, form, plain, onward)
            if key in read.document:
                plain = plain | {key: read.document[key]}
        reached = _likeliest(onward)


def _both(
    suspect: Suspect, message: bytes, rest: Rest, index: int, place: int, form: Form, way: _Reached
) -> Iterator[Fault]:
    """Two faults, where all between and behind them comes right."""
    second = try_form(suspect, message, rest, index, place, form, way.document)
    if second is not None:
        first = way.first
        likely = second.likely * first.likely * PAIR
        yield first._replace(other=second, likely=likely, rank=SELDOM * first.rank * second.rank)


def _likeliest(onward: _Places) -> _Places:
    """The places to go on from."""
    if not onward:
        return onward
    ranked = sorted(onward.items(), key=lambda one: -one[1][0].rank)
    least = SPARED * ranked[0][1][0].rank
    return {place: ways for place, ways in ranked[:PLACES_MAX] if ways[0].rank >= least}


def _onward(message: bytes, suspect: Suspect, reached: _Places, key: str) -> _Places:
    """The places behind the next element, read as the dialect says."""
    onward: _Places = {}
    table = suspect.spoken.table
    for place, ways in reached.items():
        reader = Reader(table, message)
        reader.pos = place
        try:
            reader.element(table.elements[key])
        except DecodeError:
            continue
        share = odds(key, reader.document[key])
        for way in ways:
            _keep(onward, reader.pos, _Reached(way.first, way.document | reader.document, way.rank * share))
    return onward


def _begin(message: bytes, suspect: Suspect, start: int, form: Form, before: Document, onward: _Places) -> None:
    """A first element in another form."""
    reader = Reader(suspect.spoken.table, message)
    reader.pos = start
    try:
        read_form(reader, form)
    except DecodeError:
        return
    key = form.element.key
    value = reader.document.get(key, "")
    said = suspect.spoken.table.elements[key]
    if form.element.text is LATIN is not said.text and value.isascii():
        return
    judged, share = meant(form, value, said.digits)
    rank = form.prior * share
    odd = bool(judged) and not looks_right(key, judged)
    first = Fault(key, form, start, reader.pos, value, form.prior * (ODD_VALUE if odd else 1), rank)
    document = before | ({key: judged} if judged else {})
    _keep(onward, reader.pos, _Reached(first, document, rank * (odds(key, judged) if judged else 1.0)))


def _keep(places: _Places, place: int, way: _Reached) -> None:
    """One more way to a place, if it is among the likeliest, of those with one first element the likeliest."""
    ways = places.setdefault(place, [])
    same = next((n for n, one in enumerate(ways) if one.first.key == way.first.key), None)
    if same is not None:
        if way.rank > ways[same].rank:
            ways[same] = way
    else:
        ways.append(way)
    ways.sort(key=lambda one: -one.rank)
    del ways[WAYS_MAX:]


def _even(message: bytes, elements: list[Element], least: int) -> list[frozenset[int]]:
    """For each element, and the end: where it may begin so that it and all behind it come out even, as the dialect has them."""
    found = [frozenset({len(message)})]
    for e in reversed(elements):
        found.append(frozenset(start for end in found[-1] for start in _starts(message, e, end, least)))
    found.reverse()
    return found


def _starts(message: bytes, e: Element, end: int, least: int) -> Iterator[int]:
    """Where an element that ends there may begin."""
    if not e.length_bytes:
        if end - _bytes(e, e.size) >= least:
            yield end - _bytes(e, e.size)
        return
    for units in range(min(e.size, 2 * (end - least)) + 1):
        start = end - _bytes(e, units) - e.length_bytes
        if start < least:
            return
        if _said(message, start, e) == units:
            yield start


def _bytes(e: Element, units: int) -> int:
    return (units + 1) // 2 if e.nibbles else units


def _said(message: bytes, at: int, e: Element) -> int:
    """The length that stands there; -1: none does."""
    chunk = message[at : at + e.length_bytes]
    if e.length is None and not e.length_bcd:
        return int.from_bytes(chunk, "big") if len(chunk) == e.length_bytes else -1
    if e.length is None:
        digits = chunk.hex()
    else:
        digits = (chunk.translate(e.length.to_latin) if e.length.to_latin else chunk).decode("latin-1")
    return int(digits) if digits.isascii() and digits.isdecimal() else -1


def _end(message: bytes, at: int, form: Form) -> int:
    """Where an element that begins there ends in another form; -1: it cannot."""
    e = form.element
    if not e.length_bytes:
        return at + _bytes(e, e.size)
    units = _said(message, at, e)
    return at + e.length_bytes + _bytes(e, units + form.bias) if units + form.bias >= 0 and units >= 0 else -1
