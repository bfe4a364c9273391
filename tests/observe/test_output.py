"""A line that a crash cut short stays a line of its own, whoever put the file at the log's path."""

import pathlib

import pytest

from switch.core.party import Log
from switch.observe.hoplog import HopLog
from tests.observe.test_hoplog import WALL_NS, Clock, clock

__all__ = ["clock"]


@pytest.mark.parametrize("said", [False, True], ids=["found out", "said"])
def test_a_file_put_in_the_logs_place_keeps_its_torn_last_line_apart(
    tmp_path: pathlib.Path, clock: Clock, said: bool
) -> None:
    path = tmp_path / "hops.jsonl"
    log = HopLog(path)
    path.unlink()
    path.write_bytes(b'{"torn')
    if said:
        log.reopen()
    clock.now += 1.1
    for number in (1, 2):
        log.log(Log("info", "n", {"n": number}), WALL_NS)
        log.flush()
    log.close()
    torn, *rest = path.read_bytes().splitlines()
    assert torn == b'{"torn'
    assert [b'"n":1' in rest[0], b'"n":2' in rest[1], len(rest)] == [True, True, 2]
