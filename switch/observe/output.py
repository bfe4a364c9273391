"""Where lines go: a file that turns over at a size, or a stream; neither is ever waited for."""

import os
import select
import stat
from pathlib import Path
from typing import Protocol

from switch.security.files import make_private_directory, open_private

CHUNK_BYTES = 4_096
"""what a pipe that is ready for writing takes without blocking (PIPE_BUF)"""


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
    """A file that is appended to, and at `file_bytes_max` becomes PATH.1; of these the newest `files_max - 1` are kept."""

    def __init__(self, path: Path, file_bytes_max: int, files_max: int, waiting_bytes_max: int) -> None:
        super().__init__(waiting_bytes_max)
        assert file_bytes_max > 0
        assert files_max > 0
        self._path = path
        self._file_bytes_max = file_bytes_max
        self._turn_at = file_bytes_max
        self._files_max = files_max
        make_private_directory(path.parent)
        self._fd = self._open()

    def _open(self) -> int:
        fd = open_private(self._path, os.O_RDWR | os.O_APPEND)
        self._size = os.fstat(fd).st_size
        if self._size and os.pread(fd, 1, self._size - 1) != b"\n":
            self.data[:0] = b"\n"  # a torn last line stays a line of its own
        return fd

    def write(self, lines: bytes, count: int) -> None:
        """As `Output.write`. The usual case is one write of what was given."""
        if self.data:
            self.keep(lines, count)
            lines = bytes(self.data)
        if not lines:
            return
        turned = self._turn_over() if self._size >= self._turn_at and not self.trouble else ""
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
            for number in range(self._files_max - 1, 0, -1):
                newer = self._path if number == 1 else self._path.with_name(f"{self._path.name}.{number - 1}")
                if newer.exists():
                    os.replace(newer, self._path.with_name(f"{self._path.name}.{number}"))
            if self._files_max == 1:
                os.unlink(self._path)
            self._fd = self._open()
            os.close(old)
        except OSError as error:
            self._turn_at += self._file_bytes_max
            return f"{self._path} cannot be turned over at {self._size} bytes: {error.strerror}"
        self._turn_at = self._file_bytes_max
        return ""

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
