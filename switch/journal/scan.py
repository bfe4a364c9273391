"""The records of one segment file, read one after another up to the first that is not whole.

In: a file that is open, and where to begin. Out: records, and why the scan stopped; from whole records further on, what had been
durable. Which file it is, and what a stop means for the log, is `log`'s business.
"""

from collections.abc import Iterator
from struct import Struct
from typing import BinaryIO, Final, NamedTuple
from zlib import crc32

RECORD_BYTES_MAX: Final = 1 << 28
"""Payload of one record: a snapshot of everything `limits` lets be open fits."""
REST: Final = Struct(">IQI16s")
"""Of a record's head, what its CRC covers: payload length, sequence, lag, chain hash."""
HEAD: Final = Struct(">IIQI16s")
"""CRC-32 (of the rest and the payload) and the rest."""
_BLOCK: Final = 1 << 20

_new = tuple.__new__
"""a `Record` in half the time that its own constructor takes"""


class Record(NamedTuple):
    """A whole record. Everything up to `durable` was on the disk when it was written; `offset` is where its head begins."""

    sequence: int
    payload: bytes
    chain: bytes
    durable: int
    offset: int


class Scan:
    """The records of one segment file from `offset` on, the first of which is to be `expected`.

    Iterating ends at the first that is not whole. Then `offset` is where that is, `expected` its sequence number and `stop`
    says why: "" at the clean end of what was written (end of file, or the zeros laid out ahead).
    `durable` is the highest sequence number the records seen said was durable. A scan may be iterated again later, to go on.
    """

    def __init__(self, file: BinaryIO, offset: int, expected: int) -> None:
        self._file = file
        self.offset = offset
        self.expected = expected
        self.durable = 0
        self.stop, self.marked = "", False

    def _fill(self, buffer: bytes, at: int, need: int) -> bytes:
        """What is left of the buffer and more of the file behind it: `need` bytes or up to the end of the file."""
        rest = buffer[at:]
        self._file.seek(self.offset + len(rest))
        return rest + self._file.read(max(_BLOCK, need - len(rest)))

    def __iter__(self) -> Iterator[Record]:
        """Yields each whole record."""
        buffer, at, head = b"", 0, HEAD.size
        self.stop = ""
        while True:
            if len(buffer) - at < head:
                buffer, at = self._fill(buffer, at, head), 0
                if len(buffer) < head:
                    self.stop = "the head is cut short" if buffer.strip(b"\0") else ""
                    return
            crc, length, sequence, lag, chain = HEAD.unpack_from(buffer, at)
            if length > RECORD_BYTES_MAX:
                self.stop = f"a payload of {length} bytes, more than {RECORD_BYTES_MAX} can be"
                return
            end = at + head + length
            if end > len(buffer):
                buffer, at = self._fill(buffer, at, head + length), 0
                end = head + length
                if end > len(buffer):
                    self.stop = f"the record is cut short: {len(buffer)} of {end} bytes"
                    return
            if crc32(buffer[at + 4 : end]) != crc:
                clean = not (sequence or length or crc) and self._blank(buffer, at)
                self.stop = "" if clean else "the record is damaged (CRC)"
                return
            offset, at = self.offset, end
            if length and sequence == self.expected:
                durable = sequence - lag - 1
                if durable > self.durable:  # noqa: PLR1730 - no call a record
                    self.durable = durable
                self.expected, self.marked, self.offset = sequence + 1, False, offset + head + length
                yield _new(Record, (sequence, buffer[end - length : end], chain, durable, offset))
            elif not length and sequence == self.expected - 1:
                self.durable, self.marked, self.offset = sequence, True, offset + head
            else:
                self.stop = f"record {sequence} where {self.expected} belongs"
                return

    def _blank(self, buffer: bytes, at: int) -> bool:
        """True if from here on the file holds nothing but zeros."""
        if buffer[at:].strip(b"\0"):
            return False
        self._file.seek(self.offset + len(buffer) - at)
        while block := self._file.read(_BLOCK):
            if block.strip(b"\0"):
                return False
        return True

    def durable_beyond(self) -> int:
        """After a stop: the highest sequence number that some whole record further on in the file says was durable."""
        return max((durable for _, durable in self._whole_beyond()), default=0)

    def left_out(self) -> int:
        """After a stop: how many records, at least, lie beyond it, whole ones and the one that is not."""
        last = max((sequence for sequence, _ in self._whole_beyond()), default=self.expected)
        return max(1, last - self.expected + 1)

    def _whole_beyond(self) -> Iterator[tuple[int, int]]:
        """Sequence number, and what it says was durable, of each whole record after a stop, later than the one expected."""
        self._file.seek(self.offset)
        rest = self._file.read().rstrip(b"\0")
        for high in {self.expected - 1 >> 24, self.expected + len(rest) >> 24}:  # the sequence's first five bytes
            at = rest.find(high.to_bytes(5, "big"), 8)
            while at >= 0:
                start = at - 8
                if start + HEAD.size <= len(rest):
                    crc, length, sequence, lag, _ = HEAD.unpack_from(rest, start)
                    end = start + HEAD.size + length
                    late = sequence >= self.expected - (not length) and end <= len(rest)
                    if late and crc32(rest[start + 4 : end]) == crc:
                        yield sequence, sequence - lag - 1 if length else sequence
                at = rest.find(high.to_bytes(5, "big"), at + 1)
