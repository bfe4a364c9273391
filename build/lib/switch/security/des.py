"""DES and triple DES, which payment keys still are, as contexts kept for one key each. The only file
that names the old algorithms.

In and out: bytes, whole blocks of 8. Rule: a context is made once a key (12 µs) and used for good (1 µs a block); nothing
here pads, and nothing here knows what a key is for.

Single DES is triple DES with one key three times; a double-length key K1 K2 is K1 K2 K1.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.cmac import CMAC

BLOCK_BYTES: Final = 8
ZEROS: Final = bytes(BLOCK_BYTES)
KEY_BYTES: Final = (8, 16, 24)

Transform: TypeAlias = Callable[[bytes], bytes]


class DesKeyError(ValueError):
    """A key that no DES takes; says its length, never its value."""


def _algorithm(key: bytes) -> TripleDES:
    if len(key) not in KEY_BYTES:
        raise DesKeyError(f"a DES key has 8, 16 or 24 bytes, this one {len(key)}")
    return TripleDES({8: key * 3, 16: key + key[:8], 24: key}[len(key)])


def ecb_encryptor(key: bytes) -> Transform:
    """Encrypts whole blocks, each by itself; may be called any number of times. `key`: 8, 16 or 24 bytes, else DesKeyError."""
    return Cipher(_algorithm(key), modes.ECB()).encryptor().update  # noqa: S305 - single blocks, as the standards define


def ecb_decryptor(key: bytes) -> Transform:
    """The inverse of `ecb_encryptor`."""
    return Cipher(_algorithm(key), modes.ECB()).decryptor().update  # noqa: S305 - single blocks, as the standards define


def cbc_chain(key: bytes) -> Transform:
    """One CBC encryption from a zero vector that never ends: each call goes on where the one before stopped."""
    return Cipher(_algorithm(key), modes.CBC(ZEROS)).encryptor().update


def cbc_encrypt(key: bytes, vector: bytes, data: bytes) -> bytes:
    """`data` (whole blocks) under CBC from `vector` (8 bytes)."""
    return Cipher(_algorithm(key), modes.CBC(vector)).encryptor().update(data)


def cbc_decrypt(key: bytes, vector: bytes, data: bytes) -> bytes:
    """The inverse of `cbc_encrypt`."""
    return Cipher(_algorithm(key), modes.CBC(vector)).decryptor().update(data)


def cmac(key: bytes) -> CMAC:
    """A CMAC (NIST SP 800-38B) keyed and without data: to be copied for each use."""
    return CMAC(_algorithm(key))


def with_odd_parity(key: bytes) -> bytes:
    """The key with the lowest bit of each byte set so that its bits are odd in number, as DES keys are handed over."""
    return bytes(byte ^ 1 if byte.bit_count() % 2 == 0 else byte for byte in key)


def xor(one: bytes, other: bytes) -> bytes:
    """Bit by bit; both of one length, which is that of the result."""
    size = len(one)
    assert size == len(other), "operands of one length"
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(size, "big")
