"""A failing day made small: the fewest faults, then the fewest payments, with which something still fails.

In: a cast and a day that failed. Out: a schedule and a number of payments that fail, too. Delta debugging (Zeller, Hildebrandt
2002): leave out halves, then quarters, then single faults. What fails then need not be what failed first.
"""

import msgspec

from switch.sim.cast import Cast
from switch.sim.faults import Fault
from switch.sim.world import World

RUNS_MAX = 120


class Small(msgspec.Struct, frozen=True):
    """What is left."""

    kept: tuple[int, ...]
    """numbers of the faults, in the schedule of the seed"""
    faults: tuple[Fault, ...]
    payments: int
    runs: int
    """days that were run to find it"""


def shrink(cast: Cast, seed: int, transactions: int, runs_max: int = RUNS_MAX) -> Small:
    """The smallest failing day found within `runs_max` runs."""
    search = _Search(cast, seed, transactions, runs_max)
    everything = search.schedule
    kept, payments = search.fewest(tuple(range(len(everything))), transactions), transactions
    while (fewer := search.fewer_payments(kept, payments)) is not None:
        payments = fewer
        kept = search.fewest(kept, payments)
    return Small(kept, tuple(everything[n] for n in kept), payments, search.runs)


class _Search:
    def __init__(self, cast: Cast, seed: int, transactions: int, runs_max: int) -> None:
        self._cast, self._seed, self._transactions = cast, seed, transactions
        self._runs_max = runs_max
        self.schedule = World(cast, seed, transactions).faults
        self.runs = 0

    def _fails(self, kept: tuple[int, ...], payments: int) -> bool:
        if self.runs >= self._runs_max:
            return False
        self.runs += 1
        faults = tuple(self.schedule[n] for n in kept)
        return bool(World(self._cast, self._seed, self._transactions, faults, payments).run().failures)

    def fewest(self, kept: tuple[int, ...], payments: int) -> tuple[int, ...]:
        """Leave out what may be left out: halves first, then smaller parts."""
        if kept and self._fails((), payments):
            return ()
        parts = 2
        while len(kept) > 1:
            size = -(-len(kept) // parts)
            for start in range(0, len(kept), size):
                fewer = kept[:start] + kept[start + size :]
                if self._fails(fewer, payments):
                    kept, parts = fewer, max(2, parts - 1)
                    break
            else:
                if size == 1:
                    break
                parts = min(len(kept), parts * 2)
        return kept

    def fewer_payments(self, kept: tuple[int, ...], payments: int) -> int | None:
        """A smaller number that fails; None: none of those tried does."""
        for fewer in (payments // 4, payments // 2, payments * 3 // 4):
            if 0 < fewer < payments and self._fails(kept, fewer):
                return fewer
        return None
