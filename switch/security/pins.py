"""Whether a PIN is the cardholder's: Visa's PVV and IBM's 3624 with offset.

In: a key, a PIN, a PAN and what the issuer keeps of the card. Out: values to keep, or yes and no. Rule: all digits of the PIN
count, values are compared in constant time.
"""

import hmac
from typing import Final

from switch.security import des
from switch.security.pin_blocks import check_pin

PVV_DIGITS: Final = 4
TABLE_DIGITS: Final = 16


def decimals(hexadecimal: str, count: int, letters: str = "012345") -> str:
    """`count` digits of a hex string: those that are decimal first, then its letters as `letters` turns A to F."""
    upper = hexadecimal.upper()
    digits = [d for d in upper if d.isdigit()]
    if len(digits) < count:
        digits += [letters[ord(d) - ord("A")] for d in upper if not d.isdigit()]
    return "".join(digits[:count])


def pvv(key: bytes, key_index: str, pin: str, pan: str) -> str:
    """The PIN verification value, four digits. `key`: 16 bytes; `key_index`: one digit (Visa gives out 0 to 6; modules
    compute with any). Of a PIN longer than four
    digits the first four count, by definition."""
    check_pin(pin)
    if len(pan) < 12 or not pan.isdecimal():
        raise ValueError("a PVV is made for a PAN of 12 digits or more")
    if len(key_index) != 1 or key_index not in "0123456789":
        raise ValueError("the index of a PIN verification key is one digit")
    block = bytes.fromhex(pan[:-1][-11:] + key_index + pin[:PVV_DIGITS])
    return decimals(des.ecb_encryptor(key)(block).hex(), PVV_DIGITS)


def check_table(table: str) -> None:
    """Raises ValueError for a decimalization table that tells of PINs: 16 digits, 8 different ones, none more than four times."""
    if len(table) != TABLE_DIGITS or not table.isdecimal():
        raise ValueError(f"a decimalization table has {TABLE_DIGITS} decimal digits")
    counts = [table.count(digit) for digit in set(table)]
    if len(counts) < 8 or max(counts) > 4:
        raise ValueError("a decimalization table has at least 8 different digits, and none more than four times")


def validation_data(pan: str, begin: int, length: int, pad: str) -> bytes:
    """The 8 bytes that IBM 3624 encrypts: `length` digits of the PAN from place `begin` (0: the first), filled with `pad`."""
    chosen = pan[begin : begin + length]
    if len(chosen) != length or not 1 <= length <= 16 or not pan.isdecimal():
        raise ValueError(f"validation data of {length} digits from place {begin}: the PAN has {len(pan)}")
    return bytes.fromhex(chosen.ljust(16, pad))


def validation_template(pan: str, template: str, pad: str) -> bytes:
    """The same of digits that an issuer gives, an N among them (or none) where the PAN's last five without its check digit go, as
    payShields have it."""
    chosen = template.replace("N", pan[:-1][-5:], 1)
    if len(pan) < 6 or not pan.isdecimal() or not chosen.isdecimal() or len(chosen) > 16:
        raise ValueError("validation data are up to 16 digits, with one N for the PAN's last five at most")
    return bytes.fromhex(chosen.ljust(16, pad))


def natural_pin(key: bytes, table: str, data: bytes, length: int) -> str:
    """The PIN that IBM 3624 makes of the validation data (8 bytes), `length` digits (4 to 16)."""
    check_table(table)
    digits = des.ecb_encryptor(key)(data).hex()[:length]
    return "".join(table[int(digit, 16)] for digit in digits)


def offset_of(pin: str, natural: str) -> str:
    """What must be added to the natural PIN, digit by digit, to give `pin`."""
    check_pin(pin)
    return "".join(str((int(p) - int(n)) % 10) for p, n in zip(pin, natural, strict=True))


def pin_of(natural: str, offset: str) -> str:
    """The PIN that an offset makes of the natural one; F's behind it fill its place, as hardware modules send it."""
    offset = bare_offset(offset)
    return "".join(str((int(n) + int(o)) % 10) for n, o in zip(natural, offset, strict=True))


def bare_offset(offset: str) -> str:
    """Without the F's that fill twelve places."""
    return offset.upper().rstrip("F")


def same(one: str, other: str) -> bool:
    """True if both are the same digits, told in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
