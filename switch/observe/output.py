"""Where lines go: a file that turns over at a size, or a stream; neither is ever waited for."""

import os
import select
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from switch.children import start
from switch.observe.packed import hold_names, log_files, numbered_file
from switch.security.files import make_private_directory, open_private

CHUNK_BYTES = 4_096
"""what a pipe that is ready for writing takes without blocking (PIPE_BUF)"""
LOOK_S = 1.0
"""between two looks whether the file is still the one at its path"""
DAY_S = 86_400


class Output(Protocol):
    """Takes whole lines; keeps what does not leave at once, up to its bound."""

    dropped: int
    """lines that found no room"""
    trouble: str
    """why lines are waiting, or "" """

    def write(self, lines: bytes, count: int) -> None:
        """Take `count` lines and write what can be written. Never blocks for long, never raises OSError."""

    def close(self) -> None:
        """Try once more; then let go."""


class _Waiting:
    """Lines in order, up to a bound; beyond it new ones are dropped, whole."""

    def __init__(self, bytes_max: int) -> None:
        self.data = bytearray()
        self.dropped = 0
        self.trouble = ""
        self._bytes_max = bytes_max

    def keep(self, lines: bytes, count: int) -> None:
        if len(self.data) + len(lines) > self._bytes_max:
            self.dropped += count
        else:
            self.data += lines


