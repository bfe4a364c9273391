"""What one host is owed, and what of it may leave next. Knows no host, no message and no journal: numbers, names and times.

In: items, in the order in which they were promised. Out: the next one that may be sent. Its one rule: of items that concern the
same transaction, the later one is not to be had before the earlier is gone (acknowledged); items of different transactions
never wait for each other.
"""

import heapq
from collections import deque
from collections.abc import Hashable, Iterator
from enum import Enum

import msgspec

from switch.core.links.awaited import AnswerKey
from switch.core.party import LinkId
from switch.core.records.records import ACQUIRER, Owed
from switch.wire.vocabulary import DE

PACE_SLACK_NS = 100_000_000
"""after a pause, so much of a second's allowance may leave at once"""


class Stage(Enum):
    """Where an item stands. Only what is `READY` can leave; only `GONE` lets those behind it go."""

    BEHIND = "behind"
    """an earlier item of the same transaction is still owed"""
    READY = "waiting"
    IN_FLIGHT = "in flight"
    """sent, and its answer is not overdue"""
    ASLEEP = "backing off"
    """sent, and not acknowledged: repeated when due"""
    DEAD = "dead"
    """given up until an operator puts it back"""
    GONE = "gone"


READY, IN_FLIGHT, ASLEEP = Stage.READY, Stage.IN_FLIGHT, Stage.ASLEEP


class Item(msgspec.Struct, eq=False):
    """One thing owed, as far as this process has come with it."""

    txn: int
    position: int
    """of its `Owed` record; 0 when it was durable before this process began"""
    answer_key: AnswerKey
    stage: Stage = READY
    behind: int = 0
    """items of the same transaction that must be gone first"""
    after: int = 0
    """txn of the last of them, when it was promised; 0: none"""
    followers: "tuple[Item, ...]" = ()
    """items that wait for this one"""
    tries: int = 0
    """times it was sent"""
    repeats: int = 0
    """of them, under the DE11 it has now"""
    failures: int = 0
    """times it was sent and not acknowledged, while its host could have"""
    refusals: int = 0
    """times its host has refused it"""
    losses: int = 0
    """connections that ended while it was in flight"""
    link: LinkId = ""
    """it was last sent on"""
    first_ns: int = 0
    due_ns: int = 0
    """when it is repeated"""
    timer_ns: int = 0
    """when its stage ends: in flight, the answer is overdue; asleep, it is due"""


class KeptItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item, as one switch leaves it to the next. Who waits for whom is in the records."""

    txn: int
    position: int
    stage: str
    tries: int
    repeats: int
    failures: int
    refusals: int
    losses: int
    link: LinkId
    first_ns: int
    due_ns: int
    timer_ns: int


class KeptQueue(msgspec.Struct, frozen=True, kw_only=True):
    """A queue, as one switch leaves it to the next."""

    items: tuple[KeptItem, ...]
    ready: tuple[int, ...]
    """what may leave, in order, by transaction"""
    paced_ns: int


def names_of(entry: Owed) -> Iterator[Hashable]:
    """What an item's transaction is known by; two that share a name concern the same one.

    Itself, what it undoes or follows, the acquirer's keys of both, and the retrieval reference number (DE37) at its terminal with
    its card: a reversal need not name its original by anything else.
    """
    yield entry.txn
    if entry.original:
        yield entry.original
    if entry.key[ACQUIRER]:
        yield entry.key
    if entry.undoes is not None:
        yield entry.undoes
    message = entry.message
    rrn = message.get(DE.RRN)
    if rrn:
        yield (message.get(DE.ACQUIRER), message.get(DE.TERMINAL), rrn, entry.pan)


class Queue:
    """What one host is owed."""

    def __init__(self, stans: set[str] | None = None) -> None:
        """`stans`: DE11 of what is owed is kept there, for whoever gives the next one."""
        self._stans = set() if stans is None else stans
        self.items: dict[int, Item] = {}
        """all, by transaction, oldest first"""
        self.by_answer: dict[AnswerKey, Item] = {}
        self.ready: deque[Item] = deque()
        """and some that no longer are"""
        self.in_flight: dict[int, Item] = {}
        self.asleep: dict[int, Item] = {}
        self.dead = 0
        self.paced_ns = 0
        """when the next would leave if they left evenly"""
        self._newest: dict[Hashable, Item] = {}
        """by name: what the next item of that name comes after"""
        self._timers: list[tuple[int, int]] = []
        """heap of (timer_ns, txn)"""

    def __len__(self) -> int:
        return len(self.items)

    def add(self, entry: Owed, position: int, *, dead: bool = False) -> Item:
        """Take what was just promised (or, at a start, is still owed; `dead`: and given up)."""
        message = entry.message
        item = Item(entry.txn, position, (message[DE.MTI][1], message[DE.STAN]))
        earlier: dict[int, Item] = {}
        for name in names_of(entry):
            before = self._newest.get(name)
            if before is not None:
                earlier[before.txn] = before
            self._newest[name] = item
        for before in earlier.values():
            before.followers += (item,)
        item.behind, item.after = len(earlier), max(earlier, default=0)
        self.items[item.txn] = self.by_answer[item.answer_key] = item
        self._stans.add(message[DE.STAN])
        if dead:
            item.stage = Stage.DEAD
            self.dead += 1
        elif item.behind:
            item.stage = Stage.BEHIND
        else:
            self.ready.append(item)
        return item

    def export(self) -> KeptQueue:
        """For a queue that follows this one."""
        items = tuple(
            KeptItem(
                txn=i.txn,
                position=i.position,
                stage=i.stage.value,
                tries=i.tries,
                repeats=i.repeats,
                failures=i.failures,
                refusals=i.refusals,
                losses=i.losses,
                link=i.link,
                first_ns=i.first_ns,
                due_ns=i.due_ns,
                timer_ns=i.timer_ns,
            )
            for i in self.items.values()
        )
        return KeptQueue(
            items=items, ready=tuple(item.txn for item in self.ready if item.stage is READY), paced_ns=self.paced_ns
        )

    def restore(self, kept: KeptQueue) -> None:
        """Go on where another queue was, this one having been given the same items: nothing is sent before it is due."""
        for was in kept.items:
            item = self.items.get(was.txn)
            if item is None:
                continue
            item.position, item.link = was.position, was.link
            item.repeats = was.repeats
            item.tries, item.failures, item.refusals, item.losses = was.tries, was.failures, was.refusals, was.losses
            item.first_ns, item.due_ns = was.first_ns, was.due_ns
            stage = Stage(was.stage)
            if stage in (IN_FLIGHT, ASLEEP):
                item.stage = stage
                (self.in_flight if stage is IN_FLIGHT else self.asleep)[item.txn] = item
                self._wake(item, was.timer_ns)
        first = [self.items[txn] for txn in kept.ready if txn in self.items]
        there = {item.txn for item in first}
        self.ready = deque([*first, *(i for i in self.items.values() if i.stage is READY and i.txn not in there)])
        self.paced_ns = kept.paced_ns

    def remove(self, item: Item, entry: Owed) -> None:
        """It has arrived: what waits for it and for nothing else is next."""
        self._unstage(item)
        item.stage = Stage.GONE
        del self.items[item.txn]
        if self.by_answer.get(item.answer_key) is item:
            del self.by_answer[item.answer_key]
            self._stans.discard(item.answer_key[1])
        for name in names_of(entry):
            if self._newest.get(name) is item:
                del self._newest[name]
        for follower in reversed(item.followers):
            follower.behind -= 1
            if follower.stage is Stage.BEHIND and not follower.behind:
                self._make_ready(follower, first=True)

    def renumber(self, item: Item, stan: str, position: int) -> None:
        """From here on it is another message, which may leave once the record at `position` is durable."""
        if self.by_answer.get(item.answer_key) is item:
            del self.by_answer[item.answer_key]
        self._stans.discard(item.answer_key[1])
        item.answer_key, item.position, item.repeats = (item.answer_key[0], stan), position, 0
        self.by_answer[item.answer_key] = item
        self._stans.add(stan)

    def _unstage(self, item: Item) -> None:
        """Out of whatever stage it is in."""
        self.in_flight.pop(item.txn, None)
        self.asleep.pop(item.txn, None)
        if item.stage is Stage.DEAD:
            self.dead -= 1

    def _make_ready(self, item: Item, *, first: bool = False) -> None:
        self._unstage(item)
        item.stage = READY
        if first:
            self.ready.appendleft(item)
        else:
            self.ready.append(item)

    # -- what leaves

    def next(self) -> Item | None:
        """The item to send now, out of the queue until `mark_sent`, `sleep`, `shelve` or `remove` say what became of it."""
        while self.ready:
            item = self.ready.popleft()
            if item.stage is READY:
                return item
        return None

    def may_leave_at(self, now: int) -> int:
        """When the pace lets the next one go: `now`, or later."""
        return max(now, self.paced_ns - PACE_SLACK_NS)

    def mark_sent(self, item: Item, now: int, wait_ns: int, interval_ns: int) -> None:
        """It left; its answer is overdue after `wait_ns`, and the next one may leave `interval_ns` later, on average."""
        item.stage = IN_FLIGHT
        self.in_flight[item.txn] = item
        self.paced_ns = max(self.paced_ns, now) + interval_ns
        self._wake(item, now + wait_ns)

    def sleep(self, item: Item) -> None:
        """Let others use its place until it is due."""
        self._unstage(item)
        item.stage = ASLEEP
        self.asleep[item.txn] = item
        self._wake(item, item.due_ns)

    def shelve(self, item: Item) -> None:
        """It leaves no more, and what is behind it waits."""
        self._unstage(item)
        item.stage = Stage.DEAD
        self.dead += 1

    def requeue(self, item: Item, *, first: bool = False) -> None:
        """Whatever became of it: it may leave now (behind what is earlier of its transaction)."""
        if item.stage is READY:
            return
        if item.behind:
            self._unstage(item)
            item.stage = Stage.BEHIND
        else:
            self._make_ready(item, first=first)

    # -- time

    def _wake(self, item: Item, at: int) -> None:
        item.timer_ns = at
        heapq.heappush(self._timers, (at, item.txn))

    def next_timer(self) -> int | None:
        """When the first answer is overdue or the first repeat due; None: neither is awaited."""
        timers = self._timers
        while timers:
            at, txn = timers[0]
            item = self.items.get(txn)
            if item is not None and item.timer_ns == at and item.stage in (IN_FLIGHT, ASLEEP):
                return at
            heapq.heappop(timers)
        return None

    def overdue(self, now: int) -> Iterator[Item]:
        """Those in flight whose answer is overdue; what is due of the sleepers is made ready on the way."""
        while (at := self.next_timer()) is not None and at <= now:
            item = self.items[heapq.heappop(self._timers)[1]]
            if item.stage is ASLEEP:
                self._make_ready(item)
            else:
                yield item
