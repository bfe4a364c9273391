"""A copy of the head on another disk finds what goes with the first; whatever becomes of it, the journal goes on."""

import errno
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli.journal import command
from switch.core.limits import Limits
from switch.core.records.records import AnyEntry
from switch.journal import head_copy
from switch.journal.disk import RealDisk
from switch.journal.feed import Feed
from switch.journal.head import head_path, read_slots
from switch.journal.head_copy import HeadCopy
from switch.journal.integrity import accept_end
from switch.journal.log import JournalError, Place
from switch.journal.recovery import Recovered, journal_directory, recover
from switch.journal.verify import verify
from tests.e2e.stage import wait_for
from tests.journal.samples import answered, day, forwarded, newest, open_writer, read_head, wait_durable, write

LIMITS = Limits()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    (tmp_path / "second").mkdir()
    return tmp_path / "second" / "head"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def append(state: Path, copy: Path, entries: Sequence[AnyEntry]) -> Recovered:
    """What a switch finds at its start, which then appends and ends: with the real writer."""
    feed = Feed(state, "morocco", LIMITS, head_copy=str(copy))
    found = feed.open()
    for position, entry in enumerate(entries, found.position + 1):
        feed.append(position, entry)
    feed.close()
    assert not feed.unacknowledged
    return found


def refusal(state: Path, copy: Path) -> str:
    with pytest.raises(JournalError) as caught:
        Feed(state, "morocco", LIMITS, head_copy=str(copy)).open()
    return str(caught.value)


def said_by(path: Path) -> Place:
    found = read_slots(str(path))
    assert found is not None
    return found.place


def test_it_is_what_the_head_is(state: Path, copy: Path) -> None:
    assert append(state, copy, day(20)).head_copy_trouble == ""
    append(state, copy, day(20, first=41))
    head = Path(head_path(journal_directory(state)))
    assert copy.read_bytes() == head.read_bytes()
    assert copy.stat().st_mode & 0o777 == 0o600


def test_the_newest_segment_and_the_head_gone_together_are_missed(state: Path, copy: Path) -> None:
    append(state, copy, day(20))
    append(state, copy, [forwarded(900), answered(900)])
    last = recover(state, LIMITS).position
    before = Path(head_path(journal_directory(state)))
    newest(state).unlink()
    before.unlink()
    said = refusal(state, copy)
    assert f"records up to {last} were acknowledged ({copy})" in said
    assert f"`cmi-switch journal accept-end --head-copy {copy}`" in said
    assert verify(state).damage == [], "nothing there knows better"
    assert f"{last - 1} to {last} are missing" in verify(state, str(copy)).damage[0]
    result = CliRunner().invoke(command, ["verify", "--state", str(state), "--head-copy", str(copy)])
    assert result.exit_code == 1


def test_an_older_head_put_beside_an_older_journal_is_missed(state: Path, copy: Path) -> None:
    append(state, copy, day(20))
    head = Path(head_path(journal_directory(state)))
    old = head.read_bytes()
    append(state, copy, [forwarded(900), answered(900)])
    newest(state).unlink()
    head.write_bytes(old)
    assert str(copy) in refusal(state, copy)


def test_what_is_given_up_is_given_up_in_the_copy_too(state: Path, copy: Path) -> None:
    append(state, copy, day(20))
    append(state, copy, [forwarded(900), answered(900)])
    last = recover(state, LIMITS).position
    newest(state).unlink()
    Path(head_path(journal_directory(state))).unlink()
    accept_end(state)
    assert str(copy) in refusal(state, copy), "it has not been told"
    assert accept_end(state, str(copy)).missing_to == last
    append(state, copy, [forwarded(950)])
    result = CliRunner().invoke(command, ["accept-end", "--yes", "--state", str(state), "--head-copy", str(copy)])
    assert "none was missing" in result.output
    assert said_by(copy).sequence == recover(state, LIMITS).position
    with pytest.raises(JournalError, match="cannot be written: No such file or directory; nothing has been changed"):
        accept_end(state, str(copy.parent / "gone" / "head"))


def test_a_damaged_head_is_made_good_by_the_copy(state: Path, copy: Path) -> None:
    append(state, copy, day(20))
    head = Path(head_path(journal_directory(state)))
    head.write_bytes(b"no head" * 200)
    append(state, copy, [forwarded(900)])
    assert read_head(journal_directory(state)) == said_by(copy)


def damage(path: Path) -> None:
    path.write_bytes(b"no head" * 200)


