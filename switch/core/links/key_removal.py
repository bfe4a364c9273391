"""Sets of a link's keys that are to be destroyed: those before, once their time is over, and successors that are not to be. Pure.

Rule: one that the security module could not destroy, or was late with, is asked for again each minute until it is gone, as it
proves what comes under it as long as it is there.
"""

from typing import Any, Final, NamedTuple, Protocol

from switch.core.links.key_place import KeyWord, is_of
from switch.core.links.valid_sets import ValidSets
from switch.security.key_commands import DropKey

AGAIN_NS: Final = 60_000_000_000
"""until it is asked for again"""


class Reports(Protocol):
    """The log and the clock of one link."""

    def log(self, level: str, event: str, **fields: Any) -> None:
        """An event, of this link."""

    def wall_us(self, now: int) -> int:
        """Wall clock."""


class _GivenUp(NamedTuple):
    """A successor that is not to be, and is not destroyed yet."""

    word: KeyWord
    due_ns: int
    why: str


class KeyRemoval:
    """What of one link's keys is to go. Keys are named by their purpose."""

    def __init__(self, keys: dict[str, str], valid: ValidSets, reports: Reports) -> None:
        """`keys`: purpose -> name."""
        self._keys, self._valid, self._reports = keys, valid, reports
        self._previous_at: dict[str, int] = {}
        """purpose -> when its previous set is destroyed"""
        self._given_up: dict[str, _GivenUp] = {}

    def previous(self, purpose: str, at: int) -> None:
        """Destroy the set before the one in use then, or when it was said first."""
        if self._valid.of(self._keys[purpose]).sets.previous is not None:
            self._previous_at.setdefault(purpose, at)

    def anew(self, purpose: str) -> None:
        """Another set is the one before now, and has all of its time."""
        self._previous_at.pop(purpose, None)

    def give_up(self, word: KeyWord, now: int, why: str) -> None:
        """Destroy this successor."""
        self._given_up.pop(word.purpose, None)
        if not self._drop(word.purpose, word.set_id, now, why):
            self._given_up[word.purpose] = _GivenUp(word, now + AGAIN_NS, why)

    def again(self, purpose: str, now: int) -> None:
        """Try once more to destroy the successor that is given up, if there is one: else it would be offered again."""
        given_up = self._given_up.get(purpose)
        if given_up is None:
            return
        sets = self._valid.refresh(self._keys[purpose]).sets
        if sets.in_use is None:  # the module says nothing
            self._given_up[purpose] = given_up._replace(due_ns=now + AGAIN_NS)
        elif is_of(sets.offered, given_up.word):  # and no other one that has its number by now
            self.give_up(given_up.word, now, given_up.why)
        else:
            del self._given_up[purpose]

    def tick(self, now: int) -> None:
        """Destroy what is due."""
        for purpose in [purpose for purpose, one in self._given_up.items() if now >= one.due_ns]:
            self.again(purpose, now)
        for purpose in [purpose for purpose, at in self._previous_at.items() if now >= at]:
            del self._previous_at[purpose]
            before = self._valid.of(self._keys[purpose]).sets.previous
            if before is not None and not self._drop(purpose, before.set_id, now, "its time is over"):
                self._previous_at[purpose] = now + AGAIN_NS

    def deadlines(self) -> list[int]:
        """When `tick` has something to do."""
        return [*self._previous_at.values(), *(one.due_ns for one in self._given_up.values())]

    def _drop(self, purpose: str, set_id: str, now: int, why: str) -> bool:
        """Have a set destroyed; False: it is there still, and the log says so."""
        key = self._keys[purpose]
        (reply,) = self._valid.module.ask([DropKey(key, set_id, self._reports.wall_us(now), why)])
        self._valid.refresh(key)
        if not reply.ok:
            hint = "see to the security module and its key file; until it is destroyed it proves what comes under it"
            self._reports.log("error", "keys.not_dropped", key=key, set=set_id, reason=reply.reason, hint=hint)
        return reply.ok
