"""Control characters in text, in messages as a link has them: a request with one is a format error, an answer goes on without it.
And letters where a link has ASCII only: text is spelled without them, what names or counts something is not.

ISO 8583 makes text of letters, digits and special characters (attributes a, an, ans): none is an order to a terminal or ends a
line. What stands in such an element is printed: on receipts, in logs, on operators' screens.
What a link of ISO 8859-1 has in bytes 80 to 9F is somebody's quotation mark or half of a letter: respelled, and never refused.
Elements that two ends may fill as they agree (`FREE`) are theirs: separators are common in them, and nothing here reads them.
"""

import re
from typing import Final

from switch.core.messages.family import UnreadableError
from switch.wire import DecodeError, Dialect
from switch.wire.element import Element
from switch.wire.letters import Lettered, Place
from switch.wire.spelling import in_ascii, without_controls_of_latin
from switch.wire.subfields import SubfieldError
from switch.wire.vocabulary import Document

FREE: Final = frozenset(map(str, (46, 47, 48, *range(55, 64), *range(104, 128))))
"""additional data, and what is reserved for ISO, national or private use"""
SPELLED: Final = (FREE - {"46"}) | {"42", "43", "44", "72", "98"}
"""text that people read, or that two ends fill as they agree: it is what it was with a letter spelled otherwise. What else is
text names, counts or proves something (DE37, 38, 39, 41, 45, 46, 54, 95, 102 …), and is another with another letter."""
_STANDARD: Final = frozenset(("37", "38", "39", "41", "42", "43", "44"))
"""text in every edition, also where a dialect does not say what an element is made of"""
_TEXT: Final = frozenset(("a", "an", "ans"))
PRINTABLE: Final = bytes(range(0x20, 0x7F))
"""a message of nothing else has no control character, in a dialect whose text is as ASCII has it"""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def control_characters(dialect: Dialect, raw: Document) -> list[UnreadableError]:
    """Each element of text with a control character (C0, DEL, C1) in it, and where the first one is; in the order of the message.

    >>> control_characters(Dialect.load("cmi87"), {"t": "0200", "43": "EPICERIE\\x1b[2J"})[0].args[3:6]
    (8, 'text without control characters', '0x1B')
    """
    if "".join(raw.values()).isprintable():
        return []
    found = []
    for de, value in raw.items():
        element = dialect.elements.get(de)
        control = _CONTROL.search(value) if element is not None and _is_text(element) else None
        if element is not None and control is not None:
            what = f"0x{ord(control[0]):02X}"
            place = control.start(), "text without control characters", what
            found.append(UnreadableError(dialect.name, de, element.name, *place, raw))
    return found


def respell(dialect: Dialect, raw: Document, found: list[UnreadableError]) -> list[str]:
    """Of these elements, those in ISO 8859-1: without bytes 80 to 9F from here on. Returns which have changed."""
    changed = []
    for error in found:
        text, value = dialect.elements[error.field].text, raw[error.field]
        if text is not None and text.to_latin is None and (plain := without_controls_of_latin(value)) != value:
            raw[error.field] = plain
            changed.append(error.field)
    return changed


def spell(dialect: Dialect, found: Lettered) -> tuple[list[Place], list[Place]]:
    """Spell the letters of a message in ASCII (`switch.wire.spelling`), as many characters as there were, in its document.
    Returns where there were such, and where there are letters that may not be spelled otherwise: those stay.

    Of elements that two ends fill as they agree, one with control characters is data and no text, and so is one whose parts a
    dialect names and that does not divide into them, or has letters in a part that is secret.
    """
    spelled, kept = [], []
    for place in found.places:
        value = found.document[place.element]
        if place.element in SPELLED and not _is_data(dialect, place.element, value):
            found.document[place.element] = in_ascii(value)
            spelled.append(place)
        else:
            kept.append(place)
    return spelled, kept


def _is_data(dialect: Dialect, de: str, value: str) -> bool:
    if de not in FREE:
        return False
    if any(char < " " or char == "\x7f" for char in value):
        return True
    form = dialect.forms.get(de)
    try:
        parts = form.read(value) if form is not None else {}
    except SubfieldError:
        return True
    secret = {key for key, part in form.parts.items() if part.sensitive} if form is not None else set()
    return any(not text.isascii() for key, text in parts.items() if key.partition("#")[0] in secret)


def letter_error(dialect: Dialect, found: Lettered, place: Place) -> DecodeError:
    """The error of a letter that may not be there, as `Dialect.decode` has it."""
    before = {}
    for de, value in found.document.items():
        if de == place.element:
            break
        before[de] = value
    name = dialect.names.get(place.element, "")
    wrong = "an ASCII character", f"byte {place.byte:02X}"
    return DecodeError(dialect.name, place.element, name, place.offset, *wrong, before)


def _is_text(element: Element) -> bool:
    if element.text is None or element.key in FREE:
        return False
    return element.content in _TEXT or (not element.content and element.key in _STANDARD)
