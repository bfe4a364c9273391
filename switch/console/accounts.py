"""Who may log in to a console: a password a person, kept as a digest (scrypt) in a file of the console's own.

In: a name, a password. Out: whether it is theirs. What they may do then is the network file's `[[operator]]`, and the switch that
judges it. The one rule: a password that is wrong and a name that is nobody's take as long and say the same.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

import msgspec

from switch.security.files import make_private_directory

FILE: Final = "accounts.json"
PASSWORD_LEAST: Final = 12
"""characters (PCI DSS 4.0, 8.3.6)"""
_SALT_BYTES: Final = 16
WORK: Final = 2**15
"""of scrypt, with r=8 and p=3: 32 MB and some tenths of a second a try (OWASP, password storage)"""
_NOBODY: Final = bytes(_SALT_BYTES + 32)


class AccountsError(Exception):
    """A file that cannot be read or written, or a password that will not do; says why."""


class Accounts:
    """Of one console."""

    def __init__(self, path: Path) -> None:
        """The file need not be there. Raises AccountsError."""
        self._path = path
        self._kept: dict[str, bytes] = {}
        self._seen = 0
        self.follow()

    def follow(self) -> None:
        """Read the file again, if it was changed. Raises AccountsError."""
        try:
            changed = self._path.stat().st_mtime_ns
            if changed != self._seen:
                self._kept = msgspec.json.decode(self._path.read_bytes(), type=dict[str, bytes])
                self._seen = changed
        except FileNotFoundError:
            self._kept, self._seen = {}, 0
        except (OSError, msgspec.MsgspecError) as error:
            raise AccountsError(f"{self._path}: no file of accounts: {error}") from None

    @property
    def names(self) -> list[str]:
        """Who has a password."""
        return sorted(self._kept)

    def set_password(self, name: str, password: str) -> None:
        """Whole or not at all. Raises AccountsError."""
        if len(password) < PASSWORD_LEAST:
            raise AccountsError(f"a password has {PASSWORD_LEAST} characters at least")
        salt = secrets.token_bytes(_SALT_BYTES)
        fresh = self._path.with_suffix(".new")
        try:
            make_private_directory(self._path.parent)
            fresh.touch(mode=0o600)
            with fresh.open("wb") as file:
                file.write(msgspec.json.encode({**self._kept, name: salt + _digest(password, salt)}))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            raise AccountsError(f"{self._path}: cannot be written: {error.strerror}") from None
        self.follow()

    def check(self, name: str, password: str) -> bool:
        """Is it theirs? Takes a quarter of a second."""
        kept = self._kept.get(name, _NOBODY)
        right = hmac.compare_digest(_digest(password, kept[:_SALT_BYTES]), kept[_SALT_BYTES:])
        return right and name in self._kept


def _digest(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=WORK, r=8, p=3, maxmem=1 << 26, dklen=32)
