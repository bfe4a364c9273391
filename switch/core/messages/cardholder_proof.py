"""What a web payment claims of its cardholder's authentication, and what a security module is asked about that.

In: a document in internal format (DE48.42 the ECI, DE48.43 the value). Out: a claim, a question, or in words what contradicts.
Rule: who says that the cardholder was authenticated, or that it was tried, proves it with a value of this card, made for that;
who says nothing of the kind proves nothing.
"""

import binascii
from base64 import b64decode
from typing import Final, NamedTuple

from switch.core.messages.internal import Private48, private_elements
from switch.security.cardholder_values import CAVV_BYTES, CardholderValueError, read_cavv
from switch.security.commands import CheckAav, CheckCavv
from switch.security.emv import MASTERCARD
from switch.wire.subfields import SubfieldError
from switch.wire.vocabulary import Document

FULL: Final = "05"
TRIED: Final = "06"
_MADE_FOR: Final = {FULL: ("0", 0x8C), TRIED: ("7", 0x86)}
"""ECI -> the CAVV's results code, the AAV's control byte"""


class ClaimError(ValueError):
    """A claim without a value that could prove it."""


class Claim(NamedTuple):
    """That the cardholder was authenticated."""

    eci: str
    """DE48.42; "": none is there, and a value all the same"""
    value: bytes


def results_code(eci: str) -> str:
    """A CAVV's, for a value that proves this ECI of the internal format (05 or 06)."""
    return _MADE_FOR[eci][0]


def control_byte(eci: str) -> int:
    """An AAV's, likewise."""
    return _MADE_FOR[eci][1]


def claim_of(document: Document) -> Claim | None:
    """What a request claims; None: nothing, or nothing that can be read. Raises ClaimError."""
    try:
        private = private_elements(document)
    except SubfieldError:
        return None
    eci, text = private.get(Private48.ECI, ""), private.get(Private48.CAVV, "")
    if not text and eci not in _MADE_FOR:
        return None
    try:
        return Claim(eci, b64decode(text, validate=True))
    except binascii.Error:
        raise ClaimError("it is none, or none of the kind") from None


def claim_question(claim: Claim, scheme: str, pan: str, cavv_key: str, aav_key: str) -> CheckAav | CheckCavv:
    """What a module is asked: is this a value of this card? `scheme`: of the card. Raises ClaimError."""
    if len(claim.value) != CAVV_BYTES:
        raise ClaimError("it is none, or none of the kind")
    if scheme == MASTERCARD:
        return CheckAav(aav_key, pan, claim.value)
    try:
        read_cavv(claim.value)
    except CardholderValueError:
        raise ClaimError("it is none, or none of the kind") from None
    return CheckCavv(cavv_key, pan, claim.value)


def claim_says_otherwise(claim: Claim, scheme: str) -> str:
    """Why a value that is the card's does not prove its claim: it was made for another; "" where it does."""
    proves = ""
    for eci, (code, control) in _MADE_FOR.items():
        if claim.value[0] == control if scheme == MASTERCARD else read_cavv(claim.value).results_code == code:
            proves = eci
    return "" if proves == claim.eci else f"it proves ECI {proves or 'none'}, not {claim.eci or 'none'}"
