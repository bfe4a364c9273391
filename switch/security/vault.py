"""Where full PANs are kept: sealed with a key of the installation's own, so that a copied journal names no card.

In: a PAN and a number never used before by this process (the transaction's). Out: bytes for the journal's `sealed` member,
and the PAN back again. The one rule: no PAN and no key in any error.

Sealed form, 29 bytes more than the PAN: version (1), nonce (12: 4 random bytes of this process, 8 of the number), AES-256-GCM
ciphertext and tag (16). The random part is drawn anew by every process: a number that a crash took back and that is used
again never meets the same nonce.

A key file has the newest key first. PANs are sealed with that one, and opened with whichever they were sealed with; what the
journal's chain and the digests of cards are keyed with is derived from the oldest, for it must stay as it was.
"""

import os
import stat
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from switch.security.files import open_regular, write_whole

_VERSION: Final = b"\x01"
_PREFIX_BYTES: Final = 4
_NONCE_END: Final = 13
_KEY_BYTES: Final = 32
_KEY_MARK: Final = "vault-key-1 "
_DIGEST_BYTES: Final = 16
_CHECK_BYTES: Final = 8
_KEYS_MAX: Final = 64
_NUMBER: Final = Struct(">Q")


class VaultError(Exception):
    """A key file that must not be used, or a seal that does not open; says which and what to do."""


class Vault(Protocol):
    """Seals PANs and opens them again."""

    def seal(self, pan: str, nonce: int) -> bytes:
        """`pan` (digits) sealed. `nonce`: 0 … 2**64-1, used for one PAN only in the life of this process."""

    def open(self, sealed: bytes) -> str:
        """The PAN that `seal` was given. Raises VaultError where the bytes are not a seal of this vault's key."""

    def digest(self, pan: str) -> bytes:
        """What a card is counted under: always the same for a PAN, and of no use without this vault's key."""


class KeyVault:
    """The vault of production: AES-256-GCM under the key of a file."""

    def __init__(self, key: bytes, prefix: bytes, older: tuple[bytes, ...] = ()) -> None:
        """`key`: 32 bytes. `prefix`: 4 bytes that no other process uses with this key, drawn at random. `older`: keys that PANs
        were sealed with before, the newest first."""
        keys = (key, *older)
        if any(len(each) != _KEY_BYTES for each in keys) or len(prefix) != _PREFIX_BYTES:
            raise VaultError(f"a vault takes keys of {_KEY_BYTES} bytes and a prefix of {_PREFIX_BYTES}")
        self._encrypt = AESGCM(key).encrypt
        self._decrypt = tuple(AESGCM(each).decrypt for each in keys)
        self._head = _VERSION + prefix
        self._prefix = prefix
        root = keys[-1]
        self.chain_secret = blake2b(b"journal chain", key=root, digest_size=_KEY_BYTES).digest()
        """what the journal's hash chain is keyed with"""
        self.audit_secret = blake2b(b"audit log", key=root, digest_size=_KEY_BYTES).digest()
        """what the chain of the operators' audit log is keyed with"""
        self.check_value = check_value(root)
        """says which key the journal was begun with, and nothing about it: it may be kept and shown anywhere"""
        self._digest_key = blake2b(b"card digest", key=root, digest_size=_KEY_BYTES).digest()

    @classmethod
    def at(cls, path: Path) -> "KeyVault":
        """The vault of the key file at `path`, made with mode 0600 where there is none. Raises VaultError."""
        try:
            keys = _read_keys(path)
        except FileNotFoundError:
            _write_keys(path, (os.urandom(_KEY_BYTES),), first=True)
            keys = _read_keys(path)
        except OSError as error:
            raise VaultError(f"{path}: cannot read the vault key: {error.strerror}") from None
        return cls(keys[0], os.urandom(_PREFIX_BYTES), keys[1:])

    def seal(self, pan: str, nonce: int) -> bytes:
        """See Vault. A `nonce` outside 0 … 2**64-1 raises struct.error: a transaction number cannot be."""
        number = _NUMBER.pack(nonce)
        return self._head + number + self._encrypt(self._prefix + number, pan.encode(), None)

    def open(self, sealed: bytes) -> str:
        """See Vault."""
        if sealed[:1] != _VERSION:
            raise VaultError(f"sealed PAN: version byte {sealed[:1].hex() or 'missing'}, expected {_VERSION.hex()}")
        for decrypt in self._decrypt:
            with suppress(InvalidTag, ValueError):
                return decrypt(sealed[1:_NONCE_END], sealed[_NONCE_END:], None).decode()
        raise VaultError(
            f"sealed PAN of {len(sealed)} bytes: not sealed with this key, or changed since; "
            "is the vault key the one this journal was written with?"
        )

    def digest(self, pan: str) -> bytes:
        """See Vault: 16 bytes of BLAKE2b under a key derived from the vault's."""
        return blake2b(pan.encode(), key=self._digest_key, digest_size=_DIGEST_BYTES).digest()


