"""The security module of simulations: the same keys, the same refusals, and arithmetic that costs nothing and protects nothing.

A MAC is a keyed hash, a PIN cipher an XOR: cheap, and the same for the same seed. What a key may do is asked as ever, so that a
simulated day finds what a real one would: a MAC of another key, a block of another card, a key of the wrong use.
"""

from hashlib import blake2b, shake_128

from switch.security.des import Transform, xor
from switch.security.key_sets import KeyStore
from switch.security.key_source import Random
from switch.security.module import SoftwareModule
from switch.security.pin_blocks import PinCipher


def _mac_maker(algorithm: str, key: bytes, padding: int = 1) -> Transform:
    person = f"{algorithm}/{padding}".encode()[:16]
    return lambda data: blake2b(data, key=key, digest_size=8, person=person).digest()


def _cipher(block_bytes: int, key: bytes) -> PinCipher:
    pad = blake2b(key, digest_size=block_bytes).digest()

    def turn(block: bytes) -> bytes:
        return xor(block, pad)

    return PinCipher(turn, turn, block_bytes)


class SimulatedModule(SoftwareModule):
    """See the file's words."""

    make_mac = staticmethod(_mac_maker)

    @staticmethod
    def tdes_cipher(key: bytes) -> PinCipher:
        """Stands for triple DES."""
        return _cipher(8, key)

    @staticmethod
    def aes_cipher(key: bytes) -> PinCipher:
        """Stands for AES."""
        return _cipher(16, key)

    @classmethod
    def of(cls, keys: KeyStore, seed: int) -> "SimulatedModule":
        """One whose random numbers are always the same for a seed."""
        return cls(keys, counted(seed))


def counted(seed: int) -> Random:
    """Bytes that look random, the same each time for a seed."""
    drawn = 0

    def draw(size: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return shake_128(f"{seed}/{drawn}".encode()).digest(size)

    return draw
