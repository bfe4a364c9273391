"""Who may log in to a console: a password a person, kept as a digest (scrypt) in the console's own file, and a second factor.

In: a name, a password. Out: whether it is theirs. What they may do then is the network file's `[[operator]]`, and the switch that
judges it. The one rule: a password that is wrong and a name that no operator has take as long and say the same.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from switch.console.second_factor import recovery_digest, step_of
from switch.security.files import write_whole

FILE: Final = "accounts.json"
PASSWORD_LEAST: Final = 12
"""characters (PCI DSS 4.0, 8.3.6)"""
_SALT_BYTES: Final = 16
WORK: Final = 2**15
"""of scrypt, with r=8 and p=3: 32 MB and some tenths of a second a try (OWASP, password storage)"""
_NOBODY: Final = bytes(_SALT_BYTES + 32)


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One person."""

    password: bytes
    """salt and digest"""
    secret: bytes = b""
    """of the second factor; b"": there is none"""
    step: int = 0
    """the last half minute whose code was taken: it is taken once"""
    recovery: tuple[bytes, ...] = ()
    """digests of recovery codes that were not used yet"""


class AccountsError(Exception):
    """A file that cannot be read or written, or a password that will not do; says why."""


class Accounts:
    """The console's operators: digests of their passwords, and their second factors."""

    def __init__(self, path: Path) -> None:
        """The file need not be there. Raises AccountsError."""
        self._path = path
        self._kept: dict[str, Account] = {}
        self._seen = 0
        self.follow()

    def follow(self) -> None:
        """Read the file again, if it was changed. Raises AccountsError."""
        try:
            changed = self._path.stat().st_mtime_ns
            if changed != self._seen:
                read = msgspec.json.decode(self._path.read_bytes(), type=dict[str, Account | bytes])
                self._kept = {n: one if isinstance(one, Account) else Account(password=one) for n, one in read.items()}
                self._seen = changed
        except FileNotFoundError:
            self._kept, self._seen = {}, 0
        except (OSError, msgspec.MsgspecError) as error:
            raise AccountsError(f"{self._path}: no file of accounts: {error}") from None

    @property
    def names(self) -> list[str]:
        """Who has a password."""
        return sorted(self._kept)

    @property
    def guarded(self) -> list[str]:
        """Who has a second factor."""
        return sorted(name for name, one in self._kept.items() if one.secret)

    def proof_of(self, name: str) -> bytes:
        """What changes when their password or second factor does; b"": they have none, or no longer."""
        known = self._kept.get(name)
        return known.password + known.secret if known is not None else b""

    def set_password(self, name: str, password: str) -> None:
        """Whole or not at all; a second factor stays. Raises AccountsError."""
        if len(password) < PASSWORD_LEAST:
            raise AccountsError(f"a password has {PASSWORD_LEAST} characters at least")
        salt = secrets.token_bytes(_SALT_BYTES)
        kept = salt + _digest(password, salt)
        known = self._kept.get(name)
        self._keep(name, Account(password=kept) if known is None else msgspec.structs.replace(known, password=kept))

    def set_second_factor(self, name: str, secret: bytes, recovery: Iterable[str]) -> None:
        """In place of any before; b"": none. Raises AccountsError."""
        known = self._kept.get(name)
        if known is None:
            raise AccountsError(f"{name} has no password yet: set that first")
        digests = tuple(recovery_digest(code) for code in recovery)
        self._keep(name, msgspec.structs.replace(known, secret=secret, step=0, recovery=digests))

    def _keep(self, name: str, account: Account) -> None:
        try:
            write_whole(self._path, msgspec.json.encode({**self._kept, name: account}))
        except OSError as error:
            raise AccountsError(f"{self._path}: cannot be written: {error.strerror}") from None
        self.follow()

    def check(self, name: str, password: str, code: str, now_s: float) -> bool:
        """Is it theirs? Takes a quarter of a second. A code, and a recovery code, is taken once. Raises AccountsError."""
        known = self._kept.get(name)
        kept = known.password if known is not None else _NOBODY
        right = hmac.compare_digest(_digest(password, kept[:_SALT_BYTES]), kept[_SALT_BYTES:])
        if known is None or not right:
            return False
        return not known.secret or self._check_second(name, known, code, now_s)

    def _check_second(self, name: str, known: Account, code: str, now_s: float) -> bool:
        step = step_of(known.secret, code, now_s)
        if step is not None and step > known.step:
            self._keep(name, msgspec.structs.replace(known, step=step))
            return True
        digest = recovery_digest(code)
        if digest in known.recovery:
            left = tuple(one for one in known.recovery if one != digest)
            self._keep(name, msgspec.structs.replace(known, recovery=left))
            return True
        return False


def _digest(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=WORK, r=8, p=3, maxmem=1 << 26, dklen=32)
