"""Days on which the switch has mistakes of its own: errors nobody foresaw, at random places of what deals with messages."""

from random import Random

import pytest

from switch.sim.cast import Cast
from switch.sim.faults import defects
from switch.sim.world import World


@pytest.mark.parametrize("seed", range(1, 9))
def test_whatever_errors_the_switch_has_all_books_agree(seed: int, cast: Cast) -> None:
    world = World(cast, seed, 300)
    planted = defects(Random(f"{seed} defects"), world.span, 40)
    world.faults = tuple(sorted((*world.faults, *planted), key=lambda fault: fault.at_ms))
    day = world.run()
    assert day.failures == ()
    assert world.events["switch.defect"] or world.switch.events["switch.defect"] > 3, "they came about"
