"""What a start asks of the journal's files beyond what it folds: is the end there that was acknowledged, and all that was before?

In: a state directory, and what was recovered from it. Out: gaps to report; JournalError where going on would forget payments.
Changes nothing, but for `accept_end`.
"""

import mmap
import os
import sqlite3
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from switch.core.limits import Limits
from switch.core.records.records import SCHEMA
from switch.journal.anchor import read_anchor
from switch.journal.disk import RealDisk
from switch.journal.head import Head, before_any_record, head_path, read_slots, slot_of
from switch.journal.head_copy import CopyRead, read_copy
from switch.journal.index import Index, index_path, remove_index
from switch.journal.keys import key_check, stored_chain_key
from switch.journal.log import HEADER, ChainKey, JournalError, Place, Segment, read_header, segments, written_segments
from switch.journal.places import is_at
from switch.journal.recovery import Gap, Recovered, claim, journal_directory, recover
from switch.journal.scan import Scan

_WAY_OUT = (
    "bring the segment back from where it went; if it is lost, restore a backup beside it and reconcile with acquirers and "
    "issuers what it lacks (docs/journal.md); to go on without these records, run `cmi-switch journal accept-end"
)


class Known(NamedTuple):
    """How far the journal was acknowledged, as head and copy say."""

    place: Place | None
    path: str = ""
    """the file that says so"""
    times: int = 0
    """how often the head was written"""
    trouble: str = ""
    """why the copy says nothing"""


def check_end(state_dir: Path | str, found: Recovered, key: ChainKey, head_copy: str = "") -> int:
    """Raises JournalError where records are missing at the end that were acknowledged, as head, its copy or the index know.

    `head_copy`: path of the copy; "": none is kept. What is wrong with it goes to `found`.

    Returns how often the head was written.
    """
    directory = journal_directory(state_dir)
    known = known_end(directory, key, head_copy)
    found.head_copy_trouble = known.trouble
    if known.place is None and key_check(segments(directory)):
        raise JournalError(
            f"{head_path(directory)} is missing, so nobody knows how far the journal was acknowledged: bring it back; if you "
            "know that its last record is the last one there was, `cmi-switch journal accept-end` goes on there"
        )
    missing = missing_end(directory, known, found.position)
    if missing:
        option = f" --head-copy {head_copy}" if head_copy else ""
        raise JournalError(f"{missing}; {_WAY_OUT}{option}`")
    indexed = _indexed(state_dir)
    if indexed is not None and indexed.sequence > found.position and not is_at(directory, indexed):
        raise JournalError(
            f"{directory} ends at record {found.position}, and {index_path(state_dir)} knows records up to {indexed.sequence}: "
            f"{found.position + 1} to {indexed.sequence} are missing; {_WAY_OUT}`"
        )
    return known.times


def known_end(directory: str, key: ChainKey, head_copy: str = "") -> Known:
    """What head and copy say: the one written last counts. A copy that cannot be read is trouble, and stops nothing.

    One without a key counts only beside segments without one, as older releases wrote them. Raises JournalError: the head is
    damaged, or another key's, and there is no copy that is not.
    """
    keys = (key.secret,) if key_check(segments(directory)[-1:]) else (key.secret, b"")
    path = head_path(directory)
    copy = read_copy(head_copy, *keys) if head_copy else CopyRead(None, "")
    try:
        head = read_slots(path, *keys)
    except JournalError:
        if copy.written is None:
            raise
        head = None
    if copy.written is not None and (head is None or copy.written.times > head.times):
        return Known(copy.written.place, head_copy, copy.written.times)
    if head is None:
        return Known(None, trouble=copy.trouble)
    absent = "it is not there, or empty, and is begun anew" if head_copy and copy.written is None else ""
    return Known(head.place, path, head.times, copy.trouble or absent)


def missing_end(directory: str, known: Known, last: int) -> str:
    """What is missing of a log that ends at record `last`; "" where nothing is."""
    head = known.place
    if head is None:
        return ""
    if head.sequence > last:
        return (
            f"{directory} ends at record {last}, and records up to {head.sequence} were acknowledged "
            f"({known.path}): {last + 1} to {head.sequence} are missing, of segment {head.ordinal or 'unknown'}"
        )
    if head.ordinal and not is_at(directory, head):
        return (
            f"{directory}: record {head.sequence}, acknowledged last ({known.path}), is not at byte {head.offset} of segment "
            f"{head.ordinal}: that segment is missing, or another one"
        )
    return ""


