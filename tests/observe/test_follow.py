"""Following a log that grows, is torn, and turns over."""

import gzip
import io
import os
from itertools import islice
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from switch.core.party import Log
from switch.observe import follow
from switch.observe.follow import Follower
from switch.observe.hoplog import HopLog
from switch.observe.lines import read_hop
from switch.observe.live import run_live
from switch.observe.packed import log_files, numbered_file

from .samples import an_afternoon


def test_a_file_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    follower = Follower(tmp_path / "log")
    assert follower.poll() == []
    (tmp_path / "log").write_bytes(b"a\nb\n")
    assert follower.poll() == [b"a", b"b"]
    assert follower.poll() == []


def test_a_torn_last_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"whole\nto")
    follower = Follower(path)
    assert follower.poll() == [b"whole"]
    with path.open("ab") as log:
        log.write(b"rn\nnext\n")
    assert follower.poll() == [b"torn", b"next"]


def test_no_line_is_lost_when_the_log_turns_over(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = HopLog(path, file_bytes_max=300, files_max=9)
    follower = Follower(path)
    seen = []
    for n in range(60):
        log.log(Log("info", "n", {"n": n}), 0)
        log.flush()
        if n % 5 == 0:  # slower than the log turns over? No: at least once a file
            while lines := follower.poll():
                seen += lines
    while lines := follower.poll():
        seen += lines
    log.close()
    assert [int(line.rpartition(b":")[2].rstrip(b"}")) for line in seen] == list(range(60))


def test_what_was_written_just_before_turning_over_is_read_from_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"1\n")
    follower = Follower(path)
    assert follower.poll() == [b"1"]
    with path.open("ab") as log:
        log.write(b"2\n")
    path.rename(tmp_path / "log.1")
    path.write_bytes(b"3\n")
    assert follower.poll() == [b"2"]
    assert follower.poll() == [b"3"]


def test_a_file_cut_short_in_place_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"1\n2\n")
    follower = Follower(path)
    assert follower.poll() == [b"1", b"2"]
    path.write_bytes(b"3\n")
    assert follower.poll() + follower.poll() == [b"3"]


def test_older_files_are_read_first_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for name, text in (("log.2", "1\n"), ("log.1", "2\n"), ("log", "3\n"), ("log.old", "no\n")):
        (tmp_path / name).write_text(text)
    follower = Follower(path, older=True)
    assert [follower.poll() for _ in range(4)] == [[b"1"], [b"2"], [b"3"], []]
    assert Follower(path).poll() == [b"3"]


def test_run_live_stops_when_told_and_has_counted_everything(tmp_path: Path) -> None:
    path = an_afternoon(tmp_path / "log")
    drawn = io.StringIO()
    console = Console(file=drawn, width=200)
    asked = iter([False, False])
    model = run_live([path], lambda: next(asked, True), console=console, interval_s=0.001)
    assert model.total.total == 8
    assert drawn.getvalue().splitlines()[-1].startswith("14:14:02 0/s | 8 payments |")


def test_run_live_draws_on_a_terminal(tmp_path: Path) -> None:
    path = an_afternoon(tmp_path / "log")
    drawn = io.StringIO()
    console = Console(file=drawn, width=100, force_terminal=True, color_system=None, _environ={"TERM": "xterm"})
    asked = iter([False])
    run_live([path], lambda: next(asked, True), console=console, interval_s=0.001, title="mine")
    assert "mine" in drawn.getvalue()
    assert "mastercard" in drawn.getvalue()


def test_run_live_may_keep_of_the_past_only_the_links(tmp_path: Path) -> None:
    path = an_afternoon(tmp_path / "log")
    model = run_live([path], lambda: True, console=Console(file=io.StringIO()), history="links")
    assert model.total.total == 0
    assert model.links["atlas"].state == "signed on"