def make_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def take_disk(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "gone": (Path.unlink, "is begun anew"),
    "damaged": (damage, "damaged"),
    "a directory": (make_directory, "is no regular file"),
    "its disk away": (take_disk, "is begun anew"),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_copy_that_is_no_use_stops_no_start_and_is_said(state: Path, copy: Path, how: str) -> None:
    append(state, copy, day(20))
    spoil, said = DAMAGE[how]
    spoil(copy)
    found = append(state, copy, [forwarded(900)])
    assert said in found.head_copy_trouble
    assert recover(state, LIMITS).position == found.position + 1
    if how in ("gone", "damaged"):
        assert said_by(copy).sequence == found.position + 1


def test_a_copy_that_fails_while_the_switch_runs_is_told_and_so_is_that_it_is_back(state: Path, copy: Path) -> None:
    told: list[str] = []
    feed = Feed(state, "morocco", LIMITS, head_copy=str(copy))
    feed.tell_head_copy = told.append
    feed.open()
    copy.unlink()
    copy.parent.rmdir()
    position = 0

    def pay() -> None:
        nonlocal position
        position += 1
        feed.append(position, forwarded(position))
        wait_durable(feed, position)
        time.sleep(0.01)

    give_up = time.monotonic() + 20
    while not told and time.monotonic() < give_up:
        pay()
    assert feed.head_copy_trouble == told[0] == "No such file or directory"
    copy.parent.mkdir()
    while len(told) < 2 and time.monotonic() < give_up:
        pay()
    assert told[1:] == [""]
    feed.close()
    assert said_by(copy).sequence == position
    assert said_by(copy) == read_head(journal_directory(state))


def test_a_writer_that_begins_anew_takes_the_copy_back_before_it_supersedes(state: Path, copy: Path) -> None:
    """Its predecessor's last acknowledgements never arrived, and the switch is killed before it says those records again."""
    heard: list[str] = []
    writer = open_writer(state, copy=HeadCopy(RealDisk(), str(copy), heard.append))
    write(writer, [forwarded(1), forwarded(2)])
    durable, chain = writer.durable, writer.chain_durable
    write(writer, [answered(1), forwarded(3)])
    open_writer(state, durable, chain, copy=HeadCopy(RealDisk(), str(copy), heard.append))
    assert append(state, copy, [answered(1)]).position == durable
    assert heard == ["", ""]


class HangingDisk(RealDisk):
    """The disk of the copy, which answers no more until `go_on`."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.hangs = False

    def write_head(self, fd: int, data: bytes, offset: int) -> None:
        if self.hangs:
            self.go_on.wait()
        super().write_head(fd, data, offset)


def test_a_disk_that_hangs_holds_up_nobody_and_gets_the_newest_when_it_answers(
    state: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head_copy, "HANG_S", 0.05)
    told: list[str] = []
    disk = HangingDisk()
    writer = open_writer(state, copy=HeadCopy(disk, str(copy), told.append))
    disk.hangs = True
    began = time.monotonic()
    write(writer, [forwarded(n) for n in range(1, 10)])
    assert writer.durable == 9
    assert time.monotonic() - began < 1
    time.sleep(0.1)
    write(writer, [forwarded(10)])
    assert told == ["", "its disk has not answered for 0 s"]
    disk.go_on.set()
    wait_for(lambda: told[2:] == [""])
    writer.close()
    assert said_by(copy).sequence == 10


def test_a_full_disk_is_tried_again_though_nothing_more_comes(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_copy, "RETRY_S", 0.01)
    told, room = list[str](), [3]

    class FullDisk(RealDisk):
        def write_head(self, fd: int, data: bytes, offset: int) -> None:
            room[0] -= 1
            if room[0] >= 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            super().write_head(fd, data, offset)

    kept = HeadCopy(FullDisk(), str(copy), told.append)
    kept.put(b"slot", 0)
    give_up = time.monotonic() + 10
    while len(told) < 2 and time.monotonic() < give_up:
        time.sleep(0.01)
    assert told == ["No space left on device", ""]
    assert copy.read_bytes() == b"slot"


def test_reading_one_on_a_disk_that_hangs_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()
    monkeypatch.setattr(head_copy, "read_slots", lambda *_: answers.wait(10))
    found = head_copy.read_copy(str(tmp_path / "head"), wait_s=0.05)
    answers.set()
    assert found.written is None
    assert "has not answered" in found.trouble
