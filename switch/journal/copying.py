"""Segments copied with every record checked, and small files put where they belong whole or not at all.

In: segments as `log.segments` lists them, and a directory. Out: drafts there, and what they hold. Whoever copies gives the
drafts their names when all of it is right.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final
from zlib import crc32

import msgspec

from switch.core.records.records import SCHEMA
from switch.journal.log import HEADER, NO_KEY, ChainKey, Header, JournalError, Log, Segment, chain_under, read_header
from switch.journal.scan import REST, Record

PART_SUFFIX: Final = ".part"
"""Ends the name of a file that is not whole yet."""
_STEP_BYTES: Final = 1 << 20

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all)."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A segment in a backup: records `first` to `last`, of which `chain` (hex) is the last one's hash."""

    name: str
    first: int
    last: int
    bytes: int
    chain: str


def unwatched(done: int, total: int) -> None:
    """Progress nobody looks at."""


def copy(
    listed: list[Segment], place: str, progress: Progress, key: ChainKey = NO_KEY
) -> tuple[list[Part], str, tuple[Segment, Record] | None]:
    """Write what counts of the segments to drafts in `place`, every record checked. Parts, network, and the last record.

    A segment without a record yet is left out. `key`: of the chain; others are not looked at. Raises JournalError at the
    first thing that is not as it was written.
    """
    total = sum(os.stat(s.path).st_size for s in listed)
    log = Log("", SCHEMA, listed)
    parts: list[Part] = []
    done, last = 0, None
    copying: _Copy | None = None
    try:
        for segment, record in log:
            if copying is None or copying.segment is not segment:
                if copying is not None:
                    parts.append(copying.finish())
                    done += copying.end
                copying = _Copy(segment, place, key)
                check_follows(parts[-1] if parts else None, segment, copying.header)
            copying.add(record)
            last = segment, record
            if copying.end - copying.reported > _STEP_BYTES:
                copying.reported = copying.end
                progress(done + copying.end, total)
        if copying is not None:
            parts.append(copying.finish())
    finally:
        if copying is not None:
            copying.file.close()
    progress(total, total)
    return parts, log.network, last


def check_follows(before: Part | None, segment: Segment, header: Header) -> None:
    """Raises JournalError where `segment` should go on from the part before it and does not."""
    if before is not None and before.last == segment.first - 1 and before.chain != header.chain.hex():
        raise JournalError(
            f"{segment.path}: the chain does not go on from record {before.last}: this segment, or the one before, was replaced"
        )


class _Copy:
    """One segment on its way into a draft."""

    def __init__(self, segment: Segment, place: str, key: ChainKey) -> None:
        self.segment = segment
        self.reported = 0
        self.name = os.path.basename(segment.path)
        with open(segment.path, "rb", buffering=0) as source:
            header = source.read(HEADER.size)
            source.seek(0)
            self.header = read_header(source, segment, SCHEMA)
        self._running = chain_under(header, self.header, key)
        self._last = segment.first - 1
        self._chain = b""
        handle = os.open(
            os.path.join(place, self.name + PART_SUFFIX), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
        )
        self.file: BinaryIO = open(handle, "wb", buffering=_STEP_BYTES)  # noqa: SIM115 - closed by `finish`
        self.file.write(header)
        self.end = len(header)

    def add(self, record: Record) -> None:
        """The next record, as it stands in the segment."""
        if self._running is not None:
            self._running.update(record.payload)
        if self._running is not None and self._running.copy().digest() != record.chain:
            raise JournalError(
                f"{self.segment.path} at byte {record.offset}: record {record.sequence} is not the one that was written "
                "(chain): `cmi-switch journal verify` says more"
            )
        rest = REST.pack(len(record.payload), record.sequence, record.sequence - record.durable - 1, record.chain)
        self.file.write(crc32(record.payload, crc32(rest)).to_bytes(4, "big") + rest + record.payload)
        self.end += 4 + len(rest) + len(record.payload)
        self._last, self._chain = record.sequence, record.chain

    def finish(self) -> Part:
        """The draft is whole and on the disk; so is what it was copied from, so that the copy is never ahead of its journal."""
        with open(self.segment.path, "rb", buffering=0) as source:
            os.fdatasync(source.fileno())
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        return Part(name=self.name, first=self.segment.first, last=self._last, bytes=self.end, chain=self._chain.hex())


@contextmanager
def os_errors(where: str) -> Iterator[None]:
    """What the system refuses, as a sentence."""
    try:
        yield
    except OSError as error:
        raise JournalError(f"{error.filename or where}: {error.strerror or error}") from None


@contextmanager
def locked(directory: Path | str) -> Iterator[None]:
    """One at a time in this directory. Raises JournalError where another is at work."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise JournalError(f"{directory}: another backup or restore is at work there: wait for it") from None
    finally:
        os.close(handle)


def put(path: Path, data: bytes) -> None:
    """A small file, whole or not at all, readable by its owner only."""
    draft = path.with_name(path.name + PART_SUFFIX)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(handle)
    draft.replace(path)
    sync_directory(path.parent)


def give_names(place: str, copied: Sequence[Part]) -> None:
    """The drafts get their names. A longer file of the same beginning stays: a later segment supersedes what it has more."""
    for part in copied:
        path = os.path.join(place, part.name)
        if os.path.exists(path) and os.stat(path).st_size > part.bytes:
            os.unlink(path + PART_SUFFIX)
        else:
            os.replace(path + PART_SUFFIX, path)
    sync_directory(place)


def clear(place: str, keep: set[str]) -> None:
    """Remove segments that count no more, and drafts that were never finished."""
    with suppress(FileNotFoundError):
        for name in os.listdir(place):
            if name.endswith(PART_SUFFIX) or (name.endswith(".log") and name not in keep):
                os.unlink(os.path.join(place, name))


def sync_directory(directory: Path | str) -> None:
    """Return when the directory's names are on the disk."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
