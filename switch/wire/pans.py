"""PANs where no PAN belongs: found by what they look like, for whatever keeps or shows a message.

A run of digits counts as one where its length, its first digits and its check digit are a card's (ISO/IEC 7812-1; first digits
as the schemes publish them), alone or inside a longer run. Of any sixteen digits one in ten has a right check digit, and six in
ten of those begin as a card: elements whose nature is a number (DE4, 11, 90 …) are left alone, and so is DE54 made of amounts.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from switch.wire.element import Element
from switch.wire.vocabulary import DE, Document

PAN_SHORTEST: Final = 12
PAN_LONGEST: Final = 19
"""digits of a PAN (ISO/IEC 7812-1)"""
_DOUBLED: Final = "0516273849"
"""At n the digit that adds n to a Luhn sum where it is doubled."""
_TWICE: Final = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
"""A digit -> what it adds to a Luhn sum where it is doubled."""
_RUN: Final = re.compile(r"[0-9](?:[ -]?[0-9]){12,}")
"""digits enough for a PAN, also in groups as people write them"""
_LONG: Final = re.compile(r"\d(?:[ -]?\d){12}")
"""what no PAN that is sought is without"""
_SOUGHT_MIN: Final = 13
"""digits of the shortest PAN that is sought in text: too many numbers of twelve look like one"""
_BEGINNINGS: Final = {
    16: re.compile("[2-69]"), 15: re.compile("3[47]"), 14: re.compile("3[0689]"), 13: re.compile("4"),
    19: re.compile("[4569]"), 18: re.compile("[569]"), 17: re.compile("[569]"),
}  # fmt: skip
"""first digits of PANs by length, the commonest lengths first"""
TEXTS: Final = frozenset(map(str, (37, 41, 42, 43, 44, 46, 47, 48, 54, *range(57, 64), *range(104, 128))))
"""elements of text in internal format that nobody expects a card's or an account's number in"""
_AMOUNTS: Final = re.compile(r"(?:\d{4}[0-9A-Z]{3}[CD]\d{12})+\s*")
"""DE54 as ISO 8583 has it: account type, amount type, currency, sign, amount"""


def luhn_rest(digits: str) -> int:
    """The Luhn sum of all `digits`, modulo 10; 0 for a valid PAN (ISO/IEC 7812-1, annex B)."""
    data = digits.encode()
    once = data[-1::-2]
    return (sum(once) - 48 * len(once) + sum(data[-2::-2].translate(_TWICE))) % 10


def luhn_valid(pan: str) -> bool:
    """True if `pan` is 12 to 19 digits of which the last is the right check digit (ISO/IEC 7812-1, annex B)."""
    if not (PAN_SHORTEST <= len(pan) <= PAN_LONGEST and pan.isascii() and pan.isdigit()):
        return False
    return not luhn_rest(pan)


def luhn_digit(body: str) -> str:
    """The check digit that `body` (digits) needs behind it."""
    return str(-luhn_rest(f"{body}0") % 10)


def mask_digits(pan: str) -> str:
    """First 6 and last 4 digits, zeros between, one of them changed so that the Luhn sum is as valid as it was.

    A PAN that would come out as it was gets ones. One under 13 digits keeps its last 4 only; what is no PAN becomes zeros.
    """
    size = len(pan)
    if not (pan.isascii() and pan.isdecimal()) or size < 5:
        return "0" * size
    head = 6 if size >= 13 else 0
    for fill in "01":
        masked = pan[:head] + fill * (size - head - 4) + pan[-4:]
        if not luhn_rest(pan) and size - head >= 6:
            place = size - 6  # from the right the sixth digit, which the sum takes twice
            open_ = masked[:place] + "0" + masked[place + 1 :]
            masked = masked[:place] + _DOUBLED[-luhn_rest(open_) % 10] + masked[place + 1 :]
        if masked != pan:
            break
    return masked


def is_like_a_pan(digits: str) -> bool:
    """True for digits whose length, beginning and check digit are a card's."""
    beginning = _BEGINNINGS.get(len(digits))
    return beginning is not None and beginning.match(digits) is not None and not luhn_rest(digits)


