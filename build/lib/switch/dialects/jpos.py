"""Read a jPOS GenericPackager XML file as a dialect.

XML is a risk of its own: a document may define entities that grow without bound or name other files. A DOCTYPE that only names
jPOS's DTD is passed over, nothing is fetched; one that holds declarations of its own is refused, and so is any entity.
"""

from typing import Any
from xml.parsers import expat

import msgspec

from switch.config.mistakes import Mistake, did_you_mean
from switch.dialects.foreign import BYTES_MAX, Brought, Wanted, finish, whole
from switch.dialects.jpos_attributes import ELEMENTS_MAX, KNOWN, of_field, of_packager
from switch.dialects.jpos_classes import Kind, UnlikeError, describe, element, largest
from switch.dialects.jpos_field import Field
from switch.dialects.jpos_subfields import annotation

_TAGS = tuple(KNOWN)
_SHORT_BITMAP = 8
"""Bytes of a bitmap field that has no second one."""


class RefusedError(Exception):
    """The document is none that is read here. `str()`: why."""


class _Document:
    """The fields of a file, as expat reads it."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.EntityDeclHandler = self._entity
        self.parser.SkippedEntityHandler = self._entity
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.root = Field({}, 0, 0)
        self.stack: list[Field] = []
        self.unknown: list[tuple[str, int, int]] = []

    def _doctype(self, name: str, system: str | None, public: str | None, internal: bool) -> None:
        del name, system, public
        if internal:
            raise RefusedError("the DOCTYPE holds declarations of its own; leave only its name, or the DOCTYPE out")

    def _entity(self, *args: object) -> None:
        raise RefusedError(f"the entity {args[0]!r}: entities are not read")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        line, column = self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1
        if name not in _TAGS:
            self.unknown.append((name, line, column))
        field = Field(dict(attributes), line, column, name)
        if not self.stack:
            if name != "isopackager":
                raise RefusedError(f"expected <isopackager>, found <{name}>")
            self.root = field
        elif name in _TAGS:
            self.stack[-1].inside.append(field)
        self.stack.append(field)

    def _end(self, name: str) -> None:
        del name
        self.stack.pop()


def read(source: str, content: bytes, wanted: Wanted) -> Brought:
    """The dialect a jPOS packager file describes. `source` names the file in mistakes."""
    if len(content) > BYTES_MAX:
        return Brought("", (whole(source, f"more than {BYTES_MAX} bytes: no packager file"),), ())
    document = _Document()
    lines = content.decode("utf-8", "replace").split("\n")
    try:
        document.parser.Parse(content, True)
    except expat.ExpatError as error:
        said = expat.ErrorString(error.code)
        return Brought("", (_at(source, lines, error.lineno, error.offset + 1, f"no XML: {said}"),), ())
    except RefusedError as error:
        place = document.parser.CurrentLineNumber, document.parser.CurrentColumnNumber + 1
        return Brought("", (_at(source, lines, *place, str(error)),), ())
    reading = _Reading(source, lines)
    for name, line, column in document.unknown:
        reading.mistake(line, column, f"<{name}> is no part of a packager file", did_you_mean(name, _TAGS))
    reading.packager(document.root)
    header = document.root.number("headerLength")
    if header > 0 and not wanted.header_bytes:
        wanted = msgspec.structs.replace(wanted, header_bytes=header)
    about = f"Brought in from the jPOS packager file {source.rpartition('/')[2]}."
    title = f"jPOS packager {source.rpartition('/')[2]}"
    return finish(source, wanted, title, about, reading.elements, reading.mistakes, reading.notes)


class _Reading:
    """Elements made of fields, and what was found on the way."""

    def __init__(self, source: str, lines: list[str]) -> None:
        self.source = source
        self.lines = lines
        self.elements: dict[str, dict[str, Any]] = {}
        self.mistakes: list[Mistake] = []
        self.notes: list[Mistake] = []
        self.last = ELEMENTS_MAX
        """the last element the packager has"""

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
        self.mistakes.append(_at(self.source, self.lines, line, column, message, hint))

    def note(self, field: Field, message: str) -> None:
        self.notes.append(_at(self.source, self.lines, field.line, field.column, message))

    def field(self, field: Field) -> None:
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
        sizes = (4,) if number == 0 else (16, _SHORT_BITMAP)
        data = ("ascii", "latin", "ebcdic", "bcd") if number == 0 else ("raw", "hex", "ebcdic-hex")
        if size in sizes and not kind.prefix and kind.data in data:
            return True
        said = "an MTI of 4 digits" if number == 0 else "a bitmap of 16 bytes, or 8"
        self.mistake(field.line, field.column, f"field {number}: expected {said}, found {field.class_name} of {size}")
        return False

    def _add(self, field: Field, number: int, size: int, kind: Kind) -> None:
        name = field.attributes.get("name", "").strip() or f"Field {number}"
        pad = field.flag("pad")
        if number < 2 and not self._outer(field, number, size, kind):
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
        if made["max_len"] == 0:
            self.mistake(field.line, field.column, f"field {number}: length: expected a number above 0, found 0")
            return
        if made["max_len"] > largest(made):
            what = f"{field.class_name} has room for {largest(made)}"
            self.mistake(field.line, field.column, f"field {number}: length: {size} is too long: {what}")
            return
        if kind.note and kind.note != "nibbles":
            self.note(field, f"field {number}: {kind.note}")
        if field.inside or "packager" in field.attributes:
            found, why = annotation(field, kind)
            if found is None:
                why = f"its subfields are left out: {why}"
            else:
                made["subfields"] = found
            if why:
                self.note(field, f"field {number}: {why}")
        self.elements[key] = made


def _at(source: str, lines: list[str], line: int, column: int, message: str, hint: str = "") -> Mistake:
    snippet = lines[line - 1].rstrip("\r")[:120] if 0 < line <= len(lines) else ""
    return Mistake(
        file=source,
        line=line,
        column=min(column, len(snippet) + 1),
        width=1,
        message=message,
        hint=hint,
        snippet=snippet,
    )
