"""Who may log in to a console: a password a person, kept as a digest (scrypt) in the console's own file, and a second factor.

In: a name, a password. Out: whether it is theirs. What they may do then is the network file's `[[operator]]`, and the switch that
judges it. Rules: a password that is wrong and a name that no operator has take as long and say the same; what is changed is what
the file has at that moment, so that a console and a command line that write at once lose nothing of each other's.
"""

import fcntl
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from switch.console.second_factor import recovery_digest, step_of
from switch.security.files import make_private_directory, open_private, write_whole

FILE: Final = "accounts.json"
LOCK: Final = "accounts.lock"
"""beside it: whoever writes has it meanwhile (the file itself is put in its place anew each time)"""
PASSWORD_LEAST: Final = 12
"""characters (PCI DSS 4.0, 8.3.6)"""
PASSWORD_MOST: Final = 256
"""characters: no more of what is typed is looked at"""
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

    def follow(self, *, anyhow: bool = False) -> None:
        """Read the file again, if it was changed or `anyhow`. Raises AccountsError."""
        try:
            changed = self._path.stat().st_mtime_ns
            if changed != self._seen or anyhow:
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
        return _proof(known) if known is not None else b""

    def set_password(self, name: str, password: str) -> None:
        """Whole or not at all; a second factor stays. Raises AccountsError."""
        if len(password) < PASSWORD_LEAST:
            raise AccountsError(f"a password has {PASSWORD_LEAST} characters at least")
        if len(password) > PASSWORD_MOST:
            raise AccountsError(f"a password has {PASSWORD_MOST} characters at most")
        salt = secrets.token_bytes(_SALT_BYTES)
        kept = salt + _digest(password, salt)
        none = Account(password=kept)
        self._change(name, lambda now: msgspec.structs.replace(now or none, password=kept))

    def set_second_factor(self, name: str, secret: bytes, recovery: Iterable[str]) -> None:
        """In place of any before; b"": none. Raises AccountsError."""
        digests = tuple(recovery_digest(code) for code in recovery)

        def given(now: Account | None) -> Account:
            if now is None:
                raise AccountsError(f"{name} has no password yet: set that first")
            return msgspec.structs.replace(now, secret=secret, step=0, recovery=digests)

        self._change(name, given)

    def _change(self, name: str, change: Callable[[Account | None], Account | None]) -> bool:
        """Have `change` say what becomes of an account, of what the file has now. False: None, that nothing does."""
        with self._turn():
            self.follow(anyhow=True)
            made = change(self._kept.get(name))
            if made is None:
                return False
            try:
                write_whole(self._path, msgspec.json.encode({**self._kept, name: made}))
            except OSError as error:
                raise AccountsError(f"{self._path}: cannot be written: {error.strerror}") from None
            self.follow(anyhow=True)
            return True

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Nobody else writes while this goes on. Raises AccountsError."""
        try:
            make_private_directory(self._path.parent)
            handle = open_private(self._path.with_name(LOCK), os.O_RDWR)
        except OSError as error:
            raise AccountsError(f"{self._path}: cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def check(self, name: str, password: str, code: str, now_s: float) -> bytes:
        """What was proved (see `proof_of`); b"": it is not theirs. Takes a quarter of a second. A code, and a recovery code, is
        taken once. Raises AccountsError."""
        known = self._kept.get(name)
        kept = known.password if known is not None else _NOBODY
        right = hmac.compare_digest(_digest(password, kept[:_SALT_BYTES]), kept[_SALT_BYTES:])
        if known is None or not right or (known.secret and not self._take_second(name, known, code, now_s)):
            return b""
        return _proof(known)

    def _take_second(self, name: str, known: Account, code: str, now_s: float) -> bool:
        step, digest = step_of(known.secret, code, now_s), recovery_digest(code)

        def taken(now: Account | None) -> Account | None:
            if now is None or _proof(now) != _proof(known):
                return None  # somebody has changed it while the password was looked at: what was proved is nothing any more
            if step is not None and step > now.step:
                return msgspec.structs.replace(now, step=step)
            if digest in now.recovery:
                return msgspec.structs.replace(now, recovery=tuple(one for one in now.recovery if one != digest))
            return None

        return self._change(name, taken)


def _proof(account: Account) -> bytes:
    return account.password + account.secret


def _digest(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=WORK, r=8, p=3, maxmem=1 << 26, dklen=32)
