"""Two nodes and one journal, whatever goes wrong: what was acknowledged is there, once, in the order in which it was appended.

The nodes run the code of production (`Owned`, `reclaimed`) on a database that loses answers, standbys and primaries; they stand
still for longer than their lease and go on, thinking that nothing has happened. A checker of its own reads the database then.
"""

from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import partial
from random import Random

import pytest

from switch.core.records.records import SCHEMA
from switch.journal.log import GENESIS, ChainKey
from switch.journal.segment_writer import Home
from switch.journal.store.catching_up import Copy, OwnEnd
from switch.journal.store.fencing import Owned
from switch.journal.store.port import Batch, Claim, FencedError, Owner, StoreError, chain_of
from switch.journal.store.writing import reclaimed
from tests.journal.store.model import Database, MemoryStore

SECRET = bytes(range(32))
HOME = Home("nowhere", "morocco", SCHEMA, ChainKey(SECRET, b""))
LEASE_MS = 1_000
SEEDS = range(150)


class Node:
    """One machine. `acknowledged`: what its switch was told is durable, by record number."""

    def __init__(self, name: str, database: Database, acknowledged: dict[int, bytes], kind: type[MemoryStore]) -> None:
        self.name, self._db, self._acknowledged = name, database, acknowledged
        self._store = kind(database)
        self._owned: Owned | None = None
        self._seen_ms = self._made = 0
        self.between: Callable[[], object] = lambda: None
        """what others do between two steps of a claim"""

    def clock(self) -> float:
        """Seconds. One that stands still does not see them pass until it looks again."""
        return self._seen_ms / 1000

    def wake(self) -> None:
        """It sees what time it is."""
        self._seen_ms = self._db.now_ms

    def take(self) -> None:
        """Own the journal, if it can be had, and only then read what is in it."""
        owner = self._claim()
        self.between()
        if owner is not None:
            self._go_by(self._read(), owner)

    def _claim(self) -> Owner | None:
        self.wake()
        try:
            return self._store.claim(Claim(self.name, self.name, b"", LEASE_MS))
        except StoreError:
            return None

    def _read(self) -> list[bytes]:
        return [payload for batch in self._store.batches(0) for payload in batch.payloads]

    def _go_by(self, found: list[bytes], owner: Owner) -> None:
        missing = [number for number in self._acknowledged if number <= owner.last and number > len(found)]
        assert not missing, f"{self.name} owns the journal, and does not know of records {missing}"
        self._owned = Owned(self._store, owner, SECRET, LEASE_MS, self.clock)

    def append(self, random: Random) -> None:
        """A batch, as the writer does: what goes wrong ends it, and the next one claims first."""
        owned = self._owned
        if owned is None:
            return
        self._made += 1
        payloads = [f"{self.name}.{self._made}.{number}".encode() for number in range(random.randint(1, 3))]
        first = owned.last + 1
        try:
            owned.append(payloads)
        except FencedError:
            self._owned = None
        except StoreError:
            self._owned = self._claim_again(first - 1, payloads)
        else:
            self._told(first, payloads)

    def _claim_again(self, after: int, payloads: list[bytes]) -> Owned | None:
        self.wake()
        try:
            owned, known = reclaimed(self._store, self.name, LEASE_MS, SECRET, after, self.clock)
        except StoreError:
            return None
        if known:
            assert known == payloads, "what is there beyond is what this node had under way"
            self._told(after + 1, payloads)
        return owned

    def _told(self, first: int, payloads: list[bytes]) -> None:
        for number, payload in enumerate(payloads, first):
            self._acknowledged[number] = payload


class Standby(Copy):
    """A third node, that follows; its segments are a list."""

    def __init__(self, database: Database, kind: type[MemoryStore]) -> None:
        self.held: list[bytes] = []
        super().__init__(OwnEnd(home=HOME, last=0, chain=GENESIS), lambda _, payloads: self.held.extend(payloads))
        self._store = kind(database)

    def look(self, *, last: bool = False) -> None:
        """Take what is there, if that can be; at the `last` it must, all of it: nothing of what it has was taken back."""
        with nullcontext() if last else suppress(StoreError):
            while self.follow(self._store, Claim("c", "c", b"", LEASE_MS)):
                pass

    def _add(self, page: list[Batch]) -> int:
        for batch in page:
            self._put(batch.first, batch.payloads)
        self.last = batch.last
        self._known = batch.last, batch.chain
        return len(page)


