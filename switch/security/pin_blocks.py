"""PIN blocks of ISO 9564-1, formats 0, 1, 3 and 4: made, read, and turned from one into another.

In: a PIN (4 to 12 digits), a PAN, a key as a pair of kept contexts, and what fills a block up (random, from the caller). Out:
encrypted blocks. Rule: an error says which block did not hold, never a digit of a PIN; a wrong key or PAN looks like a broken
block, as it does to every module, and is never called a wrong PIN.

Format 2 belongs to chips offline and is on no link. What may become what is `TRANSLATIONS`: formats 0, 3 and 4 never become 1,
which would cut the PIN from its PAN, and a PAN never changes, which would tell PINs by trying.
"""

from typing import Final, NamedTuple

from switch.security import aes, des
from switch.security.des import Transform, xor

FORMATS: Final = (0, 1, 3, 4)
TRANSLATIONS: Final = frozenset(
    {(0, 0), (0, 3), (0, 4), (3, 0), (3, 3), (3, 4), (1, 0), (1, 1), (1, 3), (1, 4), (4, 0), (4, 3), (4, 4)}
)
"""PCI PIN, requirement 3; ANSI X9.8"""
BLOCK_BYTES: Final = {0: 8, 1: 8, 3: 8, 4: 16}
PIN_DIGITS: Final = range(4, 13)
_DIGITS: Final = frozenset("0123456789")
_LETTERS: Final = "ABCDEF"
_FILLS: Final = {0: "F", 1: "0123456789ABCDEF", 3: _LETTERS, 4: "A"}


class PinBlockError(ValueError):
    """A block that is none: another key, another PAN, another format, or changed on the way. Says which rule it breaks."""


class PinCipher(NamedTuple):
    """A key for PIN blocks of 8 (triple DES) or 16 bytes (AES)."""

    encrypt: Transform
    decrypt: Transform
    block_bytes: int


def tdes_cipher(key: bytes) -> PinCipher:
    """Of a double- or triple-length DES key: formats 0, 1, 3."""
    return PinCipher(des.ecb_encryptor(key), des.ecb_decryptor(key), 8)


def aes_cipher(key: bytes) -> PinCipher:
    """Of an AES key: format 4."""
    return PinCipher(aes.ecb_encryptor(key), aes.ecb_decryptor(key), 16)


# -- clear fields


def fill_digits(pin_format: int, pin_digits: int, random: bytes) -> str:
    """What fills a block of format 1 (any hex digit) or 3 (A to F) behind the PIN, made of `random` (14 bytes or more)."""
    letters = _FILLS[pin_format] if pin_format == 1 else _LETTERS
    return "".join(letters[byte % len(letters)] for byte in random[: 14 - pin_digits])


def pin_field(pin_format: int, pin: str, fill: str) -> bytes:
    """Control digit, length, PIN and fill: 8 bytes (of format 4 the 8 before its random half)."""
    check_pin(pin)
    rest = {0: "F", 4: "A"}.get(pin_format, "") * (14 - len(pin)) or fill
    if len(rest) != 14 - len(pin):
        raise PinBlockError(f"format {pin_format}: a PIN of {len(pin)} digits is filled with {14 - len(pin)} more")
    return bytes.fromhex(f"{pin_format:X}{len(pin):X}{pin}{rest}")


def check_pin(pin: str) -> None:
    """Raises PinBlockError for a PIN that no block holds."""
    if len(pin) not in PIN_DIGITS or not _DIGITS.issuperset(pin):
        raise PinBlockError("a PIN has 4 to 12 decimal digits")


def account_field(pan: str) -> bytes:
    """The PAN's part in formats 0 and 3: its 12 last digits but the check digit, zeros before them."""
    _check_pan(pan)
    return bytes.fromhex(pan[:-1][-12:].rjust(16, "0"))


def account_field_4(pan: str) -> bytes:
    """The PAN's part in format 4: by how much it is longer than 12 digits, the PAN, zeros."""
    _check_pan(pan)
    if len(pan) > 19:
        raise PinBlockError(f"a PAN of {len(pan)} digits: format 4 takes 19 at most")
    return bytes.fromhex(f"{max(len(pan) - 12, 0)}{pan.rjust(12, '0')}".ljust(32, "0"))


def _check_pan(pan: str) -> None:
    if len(pan) < 2 or not (pan.isascii() and pan.isdecimal()):
        raise PinBlockError("a PIN block of this format needs the PAN: 2 to 19 digits")


