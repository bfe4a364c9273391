"""The limit of open files, raised as far as it may be."""

import resource

import pytest

from switch.server.serving import SPARE_FILES, raise_open_files


class Rlimit:
    """Stands in for the process's own limit."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, soft: int, hard: int) -> None:
        self.now = (soft, hard)
        monkeypatch.setattr(resource, "getrlimit", lambda _: self.now)
        monkeypatch.setattr(resource, "setrlimit", self.set)

    def set(self, _: int, limits: tuple[int, int]) -> None:
        self.now = limits


def test_the_soft_limit_is_raised_to_the_hard_one(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = Rlimit(monkeypatch, 1_024, 20_000)
    assert raise_open_files(12_000) is None
    assert limit.now == (20_000, 20_000)


def test_a_hard_limit_below_the_connections_is_told_with_both_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = Rlimit(monkeypatch, 1_024, 4_096)
    event = raise_open_files(12_000)
    assert event is not None
    assert (event.level, event.event) == ("warning", "limit.open_files")
    assert (event.fields["value"], event.fields["needed"]) == (4_096, 12_000 + SPARE_FILES)
    assert "ulimit -Hn" in event.fields["hint"]
    assert "[limits]" in event.fields["hint"]
    assert limit.now == (4_096, 4_096), "as far as it may be, all the same"


def test_no_hard_limit_is_enough_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    Rlimit(monkeypatch, 1_024, resource.RLIM_INFINITY)
    assert raise_open_files(200_000) is None
