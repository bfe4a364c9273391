"""Reads a hop log as it grows: whole lines only, on through its turnings-over, in bounded bites."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from switch.observe.packed import DamagedLogError, log_files, open_older

BITE_BYTES: Final = 4_194_304
"""read at once at most"""
BACK_BYTES: Final = 65_536
"""read at once backwards: who asks for the last few lines mostly needs no more"""
LINE_BYTES_MAX: Final = 1_048_576
"""an unfinished line longer than this is no log's; it is given up"""


_Identity = tuple[int, int]
"""of a file, whatever its name: device and inode"""


class Follower:
    """One reader of one log. `poll` gives what is new; the file may not exist yet."""

    def __init__(
        self, path: Path, *, older: bool = False, damaged: Callable[[DamagedLogError], None] | None = None
    ) -> None:
        """Begin at the start of the file at `path`; with `older`, at the start of the oldest file turned over from it.

        `damaged`: is told of each older file that is, and left out; None: it is raised, and who goes on goes on behind it.
        """
        self._path = path
        self._damaged = damaged
        self._fd = -1
        self._torn = b""
        self._older = older and path.exists()
        """older files are still to be read"""
        self._last: _Identity | None = None
        """the one that was opened last"""
        self._ahead: frozenset[_Identity] = frozenset()
        """those behind it, as it was opened"""

    def poll(self) -> list[bytes]:
        """The next whole lines, without their ends; [] where nothing is new. OSError: the file is there and unreadable."""
        while True:
            if self._fd < 0 and not self._open():
                return []
            data = os.read(self._fd, BITE_BYTES)
            if data:
                return self._cut(data)
            if not self._turned_over():
                return []
            # What was written between the last read and the turning over is still in the old file.
            data = os.read(self._fd, BITE_BYTES)
            if data:
                return self._cut(data)
            last, self._torn = self._torn, b""
            self.close()
            if last:
                return [last]

    def newest_first(self) -> Iterator[bytes]:
        """The whole lines there are, from the last one back, through older files; read only as far as they are asked for.
        `poll` goes on behind them: call this first, or not at all."""
        self._older = False
        if self._fd < 0 and not self._open():
            return
        end = _end_of_last_line(self._fd)
        os.lseek(self._fd, end, os.SEEK_SET)
        yield from _backwards(self._fd, end)
        for older in reversed(log_files(self._path)[:-1]):
            fd = open_older(older, self._damaged)
            if fd < 0:
                continue
            try:
                yield from _backwards(fd, os.fstat(fd).st_size)
            finally:
                os.close(fd)

    def close(self) -> None:
        """Let the file go; the next `poll` begins with whatever is at the path then."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> bool:
        while self._older:
            file = self._next_older()
            if file is None:
                self._older = False
                break
            self._fd = open_older(file, self._damaged)
            if self._fd >= 0:
                return True
        try:
            self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        return True

    def _next_older(self) -> Path | None:
        """The file behind the one that was read last, whatever both are called by now; None: that is the one at the path.

        The log may be turned over meanwhile, so that each has another's name; and a file that is compressed meanwhile is another.
        """
        files = [(file, found) for file in log_files(self._path) if (found := _identity(file)) is not None]
        known = [found for _, found in files]
        if self._last is None:
            at = 0
        elif self._last in known:
            at = known.index(self._last) + 1
        else:
            at = next((n for n, found in enumerate(known) if found in self._ahead), len(files))
        if at >= len(files) or files[at][0] == self._path:
            return None
        self._last, self._ahead = known[at], frozenset(known[at + 1 :])
        return files[at][0]

    def _turned_over(self) -> bool:
        """True where the path is no longer the file that is open. A file cut short in place is read from its start again."""
        ours = os.fstat(self._fd)
        if ours.st_size < os.lseek(self._fd, 0, os.SEEK_CUR):
            os.lseek(self._fd, 0, os.SEEK_SET)
            self._torn = b""
        try:
            theirs = os.stat(self._path)
        except FileNotFoundError:
            return False
        return (ours.st_dev, ours.st_ino) != (theirs.st_dev, theirs.st_ino)

    def _cut(self, data: bytes) -> list[bytes]:
        lines = (self._torn + data).split(b"\n")
        self._torn = lines.pop()
        if len(self._torn) > LINE_BYTES_MAX:
            self._torn = b""
        return [line for line in lines if line]


def _identity(file: Path) -> _Identity | None:
    try:
        found = os.stat(file)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _end_of_last_line(fd: int) -> int:
    """Where the last whole line ends; 0 where there is none."""
    end = os.fstat(fd).st_size
    while end:
        start = max(0, end - BACK_BYTES)
        found = os.pread(fd, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _backwards(fd: int, end: int) -> Iterator[bytes]:
    """Lines before offset `end`, the last first, without their ends."""
    rest = b""
    while end:
        start = max(0, end - BACK_BYTES)
        first, *lines = (os.pread(fd, end - start, start) + rest).split(b"\n")
        yield from (line for line in reversed(lines) if line)
        rest, end = first, start
        if len(rest) > LINE_BYTES_MAX:
            rest = b""
    if rest:
        yield rest
