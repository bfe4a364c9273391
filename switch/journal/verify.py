"""Is the journal what was written? Walks every record: CRCs, numbers, the hash chain from the first segment to the last.

In: a state directory. Out: what is wrong, with file and offset. Changes nothing; works while the switch writes.
"""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

import msgspec

from switch.core.records.records import SCHEMA
from switch.journal.anchor import read_anchor
from switch.journal.index import index_path
from switch.journal.integrity import Known, known_end, missing_end
from switch.journal.keys import key_check, stored_chain_key, vault_key_path
from switch.journal.log import (
    CHAIN_OFFSET,
    GENESIS,
    HEADER,
    NO_KEY,
    ChainKey,
    JournalError,
    Segment,
    chain_under,
    read_header,
    segments,
    written_segments,
)
from switch.journal.recovery import decode, in_use, journal_directory
from switch.journal.scan import Scan
from switch.wire.dates import day_of


class Verified(msgspec.Struct):
    """What a walk found. Sound where `damage` is empty."""

    damage: list[str]
    """each names a file, an offset where there is one, and what is wrong"""
    notes: list[str]
    """what is as it may be after a crash, but worth a word"""
    segments: int = 0
    records: int = 0
    first: int = 0
    last: int = 0
    """sequence numbers"""
    keyed: bool = False
    """the newest segment's chain is keyed with the vault's key"""
    chain: bytes = GENESIS
    """hash of the last record: compare it with a copy kept elsewhere"""


def verify(state_dir: Path | str, head_copy: str = "") -> Verified:
    """Walk the whole journal. `head_copy`: path of the head's copy, to be asked too.

    Raises JournalError where there is none, or a newer release wrote it.
    """
    directory = journal_directory(state_dir)
    live = in_use(state_dir)
    listed = written_segments(directory)
    result = Verified([], [], first=listed[0].first, last=listed[0].first - 1)
    key = _key(state_dir, listed, result)
    known = _end_known(directory, key, head_copy, result)  # first: a log that is written goes on while it is walked
    if listed[0].first != 1:
        _beginning(directory, listed[0], result)
    sound = listed[0].first == 1
    for segment in listed:
        sound = _segment(segment, key, result, live, follows=sound)
        result.segments += 1
    if not result.damage:
        missing = missing_end(directory, known, result.last)
        if missing:
            result.damage.append(missing)
    _index(state_dir, result)
    return result


def _key(state_dir: Path | str, listed: list[Segment], result: Verified) -> ChainKey:
    """The chain's key, if it is there and is the one that the journal names."""
    check = key_check(listed)
    try:
        key = stored_chain_key(state_dir)
    except JournalError as error:
        result.damage.append(str(error))
        return NO_KEY
    if check and not key.check:
        result.notes.append(
            f"{state_dir} has no vault key, and the chain is keyed with it (key check value {check.hex()}): that no record was "
            "rewritten has not been looked at"
        )
    elif check and check != key.check:
        result.damage.append(
            f"{vault_key_path(state_dir)} is not the key that the journal was written with: its key check value is "
            f"{key.check.hex()}, the journal's {check.hex()}"
        )
    return key


def _end_known(directory: str, key: ChainKey, head_copy: str, result: Verified) -> Known:
    """What head and copy say, where they can be read: a backup has none, and one under a key that is not here says nothing."""
    check = key_check(segments(directory)[-1:])
    if check and check != key.check:
        return Known(None)
    try:
        known = known_end(directory, key, head_copy)
    except JournalError as error:
        result.damage.append(str(error))
        return Known(None)
    if known.trouble:
        result.notes.append(f"{head_copy}, the head's copy, says nothing: {known.trouble}")
    return known


