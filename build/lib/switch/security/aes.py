"""AES as contexts kept for one key each: whole blocks of 16, each by itself, or chained.

Blocks by themselves (ECB) are what PIN block format 4, DUKPT and check values are defined with; nothing longer is encrypted so.
"""

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from switch.security.des import Transform

BLOCK_BYTES: Final = 16
KEY_BYTES: Final = (16, 24, 32)


def ecb_encryptor(key: bytes) -> Transform:
    """Encrypts whole blocks; may be called any number of times. `key`: 16, 24 or 32 bytes, else ValueError."""
    return Cipher(AES(key), modes.ECB()).encryptor().update  # noqa: S305 - single blocks, as the standards define


def ecb_decryptor(key: bytes) -> Transform:
    """The inverse of `ecb_encryptor`."""
    return Cipher(AES(key), modes.ECB()).decryptor().update  # noqa: S305 - single blocks, as the standards define


def cbc_encrypt(key: bytes, vector: bytes, data: bytes) -> bytes:
    """`data` (whole blocks) under CBC from `vector` (16 bytes)."""
    return Cipher(AES(key), modes.CBC(vector)).encryptor().update(data)


def cbc_decrypt(key: bytes, vector: bytes, data: bytes) -> bytes:
    """The inverse of `cbc_encrypt`."""
    return Cipher(AES(key), modes.CBC(vector)).decryptor().update(data)
