"""Ports that are free: of those who look for some at once, each finds its own."""

from itertools import pairwise
from pathlib import Path

import pytest

from switch import loopback
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


@pytest.mark.parametrize(
    "says", ["1024\t65535\n", "10000\t65535\n", "", None], ids=["nearly all", "all of ours", "nothing", "no file"]
)
def test_a_machine_that_gives_nearly_all_ports_or_does_not_say_has_some_all_the_same(
    says: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many a server is tuned to `net.ipv4.ip_local_port_range = 1024 65535`; containers of others hide /proc/sys."""
    if says is not None:
        (tmp_path / "range").write_text(says)
    monkeypatch.setattr(loopback, "_RANGE", tmp_path / "range")
    monkeypatch.delenv(PORTS, raising=False)
    assert {10_000 <= port < 32_768 for port in free_ports(5)} == {True}
    monkeypatch.setenv(PORTS, part_of_ports(2, 3))
    assert len(free_ports(5)) == 5