def _read_field(pin_format: int, field: bytes) -> str:
    """The PIN of a clear PIN field (8 bytes)."""
    digits = field.hex().upper()
    if digits[0] != f"{pin_format:X}":
        raise PinBlockError(f"PIN block: its control digit is not that of format {pin_format}")
    length = int(digits[1], 16)
    if length not in PIN_DIGITS:
        raise PinBlockError("PIN block: its PIN length is not 4 to 12")
    pin, rest = digits[2 : 2 + length], digits[2 + length :]
    if not pin.isdecimal():  # of hex digits: ASCII
        raise PinBlockError("PIN block: what stands for the PIN is no decimal digits")
    if rest.strip(_FILLS[pin_format]):
        raise PinBlockError(f"PIN block: its fill is not that of format {pin_format}")
    return pin


_FILL_0: Final = {f"0{length:x}": (2 + length, "f" * (14 - length)) for length in PIN_DIGITS}
"""how a clear PIN field of format 0 begins -> where its PIN ends, and what must follow"""


def _holds_pin_0(clear: bytes, pan: str) -> bool:
    """True where `read_clear` finds a PIN in a clear block of format 0; of each PIN that passes, so without its steps."""
    account = pan[-13:-1]
    if not (pan.isascii() and pan.isdecimal() and account):
        return False
    field = f"{int.from_bytes(clear, 'big') ^ int(account, 16):016x}"
    end, fill = _FILL_0.get(field[:2], (0, ""))
    return field[end:] == fill and field[2:end].isdecimal()


# -- blocks


def clear_block(pin_format: int, pin: str, pan: str, fill: str = "") -> bytes:
    """A block of format 0, 1 or 3 before it is encrypted; `fill` as `fill_digits` makes it. For tests and terminals."""
    field = pin_field(pin_format, pin, fill)
    return field if pin_format == 1 else xor(field, account_field(pan))


def read_clear(pin_format: int, block: bytes, pan: str) -> str:
    """The PIN of a clear block of format 0, 1 or 3. Raises PinBlockError."""
    _check_size(pin_format, block)
    return _read_field(pin_format, block if pin_format == 1 else xor(block, account_field(pan)))


def encrypt_pin(cipher: PinCipher, pin_format: int, pin: str, pan: str, random: bytes) -> bytes:
    """An encrypted block. `random`: 14 bytes, of which formats 1, 3 and 4 use some. `pan` is not looked at by format 1."""
    check_format(cipher, pin_format)
    if pin_format == 4:
        inner = cipher.encrypt(pin_field(4, pin, "") + random[:8])
        return cipher.encrypt(xor(inner, account_field_4(pan)))
    return cipher.encrypt(clear_block(pin_format, pin, pan, fill_digits(pin_format, len(pin), random)))


def decrypt_pin(cipher: PinCipher, pin_format: int, block: bytes, pan: str) -> str:
    """The PIN of an encrypted block. Raises PinBlockError: also where key or PAN are others."""
    check_format(cipher, pin_format)
    _check_size(pin_format, block)
    if pin_format == 4:
        return _read_field(4, cipher.decrypt(xor(cipher.decrypt(block), account_field_4(pan)))[:8])
    return read_clear(pin_format, cipher.decrypt(block), pan)


def check_format(cipher: PinCipher, pin_format: int) -> None:
    """Raises PinBlockError where this key is not for that format."""
    if pin_format not in FORMATS:
        raise PinBlockError(f"format {pin_format} is on no link: it is one of 0, 1, 3, 4")
    if cipher.block_bytes != BLOCK_BYTES[pin_format]:
        kind = "an AES" if cipher.block_bytes == 16 else "a triple DES"
        raise PinBlockError(f"format {pin_format} has blocks of {BLOCK_BYTES[pin_format]} bytes: not with {kind} key")


def _check_size(pin_format: int, block: bytes) -> None:
    if len(block) != BLOCK_BYTES[pin_format]:
        raise PinBlockError(f"format {pin_format} has blocks of {BLOCK_BYTES[pin_format]} bytes, this one {len(block)}")


def check_translation(from_format: int, to_format: int) -> None:
    """Raises PinBlockError where one format never becomes the other."""
    if (from_format, to_format) in TRANSLATIONS:
        return
    if {from_format, to_format} <= set(FORMATS):
        raise PinBlockError(f"format {from_format} never becomes 1: the PIN would no longer be bound to its PAN")
    raise PinBlockError(f"format {from_format} to {to_format}: only 0, 1, 3 and 4 are on links")


def translate(
    source: PinCipher, from_format: int, block: bytes, pan: str, target: PinCipher, to_format: int, random: bytes
) -> bytes:
    """The block under another key and perhaps in another format, for the same PAN. `random`: as for `encrypt_pin`."""
    check_translation(from_format, to_format)
    if from_format == to_format == 0 and source.block_bytes == target.block_bytes == len(block) == 8:
        # nine of ten: the clear block is the same, and only checked
        clear = source.decrypt(block)
        if not _holds_pin_0(clear, pan):
            read_clear(0, clear, pan)  # says which rule it breaks
        return target.encrypt(clear)
    return encrypt_pin(target, to_format, decrypt_pin(source, from_format, block, pan), pan, random)