def play(
    seed: int, kind: type[MemoryStore] = MemoryStore, node: type[Node] = Node
) -> tuple[Database, dict[int, bytes]]:
    """Some hundred steps of two nodes. What the third has is, of all that it says it has, acknowledged, too."""
    random = Random(seed)
    database = Database(random, faults=0.15)
    acknowledged: dict[int, bytes] = {}
    nodes = [node(name, database, acknowledged, kind) for name in ("a", "b")]
    for one, other in (nodes, nodes[::-1]):
        one.between = partial(other.append, random)
    standby = Standby(database, kind)
    for _ in range(120):
        database.now_ms += random.choice((1, 10, 100, 600, 1_500))
        if random.random() < 0.3:
            standby.look()
        one = random.choice(nodes)
        step = random.random()
        if step < 0.2:
            one.take()
        elif step < 0.95:
            if random.random() < 0.7:
                one.wake()
            one.append(random)
        else:
            database.lose_primary()
    database.faults = 0.0
    standby.look(last=True)
    assert len(standby.held) == sum(len(batch.payloads) for batch in database.log)
    for number, payload in enumerate(standby.held, 1):
        assert acknowledged.setdefault(number, payload) == payload, f"record {number} is another one where it was read"
    return database, acknowledged


def check(database: Database, acknowledged: dict[int, bytes]) -> None:
    """The books of nobody who took part."""
    log: list[bytes] = []
    chain, epoch = GENESIS, 0
    for batch in database.log:
        assert batch.first == len(log) + 1, "records follow each other"
        chain = chain_of(chain, batch.first, batch.payloads, SECRET)
        assert batch.chain == chain, "the chain is whole"
        assert batch.epoch >= epoch, "epochs rise"
        epoch = batch.epoch
        log += batch.payloads
    for number, payload in acknowledged.items():
        assert number <= len(log), f"record {number} was acknowledged and is gone"
        assert log[number - 1] == payload, f"record {number} was acknowledged and is another one"
    assert len(set(log)) == len(log), "no record is there twice"


def test_whatever_goes_wrong_what_was_acknowledged_is_there_once() -> None:
    told = 0
    for seed in SEEDS:
        database, acknowledged = play(seed)
        check(database, acknowledged)
        told += len(acknowledged)
    assert told > 2_000, "nodes did append"


class NoEpochTest(MemoryStore):
    tests_epoch = False


class WarningIgnored(MemoryStore):
    heeds_warnings = False


class NoMark(MemoryStore):
    marks = False


class ReadBeforeClaim(Node):
    def take(self) -> None:
        """As it should not be."""
        found = self._read()
        self.between()
        self._db.now_ms += LEASE_MS + 1
        owner = self._claim()
        if owner is not None:
            self._go_by(found, owner)


class TwoInFlight(Node):
    """Sends the next batch before it knows what became of the one before."""

    def append(self, random: Random) -> None:
        owned = self._owned
        if owned is None:
            return
        last, chain = owned.last, owned._chain
        super().append(random)
        owned.last, owned._chain = last, chain
        super().append(random)


class NoLastTest(MemoryStore):
    tests_last = False


@pytest.mark.parametrize(
    ("kind", "node"),
    [
        (NoEpochTest, Node),
        (WarningIgnored, Node),
        (MemoryStore, ReadBeforeClaim),
        (NoLastTest, TwoInFlight),
        (NoMark, Node),
    ],
    ids=["no epoch test", "warning ignored", "read before claim", "two in flight", "written before it is replicated"],
)
def test_a_mutant_is_found(kind: type[MemoryStore], node: type[Node]) -> None:
    def found() -> bool:
        for seed in SEEDS:
            try:
                check(*play(seed, kind, node))
            except (AssertionError, StoreError):
                return True
        return False

    assert found()
