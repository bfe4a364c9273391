"""Files of a hop log that were turned over, compressed (`[hop_log] compress`): `hops.jsonl.1` becomes `hops.jsonl.1.gz`.

In: a log's path. Out: its older files compressed, by a process of its own at the lowest priority; and for readers a descriptor
that reads as the plain file did, whichever it is.

The rule: a name is never two files. Who turns the log over and who puts a compressed file in a plain one's place hold the lock
of their directory meanwhile, which is a few renames; who writes the log does not wait for it, and turns over a little later.
"""

import errno
import fcntl
import gzip
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from switch.security.files import open_private

PACKED: Final = ".gz"
_LEVEL: Final = 6


def log_files(path: Path) -> list[Path]:
    """The files of a log, oldest first: `hops.jsonl.2.gz`, `hops.jsonl.1`, `hops.jsonl`; those that are there.

    Of one that is there both ways, as a crash leaves it, the plain one.
    """
    numbered: dict[int, Path] = {}
    for file in sorted(path.parent.glob(f"{path.name}.*"), reverse=True):
        number = file.name[len(path.name) + 1 :].removesuffix(PACKED)
        if number.isdecimal():
            numbered[int(number)] = file
    files = [numbered[number] for number in sorted(numbered, reverse=True)]
    return [*files, path] if path.exists() else files


class DamagedLogError(OSError):
    """A compressed file of a log is not as it was written: its checksum vouches for none of its lines."""


def numbered_file(path: Path, number: int) -> tuple[Path, Path]:
    """The names that the file turned over so many times ago may have: plain, compressed."""
    plain = path.with_name(f"{path.name}.{number}")
    return plain, plain.with_name(plain.name + PACKED)


def open_log(file: Path) -> int:
    """A descriptor to read a log's file by; of a compressed one, of a copy in memory. Raises OSError: DamagedLogError
    where it is that."""
    if file.suffix != PACKED:
        return os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    fd = os.memfd_create(file.name, os.MFD_CLOEXEC) if hasattr(os, "memfd_create") else _unnamed()
    try:
        with gzip.open(file) as packed, os.fdopen(fd, "wb", closefd=False) as plain:
            shutil.copyfileobj(packed, plain, 1 << 20)
        os.lseek(fd, 0, os.SEEK_SET)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        os.close(fd)
        said = f"is damaged ({error}); move it away, and all but its lines is read"
        raise DamagedLogError(errno.EIO, said, str(file)) from None
    except OSError:
        os.close(fd)
        raise
    return fd


def open_older(file: Path, damaged: Callable[[DamagedLogError], None] | None) -> int:
    """A descriptor to read a turned-over file by; -1: it is gone (turned over once more, it is the next one), or damaged.

    `damaged`: is told of that; None: it is raised. Raises OSError.
    """
    try:
        return open_log(file)
    except FileNotFoundError:
        return -1
    except DamagedLogError as error:
        if damaged is None:
            raise
        damaged(error)
        return -1


def _unnamed() -> int:
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


@contextmanager
def hold_names(path: Path, *, wait: bool) -> Iterator[bool]:
    """The names of this log's files are ours until the end; False: they are somebody else's, and `wait` is not asked for."""
    fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(fd)


def pack(path: Path) -> None:
    """Compress what has been turned over of the log at `path`, oldest first. Raises OSError: what is not done stays plain."""
    for file in log_files(path):
        if file != path and file.suffix != PACKED:
            with suppress(FileNotFoundError):  # let go meanwhile, as the oldest is
                _pack_file(path, file)


def _pack_file(path: Path, file: Path) -> None:
    part = path.with_name(f".{path.name}.packing")
    with file.open("rb") as plain:
        there = os.fstat(plain.fileno())
        try:
            with os.fdopen(open_private(part, os.O_WRONLY | os.O_TRUNC), "wb") as raw:
                with gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=_LEVEL, filename="", mtime=0) as packed:
                    shutil.copyfileobj(plain, packed, 1 << 20)
                raw.flush()
                os.fsync(raw.fileno())
            os.utime(part, ns=(there.st_atime_ns, there.st_mtime_ns))
            with hold_names(path, wait=True):
                now = [each for each in log_files(path) if os.path.samestat(each.stat(), there)]
                if now and now[0] != path:
                    os.replace(part, now[0].with_name(now[0].name + PACKED))
                    now[0].unlink()
        finally:
            part.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """Run as a process: the log's path."""
    os.nice(19)
    try:
        pack(Path(arguments[0]))
    except OSError as error:
        sys.stderr.write(f"hop log: cannot be compressed: {error}; it stays as it is\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
