"""Read a jPOS packager that is written in Java or Kotlin: an array of field packagers, the field's number being its place.

Only what such a file lists is read, not what its code does: a field that is made by anything but `new CLASS(length, "name",
pad)` is refused by its place, and subfields are kept whole.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from switch.dialects import jpos
from switch.dialects.foreign import BYTES_MAX, Brought, Wanted, whole
from switch.dialects.jpos_field import Field

_TOKEN: Final = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.DOTALL)
_ARRAY: Final = re.compile(
    r"\bISOFieldPackager\b[^;{}=()]*=\s*(?:new\s+ISOFieldPackager\s*\[\s*\]\s*)?(\{)"
    r"|(?:\bISOFieldPackager\b[^;{}=()]*=|\b(?:val|var)\s+\w+\s*=)\s*arrayOf\w*\s*(?:<[^>()]*>)?\s*(\()"
    r"|\bnew\s+ISOFieldPackager\s*\[\s*\]\s*(\{)"
)
_PLACED: Final = re.compile(r"\b\w+\s*\[\s*(\d{1,3})\s*\]\s*=\s*(?=(?:new\s+)?[\w.]*\bIF\w+\s*\()")
_CALL: Final = re.compile(r"\s*(?:new\s+)?([\w.]+)\s*\(")
_CONSTANT: Final = re.compile(r"\b(?:boolean|Boolean|int|val)\s+(\w+)\s*(?::\s*\w+\s*)?=\s*(true|false|\d{1,6})\b")
_STRING: Final = re.compile(r'"((?:\\.|[^"\\\n])*)"')
_WHOLE: Final = ("ISOMsgFieldPackager", "ISOMsgFieldValidatingPackager")
_CLOSES: Final = {"{": "}", "(": ")", "[": "]"}


class _Piece(NamedTuple):
    """A part of the source."""

    start: int
    end: int


class _Source:
    """A file's text without its comments, and the same with its strings blank, so that places are the same in both."""

    def __init__(self, text: str) -> None:
        self.text = _TOKEN.sub(lambda m: _blank(m[0]) if m[0].startswith("/") else m[0], text)
        self.plain = _TOKEN.sub(lambda m: m[0] if m[0].startswith("/") else f'"{_blank(m[0][1:-1])}"', self.text)
        self.constants = {m[1]: m[2] for m in _CONSTANT.finditer(self.plain)}

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a place."""
        before = self.text[:offset]
        return before.count("\n") + 1, offset - before.rfind("\n")

    def parts(self, start: int) -> list[_Piece]:
        """What stands between the bracket at `start` and the one that closes it, at its commas. Nothing: none closes it."""
        found: list[_Piece] = []
        waiting, began = [_CLOSES[self.plain[start]]], start + 1
        for at in range(start + 1, len(self.plain)):
            c = self.plain[at]
            if c in _CLOSES:
                waiting.append(_CLOSES[c])
            elif c == waiting[-1]:
                waiting.pop()
                if not waiting:
                    return [*found, _Piece(began, at)]
            elif c == "," and len(waiting) == 1:
                found.append(_Piece(began, at))
                began = at + 1
        return []


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def is_java(content: bytes) -> bool:
    """True for source that lists jPOS's field packagers."""
    fields = re.search(rb"\bIF[ABE]?[A-Z]*_\w+\s*\(", content) is not None
    return fields and (b"ISOFieldPackager" in content or b"ISOBasePackager" in content)


def read(source: str, content: bytes, wanted: Wanted) -> Brought:
    """The dialect a packager's source lists. `source` names the file in mistakes."""
    if len(content) > BYTES_MAX:
        return Brought("", (whole(source, f"more than {BYTES_MAX} bytes: no packager"),), ())
    text = content.decode("utf-8", "replace")
    java = _Source(text)
    reading = jpos.Reading(source, text.split("\n"))
    root = Field({}, 1, 1)
    for number, piece in _listed(java):
        said = java.text[piece.start : piece.end]
        if said.strip() in ("", "null"):
            continue
        field = _field(java, number, piece)
        if isinstance(field, str):
            line, column = java.place(piece.start + len(said) - len(said.lstrip()))
            reading.mistake(line, column, f"field {number}: {field}")
        else:
            root.inside.append(field)
    if not root.inside and not reading.mistakes:
        mistake = whole(
            source, "no list of field packagers: expected ISOFieldPackager fld[] = { new IFA_NUMERIC(4, …), … }"
        )
        return Brought("", (mistake,), ())
    return jpos.brought(source, reading, root, wanted, "packager class")


def _listed(java: _Source) -> Iterator[tuple[int, _Piece]]:
    """The fields by number: of the first array with a bitmap, of the first array, or those that are put into their places."""
    arrays = [java.parts(match.start(match.lastindex or 0)) for match in _ARRAY.finditer(java.plain)]
    arrays = [pieces for pieces in arrays if len(pieces) > 1]
    chosen = next((a for a in arrays if "BITMAP" in java.plain[a[1].start : a[1].end]), arrays[0] if arrays else None)
    if chosen is not None:
        yield from enumerate(chosen)
        return
    for match in _PLACED.finditer(java.plain):
        call = _CALL.match(java.plain, match.end())
        parts = java.parts(call.end() - 1) if call else []
        if parts:
            yield int(match[1]), _Piece(match.end(), parts[-1].end + 1)


def _field(java: _Source, number: int, piece: _Piece) -> Field | str:
    """A field as an XML file would say it, or what is wrong."""
    call = _CALL.match(java.plain, piece.start, piece.end)
    parts = java.parts(call.end() - 1) if call else []
    if call is None or not parts or java.text[parts[-1].end + 1 : piece.end].strip():
        found = " ".join(java.text[piece.start : piece.end].split())[:40]
        return f"expected new CLASS(length, name), found {found}"
    name = call[1].rpartition(".")[2]
    line, column = java.place(call.start() + len(call[0]) - len(call[0].lstrip()))
    if name in _WHOLE:
        inner = _field(java, number, parts[0])
        if isinstance(inner, Field):
            inner.attributes["packager"] = " ".join(
                java.text[parts[-1].start : parts[-1].end].replace("new ", "").split()
            )
            inner.tag = "isofieldpackager"
        return inner
    said = [java.text[part.start : part.end].strip() for part in parts]
    attributes = {"id": str(number), "class": name, "length": "0", "name": ""}
    for argument in said:
        value = java.constants.get(argument, argument)
        if argument.startswith('"'):
            attributes["name"] = "".join(_STRING.findall(argument))
        elif value in ("true", "false"):
            attributes["pad"] = value
        elif value.isascii() and value.isdecimal():
            attributes["length"] = value
        elif argument:
            return f"{name}: {argument[:40]} is neither a number, a name nor true or false"
    return Field(attributes, line, column, "isofield")
