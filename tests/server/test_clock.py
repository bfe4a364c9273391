"""A wall clock that somebody sets: the driver says so, once, and by how much."""

import pytest
import trio
from trio.testing import MockClock

from switch.core.network import Address
from switch.core.party import Log
from switch.server import driver as driver_module
from switch.server.driving import driving
from tests.server.parties import Notes, Scripted

SECOND = 1_000_000_000


@pytest.fixture
def clock() -> MockClock:
    return MockClock(autojump_threshold=0.02)


@pytest.mark.parametrize(
    ("moved_ns", "said"), [(7_200 * SECOND, [7_200_000]), (-3 * SECOND, [-3_000]), (SECOND // 2, [])]
)
async def test_a_jump_of_the_wall_clock_is_said(
    clock: MockClock, monkeypatch: pytest.MonkeyPatch, moved_ns: int, said: list[int]
) -> None:
    offset = 1_764_072_000 * SECOND
    monkeypatch.setattr(driver_module, "wall_offset", lambda _=None: offset)
    party, notes = Scripted(), Notes()
    async with driving(party, sinks=notes.sinks(), listen=[("peers", Address("127.0.0.1", 0))]) as driver:
        for moved in (0, moved_ns, 0):
            offset += moved
            await trio.sleep(1.5)
            driver.tell(Log("info", "something.happened", {}))
    assert [log.fields["by_ms"] for log in notes.named("clock.jumped")] == said
    assert party.wall_offset_ns == offset