def test_newest_first_goes_back_through_all_files_and_poll_goes_on_behind_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "BACK_BYTES", 7)
    path = tmp_path / "hops.jsonl"
    path.with_name("hops.jsonl.2").write_bytes(b"line 1\nline 2\n")
    path.with_name("hops.jsonl.1").write_bytes(b"a longer line 3\n\nline 4\n")
    path.write_bytes(b"line 5\nline 6\ntor")
    follower = Follower(path)
    found = [line.split()[-1] for line in follower.newest_first()]
    assert found == [b"6", b"5", b"4", b"3", b"2", b"1"]
    with path.open("ab") as file:
        file.write(b"n 7\n")
    assert follower.poll() == [b"torn 7"]
    follower.close()


def test_newest_first_of_nothing_is_nothing(tmp_path: Path) -> None:
    assert list(Follower(tmp_path / "none").newest_first()) == []
    (tmp_path / "torn").write_bytes(b"no end")
    assert list(Follower(tmp_path / "torn").newest_first()) == []


def test_the_last_lines_cost_the_same_however_long_the_log_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hops.jsonl"
    path.write_bytes(b'{"event":"x"}\n' * 1_000_000)
    read = 0

    def counted(fd: int, size: int, offset: int) -> bytes:
        nonlocal read
        data = pread(fd, size, offset)
        read += len(data)
        return data

    pread = os.pread
    monkeypatch.setattr(os, "pread", counted)
    assert len(list(islice(Follower(path).newest_first(), 3))) == 3
    assert read < 200_000


def test_the_logs_of_shards_add_up_and_what_one_has_passed_on_counts_once(tmp_path: Path) -> None:
    """b's afternoon; its payments for Visa are in a's log too, where they come and go by the link between shards."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    theirs = an_afternoon(tmp_path / "b" / "hops.jsonl").read_bytes().splitlines()
    hops = [hop for hop in map(read_hop, theirs) if hop is not None]
    visa = {hop.txn for hop in hops if hop.route == "visa"}
    passed = [
        msgspec.structs.replace(hop, txn=f"f{hop.txn}", link="shards#1" if hop.link.startswith("acq") else hop.link)
        for hop in hops
        if hop.txn in visa
    ]
    up = b'{"at":"2026-09-21T14:13:20.000000Z","event":"link.up","link":"visa#1","host":"visa"}'
    lines = [up, *map(msgspec.json.encode, passed)]
    (tmp_path / "a" / "hops.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    paths = [tmp_path / shard / "hops.jsonl" for shard in ("a", "b")]
    model = run_live(paths, lambda: True, console=Console(file=io.StringIO()))
    alone = run_live(paths[1:], lambda: True, console=Console(file=io.StringIO()))
    assert passed
    assert (model.total.total, model.total.cost, model.codes) == (alone.total.total, alone.total.cost, alone.codes)
    assert model.routes["visa"].approved == alone.routes["visa"].approved == 2
    assert {"a/visa", "b/visa", "b/atlas"} <= set(model.links)
    owner = run_live(paths[:1], lambda: True, console=Console(file=io.StringIO()))
    assert owner.total.total == 2, "by itself it shows what it does for others"


@pytest.mark.parametrize("packed", [False, True])
def test_older_files_that_move_on_while_they_are_read_are_each_read_once(tmp_path: Path, packed: bool) -> None:
    """A console that begins beside a busy switch reads for minutes, and the log is turned over again and again meanwhile."""
    path = tmp_path / "log"
    written = 0

    def turn_over() -> None:
        nonlocal written
        for older in log_files(path)[:-1] if path.exists() else []:
            number = int(older.name.removesuffix(".gz").rpartition(".")[2])
            older.rename(numbered_file(path, number + 1)[older.suffix == ".gz"])
        if path.exists():
            path.rename(numbered_file(path, 1)[0])
        written += 1
        path.write_bytes(f"{written}\n".encode())

    def compress(file: Path) -> None:
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()

    for _ in range(4):
        turn_over()
    follower, seen = Follower(path, older=True), list[bytes]()
    for _ in range(3):
        seen += follower.poll()
        turn_over()
        if packed:
            compress(numbered_file(path, 2)[0])
    while lines := follower.poll():
        seen += lines
    follower.close()
    assert [int(line) for line in seen] == list(range(1, written + 1))
