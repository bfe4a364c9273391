"""What is too much for memory, for as long as a command runs: bytes in temporary files that have no name, so that nothing is left
of them whatever happens. They lie where SQLite's do: SQLITE_TMPDIR, else the system's directory for such files.
"""

import os
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import IO, Final

_BLOCK: Final = 1 << 20


def temporary_file(buffering: int = -1) -> IO[bytes]:
    """A file without a name. OSError: there is no room for one."""
    return tempfile.TemporaryFile(buffering=buffering, dir=os.environ.get("SQLITE_TMPDIR"))


class Spool:
    """Pieces of bytes in a temporary file, in the order they were put."""

    def __init__(self) -> None:
        self._file = temporary_file(buffering=0)
        self._waiting: list[bytes] = []
        self._bytes = 0
        self.lengths = array("I")

    def put(self, piece: bytes) -> None:
        """Append a piece."""
        self._waiting.append(piece)
        self.lengths.append(len(piece))

    def flush(self) -> int:
        """All are in the file; how many bytes there are."""
        pieces, self._waiting = self._waiting, []
        return self.write(pieces)

    def write(self, pieces: list[bytes]) -> int:
        """These are in the file, for whoever knows their lengths; how many bytes there are."""
        data = memoryview(b"".join(pieces))
        self._bytes += len(data)
        while data:
            data = data[self._file.write(data) :]
        return self._bytes

    def at(self, offset: int, length: int) -> bytes:
        """A piece by its place."""
        return os.pread(self._file.fileno(), length, offset)

    def pieces(self, first: int, last: int, offset: int) -> Iterator[bytes]:
        """Those from number `first`, which begins at `offset`, and before `last`."""
        buffer, at = b"", 0
        for length in self.lengths[first:last]:
            if at + length > len(buffer):
                buffer, at = self.at(offset, max(_BLOCK, length)), 0
            offset += length
            yield buffer[at : at + length]
            at += length

    def close(self) -> None:
        """Free its room on the disk."""
        self._file.close()


class KeptByTxn:
    """What is known of messages, by txn: that of those that come in order in a file, what changes of it later in memory.

    Memory has two numbers a message.
    """

    def __init__(self) -> None:
        self._spool = Spool()
        self._txns, self._offsets = array("Q"), array("Q", (0,))
        self._later: dict[int, bytes | None] = {}

    def recall(self, txn: int) -> bytes | None:
        """As `keep` was given it last; None: nothing."""
        if txn in self._later:
            return self._later[txn]
        at = bisect_left(self._txns, txn)
        if at == len(self._txns) or self._txns[at] != txn:
            return None
        offset = self._offsets[at]
        return self._spool.at(offset, self._offsets[at + 1] - offset)

    def keep(self, found: Iterable[tuple[int, bytes]], gone: Iterable[int] = ()) -> None:
        """What a batch of records has left: of each txn, and the txns of which nothing is to be known any more."""
        txns, offsets, later = self._txns, self._offsets, self._later
        last, end = txns[-1] if txns else 0, offsets[-1]
        pieces: list[bytes] = []
        for txn, data in found:
            if txn > last:
                pieces.append(data)
                last, end = txn, end + len(data)
                txns.append(txn)
                offsets.append(end)
            else:
                later[txn] = data
        self._spool.write(pieces)
        for txn in gone:
            if txn <= last and self.recall(txn) is not None:
                later[txn] = None

    def close(self) -> None:
        """Free its room on the disk."""
        self._spool.close()
