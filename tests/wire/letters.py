"""How others write letters where a dialect has ASCII: what a host's own library makes of the same document."""

from collections.abc import Callable
from functools import lru_cache

from switch.wire import Dialect, Document

Writer = Callable[[Dialect, Document], bytes]


def in_order(document: Document) -> Document:
    """A document in the order of the wire."""
    return dict(sorted(document.items(), key=lambda item: {"h": -2, "t": -1}.get(item[0]) or int(item[0])))


def latin(dialect: Dialect, document: Document) -> bytes:
    """ISO 8859-1, a byte a letter: jPOS."""
    return _in_latin(dialect.name).encode(document)


@lru_cache
def _in_latin(name: str) -> Dialect:
    return Dialect.load(f"{name}+latin-1")


def utf8_in_bytes(dialect: Dialect, document: Document) -> bytes:
    """UTF-8, and lengths count its bytes: moov-io, pyiso8583."""
    return latin(dialect, {de: value.encode().decode("latin-1") for de, value in document.items()})


def utf8_in_characters(dialect: Dialect, document: Document) -> bytes:
    """UTF-8, and lengths count characters, as j8583 has it (its issues 37 and 84), and who pads a string before it is encoded."""
    document = in_order(document)
    letters = [char for value in document.values() for char in value if not char.isascii()]
    without = dialect.encode(_marked(document, "x"))
    mark = next(chr(code) for code in range(1, 32) if code not in without)
    first, *rest = dialect.encode(_marked(document, mark)).split(mark.encode())
    return first + b"".join(letter.encode() + part for letter, part in zip(letters, rest, strict=True))


def utf8_in_units(dialect: Dialect, document: Document) -> bytes:
    """The same of Java, .NET and JavaScript, where `length` of an emoji is 2."""
    return utf8_in_characters(dialect, {de: _in_units(value) for de, value in document.items()}).replace(
        b"\xc2\x80", b""
    )


def _in_units(value: str) -> str:
    """With a sign of no width behind what counts two."""
    return "".join(char + ("\x80" if ord(char) > 0xFFFF else "") for char in value)


def _marked(document: Document, mark: str) -> Document:
    return {de: "".join(c if c.isascii() else mark for c in value) for de, value in document.items()}
