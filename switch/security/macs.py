"""Message authentication codes of payment links: ISO 9797-1 algorithms 1 and 3, CMAC, HMAC.

In: a key and bytes. Out: the whole code (8, 16 or 32 bytes); who sends fewer cuts it. Rule: a maker is made once a key and
called for each message; verification compares in constant time.

Sources: ISO/IEC 9797-1 (algorithm 3 is ANSI X9.19, the retail MAC), NIST SP 800-38B, RFC 2104.
"""

import hmac
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from switch.security import des
from switch.security.des import BLOCK_BYTES, Transform, xor
from switch.security.single_des import single_des_mac

ALGORITHM_1: Final = "iso9797-1-alg1"
ALGORITHM_3: Final = "iso9797-1-alg3"
AES_CMAC: Final = "aes-cmac"
TDES_CMAC: Final = "tdes-cmac"
HMAC_SHA256: Final = "hmac-sha256"
ALGORITHMS: Final = (ALGORITHM_1, ALGORITHM_3, AES_CMAC, TDES_CMAC, HMAC_SHA256)
PADDINGS: Final = (1, 2, 3)
MAC_BYTES_MIN: Final = 4
"""of a code in a message: fewer are guessed"""


def pad(data: bytes, method: int) -> bytes:
    """`data` filled to whole blocks of 8 as ISO 9797-1 says: 1 with zeros, 2 with 80 and zeros, 3 with zeros behind a block that
    holds the length in bits. Nothing becomes one block."""
    if method == 2:
        data += b"\x80"
    filled = data + bytes(-len(data) % BLOCK_BYTES) if data or method == 3 else bytes(BLOCK_BYTES)
    if method == 3:
        return (8 * len(data)).to_bytes(BLOCK_BYTES, "big") + (filled or bytes(BLOCK_BYTES))
    if method not in PADDINGS:
        raise ValueError(f"padding {method}: ISO 9797-1 has methods 1, 2 and 3")
    return filled


def mac_maker(algorithm: str, key: bytes, padding: int = 1) -> Transform:
    """What makes the code of a message. `padding` (1, 2, 3) is of algorithms 1 and 3 only. Raises ValueError (DesKeyError for a
    key of a length DES does not have)."""
    if algorithm == ALGORITHM_1:
        return _algorithm_1(key, padding)
    if algorithm == ALGORITHM_3:
        return _algorithm_3(key, padding)
    if algorithm == AES_CMAC:
        return _cmac(CMAC(AES(key)))
    if algorithm == TDES_CMAC:
        return _cmac(des.cmac(key))
    if algorithm == HMAC_SHA256:
        return _hmac(key)
    raise ValueError(f"no MAC algorithm is called {algorithm!r}: it is one of {', '.join(ALGORITHMS)}")


def agrees(made: bytes, received: bytes) -> bool:
    """True if both are the same code, told in a time that says nothing about where they differ."""
    return hmac.compare_digest(made, received)


def _algorithm_1(key: bytes, padding: int) -> Transform:
    """CBC under the whole key, the last block."""
    mac = _cbc_mac(key)
    return lambda data: mac(pad(data, padding))


def _cbc_mac(key: bytes) -> Transform:
    """The last block of whole blocks under CBC from a zero vector."""
    chain = des.cbc_chain(key)
    last = des.ZEROS

    def make(data: bytes) -> bytes:
        nonlocal last
        # The chain is not begun anew: what is left of the message before is taken out of the first block instead.
        last = chain(xor(last, data[:BLOCK_BYTES]) + data[BLOCK_BYTES:])[-BLOCK_BYTES:]
        return last

    return make


def _algorithm_3(key: bytes, padding: int) -> Transform:
    """CBC of single DES under K1, the last block under triple DES K1 K2 K1."""
    if len(key) != 2 * BLOCK_BYTES:
        raise des.DesKeyError(f"ISO 9797-1 algorithm 3 takes a key of 16 bytes, this one has {len(key)}")
    finish = des.ecb_encryptor(key)
    first = single_des_mac(key[:BLOCK_BYTES]) or _cbc_mac(key[:BLOCK_BYTES])

    def make(data: bytes) -> bytes:
        data = pad(data, padding)
        end = data[-BLOCK_BYTES:]
        return finish(end if len(data) == BLOCK_BYTES else xor(first(data[:-BLOCK_BYTES]), end))

    return make


def _cmac(keyed: CMAC) -> Transform:
    def make(data: bytes) -> bytes:
        code = keyed.copy()
        code.update(data)
        return code.finalize()

    return make


def _hmac(key: bytes) -> Transform:
    keyed = hmac.new(key, digestmod=sha256)

    def make(data: bytes) -> bytes:
        code = keyed.copy()
        code.update(data)
        return code.digest()

    return make
