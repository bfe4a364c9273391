"""Read XML that somebody else wrote, as elements with their places.

XML is a risk of its own: a document may define entities that grow without bound or name other files. Nothing is fetched, and any
entity is refused; a DOCTYPE that only names a DTD is passed over, and one that holds what a DTD holds (elements and attributes)
is read as such.
"""

import re
from collections.abc import Callable
from typing import Final, Generic, Self, TypeVar
from xml.parsers import expat

from switch.config.mistakes import Mistake

DEPTH_MAX: Final = 32
_ENCODING: Final = re.compile(rb"\s*<\?xml\s[^>]*?encoding\s*=\s*[\"']([A-Za-z][\w.-]*)[\"']")
_EXPATS: Final = ("utf-8", "utf-16", "iso-8859-1", "us-ascii")
"""Character sets that expat reads by itself."""


class Node:
    """An XML element and where it stands."""

    def __init__(self, attributes: dict[str, str], line: int, column: int, tag: str) -> None:
        self.attributes = attributes
        self.line = line
        self.column = column
        self.tag = tag
        self.inside: list[Self] = []
        self.text = ""
        """what stands in it that is no element"""

    def said(self, key: str) -> str:
        """An attribute without the white space around it; "": there is none."""
        return self.attributes.get(key, "").strip()

    def number(self, key: str, default: int = -1) -> int:
        """An attribute that is a number; -1: it is no number; `default`: there is none."""
        if key not in self.attributes:
            return default
        value = self.said(key)
        return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else -1


class RefusedError(Exception):
    """The document is none that is read here. `str()`: why."""


N = TypeVar("N", bound=Node)


class _Document(Generic[N]):
    """The elements of a file, as expat reads it."""

    def __init__(self, kind: Callable[[dict[str, str], int, int, str], N], root: str) -> None:
        self.parser = expat.ParserCreate()
        self.parser.EntityDeclHandler = self._declared
        self.parser.SkippedEntityHandler = self._skipped
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.kind = kind
        self.name = root
        self.root: N | None = None
        self.stack: list[N] = []

    def _declared(self, name: str, *rest: object) -> None:
        del rest
        raise RefusedError(
            f"the DOCTYPE declares the entity {name!r}: entities are not read; leave the declaration out"
        )

    def _skipped(self, name: str, *rest: object) -> None:
        del rest
        raise RefusedError(f"the entity {name!r}: entities are not read")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        line, column = self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1
        node = self.kind(dict(attributes), line, column, name)
        if self.root is None:
            if self.name and name != self.name:
                raise RefusedError(f"expected <{self.name}>, found <{name}>")
            self.root = node
        elif self.stack:
            self.stack[-1].inside.append(node)
        if len(self.stack) >= DEPTH_MAX:
            raise RefusedError(f"elements within each other more than {DEPTH_MAX} deep")
        self.stack.append(node)

    def _end(self, name: str) -> None:
        del name
        self.stack.pop()

    def _characters(self, text: str) -> None:
        if self.stack:
            self.stack[-1].text += text


def read(
    source: str, content: bytes, lines: list[str], kind: Callable[[dict[str, str], int, int, str], N], root: str
) -> N | Mistake:
    """The outermost element, which must be called `root` ("": as it likes), or why there is none. `source` names the file."""
    document = _Document(kind, root)
    try:
        document.parser.Parse(_decoded(content), True)
    except expat.ExpatError as error:
        return at(source, lines, error.lineno, error.offset + 1, f"no XML: {expat.ErrorString(error.code)}")
    except RefusedError as error:
        place = document.parser.CurrentLineNumber, document.parser.CurrentColumnNumber + 1
        return at(source, lines, *place, str(error))
    if document.root is None:  # pragma: no cover - expat says "no element found"
        return at(source, lines, 1, 1, "no element")
    return document.root


def _decoded(content: bytes) -> bytes | str:
    """The text of a document in a character set that expat has not, such as GBK; else its bytes. RefusedError: nobody has it."""
    match = _ENCODING.match(content)
    if match is None:
        return content
    name = match[1].decode("ascii")
    try:
        return content if name.casefold() in _EXPATS else content.decode(name)
    except LookupError:
        raise RefusedError(f"the encoding {name!r} is none that is known here: save the file as UTF-8") from None
    except UnicodeError as error:
        raise RefusedError(f"not {name}, as the file says it is: {error}") from None


def at(source: str, lines: list[str], line: int, column: int, message: str, hint: str = "") -> Mistake:
    """A mistake with its line."""
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
