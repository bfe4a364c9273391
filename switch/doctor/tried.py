"""One element of a message read in another form, and how likely what comes of it is."""

from typing import Final, NamedTuple

import msgspec

from switch.doctor import elsewhere
from switch.doctor.forms import LATIN, Form
from switch.doctor.plausible import is_ebcdic, likeliness, looks_right, odds, plausibility
from switch.doctor.suspects import Rest, Suspect
from switch.wire import DecodeError, Document
from switch.wire.careful import Reader

ODD_VALUE: Final = 0.8
"""what the new value's not looking like one takes from a form"""
_SHORTENED: Final = 0.5
"""how often a value that is cut off looks right by chance"""
_FILLED_BEFORE: Final = 0.8
"""how often a longer value has what is too much before it, beside behind it"""
LIKELY_MIN: Final = 0.45


class Fault(NamedTuple):
    """An element in another form, by which a message comes right."""

    key: str
    form: Form
    start: int
    """of the element, in what was looked at"""
    end: int
    value: str
    likely: float
    """0 to 1, on its own"""
    rank: float
    """0 to 1, beside other explanations of the same bytes: how often a real message, changed so, looks like this one"""
    other: "Fault | None" = None
    """a second element that is in another form, too"""


def try_form(
    suspect: Suspect, message: bytes, rest: Rest, index: int, start: int, form: Form, before: Document
) -> Fault | None:
    """The message with one element in another form; None where the rest does not come right."""
    reader = Reader(suspect.spoken.table, message)
    reader.pos = start
    try:
        read_form(reader, form)
    except DecodeError:
        return None
    behind = rest.read(index + 1, reader.pos)
    if behind is None:
        return None
    key = form.element.key
    value = reader.document[key]
    said = suspect.spoken.table.elements.get(key, form.element)
    if form.element.text is LATIN is not said.text and (value.isascii() or is_ebcdic(value)):
        return None
    judged, share = meant(form, value, said.digits)
    document = {**before, **behind, **({key: judged} if judged else {})}
    likely = likeliness(document, suspect.spoken.dialect.version) * form.prior
    if judged and not looks_right(key, judged):
        likely *= ODD_VALUE
    if likely <= LIKELY_MIN:
        return None
    return Fault(key, form, start, reader.pos, value, likely, form.prior * share * plausibility(document))


def meant(form: Form, value: str, digits: int) -> tuple[str, float]:
    """What of a value in another form is to be judged, and how often there is such a form around it.

    `digits`: characters it has as the dialect says. What is longer is a value that looks right, and something behind it or
    before it.
    """
    e = form.element
    if e.length_bytes or e.digits == digits or not value:
        return value, 1.0
    met = elsewhere.told(e.key, value, digits)
    if e.digits < digits:
        return "", _SHORTENED
    first, last = value[:digits], value[-digits:]
    behind, before = odds(e.key, first), _FILLED_BEFORE * odds(e.key, last)
    return (first, 1.0) if behind >= before * met else (last, _FILLED_BEFORE * met)


def read_form(reader: Reader, form: Form) -> None:
    """One element in another form; with a `bias`, so much longer than its length says."""
    e = form.element
    if not form.bias:
        reader.element(e)
        return
    n = reader.length(e) + form.bias
    if n < 1:
        raise reader.fail(e.key, reader.pos, "a length", str(n))
    reader.element(msgspec.structs.replace(e, length_bytes=0, size=n))
