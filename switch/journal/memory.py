"""A journal without a disk, for simulations and tests: the narrow port of `Feed`, with durability in the caller's hands.

In: entries. Out: durable positions, when `sync` says so; after a `crash`, the prefix that was durable (and as much of what
followed as the caller wants to have survived). Knows no clock and no file.
"""

from typing import Protocol

from switch.core.limits import Limits
from switch.core.records.fold import apply
from switch.core.records.outcomes import Outcome, outcome_of
from switch.core.records.records import STAN_DIGITS, AnyEntry, Key
from switch.core.records.state import State
from switch.journal.feed import WriterGone
from switch.journal.log import JournalError

NAMED_MAX = 64
"""found by one name, at most"""


class MemoryJournal:
    """Holds entries as they are. `entries[n - 1]` is record n."""

    def __init__(self) -> None:
        self.entries: list[AnyEntry] = []
        self.durable = 0
        self._pushed = 0
        self._reason = ""

    def append(self, position: int, entry: AnyEntry) -> None:
        """See Feed.append."""
        if position != len(self.entries) + 1:
            raise JournalError(f"record {position} appended after record {len(self.entries)}: positions have no gaps")
        self.entries.append(entry)

    def push(self) -> bool:
        """See Feed.push: what was appended can become durable from now on."""
        if not self._reason:
            self._pushed = len(self.entries)
        return not self._reason

    def sync(self, up_to: int | None = None) -> int:
        """The disk's part: what was pushed (or only records up to `up_to` of it) is durable. The newest durable position."""
        if not self._reason:
            self.durable = max(self.durable, self._pushed if up_to is None else min(up_to, self._pushed))
        return self.durable

    def acknowledged(self) -> int:
        """See Feed.acknowledged."""
        if self._reason:
            raise WriterGone(self._reason)
        return self.durable

    def fail(self, reason: str) -> None:
        """The writer is gone: nothing becomes durable until `restart`."""
        self._reason = reason
        self._pushed = self.durable

    def restart(self) -> None:
        """See Feed.restart."""
        self._reason = ""

    def crash(self, survived: int = 0) -> list[AnyEntry]:
        """The switch is gone. What its next life finds: the durable prefix and the first `survived` pushed records after it."""
        kept = min(max(self._pushed, self.durable), self.durable + survived)
        del self.entries[kept:]
        self.durable = self._pushed = kept
        self._reason = ""
        return self.entries

    def close(self) -> int:
        """See Feed.close: everything appended is durable, unless the writer is gone."""
        self.push()
        return len(self.entries) - self.sync()

    def recover(self, limits: Limits) -> State:
        """The fold of what there is."""
        state = State(limits, open={}, owed={}, stans={}, horizons={})
        for entry in self.entries:
            apply(state, entry)
        return state


class Held(Protocol):
    """Whatever holds records: `entries[n - 1]` is record n, and the first `durable` of them are never taken back."""

    entries: list[AnyEntry]

    @property
    def durable(self) -> int:
        """The newest record that is never taken back."""


class DictHistory:
    """`core.records.outcomes.History` of records in memory: every outcome in the durable ones, by key."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._state = State(Limits(recent_transactions=1 << 60), open={}, owed={}, stans={}, horizons={})
        self._folded = 0

    def _fold(self) -> None:
        for entry in self._held.entries[self._folded : self._held.durable]:
            apply(self._state, entry)
        self._folded = self._held.durable

    def find(self, key: Key) -> Outcome | None:
        """The outcome of the newest transaction with this key, open ones included (DE39 ""); None where there is none."""
        self._fold()
        ended = self._state.recent.get(key)
        for request in reversed(self._state.open.values()):
            if request.key == key and (ended is None or request.txn > ended.txn):
                return outcome_of(request, "", {})
        return ended

    def find_named(self, acquirer: str, name: str) -> list[Outcome]:
        """See `History.find_named`."""
        self._fold()
        names = self._state.names
        keys = names.with_stan(acquirer, name) if len(name) == STAN_DIGITS else names.with_rrn(acquirer, name)
        found = (self._state.recent.get(key) for key in keys[: -NAMED_MAX - 1 : -1])
        return [outcome for outcome in found if outcome is not None]
