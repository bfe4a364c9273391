"""How far the log was acknowledged, kept outside the segments: `journal/head`, so that an end cut off is found.

In: the place of the last durable record, after every flush. Out: the newest place that reached the file. Who deletes the newest
segment, or cuts it where a record ends, leaves a log in which nothing is missing; the head knows better.

The head is written after the flush it speaks of, never before, and not flushed itself but when a writer starts: after a power
cut it may be older than the log, never newer. Two slots of a sector each are written in turn, so that a write cut short leaves
the other one.
"""

import os
from contextlib import suppress
from hashlib import blake2b
from struct import Struct
from typing import Final, Protocol

from switch.journal.log import JournalError, Place

MAGIC: Final = b"CMISWHED"
SLOT_BYTES: Final = 512
"""A sector: a disk writes it whole or not at all."""
BODY: Final = Struct(">8sQIQQ16s")
"""Magic, count of writes, then the place: ordinal, offset, sequence, chain hash."""
_SUM_BYTES: Final = 16


class HeadDisk(Protocol):
    """The file system as the head needs it. All methods raise OSError."""

    def open_head(self, path: str) -> int:
        """The file, made where it is missing, readable by its owner only; its descriptor."""

    def write_head(self, fd: int, data: bytes, offset: int) -> None:
        """Write `data` in place, without waiting for the disk."""

    def sync_head(self, fd: int) -> None:
        """Return when what was written is on the disk."""


class Head:
    """The head of one journal, open for writing. Methods raise OSError."""

    def __init__(self, disk: HeadDisk, directory: str, key: bytes = b"") -> None:
        """`key`: of the journal's chain; only its owner can write a head that counts.

        One that is damaged is written anew: whoever starts a writer has read it before, or is who had it written.
        """
        self._disk, self._key = disk, key
        self._count = 0
        with suppress(JournalError):
            found = _newest(directory, (key, b""))
            self._count = found[0] if found else 0
        self._fd = disk.open_head(head_path(directory))

    def put(self, place: Place, *, sync: bool = False) -> None:
        """The log was acknowledged up to `place`. `sync`: wait until that is on the disk."""
        self._count += 1
        body = BODY.pack(MAGIC, self._count, *place)
        self._disk.write_head(self._fd, body + _sum(body, self._key), self._count % 2 * SLOT_BYTES)
        if sync:
            self._disk.sync_head(self._fd)

    def close(self) -> None:
        """Release the file."""
        os.close(self._fd)


def before_any_record(sequence: int, chain: bytes) -> Place:
    """The place of a head that knows the record only by number and hash, and no segment: ordinal 0."""
    return Place(0, 0, sequence, chain)


def head_path(directory: str) -> str:
    """Where the head lies in a journal's directory."""
    return os.path.join(directory, "head")


def read_head(directory: str, *keys: bytes) -> Place | None:
    """Up to where the log was acknowledged; None where it never was. Raises JournalError: damaged, or another key's."""
    found = _newest(directory, keys or (b"",))
    return found[1] if found else None


def _newest(directory: str, keys: tuple[bytes, ...]) -> tuple[int, Place] | None:
    """Count and place of the slot written last, under any of the keys (b"": none)."""
    path = head_path(directory)
    try:
        with open(path, "rb", buffering=0) as file:
            data = file.read(2 * SLOT_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror}") from None
    if not data.strip(b"\0"):
        return None
    slots = [_slot(data[at : at + BODY.size + _SUM_BYTES], key) for at in (0, SLOT_BYTES) for key in keys]
    found = max((slot for slot in slots if slot is not None), default=None)
    if found is None:
        raise JournalError(
            f"{path}: damaged, or written under another vault key, so nobody knows how far the journal was acknowledged: bring "
            "the file back; if `cmi-switch journal verify` finds nothing else, and its last record is the one you expect, "
            "`cmi-switch journal accept-end` goes on there"
        )
    return found


def _slot(data: bytes, key: bytes) -> tuple[int, Place] | None:
    """Count and place of a slot; None where it is empty or damaged."""
    if len(data) < BODY.size + _SUM_BYTES or _sum(data[: BODY.size], key) != data[BODY.size :]:
        return None
    magic, count, *place = BODY.unpack_from(data)
    return (count, Place(*place)) if magic == MAGIC else None


def _sum(body: bytes, key: bytes) -> bytes:
    return blake2b(body, digest_size=_SUM_BYTES, key=key).digest()
