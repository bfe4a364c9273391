"""The ledger of a whole journal, folded from the log at once: where there is no index to ask.

In: the log. Out: a fold that has seen all of it. Payments, of which a day may have a million, lie in temporary files, and so do
entries, unless a `Collector` is shown them as they are made: who wants each of them once need not read them again.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol

import msgspec

from switch.core.records.records import DECODER, ENCODER, SCHEMA
from switch.journal.copying import Progress
from switch.journal.log import JournalError, Log, Segment
from switch.journal.spool import KeptByTxn, Spool
from switch.ledger.entries import Entry, Window, in_home
from switch.ledger.fold import LedgerFold
from switch.ledger.payments import Payments

STEP_RECORDS: Final = 20_000
"""after so many, what is known of payments leaves memory"""
_ENTRY: Final = msgspec.msgpack.Decoder(Entry)


class Collector(Protocol):
    """Is shown what a ledger is made of, while it is built from the log."""

    @property
    def takes(self) -> Mapping[type, Callable[[Any], None]]:
        """By kind of record: what is shown each, before what it posts."""

    def post(self, entry: Entry) -> None:
        """An entry, of whichever window, without its moves with merchants; they come in their order."""

    def rest(self) -> None:
        """So many records have come that what need not be in memory is to leave it."""


class ColdLedger:
    """The ledger over the log. `build` it, ask it, `close` it."""

    def __init__(self, home: str, collector: Collector | None = None) -> None:
        """`home`: numeric code of the home currency, where the journal does not name it. `collector`: entries are shown to it,
        and not kept."""
        self._home, self._collector = home, collector
        self._payments, self._spool = KeptByTxn(), Spool()
        self._places: dict[Window, list[int]] = {}
        """of a window's entries: number of the first and the one behind the last, offset of the first"""
        self._bytes = 0
        post = self._post if collector is None else self._show
        self.fold = LedgerFold(home, post, recall=self._payments.recall, merchants=collector is None)
        self._unpriced: dict[Window, Counter[str]] = {}

    def _post(self, entry: Entry) -> None:
        data = ENCODER.encode(entry)
        place = self._places.get(entry.window)
        if place is None:
            place = self._places[entry.window] = [len(self._spool.lengths), 0, self._bytes]
        self._spool.put(data)
        self._bytes += len(data)
        place[1] = len(self._spool.lengths)

    def _show(self, entry: Entry) -> None:
        assert self._collector is not None
        self._collector.post(entry if entry.currency else in_home(entry, self._home))

    def build(self, directory: str, listed: list[Segment], records: int, watch: Progress) -> None:
        """Fold the segments' records up to number `records`, the last one that was whole as this began. JournalError, OSError."""
        shows = self._collector.takes if self._collector is not None else {}
        kinds = {kind: (shows.get(kind), take) for kind, take in self.fold.takes.items()}
        decode, first = DECODER.decode, listed[0].first
        for segment, record in Log(directory, SCHEMA, listed):
            sequence, payload, _, _, offset = record
            if sequence > records:
                break
            try:
                entry = decode(payload)
                if type(entry) in kinds:
                    show, take = kinds[type(entry)]
                    if show is not None:
                        show(entry)
                    take(entry, sequence, b"")
            except (msgspec.MsgspecError, TypeError, ValueError) as error:
                where = f"{segment.path} at byte {offset}"
                raise JournalError(f"{where}: record {sequence} cannot be folded: {error}") from None
            if sequence % STEP_RECORDS == 0 or sequence == records:
                self._flush()
                watch(sequence - first + 1, records - first + 1)

    def _flush(self) -> None:
        fold = self.fold
        self._payments.keep(fold.payments.packed(), fold.payments.gone())
        fold.payments = Payments(self._payments.recall)
        self._spool.flush()
        if self._collector is not None:
            self._collector.rest()
        for entry in fold.unpriced:
            self._unpriced.setdefault(entry.window, Counter())[entry.unpriced] += 1
        fold.unpriced.clear()

    def of_window(self, window: Window) -> Iterator[Entry]:
        """Those of a window, in their order. Where a collector was shown them, there are none to ask for."""
        assert self._collector is None
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
