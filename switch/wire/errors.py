"""What a dialect, a message or a document got wrong: which field, which byte, what was expected, what was found.

Rule: an error's text is fit for a log. Bytes of sensitive elements and the middle of a PAN are not in it; the partial
document beside it (`document`) is the message's own data, and is not.
"""

from switch.wire.vocabulary import HEAD_LABELS, Document, label_of


class DialectError(ValueError):
    """A dialect file that cannot be used. `mistakes` has every one found: where, what is wrong, what was expected.

    `places` has each mistake's path in the file beside it, `("4", "max_len")`; () where it is the file as a whole.
    """

    def __init__(
        self, source: str, mistakes: tuple[str, ...], places: tuple[tuple[str | int, ...], ...] | None = None
    ) -> None:
        self.source = source
        self.mistakes = mistakes
        self.places = places if places is not None else ((),) * len(mistakes)
        super().__init__(
            "\n  ".join((f"dialect {source}:", *mistakes)) if len(mistakes) > 1 else f"{source}: {mistakes[0]}"
        )


class CodecError(ValueError):
    """What `DecodeError` and `EncodeError` share; `str()` of it is one line."""

    place = "byte"

    def __init__(
        self, dialect: str, field: str, name: str, offset: int, expected: str, found: str, document: Document
    ) -> None:
        self.dialect = dialect
        self.field = field
        """key of the element in a document; "" where the mistake is no single element's"""
        self.name = name
        """the element's name in the dialect; "" where the dialect has none"""
        self.offset = offset
        self.expected = expected
        self.found = found
        self.document = document
        super().__init__(dialect, field, name, offset, expected, found, document)

    @property
    def mti(self) -> str:
        """The message's MTI, "" if it is not known."""
        mti = self.document.get("t", "")
        return mti if isinstance(mti, str) else ""

    def __str__(self) -> str:
        is_element = self.field in HEAD_LABELS or self.field.isdecimal()
        where = label_of(self.field) if is_element else self.field or "message"
        if self.name and self.field not in HEAD_LABELS:
            where = f"{where} ({self.name})"
        who = f"{self.dialect} {self.mti}" if self.mti and self.field != "t" else self.dialect
        return f"{who} {where} at {self.place} {self.offset}: expected {self.expected}, found {self.found}"


class DecodeError(CodecError):
    """Bytes that are no message of the dialect. `offset`: the wrong byte, counted from 0 at the message's first byte (the
    header's, where there is one). `document`: what was decoded before it."""


class EncodeError(CodecError):
    """A document that is no message of the dialect. `offset`: the wrong character of the element's value, from 0.
    `document`: the document as given."""

    place = "character"
