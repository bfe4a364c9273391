"""One element of a message read in another form, and how likely what comes of it is."""

from typing import Final, NamedTuple

import msgspec

from switch.doctor.forms import LATIN, Form
from switch.doctor.plausible import likeliness, looks_right
from switch.doctor.suspects import Rest, Suspect
from switch.wire import DecodeError, Document
from switch.wire.careful import Reader

ODD_VALUE: Final = 0.8
"""what the new value's not looking like one takes from a form"""
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
    document = {**before, **reader.document, **behind}
    key = form.element.key
    value = document[key]
    if form.element.text is LATIN and value.isascii():
        return None
    if not value and not form.element.size:
        del document[key]
    likely = likeliness(document, suspect.spoken.dialect.version) * form.prior
    if value and not looks_right(key, value):
        likely *= ODD_VALUE
    return Fault(key, form, start, reader.pos, value, likely) if likely > LIKELY_MIN else None


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
