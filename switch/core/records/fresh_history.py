"""History as of now. The journal's index answers for what is durable; what a promise that is not has changed of an outcome that
memory has let go, nobody else knows.

In: promises (`Owed`) before they are recorded, and how far the journal is durable. Out: outcomes with those promises applied, by
the function that applies them to the state. Rule: what is durable is History's again, and forgotten here.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from switch.core.limits import Limits
from switch.core.records.fold import apply
from switch.core.records.outcomes import History, Outcome
from switch.core.records.records import MTI_CLASS, Key, Owed
from switch.core.records.state import State
from switch.wire.vocabulary import MTI

FOUND_MAX: Final = 32
"""outcomes that History was asked for last: what a promise is about is one of them, where memory has let it go"""
_UNBOUNDED: Final = Limits(recent_transactions=1 << 60)


class _Promise(NamedTuple):
    """One that waits to become durable."""

    entry: Owed
    undone: Outcome
    """what it is about, as it was before"""


class _Changed(msgspec.Struct):
    """An outcome, and what has been promised of it since."""

    outcome: Outcome
    promises: list[_Promise]
    position: int
    """of the last of them"""


class FreshHistory:
    """See `outcomes.History`. Bounded by what may wait to become durable (`unacknowledged_records`). A reload hands it on to the
    switch that follows: what it knows is not durable then, either."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._found: OrderedDict[Key, Outcome] = OrderedDict()
        self._changed: OrderedDict[Key, _Changed] = OrderedDict()
        """in the order of their last promises"""

    def find(self, key: Key) -> Outcome | None:
        """See History."""
        if key in self._changed:
            return self._now(key)
        found = self._history.find(key)
        return self._remembered(found) if found is not None else None

    def find_named(self, acquirer: str, name: str) -> list[Outcome]:
        """See History."""
        named = self._history.find_named(acquirer, name)
        return [self._now(one.key) if self._is_changed(one) else self._remembered(one) for one in named]

    def note(self, entry: Owed, position: int, recent: Mapping[Key, Outcome]) -> None:
        """It is about to be recorded under this position; `recent`: what memory holds until then."""
        key = entry.undoes
        undone = self._known(key, recent) if key is not None and entry.original else None
        if key is None or undone is None:
            return
        promise = _Promise(entry, undone)
        self._change(key, undone, promise, position, recent)
        if undone.key[MTI_CLASS] == MTI.FINANCIAL and undone.mti[2] == "0":
            return  # a payment: it has no hold
        request = undone.request
        hold = self._known(request.hold.key, recent) if request is not None and request.hold is not None else None
        if hold is not None:
            self._change(hold.key, hold, promise, position, recent)

    def settle(self, position: int) -> None:
        """The journal is durable up to here."""
        while self._changed and next(iter(self._changed.values())).position <= position:
            self._changed.popitem(last=False)

    def _known(self, key: Key, recent: Mapping[Key, Outcome]) -> Outcome | None:
        known = recent.get(key)
        if known is None:
            known = self._now(key) if key in self._changed else self._found.get(key)
        return known

    def _change(
        self, key: Key, known: Outcome, promise: _Promise, position: int, recent: Mapping[Key, Outcome]
    ) -> None:
        changed = self._changed.get(key)
        if changed is None or key in recent:  # memory's own has every promise before this one
            changed = self._changed[key] = _Changed(known, [], position)
        changed.promises.append(promise)
        changed.position = position
        self._changed.move_to_end(key)

    def _is_changed(self, outcome: Outcome) -> bool:
        changed = self._changed.get(outcome.key)
        return changed is not None and changed.outcome.txn == outcome.txn

    def _now(self, key: Key) -> Outcome:
        """What the state would hold of it, had memory not let it go."""
        changed = self._changed[key]
        outcome = changed.outcome
        for promise in changed.promises:
            state = State(_UNBOUNDED, open={}, owed={}, stans={}, horizons={})
            state.recent.update({promise.undone.key: promise.undone, key: outcome})
            apply(state, promise.entry)
            outcome = state.recent[key]
        return outcome

    def _remembered(self, outcome: Outcome) -> Outcome:
        self._found[outcome.key] = outcome
        self._found.move_to_end(outcome.key)
        if len(self._found) > FOUND_MAX:
            self._found.popitem(last=False)
        return outcome
