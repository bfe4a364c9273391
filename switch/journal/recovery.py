"""From the log back to the state: what a restart, an audit and a test fold.

In: a directory and the limits. Out: the state that the records up to the end of the log make, and where that end is. One rule:
the fold is `core.records.fold.apply`, the code that ran before the restart.
"""

import fcntl
import gc
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from switch.core.limits import Limits
from switch.core.records.fold import apply
from switch.core.records.records import DECODER, SCHEMA, AnyEntry
from switch.core.records.state import State
from switch.journal.disk import Disk, RealDisk
from switch.journal.log import (
    FLAG_SNAPSHOT,
    GENESIS,
    HEADER,
    NEW_SUFFIX,
    NO_KEY,
    ChainKey,
    JournalError,
    Log,
    Segment,
    check_regular,
    read_header,
    segments,
)
from switch.journal.scan import Record, Scan
from switch.journal.segment_writer import Chunk, Home, SegmentWriter
from switch.security.files import make_private_directory, open_private

CLAIM_S = 10.0
"""How long to wait for the writer of a switch that was killed to finish."""
DYING_S = 1.0


class Fold(NamedTuple):
    """Whose records a journal holds, and what they make. The switch's are `SWITCH`; a simulated host brings its own."""

    schema: int
    """of the records; a journal of a newer one is refused"""
    decode: Callable[[bytes], Any]
    """payload -> entry (which has `at_us`); raises msgspec.MsgspecError"""
    start: Callable[[Limits], Any]
    """an empty state"""
    apply: Callable[[Any, Any], None]
    """(state, entry); KeyError: the entry does not fit the state"""
    misfit: str = "ends transaction {} that is not open"
    """what such an entry does; {}: the key"""


def _fresh(limits: Limits) -> State:
    return State(limits, open={}, owed={}, stans={}, horizons={})


SWITCH: Final = Fold(SCHEMA, DECODER.decode, _fresh, apply)


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Records `first` to `last` are missing: they should lie before the segment at `path`."""

    path: str
    first: int
    last: int


class Recovered(msgspec.Struct, kw_only=True):
    """What the log holds. `state` includes everything up to `position`; a fresh journal: position 0."""

    state: Any
    """what its `Fold` makes: `core.records.state.State` for the switch's journal"""
    position: int
    chain: bytes
    last_at_us: int
    """wall-clock µs of the last record; 0 where there is none"""
    network: str
    """whose journal it is; "" where it is fresh"""
    folded: int
    """records read"""
    durable: int
    """up to here records are known to be on the disk; what follows was in the last moments before a crash"""
    chain_durable: bytes
    tail: list[bytes]
    """payloads of the records after `durable`"""
    torn: str
    """where and why the last segment ended early; "" where it did not"""
    left_out: int = 0
    """how many records, at least, lie behind that and do not count: a crash cut them short, nobody was told of them"""
    gaps: tuple["Gap", ...] = ()
    """what is missing of the records before those folded"""
    head_copy_trouble: str = ""
    """why the copy of the head says nothing, where one is kept"""


def journal_directory(state_dir: Path | str) -> str:
    """Where the segments lie in a state directory."""
    return os.path.join(state_dir, "journal")


def decode(segment: Segment, record: Record) -> AnyEntry:
    """The entry a record of the switch's holds. Raises JournalError where it is none of this release's."""
    entry: AnyEntry = decode_as(SWITCH, segment, record)
    return entry


def entries_of(state_dir: Path | str) -> Iterator[AnyEntry]:
    """Every record of a switch's journal, from the first that is there. Raises JournalError."""
    for segment, record in Log(journal_directory(state_dir), SCHEMA):
        yield decode(segment, record)


def decode_as(fold: Fold, segment: Segment, record: Record) -> Any:
    """The entry a record holds. Raises JournalError where it is none of this release's."""
    try:
        return fold.decode(record.payload)
    except msgspec.MsgspecError as error:
        raise JournalError(
            f"{segment.path} at byte {record.offset}: record {record.sequence} is none this release knows: {error}"
        ) from None


def _start(listed: list[Segment], schema: int) -> int:
    """Index of the newest segment that begins with a whole snapshot; -1 where there is none."""
    for at in range(len(listed) - 1, -1, -1):
        with suppress(JournalError, OSError), open(listed[at].path, "rb", buffering=0) as file:
            flags = read_header(file, listed[at], schema).flags
            if flags & FLAG_SNAPSHOT and any(True for _ in Scan(file, HEADER.size, listed[at].first)):
                return at
    return -1


def recover(state_dir: Path | str, limits: Limits, fold: Fold = SWITCH) -> Recovered:
    """Fold the newest snapshot and everything after it. Changes nothing on the disk. Raises JournalError."""
    collecting = gc.isenabled()
    gc.disable()  # the fold makes no cycles, and what it keeps would be walked again and again: twice the time
    try:
        return _fold(state_dir, limits, fold)
    finally:
        if collecting:
            gc.enable()


