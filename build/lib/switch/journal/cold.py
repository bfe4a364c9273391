"""The ledger of a whole journal, folded from the log at once: where there is no index to ask.

In: the log. Out: a fold that has seen all of it; entries and payments, of which a day may have a million, lie in temporary files
that have no name, so that nothing is left of them whatever happens. Memory has two numbers a payment, and one an entry.
"""

import os
import tempfile
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

import msgspec

from switch.core.records.records import DECODER, ENCODER, SCHEMA
from switch.journal.copying import Progress
from switch.journal.log import JournalError, Log, Segment
from switch.journal.network_messages import Heard
from switch.ledger.entries import Entry, Window
from switch.ledger.fold import LedgerFold
from switch.ledger.payments import Payments

STEP_RECORDS: Final = 20_000
"""after so many, what is known of payments leaves memory"""
_BLOCK: Final = 1 << 20
_ENTRY: Final = msgspec.msgpack.Decoder(Entry)


class Spool:
    """Pieces of bytes in a temporary file, in the order they were put."""

    def __init__(self) -> None:
        self._file: BinaryIO = tempfile.TemporaryFile(buffering=0, dir=os.environ.get("SQLITE_TMPDIR"))  # noqa: SIM115
        self._waiting: list[bytes] = []
        self._bytes = 0
        self.lengths = array("I")

    def put(self, piece: bytes) -> None:
        """One more."""
        self._waiting.append(piece)
        self.lengths.append(len(piece))

    def flush(self) -> int:
        """All are in the file; how many bytes there are."""
        data = memoryview(b"".join(self._waiting))
        self._waiting.clear()
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
        """It is gone."""
        self._file.close()


class KeptPayments:
    """What is known of payments, by txn: those that come in order in a file, what changes of them later in memory."""

    def __init__(self) -> None:
        self._spool = Spool()
        self._txns, self._offsets = array("Q"), array("Q", (0,))
        self._later: dict[int, bytes | None] = {}

    def recall(self, txn: int) -> bytes | None:
        """See `ledger.payments.Recall`."""
        if txn in self._later:
            return self._later[txn]
        at = bisect_left(self._txns, txn)
        if at == len(self._txns) or self._txns[at] != txn:
            return None
        offset = self._offsets[at]
        return self._spool.at(offset, self._offsets[at + 1] - offset)

    def keep(self, payments: Payments) -> None:
        """What a batch of records has left."""
        txns, offsets, later, put = self._txns, self._offsets, self._later, self._spool.put
        last, end = txns[-1] if txns else 0, offsets[-1]
        for txn, _, data in payments.kept():
            if txn > last:
                put(data)
                last, end = txn, end + len(data)
                txns.append(txn)
                offsets.append(end)
            else:
                later[txn] = data
        for txn in payments.gone():
            if txn <= last and self.recall(txn) is not None:
                later[txn] = None
        self._spool.flush()

    def close(self) -> None:
        """It is gone."""
        self._spool.close()


class ColdLedger:
    """The ledger over the log. `build` it, ask it, `close` it."""

    def __init__(self, heard: Heard | None = None) -> None:
        """`heard`: is shown each record, too."""
        self.heard = heard
        self._payments, self._spool = KeptPayments(), Spool()
        self._places: dict[Window, list[int]] = {}
        """of a window's entries: number of the first and the one behind the last, offset of the first"""
        self._bytes = 0
        self.fold = LedgerFold("", self._post, recall=self._payments.recall)
        self._unpriced: dict[Window, Counter[str]] = {}

    def _post(self, entry: Entry) -> None:
        data = ENCODER.encode(entry)
        place = self._places.get(entry.window)
        if place is None:
            place = self._places[entry.window] = [len(self._spool.lengths), 0, self._bytes]
        self._spool.put(data)
        self._bytes += len(data)
        place[1] = len(self._spool.lengths)

    def build(self, directory: str, listed: list[Segment], records: int, watch: Progress) -> None:
        """Fold the segments' records up to number `records`, the last one that was whole as this began. Raises JournalError."""
        takes, decode, first = self.fold.takes, DECODER.decode, listed[0].first
        hear = self.heard.take if self.heard is not None else None
        for segment, record in Log(directory, SCHEMA, listed):
            if record.sequence > records:
                break
            try:
                entry = decode(record.payload)
                take = takes.get(type(entry))
                if take is not None:
                    take(entry, record.sequence, b"")
                    if hear is not None:
                        hear(entry)
            except (msgspec.MsgspecError, TypeError, ValueError) as error:
                where = f"{segment.path} at byte {record.offset}"
                raise JournalError(f"{where}: record {record.sequence} cannot be folded: {error}") from None
            if record.sequence % STEP_RECORDS == 0 or record.sequence == records:
                self._flush()
                watch(record.sequence - first + 1, records - first + 1)

    def _flush(self) -> None:
        fold = self.fold
        self._payments.keep(fold.payments)
        fold.payments = Payments(self._payments.recall)
        self._spool.flush()
        for entry in fold.unpriced:
            self._unpriced.setdefault(entry.window, Counter())[entry.unpriced] += 1
        fold.unpriced.clear()

    def of_window(self, window: Window) -> Iterator[Entry]:
        """Those of a window, in their order."""
        if window in self._places:
            for piece in self._spool.pieces(*self._places[window]):
                yield _ENTRY.decode(piece)

    def unpriced_of(self, window: Window) -> Mapping[str, int]:
        """By reason, how many of them have no price."""
        return self._unpriced.get(window, {})

    def close(self) -> None:
        """Its files are gone."""
        self._payments.close()
        self._spool.close()
