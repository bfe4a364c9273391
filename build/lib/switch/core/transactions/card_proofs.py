"""Whether a card is the one its issuer has made: chip, stripe and printed value, checked by the issuer or who stands in for it.

In: the issuer's keys by name, a request in internal format, the last counter that the card's chip has proved. Out: what an
approval answers the chip, and its counter; or why the request is declined. All that one request gives cause to ask a security
module is asked at once. Rule: a counter (ATC) counts only under a cryptogram that holds, and no cryptogram helps a message that
says another amount than the chip.

DE39 is 63 (1993: 122, security violation) for what is not proved, N7 for a printed value, 96 where nobody could tell. Where a
stripe has its CVV is Visa's layout: after PVKI and PVV (assumed for other schemes).
"""

from typing import Final, NamedTuple

import msgspec

from switch.core.messages.chip import (
    CHIP_ENTRIES,
    ChipError,
    Tags,
    chip_counter,
    chip_question,
    chip_response,
    chip_says_otherwise,
    chip_tags,
    counter_goes_wrong,
)
from switch.core.messages.internal import Private48, private_elements
from switch.core.network import CardKeys
from switch.security.card_values import CVV2_SERVICE_CODE, ICVV_SERVICE_CODE, printed_expiry
from switch.security.commands import WRONG, CheckCardValue, Command
from switch.security.module import SecurityModule
from switch.wire.subfields import SubfieldError
from switch.wire.vocabulary import DE, Answer, Document

CVV_PLACE: Final = slice(5, 8)
"""in the discretionary data of track 2: after PVKI (1) and PVV (4)"""


class CardRefusedError(Exception):
    """A card that is not proved: DE39 and a sentence, with nothing secret in it."""

    def __init__(self, de39: str, reason: str) -> None:
        super().__init__(reason)
        self.de39, self.reason = de39, reason


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a card that is to be proved."""

    pan: str
    expiry: str
    """YYMM; "": not known"""
    scheme: str
    atc: int = -1
    """the last counter that its chip has proved; -1: none"""


class Proof(msgspec.Struct, frozen=True):
    """What came of it."""

    response: Document = {}
    """DE55 of an approval"""
    atc: int = -1
    """the counter that was proved; -1: none was"""


class _Question(NamedTuple):
    command: Command
    de39: str
    wrong: str
    """what is said where it is not so"""


def prove_card(module: SecurityModule, keys: CardKeys, card: Card, document: Document) -> Proof:
    """What there is a key for holds. Raises CardRefusedError."""
    try:
        tags = chip_tags(document) if keys.chip_key and DE.ICC in document else {}
        atc = chip_counter(tags) if tags else -1
        asked = [
            *_of_chip(keys.chip_key, card, document, tags),
            *_of_stripe(keys.cvv_key, card, document),
            *_of_print(keys.cvv_key, card, document),
        ]
    except (ChipError, SubfieldError) as error:
        raise CardRefusedError(Answer.SECURITY_VIOLATION, str(error)) from None
    if not asked:
        return Proof()
    replies = module.ask([question.command for question in asked])
    for question, reply in zip(asked, replies, strict=True):
        if not reply.ok and reply.code == WRONG:
            raise CardRefusedError(question.de39, question.wrong)
        if not reply.ok:
            raise CardRefusedError(Answer.MALFUNCTION, f"the card cannot be checked: {reply.reason}")
    if not tags:
        return Proof()
    wrong = chip_says_otherwise(document, tags) or counter_goes_wrong(atc, card.atc)
    if wrong:
        raise CardRefusedError(Answer.SECURITY_VIOLATION, wrong)
    return Proof({DE.ICC: chip_response(replies[0].value)}, atc)


def _of_chip(key: str, card: Card, document: Document, tags: Tags) -> list[_Question]:
    """The cryptogram; first of all."""
    if not key:
        return []
    if tags:
        question = chip_question(key, card.scheme, card.pan, document, tags)
        return [_Question(question, Answer.SECURITY_VIOLATION, "the chip's cryptogram does not hold")]
    if _by_chip(document):
        raise ChipError("a chip was read (DE22), and its cryptogram is not there (DE55)")
    return []


def _of_stripe(key: str, card: Card, document: Document) -> list[_Question]:
    """CVV of track 2, or iCVV where a chip gave it: a stripe made of a chip's data has the wrong one."""
    track = document.get(DE.TRACK2, "").replace("D", "=")
    if not key or not track:
        return []
    pan, _, rest = track.partition("=")
    expiry, service, value = rest[:4], rest[4:7], rest[7:][CVV_PLACE]
    if pan != card.pan or len(value) != 3:
        raise ChipError("track 2 (DE35) is another card's, or too short for its CVV")
    code, name = (ICVV_SERVICE_CODE, "iCVV") if _by_chip(document) else (service, "CVV")
    command = CheckCardValue(key, pan, expiry, code, value)
    return [_Question(command, Answer.SECURITY_VIOLATION, f"the {name} of track 2 is not the card's")]


def _of_print(key: str, card: Card, document: Document) -> list[_Question]:
    """CVV2, CVC2."""
    value = private_elements(document).get(Private48.CVV2) if key else None
    if value is None:
        return []
    expiry = printed_expiry(card.expiry, card.scheme)
    return [
        _Question(CheckCardValue(key, card.pan, expiry, CVV2_SERVICE_CODE, value), Answer.CVV2_FAILURE, "wrong CVV2")
    ]


def _by_chip(document: Document) -> bool:
    return document.get(DE.ENTRY_MODE, "")[:2] in CHIP_ENTRIES
