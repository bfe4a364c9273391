"""The local master key (LMK): under which all others lie at rest. Of a passphrase, of a file for this
user alone, or in a token (`token.py`).

Rule: it is never written beside what it protects by itself, and its check value (3 bytes) is all that is shown of it.
"""

import os
import stat
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from switch.security.check_values import AES_BLOCK, aes_check_value
from switch.security.des import Transform
from switch.security.files import open_regular, write_whole
from switch.security.key_blocks import BlockKeys, derived_d
from switch.security.macs import AES_CMAC, mac_maker

KEY_BYTES: Final = 32
SALT_BYTES: Final = 16
PASSPHRASE_CHARS_MIN: Final = 12
_MARK: Final = "cmi-switch-lmk-1 "
_CHECK_BYTES: Final = 3
_AUDIT: Final = b"keys audit chain"


class LmkError(Exception):
    """A master key that must not or cannot be used; says which file or value, and what to do."""


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """How dear each guess of a passphrase is (scrypt, RFC 7914): 64 MiB and about a fifth of a second."""

    n: int = 65_536
    r: int = 8
    p: int = 1


class Lmk:
    """What a process needs of a master key, which it need not have itself. Nothing of it is in `repr`."""

    __slots__ = ("audit_secret", "block_keys", "check_value")

    def __init__(self, block_keys: BlockKeys, check_value: bytes, audit_secret: bytes) -> None:
        self.block_keys = block_keys
        """protect key blocks of version D"""
        self.check_value = check_value[:_CHECK_BYTES].hex().upper()
        self.audit_secret = audit_secret
        """what the audit log's chain is keyed with: who has the file alone cannot make it anew"""


def clear_lmk(key: bytes) -> Lmk:
    """Of a master key that is here: 32 bytes, else LmkError."""
    if len(key) != KEY_BYTES:
        raise LmkError(f"a master key has {KEY_BYTES} bytes, this one {len(key)}")
    secret = blake2b(_AUDIT, key=key, digest_size=KEY_BYTES).digest()
    return Lmk(derived_d(mac_maker(AES_CMAC, key), KEY_BYTES), aes_check_value(key), secret)


def lmk_elsewhere(cmac: Transform) -> Lmk:
    """Of an AES key of 256 bits that stays where it is, and makes CMACs there."""
    secret = cmac(_AUDIT + b"\x01") + cmac(_AUDIT + b"\x02")
    return Lmk(derived_d(cmac, KEY_BYTES), cmac(AES_BLOCK), secret)


def from_passphrase(passphrase: str, salt: bytes, cost: Cost) -> Lmk:
    """The key of a passphrase (12 characters or more, else LmkError) and of the key file's salt."""
    if len(passphrase) < PASSPHRASE_CHARS_MIN:
        raise LmkError(f"a passphrase has at least {PASSPHRASE_CHARS_MIN} characters: take several words")
    kdf = Scrypt(salt=salt, length=KEY_BYTES, n=cost.n, r=cost.r, p=cost.p)
    return clear_lmk(kdf.derive(passphrase.encode()))


def read_lmk(path: Path) -> Lmk:
    """The key of a file that only its owner may read. Raises LmkError."""
    text = read_secret(path, "the master key", "there is no master key; `cmi-switch keys generate` makes one there")
    try:
        key = bytes.fromhex(text.removeprefix(_MARK)) if text.startswith(_MARK) else b""
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise LmkError(f"{path}: no master key: expected `{_MARK.strip()}` and {KEY_BYTES * 2} hex digits")
    return clear_lmk(key)


def read_secret(path: Path, what: str, absent: str) -> str:
    """The text of a file that only its owner may read, without white space around it. Raises LmkError, which calls it `what`."""
    try:
        handle = open_regular(path)
    except FileNotFoundError:
        raise LmkError(f"{path}: {absent}") from None
    except OSError as error:
        raise LmkError(f"{path}: cannot read {what}: {error.strerror}") from None
    with open(handle, "rb") as file:
        there = os.fstat(handle)
        if there.st_mode & 0o077:
            mode = stat.S_IMODE(there.st_mode)
            raise LmkError(f"{path}: {what} has mode {mode:04o}, others may read it: chmod 600 {path}")
        if there.st_uid not in (os.geteuid(), 0):
            raise LmkError(f"{path}: {what} belongs to another user (uid {there.st_uid}): chown it")
        return file.read(256).decode("ascii", "replace").strip()


def make_lmk(path: Path, key: bytes) -> Lmk:
    """A new file with this key (32 random bytes), mode 0600, durable. Raises LmkError, so where there is one already; no file is
    left of one that could not be written."""
    try:
        write_whole(path, f"{_MARK}{key.hex().upper()}\n".encode(), fresh=True)
    except OSError as error:
        raise LmkError(f"{path}: cannot make the master key: {error.strerror}") from None
    return clear_lmk(key)
