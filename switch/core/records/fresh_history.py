"""History as of now. The journal's index answers for what is durable; what a record that is not has changed of an outcome that
memory has let go, nobody else knows.

In: promises (`Owed`), and answers to what adds to a hold or gives a payment back, before they are recorded; and how far the
journal is durable. Out: outcomes with those records applied, by the function that applies them to the state. Rule: what is
durable is History's again, and forgotten here.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from switch.core.limits import Limits
from switch.core.records.fold import apply
from switch.core.records.outcomes import History, Outcome
from switch.core.records.records import Answered, Forwarded, Key, Owed
from switch.core.records.state import State

FOUND_MAX: Final = 32
"""outcomes that History was asked for last: what a record is about is one of them, where memory has let it go"""
_UNBOUNDED: Final = Limits(recent_transactions=1 << 60)


class _Recorded(NamedTuple):
    """One that waits to become durable."""

    entry: Owed | Answered
    about: Outcome | Forwarded
    """what it undoes, or answers, as it was before"""


class _Changed(msgspec.Struct):
    """An outcome, and what has been recorded of it since."""

    outcome: Outcome
    records: list[_Recorded]
    position: int
    """of the last of them"""


class FreshHistory:
    """See `outcomes.History`. Bounded by what may wait to become durable (`unacknowledged_records`). A reload hands it on to the
    switch that follows: what it knows is not durable then, either."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._found: OrderedDict[Key, Outcome] = OrderedDict()
        self._changed: OrderedDict[Key, _Changed] = OrderedDict()
        """in the order of their last records"""

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

    def note(self, entry: Owed | Answered, position: int, state: State) -> None:
        """It is about to be recorded under this position; `state`: as it is until then."""
        recent = state.recent
        if isinstance(entry, Answered):
            asked = state.open[entry.txn]
            self._change_named(asked, _Recorded(entry, asked), position, recent)
            return
        key = entry.undoes
        undone = self._known(key, recent) if key is not None and entry.original else None
        if key is None or undone is None:
            return
        record = _Recorded(entry, undone)
        self._change(key, undone, record, position, recent)
        if undone.request is not None:
            self._change_named(undone.request, record, position, recent)

    def settle(self, position: int) -> None:
        """The journal is durable up to here."""
        while self._changed and next(iter(self._changed.values())).position <= position:
            self._changed.popitem(last=False)

    def _known(self, key: Key, recent: Mapping[Key, Outcome]) -> Outcome | None:
        known = recent.get(key)
        if known is None:
            known = self._now(key) if key in self._changed else self._found.get(key)
        return known

    def _change_named(
        self, request: Forwarded, record: _Recorded, position: int, recent: Mapping[Key, Outcome]
    ) -> None:
        """It changes the hold that a request adds to, or the payment that it gives back, too."""
        name = request.hold or request.gives_back
        known = self._known(name.key, recent) if name is not None else None
        if known is not None:
            self._change(known.key, known, record, position, recent)

    def _change(
        self, key: Key, known: Outcome, record: _Recorded, position: int, recent: Mapping[Key, Outcome]
    ) -> None:
        changed = self._changed.get(key)
        if changed is None or key in recent:  # memory's own has every record before this one
            changed = self._changed[key] = _Changed(known, [], position)
        changed.records.append(record)
        changed.position = position
        self._changed.move_to_end(key)

    def _is_changed(self, outcome: Outcome) -> bool:
        changed = self._changed.get(outcome.key)
        return changed is not None and changed.outcome.txn == outcome.txn

    def _now(self, key: Key) -> Outcome:
        """What the state would hold of it, had memory not let it go."""
        changed = self._changed[key]
        outcome = changed.outcome
        for entry, about in changed.records:
            state = State(_UNBOUNDED, open={}, owed={}, stans={}, horizons={})
            if isinstance(about, Forwarded):
                state.open[about.txn] = about
            else:
                state.recent[about.key] = about
            state.recent[key] = outcome
            apply(state, entry)
            outcome = state.recent[key]
        return outcome

    def _remembered(self, outcome: Outcome) -> Outcome:
        self._found[outcome.key] = outcome
        self._found.move_to_end(outcome.key)
        if len(self._found) > FOUND_MAX:
            self._found.popitem(last=False)
        return outcome
