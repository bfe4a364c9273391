"""The file system as the journal writes to it: narrow, so that tests can make it fail."""

import os
from typing import Protocol

from switch.journal.head import HeadDisk


class Disk(HeadDisk, Protocol):
    """The file system as the writer uses it; tests make it fail. All methods raise OSError."""

    def create(self, path: str) -> int:
        """A new file, readable by its owner only; its descriptor."""

    def write(self, fd: int, data: bytes, offset: int) -> int:
        """Write some of `data` at `offset`; how many bytes."""

    def sync(self, fd: int) -> None:
        """Return when everything written to the file is on the disk."""

    def sync_directory(self, path: str) -> None:
        """Return when the directory's names are on the disk."""

    def truncate(self, fd: int, size: int) -> None:
        """End the file at `size` bytes."""

    def close(self, fd: int) -> None:
        """Release the descriptor."""

    def remove(self, path: str) -> None:
        """Remove the file."""

    def rename(self, path: str, to: str) -> None:
        """Give the file another name, at once and whole."""

    def names(self, path: str) -> list[str]:
        """Names of the files in the directory."""


class RealDisk:
    """The operating system's."""

    def create(self, path: str) -> int:
        """See Disk."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def write(self, fd: int, data: bytes, offset: int) -> int:
        """See Disk."""
        return os.pwrite(fd, data, offset)

    def sync(self, fd: int) -> None:
        """See Disk."""
        os.fdatasync(fd)

    def sync_directory(self, path: str) -> None:
        """See Disk."""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def truncate(self, fd: int, size: int) -> None:
        """See Disk."""
        os.ftruncate(fd, size)

    def close(self, fd: int) -> None:
        """See Disk."""
        os.close(fd)

    def remove(self, path: str) -> None:
        """See Disk."""
        os.unlink(path)

    def rename(self, path: str, to: str) -> None:
        """See Disk."""
        os.rename(path, to)

    def names(self, path: str) -> list[str]:
        """See Disk."""
        return os.listdir(path)

    def open_head(self, path: str) -> int:
        """See HeadDisk."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write_head(self, fd: int, data: bytes, offset: int) -> None:
        """See HeadDisk."""
        os.pwrite(fd, data, offset)

    def sync_head(self, fd: int) -> None:
        """See HeadDisk."""
        os.fsync(fd)
