"""What runs beside payments fails without ending them, and begins again."""

from itertools import pairwise

import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock

from switch.core.party import Log
from switch.server.beside import REST_MAX_S, contained, keep_running


def test_an_error_of_the_body_is_told_and_ends_there() -> None:
    told: list[Log] = []
    with contained("following a signal", told.append):
        raise FileNotFoundError(2, "No such file or directory")
    (event,) = told
    assert (event.level, event.event) == ("error", "switch.defect")
    assert event.fields["doing"] == "following a signal"
    assert "FileNotFoundError in" in event.fields["error"]
    assert "report" in event.fields, "which goes into a file of its own"


async def test_a_task_that_fails_begins_again_after_rests_that_grow(autojump_clock: MockClock) -> None:
    began: list[float] = []
    told: list[Log] = []

    async def work() -> None:
        began.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        if len(began) < 10:
            raise ValueError("nobody foresaw it")

    await keep_running(work, "working", told.append)
    assert len(told) == 9, "one event a failure, and none for its end"
    gaps = [after - before for before, after in pairwise(began)]
    assert gaps == [1, 2, 4, 8, 16, 32, REST_MAX_S, REST_MAX_S, REST_MAX_S]


async def test_one_that_ran_for_long_begins_again_soon(autojump_clock: MockClock) -> None:
    began: list[float] = []

    async def work() -> None:
        began.append(trio.current_time())
        if len(began) == 4:
            await trio.sleep(100)
        if len(began) < 6:
            raise ValueError("nobody foresaw it")

    await keep_running(work, "working", lambda _: None)
    assert began == [0, 1, 3, 7, 108, 110]


async def test_cancellation_is_no_error(autojump_clock: MockClock) -> None:
    told: list[Log] = []
    with trio.move_on_after(5) as scope:
        await keep_running(trio.sleep_forever, "sleeping", told.append)
    assert scope.cancelled_caught
    assert not told


async def test_a_group_of_errors_is_told_as_one(autojump_clock: MockClock) -> None:
    told: list[Log] = []

    async def fail() -> None:
        raise KeyError("x")

    async def work() -> None:
        if not told:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fail)
                nursery.start_soon(fail)

    await keep_running(work, "working in a nursery", told.append)
    assert [event.fields["doing"] for event in told] == ["working in a nursery"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_process_ends_it(error: type[BaseException]) -> None:
    with pytest.raises(error), contained("anything", lambda _: None):
        raise error
