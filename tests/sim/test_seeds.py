"""Days that failed once, and what each showed. A day keeps its schedule as long as the generator of faults stays as it is;
what it showed is kept for good as a playbook in tests/core/test_between_faults.py.
"""

import pytest

from switch.sim.cast import Cast
from switch.sim.world import World

SEEDS = (
    (17, 400, "a reversal refused for a full queue was refused for ever, each repeat being answered as the first"),
    (26, 200, "a repeat of what a crash had made forgotten was declined, and its first copy stood at the issuer"),
    (
        49,
        400,
        "the reversal of what could never have been approved was refused, and the acquirer did not know what stood",
    ),
    (
        72,
        400,
        "a network that signed off and on again on one connection was taken for signed off, and its reversals refused",
    ),
    (40229, 1_000, "the same as 26, unseen because the switch's clock had jumped back behind the acquirer's"),
)


@pytest.mark.parametrize(("seed", "transactions", "showed"), SEEDS, ids=[f"{seed}-{count}" for seed, count, _ in SEEDS])
def test_what_failed_once_holds(seed: int, transactions: int, showed: str, cast: Cast) -> None:
    assert World(cast, seed, transactions).run().failures == (), showed
