"""Requests awaiting an answer from one host, and those given up.

Deadlines are constant per host, so that requests stand in deadline order in a dict: expiry looks at the first only. An answer
is matched on (MTI class, DE11, DE7), never on STAN alone; one that matches nothing is explained by its nearest request.
"""

from collections import OrderedDict
from typing import TypeAlias

import msgspec

from switch.core.party import LinkId
from switch.core.records.records import Key
from switch.core.routing.routing import Decision
from switch.wire.vocabulary import DE, Document

AnswerKey: TypeAlias = tuple[str, str, str]
"""MTI class, DE11, DE7, as the switch sent them."""


class Pending(msgspec.Struct, kw_only=True):
    """One request on its way: what is needed to answer the acquirer. In memory only; the journal has `Forwarded`."""

    txn: int
    key: Key
    link: LinkId
    """where the request came from, and its answer goes"""
    request: Document
    """in internal format"""
    raw: Document
    """as it came on its link; the answer's header and private elements are made from it"""
    host_link: LinkId
    answer_key: AnswerKey
    decision: Decision
    pan: str
    """masked"""
    amount: int
    cost: int
    first_ns: int
    deadline_ns: int


class GivenUp(msgspec.Struct, frozen=True, kw_only=True):
    """A request no longer waited for: what a late answer is told from."""

    txn: int
    reason: str
    at_ns: int


class KeptTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table, as one switch leaves it to the next."""

    waiting: tuple[Pending, ...]
    late: tuple[tuple[AnswerKey, GivenUp], ...]
    answered: tuple[tuple[AnswerKey, int], ...]
    """oldest first"""


class PendingTable:
    """Of one host. Bounded by its caller (`max_pending`); `late_max` bounds what is remembered of the given up."""

    def __init__(self, late_max: int, by_key: dict[Key, Pending]) -> None:
        """`by_key`: what waits at all hosts, by the acquirers' own keys; shared by their tables."""
        self.waiting: dict[AnswerKey, Pending] = {}
        self._by_key = by_key
        self._late: OrderedDict[AnswerKey, GivenUp] = OrderedDict()
        self._late_max = late_max
        self._answered: list[tuple[AnswerKey, int]] = []
        """ring of the last `late_max` answered requests: written on every answer, read on unmatched ones only"""
        self._next = 0

    def __len__(self) -> int:
        return len(self.waiting)

    def export(self) -> KeptTable:
        """What there is, for a table that follows this one."""
        ring = self._answered[self._next :] + self._answered[: self._next]
        return KeptTable(waiting=tuple(self.waiting.values()), late=tuple(self._late.items()), answered=tuple(ring))

    def restore(self, kept: KeptTable, deadline_ns: int) -> None:
        """Go on where another table was; nobody waits beyond `deadline_ns`, which the next request's will not be before."""
        for pending in kept.waiting:
            pending.deadline_ns = min(pending.deadline_ns, deadline_ns)
            self.add(pending)
        for key, given_up in kept.late[-self._late_max :]:
            self._late[key] = given_up
        for key, txn in kept.answered[-self._late_max :]:
            self.remember_answer(key, txn)

    def add(self, pending: Pending) -> None:
        """Wait for its answer. The caller has made sure its answer key is free (`in table.waiting`)."""
        assert pending.answer_key not in self.waiting
        self.waiting[pending.answer_key] = pending
        self._by_key[pending.key] = pending

    def take(self, key: AnswerKey) -> Pending | None:
        """The request this answers, no longer waiting; None if there is none."""
        pending = self.waiting.pop(key, None)
        if pending is not None:
            del self._by_key[pending.key]
        return pending

    def match(self, key: AnswerKey, document: Document) -> Pending | None:
        """The request that this answer is for, no longer waiting. One that names another payment (DE37, DE41) is for none.

        A switch that crashes forgets the last numbers it gave; an answer to one of them must not meet whoever has it now.
        """
        pending = self.waiting.get(key)
        if pending is None:
            return None
        request = pending.request
        for de in (DE.RRN, DE.TERMINAL):
            said = document.get(de)
            if said is not None and said != (asked := request.get(de)) and asked and said.strip() != asked.strip():
                return None
        return self.take(key)

    def give_up(self, pending: Pending, reason: str, now: int) -> None:
        """Stop waiting; a late answer will be recognised."""
        self.take(pending.answer_key)
        self._late[pending.answer_key] = GivenUp(txn=pending.txn, reason=reason, at_ns=now)
        if len(self._late) > self._late_max:
            self._late.popitem(last=False)

    def remember_answer(self, key: AnswerKey, txn: int) -> None:
        """Remember that this request was answered, so that a second answer is known for one."""
        ring, at = self._answered, self._next
        if at < len(ring):
            ring[at] = (key, txn)
        else:
            ring.append((key, txn))
        self._next = at + 1 if at + 1 < self._late_max else 0

    def answered_before(self, key: AnswerKey) -> int:
        """The transaction that this unmatched answer answers a second time; 0 if none that is remembered."""
        return next((txn for other, txn in self._answered if other == key), 0)

    def late(self, key: AnswerKey) -> GivenUp | None:
        """What became of the request that this unmatched answer belongs to, if it is remembered."""
        return self._late.get(key)

    def deadline(self) -> int | None:
        """When the first of them expires."""
        for pending in self.waiting.values():
            return pending.deadline_ns
        return None

    def expired(self, now: int) -> list[Pending]:
        """Those whose deadline has come, oldest first; they still wait until given up."""
        due = []
        for pending in self.waiting.values():
            if pending.deadline_ns > now:
                break
            due.append(pending)
        return due

    def nearest(self, key: AnswerKey, now: int) -> str:
        """Which request an unmatched answer resembles most, when it was sent and what differs; looks at the newest 512."""
        kind, stan, sent_at = key
        if key in self.waiting:
            return f"DE11 {stan} and DE7 {sent_at} belong to a request with another DE37 or DE41"
        candidates = [*reversed(self.waiting)][:512] + [*reversed(self._late)][:512]
        for other in candidates:
            if other[1] == stan and other[2] == sent_at:
                return f"DE11 {stan} and DE7 {sent_at} belong to a request of MTI class x{other[0]}xx, not x{kind}xx"
            ago = self._ago(other, now)
            if other[1] == stan and other[0] == kind:
                return f"DE11 {stan} was sent{ago} with DE7 {other[2]}, the answer has DE7 {sent_at or 'absent'}"
            if other[2] == sent_at and other[0] == kind:
                return f"DE7 {sent_at} was sent{ago} with DE11 {other[1]}, the answer has DE11 {stan or 'absent'}"
        return "no request of this host resembles it"

    def _ago(self, key: AnswerKey, now: int) -> str:
        pending = self.waiting.get(key)
        return f" {(now - pending.first_ns) // 1_000_000} ms before" if pending is not None else ""
