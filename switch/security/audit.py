"""A log of who did what with keys: lines of JSON, each with the hash of the one before it, under a secret key.

In: acts, one at a time, on keys (`security.keyring`) or of the switch's operators (`server.operators`). Out: a file that can be
read by anybody who may, and changed by nobody unnoticed: a line altered, taken out or put in breaks the chain from there on
(`verify`). What its end has lost, a log that was deleted, an older copy in its place: that is seen by a *witness*, a small file
elsewhere that says how far it has come. A clock that was set back between two acts is said in the note of the second.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Final

import msgspec

from switch.security.files import open_private, write_whole

_HASH_BYTES: Final = 16
_STEP_S: Final = 1.0
"""a time server's corrections go back so far"""


class AuditError(Exception):
    """A log whose chain is broken, or that cannot be written; says which line."""


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One line, but for its hash."""

    number: int
    """1, 2, 3 …"""
    at: str
    """UTC, RFC 3339"""
    by: str
    """the user of this machine; with the people who brought components, where they did"""
    act: str
    """what was done, or tried (its note says `refused: `): `generate`, `import`, `export`, `rotate`, `destroy`; of keys that
    change by message `offer`, `receive`, `use`"""
    key: str
    check_value: str = ""
    note: str = ""


class _Line(msgspec.Struct, frozen=True):
    act: Act
    chain: str


class Witnessed(msgspec.Struct, frozen=True):
    """How far a log has come: what its witness has."""

    number: int
    chain: str


class AuditLog:
    """One file. Acts are written durably; two processes at once take turns."""

    def __init__(self, path: Path, secret: bytes, witness: Path | None = None) -> None:
        """`secret`: 32 bytes, the chain's key. `witness`: the file that says how far the log has come."""
        self.path = path
        self.witness = witness
        self.unwitnessed = ""
        """why the witness could not be written last; the act is done all the same: the disk may be one for keys, read-only"""
        self._secret = secret
        self._last = ""
        self._at = ""
        self._number = self._verified = 0
        self._seen: tuple[int, ...] | None = None
        """what the file was when it last held; None: it was not looked at yet"""

    @property
    def chain(self) -> str:
        """Hash of the last line that `verify` or `write` has seen; "": of none."""
        return self._last

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Nobody else's act while this goes on."""
        try:
            handle = open_private(self.path, os.O_RDWR | os.O_APPEND)
        except OSError as error:
            raise AuditError(f"{self.path}: cannot write the audit log: {error.strerror}") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def write(self, *, at: str, by: str, act: str, key: str, check_value: str = "", note: str = "") -> None:
        """Append an act; it is on the disk when this returns. Within `turn`. Raises AuditError: so where the chain is broken."""
        if self._seen is None or self._seen != identity_of(self.path):
            self._number = len(self.verify())
        number, chain = self._number, self._last
        note = "; ".join(filter(None, (_set_back(self._at, at), note)))
        texts = {"by": _text(by), "act": act, "key": _text(key), "note": _text(note)}
        made = Act(number=number + 1, at=at, check_value=check_value, **texts)
        line = msgspec.json.encode(_Line(made, self._link(chain, made)))
        try:
            self._append(line + b"\n")
        except OSError as error:
            raise AuditError(f"{self.path}: cannot write the audit log: {error.strerror}") from None
        self._number, self._last, self._seen = made.number, self._link(chain, made), identity_of(self.path)
        self._at = at
        self._tell_witness()

    def _tell_witness(self) -> None:
        if self.witness is None:
            return
        try:
            write_whole(self.witness, msgspec.json.encode(Witnessed(self._number, self._last)))
            self.unwitnessed = ""
        except OSError as error:
            self.unwitnessed = f"{self.witness}: {error.strerror}"

    def _append(self, line: bytes) -> None:
        """Whole, or not at all: half a line, which a full disk takes, would break the chain for good. Raises OSError."""
        handle = open_private(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            before = os.fstat(handle).st_size
            try:
                if os.write(handle, line) < len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(handle)
            except OSError:
                os.ftruncate(handle, before)
                raise
        finally:
            os.close(handle)

    def unseen(self) -> str:
        """Why an end of the log that is cut off would not be seen; "": its witness has seen all of it. After `verify`."""
        told = f"act {self._verified}, chain {self._last}" if self._verified else "no act"
        if self.witness is None:
            return f"{self.path} has no witness beside its master key: note elsewhere that it ends with {told}"
        seen = self._witnessed().number
        if seen == self._verified:
            return ""
        return f"{self.witness} knows {self.path} up to act {seen}, and it ends with {told}: can the file be written there?"

    def verify(self) -> list[Act]:
        """All acts, their chain checked. Raises AuditError: the first line that does not hold, or an end that is not there."""
        witnessed = self._witnessed()  # before the log: whoever writes meanwhile writes that first
        self._last = self._at = ""
        acts: list[Act] = []
        chains = {0: ""}
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            lines = []
        except OSError as error:
            raise AuditError(f"{self.path}: cannot read the audit log: {error.strerror}") from None
        for number, text in enumerate(lines, 1):
            try:
                line = msgspec.json.decode(text, type=_Line)
            except msgspec.MsgspecError:
                raise AuditError(f"{self.path}: line {number} is no act: the log was changed there") from None
            if line.act.number != number or line.chain != self._link(self._last, line.act):
                raise AuditError(
                    f"{self.path}: line {number} does not follow from the one before: changed, taken out or put in; "
                    "or written under another master key"
                )
            self._last = chains[number] = line.chain
            self._at = line.act.at
            acts.append(line.act)
        if chains.get(witnessed.number) != witnessed.chain:
            raise AuditError(
                f"{self.path}: ends with act {len(acts)}, and act {witnessed.number} was written to it, as {self.witness} says: "
                "its end was cut off, or an older copy put in its place. Where a backup was brought back on purpose, move that "
                "file away and keep it"
            )
        self._verified = len(acts)
        return acts

    def _witnessed(self) -> Witnessed:
        if self.witness is None:
            return Witnessed(0, "")
        try:
            return msgspec.json.decode(self.witness.read_bytes(), type=Witnessed)
        except FileNotFoundError:
            return Witnessed(0, "")
        except (OSError, msgspec.MsgspecError) as error:
            raise AuditError(f"{self.witness}: does not say how far {self.path} has come: {error}") from None

    def _link(self, before: str, act: Act) -> str:
        data = before.encode() + msgspec.json.encode(act)
        return blake2b(data, key=self._secret, digest_size=_HASH_BYTES).hexdigest()


def _set_back(before: str, at: str) -> str:
    """What the note says of a clock that was set back since the act before; "" where it was not."""
    try:
        back_s = (datetime.fromisoformat(before) - datetime.fromisoformat(at)).total_seconds()
    except (ValueError, TypeError):
        return ""
    return f"the clock was set back by {back_s:.0f} s since the act before" if back_s > _STEP_S else ""


def _text(said: str) -> str:
    """Paths are said, and may be no UTF-8."""
    return said.encode(errors="backslashreplace").decode()


def identity_of(path: Path) -> tuple[int, ...] | None:
    """Which file it is and when it was last written; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
