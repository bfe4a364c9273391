"""Read a jPOS GenericPackager XML file as a dialect."""

from typing import Any, Final

import msgspec

from switch.config.mistakes import Mistake, did_you_mean
from switch.dialects import markup
from switch.dialects.foreign import BYTES_MAX, NO_THIRD_BITMAP, THIRD_BITMAP, Brought, Wanted, finish, whole
from switch.dialects.jpos_attributes import ELEMENTS_MAX, KNOWN, in_other_letters, of_field, of_packager
from switch.dialects.jpos_classes import Kind, UnlikeError, describe, element, largest
from switch.dialects.jpos_field import Field
from switch.dialects.jpos_subfields import annotation, as_text

_TAGS: Final = tuple(KNOWN)
_VALIDATORS: Final = ("isofieldvalidator", "isovalidator")
"""of jPOS's GenericValidatingPackager"""
_LONG_BITMAP, _SHORT_BITMAP = 16, 8
"""Bytes of a bitmap field that has no second one."""


def read(source: str, content: bytes, wanted: Wanted) -> Brought:
    """The dialect a jPOS packager file describes. `source` names the file in mistakes."""
    if len(content) > BYTES_MAX:
        return Brought("", (whole(source, f"more than {BYTES_MAX} bytes: no packager file"),), ())
    lines = content.decode("utf-8", "replace").split("\n")
    root = markup.read(source, content, lines, Field, "isopackager")
    if not isinstance(root, Field):
        return Brought("", (root,), ())
    reading = Reading(source, lines)
    others = list(in_other_letters(root))
    if others:
        first, names = others[0][0], {stands: meant for _, stands, meant in others}
        said = f"{', '.join(names)}: XML tells capitals from small letters, and jPOS would not read these either"
        reading.mistake(first.line, first.column, said, f"write {', '.join(names.values())}")
        return Brought("", tuple(reading.mistakes), ())
    reading.sift(root)
    return brought(source, reading, root, wanted, "packager file")


def brought(source: str, reading: "Reading", root: Field, wanted: Wanted, what: str) -> Brought:
    """What the fields within `root` make; `what`: in a word, where they stand."""
    reading.packager(root)
    for found in (reading.mistakes, reading.notes):
        found.sort(key=lambda m: (m.line, m.column))
    header = root.number("headerLength")
    if header > 0 and not wanted.header_bytes:
        wanted = msgspec.structs.replace(wanted, header_bytes=header)
    name = source.rpartition("/")[2]
    about = f"Brought in from the jPOS {what} {name}."
    return finish(source, wanted, f"jPOS packager {name}", about, reading.elements, reading.mistakes, reading.notes)