class ClearVault:
    """The vault of simulations: PANs as they are. Never for a journal on a disk."""

    def seal(self, pan: str, nonce: int) -> bytes:
        """`pan` itself."""
        del nonce
        return pan.encode()

    def open(self, sealed: bytes) -> str:
        """What was sealed."""
        return sealed.decode()

    def digest(self, pan: str) -> bytes:
        """`pan` itself."""
        return pan.encode()


def check_value(key: bytes) -> bytes:
    """Says which key it is, and nothing about it."""
    return blake2b(b"key check value", key=key, digest_size=_CHECK_BYTES).digest()


def add_key(path: Path) -> tuple[bytes, int]:
    """A new key before those of the file: PANs are sealed with it from the next start on. Returns its check value, and how many
    keys there are now. Raises VaultError, and leaves the file as it was then."""
    try:
        keys = (os.urandom(_KEY_BYTES), *_read_keys(path))
    except OSError as error:
        raise VaultError(f"{path}: cannot read the vault key: {error.strerror}") from None
    if len(keys) > _KEYS_MAX:
        raise VaultError(f"{path}: the vault has {len(keys) - 1} keys, as many as one may have")
    _write_keys(path, keys, first=False)
    return check_value(keys[0]), len(keys)


def _read_keys(path: Path) -> tuple[bytes, ...]:
    """The keys of the file. FileNotFoundError passes; a file others may read, or that is no key file, is VaultError."""
    handle = open_regular(path)
    with open(handle, "rb") as file:
        mode = stat.S_IMODE(os.fstat(handle).st_mode)
        if mode & 0o077:
            raise VaultError(f"{path}: the vault key has mode {mode:04o}, others may read it: chmod 600 {path}")
        text = file.read(_KEYS_MAX * 128).decode("ascii", "replace").rstrip("\n")
    return tuple(_key_of(line, path) for line in text.split("\n"))


def _key_of(line: str, path: Path) -> bytes:
    if not line.startswith(_KEY_MARK):
        raise VaultError(f"{path}: not a vault key: expected `{_KEY_MARK.strip()}` and {_KEY_BYTES * 2} hex digits")
    try:
        key = bytes.fromhex(line[len(_KEY_MARK) :])
    except ValueError:
        raise VaultError(f"{path}: the vault key has characters that are no hex digits") from None
    if len(key) != _KEY_BYTES:
        raise VaultError(f"{path}: the vault key has {len(key)} bytes, expected {_KEY_BYTES}")
    return key


def _write_keys(path: Path, keys: tuple[bytes, ...], *, first: bool) -> None:
    """The file, whole and on the disk before it has its name. `first`: another process that was first wins."""
    try:
        write_whole(path, "".join(f"{_KEY_MARK}{key.hex()}\n" for key in keys).encode(), fresh=first)
    except OSError as error:
        if first and isinstance(error, FileExistsError) and path.is_file():
            return
        raise VaultError(f"{path}: cannot make the vault key: {error.strerror}") from None
