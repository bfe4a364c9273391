"""A copy of the journal's head on another disk: `[journal] head_copy` of the network file.

In: every slot of the head, as it is written. Out: the same slot in the copy's file, a moment later; what is wrong with it, where
something is. The rule: nothing waits for that disk, however it fails. A thread writes the newest slot; it may hang with its disk.
"""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

from switch.journal.head import HeadDisk, Written, read_slots
from switch.journal.log import JournalError

RETRY_S: Final = 1.0
HANG_S: Final = 5.0
"""A disk that has not written a sector for so long has failed."""


class HeadCopy:
    """Writes the copy, until the process ends."""

    def __init__(self, disk: HeadDisk, path: str, tell: Callable[[str], None]) -> None:
        """`tell`: is told what is wrong, and "" when all is well; first after the first write, then when that changes.

        It is called in a thread.
        """
        self._disk, self._path, self._tell = disk, path, tell
        self._fd = -1
        self._said: str | None = None
        self._next: tuple[bytes, int] | None = None
        self._began_s = 0.0
        """when the write that is under way began; 0: none is"""
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="head copy", daemon=True).start()

    def put(self, slot: bytes, offset: int) -> None:
        """See CopyPort."""
        with self._changed:
            self._next = (slot, offset)
            self._changed.notify_all()
            hangs = self._began_s and time.monotonic() - self._began_s > HANG_S
        if hangs:
            self._report(f"its disk has not answered for {HANG_S:.0f} s")

    def wait(self, wait_s: float) -> None:
        """See CopyPort."""
        with self._changed:
            self._changed.wait_for(lambda: (self._next is None and not self._began_s) or self._said, wait_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._next is not None)
                assert self._next is not None
                slot, offset = self._next
                self._next, self._began_s = None, time.monotonic()
            reason = self._write(slot, offset)
            with self._changed:
                if reason and self._next is None:
                    self._next = (slot, offset)
                self._began_s = 0.0
            self._report(reason)
            if reason:
                time.sleep(RETRY_S)

    def _write(self, slot: bytes, offset: int) -> str:
        """Write one slot; why that failed, or ""."""
        try:
            if self._fd < 0 or not _same_file(self._fd, self._path):
                self._fd = self._disk.open_head(self._path)
            self._disk.write_head(self._fd, slot, offset)
        except OSError as error:
            if self._fd >= 0:
                with suppress(OSError):
                    os.close(self._fd)
                self._fd = -1
            return error.strerror or str(error)
        return ""

    def _report(self, reason: str) -> None:
        with self._changed:
            news, self._said = reason != self._said, reason
            self._changed.notify_all()
        if news:
            self._tell(reason)


def _same_file(fd: int, path: str) -> bool:
    """True while the path names the open file: a copy that was removed, or whose disk was mounted anew, is made again."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(fd), os.stat(path))
    return False


def take_turns(send: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """`send`, for several threads: what each gives it leaves in one piece."""
    lock = threading.Lock()

    def in_turn(data: bytes) -> None:
        with lock:
            send(data)

    return in_turn


class CopyRead(NamedTuple):
    """What a copy says (None: it is not there, or empty), and why it cannot be read, if it cannot."""

    written: Written | None
    trouble: str


def read_copy(path: str, *keys: bytes, wait_s: float = HANG_S) -> CopyRead:
    """Read a copy, which may be gone, damaged, or on a disk that hangs: nothing is raised."""
    found: list[CopyRead] = []

    def read() -> None:
        try:
            written = read_slots(path, *keys)
            found.append(CopyRead(written, ""))
        except JournalError as error:
            found.append(CopyRead(None, str(error)))

    reader = threading.Thread(target=read, name="head copy", daemon=True)
    reader.start()
    reader.join(wait_s)
    return found[0] if found else CopyRead(None, f"its disk has not answered for {wait_s:.0f} s")
