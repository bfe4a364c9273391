"""The log on the disk: segment files of records, as they are named, laid out, read and found wanting.

In: a directory. Out: its records in order, each once. Payloads are opaque bytes here: the writer's process imports this file
and must stay small.

Theory of operation
-------------------
A segment is a file `FIRST.ORDINAL.log`: the sequence number of its first record, and its ordinal among the segments of this
journal. Sequence numbers run 1, 2, 3 … without a gap through the whole log. A segment counts up to the first sequence number
of any segment made after it: the later one *supersedes* it from there on. So a file whose write or flush failed is never
repaired: what it held and nobody was told of is written again, to a new file.

Every record says how far the log was durable when it was written (`lag` records before it were not yet). From this a reader
knows, without asking anyone, which records have been durable and which may be the last moments before a crash. A record that
is not whole ends the log quietly only where nothing after it says it was durable: a torn tail. Anywhere else it is damage.

`docs/journal.md` has the layout as a table.
"""

import os
import stat
from collections.abc import Iterator
from hashlib import blake2b
from struct import Struct
from typing import Any, BinaryIO, Final, NamedTuple
from zlib import crc32

from switch.journal.scan import Record, Scan

MAGIC: Final = b"CMISWJNL"
FORMAT: Final = 2
"""Of segments and records; a newer one is refused. 1: the chain has no key; 2: it has, and the header says which."""
GENESIS: Final = bytes(16)
"""The chain hash before the first record."""
FLAG_SNAPSHOT: Final = 1
"""The segment's first record is a snapshot: a restart may begin here."""

HEADER: Final = Struct(">8sHHHIQ16sB63sI")
"""Magic, format, record schema, flags, ordinal, first sequence, chain hash before it, network name (length, bytes), CRC-32."""
CHAIN_OFFSET: Final = 26
"""Of the chain hash in the header."""
_CRC: Final = Struct(">I")


class JournalError(Exception):
    """The journal cannot be read or written as it should; says which file, where in it, what, and what to do."""

    fenced = False  # True: it is another process's by now, and this one must end


class NoJournalError(JournalError):
    """There is no segment in a directory."""

    def __init__(self, directory: str) -> None:
        super().__init__(
            f"{directory}: no journal here; --state names the switch's state directory, and `cmi-switch serve` makes its journal"
        )


class NewerJournalError(JournalError):
    """Written by a newer release than this one."""


class ChainKey(NamedTuple):
    """What a chain is keyed with, so that nobody else can write one: made of the vault's key (`journal.keys`)."""

    secret: bytes = b""
    """32 bytes; none: the chain has no key"""
    check: bytes = b""
    """key check value, 8 bytes: says which key it is, and nothing about it"""


NO_KEY: Final = ChainKey()
_CHECK_BYTES: Final = 8
_NAME_BYTES: Final = 63


class Header(NamedTuple):
    """The first 110 bytes of a segment."""

    schema: int
    flags: int
    ordinal: int
    first: int
    chain: bytes
    network: str
    check: bytes = b""
    """key check value of the chain's key; none: it has no key"""

    def pack(self) -> bytes:
        """As it stands in the file. Raises JournalError where the network's name is too long."""
        name, room = self.network.encode(), _NAME_BYTES - len(self.check)
        if len(name) > room:
            raise JournalError(f"network name {self.network!r} has {len(name)} bytes, a journal holds up to {room}")
        body = HEADER.pack(
            MAGIC,
            2 if self.check else 1,
            self.schema,
            self.flags,
            self.ordinal,
            self.first,
            self.chain,
            len(name),
            name.ljust(room, b"\0") + self.check,
            0,
        )[:-4]
        return body + _CRC.pack(crc32(body))


class Segment(NamedTuple):
    """A segment file, and which of its records count: `first` … `end` - 1; `end` 0: the last one, open at its end."""

    path: str
    ordinal: int
    first: int
    end: int


