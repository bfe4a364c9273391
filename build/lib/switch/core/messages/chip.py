"""What a chip says in DE55, whether the rest of its message says the same, and what a security module is asked about it.

In: a document in internal format. Out: tags, a question, or in words what contradicts. Rule: a cryptogram proves the tags it is
made over and nothing else: amount and currency of the message are held against the chip's own (9F02, 5F2A), and a tag that is
there twice is none.

Sources: EMV 4.3 books 2 and 3 (tags, 9F27, DE55 as the schemes carry it). Cards of the domestic scheme have their issuer data
(9F10) as Visa's: assumed.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from switch.security.commands import CheckCryptogram
from switch.security.emv import DATA_TAGS, MASTERCARD, VISA
from switch.wire.subfields import SubfieldError, form_of
from switch.wire.vocabulary import DE, Document

Tags: TypeAlias = Mapping[str, bytes]

CHIP_DATA: Final = form_of({"form": "tlv"})
CHIP_ENTRIES: Final = frozenset({"05", "07"})
"""PAN entry modes (DE22) of a chip: by contact, without"""
ATC_AHEAD_MAX: Final = 5_000
"""a counter so far ahead of the last one is not the card's (assumed: issuers choose it)"""
_ASKED: Final = (*DATA_TAGS, "9F10", "9F26")
"""what a module needs: nothing that names the card"""
_KIND: Final = 0xC0
_ARQC: Final = 0x80
"""of 9F27: the chip asks its issuer"""
_APPROVED: Final = {VISA: b"00", MASTERCARD: b"\x00\x10"}
"""what an approval's ARPC is made of: DE39, or Mastercard's ARPC response code"""


class ChipError(ValueError):
    """Chip data that says nothing sure; names the tag."""


def chip_scheme(scheme: str) -> str:
    """Whose layout of issuer data the cards of a scheme have."""
    return MASTERCARD if scheme == MASTERCARD else VISA


def chip_tags(document: Document) -> Tags:
    """The tags of DE55. Raises ChipError."""
    try:
        read = CHIP_DATA.read(document[DE.ICC])
    except SubfieldError as error:
        raise ChipError(f"DE55 is no chip data: {error}") from None
    twice = [tag for tag in read if "#" in tag]
    if twice:
        raise ChipError(f"DE55 has tag {twice[0].partition('#')[0]} twice")
    return {tag: bytes.fromhex(value) for tag, value in read.items()}


def chip_says_otherwise(document: Document, tags: Tags) -> str:
    """What of the message is not as the chip has it; "" where nothing is."""
    kind = tags.get("9F27", bytes([_ARQC]))
    if not kind or kind[0] & _KIND != _ARQC:
        return f"9F27={kind.hex().upper()}: the chip has not asked its issuer"
    amount, currency = tags.get("9F02", b"").hex(), tags.get("5F2A", b"").hex()
    if amount != document.get(DE.AMOUNT, "0" * 12):
        return f"DE4={document.get(DE.AMOUNT, 'absent')}, and the chip was asked for 9F02={amount or 'absent'}"
    if currency[-3:] != document.get(DE.CURRENCY, currency[-3:]):
        return f"DE49={document[DE.CURRENCY]}, and the chip was asked in 5F2A={currency or 'absent'}"
    return ""


def chip_question(key: str, scheme: str, pan: str, document: Document, tags: Tags) -> CheckCryptogram:
    """What a module is asked. `key`: the issuer's, by name; `scheme`: of the card."""
    sequence = tags["5F34"].hex() if "5F34" in tags else document.get(DE.PAN_SEQUENCE, "00")
    layout = chip_scheme(scheme)
    needed = {tag: tags[tag] for tag in _ASKED if tag in tags}
    return CheckCryptogram(key, layout, pan, sequence[-2:].rjust(2, "0"), needed, _APPROVED[layout])


def chip_counter(tags: Tags) -> int:
    """The transaction counter (ATC, 9F36). Raises ChipError."""
    counter = tags.get("9F36", b"")
    if len(counter) != 2:
        raise ChipError("tag 9F36 (ATC) is not there, or not of 2 bytes")
    return int.from_bytes(counter, "big")


def counter_goes_wrong(atc: int, last: int) -> str:
    """Why a counter is not the card's next one, after `last` (-1: none is known); "": it may be."""
    if not atc:
        return "its counter (ATC) is 0, which no payment has: a chip counts before it pays"
    if atc <= last:
        return (
            f"its counter (ATC) goes back, {atc} after {last}: a cryptogram that was used before, or a copy of the card"
        )
    if last >= 0 and atc > last + ATC_AHEAD_MAX:
        return f"its counter (ATC) is {atc - last} ahead of the last one: more than {ATC_AHEAD_MAX}"
    return ""


def chip_response(value: bytes) -> str:
    """DE55 of an answer: tag 91 with what the module made."""
    return CHIP_DATA.build({"91": value.hex().upper()})
