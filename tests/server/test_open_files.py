"""The limit of open files, raised as far as it may be; what the switch needs for itself is no connection's."""

import resource

import msgspec
import pytest

from switch.config import load_network
from switch.core.limits import Limits
from switch.core.network import Network
from switch.server.connections import ListenError
from switch.server.open_files import SPARE_FILES, raise_open_files

MOROCCO = load_network("morocco")
RESERVED = SPARE_FILES + len(MOROCCO.listeners)


def allowing(connections: int) -> Network:
    return msgspec.structs.replace(MOROCCO, limits=Limits(connections=connections))


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
    files = raise_open_files(allowing(12_000))
    assert (files.connections_max, files.too_few) == (12_000, None)
    assert limit.now == (20_000, 20_000)


def test_a_hard_limit_below_the_connections_bounds_them_and_is_told_with_both_ways_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit = Rlimit(monkeypatch, 1_024, 4_096)
    files = raise_open_files(allowing(12_000))
    event = files.too_few
    assert event is not None
    assert files.connections_max == 4_096 - RESERVED
    assert (event.level, event.event) == ("warning", "limit.open_files")
    assert (event.fields["value"], event.fields["needed"]) == (4_096, 12_000 + RESERVED)
    assert "ulimit -Hn" in event.fields["hint"]
    assert "[limits]" in event.fields["hint"]
    assert limit.now == (4_096, 4_096), "as far as it may be, all the same"


def test_no_hard_limit_is_enough_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    Rlimit(monkeypatch, 1_024, resource.RLIM_INFINITY)
    assert raise_open_files(allowing(200_000)).connections_max == 200_000


def test_too_few_even_for_the_hosts_is_refused_with_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    Rlimit(monkeypatch, 64, 64)
    with pytest.raises(ListenError, match=r"64 open files are too few: the switch needs .* for itself and 5 for"):
        raise_open_files(allowing(12_000))
