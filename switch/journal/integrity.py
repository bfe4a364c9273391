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

import msgspec

from switch.core.limits import Limits
from switch.core.records.records import SCHEMA
from switch.journal.anchor import read_anchor
from switch.journal.head import Head, before_any_record, head_path, read_head
from switch.journal.index import Index, index_path, remove_index
from switch.journal.keys import key_check, stored_chain_key
from switch.journal.log import HEADER, ChainKey, JournalError, Place, Scan, Segment, read_header, segments
from switch.journal.places import is_at
from switch.journal.recovery import Gap, Recovered, claim, journal_directory, recover
from switch.journal.writer import RealDisk

_WAY_OUT = (
    "bring the segment back from where it went; if it is lost, restore a backup beside it and reconcile with acquirers and "
    "issuers what it lacks (docs/journal.md); to go on without these records, run `cmi-switch journal accept-end`"
)


def check_end(state_dir: Path | str, found: Recovered, key: ChainKey) -> None:
    """Raises JournalError where records are missing at the end that were acknowledged, as head or index know."""
    directory = journal_directory(state_dir)
    head = head_of(directory, key)
    if head is None and key_check(segments(directory)):
        raise JournalError(
            f"{head_path(directory)} is missing, so nobody knows how far the journal was acknowledged: bring it back; if you "
            "know that its last record is the last one there was, `cmi-switch journal accept-end` goes on there"
        )
    if head is not None:
        said = missing_end(directory, head, found.position)
        if said:
            raise JournalError(f"{said}; {_WAY_OUT}")
    known = _indexed(state_dir)
    if known is not None and known.sequence > found.position and not is_at(directory, known):
        raise JournalError(
            f"{directory} ends at record {found.position}, and {index_path(state_dir)} knows records up to {known.sequence}: "
            f"{found.position + 1} to {known.sequence} are missing; {_WAY_OUT}"
        )


def head_of(directory: str, key: ChainKey) -> Place | None:
    """As `read_head`. One without a key counts only beside segments without one, as older releases wrote them."""
    keyed = key_check(segments(directory)[-1:])
    return read_head(directory, key.secret) if keyed else read_head(directory, key.secret, b"")


def missing_end(directory: str, head: Place, last: int) -> str:
    """What is missing of a log that ends at record `last`, as its head knows; "" where nothing is."""
    if head.sequence > last:
        return (
            f"{directory} ends at record {last}, and records up to {head.sequence} were acknowledged "
            f"({head_path(directory)}): {last + 1} to {head.sequence} are missing, of segment {head.ordinal or 'unknown'}"
        )
    if head.ordinal and not is_at(directory, head):
        return (
            f"{directory}: record {head.sequence}, acknowledged last, is not at byte {head.offset} of segment {head.ordinal}: "
            "that segment is missing, or another one"
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
    if listed and listed[0].first > _begins(directory):
        gaps.append(Gap(path=listed[0].path, first=_begins(directory), last=listed[0].first - 1))
    for before, segment in pairwise(listed):
        with suppress(JournalError, OSError, ValueError):
            if not _goes_on(before, segment):
                last = _last(before)
                if last < segment.first - 1:
                    gaps.append(Gap(path=segment.path, first=last + 1, last=segment.first - 1))
    return tuple(gaps)


def _begins(directory: str) -> int:
    """The first record there should be. One more than there is where the anchor cannot be read: `verify` says that."""
    anchor = read_anchor(directory)
    return anchor.first if anchor is not None else 1


def _goes_on(before: Segment, segment: Segment) -> bool:
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


def begin_head(directory: str, last: int, chain: bytes, key: ChainKey) -> None:
    """The log in `directory` ends at record `last` on purpose: whatever its head said before."""
    with suppress(FileNotFoundError):
        os.unlink(head_path(directory))
    head = Head(RealDisk(), directory, key.secret)
    head.put(before_any_record(last, chain), sync=True)
    head.close()


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The journal ends at record `last`; the ones up to `missing_to` (0: none that is known of) are given up."""

    last: int
    missing_to: int


def accept_end(state_dir: Path | str) -> Accepted:
    """Go on from where the journal ends, though more had been acknowledged: a person's decision. The index is built anew.

    No switch may be running. Raises JournalError: it is, or what is there is damaged.
    """
    directory = journal_directory(state_dir)
    if not segments(directory):
        raise JournalError(f"{directory}: no journal here; --state names the switch's state directory")
    key = stored_chain_key(state_dir)
    lock = claim(state_dir, 0)
    try:
        found = recover(state_dir, Limits())
        known = [place.sequence for place in (_head_or_none(directory, key), _indexed(state_dir)) if place is not None]
        beyond = max(known, default=0)
        begin_head(directory, found.position, found.chain, key)
        remove_index(state_dir)
    finally:
        os.close(lock)
    return Accepted(last=found.position, missing_to=beyond if beyond > found.position else 0)


def _head_or_none(directory: str, key: ChainKey) -> Place | None:
    with suppress(JournalError):
        return head_of(directory, key)
    return None
