"""Whether a card, or who pays with it, is the one its issuer knows: chip, stripe, printed value, and the value that says that a
cardholder was authenticated on the web; checked by the issuer, or by the switch in its place or on its behalf.

In: the issuer's keys by name, a request in internal format, the last counter that the card's chip has proved. Out: of each check
what came of it, what an approval answers the chip, and its counter. All that one request gives cause to ask a security module is
asked at once. Rule: a counter (ATC) counts only under a cryptogram that holds, and no cryptogram helps a message that says
another amount than the chip.

DE39 is 63 (1993: 122, security violation) for what is not proved, N7 for a printed value, 05 for a claim of the web, 96 where
nobody could tell. Where a stripe has its values, `core.messages.stripe` says.
"""

from collections.abc import Callable, Collection
from typing import Final, NamedTuple

import msgspec

from switch.core.messages.cardholder_proof import ClaimError, claim_of, claim_question, claim_says_otherwise
from switch.core.messages.chip import (
    CHIP_ENTRIES,
    ChipError,
    chip_counter,
    chip_question,
    chip_response,
    chip_says_otherwise,
    chip_tags,
    counter_goes_wrong,
)
from switch.core.messages.internal import Private48, private_elements
from switch.core.messages.stripe import CONTACTLESS_STRIPE, Stripe, stripe_of, whole_counter
from switch.core.network import CardKeys
from switch.security.card_values import CVV2_SERVICE_CODE, ICVV_SERVICE_CODE, printed_expiry
from switch.security.commands import WRONG, CheckCardValue, CheckDynamicValue, Command, MakeDynamicValue, Reply
from switch.security.module import SecurityModule
from switch.wire.subfields import SubfieldError
from switch.wire.vocabulary import DE, Answer, Document

CHIP: Final = "chip"
STRIPE: Final = "stripe"
PRINT: Final = "cvv2"
WEB: Final = "web"
CHECKS: Final = (CHIP, STRIPE, PRINT, WEB)
"""what can be checked, in the order in which what is wrong counts"""


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


class Finding(NamedTuple):
    """What came of one check."""

    what: str
    """of `CHECKS`"""
    de39: str = ""
    """what its request is declined with; "": it holds"""
    reason: str = ""


class Proof(msgspec.Struct, frozen=True):
    """What came of them all."""

    findings: tuple[Finding, ...] = ()
    """of what there was a key for, and cause to ask; in the order of `CHECKS`"""
    response: Document = {}
    """DE55 of an approval"""
    atc: int = -1
    """the counter that was proved; -1: none was"""

    @property
    def wrong(self) -> Finding | None:
        """The first that does not hold."""
        return next((finding for finding in self.findings if finding.de39), None)


class _Question(NamedTuple):
    what: str
    command: Command
    de39: str
    wrong: str
    """what is said where it is not so"""
    further: Callable[[], str]
    """what else contradicts, where the module says that it holds; "": nothing"""
    atc: int = -1
    """the counter that is proved with it"""


def prove_card(module: SecurityModule, keys: CardKeys, card: Card, document: Document) -> Proof:
    """What there is a key for holds. Raises CardRefusedError."""
    proof = check_card(module, keys, card, document)
    if proof.wrong is not None:
        raise CardRefusedError(proof.wrong.de39, proof.wrong.reason)
    return proof


def check_card(
    module: SecurityModule, keys: CardKeys, card: Card, document: Document, checks: Collection[str] = CHECKS
) -> Proof:
    """All that is among `checks`, that there is a key for, and cause to ask."""
    found: dict[str, Finding] = {}
    asked: list[_Question] = []
    for what, question_of in _QUESTIONS.items():
        try:
            question = question_of(keys, card, document) if what in checks else None
        except (ChipError, SubfieldError) as error:
            found[what] = Finding(what, Answer.SECURITY_VIOLATION, str(error))
        except ClaimError as error:
            found[what] = Finding(what, Answer.DO_NOT_HONOUR, f"the authentication value: {error}")
        else:
            asked += [question] if question is not None else []
    response: Document = {}
    atc = -1
    replies = module.ask([question.command for question in asked]) if asked else []
    for question, reply in zip(asked, replies, strict=True):
        found[question.what] = _finding(question, reply)
        if not found[question.what].de39:
            atc = max(atc, question.atc)
        if question.what == CHIP and not found[CHIP].de39:
            response = {DE.ICC: chip_response(reply.value)}
    return Proof(tuple(found[what] for what in CHECKS if what in found), response, atc)


def _finding(question: _Question, reply: Reply) -> Finding:
    if not reply.ok and reply.code == WRONG:
        return Finding(question.what, question.de39, question.wrong)
    if not reply.ok:
        return Finding(question.what, Answer.MALFUNCTION, f"{_CANNOT[question.what]}: {reply.reason}")
    contradicts = question.further()
    return Finding(question.what, question.de39, contradicts) if contradicts else Finding(question.what)


