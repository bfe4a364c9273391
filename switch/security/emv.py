"""What a chip card's issuer checks and answers: card and session keys, the cryptogram (ARQC), its response (ARPC).

In: an issuer master key, the card's PAN and sequence number, the tags of DE55. Out: cryptograms. Rule: which data, padding,
session key and response belong together is the cryptogram version's (`VERSIONS`), which stands in the issuer's data (tag 9F10).

Sources: EMV 4.3 book 2 (A1.4 card keys, A1.3 session keys, 8.2 response), Visa VIS (CVN 10, 18, 22), M/Chip (CVN 16, 17, 20, 21).
"""

from collections.abc import Mapping
from hashlib import sha1
from typing import Final

import msgspec

from switch.security import des
from switch.security.macs import ALGORITHM_3, agrees, mac_maker
from switch.security.pins import decimals

VISA: Final = "visa"
MASTERCARD: Final = "mastercard"
DATA_TAGS: Final = ("9F02", "9F03", "9F1A", "95", "5F2A", "9A", "9C", "9F37", "82", "9F36")
"""what every cryptogram is made over, in this order"""
PADDING_1: Final = 1
PADDING_2: Final = 2
"""padding methods 1 and 2 of ISO 9797-1"""
_FORMAT_2: Final = b"\x1f"
"""how Visa's issuer data of format 2 begin: their length"""


