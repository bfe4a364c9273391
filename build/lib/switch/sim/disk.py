"""The virtual disk under the journal: group commits that take time, a crash that keeps the durable prefix and perhaps more.

In: records as the switch makes them. Out: durable positions, later; after a crash, the bytes that a new process finds. Records
are encoded when they are appended and decoded when they are read, as by the journal's writer and its recovery.
"""

from collections.abc import Callable, Sequence
from math import log
from random import Random
from typing import Final

import msgspec

from switch.core.limits import Limits
from switch.core.records.fold import apply
from switch.core.records.records import DECODER, ENCODER, AnyEntry, Snapshot
from switch.core.records.state import State
from switch.sim.clock import MS_NS, Clock

LAZY_NS: Final = 4 * MS_NS
"""what nobody waits for is flushed after so long (the driver's own figure)"""
FLUSH_MS: Final = 0.3
"""median of one write and fdatasync"""


class Disk:
    """The journal. `entries[n - 1]` is record n as the disk would give it back."""

    def __init__(self, clock: Clock, rng: Random, durable_now: Callable[[int], None]) -> None:
        """`durable_now(position)` is called when a flush has come back."""
        self._clock = clock
        self._rng = rng
        self._durable_now = durable_now
        self.entries: list[AnyEntry] = []
        self.durable = 0
        self.up = True
        self.slow_ms = 0
        """added to a flush, at most"""
        self._flushing_to = 0
        """0: no flush is under way"""
        self._lazy = False
        self._life = 0
        """counts what ends a flush under way: a crash, a writer that is gone"""

    def append(self, position: int, entry: AnyEntry) -> None:
        """Take a record; positions have no gaps."""
        assert position == len(self.entries) + 1, f"record {position} after record {len(self.entries)}"
        self.entries.append(DECODER.decode(ENCODER.encode(entry)))

    def push(self, *, waited_for: bool) -> None:
        """Start a flush of all there is, now or (nobody waits) soon, if none is under way."""
        if not self.up or self._flushing_to or self.durable == len(self.entries):
            return
        if waited_for:
            self._flush(self._life)
        elif not self._lazy:
            self._lazy = True
            self._clock.after(LAZY_NS, self._lazily, self._life)

    def _lazily(self, life: int) -> None:
        self._lazy = False
        self._flush(life)

    def _flush(self, life: int) -> None:
        if life != self._life or not self.up or self._flushing_to or self.durable == len(self.entries):
            return
        self._flushing_to = len(self.entries)
        took = self._rng.lognormvariate(log(FLUSH_MS), 0.5) + self._rng.random() * self.slow_ms
        self._clock.after(int(took * MS_NS), self._flushed, life)

    def _flushed(self, life: int) -> None:
        if life != self._life:
            return
        self.durable, self._flushing_to = self._flushing_to, 0
        self._durable_now(self.durable)

    def fail(self) -> None:
        """The writer is gone: what it was writing may be on the disk, and is not acknowledged."""
        self.up = False
        self._life += 1
        self._flushing_to = 0

    def mend(self) -> None:
        """The writer is back, and is given again what it never acknowledged."""
        self.up = True

    def crash(self) -> None:
        """The switch is gone. What was being written is there in part: a prefix, as the log's reader finds it."""
        torn = self._flushing_to - self.durable if self._flushing_to else 0
        kept = self.durable + self._rng.choice((0, torn, self._rng.randrange(0, torn + 1)))
        del self.entries[kept:]
        self.durable = kept
        self._life += 1
        self._flushing_to = 0
        self.up = True

    def close(self) -> None:
        """In order: everything becomes durable."""
        if self.up:
            self.durable = len(self.entries)
        else:
            del self.entries[self.durable :]
        self._life += 1
        self._flushing_to = 0
        self.up = True


def recover(entries: Sequence[AnyEntry], limits: Limits) -> State:
    """Fold the newest snapshot and everything after it, as `switch.journal.recovery` does."""
    start = next((n for n in range(len(entries) - 1, 0, -1) if type(entries[n]) is Snapshot), 0)
    state = State(limits, open={}, owed={}, stans={}, horizons={})
    for entry in entries[start:]:
        apply(state, entry)
    return state


def narrow(limits: Limits, rng: Random) -> Limits:
    """Bounds small enough to be reached, in the proportions of the ordinary ones."""
    recent = rng.choice((32, 64, 256, 1_024))
    return msgspec.structs.replace(
        limits,
        recent_transactions=recent,
        unacknowledged_records=2 * recent,
        snapshot_records=rng.choice((2, 6)) * recent,
        pending=rng.choice((32, 128, 1_024)),
        late_answers=recent // 8,
        owed_per_host=rng.choice((16, 64, 1_024)),
        owed_in_flight=rng.choice((1, 4, 32)),
        send_buffer_bytes=rng.choice((2_048, 16_384, 262_144)),
    )
