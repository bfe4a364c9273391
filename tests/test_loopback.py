"""Ports that are free: of those who look for some at once, each finds its own."""

from itertools import pairwise

import pytest

from switch.loopback import PORTS, free_ports, given_by_the_system, part_of_ports


def test_parts_lie_side_by_side_below_the_ports_that_the_system_gives() -> None:
    parts = [[int(port) for port in part_of_ports(number, 3).split("-")] for number in range(3)]
    assert all(before[1] + 1 == after[0] for before, after in pairwise(parts))
    assert parts[0][0] >= 1_024
    assert parts[-1][1] < given_by_the_system()


def test_ports_are_taken_of_the_part_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PORTS, part_of_ports(2, 900))
    first, last = map(int, part_of_ports(2, 900).split("-"))
    assert {first <= port <= last for port in free_ports(10)} == {True}
