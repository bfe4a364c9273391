"""The hop log: what a line looks like, what a processor may do, and that the switch never waits for it."""

import errno
import io
import json
import os
import pathlib
import stat
import time
from typing import Any

import msgspec
import pytest
import structlog
from structlog.typing import EventDict

from switch.core.party import Hop, Log
from switch.observe import output
from switch.observe.hoplog import BATCH_EVENTS, HopLog
from switch.observe.lines import HopLine

WALL_NS = 1_700_000_000_123_456_789
SENT = Hop(
    event="hop.sent",
    txn=0x64A1F3B2C3D4E,
    link="acquirers#17",
    mti="0210",
    stan="123456",
    rrn="412345678901",
    pan="950401******1234",
    amount=12345,
    currency="504",
    route="domestic",
    de39="00",
    cost=7,
    at_ns=1_000_123_999,
    first_ns=1_000_000_000,
    note="why",
)


def lines(path: pathlib.Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "deep" / "hops.jsonl"


def test_a_hop_is_one_line_with_every_key_in_order(path: pathlib.Path) -> None:
    log = HopLog(path)
    log.hop(SENT, SENT.at_ns, WALL_NS)
    log.close()
    (line,) = lines(path)
    assert tuple(line) == HopLine.__struct_fields__
    assert line == {
        "at": "2023-11-14T22:13:20.123456Z", "event": "hop.sent", "txn": "64a1f3b2c3d4e", "link": "acquirers#17",
        "direction": "sent", "mti": "0210", "stan": "123456", "rrn": "412345678901",
        "pan": "950401******1234", "amount": 12345, "currency": "MAD",
        "route": "domestic", "de39": "00", "elapsed_us": 123, "cost": 7, "note": "why",
    }  # fmt: skip


def test_elapsed_time_ends_when_the_bytes_leave_not_when_they_were_ready(path: pathlib.Path) -> None:
    log = HopLog(path)
    log.hop(SENT, SENT.first_ns + 5_000_000, WALL_NS)
    log.close()
    assert lines(path)[0]["elapsed_us"] == 5_000


def test_an_unknown_currency_stays_a_number(path: pathlib.Path) -> None:
    log = HopLog(path)
    log.hop(msgspec.structs.replace(SENT, currency="000"), SENT.at_ns, WALL_NS)
    log.close()
    assert lines(path)[0]["currency"] == "000"


def test_events_stay_in_order_and_each_has_its_own_time(path: pathlib.Path) -> None:
    log = HopLog(path)
    for n in range(3):
        log.hop(SENT, SENT.at_ns, WALL_NS + n * 1_000_000_000)
        log.log(Log("warning", "answer.late", {"n": n}), WALL_NS + n * 1_000_000_000 + 1000)
    log.close()
    assert [(e["event"], e["at"][17:]) for e in lines(path)] == [
        ("hop.sent", "20.123456Z"), ("answer.late", "20.123457Z"), ("hop.sent", "21.123456Z"),
        ("answer.late", "21.123457Z"), ("hop.sent", "22.123456Z"), ("answer.late", "22.123457Z"),
    ]  # fmt: skip


def test_a_log_event_keeps_its_fields_beside_the_log_s_own(path: pathlib.Path) -> None:
    log = HopLog(path)
    log.log(Log("info", "link.up", {"link": "visa#1", "event": "mine", "level": 3}), WALL_NS)
    log.close()
    assert lines(path)[0] == {
        "at": "2023-11-14T22:13:20.123456Z", "event": "link.up", "level": "info", "link": "visa#1", "event_": "mine", "level_": 3,
    }  # fmt: skip


def test_what_json_cannot_hold_is_shown_as_python_shows_it(path: pathlib.Path) -> None:
    log = HopLog(path)
    log.log(Log("error", "frame.bad", {"bytes": "\ud800", "type": int}), WALL_NS)
    log.hop(SENT, SENT.at_ns, WALL_NS)
    log.close()
    bad, hop = lines(path)
    assert bad["bytes"] == "\\ud800"
    assert bad["type"] == "<class 'int'>"
    assert hop["event"] == "hop.sent"


def test_nothing_is_written_before_flush_and_a_long_batch_flushes_itself(path: pathlib.Path) -> None:
    log = HopLog(path)
    log.hop(SENT, SENT.at_ns, WALL_NS)
    assert path.read_bytes() == b""
    for _ in range(BATCH_EVENTS - 1):
        log.hop(SENT, SENT.at_ns, WALL_NS)
    assert len(lines(path)) == BATCH_EVENTS
    log.close()


def test_the_log_and_the_directory_it_is_in_are_their_owners_alone(path: pathlib.Path) -> None:
    before = os.umask(0)
    try:
        HopLog(path).close()
    finally:
        os.umask(before)
    assert [stat.S_IMODE(p.stat().st_mode) for p in (path, path.parent)] == [0o600, 0o700]


# -- processors


def test_a_processor_sees_an_event_dict_and_changes_what_is_written(path: pathlib.Path) -> None:
    def mark(logger: Any, method: str, event: EventDict) -> EventDict:
        event["node"] = f"one-{method}"
        return event

    log = HopLog(path, processors=[mark])
    log.hop(SENT, SENT.at_ns, WALL_NS)
    log.log(Log("warning", "answer.late", {}), WALL_NS)
    log.close()
    assert [e["node"] for e in lines(path)] == ["one-info", "one-warning"]


def test_structlog_s_own_processors_fit(path: pathlib.Path) -> None:
    log = HopLog(path, processors=[structlog.processors.add_log_level, structlog.processors.EventRenamer("what")])
    log.hop(SENT, SENT.at_ns, WALL_NS)
    log.close()
    assert lines(path)[0]["what"] == "hop.sent"
    assert lines(path)[0]["level"] == "info"


def test_a_chain_may_end_in_a_renderer_of_its_own(path: pathlib.Path) -> None:
    log = HopLog(path, processors=[structlog.processors.KeyValueRenderer(key_order=["event", "mti"])])
    log.hop(SENT, SENT.at_ns, WALL_NS)
    log.close()
    assert path.read_text().startswith("event='hop.sent' mti='0210' ")


def test_without_processors_the_bytes_are_those_of_an_idle_chain(tmp_path: pathlib.Path) -> None:
    plain, chained = HopLog(tmp_path / "a"), HopLog(tmp_path / "b", processors=[lambda _l, _m, event: event])
    for log in (plain, chained):
        log.hop(SENT, SENT.at_ns, WALL_NS)
        log.log(Log("info", "link.up", {"link": "visa#1"}), WALL_NS)
        log.close()
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_processor_may_drop_an_event(path: pathlib.Path) -> None:
    def only_sent(logger: Any, method: str, event: EventDict) -> EventDict:
        if event["event"] != "hop.sent":
            raise structlog.DropEvent
        return event

    log = HopLog(path, processors=[only_sent])
    log.log(Log("info", "link.up", {}), WALL_NS)
    log.hop(SENT, SENT.at_ns, WALL_NS)
    log.close()
    assert [e["event"] for e in lines(path)] == ["hop.sent"]
    assert log.dropped == 0


def test_a_processor_that_raises_costs_its_event_and_is_told_once(path: pathlib.Path) -> None:
    errors = io.StringIO()
    log = HopLog(path, processors=[lambda _l, _m, event: event["nothing"]], errors=errors)
    for _ in range(3):
        log.hop(SENT, SENT.at_ns, WALL_NS)
        log.flush()
    assert log.dropped == 3
    assert [json.loads(line)["reason"] for line in errors.getvalue().splitlines()] == ["KeyError('nothing')"]


def test_pretty_output_shows_what_strangers_said_and_obeys_none_of_it(tmp_path: pathlib.Path) -> None:
    with (tmp_path / "out").open("w+") as stream:
        log = HopLog(stream, pretty=True)
        log.log(Log("warning", "link.refused", {"reason": "\x1b[2Jgone\r"}), WALL_NS)
        log.close()
        stream.seek(0)
        said = stream.read()
    assert r"\x1b[2Jgone\x0d" in said
    assert said.replace("\n", "").isprintable()


def test_pretty_output_leaves_out_what_says_nothing(tmp_path: pathlib.Path) -> None:
    with (tmp_path / "out").open("w+") as stream:
        log = HopLog(stream, pretty=True)
        log.hop(SENT, SENT.at_ns, WALL_NS)
        log.log(Log("warning", "answer.late", {"link": "visa#1"}), WALL_NS)
        log.close()
        stream.seek(0)
        hop, late = stream.read().splitlines()
    assert hop.startswith("2023-11-14T22:13:20.123456Z hop.sent ")
    assert "de39=00" in hop
    assert "direction" not in hop
    assert "\x1b" not in hop
    assert "answer.late" in late


# -- files


def test_a_torn_last_line_is_ended_before_the_log_goes_on(path: pathlib.Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b'{"event":"hop.se')
    log = HopLog(path)
    log.hop(SENT, SENT.at_ns, WALL_NS)
    log.close()
    torn, whole = path.read_bytes().splitlines()
    assert torn == b'{"event":"hop.se'
    assert json.loads(whole)["event"] == "hop.sent"


def test_a_full_file_turns_over_between_lines_and_the_oldest_is_let_go(path: pathlib.Path) -> None:
    log = HopLog(path, file_bytes_max=1_000, files_max=3)
    for n in range(80):
        log.log(Log("info", "n", {"n": n}), WALL_NS)
        if n % 4 == 3:
            log.flush()
    log.close()
    names = sorted(p.name for p in path.parent.iterdir())
    assert names == ["hops.jsonl", "hops.jsonl.1", "hops.jsonl.2"]
    kept = [e["n"] for name in reversed(names) for e in lines(path.with_name(name))]
    assert kept == list(range(kept[0], 80))
    assert kept[0] > 0


def test_one_file_only_starts_anew(path: pathlib.Path) -> None:
    log = HopLog(path, file_bytes_max=10, files_max=1)
    for n in range(3):
        log.log(Log("info", "n", {"n": n}), WALL_NS)
        log.flush()
    log.close()
    assert [e["n"] for e in lines(path)] == [2]
    assert len(list(path.parent.iterdir())) == 1


class Clock:
    """Stands in for `time` where an output looks at it: stands still until it is moved."""

    def __init__(self) -> None:
        self.now = self.began = 1_000_000.0
        self.wall = time.time()

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.wall + self.now - self.began


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(output, "time", clock)
    return clock


def say(log: HopLog, *numbers: int) -> None:
    for n in numbers:
        log.log(Log("info", "n", {"n": n}), WALL_NS)
        log.flush()


def numbers(path: pathlib.Path) -> list[int]:
    return [e["n"] for e in lines(path)]


def test_a_file_that_logrotate_has_renamed_is_left_within_a_second(path: pathlib.Path, clock: Clock) -> None:
    log = HopLog(path)
    say(log, 1)
    path.rename(path.with_name("hops.jsonl-20261127"))
    say(log, 2)
    clock.now += 1.1
    say(log, 3)
    log.close()
    assert (numbers(path.with_name("hops.jsonl-20261127")), numbers(path)) == ([1, 2], [3])
    assert log.dropped == 0


def test_it_is_left_at_once_when_that_is_said(path: pathlib.Path, clock: Clock) -> None:
    log = HopLog(path)
    log.log(Log("info", "n", {"n": 1}), WALL_NS)
    path.rename(path.with_name("old"))
    log.reopen()
    say(log, 2)
    log.close()
    assert (numbers(path.with_name("old")), numbers(path)) == ([1], [2])


def test_a_file_that_was_removed_is_made_again(path: pathlib.Path, clock: Clock) -> None:
    log = HopLog(path)
    path.unlink()
    clock.now += 1.1
    say(log, 1)
    log.close()
    assert numbers(path) == [1]


def test_a_file_cut_short_in_place_is_written_on_from_its_start(path: pathlib.Path, clock: Clock) -> None:
    log = HopLog(path, file_bytes_max=200)
    say(log, 1, 2)
    os.truncate(path, 0)
    clock.now += 1.1
    say(log, 3)
    log.close()
    assert numbers(path) == [3]
    assert len(list(path.parent.iterdir())) == 1


def test_only_regular_files_are_turned_over(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    log = HopLog(path, file_bytes_max=1, files_max=2)
    say(log, 1, 2, 3)
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert [p.name for p in tmp_path.iterdir()] == ["fifo"]
    log.close()


def test_a_fifo_that_nobody_reads_is_never_waited_for(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    log = HopLog(path, waiting_bytes_max=10_000, errors=io.StringIO())
    say(log, *range(3_000))
    assert log.dropped > 0
    log.close()


def test_what_was_turned_over_too_many_days_ago_is_removed(path: pathlib.Path, clock: Clock) -> None:
    log = HopLog(path, days_max=7)
    say(log, 1)
    clock.now += 86_400 + 2
    say(log, 2, 3)
    assert (numbers(path.with_name("hops.jsonl.1")), numbers(path)) == ([1], [2, 3])
    os.utime(path.with_name("hops.jsonl.1"), (0, clock.time() - 8 * 86_400))
    log.close()
    HopLog(path, days_max=0).close()
    assert path.with_name("hops.jsonl.1").exists()
    HopLog(path, days_max=7).close()
    assert not path.with_name("hops.jsonl.1").exists()


def test_how_much_is_kept_may_change_while_it_is_written(path: pathlib.Path) -> None:
    log = HopLog(path)
    say(log, 1, 2)
    log.retain(10, 2, 0)
    say(log, 3, 4)
    log.close()
    assert (numbers(path.with_name("hops.jsonl.1")), numbers(path)) == ([3], [4])


class Disk:
    """Stands in for `os` where an output writes: has `room` bytes, then is full."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, fd: int, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = min(self.room, len(data))
        self.room -= taken
        return os.write(fd, data[:taken])

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


def test_a_full_disk_is_told_once_and_the_log_goes_on_when_there_is_room(
    path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(room=150)
    monkeypatch.setattr(output, "os", disk)
    errors = io.StringIO()
    log = HopLog(path, waiting_bytes_max=1_000, errors=errors)
    for n in range(50):
        log.log(Log("info", "n", {"n": n}), WALL_NS)
        log.flush()
    assert 0 < log.dropped < 50
    (told,) = [json.loads(line) for line in errors.getvalue().splitlines()]
    assert told["event"] == "hoplog.blocked"
    assert "part of a write" in told["reason"] or "No space left" in told["reason"]

    disk.room = 1 << 20
    for n in range(50, 53):
        log.log(Log("info", "n", {"n": n}), WALL_NS)
        log.flush()
    log.close()
    seen = lines(path)
    numbers = [e["n"] for e in seen if e["event"] == "n"]
    assert numbers == sorted(numbers)
    assert numbers[0] == 0
    assert len(numbers) == 53 - log.dropped
    (resumed,) = [e for e in seen if e["event"] == "hoplog.resumed"]
    assert resumed["dropped_lines"] == log.dropped


def test_a_file_that_cannot_be_turned_over_is_written_on_and_said(
    path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = io.StringIO()
    log = HopLog(path, file_bytes_max=100, files_max=2, errors=errors)

    def refuse(*_args: pathlib.Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "replace", refuse)
    for n in range(3):
        log.log(Log("info", "n", {"n": n}), WALL_NS)
        log.flush()
    log.close()
    assert [e["n"] for e in lines(path) if e["event"] == "n"] == [0, 1, 2]
    assert "cannot be turned over" in errors.getvalue()


def test_a_file_that_cannot_be_opened_is_an_error_at_once(tmp_path: pathlib.Path) -> None:
    with pytest.raises(IsADirectoryError):
        HopLog(tmp_path)


def test_a_reader_that_does_not_read_is_never_waited_for() -> None:
    read, write = os.pipe()
    errors = io.StringIO()
    with open(write, "w") as stream:
        log = HopLog(stream, waiting_bytes_max=10_000, errors=errors)
        for _ in range(2_000):
            log.log(Log("info", "n", {"text": "x" * 100}), WALL_NS)
            log.flush()
        assert log.dropped > 0
        assert "does not keep up" in errors.getvalue()
        before = log.dropped
        while len(os.read(read, 1 << 20)) == 1 << 20:
            pass
        log.flush()
        log.log(Log("info", "again", {}), WALL_NS)
        log.flush()
        assert log.dropped == before
    got = b""
    while chunk := os.read(read, 1 << 20):
        got += chunk
    os.close(read)
    assert b'"event":"again"' in got
    assert b'"event":"hoplog.resumed"' in got
