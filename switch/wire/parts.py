"""What every form of subfields has: its parts by key, and the error where a value does not divide into them."""

from collections.abc import Mapping
from typing import Final, Protocol

from switch.wire.annotation import Part

REST: Final = "rest"
"""Key of what stands behind the last part an annotation knows."""


class SubfieldError(ValueError):
    """A value that does not divide, or parts that make no value.

    `offset` counts characters of the value where parts are characters, bytes where the value is hex.
    """

    def __init__(self, part: str, offset: int, expected: str, found: str) -> None:
        shown = part if part.isprintable() else ascii(part)
        super().__init__(f"subfield {shown or '?'} at {offset}: expected {expected}, found {found}")
        self.part = part
        self.offset = offset
        self.expected = expected
        self.found = found


class Form(Protocol):
    """A compiled annotation."""

    @property
    def parts(self) -> Mapping[str, Part]:
        """Declared parts by id; a value may hold others."""

    def read(self, value: str) -> dict[str, str]:
        """The parts of an element's value, in wire order. SubfieldError: it does not divide."""

    def build(self, parts: Mapping[str, str]) -> str:
        """An element's value from its parts. SubfieldError: a part is too long, of the wrong kind or unknown."""

    @property
    def may_hold_secrets(self) -> bool:
        """True where a value may have parts that no log, file or screen shows; one that does not divide is shown nowhere then."""

    def secrets(self, found: Mapping[str, str]) -> frozenset[str]:
        """Keys of those among the parts of a value (`read`)."""

    def declared(self, key: str) -> Part | None:
        """What the annotation says of a part of a value (`42`, or `42#2` where it comes again); None: nothing."""


class Divided:
    """What the forms share: the declared parts, and which of a value's own are not to be shown."""

    def __init__(self, parts: dict[str, Part]) -> None:
        self.parts = parts

    @property
    def may_hold_secrets(self) -> bool:
        """See Form."""
        return any(part.sensitive for part in self.parts.values())

    def secrets(self, found: Mapping[str, str]) -> frozenset[str]:
        """See Form."""
        return frozenset(key for key in found if (part := self.declared(key)) is not None and part.sensitive)

    def declared(self, key: str) -> Part | None:
        """See Form."""
        return self.parts.get(key) or self.parts.get(key.rpartition("#")[0])


def unique(found: dict[str, str], key: str) -> str:
    """`key`, or `key#2`, `key#3` … where the value repeats it."""
    if key not in found:
        return key
    n = 2
    while f"{key}#{n}" in found:
        n += 1
    return f"{key}#{n}"


def hex_bytes(value: str, part: str = "") -> bytes:
    """Hex digits as bytes. SubfieldError, which names `part`: they are none."""
    try:
        if " " in value:
            raise ValueError
        return bytes.fromhex(value)
    except ValueError:
        bad = next((i for i, c in enumerate(value) if c not in "0123456789abcdefABCDEF"), len(value))
        raise SubfieldError(part, bad // 2, "pairs of hex digits", repr(value[bad : bad + 1])) from None
