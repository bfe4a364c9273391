"""The feed and the writer's real process: what was acknowledged is never lost, what was appended gets there once."""

import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from switch.core.limits import Limits
from switch.core.records.records import ENCODER, AnyEntry
from switch.journal.feed import Feed, WriterGone
from switch.journal.log import JournalError, segments
from switch.journal.memory import DictHistory, MemoryJournal
from switch.journal.recovery import journal_directory, recover
from switch.journal.verify import verify
from switch.security.vault import KeyVault
from tests.journal.samples import (
    PAN,
    answered,
    booted,
    day,
    forwarded,
    key,
    newest,
    owed,
    payloads,
    snapshot,
    wait_durable,
)

LIMITS = Limits()


def append(feed: Feed, entries: list[AnyEntry], first: int = 1) -> None:
    for position, entry in enumerate(entries, first):
        feed.append(position, entry)


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[Feed]:
    """A feed not opened yet, and closed at the end whatever the test did."""
    made = Feed(tmp_path, "morocco", LIMITS)
    yield made
    made.close()


def test_what_is_appended_is_acknowledged_and_recovered(tmp_path: Path, feed: Feed) -> None:
    entries = day(50)
    assert feed.open().position == 0
    append(feed, entries)
    assert feed.unacknowledged == len(entries)
    wait_durable(feed, len(entries))
    assert feed.unacknowledged == 0
    feed.close()
    assert payloads(tmp_path) == [ENCODER.encode(e) for e in entries]
    again = Feed(tmp_path, "morocco", LIMITS)
    assert again.open().position == len(entries)
    again.close()
    assert verify(tmp_path).damage == []


def test_the_writer_is_not_woken_by_an_acknowledgement_that_is_taken(feed: Feed) -> None:
    feed.open()
    status = Path(f"/proc/{feed.pid}/status")

    def blocked() -> int:
        return int(status.read_text().partition("\nvoluntary_ctxt_switches:")[2].split()[0])

    woken = 0
    for position in range(1, 7):
        feed.append(position, forwarded(position))
        feed.push()
        select.select([feed.fileno()], [], [], 5)
        time.sleep(0.02)  # it has gone to sleep by then, unless the machine is busy
        before = blocked()
        assert feed.acknowledged() == position
        time.sleep(0.01)
        woken += blocked() != before
    assert woken <= 3


def test_close_makes_durable_what_was_never_pushed(tmp_path: Path, feed: Feed) -> None:
    feed.open()
    append(feed, [booted(), forwarded(1)])
    feed.close()
    assert feed.unacknowledged == 0
    assert recover(tmp_path, LIMITS).position == 2


def test_a_snapshot_begins_a_segment(tmp_path: Path, feed: Feed) -> None:
    feed.open()
    append(feed, [booted(), forwarded(1), snapshot(1, [forwarded(1)]), answered(1)])
    feed.close()
    assert [s.first for s in segments(journal_directory(tmp_path))] == [1, 3]
    assert recover(tmp_path, LIMITS).folded == 2


def test_a_snapshot_larger_than_the_socket_gets_through(tmp_path: Path, feed: Feed) -> None:
    feed.open()
    big = snapshot(20_000, [forwarded(n) for n in range(1, 20_001)])
    append(feed, [big, answered(7)])
    os.kill(feed.pid, signal.SIGSTOP)
    assert not feed.push()
    os.kill(feed.pid, signal.SIGCONT)
    while feed.acknowledged() < 2:
        select.select([feed], [] if feed.push() else [feed], [], 10)
    feed.close()
    assert len(recover(tmp_path, LIMITS).state.open) == 19_999


def test_a_killed_writer_loses_nothing_acknowledged_and_everything_gets_there_once(tmp_path: Path, feed: Feed) -> None:
    entries = day(3_000)
    feed.open()
    at, kills, acknowledged = 0, 0, 0
    while at < len(entries) or feed.unacknowledged:
        append(feed, entries[at : at + 37], at + 1)
        at = min(at + 37, len(entries))
        feed.push()
        if at > (kills + 1) * 700:
            os.kill(feed.pid, signal.SIGKILL)
            kills += 1
        if select.select([feed], [], [], 0 if at < len(entries) else 10)[0]:
            try:
                acknowledged = feed.acknowledged()
            except WriterGone:
                on_disk = payloads(tmp_path)
                assert on_disk[:acknowledged] == [ENCODER.encode(e) for e in entries[:acknowledged]]
                feed.restart()
    assert kills >= 5
    feed.close()
    assert payloads(tmp_path) == [ENCODER.encode(e) for e in entries]
    assert verify(tmp_path).damage == []