class Reading:
    """Elements made of fields, and what was found on the way."""

    def __init__(self, source: str, lines: list[str]) -> None:
        self.source = source
        self.lines = lines
        self.elements: dict[str, dict[str, Any]] = {}
        self.mistakes: list[Mistake] = []
        self.notes: list[Mistake] = []
        self.last = ELEMENTS_MAX
        """the last element the packager has"""

    def sift(self, field: Field) -> None:
        """Leave the fields in a field; what else stands there is told."""
        kept = []
        for inner in field.inside:
            if inner.tag in _TAGS:
                kept.append(inner)
                self.sift(inner)
            elif inner.tag in _VALIDATORS:
                self.note(inner, f"<{inner.tag}>: what it checks is not checked here")
            else:
                said = f"<{inner.tag}> is no part of a packager file"
                self.mistake(inner.line, inner.column, said, did_you_mean(inner.tag, _TAGS))
        field.inside[:] = kept

    def packager(self, root: Field) -> None:
        """All that the file says."""
        for fault in of_packager(root):
            self.mistake(root.line, root.column, f"isopackager: {fault.message}", fault.hint)
        self.last = min(ELEMENTS_MAX, max(64, root.number("maxValidField", ELEMENTS_MAX)))
        bitmap = next((f for f in root.inside if f.number("id") == 1), None)
        if bitmap is not None and bitmap.number("length") == _SHORT_BITMAP:
            self.last = 64
        for field in root.inside:
            self.field(field)

    def mistake(self, line: int, column: int, message: str, hint: str = "") -> None:
        """Tell what stands in the way, at its place."""
        self.mistakes.append(markup.at(self.source, self.lines, line, column, message, hint))

    def note(self, field: Field, message: str) -> None:
        """Tell what comes along differently."""
        self.notes.append(markup.at(self.source, self.lines, field.line, field.column, message))

    def field(self, field: Field) -> None:
        """An element made of one field, or what is wrong with it."""
        number, size = field.number("id"), field.number("length")
        if not 0 <= number <= 128:
            self.mistake(field.line, field.column, f'id: expected 0 to 128, found "{field.attributes.get("id", "")}"')
            return
        where = f"field {number}"
        if field.class_name == "IF_NOP":
            self.note(
                field, f"{where}: IF_NOP: the dialect has no such element; a message that announces it is refused"
            )
            return
        if not self._attributes(field, where):
            return
        if number > self.last:
            self.mistake(
                field.line, field.column, f"{where}: the packager ends at {self.last} (maxValidField, or a bitmap of 8)"
            )
            return
        if size < 0:
            found = field.attributes.get("length", "")
            self.mistake(field.line, field.column, f'{where}: length: expected a whole number, found "{found}"')
            return
        try:
            kind = describe(field.class_name)
        except UnlikeError as error:
            self.mistake(field.line, field.column, f"{where}: class {field.class_name or 'missing'}: {error}")
            return
        self._add(field, number, size, kind)

    def _attributes(self, field: Field, where: str) -> bool:
        """Tell what is to be told of its attributes, and of those within it; False: one of them stands in the way."""
        right = True
        for fault in of_field(field):
            if fault.refused:
                self.mistake(field.line, field.column, f"{where}: {fault.message}", fault.hint)
                right = False
            else:
                self.note(field, f"{where}: {fault.message}")
        for inner in field.inside:
            if not self._attributes(inner, f"{where}, subfield {inner.attributes.get('id', '?')}"):
                right = False
        return right

    def _outer(self, field: Field, number: int, size: int, kind: Kind) -> bool:
        """True where MTI or bitmap is one that messages have; what is wrong is noted."""
        sizes = (4,) if number == 0 else (_LONG_BITMAP, _SHORT_BITMAP)
        data = ("ascii", "latin", "ebcdic", "bcd") if number == 0 else ("raw", "hex", "ebcdic-hex")
        if size in sizes and not kind.prefix and kind.data in data:
            return True
        said = "an MTI of 4 digits" if number == 0 else "a bitmap of 16 bytes, or 8"
        self.mistake(field.line, field.column, f"field {number}: expected {said}, found {field.class_name} of {size}")
        return False

    def _tell(self, field: Field, number: int, kind: Kind) -> None:
        """Note what its class says beside its form."""
        if kind.note and kind.note != "nibbles":
            self.note(field, f"field {number}: {kind.note}")
        if number == THIRD_BITMAP and "BITMAP" in field.class_name:
            self.note(field, f"field {number}: {NO_THIRD_BITMAP}")

    def _bounded(self, field: Field, number: int, size: int, made: dict[str, Any]) -> bool:
        """True where it has a size. More than its length can say never travels, whatever the file says: that is the most."""
        what, most = f"field {number}: length:", largest(made)
        if made["max_len"] == 0:
            self.mistake(field.line, field.column, f"{what} expected a number above 0, found 0")
            return False
        if made["max_len"] > most and not made["len_type"]:
            said = f"{what} {size} is too long: {field.class_name} has room for {most}"
            self.mistake(field.line, field.column, said)
            return False
        if made["max_len"] > most:
            self.note(field, f"{what} {size} behind {field.class_name}, which can say {most}: that is the most here")
            made["max_len"] = most
        return True

    def _add(self, field: Field, number: int, size: int, kind: Kind) -> None:
        name = field.attributes.get("name", "").strip() or f"Field {number}"
        pad = field.flag("pad")
        if number == 1 and size > _LONG_BITMAP and "BITMAP" in field.class_name:
            self.note(
                field, f"field 1: its length ({size}) leaves room for a third bitmap; a message with bit 65 is refused"
            )
            size = _LONG_BITMAP
        if number < 2 and not self._outer(field, number, size, kind):
            return
        kind = as_text(field, kind)
        if number == 1 and "p" in self.elements:
            self.mistake(field.line, field.column, "field 1 is given twice")
            return
        if number == 1:
            for key, desc in (("p", "Bitmap, Primary"), ("1", "Bitmap, Secondary")):
                self.elements[key] = element(key, kind, 16, pad=pad, desc=desc)
            return
        key = "t" if number == 0 else str(number)
        if key in self.elements:
            self.mistake(field.line, field.column, f"field {number} is given twice")
            return
        made = element(key, kind, size, pad=pad, desc=name)
        if not self._bounded(field, number, size, made):
            return
        self._tell(field, number, kind)
        if field.inside or "packager" in field.attributes:
            found, why = annotation(field, kind)
            if found is None:
                why = f"its subfields are left out: {why}"
            else:
                made["subfields"] = found
            if why:
                self.note(field, f"field {number}: {why}")
        self.elements[key] = made
