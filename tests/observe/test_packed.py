"""Files of a hop log that were turned over, compressed: smaller, read as before, and never two under one name."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from switch.core.party import Log
from switch.observe.follow import Follower
from switch.observe.hoplog import HopLog
from switch.observe.packed import hold_names, log_files, open_log, pack

LINES = [f'{{"event":"hop.sent","number":{n}}}'.encode() for n in range(600)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of which two files were turned over."""
    path = tmp_path / "hops.jsonl"
    for number, lines in ((2, LINES[:200]), (1, LINES[200:400]), (0, LINES[400:])):
        file = path.with_name(f"hops.jsonl.{number}") if number else path
        file.write_bytes(b"".join(line + b"\n" for line in lines))
        os.utime(file, (1_000_000 - number, 1_000_000 - number))
    return path


def names(path: Path) -> list[str]:
    return [file.name for file in log_files(path)]


def all_lines(path: Path) -> list[bytes]:
    follower, found = Follower(path, older=True), []
    while lines := follower.poll():
        found += lines
    follower.close()
    return found


def test_older_files_are_compressed_and_the_one_that_is_written_is_not(path: Path) -> None:
    before = path.with_name("hops.jsonl.1").stat()
    pack(path)
    assert names(path) == ["hops.jsonl.2.gz", "hops.jsonl.1.gz", "hops.jsonl"]
    after = path.with_name("hops.jsonl.1.gz").stat()
    assert after.st_size * 4 < before.st_size
    assert (after.st_mtime_ns, after.st_mode) == (before.st_mtime_ns, 0o100600)


def test_they_are_read_as_before_forwards_and_backwards(path: Path) -> None:
    pack(path)
    assert all_lines(path) == LINES
    assert list(Follower(path).newest_first()) == LINES[::-1]


def test_a_plain_file_beside_a_compressed_one_is_the_one_that_counts_and_is_compressed_again(path: Path) -> None:
    """As a process that was killed between two of its steps leaves it."""
    pack(path)
    path.with_name("hops.jsonl.1").write_bytes(gzip.decompress(path.with_name("hops.jsonl.1.gz").read_bytes()))
    path.with_name("hops.jsonl.1.gz").write_bytes(b"half")
    assert all_lines(path) == LINES
    pack(path)
    assert names(path) == ["hops.jsonl.2.gz", "hops.jsonl.1.gz", "hops.jsonl"]
    assert all_lines(path) == LINES


def test_a_file_that_was_renamed_while_it_was_compressed_has_its_new_name(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log was turned over meanwhile: what was `.2` is `.3`, what was written is `.1`."""
    held = hold_names
    turned: list[str] = []

    def turn_over_first(log: Path, *, wait: bool) -> object:
        if not turned:
            turned.append("")
            for number in (2, 1):
                os.replace(path.with_name(f"hops.jsonl.{number}"), path.with_name(f"hops.jsonl.{number + 1}"))
            os.replace(path, path.with_name("hops.jsonl.1"))
            path.write_bytes(b"")
        return held(log, wait=wait)

    monkeypatch.setattr("switch.observe.packed.hold_names", turn_over_first)
    pack(path)
    pack(path)
    assert names(path) == ["hops.jsonl.3.gz", "hops.jsonl.2.gz", "hops.jsonl.1.gz", "hops.jsonl"]
    assert all_lines(path) == LINES


def test_a_log_is_turned_over_a_little_later_while_its_names_are_held(tmp_path: Path) -> None:
    path = tmp_path / "hops.jsonl"
    log = HopLog(path, file_bytes_max=100, files_max=3)
    write(log, 2)
    with hold_names(path, wait=True) as held:
        assert held
        write(log, 1)
        assert names(path) == ["hops.jsonl"]
    write(log, 1)
    assert names(path) == ["hops.jsonl.1", "hops.jsonl"]
    log.close()
    assert len(all_lines(path)) == 4


def test_compressed_files_move_on_and_go_as_others_do(tmp_path: Path) -> None:
    path = tmp_path / "hops.jsonl"
    log = HopLog(path, file_bytes_max=1, files_max=3)
    for _ in range(6):
        write(log, 1)
        pack(path)
    log.close()
    assert names(path) == ["hops.jsonl.2.gz", "hops.jsonl.1.gz", "hops.jsonl"]
    assert [line.count(b'"number"') for line in all_lines(path)] == [1, 1, 1]


def test_a_log_that_is_to_be_compressed_is_by_a_process_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "hops.jsonl"
    log = HopLog(path, file_bytes_max=1, files_max=8, compress=True)
    write(log, 1)
    write(log, 1)
    output = log._output
    packing = getattr(output, "_packing", None)
    assert packing is not None
    assert packing.wait(30) == 0
    log.close()
    assert names(path) == ["hops.jsonl.1.gz", "hops.jsonl"]


def test_a_damaged_file_says_so(tmp_path: Path) -> None:
    file = tmp_path / "hops.jsonl.1.gz"
    file.write_bytes(gzip.compress(b"x" * 1_000)[:-12])
    with pytest.raises(OSError, match=r"hops.jsonl.1.gz"):
        open_log(file)


def write(log: HopLog, count: int) -> None:
    for number in range(count):
        log.log(Log("info", "link.up", {"number": number, "why": "x" * 60}), 1_700_000_000_000_000_000)
    log.flush()


@pytest.mark.parametrize(
    "harm", [lambda data: data[:-20], lambda data: data[:20] + bytes(40) + data[60:], lambda _: b"no gzip"]
)
def test_a_damaged_file_is_said_and_costs_nobody_the_others(path: Path, harm: Callable[[bytes], bytes]) -> None:
    pack(path)
    damaged = path.with_name("hops.jsonl.2.gz")
    damaged.write_bytes(harm(damaged.read_bytes()))
    with pytest.raises(OSError, match="damaged") as caught:
        open_log(damaged)
    assert caught.value.filename == str(damaged)
    assert "move it away" in str(caught.value)
    follower = Follower(path, older=True)
    with pytest.raises(OSError, match="damaged"):
        follower.poll()
    assert follower.poll() == LINES[200:400], "who follows goes on with the next"
    follower.close()
