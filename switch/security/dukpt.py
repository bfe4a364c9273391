"""DUKPT: keys that a terminal uses once, derived on both ends from a counter. Triple DES (ANSI X9.24-1) and AES (X9.24-3).

In: a base derivation key (BDK), or the initial key (IK) made of it, and a key serial number (KSN). Out: working keys. Rule: a
transaction's key never leaves here but as one of its working keys, each for one purpose. That a device's counter does not go back
is the caller's to remember (`counter_of`).
"""

from typing import Final

from switch.security import aes, des

# -- triple DES: KSN of 10 bytes, 59 bits of key set and device, 21 of counter

TDES_KSN_BYTES: Final = 10
_SHORT_BYTES: Final = 8
TDES_COUNTER_BITS: Final = 21
TDES_ONES_MAX: Final = 10
_COUNTER: Final = (1 << TDES_COUNTER_BITS) - 1
_HALF: Final = bytes.fromhex("C0C0C0C000000000")
_PATTERN: Final = _HALF + _HALF

PIN: Final = bytes.fromhex("00000000000000FF") * 2
MAC_REQUEST: Final = bytes.fromhex("000000000000FF00") * 2
MAC_RESPONSE: Final = bytes.fromhex("00000000FF000000") * 2
DATA_REQUEST: Final = bytes.fromhex("0000000000FF0000") * 2
DATA_RESPONSE: Final = bytes.fromhex("000000FF00000000") * 2


class KsnError(ValueError):
    """A key serial number that names no key."""


def tdes_counter(ksn: bytes) -> int:
    """The transaction counter of a KSN. Raises KsnError for one that no device reaches."""
    counter = int.from_bytes(_whole(ksn), "big") & _COUNTER
    if not 1 <= counter.bit_count() <= TDES_ONES_MAX:
        raise KsnError(
            f"KSN: its counter has {counter.bit_count()} bits set; a device uses those with 1 to {TDES_ONES_MAX}"
        )
    return counter


def _whole(ksn: bytes) -> bytes:
    """All 10 bytes: many hosts and devices say the last 8, before which two of FF stand."""
    if len(ksn) not in (TDES_KSN_BYTES, _SHORT_BYTES):
        raise KsnError(
            f"a KSN of triple DES has {TDES_KSN_BYTES} bytes, or the last {_SHORT_BYTES}; this one {len(ksn)}"
        )
    return ksn.rjust(TDES_KSN_BYTES, b"\xff")


def tdes_device(ksn: bytes) -> bytes:
    """Key set and device of a KSN: itself with a counter of 0. Raises KsnError."""
    return (int.from_bytes(_whole(ksn), "big") & ~_COUNTER).to_bytes(TDES_KSN_BYTES, "big")


def tdes_initial_key(bdk: bytes, ksn: bytes) -> bytes:
    """The key (16 bytes) that the device of this KSN was given. `bdk`: 16 bytes."""
    if len(bdk) != 16:
        raise des.DesKeyError(f"a base derivation key of triple DES has 16 bytes, this one {len(bdk)}")
    device = tdes_device(ksn)[:8]
    return des.ecb_encryptor(bdk)(device) + des.ecb_encryptor(des.xor(bdk, _PATTERN))(device)


def tdes_transaction_key(initial: bytes, ksn: bytes) -> bytes:
    """The key (16 bytes) of one transaction. Use `tdes_working_key`: this one by itself is for nothing."""
    counter = tdes_counter(ksn)
    register = int.from_bytes(tdes_device(ksn)[2:], "big")
    key = initial
    for bit in range(TDES_COUNTER_BITS - 1, -1, -1):
        if counter & 1 << bit:
            register |= 1 << bit
            key = _descend(key, register.to_bytes(8, "big"))
    return key


def _descend(key: bytes, register: bytes) -> bytes:
    """One set bit further: the non-reversible step of X9.24-1."""
    varied = des.xor(key, _PATTERN)
    halves = (des.xor(des.ecb_encryptor(k[:8])(des.xor(register, k[8:])), k[8:]) for k in (varied, key))
    return b"".join(halves)


def tdes_working_key(transaction_key: bytes, use: bytes) -> bytes:
    """The key of one purpose (`PIN`, `MAC_REQUEST` …). Keys for data are encrypted by themselves besides."""
    key = des.xor(transaction_key, use)
    return des.ecb_encryptor(key)(key) if use in (DATA_REQUEST, DATA_RESPONSE) else key


def device_and_counter(ksn: bytes) -> tuple[str, int]:
    """Key set and device of a KSN, of triple DES (10 bytes) or AES (12), in hex, and its counter. Raises KsnError."""
    if len(ksn) == AES_KSN_BYTES:
        return ksn[:8].hex().upper(), aes_counter(ksn)
    return tdes_device(ksn).hex().upper(), tdes_counter(ksn)


def serial_of(device: str, counter: int) -> bytes:
    """The inverse of `device_and_counter`."""
    if len(device) == 2 * TDES_KSN_BYTES:
        return (int(device, 16) | counter).to_bytes(TDES_KSN_BYTES, "big")
    return bytes.fromhex(device) + counter.to_bytes(4, "big")


