"""Requests awaiting an answer from one host, and those given up.

Deadlines are constant per host, so that requests stand in deadline order in a dict: expiry looks at the first only. An answer
is matched on MTI class and DE11, which no two requests share that can still be answered (`Kernel.next_stan`), and on whatever
else of `match` it has: hosts leave elements out, and some stamp DE7 anew. One that matches nothing is explained by its nearest
request.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

from switch.core.links.awaited import AnsweredOnce, AnswerKey, GivenUp, KeptTable, Pending
from switch.core.messages.meaning import is_inquiry
from switch.core.records.records import Key
from switch.wire.vocabulary import DE, MTI, Document

MATCHED: Final = (DE.TRANSMISSION_TIME, DE.RRN, DE.TERMINAL)
"""What an answer must have as its request had it, if it has it at all, unless its link's `match` says otherwise."""


def agrees(said: Document, sent: Document, elements: Iterable[str]) -> bool:
    """True unless one of `elements` is in both, and different; blanks around it and filling zeros alone say nothing."""
    for de in elements:
        value = said.get(de)
        if value is None or value == (asked := sent.get(de)) or not asked:
            continue
        value = value.strip()
        if value.strip("0") and value != asked.strip():
            return False
    return True


def _say_nothing(dropped: GivenUp, now: int) -> None:
    del dropped, now