def mask_pans(text: str, *, anywhere: bool = True) -> str:
    """`text`, as long as it was, with the middle of whatever looks like a PAN masked.

    A run of digits that is one as a whole, and one behind its own length in two digits, as in a TLV; with `anywhere` also one
    among other digits, which is sometimes none: for what is only looked at.

    >>> mask_pans("CARD 4761739001010119")
    'CARD 4761730000500119'
    """
    for run in _RUN.finditer(text):
        digits = run[0].replace(" ", "").replace("-", "")
        masked = mask_digits(digits) if is_like_a_pan(digits) else _masked_inside(digits, anywhere)
        if masked != digits:
            each = iter(masked)
            text = text[: run.start()] + "".join(next(each) if c.isdigit() else c for c in run[0]) + text[run.end() :]
    return text


def _masked_inside(digits: str, anywhere: bool) -> str:
    """A run of digits with each PAN in it masked."""
    at = 0
    while at + _SOUGHT_MIN <= len(digits):
        size = next((n for n in _BEGINNINGS if is_like_a_pan(digits[at : at + n])), 0)
        if size and (anywhere or digits[max(0, at - 2) : at] == str(size)):
            digits = digits[:at] + mask_digits(digits[at : at + size]) + digits[at + size :]
            at += size
        else:
            at += 1
    return digits


def misread_pan(document: Document) -> list[str]:
    """Elements that a PAN stands in as if the bitmap lacked bit 2: where the first of them begins, a length and so many digits.

    >>> misread_pan({"t": "0200", "3": "164761", "4": "739001010119", "7": "0000000000"})
    ['3', '4']
    """
    if DE.PAN in document or DE.PROCESSING_CODE not in document:
        return []
    stretch = list(_first_numbers(document))
    digits = "".join(document[de] for de in stretch)
    size = next(
        (n for n in _BEGINNINGS if digits[:2] in (f"{n:02d}", f"{n:02x}") and is_like_a_pan(digits[2 : 2 + n])), 0
    )
    found: list[str] = []
    end = 0
    for de in stretch:
        if end >= 2 + size or not size:
            break
        found.append(de)
        end += len(document[de])
    return found


def _first_numbers(document: Document) -> Iterator[str]:
    """The elements of digits that a message begins with, in the order of the wire."""
    for de in sorted((de for de in document if de.isdecimal() and de != DE.BITMAP_SECONDARY), key=int):
        if not document[de].isdecimal():
            return
        yield de


def names_card(document: Document) -> bool:
    """True where DE37 is twelve digits of the message's own card number: with the ten that a masked PAN shows, all of it.

    >>> names_card({"t": "0200", "2": "4761739001010119", "37": "476173900101"})
    True
    """
    rrn = document.get(DE.RRN, "-")
    if rrn not in document.get(DE.PAN, "") and rrn not in document.get(DE.TRACK2, ""):
        return False
    return len(rrn) == 12 and rrn.isdecimal() and rrn.strip("0") != ""


def is_text(element: Element) -> bool:
    """True where a PAN in the element is none of its nature: it is text, or nobody says what it is."""
    return element.text is not None and element.content not in ("n", "b", "z", "x+n")


def mask_element(de: str, value: str, *, anywhere: bool = True) -> str:
    """An element's value with what looks like a PAN in it masked, as by `mask_pans`; DE54 stays where it is amounts only."""
    if de == DE.ADDITIONAL_AMOUNTS and _AMOUNTS.fullmatch(value):
        return value
    return mask_pans(value, anywhere=anywhere)


class _FoundError(Exception):
    """Something looks like a PAN."""


@lru_cache(maxsize=8_192)
def _find_none(de: str, value: str) -> None:
    """Raise _FoundError where something in the element is surely a PAN. Merchants and places come again with every payment, and
    are looked at once; what has a PAN in it is not remembered."""
    if _LONG.search(value) and mask_element(de, value, anywhere=False) != value:
        raise _FoundError


def keepable(document: Document, among: Iterable[str] | None = None) -> Document:
    """Elements in internal format as a record may have them: in text, what is surely a PAN is masked, and all else as it came,
    because a reversal repeats it. The same object where nothing is to be masked, which is the rule. `among`: the elements of text
    that may need it, where the caller knows them."""
    get = document.get
    for de in TEXTS.intersection(document) if among is None else among:  # a loop: this runs twice a payment
        value = get(de, "")
        if len(value) >= _SOUGHT_MIN:
            try:
                _find_none(de, value)
            except _FoundError:
                break
    else:
        return document
    return {de: mask_element(de, value, anywhere=False) if de in TEXTS else value for de, value in document.items()}
