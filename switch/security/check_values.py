"""Key check values, by which two people know that they hold the same key; and keys made of components.

Rule: never more than 3 bytes of a DES key's value and 5 of an AES key's: more would help to guess the key.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256, Hash

from switch.security import aes, des
from switch.security.macs import AES_CMAC, TDES_CMAC, mac_maker

TDES_BYTES: Final = 3
CMAC_BYTES: Final = 5
AES_BLOCK: Final = bytes(16)
DIGITS_MIN: Final = 4
"""of a check value that somebody says; hosts show 4, 6, 10 or 16"""
FIELD_DIGITS: Final = 16
"""of the longest field for one: it may be filled"""


def _tdes_zeros(key: bytes) -> bytes:
    """8 bytes: zeros under the key, as since DES."""
    return des.ecb_encryptor(key)(des.ZEROS)


def _tdes_cmac(key: bytes) -> bytes:
    """8 bytes: the CMAC of 8 zero bytes (X9.143, optional blocks KC and KP with id 01)."""
    return mac_maker(TDES_CMAC, key)(des.ZEROS)


def _aes_cmac(key: bytes) -> bytes:
    """16 bytes: the CMAC of 16 zero bytes (X9.143)."""
    return mac_maker(AES_CMAC, key)(AES_BLOCK)


def _aes_zeros(key: bytes) -> bytes:
    """16 bytes: zeros under the key by ECB, older modules' way with AES keys."""
    return aes.ecb_encryptor(key)(AES_BLOCK)


_SAID: Final[dict[str, tuple[Callable[[bytes], bytes], ...]]] = {
    "A": (_aes_cmac, _aes_zeros),
    "T": (_tdes_zeros, _tdes_cmac),
    "D": (_tdes_zeros,),
}
"""X9.143 algorithm -> what somebody may say of such a key, each whole; the first is what is said here"""


def tdes_check_value(key: bytes) -> bytes:
    """3 bytes: zeros under the key, as since DES."""
    return _tdes_zeros(key)[:TDES_BYTES]


def aes_check_value(key: bytes) -> bytes:
    """5 bytes: the CMAC of 16 zero bytes (X9.143). Some modules show the first 3."""
    return _aes_cmac(key)[:CMAC_BYTES]


def check_value(algorithm: str, key: bytes) -> bytes:
    """The check value of a key of this X9.143 algorithm: `A` AES, `T` and `D` DES; of others (HMAC) 3 bytes of its SHA-256."""
    if algorithm == "A":
        return aes_check_value(key)
    if algorithm in ("T", "D"):
        return tdes_check_value(key)
    digest = Hash(SHA256())
    digest.update(key)
    return digest.finalize()[:TDES_BYTES]


def other_check_value(algorithm: str, key: bytes) -> bytes:
    """What others may say of such a key in its place, as long; b"": of such keys all say the same."""
    shown = CMAC_BYTES if algorithm == "A" else TDES_BYTES
    return b"".join(make(key)[:shown] for make in _SAID.get(algorithm, ())[1:])


def without_filling(said: str) -> str:
    """A check value without what fills its field: blanks, or zeros where a field of 16 has 4 or 6 digits of one (Mastercard's
    have 4). Shorter fields are taken as they are: zeros in them are the key's."""
    said = said.strip()
    if len(said) >= FIELD_DIGITS:
        for digits in (DIGITS_MIN, 2 * TDES_BYTES):
            if not said[digits:].strip("0"):
                return said[:digits]
    return said


def is_check_value(algorithm: str, key: bytes, said: str) -> bool:
    """Whether somebody means this key: `said` begins, with 4 hex digits or more, a check value in use for its algorithm, and may
    be filled. Of DES keys zeros encrypted, or (X9.143) their CMAC; of AES keys the CMAC, or (older modules) zeros encrypted."""
    whole = [make(key) for make in _SAID.get(algorithm, ())] or [check_value(algorithm, key)]
    said = without_filling(said)
    return len(said) >= DIGITS_MIN and any(value.hex().startswith(said.lower()) for value in whole)


def same_key(one: str, other: str) -> bool:
    """Whether two check values, each as long as somebody shows it, can be of one key."""
    one, other = without_filling(one), without_filling(other)
    shown = min(len(one), len(other))
    return shown >= DIGITS_MIN and one[:shown].upper() == other[:shown].upper()


def combine(components: Sequence[bytes]) -> bytes:
    """The key of two or three components of its own length, whose XOR it is. Raises ValueError."""
    if len(components) not in (2, 3):
        raise ValueError(f"a key has two or three components, not {len(components)}")
    if len({len(component) for component in components}) != 1:
        raise ValueError("the components differ in length: each is as long as the key")
    return reduce(des.xor, components)