def test_a_writer_killed_while_nothing_is_under_way_is_noticed(tmp_path: Path, feed: Feed) -> None:
    feed.open()
    os.kill(feed.pid, signal.SIGKILL)
    assert select.select([feed], [], [], 10)[0]
    with pytest.raises(WriterGone, match="ended by signal 9"):
        feed.acknowledged()
    feed.append(1, booted())
    assert not feed.push()
    with pytest.raises(WriterGone, match="not running"):
        feed.acknowledged()
    feed.restart()
    wait_durable(feed, 1)
    feed.close()


def test_a_writer_that_hangs_is_replaced(tmp_path: Path, feed: Feed) -> None:
    feed.open()
    append(feed, [booted()])
    wait_durable(feed, 1)
    hung = feed.pid
    os.kill(hung, signal.SIGSTOP)
    append(feed, [forwarded(1), answered(1)], 2)
    feed.push()
    assert feed.acknowledged() == 1
    feed.restart()
    assert feed.pid != hung
    wait_durable(feed, 3)
    feed.close()
    assert payloads(tmp_path) == [ENCODER.encode(e) for e in (booted(), forwarded(1), answered(1))]


def test_a_file_that_may_not_grow_is_said_and_the_next_writer_goes_on(tmp_path: Path, feed: Feed) -> None:
    """RLIMIT_FSIZE stands for the full disk: the real process meets a real error of the system."""
    feed.open()
    resource.prlimit(feed.pid, resource.RLIMIT_FSIZE, (5_000, 5_000))
    entries = day(30)
    append(feed, entries)
    feed.push()
    with pytest.raises(WriterGone, match=r"\.log: write failed: File too large \(errno 27\)"):
        wait_durable(feed, len(entries))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (110, hard))
    try:
        with pytest.raises(WriterGone, match="laying out room for records failed: File too large"):
            feed.restart()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    feed.restart()
    wait_durable(feed, len(entries))
    feed.close()
    assert payloads(tmp_path) == [ENCODER.encode(e) for e in entries]


KILLED_SWITCH = """
import os, select, signal, sys
from switch.core.limits import Limits
from switch.journal.feed import Feed
from tests.journal.samples import booted, forwarded
feed = Feed(sys.argv[1], "morocco", Limits())
position = feed.open().position
while True:
    for _ in range(50):
        position += 1
        feed.append(position, forwarded(position))
    feed.push()
    select.select([feed], [], [], 10)
    print(feed.acknowledged(), flush=True)
"""


def test_a_killed_switch_loses_nothing_acknowledged(tmp_path: Path, feed: Feed) -> None:
    told = 0
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED_SWITCH, str(tmp_path)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        ) as switch:
            assert switch.stdout is not None
            for _ in range(20):
                told = int(switch.stdout.readline())
            switch.kill()
            told = max([told, *map(int, switch.stdout.read().split())])
            found = feed.open()
        feed.close()
        assert found.position >= told > 0
        assert sorted(found.state.open) == list(range(1, found.position + 1))
    assert verify(tmp_path).damage == []


def test_the_writer_ends_with_its_switch_and_ignores_ctrl_c(tmp_path: Path, feed: Feed) -> None:
    feed.open()
    os.kill(feed.pid, signal.SIGINT)
    os.kill(feed.pid, signal.SIGTERM)
    append(feed, [booted()])
    wait_durable(feed, 1)
    pid = feed.pid
    feed.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_journal_has_one_switch(tmp_path: Path, feed: Feed) -> None:
    feed.open()
    with pytest.raises(JournalError, match=f"in use by process {os.getpid()}.*another --state"):
        Feed(tmp_path, "morocco", LIMITS).open(wait_s=0)
    feed.close()
    feed.open(wait_s=0)


