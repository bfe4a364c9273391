"""A process that stands still for longer than every time-out, in virtual time."""

from typing import Any

import pytest

from switch.sim.cast import Cast
from switch.sim.faults import Fault, Kind
from switch.sim.nodes import Node
from switch.sim.world import Day, World
from tests.sim.storms import SLOW_HOSTS

GIVEN_UP = ("answer.missing", "link.half_open")


def frozen(cast: Cast, name: str = "switch") -> Day:
    """Slow hosts, and 35 s of standing still while payments are made: longer than any time-out, and than echoes' interval."""
    return World(cast, 3, 300, (Fault(2_000, Kind.FREEZE, name, 35_000),), climate=SLOW_HOSTS).run()


def test_a_switch_that_stood_still_takes_no_answer_for_late_and_no_link_for_dead(cast: Cast) -> None:
    day = frozen(cast)
    assert day.failures == ()
    assert day.virtual_s > 37
    assert [day.events.get(event, 0) for event in GIVEN_UP] == [0, 0], day.events


def test_it_would_if_it_looked_at_deadlines_first(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(node: Any, thaw: Any = Node.thaw) -> None:
        node.party.tick(node.clock.now)
        thaw(node)

    monkeypatch.setattr(Node, "thaw", hasty)
    day = frozen(cast)
    assert day.failures == (), "money is right all the same: what was given up is reversed"
    assert day.events["answer.missing"] > 0


@pytest.mark.parametrize("name", ["atlas", "visa"])
def test_a_host_that_stood_still_is_reversed_and_signs_on_again(cast: Cast, name: str) -> None:
    day = frozen(cast, name)
    assert day.failures == ()
    assert day.events["answer.missing"] > 0
