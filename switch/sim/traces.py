"""Trace hashes of whole days: whether a change has left behaviour as it was, to the byte. `python -m switch.sim.traces --help`.

Run it before and after a change of structure and compare what it prints: equal lines are equal days.
"""

import argparse
from collections.abc import Iterator
from typing import Final

from switch.config.load import SHIPPED, parse_network
from switch.sim.cast import Cast
from switch.sim.trace import HashTrace
from switch.sim.world import World

NETWORK: Final = SHIPPED / "morocco.toml"


def traces(seeds: range, transactions: int) -> Iterator[tuple[int, str, int]]:
    """Each seed with its day's digest and how many effects it stands for.

    Declines and limits say where in the network file something stands. Here they name it without its directory, so that a day is
    the same wherever a checkout lies and from wherever it is run.
    """
    cast = Cast(parse_network(NETWORK.read_text(encoding="utf-8"), NETWORK.name))
    for seed in seeds:
        trace = HashTrace()
        World(cast, seed, transactions, trace=trace).run()
        yield seed, trace.digest(), trace.effects


def main() -> None:
    """Print a line a seed: seed, digest, effects."""
    parser = argparse.ArgumentParser(prog="tools/traces", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="how many days (default 10)")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--transactions", type=int, default=300, help="payments a day (default 300)")
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    for seed, digest, effects in traces(seeds, options.transactions):
        print(seed, digest, effects, flush=True)  # noqa: T201 - a command


if __name__ == "__main__":
    main()
