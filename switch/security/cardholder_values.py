"""Values that say a cardholder was authenticated on the web: Visa's CAVV (usage 3), Mastercard's AAV (SPA 1, in part 2).

In: keys and what the access control server knows. Out: 20 bytes, which travel in base 64. Rule: what is not public is not
guessed: CAVV version 7 is read and not verified, and the envelope of an SPA 2 value is assumed to be another's.
"""

import hmac
import math
from hashlib import sha1, sha256
from typing import Final

import msgspec

from switch.security.card_values import card_value
from switch.security.macs import agrees

CAVV_BYTES: Final = 20
_AMOUNT_LINEAR: Final = 14_000
_AMOUNT_SCALE: Final = 6_553.6


class CardholderValueError(ValueError):
    """A value that is none of the kind; says which part."""


class Cavv(msgspec.Struct, frozen=True, kw_only=True):
    """A CAVV of usage 3, read."""

    results_code: str
    """one digit: 0 authenticated, 5 unavailable, 7 attempted, 9 not"""
    second_factor: str
    """two digits"""
    key_indicator: str
    """two digits: which key of the pair set"""
    output: str
    """three digits: what the key made"""
    version: int
    """0, or 7 with amount, currency and day in the place of the transaction's number"""
    atn: str = ""
    """version 0: the authentication tracking number, 16 digits"""
    amount: int = 0
    """version 7: minor units"""
    currency: str = ""
    """version 7: ISO 4217 numeric"""
    day_of_year: int = 0
    """version 7"""
    protocol: int = 0
    """version 7: which 3-D Secure (5 is 2.2)"""


def cavv_output(key: bytes, pan: str, atn: str, results_code: str, second_factor: str) -> str:
    """The three digits of a version 0 CAVV: a CVV over PAN, the tracking number's four last digits, and both codes.

    `key`: 16 bytes. Of a PAN of more than 16 digits the last 16 go in. Source: Visa's tables as an open library quotes them.
    """
    return card_value(key, pan[-16:].rjust(16, "0"), atn[-4:], results_code[-1:] + second_factor)


def make_cavv(key: bytes, pan: str, atn: str, results_code: str, second_factor: str, key_indicator: str) -> bytes:
    """A CAVV of usage 3, version 0. `atn`: 16 digits; codes as in `Cavv`."""
    if len(atn) != 16 or not atn.isdecimal():
        raise CardholderValueError("an authentication tracking number has 16 digits")
    output = cavv_output(key, pan, atn, results_code, second_factor)
    digits = f"0{results_code}{second_factor}{key_indicator}0{output}{atn[-4:]}{atn}"
    return bytes.fromhex(digits.ljust(2 * CAVV_BYTES, "0"))


def read_cavv(value: bytes) -> Cavv:
    """A CAVV of usage 3, version 0 or 7, in its parts. Raises CardholderValueError."""
    if len(value) != CAVV_BYTES:
        raise CardholderValueError(f"a CAVV has {CAVV_BYTES} bytes, this one {len(value)}")
    digits = value.hex()
    version = value[15] >> 4
    if version not in (0, 7):
        raise CardholderValueError(f"CAVV: version {version}; 0 and 7 are read")
    codes = digits[:10] + digits[24:30] if version == 7 else digits[:30]
    if not codes.isdecimal():
        raise CardholderValueError("CAVV: its codes are no decimal digits")
    read = Cavv(
        results_code=digits[1],
        second_factor=digits[2:4],
        key_indicator=digits[4:6],
        output=digits[7:10],
        version=version,
    )
    if version == 0:
        return msgspec.structs.replace(read, atn=digits[14:30])
    return msgspec.structs.replace(
        read,
        amount=int.from_bytes(value[7:12], "big"),
        currency=digits[24:27],
        day_of_year=int(digits[27:30]),
        protocol=value[15] & 0x0F,
    )


def verify_cavv(key: bytes, pan: str, value: bytes) -> bool:
    """True if `key` made this CAVV of version 0 for this PAN. Raises CardholderValueError: also for version 7, whose exact
    inputs are not public."""
    read = read_cavv(value)
    if read.version != 0:
        raise CardholderValueError("CAVV: what version 7 is made over is not public; it is read and not verified")
    made = make_cavv(key, pan, read.atn, read.results_code, read.second_factor, read.key_indicator)
    return agrees(made, value)


def _pan_field(pan: str) -> bytes:
    return bytes.fromhex(pan.ljust(20, "F"))


def make_aav(key: bytes, pan: str, merchant: str, control: int, acs: int, method_and_key: int, number: bytes) -> bytes:
    """Mastercard's SPA 1 AAV. `control`: 8C or 86; `method_and_key`: two nibbles; `number`: the transaction's, 4 bytes."""
    name = sha1(merchant.encode(), usedforsecurity=False).digest()[:8]
    covered = bytes((control,)) + name + bytes((acs, method_and_key)) + number
    return covered + hmac.new(key, _pan_field(pan) + covered, sha1).digest()[:5]


def verify_aav(key: bytes, pan: str, value: bytes) -> bool:
    """True if `key` made this SPA 1 AAV for this PAN."""
    if len(value) != CAVV_BYTES:
        raise CardholderValueError(f"an AAV has {CAVV_BYTES} bytes, this one {len(value)}")
    return agrees(hmac.new(key, _pan_field(pan) + value[:15], sha1).digest()[:5], value[15:])


def spa2_amount_code(amount: int) -> bytes:
    """2 bytes that stand for an amount of minor units: itself, or above 14,000 its logarithm."""
    code = amount if amount <= _AMOUNT_LINEAR else math.floor(_AMOUNT_SCALE * math.log10(amount / 100))
    return code.to_bytes(2, "big")


def spa2_issuer_value(key: bytes, pan: str, merchant: str, amount: int, currency: str, ds_number: bytes) -> bytes:
    """The issuer's 4 bytes of an SPA 2 AAV (HMAC-SHA-256), the one part of it that is public. `amount`: minor units of `currency`
    (ISO 4217 numeric); `ds_number`: the directory server's transaction number, its 4 bytes.

    No access control server here sends it, as the envelope is not public; it stands here, with others' vectors, for who has it.
    """
    name = sha256(merchant.encode()).digest()[:4]
    data = _pan_field(pan) + name + spa2_amount_code(amount) + bytes.fromhex(currency.rjust(4, "0")) + ds_number
    return hmac.new(key, data, sha256).digest()[:4]
