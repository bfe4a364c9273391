"""Days full of faults that begin just before a date without a year is hardest to read: they end in agreement as any other day."""

from datetime import UTC, datetime

import pytest

from switch.sim import nodes
from switch.sim.cast import Cast
from switch.sim.world import World

BEGINS = {
    "new year, UTC": datetime(2025, 12, 31, 23, 59, 40, tzinfo=UTC),
    "new year where the terminals are": datetime(2025, 12, 31, 22, 59, 40, tzinfo=UTC),
    "into 29 February": datetime(2028, 2, 28, 23, 59, 40, tzinfo=UTC),
    "out of 29 February": datetime(2028, 2, 29, 23, 59, 40, tzinfo=UTC),
    "no 29 February": datetime(2027, 2, 28, 23, 59, 40, tzinfo=UTC),
    "half a year from both ends": datetime(2026, 6, 30, 23, 59, 40, tzinfo=UTC),
}


@pytest.mark.parametrize("begins", BEGINS.values(), ids=BEGINS)
@pytest.mark.parametrize("seed", [3, 9])
def test_a_day_over_a_turn_of_the_calendar_loses_and_doubles_nothing(
    seed: int, begins: datetime, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "EPOCH_NS", round(begins.timestamp()) * 1_000_000_000)
    day = World(cast, seed, 250).run()
    assert day.failures == ()
    assert day.approved > 100