def _index(state_dir: Path | str, result: Verified) -> None:
    """An index that is damaged costs nothing but the time to build it; one that knows more than the log tells of a loss."""
    path = index_path(state_dir)
    if not os.path.exists(path):
        return
    try:
        with closing(sqlite3.connect(f"file:{quote(os.fsencode(path))}?mode=ro", uri=True)) as database:
            (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
            found = database.execute("SELECT max(sequence) FROM projections").fetchone()
    except sqlite3.OperationalError as error:  # as on a disk that may only be read
        result.notes.append(f"{path}: cannot be read ({error}): what it knows has not been looked at")
        return
    except sqlite3.Error as error:
        said, found = str(error), None
    if said != "ok":
        result.notes.append(f"{path}: damaged ({said}): it may be deleted, and is then built anew")
    elif found is not None and (found[0] or 0) > result.last and not result.damage:
        result.damage.append(
            f"{path} knows records up to {found[0]}, and the log ends at {result.last}: "
            f"{result.last + 1} to {found[0]} are missing"
        )


def _beginning(directory: str, segment: Segment, result: Verified) -> None:
    """A journal that begins later than at record 1 was pruned, and says so; else segments are missing."""
    begins = f"{segment.path}: the journal begins at record {segment.first}"
    try:
        anchor = read_anchor(directory)
    except JournalError as error:
        result.damage.append(str(error))
        return
    if anchor is None:
        result.damage.append(f"{begins}: 1 to {segment.first - 1} are missing, and it was never pruned")
    elif segment.first > anchor.first:
        result.damage.append(f"{begins}: it was pruned up to {anchor.first - 1} only; {anchor.first} is missing")
    elif segment.first < anchor.first:
        result.notes.append(f"{begins}: pruning it up to {anchor.first - 1} was cut short; prune again")
    else:
        with suppress(JournalError), open(segment.path, "rb", buffering=0) as file:
            if read_header(file, segment, SCHEMA).chain.hex() != anchor.chain:
                result.damage.append(f"{begins}, but not with the one it was pruned up to (chain): it was replaced")
        result.notes.append(f"{begins}: those before were pruned on {day_of(anchor.pruned_us)}")


def _segment(segment: Segment, key: ChainKey, result: Verified, live: bool, follows: bool) -> bool:
    """Walk one segment. `follows`: the one before is sound, so that this one's chain must go on from it. True if sound."""
    with open(segment.path, "rb", buffering=0) as file:
        try:
            header = read_header(file, segment, SCHEMA)
        except JournalError as error:
            size = os.fstat(file.fileno()).st_size
            if segment.end or not (live and size < HEADER.size):
                result.damage.append(str(error))
            return False
        if follows and segment.first > 1 and result.last == segment.first - 1 and header.chain != result.chain:
            result.damage.append(
                f"{segment.path} at byte {CHAIN_OFFSET}: the chain does not go on from record {result.last}: "
                "this segment, or the one before, was replaced"
            )
        file.seek(0)
        running = chain_under(file.read(HEADER.size), header, key)
        if result.keyed and not header.check:
            result.damage.append(
                f"{segment.path}: its chain has no key, and that of an earlier segment has: it was replaced"
            )
        result.keyed = bool(header.check)
        scan = Scan(file, HEADER.size, segment.first)
        for record in scan:
            where = f"{segment.path} at byte {record.offset}: record {record.sequence}"
            if record.sequence == segment.end:
                return True
            if running is not None:
                running.update(record.payload)
                if running.copy().digest() != record.chain:
                    result.damage.append(f"{where} is not the one that was written (chain)")
                    return False
            try:
                decode(segment, record)
            except JournalError as error:
                result.damage.append(str(error))
            result.records += 1
            result.last, result.chain = record.sequence, record.chain
        return _end(segment, scan, result, live)


def _end(segment: Segment, scan: Scan, result: Verified, live: bool) -> bool:
    """What the end of a segment's records means."""
    where = f"{segment.path} at byte {scan.offset}"
    if segment.end and scan.expected < segment.end:
        missing = f"records {scan.expected} to {segment.end - 1} are missing"
        result.damage.append(f"{where}: {scan.stop or 'the segment ends'}; {missing}")
        return False
    if segment.end or not scan.stop:
        return True
    later = scan.durable_beyond()
    if later >= scan.expected:
        result.damage.append(f"{where}: {scan.stop}; record {scan.expected} was durable, as later ones say")
        return False
    if live:
        result.notes.append(f"{where}: {scan.stop}: being written now")
        return True
    result.damage.append(
        f"{where}: {scan.stop}; everything before it is sound. After a crash this is the write it cut short, and the "
        "switch's next start leaves it out"
    )
    return False