def _of_chip(keys: CardKeys, card: Card, document: Document) -> _Question | None:
    """The cryptogram."""
    if not keys.chip_key:
        return None
    if DE.ICC not in document:
        if _by_chip(document):
            raise ChipError("a chip was read (DE22), and its cryptogram is not there (DE55)")
        return None
    tags = chip_tags(document)
    atc = chip_counter(tags)

    def further() -> str:
        return chip_says_otherwise(document, tags) or counter_goes_wrong(atc, card.atc)

    question = chip_question(keys.chip_key, card.scheme, card.pan, document, tags)
    return _Question(CHIP, question, Answer.SECURITY_VIOLATION, "the chip's cryptogram does not hold", further, atc)


def _of_stripe(keys: CardKeys, card: Card, document: Document) -> _Question | None:
    """CVV of track 2, or iCVV where a chip gave it: a stripe made of a chip's data has the wrong one."""
    track = document.get(DE.TRACK2, "")
    changes = keys.dynamic_key and document.get(DE.ENTRY_MODE, "")[:2] == CONTACTLESS_STRIPE
    if not track or not (keys.cvv_key or changes):
        return None
    stripe = stripe_of(track)
    if stripe.pan != card.pan or len(stripe.value) != 3:
        raise ChipError("track 2 (DE35) is another card's, or too short for its CVV")
    if changes:
        return _of_changing_stripe(keys.dynamic_key, card, document, stripe)
    code, name = (ICVV_SERVICE_CODE, "iCVV") if _by_chip(document) else (stripe.service_code, "CVV")
    command = CheckCardValue(keys.cvv_key, stripe.pan, stripe.expiry, code, stripe.value)
    return _Question(STRIPE, command, Answer.SECURITY_VIOLATION, f"the {name} of track 2 is not the card's", _nothing)


def _of_changing_stripe(key: str, card: Card, document: Document, stripe: Stripe) -> _Question:
    """dCVV, CVC3: made with a counter that has not been before, and (CVC3) the terminal's number."""
    if not (stripe.counter.isdecimal() and len(stripe.counter) == 4 and len(stripe.unpredictable) == 1):
        raise ChipError("track 2 (DE35) of a chip without contact has no counter")
    atc, sequence = whole_counter(stripe.counter, card.atc), document.get(DE.PAN_SEQUENCE, "")[-2:] or "00"
    made = MakeDynamicValue(key, card.scheme, sequence, stripe.template, atc, stripe.unpredictable)

    def further() -> str:
        return counter_goes_wrong(atc, card.atc)

    wrong = "the value of track 2 that changes (dCVV, CVC3) is not the card's"
    command = CheckDynamicValue(made, stripe.value)
    return _Question(STRIPE, command, Answer.SECURITY_VIOLATION, wrong, further, atc)


def _of_print(keys: CardKeys, card: Card, document: Document) -> _Question | None:
    """CVV2, CVC2."""
    value = private_elements(document).get(Private48.CVV2) if keys.cvv_key else None
    if value is None:
        return None
    expiry = printed_expiry(card.expiry, card.scheme)
    command = CheckCardValue(keys.cvv_key, card.pan, expiry, CVV2_SERVICE_CODE, value)
    return _Question(PRINT, command, Answer.CVV2_FAILURE, "wrong CVV2", _nothing)


def _of_web(keys: CardKeys, card: Card, document: Document) -> _Question | None:
    """CAVV, of Mastercard's cards an AAV. Where one has a key, a claim by the other is not taken unverified."""
    claim = claim_of(document) if keys.cavv_key or keys.aav_key else None
    if claim is None:
        return None

    def further() -> str:
        contradicts = claim_says_otherwise(claim, card.scheme)
        return contradicts and f"the authentication value: {contradicts}"

    command = claim_question(claim, card.scheme, card.pan, keys.cavv_key, keys.aav_key)
    wrong = "the authentication value: it is not this card's"
    return _Question(WEB, command, Answer.DO_NOT_HONOUR, wrong, further)


def _nothing() -> str:
    return ""


def _by_chip(document: Document) -> bool:
    return document.get(DE.ENTRY_MODE, "")[:2] in CHIP_ENTRIES


_QUESTIONS: Final[dict[str, Callable[[CardKeys, Card, Document], _Question | None]]] = {
    CHIP: _of_chip,
    STRIPE: _of_stripe,
    PRINT: _of_print,
    WEB: _of_web,
}
_CANNOT: Final = {
    CHIP: "the card cannot be checked",
    STRIPE: "the card cannot be checked",
    PRINT: "the card cannot be checked",
    WEB: "its authentication value cannot be verified",
}