def _indexed(state_dir: Path | str) -> Place | None:
    """Up to where the index was built; None where there is none, or it cannot be opened: it is built anew then."""
    if not os.path.exists(index_path(state_dir)):
        return None
    with suppress(JournalError, sqlite3.Error):
        index = Index(state_dir)
        try:
            return index.place()
        finally:
            index.close()
    return None


def find_gaps(state_dir: Path | str) -> tuple[Gap, ...]:
    """Which records are missing before the newest segment, but for those pruned. Reads headers, and what is in doubt."""
    directory = journal_directory(state_dir)
    listed = segments(directory)
    gaps = []
    first = _first_record(directory)
    if listed and listed[0].first > first:
        gaps.append(Gap(path=listed[0].path, first=first, last=listed[0].first - 1))
    for before, segment in pairwise(listed):
        with suppress(JournalError, OSError, ValueError):
            if not _continues(before, segment):
                last = _last(before)
                if last < segment.first - 1:
                    gaps.append(Gap(path=segment.path, first=last + 1, last=segment.first - 1))
    return tuple(gaps)


def _first_record(directory: str) -> int:
    """The first record there should be; where the anchor cannot be read, as if nothing had been pruned: payments go on, the gap
    is said, and `verify` says why."""
    try:
        anchor = read_anchor(directory)
    except JournalError:
        return 1
    return anchor.first if anchor is not None else 1


def _continues(before: Segment, segment: Segment) -> bool:
    """True if the last record that the segment's header names by its hash lies in the one before."""
    with open(segment.path, "rb", buffering=0) as file:
        chain = read_header(file, segment, SCHEMA).chain
    with open(before.path, "rb") as earlier, mmap.mmap(earlier.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.rfind(chain) >= 0


def _last(segment: Segment) -> int:
    """The number of the last whole record of the segment; the one before its first where there is none."""
    with open(segment.path, "rb", buffering=0) as file:
        scan = Scan(file, HEADER.size, segment.first)
        for _ in scan:
            pass
        return scan.expected - 1


def begin_head(directory: str, last: int, chain: bytes, key: ChainKey, *, count: int = 0, head_copy: str = "") -> None:
    """The log in `directory` ends at record `last` on purpose: whatever its head, or its copy, said before.

    `count`: how often that was written. Raises JournalError where the copy cannot be written.
    """
    place = before_any_record(last, chain)
    if head_copy:
        slot, offset = slot_of(count + 1, place, key.secret)
        try:
            disk = RealDisk()
            fd = disk.open_head(head_copy)
            disk.write_head(fd, slot, offset)
            disk.sync_head(fd)
            disk.close(fd)
        except OSError as error:
            raise JournalError(
                f"{head_copy}: the head's copy cannot be written: {error.strerror}; nothing has been changed"
            ) from None
    with suppress(FileNotFoundError):
        os.unlink(head_path(directory))
    head = Head(RealDisk(), directory, key.secret, count)
    head.put(place, sync=True)
    head.close()


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The journal ends at record `last`; the ones up to `missing_to` (0: none that is known of) are given up."""

    last: int
    missing_to: int


def accept_end(state_dir: Path | str, head_copy: str = "") -> Accepted:
    """Go on from where the journal ends, though more had been acknowledged: a person's decision. The index is built anew.

    `head_copy`: path of the head's copy, if one is kept: it is told, too.

    No switch may be running. Raises JournalError: one is, or what is there is damaged.
    """
    directory = journal_directory(state_dir)
    written_segments(directory)
    key = stored_chain_key(state_dir)
    lock = claim(state_dir, 0)
    try:
        found = recover(state_dir, Limits())
        head = _end_or_none(directory, key, head_copy)
        known = [place.sequence for place in (head.place, _indexed(state_dir)) if place is not None]
        beyond = max(known, default=0)
        begin_head(directory, found.position, found.chain, key, count=head.times, head_copy=head_copy)
        remove_index(state_dir)
    finally:
        os.close(lock)
    return Accepted(last=found.position, missing_to=beyond if beyond > found.position else 0)


def _end_or_none(directory: str, key: ChainKey, head_copy: str) -> Known:
    with suppress(JournalError):
        return known_end(directory, key, head_copy)
    return Known(None)
