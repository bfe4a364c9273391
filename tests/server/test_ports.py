"""The wall clock beside Trio's: one offset, that moves when somebody sets the clock and at no other time."""

from collections.abc import Callable, Iterator

from switch.server.ports import WALL_SET_NS, wall_offset


def reading(*values: int) -> Callable[[], int]:
    left: Iterator[int] = iter(values)
    return lambda: next(left)


def test_the_measurement_that_was_held_up_least_counts() -> None:
    clock = reading(0, 900_000, 1_000_000, 1_500_000, 2_000_000, 2_001_000)
    wall = reading(5_000_000, 6_400_000, 7_000_500)
    assert wall_offset(None, wall, clock) == 5_000_500


def test_where_every_measurement_is_held_up_the_best_of_five_counts() -> None:
    clock = reading(*(at for start in range(5) for at in (start * 1_000_000, start * 1_000_000 + 100_000 - start)))
    assert wall_offset(None, reading(*(9_000_000 + n * 1_000_000 for n in range(5))), clock) == 9_000_000


def test_an_offset_stays_while_nobody_set_the_clock() -> None:
    assert wall_offset(5_000_000, reading(5_999_000), reading(0, 1_000)) == 5_000_000


def test_an_offset_follows_a_clock_that_was_set() -> None:
    assert wall_offset(5_000_000, reading(3_000_000), reading(0, 1_000)) == 3_000_000
    assert wall_offset(0, reading(WALL_SET_NS + 1_000), reading(0, 1_000)) == WALL_SET_NS + 1_000