def _fold(state_dir: Path | str, limits: Limits, fold: Fold) -> Recovered:
    directory = journal_directory(state_dir)
    listed = segments(directory)
    start = _start(listed, fold.schema)
    log = Log(directory, fold.schema, listed[max(start, 0) :])
    state = fold.start(limits)
    put = fold.apply
    if listed and start < 0 and listed[0].first != 1:
        raise JournalError(
            f"{listed[0].path}: the journal begins at record {listed[0].first}, and no segment begins with a "
            "snapshot: the segments before are missing; restore them from a backup"
        )
    tail: list[Record] = []
    chain_durable, folded, last_at_us = GENESIS, 0, 0
    for segment, record in log:
        entry = decode_as(fold, segment, record)
        try:
            put(state, entry)
        except KeyError as error:
            raise JournalError(
                f"{segment.path} at byte {record.offset}: record {record.sequence} {fold.misfit.format(error)}"
            ) from None
        folded += 1
        last_at_us = entry.at_us
        tail.append(record)
        if len(tail) > 1024 and tail[1023].sequence <= log.durable:
            chain_durable = tail[1023].chain
            del tail[:1024]
    for done, record in enumerate(tail):
        if record.sequence > log.durable:
            tail = tail[done:]
            break
        chain_durable = record.chain
    else:
        tail = []
    durable = log.position - len(tail)
    return Recovered(
        state=state,
        position=log.position,
        chain=log.chain,
        last_at_us=last_at_us,
        network=log.network,
        folded=folded,
        durable=durable,
        chain_durable=chain_durable,
        tail=[record.payload for record in tail],
        torn=log.torn,
        left_out=log.left_out,
    )


def go_on(found: Recovered, fold: Fold, first: int, payloads: Sequence[bytes]) -> None:
    """Fold the records from `first` on, which follow those of `found`, and are durable. Raises JournalError."""
    collecting = gc.isenabled()
    gc.disable()  # as `recover`
    try:
        for number, payload in enumerate(payloads, first):
            try:
                entry = fold.decode(payload)
                fold.apply(found.state, entry)
            except msgspec.MsgspecError as error:
                raise JournalError(f"record {number} is none this release knows: {error}") from None
            except KeyError as error:
                raise JournalError(f"record {number} {fold.misfit.format(error)}") from None
            found.last_at_us = entry.at_us
    finally:
        if collecting:
            gc.enable()
    found.folded += len(payloads)
    found.position = found.durable = first + len(payloads) - 1


def claim(state_dir: Path | str, wait_s: float = CLAIM_S) -> int:
    """Take the journal for this process and those that inherit the descriptor returned; closing it gives the journal back.

    Waits up to `wait_s` for a killed switch's writer to finish, and a second for a switch that seems alive (it may be dying).
    Raises JournalError where another switch has it.
    """
    directory = journal_directory(state_dir)
    path = os.path.join(directory, "lock")
    try:
        make_private_directory(directory)
        check_regular(path)
        handle = open_private(path, os.O_RDWR)
    except OSError as error:
        raise JournalError(f"{path}: cannot make the journal's directory: {error.strerror}") from None
    began = time.monotonic()
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            owner = os.pread(handle, 32, 0).decode("ascii", "replace").strip() or "unknown"
            waited_s = time.monotonic() - began
            if waited_s > wait_s or (waited_s > DYING_S and _alive(owner)):
                os.close(handle)
                raise JournalError(
                    f"{directory} is in use by process {owner}: stop that switch, or give this one another --state directory"
                ) from None
            time.sleep(0.02)
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    return handle


def _alive(owner: str) -> bool:
    """True if the process of this number runs; one that was killed and is not yet waited for does not."""
    try:
        with open(f"/proc/{int(owner)}/stat", "rb") as file:
            state = file.read().rpartition(b")")[2].split()[0]
    except (OSError, ValueError, IndexError):
        return False
    return state not in (b"Z", b"X")


def in_use(state_dir: Path | str) -> bool:
    """True while a switch or its writer has the journal."""
    try:
        handle = os.open(os.path.join(journal_directory(state_dir), "lock"), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def settle(
    state_dir: Path | str,
    network: str,
    found: Recovered,
    disk: Disk | None = None,
    schema: int = SCHEMA,
    key: ChainKey = NO_KEY,
) -> None:
    """Make durable what was recovered and is not known to be: `found.tail` goes to a segment of its own that counts as a whole.

    What the page cache still shows after a failed flush need not be on the disk, and flushing it again would not put it there;
    so it is written again. `found` is brought up to date. The journal must be claimed. Raises JournalError.
    """
    directory = journal_directory(state_dir)
    disk = disk or RealDisk()
    with suppress(OSError):
        for name in disk.names(directory):
            if name.endswith(NEW_SUFFIX):
                disk.remove(os.path.join(directory, name))
    if not found.tail:
        return
    home = Home(directory, network, schema, key)
    writer = SegmentWriter(home, found.durable, found.chain_durable, disk, bound=1 << 62, draft=True)
    writer.add(Chunk(found.durable + 1, found.tail, snapshot=False))
    writer.close()
    found.durable, found.tail = found.position, []
    found.chain = found.chain_durable = writer.chain_durable