class FileOutput(_Waiting):
    """A file that is appended to, and at a size becomes PATH.1; of these so many are kept, for so many days.

    Who renames or removes it (logrotate) gets what was written until then, and a new file is begun at the path: within a second,
    or at once after `reopen`. What is no regular file (/dev/null, a FIFO) is written to and never renamed.
    """

    def __init__(
        self,
        path: Path,
        file_bytes_max: int,
        files_max: int,
        waiting_bytes_max: int,
        days_max: int = 0,
        *,
        compress: bool = False,
    ) -> None:
        super().__init__(waiting_bytes_max)
        self._path = path
        self._size = 0
        self._regular = True
        self._opened_at = self._look_at = 0.0
        self._packing: subprocess.Popen[bytes] | None = None
        self.retain(file_bytes_max, files_max, days_max, compress=compress)
        make_private_directory(path.parent)
        self._fd = self._open()
        self._let_go_of_old()

    def retain(self, file_bytes_max: int, files_max: int, days_max: int, *, compress: bool = False) -> None:
        """Turn over at so many bytes, keep so many files in all, none turned over longer than so many days ago (0:
        however old); where there is such an age, a file is turned over at least once a day of writing. `compress`: older
        files are, by a process of its own."""
        assert file_bytes_max > 0
        assert files_max > 0
        self._file_bytes_max = self._turn_at = file_bytes_max
        self._files_max = files_max
        self._days_max = days_max
        self._compress = compress

    def reopen(self) -> None:
        """Go on in the file that is at the path now; where there is none, in a new one. Where that fails, in the old one."""
        try:
            fd = self._open()
        except OSError as error:
            self.trouble = f"{self._path}: {error.strerror}"
            return
        os.close(self._fd)
        self._fd = fd

    def _has_moved(self) -> bool:
        """True where the path is no longer the file that is written to; looked at once a second."""
        now = time.monotonic()
        if now < self._look_at:
            return False
        self._look_at = now + LOOK_S
        ours = os.fstat(self._fd)
        try:
            there = os.stat(self._path)
        except OSError:
            return True
        self._size = ours.st_size
        return (ours.st_dev, ours.st_ino) != (there.st_dev, there.st_ino)

    def _let_go_of_old(self) -> None:
        if not self._days_max or not self._regular:
            return
        oldest = time.time() - self._days_max * DAY_S
        for older in log_files(self._path):
            with suppress(OSError):
                if older != self._path and older.stat().st_mtime < oldest:
                    older.unlink()

    def _open(self) -> int:
        fd = open_private(self._path, os.O_RDWR | os.O_APPEND | os.O_NONBLOCK)
        there = os.fstat(fd)
        self._regular = stat.S_ISREG(there.st_mode)
        self._size = there.st_size if self._regular else 0
        self._opened_at = time.monotonic()
        self._look_at = self._opened_at + LOOK_S
        if self._size and os.pread(fd, 1, self._size - 1) != b"\n":
            self.data[:0] = b"\n"  # a torn last line stays a line of its own
        return fd

    def write(self, lines: bytes, count: int) -> None:
        """As `Output.write`. The usual case is one write of what was given."""
        if not (lines or self.data):
            return
        if self._has_moved():
            self.reopen()
        if self.data:
            self.keep(lines, count)
            lines = bytes(self.data)
        turned = ""
        full = self._size >= self._turn_at or (self._days_max and self._look_at > self._opened_at + DAY_S)
        if full and self._size and self._regular and not self.trouble:
            turned = self._turn_over()
        try:
            written = os.write(self._fd, lines)
            self.trouble = turned if written == len(lines) else f"{self._path}: only part of a write was taken"
        except OSError as error:
            self.trouble = f"{self._path}: {error.strerror}"
            written = 0
        self._size += written
        if self.data:
            del self.data[:written]
        elif written:
            self.data += lines[written:]
        else:
            self.keep(lines, count)

    def _turn_over(self) -> str:
        """PATH.1 becomes PATH.2 …, PATH becomes PATH.1, PATH is new. Where that fails the old file is written on: why, or ""."""
        old = self._fd
        try:
            with hold_names(self._path, wait=False) as held:
                if not held:
                    return ""  # for the moment: the next write tries again
                self._shift()
            self._fd = self._open()
            os.close(old)
        except OSError as error:
            self._turn_at += self._file_bytes_max
            return f"{self._path} cannot be turned over at {self._size} bytes: {error.strerror}"
        self._turn_at = self._file_bytes_max
        self._let_go_of_old()
        self._pack()
        return ""

    def _shift(self) -> None:
        """Each file's name becomes that of the next older one."""
        for number in range(self._files_max - 1, 0, -1):
            newer = (self._path,) if number == 1 else numbered_file(self._path, number - 1)
            if any(file.exists() for file in newer):
                for file in numbered_file(self._path, number):
                    file.unlink(missing_ok=True)
            for file, older in zip(newer, numbered_file(self._path, number), strict=False):
                if file.exists():
                    os.replace(file, older)
        if self._files_max == 1:
            os.unlink(self._path)

    def _pack(self) -> None:
        """Have older files compressed. While that is still being done, the next turning over asks for the rest."""
        if not self._compress or (self._packing is not None and self._packing.poll() is None):
            return
        with suppress(OSError):  # no process to be had: they stay plain until the next time
            self._packing = start([sys.executable, "-m", "switch.observe.packed", str(self._path)])

    def close(self) -> None:
        """As `Output.close`."""
        if self._fd >= 0:
            self.write(b"", 0)
            self.dropped += self.data.count(b"\n")
            os.close(self._fd)
            self._fd = -1


class StreamOutput(_Waiting):
    """A terminal, pipe or socket that is someone else's: written to only while it is ready, and left open."""

    def __init__(self, fd: int, waiting_bytes_max: int) -> None:
        super().__init__(waiting_bytes_max)
        self._fd = fd
        self._regular = stat.S_ISREG(os.fstat(fd).st_mode)
        self._poll = select.poll()
        if not self._regular:
            self._poll.register(fd, select.POLLOUT)

    def write(self, lines: bytes, count: int) -> None:
        """As `Output.write`: in pieces that a ready pipe takes without blocking."""
        self.keep(lines, count)
        try:
            while self.data and (self._regular or self._ready()):
                del self.data[: os.write(self._fd, self.data[:CHUNK_BYTES])]
            self.trouble = "the reader of the log does not keep up" if self.dropped and self.data else ""
        except OSError as error:
            self.trouble = f"the log's stream: {error.strerror}"

    def _ready(self) -> bool:
        events = self._poll.poll(0)
        return bool(events) and bool(events[0][1] & (select.POLLOUT | select.POLLERR))

    def close(self) -> None:
        """As `Output.close`; the stream stays open."""
        self.write(b"", 0)
        self.dropped += self.data.count(b"\n")
        self.data.clear()