def next_counter(counter: int, ones_max: int) -> int:
    """The counter that a device uses after this one: those with more set bits are left out."""
    counter += 1
    while counter.bit_count() > ones_max:
        counter += counter & -counter
    return counter


# -- AES: KSN of 12 bytes, 8 of initial key id (4 BDK id, 4 derivation id), 4 of counter

AES_KSN_BYTES: Final = 12
AES_ONES_MAX: Final = 16
UPDATE_COUNTER: Final = 0xFFFFFFFF

KEY_ENCRYPTION: Final = 0x0002
PIN_ENCRYPTION: Final = 0x1000
MAC_GENERATION: Final = 0x2000
MAC_VERIFICATION: Final = 0x2001
MAC_BOTH: Final = 0x2002
DATA_ENCRYPTION: Final = 0x3000
DATA_DECRYPTION: Final = 0x3001
DATA_BOTH: Final = 0x3002
_DERIVATION: Final = 0x8000
_INITIAL: Final = 0x8001

TDES_2: Final = 0
TDES_3: Final = 1
AES_128: Final = 2
AES_192: Final = 3
AES_256: Final = 4
HMAC: Final = 5
_BITS: Final = {TDES_2: 128, TDES_3: 192, AES_128: 128, AES_192: 192, AES_256: 256}
AES_OF_BYTES: Final = {16: AES_128, 24: AES_192, 32: AES_256}
_STRENGTH: Final = {TDES_2: 80, TDES_3: 112, AES_128: 128, AES_192: 192, AES_256: 256}


def aes_counter(ksn: bytes) -> int:
    """The transaction counter of a KSN. Raises KsnError for one that no device reaches."""
    if len(ksn) != AES_KSN_BYTES:
        raise KsnError(f"a KSN of AES has {AES_KSN_BYTES} bytes, this one {len(ksn)}")
    counter = int.from_bytes(ksn[8:], "big")
    if not 1 <= counter.bit_count() <= AES_ONES_MAX:
        raise KsnError(
            f"KSN: its counter has {counter.bit_count()} bits set; a device uses those with 1 to {AES_ONES_MAX}"
        )
    return counter


def aes_initial_key(bdk: bytes, initial_id: bytes) -> bytes:
    """The key that the device with this id (8 bytes) was given, as long as the `bdk` (16, 24 or 32 bytes)."""
    algorithm = _aes_of(bdk)
    return _derive(bdk, _INITIAL, algorithm, _BITS[algorithm], initial_id)


def aes_transaction_key(initial: bytes, ksn: bytes) -> bytes:
    """The derivation key of one transaction. Use `aes_working_key`: this one by itself is for nothing."""
    return _aes_descend(initial, ksn[:8], aes_counter(ksn))


def _aes_descend(initial: bytes, initial_id: bytes, counter: int) -> bytes:
    algorithm = _aes_of(initial)
    key, so_far = initial, 0
    for bit in range(31, -1, -1):
        if counter & 1 << bit:
            so_far |= 1 << bit
            key = _derive(key, _DERIVATION, algorithm, _BITS[algorithm], initial_id[4:8] + so_far.to_bytes(4, "big"))
    return key


def aes_working_key(
    transaction_key: bytes, use: int, algorithm: int, initial_id: bytes, counter: int, bits: int = 0
) -> bytes:
    """The key of one purpose and algorithm, never stronger than the initial key (else ValueError). `bits`: of an HMAC key."""
    size = bits or _BITS[algorithm]
    if _STRENGTH.get(algorithm, size) > 8 * len(transaction_key):
        raise ValueError(
            f"a working key of {size} bits under an initial key of {8 * len(transaction_key)}: never stronger"
        )
    return _derive(transaction_key, use, algorithm, size, initial_id[4:8] + counter.to_bytes(4, "big"))


def aes_update_key(initial: bytes, initial_id: bytes) -> bytes:
    """The key under which a device is sent its next initial key: of a counter that no transaction has.

    No command of the module's sends one; it stands here, with others' vectors, for who loads terminals with this library.
    """
    last = _aes_descend(initial, initial_id, UPDATE_COUNTER)
    return aes_working_key(last, KEY_ENCRYPTION, _aes_of(initial), initial_id, UPDATE_COUNTER)


def _aes_of(key: bytes) -> int:
    if len(key) not in AES_OF_BYTES:
        raise ValueError(f"an AES key has 16, 24 or 32 bytes, this one {len(key)}")
    return AES_OF_BYTES[len(key)]


def _derive(parent: bytes, use: int, algorithm: int, bits: int, tail: bytes) -> bytes:
    """X9.24-3's derivation: as many blocks of the parent's ECB as the key has."""
    encrypt = aes.ecb_encryptor(parent)
    blocks = range(1, (bits + 127) // 128 + 1)
    data = use.to_bytes(2, "big") + algorithm.to_bytes(2, "big") + bits.to_bytes(2, "big") + tail
    return b"".join(encrypt(b"\x01" + bytes((n,)) + data) for n in blocks)[: bits // 8]
