"""CBC-MACs of single DES from the system's libcrypto, which Python's own `ssl` has loaded already: two to three times as fast as
triple DES under one key three times, which is all that `cryptography` offers.

In: a key of 8 bytes. Out: what makes the last block of a CBC encryption from a zero vector, or None where this libcrypto has no
single DES, or one that computes otherwise: who asks has another way. Rule: nothing is trusted that has not just given the value
that it must (FIPS 81, table C1, as CBC-MAC).
"""

import ctypes
from collections.abc import Callable
from typing import Any, Final

from switch.security.des import BLOCK_BYTES, Transform

_SCHEDULE_BYTES: Final = 128
"""of DES_key_schedule: 16 rounds of 8 bytes"""
_ZEROS: Final = bytes(BLOCK_BYTES)
_KNOWN: Final = (bytes.fromhex("0123456789ABCDEF"), b"Now is the time for all ", bytes.fromhex("683788499A7C05F6"))
_KNOWN_VECTOR: Final = bytes.fromhex("1234567890ABCDEF")


def _load() -> Callable[[bytes], Transform] | None:
    """What turns a key into a maker of MACs."""
    try:
        import _ssl  # noqa: PLC0415 - a Python without it has none

        library = ctypes.CDLL(_ssl.__file__)
        set_key, mac = library.DES_set_key_unchecked, library.DES_cbc_cksum
    except (ImportError, AttributeError, OSError):
        return None
    set_key.argtypes = (ctypes.c_char_p, ctypes.c_char_p)
    set_key.restype = None
    mac.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_long, ctypes.c_char_p, ctypes.c_char_p)
    mac.restype = ctypes.c_uint32
    return lambda key: _maker(set_key, mac, key)


def _maker(set_key: Any, mac: Any, key: bytes) -> Transform:
    schedule, out = ctypes.create_string_buffer(_SCHEDULE_BYTES), ctypes.create_string_buffer(BLOCK_BYTES)
    set_key(key, schedule)

    def make(data: bytes) -> bytes:
        mac(data, out, len(data), schedule, _ZEROS)
        return out.raw

    return make


def _proved(load: Callable[[bytes], Transform] | None) -> Callable[[bytes], Transform] | None:
    key, text, code = _KNOWN
    first = bytes(a ^ b for a, b in zip(text[:BLOCK_BYTES], _KNOWN_VECTOR, strict=True))
    return load if load is not None and load(key)(first + text[BLOCK_BYTES:]) == code else None


_MAKER: Final = _proved(_load())


def single_des_mac(key: bytes) -> Transform | None:
    """What makes the last block of whole blocks (one or more) under this key; None: there is no single DES here."""
    return _MAKER(key) if _MAKER is not None and len(key) == BLOCK_BYTES else None
