"""Batches of classic terminals: what each has sent since it last settled, and how its last settlement ended.

Theory of operation. A classic terminal (`core.transactions.classic`) names its messages by DE11 and DE41 alone, and begins its
numbers anew when it is swapped. The switch gives each message the DE7 that makes its key, and remembers here, a terminal at a
time, which key it gave: a repeat, a void or a reversal is looked for among what the terminal has sent since it last settled,
newest first, however much other traffic has passed since. Settling (0500) compares what stands of it with the terminal's own
totals and ends the batch.

An upload is what it has sent since its totals differed, a payment a time, until its batch ends: a crash in the middle loses none.

Bounded: of a batch that has outgrown its limit the oldest message leaves, and of too many batches the one that is longest
unused; of uploads likewise. What has left is not counted, so that the terminal's totals differ and it uploads what it has.
"""

from typing import TypeAlias

import msgspec

from switch.core.records.batch_records import (
    BatchClosed,
    Batched,
    BatchUploaded,
    KeptBatch,
    KeptBatches,
    KeptUpload,
    Said,
    Uploaded,
)
from switch.core.records.records import ACQUIRER, TERMINAL, Key

Till: TypeAlias = tuple[str, str]
"""acquirer and DE41"""
CLOSED_MAX = 50_000
"""terminals whose last settlement is known; the one that settled longest ago leaves"""

UPLOADS_MAX = 1_000
"""terminals that upload at once; the one that has sent nothing for longest begins again"""

UPLOADED_MAX = 10_000
"""payments of one upload; more than the totals of a 0500 can count"""


class Batch(msgspec.Struct):
    """What one terminal has sent since it last settled."""

    keys: dict[Key, str] = {}
    """to the DE37 of each; oldest first"""
    dropped: int = 0
    """messages that have left it: it is not whole"""
    said: dict[Key, Said] = {}
    """what payments among them have said, where that is known"""


class Batches(msgspec.Struct):
    """Batches of classic terminals: the open ones, the last that each closed, and what was uploaded of the open ones."""

    open: dict[Till, Batch] = {}
    """longest unused first"""
    closed: dict[Till, BatchClosed] = {}
    """the last of each; oldest first"""
    uploads: dict[Till, dict[str, Uploaded]] = {}
    """what terminals have uploaded of their open batches, by name (`Uploaded.stan`); longest unused first"""

    def take(self, r: Batched, terminals: int, payments: int) -> None:
        """One more message. `terminals`: batches that are kept; `payments`: messages of each."""
        till = r.key[ACQUIRER], r.key[TERMINAL]
        batch = self.open.pop(till, None) or Batch()
        self.open[till] = batch
        batch.keys.pop(r.key, None)
        batch.keys[r.key] = r.rrn
        if r.said != Said():
            batch.said[r.key] = r.said
        if len(batch.keys) > payments:
            oldest = next(iter(batch.keys))
            del batch.keys[oldest]
            batch.said.pop(oldest, None)
            batch.dropped += 1
        if len(self.open) > terminals:
            del self.open[next(iter(self.open))]

    def close(self, r: BatchClosed) -> None:
        """A settlement: what comes next is in another batch."""
        till = r.acquirer, r.terminal
        self.open.pop(till, None)
        self.uploads.pop(till, None)
        self.closed.pop(till, None)
        self.closed[till] = r
        if len(self.closed) > CLOSED_MAX:
            del self.closed[next(iter(self.closed))]

    def upload(self, r: BatchUploaded) -> None:
        """A terminal uploads: it begins, or sends more."""
        till = r.acquirer, r.terminal
        before = self.uploads.pop(till, {})
        upload = self.uploads[till] = {} if r.anew else before
        upload.update((one.stan, one) for one in r.payments)
        while len(upload) > UPLOADED_MAX:
            del upload[next(iter(upload))]
        if len(self.uploads) > UPLOADS_MAX:
            del self.uploads[next(iter(self.uploads))]

    def of(self, till: Till) -> Batch:
        """A terminal's open batch; an empty one where it has sent nothing since it settled."""
        return self.open.get(till) or Batch()

    def kept(self) -> KeptBatches:
        """For a snapshot."""
        rows = (
            KeptBatch(keys=tuple(b.keys.items()), dropped=b.dropped, said=tuple(b.said.items()))
            for b in self.open.values()
            if b.keys
        )
        uploads = (
            KeptUpload(acquirer=acquirer, terminal=terminal, payments=tuple(upload.values()))
            for (acquirer, terminal), upload in self.uploads.items()
        )
        return KeptBatches(open=tuple(rows), closed=tuple(self.closed.values()), uploads=tuple(uploads))

    def restore(self, kept: KeptBatches) -> None:
        """From one."""
        self.open = {
            (b.keys[0][0][ACQUIRER], b.keys[0][0][TERMINAL]): Batch(dict(b.keys), b.dropped, dict(b.said))
            for b in kept.open
        }
        self.closed = {(r.acquirer, r.terminal): r for r in kept.closed}
        self.uploads = {(u.acquirer, u.terminal): {one.stan: one for one in u.payments} for u in kept.uploads}
