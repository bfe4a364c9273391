"""A database as a journal sees it, in memory: a primary, what is on a standby, and all that can go wrong between the two.

What is appended is on the primary at once and on the standby when the commit returns. A commit may return with a warning and be
on no standby; its answer may be lost, having happened or not; the primary may be lost, and with it what no standby has.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from random import Random

from switch.journal.store.port import Batch, Claim, Owner, StoreError


class Fate(Enum):
    """Of a commit."""

    DONE = "done"
    WARNED = "committed, and on no standby"
    UNANSWERED = "done, and nobody is told"
    LOST = "never done, and nobody is told"


class Database:
    """One journal: its owner's row and its batches, as the primary and as the standby has them."""

    def __init__(self, random: Random, faults: float = 0.0) -> None:
        """`faults`: share of commits that do not simply return."""
        self.random, self.faults = random, faults
        self.now_ms = 0
        self.off_ms = 0
        """its clock is so far from everybody else's"""
        self.owner: Owner | None = None
        self.until_ms = -1
        self.log: list[Batch] = []
        self._replicated: tuple[Owner | None, int, list[Batch]] = (None, -1, [])

    @property
    def clock_ms(self) -> int:
        """What time its machine thinks it is."""
        return self.now_ms + self.off_ms

    def commit(self) -> Fate:
        """What was changed is committed: how that goes."""
        fate = self.random.choice(list(Fate)[1:]) if self.random.random() < self.faults else Fate.DONE
        if fate in (Fate.DONE, Fate.UNANSWERED):
            self._replicated = (self.owner, self.until_ms, [*self.log])
        return fate

    def lose_primary(self) -> None:
        """The standby is promoted."""
        self.owner, self.until_ms, log = self._replicated
        self.log = [*log]


class MemoryStore:
    """See Store."""

    tests_epoch = tests_last = heeds_warnings = marks = True
    """what a mutant leaves out"""

    def __init__(self, database: Database) -> None:
        self.database = self._db = database

    def _commit(self, before: tuple[Owner | None, int, int]) -> None:
        """Raises StoreError where the outcome is not known."""
        db = self._db
        fate = db.commit()
        if fate is Fate.LOST:
            db.owner, db.until_ms, length = before
            del db.log[length:]
        if fate is Fate.DONE or (fate is Fate.WARNED and not self.heeds_warnings):
            return
        raise StoreError(fate.value)

    def _before(self) -> tuple[Owner | None, int, int]:
        return self._db.owner, self._db.until_ms, len(self._db.log)

    def claim(self, claim: Claim) -> Owner | None:
        """See Store."""
        db, before = self._db, self._before()
        there = db.owner or Owner("", "", 0, 0, check=claim.check)
        if db.until_ms >= db.clock_ms and there.node != claim.node and claim.unmoved != str(db.until_ms):
            return None
        db.owner = there._replace(node=claim.node, holder=claim.holder, epoch=there.epoch + 1)
        db.until_ms = db.clock_ms + claim.lease_ms
        self._commit(before)
        return db.owner

    def reclaim(self, holder: str, lease_ms: int) -> Owner | None:
        """See Store."""
        db, before = self._db, self._before()
        if db.owner is None or db.owner.holder != holder:
            return None
        db.owner = db.owner._replace(epoch=db.owner.epoch + 1)
        db.until_ms = db.clock_ms + lease_ms
        self._commit(before)
        return db.owner

    def mark(self, claim: Claim, last: int, chain: bytes) -> bool:
        """See Store."""
        if self.marks:
            self._commit(self._before())
        return True

    def append(self, batch: Batch, after: int, lease_ms: int) -> bool:
        """See Store."""
        db, before = self._db, self._before()
        owner = db.owner
        if (
            owner is None
            or (self.tests_epoch and owner.epoch != batch.epoch)
            or (self.tests_last and owner.last != after)
        ):
            return False
        db.owner = owner._replace(last=batch.last, chain=batch.chain)
        db.until_ms = db.clock_ms + lease_ms
        db.log.append(batch)
        self._commit(before)
        return True

    def renew(self, epoch: int, lease_ms: int) -> bool:
        """See Store."""
        db, before = self._db, self._before()
        if db.owner is None or db.owner.epoch != epoch:
            return False
        db.until_ms = db.clock_ms + lease_ms
        self._commit(before)
        return True

    def begin_at(self, epoch: int, last: int) -> None:
        """See Store."""
        if self._db.owner is not None and self._db.owner.epoch == epoch:
            self._db.owner = self._db.owner._replace(last=last)

    @contextmanager
    def together(self) -> Iterator[None]:
        """See Store."""
        yield

    def release(self, epoch: int) -> None:
        """See Store."""
        if self._db.owner is not None and self._db.owner.epoch == epoch:
            self._db.until_ms = -1

    def look(self) -> Owner | None:
        """See Store."""
        owner = self._db.owner
        return owner._replace(until=str(self._db.until_ms)) if owner is not None else None

    def unsafe(self) -> list[str]:
        """See Store."""
        return []

    def snapshot_before(self, record: int) -> int:
        """See Store."""
        return max((batch.first for batch in self._db.log if batch.snapshot and batch.first <= record), default=0)

    def batches(self, after: int) -> Iterator[Batch]:
        """See Store."""
        yield from [batch for batch in self._db.log if batch.last > after]

    def close(self) -> None:
        """See Store."""