class PendingTable:
    """The requests that one host owes an answer to. Their number is bounded by the caller (`max_pending`), that of those given
    up and remembered by `late_max`."""

    def __init__(self, late_max: int, by_key: dict[Key, Pending], match: tuple[str, ...] = MATCHED) -> None:
        """`by_key`: what waits at all hosts, by the acquirers' own keys; shared by their tables. `match`: see `MATCHED`."""
        self.waiting: dict[AnswerKey, Pending] = {}
        self._match = tuple(de for de in match if de != DE.TRANSMISSION_TIME)
        self._match_time = DE.TRANSMISSION_TIME in match
        self._by_key = by_key
        self._late: OrderedDict[AnswerKey, GivenUp] = OrderedDict()
        self._late_max = late_max
        self.tell_dropped: Callable[[GivenUp, int], None] = _say_nothing
        """is told of a request given up that has made room for another, and when that was given up"""
        self._answered: list[tuple[AnswerKey, int, Key, str]] = []
        """ring of the last `late_max` answered requests, as `AnsweredOnce` has them: written on every answer, read on unmatched
        ones only"""
        self._next = 0

    def __len__(self) -> int:
        return len(self.waiting)

    def export(self) -> KeptTable:
        """All that it has, for a table that follows this one."""
        ring = self._answered[self._next :] + self._answered[: self._next]
        answered = tuple((answer, AnsweredOnce(txn=txn, key=key, sent_at=sent)) for answer, txn, key, sent in ring)
        return KeptTable(waiting=tuple(self.waiting.values()), late=tuple(self._late.items()), answered=answered)

    def restore(self, kept: KeptTable, deadline_ns: int) -> None:
        """Go on where another table was; nobody waits beyond `deadline_ns`, which the next request's will not be before."""
        for pending in kept.waiting:
            pending.deadline_ns = min(pending.deadline_ns, deadline_ns)
            self.add(pending)
        for key, given_up in kept.late[-self._late_max :]:
            self._late[key] = given_up
        for key, once in kept.answered[-self._late_max :]:
            self._remember((key, once.txn, once.key, once.sent_at))

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
        """The request that this answer is for, no longer waiting. One that names another payment is for none.

        A switch that crashes forgets the last numbers it gave; an answer to one of them must not meet whoever has it now. Where
        DE7 does not tell them apart, the card does.
        """
        pending = self.waiting.get(key)
        if pending is None:
            return None
        same_time = document.get(DE.TRANSMISSION_TIME) == pending.sent_at
        if not same_time and not self._may_restamp(document):
            return None
        elements = self._match if same_time else (*self._match, DE.PAN)
        return self.take(key) if agrees(document, pending.request, elements) else None

    def _may_restamp(self, document: Document) -> bool:
        """True if this answer's DE7 says nothing: it has none, or the link's host stamps its own."""
        return not self._match_time or not document.get(DE.TRANSMISSION_TIME, "").strip("0 ")

    def give_up(self, pending: Pending, reason: str, now: int) -> None:
        """Stop waiting; a late answer will be recognised."""
        self.take(pending.answer_key)
        self.watch(
            pending.answer_key,
            GivenUp(
                txn=pending.txn,
                reason=reason,
                at_ns=now,
                sent_at=pending.sent_at,
                money=not is_inquiry(pending.request),
            ),
        )

    def watch(self, key: AnswerKey, given_up: GivenUp) -> None:
        """Know a late answer to this request, which waits no longer."""
        self._late[key] = given_up
        self._late.move_to_end(key)
        if len(self._late) > self._late_max:
            _, dropped = self._late.popitem(last=False)
            self.tell_dropped(dropped, given_up.at_ns)

    def remember_answer(self, pending: Pending) -> None:
        """Remember that this request was answered, so that a second answer is known for one."""
        self._remember((pending.answer_key, pending.txn, pending.key, pending.sent_at))

    def _remember(self, once: tuple[AnswerKey, int, Key, str]) -> None:
        ring, at = self._answered, self._next
        if at < len(ring):
            ring[at] = once
        else:
            ring.append(once)
        self._next = at + 1 if at + 1 < self._late_max else 0

    def answered_before(self, key: AnswerKey, document: Document) -> AnsweredOnce | None:
        """The request that this unmatched answer answers a second time; None if none that is remembered."""
        said = document.get(DE.TRANSMISSION_TIME)
        restamped = self._may_restamp(document)
        newest_first = self._answered[self._next - 1 :: -1] + self._answered[: self._next - 1 : -1]
        for other, txn, of, sent_at in newest_first:
            if other == key and (restamped or said == sent_at):
                return AnsweredOnce(txn=txn, key=of, sent_at=sent_at)
        return None

    def late(self, key: AnswerKey, document: Document) -> GivenUp | None:
        """What became of the request that this unmatched answer belongs to, if it is remembered."""
        given_up = self._late.get(key)
        if given_up is None or self._may_restamp(document):
            return given_up
        return given_up if document.get(DE.TRANSMISSION_TIME) == given_up.sent_at else None

    def in_use(self, stan: str) -> bool:
        """True if an answer with this DE11 could still be one to a request of this host."""
        waiting, late, one, other = self.waiting, self._late, (MTI.AUTHORIZATION, stan), (MTI.FINANCIAL, stan)
        return one in waiting or other in waiting or (bool(late) and (one in late or other in late))

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

    def nearest(self, key: AnswerKey, sent_at: str, now: int) -> str:
        """Which request an unmatched answer resembles most, when it was sent and what differs; looks at the newest 512."""
        kind, stan = key
        pending = self.waiting.get(key)
        if pending is not None and sent_at in ("", pending.sent_at):
            return f"DE11 {stan} belongs to a request with another DE37, DE41 or DE2"
        candidates = [(k, p.sent_at) for k, p in [*reversed(self.waiting.items())][:512]]
        candidates += [(k, g.sent_at) for k, g in [*reversed(self._late.items())][:512]]
        for (other_kind, other_stan), other_sent_at in candidates:
            same_stan, same_kind, same_time = other_stan == stan, other_kind == kind, other_sent_at == sent_at
            if same_stan and same_time:
                return f"DE11 {stan} and DE7 {sent_at} belong to a request of MTI class x{other_kind}xx, not x{kind}xx"
            ago = self._ago((other_kind, other_stan), now)
            if same_stan and same_kind:
                return (
                    f"DE11 {stan} was sent{ago} with DE7 {other_sent_at}, the answer has DE7 {sent_at or 'absent'}; a host that "
                    'stamps DE7 anew needs `match = ["37", "41"]` in its [[host]]'
                )
            if same_time and same_kind:
                return f"DE7 {sent_at} was sent{ago} with DE11 {other_stan}, the answer has DE11 {stan or 'absent'}"
        return "no request of this host resembles it"

    def _ago(self, key: AnswerKey, now: int) -> str:
        pending = self.waiting.get(key)
        return f" {(now - pending.first_ns) // 1_000_000} ms before" if pending is not None else ""
