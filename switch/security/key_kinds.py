"""What keys of a payment switch are for, how strong they are, and how their components are drawn. Pure tables and rules."""

from functools import reduce
from typing import Final

import msgspec

from switch.security import check_values, des
from switch.security.key_blocks import KeyBlock
from switch.security.key_source import Random

SIZES: Final = {"tdes2": 16, "tdes3": 24, "aes128": 16, "aes192": 24, "aes256": 32, "hmac256": 32}
LETTERS: Final = {"tdes2": "T", "tdes3": "T", "aes128": "A", "aes192": "A", "aes256": "A", "hmac256": "H"}
ALGORITHMS: Final = tuple(SIZES)


class Kind(msgspec.Struct, frozen=True):
    """What a key is for: X9.143's usage and mode, and the algorithms it may have."""

    usage: str
    mode: str
    algorithms: tuple[str, ...]
    title: str


_BOTH: Final = ("tdes2", "tdes3", "aes128", "aes192", "aes256")
_TDES: Final = ("tdes2",)
KINDS: Final[dict[str, Kind]] = {
    "zmk": Kind("K0", "B", _BOTH, "zone master key: carries other keys to and from one partner"),
    "zpk": Kind("P0", "B", _BOTH, "zone PIN key"),
    "tpk": Kind("P0", "B", _BOTH, "terminal PIN key"),
    "zak": Kind("M3", "C", _TDES, "MAC key, ISO 9797-1 algorithm 3 (retail MAC)"),
    "zak1": Kind("M1", "C", _BOTH[:2], "MAC key, ISO 9797-1 algorithm 1"),
    "zak-cmac": Kind("M6", "C", _BOTH, "MAC key, CMAC"),
    "zak-hmac": Kind("M7", "C", ("hmac256",), "MAC key, HMAC-SHA-256"),
    "bdk": Kind("B0", "X", ("tdes2", "aes128", "aes192", "aes256"), "base derivation key of terminals (DUKPT)"),
    "cvk": Kind("C0", "C", _TDES, "card verification key: CVV, CVV2, CAVV"),
    "aavk": Kind("C0", "C", ("hmac256",), "authentication value key: Mastercard's AAV"),
    "pvk": Kind("V2", "C", _TDES, "PIN verification key, Visa PVV"),
    "pvk-ibm": Kind("V1", "C", _TDES, "PIN verification key, IBM 3624"),
    "imk-ac": Kind("E0", "X", _TDES, "issuer master key: chip cryptograms"),
    "imk-ac-test": Kind("E0", "N", _TDES, "issuer master key of test cards: makes their chips' cryptograms, too"),
    "imk-smi": Kind("E2", "X", _TDES, "issuer master key: MACs of chip scripts"),
    "imk-smc": Kind("E1", "X", _TDES, "issuer master key: encryption of chip scripts"),
    "imk-cvc3": Kind("E4", "X", _TDES, "issuer master key: values of stripes that change, dCVV and CVC3"),
    "imk-cvc3-test": Kind("E4", "N", _TDES, "issuer master key of test cards: makes those values, too"),
}


USAGES: Final = {
    "B0": "base derivation key",
    "B1": "initial DUKPT key",
    "C0": "card verification key",
    "D0": "data key",
    "E0": "EMV cryptogram master key",
    "E1": "EMV script encryption key",
    "E2": "EMV script MAC key",
    "E4": "EMV dynamic number key",
    "K0": "key encryption key",
    "K1": "key block protection key",
    "M0": "MAC key (ISO 16609, as ISO 9797-1 algorithm 1)",
    "M1": "MAC key (ISO 9797-1 algorithm 1)",
    "M3": "MAC key (ISO 9797-1 algorithm 3)",
    "M6": "MAC key (CMAC)",
    "M7": "MAC key (HMAC)",
    "P0": "PIN encryption key",
    "V0": "PIN verification key (any method)",
    "V1": "PIN verification key (IBM 3624)",
    "V2": "PIN verification key (Visa PVV)",
}
"""X9.143's usages that a security module knows, in words"""


def strength(algorithm: str, key_bytes: int) -> int:
    """Bits of security of a key (NIST SP 800-57): of triple DES 80 and 112, of others their length."""
    if algorithm in ("T", "D"):
        return {8: 56, 16: 80, 24: 112}[key_bytes]
    return 8 * key_bytes


def single_des(name: str, algorithm: str, key: bytes) -> str:
    """Why a triple DES key whose halves are the same is none: it does what single DES does. "" where they differ."""
    if algorithm == "T" and (key[:8] == key[8:16] or key[8:16] == key[16:24]):
        return f"key {name!r} has halves that are the same: it is as weak as single DES, and not taken in"
    return ""


def too_strong(name: str, key: KeyBlock, under: str, parent: KeyBlock) -> str:
    """Why a key must not travel under this one; "" where it may."""
    of_child = strength(key.header.algorithm, len(key.key))
    of_parent = strength(parent.header.algorithm, len(parent.key))
    if of_child <= of_parent:
        return ""
    return (
        f"key {name!r} has {of_child} bits of security, {under!r} {of_parent}: a key never travels under a weaker one"
    )


def drawn_components(algorithm: str, count: int, random: Random) -> list[bytes]:
    """Components of a new key, `count` of them (2 or 3); of triple DES with odd parity each, and so that the key has it too."""
    parts = [random(SIZES[algorithm]) for _ in range(count)]
    if LETTERS[algorithm] != "T":
        return parts
    whole = des.with_odd_parity(check_values.combine(parts))
    rest = [des.with_odd_parity(part) for part in parts[:-1]]
    return [*rest, reduce(des.xor, rest, whole)]
