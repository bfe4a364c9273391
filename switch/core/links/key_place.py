"""Where a dialect's messages say something of keys: DE53 which sets a message is under, an 0800 which key is meant, and the key.

In: documents in internal format. Rule: a dialect that does not say where (`key_data`, `key_sets`) has no such place.
"""

from typing import Final, NamedTuple

from switch.core.messages.internal import Private48, private_elements, with_private
from switch.security.check_values import same_key
from switch.security.key_commands import KeySet
from switch.wire import Dialect
from switch.wire.element import HEX
from switch.wire.subfields import SubfieldError
from switch.wire.vocabulary import DE, Document

MAC: Final = "M"
PIN: Final = "P"
"""what a key is for, as messages about it say"""
NO_SET: Final = "00"
"""number of the set of a key that never changed by message"""


_BARE_DIGITS: Final = (32, 48)
"""of a double and a triple length key"""


class KeyWord(NamedTuple):
    """What an 0800 about keys names: which key, of which set."""

    purpose: str
    """`MAC` or `PIN`"""
    set_id: str = ""
    """two digits; "" in a request for a new one"""
    check_value: str = ""
    """hex digits: 6 that this end says, 4 to 16 of the other's"""
    data: str = ""
    """the key as it travels; "" where none does"""


def is_of(one: KeySet | None, word: KeyWord) -> bool:
    """True if the word, as the other end says it, means this set: its number and its check value."""
    if one is None or one.set_id != word.set_id:
        return False
    return same_key(one.check_value, word.check_value) or same_key(one.also, word.check_value)


class KeyPlace:
    """Reads and writes DE53 and key messages as one dialect has them."""

    __slots__ = ("_at", "_element", "_form", "_hexed")

    def __init__(self, dialect: Dialect) -> None:
        """The dialect has `key_data` and `key_sets`."""
        self._element = dialect.key_data
        self._hexed = dialect.elements[self._element].content == "b"
        self._form = dialect.key_sets.replace("P", "0").replace("M", "0")
        self._at = {purpose: dialect.key_sets.find(2 * purpose) for purpose in (PIN, MAC)}

    def set_in(self, document: Document, purpose: str) -> str:
        """The set that DE53 names for this purpose; "" where it names none, or is no such DE53."""
        value, at = document.get(DE.SECURITY, ""), self._at[purpose]
        number = value[at : at + 2] if at >= 0 and len(value) == len(self._form) else ""
        return number if number.isascii() and number.isdecimal() else ""

    def with_sets(self, document: Document, sets: dict[str, str]) -> Document:
        """The document with a DE53 that names these sets, and nothing else."""
        value = self._form
        for purpose, number in sets.items():
            at = self._at[purpose]
            if at >= 0:
                value = value[:at] + number + value[at + 2 :]
        return {**document, DE.SECURITY: value}

    def compose(self, word: KeyWord) -> Document:
        """The elements of an 0800 that say it."""
        said = with_private("", Private48.KEY, word.purpose + word.set_id + word.check_value)
        made: Document = {DE.PRIVATE_48: said}
        if word.data:
            made[self._element] = _in_bytes(word.data) if self._hexed else word.data
        return made

    def read(self, document: Document) -> KeyWord | None:
        """What an 0800 says of a key; None where it names none."""
        try:
            said = private_elements(document).get(Private48.KEY, "")
            data = document.get(self._element, "")
            if self._hexed:
                data = _from_bytes(data)
        except (SubfieldError, ValueError):
            return None
        if said[:1] not in (PIN, MAC):
            return None
        return KeyWord(said[0], said[1:3], said[3:], data)


def _in_bytes(data: str) -> str:
    """A key for an element of bytes, in hex: of a bare key (digits alone) its own bytes, of a block its characters."""
    bare = len(data) in _BARE_DIGITS and HEX.issuperset(data)
    return data.upper() if bare else data.encode().hex().upper()


def _from_bytes(value: str) -> str:
    """The same back; a bare key may come as its digits' characters, too. Raises ValueError."""
    return value if len(value) in _BARE_DIGITS else bytes.fromhex(value).decode("ascii")


def place_of(dialect: Dialect) -> KeyPlace | None:
    """The places of a dialect; None where it has none."""
    return KeyPlace(dialect) if dialect.key_data and dialect.key_sets else None
