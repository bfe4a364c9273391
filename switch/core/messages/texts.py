"""Control characters in text, in messages as a link has them: a request with one is a format error, an answer goes on without it.

ISO 8583 makes text of letters, digits and special characters (attributes a, an, ans): none is an order to a terminal or ends a
line. What stands in such an element is printed: on receipts, in logs, on operators' screens.
What a link of ISO 8859-1 has in bytes 80 to 9F is somebody's quotation mark or half of a letter: respelled, and never refused.
Elements that two ends may fill as they agree (`FREE`) are theirs: separators are common in them, and nothing here reads them.
"""

import re
from typing import Final

from switch.core.messages.family import UnreadableError
from switch.wire import Dialect
from switch.wire.element import Element
from switch.wire.spelling import without_controls_of_latin
from switch.wire.vocabulary import Document

FREE: Final = frozenset(map(str, (46, 47, 48, *range(55, 64), *range(104, 128))))
"""additional data, and what is reserved for ISO, national or private use"""
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


def _is_text(element: Element) -> bool:
    if element.text is None or element.key in FREE:
        return False
    return element.content in _TEXT or (not element.content and element.key in _STANDARD)
