"""What the families' translators share: a table of what is carried, and errors that name the element.

A table maps an element to how its value changes: None where it does not.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from switch.core.messages.internal import PRIVATE, Private48
from switch.wire import DecodeError, Dialect, EncodeError
from switch.wire.describe import start_of
from switch.wire.subfields import AnnotationError, Form, SubfieldError, form_of
from switch.wire.vocabulary import DE, Document

Table: TypeAlias = Mapping[str, Callable[[str], str] | None]

INTERNAL_ELEMENTS: Final = frozenset(map(str, range(2, 129)))
"""All an internal document may have beside its MTI."""

AMOUNTS_54: Final = 120
"""Longest DE54 of networks that take 6 additional amounts of 20 characters; the internal format takes 12."""


class UnreadableError(DecodeError):
    """An element whose inside cannot be read. `offset` counts from the element's first byte."""

    place = "byte of its data"

    def byte(self, dialect: Dialect) -> int:
        """Which byte of the message that is, from 0."""
        element = dialect.elements.get(self.field)
        wide = element is not None and element.text is not None and element.content == "b"  # two hex digits a byte
        return start_of(dialect, self.document, self.field) + self.offset * (1 + wide)


def table(plain: Iterable[str], **changed: Callable[[str], str]) -> dict[str, Callable[[str], str] | None]:
    """A table from the elements carried as they are and, as `DE22=…`, those that change."""
    made: dict[str, Callable[[str], str] | None] = {DE.MTI: None, **dict.fromkeys(plain)}
    made.update({de.removeprefix("DE"): change for de, change in changed.items()})
    return made


def carry(document: Document, by: Table) -> Document:
    """What of a document the table carries, in the document's order."""
    made: Document = {}
    for de, value in document.items():
        if de in by:
            change = by[de]
            made[de] = value if change is None else change(value)
    return made


def amounts_54(value: str) -> str:
    """As many additional amounts as fit."""
    return value[:AMOUNTS_54]


class Family:
    """Base of a family's translator: the dialect, its compiled subfields, errors."""

    needs: tuple[str, ...] = ()
    """elements whose `subfields` annotation the translation reads"""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.forms: dict[str, Form] = {}
        for de in self.needs:
            if de not in dialect.subfields:
                raise ValueError(f"dialect {dialect.name}: DE{de} needs a subfields annotation to be translated")
            try:
                self.forms[de] = form_of(dialect.subfields[de])
            except AnnotationError as error:
                raise ValueError(f"dialect {dialect.name}: DE{de}: subfields: {error}") from None

    def read(self, document: Document, de: str) -> dict[str, str]:
        """Subfields of a link document's element; empty where it is absent. Raises UnreadableError."""
        value = document.get(de)
        if not value:
            return {}
        try:
            return self.forms[de].read(value)
        except SubfieldError as error:
            name = f"{self.dialect.names.get(de, '')}, subfield {error.part or '?'}"
            raise self.unreadable(document, de, name, error.expected, "something else", error.offset) from None

    def private(self, document: Document) -> dict[str, str]:
        """Subelements of an internal document's DE48; empty where it is absent. EncodeError: it does not divide."""
        value = document.get(DE.PRIVATE_48)
        if not value:
            return {}
        try:
            return PRIVATE.read(value)
        except SubfieldError as error:
            raise self.unencodable(document, DE.PRIVATE_48, error.expected, "something else", error.offset) from None

    def unreadable(
        self, document: Document, de: str, name: str, expected: str, found: str, offset: int = 0
    ) -> UnreadableError:
        """The error of a link element that cannot be read."""
        return UnreadableError(self.dialect.name, de, name, offset, expected, found, document)

    def unencodable(self, document: Document, de: str, expected: str, found: str, offset: int = 0) -> EncodeError:
        """The error of an internal element that this link cannot say; unnamed, its number may mean something else there."""
        return EncodeError(self.dialect.name, de, "", offset, expected, found, document)


def put_private(
    internal: Document, eci: str, cavv: str, reference: str, result: str, cvv2: str, on_behalf: str = ""
) -> None:
    """Set the internal format's DE48 from what there is ("": absent)."""
    value = ""
    for key, text in (
        (Private48.ECI, eci),
        (Private48.CAVV, cavv),
        (Private48.REFERENCE, reference),
        (Private48.ON_BEHALF, on_behalf),
        (Private48.CVV2_RESULT, result),
        (Private48.CVV2, cvv2),
    ):
        if text:
            value += f"{key}{len(text):02d}{text}"
    if value:
        internal[DE.PRIVATE_48] = value
