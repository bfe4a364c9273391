"""The journal's oldest segments removed on purpose, so that a disk lasts.

In: a state directory and a date. Out: a journal that begins at a snapshot made before that date, an index without what went,
and an anchor that says so. The switch may be running.

Rules. Whole segments go, oldest first. What the switch may still ask for stays: everything of the last `KEEP_S`, everything
since the oldest that is still open or owed, and a snapshot to start from. Nothing goes that a backup does not have, unless
that is asked for by name.
"""

import os
from pathlib import Path
from typing import Final

import msgspec

from switch.core.limits import Limits
from switch.core.records.records import SCHEMA
from switch.journal.anchor import Anchor, anchor_path
from switch.journal.backup import read_manifest
from switch.journal.copying import os_errors, put, sync_directory
from switch.journal.index import Index
from switch.journal.log import (
    FLAG_SNAPSHOT,
    HEADER,
    Header,
    JournalError,
    Segment,
    read_header,
    written_segments,
)
from switch.journal.places import segment_paths
from switch.journal.projections.transactions import Transactions
from switch.journal.recovery import decode, journal_directory, recover
from switch.journal.scan import Scan
from switch.wire.dates import day_of

KEEP_S: Final = 8 * 86_400
"""A day more than the longest duplicate window a network file may state."""


class Pruned(msgspec.Struct, frozen=True):
    """What went."""

    first: int
    """the journal begins at this record now"""
    files: int
    """removed"""
    bytes: int
    rows: int
    """transactions that left the index"""
    why: str
    """why it begins no later; "" where the date was the reason"""


def prune(state_dir: Path | str, before_us: int, now_us: int, kept_in: Path | str | None) -> Pruned:
    """Remove the segments whose every record is older than `before_us` (wall-clock µs), as far as the rules allow.

    `kept_in`: the backup that must hold them; None: they are lost. Raises JournalError, and removes nothing then.
    """
    directory = journal_directory(state_dir)
    listed = written_segments(directory)
    cutoff_us, why = _cutoff(state_dir, before_us, now_us)
    found = _newest_snapshot(listed, cutoff_us)
    if found is None:
        return Pruned(listed[0].first, 0, 0, 0, why or "no snapshot is that old")
    segment, header = found
    if kept_in is not None:
        _is_kept(kept_in, listed[0], segment, header)
    with os_errors(directory):
        anchor = Anchor(first=segment.first, chain=header.chain.hex(), pruned_us=now_us)
        put(anchor_path(directory), msgspec.json.encode(anchor) + b"\n")
        rows = _forget(state_dir, segment.first)
        files = size = 0
        for ordinal, path in sorted(segment_paths(directory).items()):
            if ordinal < segment.ordinal:
                size += os.stat(path).st_size
                files += 1
                os.unlink(path)
        sync_directory(directory)
    return Pruned(segment.first, files, size, rows, why)


def _cutoff(state_dir: Path | str, before_us: int, now_us: int) -> tuple[int, str]:
    """Up to when records may go, and what stands before the date that was asked for; "" where nothing does."""
    cutoff_us, why = before_us, ""
    if now_us - KEEP_S * 1_000_000 < cutoff_us:
        cutoff_us = now_us - KEEP_S * 1_000_000
        why = f"the last {KEEP_S // 86_400} days are kept: repeats are looked up in them"
    state = recover(state_dir, Limits()).state
    for kind, entries in (("open", state.open), ("owed", state.owed)):
        for entry in entries.values():
            if entry.at_us <= cutoff_us:
                cutoff_us = entry.at_us - 1
                why = f"transaction {entry.txn:x} of {day_of(entry.at_us)} is still {kind}"
    return cutoff_us, why


def _newest_snapshot(listed: list[Segment], cutoff_us: int) -> tuple[Segment, Header] | None:
    """The newest segment, but for the first, that begins with a snapshot made by then: all before it is older."""
    for segment in reversed(listed[1:]):
        with open(segment.path, "rb", buffering=0) as file:
            header = read_header(file, segment, SCHEMA)
            if not header.flags & FLAG_SNAPSHOT:
                continue
            record = next(iter(Scan(file, HEADER.size, segment.first)), None)
            if record is not None and decode(segment, record).at_us <= cutoff_us:
                return segment, header
    return None


def _is_kept(backup: Path | str, oldest: Segment, segment: Segment, header: Header) -> None:
    """Raises JournalError unless the backup holds every record from `oldest` up to the one before `segment`."""
    parts = read_manifest(backup).parts
    last = next((p for p in parts if p.last == segment.first - 1), None)
    if parts[0].first > oldest.first or last is None or last.chain != header.chain.hex():
        raise JournalError(
            f"{backup} does not hold all records from {oldest.first} to {segment.first - 1} of this journal: bring it up to date "
            "with `cmi-switch journal backup`, then prune"
        )


def _forget(state_dir: Path | str, first: int) -> int:
    """The index lets go of transactions that began before record `first`; how many. It is ahead of what goes from here on."""
    index = Index(state_dir)
    try:
        index.catch_up()
        return index.forget(first)[Transactions.name]
    finally:
        index.close()
