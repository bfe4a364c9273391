"""Queues of what hosts are owed: whatever happens to items in whatever order, none is lost and none overtakes."""

from itertools import count

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.core.records.records import Key, Owed
from switch.core.saf.queue import PACE_SLACK_NS, Item, Queue, Stage, names_of

SECOND = 1_000_000_000


def promised(txn: int, original: int = 0, **changes: object) -> Owed:
    key: Key = ("rif", "2", f"{txn:06d}", "1125120000", "504102", "RIF00001")
    message = {"t": "0220", "11": f"{txn:06d}", "7": "1125120000", "32": "504102", "41": "RIF00001"}
    entry = Owed(
        txn=txn,
        at_us=0,
        kind="advice",
        reason="acquirer",
        host="atlas",
        original=original,
        key=key,
        link="acquirers",
        pan="950401******0001",
        sealed=b"",
        amount=100,
        currency="504",
        message=message,
    )
    return msgspec.structs.replace(entry, **changes)


def with_rrn(entry: Owed, rrn: str) -> Owed:
    return msgspec.structs.replace(entry, message={**entry.message, "37": rrn})


def same_transaction(a: Owed, b: Owed) -> bool:
    return not set(names_of(a)).isdisjoint(names_of(b))


def test_transactions_are_known_by_themselves_their_originals_their_keys_and_their_reference_number() -> None:
    first = with_rrn(promised(1), "532912000123")
    assert same_transaction(first, promised(2, original=1)), "a reversal of a stand-in advice"
    assert same_transaction(promised(2, original=7), promised(3, original=7)), "a completion, then a reversal"
    assert same_transaction(first, promised(2, undoes=first.key)), "an original that is only named by its acquirer"
    assert same_transaction(first, with_rrn(promised(2), "532912000123"))
    assert not same_transaction(first, with_rrn(promised(2), "532912000124"))
    other_card = with_rrn(promised(2, pan="950401******0002"), "532912000123")
    assert not same_transaction(first, other_card), "a terminal that gives its numbers again"
    assert not same_transaction(promised(1), promised(2)), "nothing in common but the lack of a number"


class Host:
    """A queue, driven as a host with any fate would have it driven, and what must hold of it at every step."""

    def __init__(self) -> None:
        self.queue = Queue()
        self.entries: dict[int, Owed] = {}
        self.arrived: list[int] = []
        self.dead: set[int] = set()
        self.now = 0

    def takes(self, entry: Owed) -> None:
        self.entries[entry.txn] = entry
        self.queue.add(entry, 1)

    def sends(self) -> None:
        item = self.queue.next()
        if item is not None:
            self._has_nothing_before_it(item)
            item.due_ns = self.now + 5 * SECOND
            self.queue.mark_sent(item, self.now, 2 * SECOND, 0)

    def _has_nothing_before_it(self, item: Item) -> None:
        entry = self.entries[item.txn]
        owed = self.entries.keys() - set(self.arrived)
        before = [t for t in owed if t < item.txn and same_transaction(self.entries[t], entry)]
        assert not before, f"{item.txn} leaves before {before}"

    def of(self, stages: set[Stage], nth: int) -> Item | None:
        found = [item for item in self.queue.items.values() if item.stage in stages]
        return found[nth % len(found)] if found else None

    def acknowledges(self, nth: int) -> None:
        item = self.of({Stage.IN_FLIGHT, Stage.ASLEEP, Stage.DEAD}, nth)
        if item is not None and not item.behind:
            self.queue.remove(item, self.entries[item.txn])
            self.arrived.append(item.txn)

    def kills(self, nth: int) -> None:
        item = self.of({Stage.IN_FLIGHT}, nth)
        if item is not None:
            self.queue.shelve(item)

    def retries(self, nth: int) -> None:
        item = self.of({Stage.DEAD, Stage.ASLEEP}, nth)
        if item is not None:
            self.queue.requeue(item, first=bool(nth % 2))

    def passes(self, seconds: int) -> None:
        self.now += seconds * SECOND
        for item in self.queue.overdue(self.now):
            self.queue.sleep(item)

    def restarts(self) -> None:
        """As after a crash: the queue made again from what is owed, in the order of the records."""
        dead = {item.txn for item in self.queue.items.values() if item.stage is Stage.DEAD}
        self.queue = Queue()
        for txn, entry in self.entries.items():
            if txn not in self.arrived:
                self.queue.add(entry, 0, dead=txn in dead)

    def holds_together(self) -> None:
        queue = self.queue
        assert queue.items.keys() == self.entries.keys() - set(self.arrived), "what is owed is here, and nothing else"
        by_stage = [item.stage for item in queue.items.values()]
        assert len(queue.in_flight) == by_stage.count(Stage.IN_FLIGHT)
        assert len(queue.asleep) == by_stage.count(Stage.ASLEEP)
        assert queue.dead == by_stage.count(Stage.DEAD)
        ready = [item for item in queue.ready if item.stage is Stage.READY]
        assert len(ready) == len({item.txn for item in ready}) == by_stage.count(Stage.READY)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("takes"), st.integers(0, 3)),
        st.tuples(st.just("sends"), st.just(0)),
        st.tuples(st.just("sends"), st.just(0)),
        st.tuples(st.sampled_from(["acknowledges", "kills", "retries"]), st.integers(0, 20)),
        st.tuples(st.just("passes"), st.integers(1, 6)),
        st.tuples(st.just("restarts"), st.just(0)),
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_whatever_happens_nothing_is_lost_and_nothing_overtakes_within_its_transaction(
    steps: list[tuple[str, int]],
) -> None:
    host, numbers = Host(), count(10)
    for step, number in steps:
        if step == "takes":
            txn = next(numbers)
            host.takes(promised(txn, original=number) if number != 3 else with_rrn(promised(txn), "1"))
        elif step in ("sends", "restarts"):
            getattr(host, step)()
        else:
            getattr(host, step)(number)
        host.holds_together()
    for _ in range(4 * len(host.entries) + 4):
        host.retries(0)
        host.passes(10)
        host.sends()
        host.acknowledges(0)
    assert not host.queue.items, "with a host that answers and an operator who retries, everything arrives"
    for n, later in enumerate(host.arrived):
        assert not any(
            earlier > later and same_transaction(host.entries[earlier], host.entries[later])
            for earlier in host.arrived[:n]
        )


def test_a_thousand_of_one_transaction_wait_for_one_another_and_for_nothing_else() -> None:
    queue = Queue()
    for txn in range(10, 1_010):
        queue.add(promised(txn, original=1), 1)
    other = queue.add(promised(5_000), 1)
    first = queue.next()
    assert first is not None
    assert (first.txn, queue.next(), queue.next()) == (10, other, None)


def test_the_pace_is_an_average_with_a_tenth_of_a_second_in_advance() -> None:
    queue = Queue()
    for txn in range(10, 400):
        queue.add(promised(txn), 1)
    interval = SECOND // 100
    left = []
    for now in range(0, 3 * SECOND, SECOND // 1_000):
        while queue.may_leave_at(now) <= now and (item := queue.next()) is not None:
            queue.mark_sent(item, now, SECOND, interval)
            left.append(now)
    assert left.count(0) == PACE_SLACK_NS // interval + 1
    assert 300 <= len(left) <= 311