def test_the_journal_of_another_network_is_refused(tmp_path: Path, feed: Feed) -> None:
    feed.open()
    append(feed, [booted()])
    feed.close()
    with pytest.raises(JournalError, match="journal of network 'morocco', not of 'tunisia'"):
        Feed(tmp_path, "tunisia", LIMITS).open()


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match=r"cannot make the journal's directory: Not a directory"):
        Feed(tmp_path / "file", "morocco", LIMITS).open()


def test_positions_have_no_gaps(tmp_path: Path, feed: Feed) -> None:
    feed.open()
    with pytest.raises(JournalError, match="record 2 appended after record 0"):
        feed.append(2, booted())
    feed.close()


def test_what_may_wait_is_bounded_and_the_limit_is_named(tmp_path: Path) -> None:
    feed = Feed(tmp_path, "morocco", Limits(unacknowledged_records=10))
    feed.open()
    append(feed, [forwarded(n) for n in range(1, 41)])
    with pytest.raises(JournalError, match="unacknowledged_records"):
        feed.append(41, forwarded(41))
    feed.close()


def test_no_full_pan_is_in_any_file(tmp_path: Path, feed: Feed) -> None:
    vault = KeyVault.at(tmp_path / "vault.key")
    feed.open()
    entries: list[AnyEntry] = [
        booted(),
        *(forwarded(n, vault) for n in range(1, 50)),
        owed(60, 1),
        snapshot(60, [forwarded(2, vault)]),
    ]
    append(feed, entries)
    feed.close()
    subprocess.run([sys.executable, "-m", "switch.journal.indexer", "--dir", str(tmp_path)], check=True)
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert {p.name for p in files} >= {"index.sqlite", "vault.key", newest(tmp_path).name}
    for path in files:
        assert PAN.encode() not in path.read_bytes()
    (first, *_) = recover(tmp_path, LIMITS).state.open.values()
    assert vault.open(first.sealed) == PAN


def test_a_million_records_fold_in_a_time_worth_reporting(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Reported, not asserted: `--junit-xml` carries it. A fiftieth of it by default, for the suite's sake."""
    records = int(os.environ.get("FOLD_RECORDS", "20000"))
    feed = Feed(tmp_path, "morocco", Limits(unacknowledged_records=records))
    feed.open()
    entries = day(records // 2)[:records]
    append(feed, entries)
    feed.close(60)
    began = time.perf_counter()
    found = recover(tmp_path, LIMITS)
    seconds = time.perf_counter() - began
    record_property("fold_us_per_record", round(seconds / found.folded * 1e6, 2))
    assert found.folded == len(entries)
    if records > 20_000:
        sys.stderr.write(f"\n{found.folded} records folded in {seconds:.2f} s\n")


def test_the_memory_journal_keeps_only_what_was_durable(tmp_path: Path) -> None:
    journal = MemoryJournal()
    entries = day(10)
    for position, entry in enumerate(entries, 1):
        journal.append(position, entry)
    assert journal.sync() == 0, "what was not pushed cannot be durable"
    journal.push()
    assert journal.sync(5) == journal.acknowledged() == 5
    history = DictHistory(journal)
    assert history.find(key(5)) is not None
    assert journal.crash(survived=1) == entries[:6]
    assert history.find(key(19)) is None
    assert (journal.durable, len(journal.entries)) == (6, 6)
    journal.fail("disk full")
    with pytest.raises(WriterGone, match="disk full"):
        journal.acknowledged()
    journal.append(7, entries[6])
    assert not journal.push()
    journal.restart()
    journal.close()
    assert journal.durable == 7
    with pytest.raises(JournalError, match="no gaps"):
        journal.append(9, entries[8])


def test_a_writer_starts_again_where_a_thousand_links_have_the_low_descriptors(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 1_200
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    feed = Feed(tmp_path, "morocco", LIMITS)
    links: list[int] = []
    try:
        feed.open()
        links += [os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC) for _ in range(1_100)]
        os.kill(feed.pid, signal.SIGKILL)
        feed.restart()
        append(feed, day(3))
        wait_durable(feed, feed.unacknowledged)
        feed.close()
        again = Feed(tmp_path, "morocco", LIMITS)  # as a restart in place opens it
        links += [os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC) for _ in range(8)]
        assert again.open().position == len(day(3))
        assert again.fileno() > 1_023
        again.close()
    finally:
        feed.close()
        for link in links:
            os.close(link)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
