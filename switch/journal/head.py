"""How far the log was acknowledged, kept outside the segments: `journal/head`, so that an end cut off is found.

In: the place of the last durable record, after every flush. Out: the newest place that reached the file. Who deletes the newest
segment, or cuts it where a record ends, leaves a log in which nothing is missing; the head knows better.

The head is written after the flush it speaks of, never before, and not flushed itself but when a writer starts: after a power
cut it may be older than the log, never newer. Two slots of a sector each are written in turn, so that a write cut short leaves
the other one. A copy on another disk (`head_copy`) finds what goes with the disk, or is taken together with the head. Of the two
the one that was written last counts.
"""

import os
from contextlib import suppress
from hashlib import blake2b
from struct import Struct
from typing import Final, NamedTuple, Protocol

from switch.journal.log import JournalError, Place, check_regular

MAGIC: Final = b"CMISWHED"
SLOT_BYTES: Final = 512
"""A sector: a disk writes it whole or not at all."""
BODY: Final = Struct(">8sQIQQ16s")
"""Magic, count of writes, then the place: ordinal, offset, sequence, chain hash."""
_SUM_BYTES: Final = 16
COPY_WAIT_S: Final = 2.0
"""How long a start and an end wait for the head's copy on another disk."""


class HeadDisk(Protocol):
    """The file system as the head needs it. All methods raise OSError."""

    def open_head(self, path: str) -> int:
        """The file, made where it is missing, readable by its owner only; its descriptor."""

    def write_head(self, fd: int, data: bytes, offset: int) -> None:
        """Write `data` in place, without waiting for the disk."""

    def sync_head(self, fd: int) -> None:
        """Return when what was written is on the disk."""


class CopyPort(Protocol):
    """Where a copy of the head goes, on another disk. Nothing here waits for it, and no failure of it is raised."""

    def put(self, slot: bytes, offset: int) -> None:
        """This slot is to be written next, at this offset of the file."""

    def wait(self, wait_s: float) -> None:
        """Return when what was put is on the disk, or has failed; or after so many seconds."""


class Written(NamedTuple):
    """A slot of a head: how many times the head was written, and the place that it names."""

    times: int
    place: Place


class Head:
    """The head of one journal, open for writing. Methods raise OSError."""

    def __init__(
        self, disk: HeadDisk, directory: str, key: bytes = b"", count: int = 0, copy: CopyPort | None = None
    ) -> None:
        """`key`: of the journal's chain; only its owner can write a head that counts. `count`: it was written so often at least.

        One that is damaged is written anew: whoever starts a writer has read it before, or is who had it written.
        """
        self._disk, self._key, self._copy = disk, key, copy
        self._count = count
        with suppress(JournalError):
            found = read_slots(head_path(directory), key, b"")
            self._count = max(count, found.times if found else 0)
        self._fd = disk.open_head(head_path(directory))

    def put(self, place: Place, *, sync: bool = False) -> None:
        """The log was acknowledged up to `place`. `sync`: wait until that is on the disk."""
        self._count += 1
        slot, offset = slot_of(self._count, place, self._key)
        self._disk.write_head(self._fd, slot, offset)
        if self._copy is not None:
            self._copy.put(slot, offset)
        if sync:
            self._disk.sync_head(self._fd)
            if self._copy is not None:
                self._copy.wait(COPY_WAIT_S)

    def close(self) -> None:
        """Release the file."""
        if self._copy is not None:
            self._copy.wait(COPY_WAIT_S)
        os.close(self._fd)


def before_any_record(sequence: int, chain: bytes) -> Place:
    """The place of a head that knows the record only by number and hash, and no segment: ordinal 0."""
    return Place(0, 0, sequence, chain)


def head_path(directory: str) -> str:
    """Where the head lies in a journal's directory."""
    return os.path.join(directory, "head")


def slot_of(count: int, place: Place, key: bytes) -> tuple[bytes, int]:
    """A slot as it is written, and its offset in the file."""
    body = BODY.pack(MAGIC, count, *place)
    return body + _sum(body, key), count % 2 * SLOT_BYTES


def read_slots(path: str, *keys: bytes) -> Written | None:
    """The slot written last, under any of the keys (b"" or none: no key); None where there is none.

    Raises JournalError: damaged, or another key's.
    """
    check_regular(path)
    try:
        with open(path, "rb", buffering=0) as file:
            data = file.read(2 * SLOT_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror}") from None
    if not data.strip(b"\0"):
        return None
    slots = [_slot(data[at : at + BODY.size + _SUM_BYTES], key) for at in (0, SLOT_BYTES) for key in keys or (b"",)]
    found = max((slot for slot in slots if slot is not None), default=None)
    if found is None:
        raise JournalError(
            f"{path}: damaged, or written under another vault key, so nobody knows how far the journal was acknowledged: bring "
            "the file back; if `cmi-switch journal verify` finds nothing else, and its last record is the one you expect, "
            "`cmi-switch journal accept-end` goes on there"
        )
    return found


def _slot(data: bytes, key: bytes) -> Written | None:
    """A slot; None where it is empty or damaged."""
    if len(data) < BODY.size + _SUM_BYTES or _sum(data[: BODY.size], key) != data[BODY.size :]:
        return None
    magic, count, *place = BODY.unpack_from(data)
    return Written(count, Place(*place)) if magic == MAGIC else None


def _sum(body: bytes, key: bytes) -> bytes:
    return blake2b(body, digest_size=_SUM_BYTES, key=key).digest()