class ChipDataError(ValueError):
    """Chip data that no cryptogram can be made of; names the tag."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """What belongs to one cryptogram version number."""

    session: str
    """`card` (none: the card's own key), `common` (EMV) or `mchip`"""
    issuer_data: str
    """which part of 9F10 is covered: `cvr` (Visa), `whole`, `mchip` (6 bytes), `mchip-counters` (14)"""
    padding: int
    response: int
    """ARPC method 1 or 2"""
    response_key: str
    """`card` or `session`"""
    card_keys: str = "A"
    """by which option an issuer derives them, where it does not say"""


_MCHIP: Final = Version(session="mchip", issuer_data="mchip", padding=PADDING_2, response=1, response_key="card")
_MCHIP_EMV: Final = Version(
    session="common", issuer_data="mchip", padding=PADDING_2, response=1, response_key="session"
)
_VISA_COMMON: Final = Version(
    session="common", issuer_data="whole", padding=PADDING_2, response=2, response_key="session"
)
VERSIONS: Final[dict[tuple[str, int], Version]] = {
    (VISA, 10): Version(session="card", issuer_data="cvr", padding=PADDING_1, response=1, response_key="card"),
    (VISA, 18): _VISA_COMMON,
    (VISA, 22): msgspec.structs.replace(_VISA_COMMON, card_keys="B"),
    (MASTERCARD, 16): _MCHIP,
    (MASTERCARD, 17): msgspec.structs.replace(_MCHIP, issuer_data="mchip-counters"),
    (MASTERCARD, 20): _MCHIP_EMV,
    (MASTERCARD, 21): msgspec.structs.replace(_MCHIP_EMV, issuer_data="mchip-counters"),
}


# -- keys


def card_key(issuer_key: bytes, pan: str, sequence: str = "00", option: str = "A") -> bytes:
    """The card's own key (16 bytes, odd parity). `sequence`: DE23 or tag 5F34, two digits, 00 where there is none. `option`: A,
    or B for PANs of more than 16 digits."""
    digits = pan + sequence[-2:].rjust(2, "0")
    if option == "B" and len(pan) > 16:
        digest = sha1(bytes.fromhex(digits.rjust(len(digits) + len(digits) % 2, "0")), usedforsecurity=False)
        source = bytes.fromhex(decimals(digest.hexdigest(), 16))
    elif option in ("A", "B"):
        source = bytes.fromhex(digits[-16:].rjust(16, "0"))
    else:
        raise ValueError(f"card keys are derived by option A or B, not {option!r}")
    encrypt = des.ecb_encryptor(issuer_key)
    return des.with_odd_parity(encrypt(source) + encrypt(des.xor(source, b"\xff" * 8)))


def session_key(card: bytes, diversifier: bytes) -> bytes:
    """EMV's common session key of 8 bytes of `diversifier` (`common_diversifier`, `mchip_diversifier`), odd parity."""
    encrypt = des.ecb_encryptor(card)
    halves = (encrypt(diversifier[:2] + mark + diversifier[3:]) for mark in (b"\xf0", b"\x0f"))
    return des.with_odd_parity(b"".join(halves))


def common_diversifier(atc: bytes) -> bytes:
    """Of a cryptogram's session key in EMV's own way."""
    return atc + bytes(6)


def mchip_diversifier(atc: bytes, unpredictable: bytes) -> bytes:
    """Of M/Chip's proprietary session key."""
    return atc + bytes(2) + unpredictable


# -- cryptograms


def cryptogram(key: bytes, data: bytes, padding: int) -> bytes:
    """8 bytes over `data`: ISO 9797-1 algorithm 3 with padding method 1 (older Visa) or 2."""
    return mac_maker(ALGORITHM_3, key, padding)(data)


def response_1(key: bytes, arqc: bytes, code: bytes) -> bytes:
    """ARPC by method 1, 8 bytes. `code`: the response code, 2 bytes (two ASCII digits, or Mastercard's)."""
    return des.ecb_encryptor(key)(des.xor(arqc, code + bytes(6)))


def response_2(key: bytes, arqc: bytes, status: bytes, proprietary: bytes = b"") -> bytes:
    """ARPC by method 2, 4 bytes. `status`: the card status update (CSU), 4 bytes; `proprietary`: up to 8."""
    return mac_maker(ALGORITHM_3, key, PADDING_2)(arqc + status + proprietary)[:4]


def version_of(scheme: str, issuer_data: bytes) -> int:
    """The cryptogram version number in tag 9F10: its third byte for Visa, its second for Mastercard.

    Visa's format 2 (31 bytes behind the length, as newer cards have it) has it as its second, in digits: 22 for CVN 22."""
    if scheme == VISA and issuer_data[:1] == _FORMAT_2 and len(issuer_data) > 1:
        digits = issuer_data[1:2].hex()
        return int(digits) if digits.isdecimal() else issuer_data[1]
    place = {VISA: 2, MASTERCARD: 1}.get(scheme)
    if place is None:
        raise ChipDataError(f"cryptograms of {scheme!r} are not known: those of {VISA} and {MASTERCARD} are")
    if len(issuer_data) <= place:
        raise ChipDataError(f"tag 9F10 of {len(issuer_data)} bytes has no cryptogram version")
    return issuer_data[place]


def covered(version: Version, tags: Mapping[str, bytes]) -> bytes:
    """What the cryptogram of this version is made over."""
    issuer_data = _tag(tags, "9F10")
    part = {
        "cvr": issuer_data[3:7],
        "whole": issuer_data,
        "mchip": issuer_data[2:8],
        "mchip-counters": issuer_data[2:8] + issuer_data[10:18],  # between them stands the ICC's dynamic number
    }[version.issuer_data]
    return b"".join(_tag(tags, name) for name in DATA_TAGS) + part


class Chip(msgspec.Struct, frozen=True):
    """The keys of one transaction of one card, and what its version asks for. Never shown, logged or kept."""

    version: Version
    card: bytes
    session: bytes

    def arqc(self, tags: Mapping[str, bytes]) -> bytes:
        """The cryptogram the card makes of these tags."""
        return cryptogram(self.session, covered(self.version, tags), self.version.padding)

    def arpc(self, arqc: bytes, code: bytes, status: bytes = bytes(4)) -> bytes:
        """What goes back in tag 91: ARPC and `code` (method 1; Visa's CVN 10 too), or ARPC and `status` (method 2)."""
        key = self.card if self.version.response_key == "card" else self.session
        if self.version.response == 1:
            return response_1(key, arqc, code) + code
        return response_2(key, arqc, status) + status


def chip_of(scheme: str, issuer_key: bytes, pan: str, sequence: str, option: str, tags: Mapping[str, bytes]) -> Chip:
    """The keys with which this card made its cryptogram. `option`: "" for its version's.

    Raises ChipDataError: a version that is not known, a tag not there."""
    number = version_of(scheme, _tag(tags, "9F10"))
    version = VERSIONS.get((scheme, number))
    if version is None:
        known = ", ".join(str(n) for s, n in VERSIONS if s == scheme)
        raise ChipDataError(f"tag 9F10: cryptogram version {number} of {scheme} is not known; {known} are")
    card = card_key(issuer_key, pan, sequence, option or version.card_keys)
    if version.session == "card":
        return Chip(version, card, card)
    atc = _tag(tags, "9F36")
    common = version.session == "common"
    diversifier = common_diversifier(atc) if common else mchip_diversifier(atc, _tag(tags, "9F37"))
    return Chip(version, card, session_key(card, diversifier))


def verify(chip: Chip, tags: Mapping[str, bytes]) -> bool:
    """True if the cryptogram in tag 9F26 is the one these tags give."""
    return agrees(chip.arqc(tags), _tag(tags, "9F26"))


def _tag(tags: Mapping[str, bytes], name: str) -> bytes:
    value = tags.get(name)
    if value is None:
        raise ChipDataError(f"tag {name} is not there")
    return value
