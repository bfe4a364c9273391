"""What bringing in a file of another system's makes: a dialect file of ours, and what of it did not come along."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from switch.config.mistakes import Mistake
from switch.dialects.files import dump
from switch.dialects.lint import overfull
from switch.wire import Dialect, DialectError
from switch.wire.vocabulary import SENSITIVE

BYTES_MAX: Final = 4_000_000
"""A larger file is no packager definition."""
THIRD_BITMAP: Final = 65
NO_THIRD_BITMAP: Final = (
    "a third bitmap, of elements 129 to 192: no dialect has them, and a message with bit 65 is refused"
)

_NO_HEADER: Final = {"desc": "Header", "content": "b", "data_enc": "b", "len_enc": "b", "len_type": 0, "max_len": 0}


class Brought(msgspec.Struct, frozen=True):
    """A file brought in. `text` is "" where `mistakes` stand in the way."""

    text: str
    mistakes: tuple[Mistake, ...]
    """what no dialect can say; the file is refused for them unless they may be left out"""
    notes: tuple[Mistake, ...]
    """what came along differently: worth a look"""


class Wanted(msgspec.Struct, frozen=True):
    """What a foreign file does not say, and a dialect must."""

    name: str
    framing: str = "length2"
    header_bytes: int = 0
    version: str = "0"
    skip: bool = False
    """leave out elements that cannot be said, with a note, instead of refusing the file"""
    schema: str = ""
    text: bool | None = None
    """of formats that do not say it: True, all is text; False, numbers are BCD and bytes raw; None: text, and that is told"""
    raw_bitmap: bool = False
    """the bitmaps are raw where all else is text; of the same formats"""
    family: str = ""
    """whose private elements and forms these are; "": its own, which no link can speak yet"""


def finish(
    source: str, wanted: Wanted, title: str, about: str, elements: Mapping[str, Mapping[str, Any]],
    mistakes: list[Mistake], notes: list[Mistake], *, both: bool = False, header: str = "",
) -> Brought:  # fmt: skip
    """The dialect of these elements (t, p, 1, 2 …; h where it is not bytes), checked by loading it.

    Mistakes turn into notes where `wanted.skip`. `both`: its bitmap always has 16 bytes. `header`: of what is no answer.
    """
    if wanted.skip:
        mistakes, notes = [], [*notes, *mistakes]
    made: dict[str, dict[str, Any]] = {"h": {**_NO_HEADER, "max_len": wanted.header_bytes}}
    made |= {key: dict(value) for key, value in elements.items()}
    for key in ("t", "p", "1"):
        if key not in made:
            mistakes.append(whole(source, {"t": "no MTI (field 0)", "p": "no bitmap (field 1)"}.get(key, "")))
    for key in SENSITIVE & made.keys():
        made[key]["sensitive"] = True
    if mistakes:
        return Brought("", tuple(m for m in mistakes if m.message), tuple(notes))
    head = {
        "name": wanted.name, "title": title, "family": wanted.family or wanted.name, "version": wanted.version,
        "framing": wanted.framing, "about": about,
    }  # fmt: skip
    if both:
        head["bitmaps"] = "both"
    if header:
        head["header"] = header
    try:
        dialect = Dialect.from_spec({"dialect": head, **made}, source)
    except DialectError as error:
        return Brought("", tuple(whole(source, said) for said in error.mistakes), tuple(notes))
    for key, total, size in overfull(dialect):
        del made[key]["subfields"]
        notes.append(
            whole(source, f"field {key}: its subfields are left out: they take {total} characters, and it has {size}")
        )
    text = dump(head, made, wanted.schema)
    if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
        return Brought("", (whole(source, "half a surrogate pair in a name, which no file can hold"),), tuple(notes))
    return Brought(text, (), tuple(notes))


def whole(source: str, message: str, hint: str = "") -> Mistake:
    """A mistake of a file as a whole."""
    return Mistake(file=source, line=0, column=0, width=1, message=message, hint=hint)
