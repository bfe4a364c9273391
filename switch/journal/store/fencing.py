"""The one rule by which an owner appends: one batch at a time, and durable only if the database says so of the owner's own epoch.

In: batches of records. Out: they are durable, or an exception that ends the process that owns them. Knows no database: `Store` is
what it asks. There is no second try here: whatever goes wrong leaves the outcome unknown, and the next process to claim the
journal sees what became of it.
"""

from collections.abc import Callable, Sequence

from switch.journal.store.port import Batch, FencedError, Owner, Store, StoreError, chain_of


class Owned:
    """A journal that this process owns. Raises StoreError, and FencedError where it is another's by now."""

    def __init__(self, store: Store, owner: Owner, secret: bytes, lease_ms: int, clock: Callable[[], float]) -> None:
        """`owner`: as claiming has returned it. `secret`: of the chain. `clock`: seconds, that go on while a machine sleeps."""
        self._store, self._secret, self._lease_ms, self._clock = store, secret, lease_ms, clock
        self._epoch, self._chain = owner.epoch, owner.chain
        self.last = owner.last
        self._renewed_s = clock()

    def append(self, payloads: Sequence[bytes], *, snapshot: bool = False) -> None:
        """Make the next records durable. `snapshot`: they are one snapshot."""
        first = self.last + 1
        chain = chain_of(self._chain, first, payloads, self._secret)
        asked_s = self._check_lease()
        if not self._store.append(Batch(first, payloads, chain, self._epoch, snapshot), self.last, self._lease_ms):
            raise self._why_not()
        self.last, self._chain, self._renewed_s = first + len(payloads) - 1, chain, asked_s

    def renew(self) -> None:
        """Keep the lease where nothing is appended."""
        asked_s = self._check_lease()
        if not self._store.renew(self._epoch, self._lease_ms):
            raise self._why_not()
        self._renewed_s = asked_s

    @property
    def renew_in_s(self) -> float:
        """Seconds until the lease is to be renewed."""
        return max(0.0, self._renewed_s + self._lease_ms / 3000 - self._clock())

    def release(self) -> None:
        """Leave it to whoever claims it."""
        self._store.release(self._epoch)

    def _check_lease(self) -> float:
        """Now. StoreError: the lease has run out unnoticed, as after a pause, so that another may own the journal."""
        now_s = self._clock()
        if now_s - self._renewed_s > self._lease_ms / 1000:
            raise StoreError(
                f"the lease of {self._lease_ms} ms ran out {now_s - self._renewed_s:.1f} s after it was renewed"
            )
        return now_s

    def _why_not(self) -> StoreError:
        """Why the database did nothing."""
        owner = self._store.look()
        if owner is None:
            return FencedError("the journal's owner is gone from the database")
        if owner.epoch != self._epoch:
            return FencedError(
                f"node {owner.node} owns the journal since epoch {owner.epoch}; this process had {self._epoch}"
            )
        if owner.last != self.last:
            return StoreError(f"the database ends at record {owner.last}, and {self.last} was appended last")
        return unsafe_now(self._store)


def unsafe_now(store: Store) -> StoreError:
    """Why it refuses its owner: how it is set up by now."""
    why = "; ".join(store.unsafe()) or "it was so for a moment, and is as it must be again"
    return StoreError(f"the journal's database is not safe: {why}")