class Place(NamedTuple):
    """Where a record is: the segment's ordinal, the offset of its head there; and which it is, by number and chain hash."""

    ordinal: int
    offset: int
    sequence: int
    chain: bytes


NEW_SUFFIX: Final = ".new"
"""Ends the name of a segment that does not count yet: it does from the moment it is renamed."""


def segment_path(directory: str, first: int, ordinal: int) -> str:
    """Where the segment lies: names sort by first sequence number."""
    return os.path.join(directory, f"{first:020d}.{ordinal:06d}.log")


def named(name: str) -> tuple[int, int] | None:
    """First sequence number and ordinal of the segment whose file is called `name`; None: it is no segment's."""
    first, _, rest = name.partition(".")
    ordinal, _, suffix = rest.partition(".")
    if suffix == "log" and first.isdecimal() and ordinal.isdecimal():
        return int(first), int(ordinal)
    return None


def segments(directory: str) -> list[Segment]:
    """The segments that count, oldest first. Raises JournalError where the directory cannot be listed; none: []."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise JournalError(f"{directory}: cannot list the journal's segments: {error.strerror}") from None
    found = []
    for name in names:
        numbers = named(name)
        if numbers is not None:
            path = os.path.join(directory, name)
            check_regular(path)
            found.append(Segment(path, numbers[1], numbers[0], 0))
    found.sort(key=lambda s: s.ordinal)
    counting: list[Segment] = []
    end = 0
    for segment in reversed(found):
        if not end or segment.first < end:
            counting.append(segment._replace(end=end))
            end = segment.first
    counting.reverse()
    return counting


def written_segments(directory: str) -> list[Segment]:
    """The same, of a journal that has been written: one at least. Raises JournalError, NoJournalError where there is none."""
    there = segments(directory)
    if not there:
        raise NoJournalError(directory)
    return there


def check_regular(path: str) -> None:
    """Raise JournalError where a file of the journal is a FIFO, a device or a directory: its reader might wait for ever."""
    try:
        regular = stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror}") from None
    if not regular:
        raise JournalError(f"{path}: is no regular file: move it away, and bring back the file that was there")


def read_header(file: BinaryIO, segment: Segment, schema: int) -> Header:
    """The segment's header, read and checked. Raises JournalError: damaged, not its name's, or newer than `schema` or FORMAT."""
    data = file.read(HEADER.size)
    if len(data) < HEADER.size:
        raise JournalError(f"{segment.path}: the header is cut short after {len(data)} of {HEADER.size} bytes")
    magic, format_, written, flags, ordinal, first, chain, length, name, crc = HEADER.unpack(data)
    if magic != MAGIC:
        raise JournalError(f"{segment.path}: no segment of a journal: it begins with {magic.hex()}, not {MAGIC.hex()}")
    if format_ > FORMAT:
        raise NewerJournalError(
            f"{segment.path}: journal format {format_}; this release reads up to {FORMAT}: use the newer release"
        )
    if crc32(data[:-4]) != crc:
        raise JournalError(f"{segment.path}: the header is damaged (CRC) somewhere in bytes 0 to {HEADER.size - 1}")
    if written > schema:
        raise NewerJournalError(
            f"{segment.path}: record schema {written}; this release reads up to {schema}: use the newer release"
        )
    if (first, ordinal) != (segment.first, segment.ordinal):
        raise JournalError(f"{segment.path}: the header says {segment_path('', first, ordinal)}: the file was renamed")
    check = name[-_CHECK_BYTES:] if format_ > 1 else b""
    return Header(written, flags, ordinal, first, chain, name[:length].decode("utf-8", "replace"), check)


class Log:
    """The records of a journal in order: `for segment, record in Log(directory, schema): …`.

    A log that is being written may be read.

    While it is iterated, `position`, `chain` and `durable` are those of the last record seen (`durable`: the highest sequence
    number known to have been on the disk). At its end `torn` says where and why the last segment ended early, or "".
    Raises JournalError at damage, at a gap and at what is newer than this release.
    """

    def __init__(
        self, directory: str, schema: int, listed: list[Segment] | None = None, after: Place | None = None
    ) -> None:
        """`listed`: the segments to read, oldest first, as `segments` gave them; None: all that count.

        `after`: begin with the record that follows this one, which must still be where it was.
        """
        listed = segments(directory) if listed is None else listed
        if after is not None:
            listed = [s for s in listed if not s.end or s.end > after.sequence + 1]
        self.segments = listed
        self.schema = schema
        self._after = after
        self.network = ""
        self.position = self.segments[0].first - 1 if self.segments else 0
        self.chain = GENESIS
        self.durable = self.position
        self.torn = ""
        self.left_out = 0

    def __iter__(self) -> Iterator[tuple[Segment, Record]]:
        """See the class."""
        for segment in self.segments:
            try:
                with open(segment.path, "rb", buffering=0) as file:
                    yield from self._segment(file, segment)
            except OSError as error:
                raise JournalError(f"{segment.path}: cannot be read: {error.strerror}") from None

    def _segment(self, file: Any, segment: Segment) -> Iterator[tuple[Segment, Record]]:
        scan = Scan(file, HEADER.size, segment.first)
        try:
            header = read_header(file, segment, self.schema)
        except NewerJournalError:
            raise
        except JournalError as error:
            self._end(scan, segment, str(error))
            return
        self.network, self.chain = header.network, header.chain
        self.durable = max(self.durable, segment.first - 1)
        after = self._after
        if after is not None and after.ordinal == segment.ordinal:
            scan.offset, scan.expected = after.offset, after.sequence
        stopped_at = -1
        while True:
            for record in scan:
                sequence, _, chain, durable, _ = record
                if sequence == segment.end:
                    return
                self.position, self.chain = sequence, chain
                if after is not None and sequence <= after.sequence:
                    if sequence == after.sequence and segment.ordinal == after.ordinal and chain != after.chain:
                        raise JournalError(f"{segment.path}: record {sequence} is not the one it was")
                    continue
                if durable > self.durable:  # noqa: PLR1730 - no call a record
                    self.durable = durable
                yield segment, record
            if segment.end or not scan.stop or scan.durable_beyond() < scan.expected or scan.offset == stopped_at:
                break
            stopped_at = scan.offset
            # A writer at work: the record was half there when it was read, and whole by the time later ones were looked at.
            # What does not read whole the second time is damaged.
        self.durable = max(self.durable, min(scan.durable, self.position))
        self._end(scan, segment, f"{segment.path} at byte {scan.offset}: {scan.stop}" if scan.stop else "")

    def _end(self, scan: Scan, segment: Segment, reason: str) -> None:
        """The segment ended before `scan.expected`: quietly where it may, else JournalError."""
        if segment.end:
            if scan.expected < segment.end:
                raise JournalError(
                    f"{reason or f'{segment.path} ends at byte {scan.offset}'}: records {scan.expected} to "
                    f"{segment.end - 1} are missing; restore this file from a backup"
                )
        elif reason:
            if scan.durable_beyond() >= scan.expected:
                raise JournalError(f"{reason}: later records say {scan.expected} was durable; restore from a backup")
            self.torn, self.left_out = reason, scan.left_out()


def chain_start(header: bytes, secret: bytes = b"") -> "blake2b":
    """The running hash of a segment, under the chain's key: its header (with the hash before it), then each payload."""
    return blake2b(header, digest_size=16, key=secret)


def chain_under(data: bytes, header: Header, key: ChainKey) -> "blake2b | None":
    """The running hash of a segment whose header (`data`) says whether it has a key; None where that is not `key`."""
    if header.check and header.check != key.check:
        return None
    return chain_start(data, key.secret if header.check else b"")
