"""Many days on all cores, and one failing day told in full."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from tempfile import gettempdir
from typing import Final

import msgspec

from switch.children import end_with_parent
from switch.core.network import Network
from switch.sim.cast import Cast
from switch.sim.faults import Fault
from switch.sim.shrink import Small, shrink
from switch.sim.story import story
from switch.sim.world import Day, World

_PATH_BYTES_MAX: Final = 70
"""of a directory in which multiprocessing makes `/pymp-xxxxxxxx/listener-xxxxxxxx`"""


def _some_days(network: Network, seeds: tuple[int, ...], transactions: int, minds: bool) -> list[Day]:
    cast = Cast(network, minds=minds)
    return [World(cast, seed, transactions).run() for seed in seeds]


def days(network: Network, seeds: range, transactions: int, jobs: int, *, minds: bool = False) -> Iterator[Day]:
    """Each seed's day, over `jobs` processes, in the order of the seeds. `minds`: hosts think otherwise (`Cast`)."""
    if jobs <= 1:
        cast = Cast(network, minds=minds)
        for seed in seeds:
            yield World(cast, seed, transactions).run()
        return
    size = max(1, min(8, len(seeds) // (4 * jobs)))
    batches = [tuple(seeds[n : n + size]) for n in range(0, len(seeds), size)]
    with ProcessPoolExecutor(jobs, mp_context=get_context(_method()), initializer=end_with_parent) as pool:
        waiting = [pool.submit(_some_days, network, batch, transactions, minds) for batch in batches]
        try:
            for future in waiting:
                yield from future.result()
        except GeneratorExit:
            pool.shutdown(cancel_futures=True)
            raise


def _method() -> str:
    """How processes are begun: by one that has forked nothing else, which they ask on a socket in the directory for temporary
    files; where that directory's path leaves no room for a socket's address (108 bytes), each by itself, which takes longer."""
    return "forkserver" if len(os.fsencode(gettempdir())) <= _PATH_BYTES_MAX else "spawn"


class Sum(msgspec.Struct):
    """What many days came to, added up."""

    seeds: int = 0
    transactions: int = 0
    approved: int = 0
    declined: int = 0
    reversed: int = 0
    faults: int = 0
    crashes: int = 0
    virtual_s: float = 0.0
    failed: list[int] = []
    """seeds"""
    began: float = msgspec.field(default_factory=time.perf_counter)

    def add(self, day: Day) -> None:
        """Add what a day came to."""
        self.seeds += 1
        for name in ("transactions", "approved", "declined", "reversed", "faults", "crashes", "virtual_s"):
            setattr(self, name, getattr(self, name) + getattr(day, name))
        if day.failures:
            self.failed.append(day.seed)

    @property
    def took_s(self) -> float:
        """Real seconds since the sum was begun."""
        return time.perf_counter() - self.began

    @property
    def per_second(self) -> float:
        """Simulated payments a second of real time."""
        return self.transactions / max(self.took_s, 1e-9)

    def data(self) -> dict[str, object]:
        """For JSON."""
        return {
            "seeds": self.seeds, "transactions": self.transactions, "approved": self.approved, "declined": self.declined,
            "reversed": self.reversed, "faults": self.faults, "crashes": self.crashes, "virtual_s": round(self.virtual_s, 1),
            "took_s": round(self.took_s, 2), "per_second": round(self.per_second), "failed": self.failed,
        }  # fmt: skip


def tell_day(
    cast: Cast, seed: int, transactions: int, faults: tuple[Fault, ...] | None = None, payments: int | None = None
) -> tuple[Day, str]:
    """A day run with its hops kept, and its story."""
    world = World(cast, seed, transactions, faults, payments)
    world.switch.hops, world.switch.logs = [], []
    day = world.run()
    return day, story(world)


def smallest(network: Network, seed: int, transactions: int, *, minds: bool = False) -> tuple[Small, str]:
    """A failing day cut down, and the story of what is left."""
    cast = Cast(network, minds=minds)
    small = shrink(cast, seed, transactions)
    _, text = tell_day(cast, seed, transactions, small.faults, small.payments)
    return small, text
