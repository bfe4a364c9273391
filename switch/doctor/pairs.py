"""Two elements that have other forms than the dialect says, at once.

Theory of operation. From the front, one element after another is read: as the dialect says, and (one of them) in each other form
it may have; what is kept are the places reached, each with the likeliest element that leads there. From the back, the places
are known from which all that follows comes out even. Where a second element in another form leads from one to the other, both
explain the message. The work is bounded by `STEPS_MAX`, some tens of milliseconds.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from switch.doctor.forms import Form, forms
from switch.doctor.plausible import looks_right
from switch.doctor.suspects import Budget, Rest, Suspect
from switch.doctor.tried import ODD_VALUE, Fault, read_form, try_form
from switch.wire import DecodeError, Document
from switch.wire.careful import Reader
from switch.wire.element import Element

STEPS_MAX: Final = 40_000
"""forms of elements tried, over all"""
PLACES_MAX: Final = 64
"""kept an element, the likeliest"""
PRIOR_MIN: Final = 0.6
PAIR: Final = 0.8
"""what a second fault takes from a first"""
FOUND_MAX: Final = 3


class _Reached(NamedTuple):
    """A place reached with one element in another form."""

    first: Fault
    document: Document
    """what was read on the way"""


def pairs(data: bytes, suspect: Suspect) -> list[Fault]:
    """The likeliest two elements that, both read otherwise, put the message right; each fault names its `other`."""
    keys = [str(number) for number in suspect.read.numbers]
    table = suspect.spoken.table
    if not keys or not all(key in table.elements for key in keys):
        return []
    message = data[: suspect.stop]
    found: dict[tuple[str, str], Fault] = {}
    for fault in _search(message, suspect, keys):
        assert fault.other is not None
        name = fault.key, fault.other.key
        if name not in found or fault.likely > found[name].likely:
            found[name] = fault
    return sorted(found.values(), key=lambda fault: -fault.likely)[:FOUND_MAX]


def _search(message: bytes, suspect: Suspect, keys: list[str]) -> Iterator[Fault]:
    read, table = suspect.read, suspect.spoken.table
    rest = Rest(message, table, keys, Budget())
    habits = suspect.spoken.habits  # what is not there at all explains too much beside something else
    others = [
        [f for f in forms(table.elements[key], habits) if f.prior >= PRIOR_MIN and f.element.digits] for key in keys
    ]
    even = _even(message, [table.elements[key] for key in keys], suspect.at)
    reached: dict[int, _Reached] = {}
    steps = STEPS_MAX
    plain: Document = {k: v for k, v in read.document.items() if k not in keys}
    for index, key in enumerate(keys):
        for place, way in reached.items():
            for form in others[index]:
                steps -= 1
                if steps <= 0:
                    return
                if _end(message, place, form) not in even[index + 1]:
                    continue
                second = try_form(suspect, message, rest, index, place, form, way.document)
                if second is not None:
                    likely = second.likely * way.first.likely * PAIR
                    yield way.first._replace(other=second, likely=likely)
        onward = _onward(message, suspect, reached, key)
        start = read.starts.get(key)
        if start is not None:
            for form in others[index]:
                steps -= 1
                _begin(message, suspect, start, form, plain, onward)
            if key in read.document:
                plain = plain | {key: read.document[key]}
        kept = sorted(onward.items(), key=lambda one: -one[1].first.likely)[:PLACES_MAX]
        reached = dict(kept)


def _onward(message: bytes, suspect: Suspect, reached: dict[int, _Reached], key: str) -> dict[int, _Reached]:
    """The places behind the next element, read as the dialect says."""
    onward: dict[int, _Reached] = {}
    table = suspect.spoken.table
    for place, way in reached.items():
        reader = Reader(table, message)
        reader.pos = place
        try:
            reader.element(table.elements[key])
        except DecodeError:
            continue
        if looks_right(key, reader.document[key]):
            _keep(onward, reader.pos, _Reached(way.first, way.document | reader.document))
    return onward


def _begin(
    message: bytes, suspect: Suspect, start: int, form: Form, before: Document, onward: dict[int, _Reached]
) -> None:
    """A first element in another form."""
    reader = Reader(suspect.spoken.table, message)
    reader.pos = start
    try:
        read_form(reader, form)
    except DecodeError:
        return
    key = form.element.key
    value = reader.document.get(key, "")
    odd = bool(value) and not looks_right(key, value)
    first = Fault(key, form, start, reader.pos, value, form.prior * (ODD_VALUE if odd else 1))
    _keep(onward, reader.pos, _Reached(first, before | ({key: value} if value or form.element.size else {})))


def _keep(places: dict[int, _Reached], place: int, way: _Reached) -> None:
    there = places.get(place)
    if there is None or way.first.likely > there.first.likely:
        places[place] = way


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
