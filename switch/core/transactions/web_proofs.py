"""Whether a web payment's authentication value proves what its ECI says: asked by the card's issuer, or who stands in for it.

In: the keys by name, the card, a request in internal format (DE48.42, DE48.43). Out: nothing, or why the request is declined.
Rule: who says that the cardholder was authenticated, or that it was tried, proves it with a value of this card, made for that;
who says nothing of the kind proves nothing, and is asked for CVV2 as ever.
"""

import binascii
from base64 import b64decode
from typing import Final

import msgspec

from switch.core.authentication import AccessControl
from switch.core.messages.internal import Private48, private_elements
from switch.core.transactions.card_proofs import Card, CardRefusedError
from switch.security.cardholder_values import CardholderValueError, read_cavv
from switch.security.commands import WRONG, CheckAav, CheckCavv
from switch.security.module import SecurityModule
from switch.wire.subfields import SubfieldError
from switch.wire.vocabulary import DE, Answer, Document

FULL, TRIED = "05", "06"
MADE_FOR: Final = {FULL: ("0", 0x8C), TRIED: ("7", 0x86)}
"""ECI of the internal format -> the CAVV's results code, the AAV's control byte"""
_AAV: Final = "mastercard"
"""the scheme whose cards have AAVs; others have CAVVs"""


class ProofKeys(msgspec.Struct, frozen=True, kw_only=True):
    """What authentication values are checked with, by name."""

    cavv_key: str
    aav_key: str


def keys_of(acs: AccessControl | None) -> ProofKeys | None:
    """What the values that this server makes are checked with; None: it names no keys."""
    if acs is None or not (acs.cavv_key or acs.aav_key):
        return None
    return ProofKeys(cavv_key=acs.cavv_key, aav_key=acs.aav_key)


def prove_authentication(module: SecurityModule, keys: ProofKeys, card: Card, document: Document) -> None:
    """What the request says of its cardholder's authentication is proved. Raises CardRefusedError: DE39 is 05, or 96 where nobody
    could tell."""
    if DE.PRIVATE_48 not in document:
        return
    try:
        private = private_elements(document)
        eci, text = private.get(Private48.ECI, ""), private.get(Private48.CAVV, "")
        if not text and eci not in MADE_FOR:
            return
        value = b64decode(text, validate=True)
        reply = module.ask([_question(keys, card, value)])[0]
        proves = _what_it_proves(card, value) if reply.ok else ""
    except (binascii.Error, CardholderValueError, SubfieldError):
        raise _not_proved("it is none, or none of the kind") from None
    if not reply.ok and reply.code == WRONG:
        raise _not_proved("it is not this card's")
    if not reply.ok:
        raise CardRefusedError(Answer.MALFUNCTION, f"its authentication value cannot be verified: {reply.reason}")
    if proves != eci:
        raise _not_proved(f"it proves ECI {proves or 'none'}, not {eci or 'none'}")


def _question(keys: ProofKeys, card: Card, value: bytes) -> CheckAav | CheckCavv:
    if card.scheme == _AAV:
        return CheckAav(keys.aav_key, card.pan, value)
    read_cavv(value)
    return CheckCavv(keys.cavv_key, card.pan, value)


def _what_it_proves(card: Card, value: bytes) -> str:
    """The ECI that a value was made for; "" where it was made for another purpose."""
    for eci, (code, control) in MADE_FOR.items():
        if value[0] == control if card.scheme == _AAV else read_cavv(value).results_code == code:
            return eci
    return ""


def _not_proved(why: str) -> CardRefusedError:
    return CardRefusedError(Answer.DO_NOT_HONOUR, f"the authentication value: {why}")
