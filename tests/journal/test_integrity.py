"""What was acknowledged is missed when it is gone: the end cut off, an old segment taken out, an index that knows more."""

import os
import stat
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli.journal import command
from switch.core.limits import Limits
from switch.core.records.records import SCHEMA, AnyEntry
from switch.journal.backup import backup
from switch.journal.feed import Feed
from switch.journal.head import SLOT_BYTES, head_path
from switch.journal.history import IndexHistory, SegmentMissingError
from switch.journal.index import Index, index_path
from switch.journal.integrity import accept_end, find_gaps
from switch.journal.log import JournalError, Log, segments
from switch.journal.projections.projection import PLACE
from switch.journal.recovery import Gap, Recovered, journal_directory, recover
from switch.journal.reports import Filters, Reports
from switch.journal.restore import restore
from switch.journal.verify import verify
from tests.journal.samples import (
    FailingDisk,
    answered,
    booted,
    day,
    forwarded,
    key,
    newest,
    open_writer,
    read_head,
    snapshot,
    write,
    written,
)

LIMITS = Limits()


def append(state: Path, entries: Sequence[AnyEntry]) -> Recovered:
    """What a switch finds at its start, which then appends and ends: with the real writer."""
    feed = Feed(state, "morocco", LIMITS)
    found = feed.open()
    for position, entry in enumerate(entries, found.position + 1):
        feed.append(position, entry)
    feed.close()
    assert not feed.unacknowledged
    return found


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory after three lives of a switch: a segment each, and the index of all but the last."""
    append(tmp_path, day(20))
    append(tmp_path, [snapshot(40), *day(20, first=41)])
    index = Index(tmp_path)
    index.catch_up()
    index.close()
    append(tmp_path, [*day(20, first=81), forwarded(500), answered(500)])
    return tmp_path


def refusal(state: Path) -> str:
    with pytest.raises(JournalError) as caught:
        Feed(state, "morocco", LIMITS).open()
    return str(caught.value)


def last_of(state: Path) -> int:
    return recover(state, LIMITS).position


def offsets(state: Path) -> list[int]:
    """Of the records in the newest segment."""
    return [r.offset for s, r in Log(journal_directory(state), SCHEMA) if s.path == str(newest(state))]


def test_the_head_names_the_last_record_that_was_acknowledged(state: Path) -> None:
    head = read_head(journal_directory(state))
    assert head is not None
    assert (head.sequence, head.chain, head.offset) == (last_of(state), verify(state).chain, offsets(state)[-1])
    assert verify(state).damage == []


def test_a_newest_segment_that_is_gone_is_missed(state: Path) -> None:
    last = last_of(state)
    newest(state).unlink()
    left = last_of(state)
    said = refusal(state)
    assert f"ends at record {left}, and records up to {last} were acknowledged" in said
    assert f"{left + 1} to {last} are missing" in said
    assert "cmi-switch journal accept-end" in said
    assert f"{left + 1} to {last} are missing" in verify(state).damage[0]


@pytest.mark.parametrize("records", [1, 2, 7])
def test_an_end_cut_off_where_a_record_ends_is_missed(state: Path, records: int) -> None:
    last, path = last_of(state), newest(state)
    os.truncate(path, offsets(state)[-records])
    assert f"{last - records + 1} to {last} are missing" in refusal(state)
    assert f"{last - records + 1} to {last} are missing" in verify(state).damage[0]


def test_a_newest_segment_put_in_the_place_of_another_is_missed_by_place(state: Path) -> None:
    """As long as the one that was acknowledged, with other records."""
    newest(state).unlink()
    known = recover(state, LIMITS)
    writer = open_writer(state.parent / "other", known.position, known.chain)
    write(writer, [forwarded(n) for n in range(900, 950)])
    writer.close()
    made = newest(state.parent / "other")
    made.rename(Path(journal_directory(state)) / made.name.replace(".000001.", ".000003."))
    assert "the header says" in refusal(state) or "another one" in refusal(state)


def test_a_head_that_is_gone_leaves_the_index_to_know_better(state: Path) -> None:
    for _ in range(2):
        newest(state).unlink()
    Path(head_path(journal_directory(state))).unlink()
    assert f"{index_path(state)} knows records up to" in refusal(state)
    assert "are missing" in verify(state).damage[0]


def test_a_head_written_half_leaves_the_one_before_and_a_damaged_one_is_refused(state: Path) -> None:
    path = Path(head_path(journal_directory(state)))
    whole = path.read_bytes()
    newer = max((0, SLOT_BYTES), key=lambda at: whole[at + 8 : at + 16])
    torn = bytearray(whole)
    torn[newer + 30 : newer + 40] = bytes(10)
    path.write_bytes(torn)
    assert verify(state).damage == []
    append(state, [])
    path.write_bytes(b"no head" * 200)
    assert "damaged" in refusal(state)
    assert "damaged" in verify(state).damage[0]


def test_a_head_damaged_under_a_running_switch_stops_no_writer(tmp_path: Path) -> None:
    feed = Feed(tmp_path, "morocco", LIMITS)
    feed.open()
    Path(head_path(journal_directory(tmp_path))).write_bytes(b"no head" * 200)
    feed.restart()
    for position, entry in enumerate(day(5), 1):
        feed.append(position, entry)
    feed.close()
    assert verify(tmp_path).damage == []
    append(tmp_path, [])


def test_a_power_cut_leaves_a_head_that_is_never_ahead_of_the_log(tmp_path: Path) -> None:
    for fail_in in range(2, 12):
        state, disk = tmp_path / str(fail_in), FailingDisk()
        disk.fail_sync_in = fail_in
        with pytest.raises(JournalError, match="fdatasync failed"):
            write(open_writer(state, disk=disk), [booted(), *(forwarded(n) for n in range(1, 20))])
        disk.power_cut()
        append(state, [forwarded(30)])
        assert verify(state).damage == []


def test_a_writer_that_begins_anew_takes_the_head_back_before_it_supersedes(tmp_path: Path) -> None:
    """Its predecessor's last acknowledgements never arrived, and the switch is killed before it says those records again."""
    writer = open_writer(tmp_path)
    write(writer, [booted(), forwarded(1)])
    durable, chain = writer.durable, writer.chain_durable
    write(writer, [answered(1), forwarded(2)])
    open_writer(tmp_path, durable, chain)
    assert append(tmp_path, [answered(1)]).position == durable


def test_an_end_that_is_given_up_is_gone_on_from(state: Path) -> None:
    last = last_of(state)
    newest(state).unlink()
    accepted = accept_end(state)
    assert (accepted.last, accepted.missing_to) == (last_of(state), last)
    append(state, [forwarded(700)])
    assert verify(state).damage == []
    result = CliRunner().invoke(command, ["accept-end", "--state", str(state), "--yes"])
    assert (
        result.output == f"The journal ends at record {accepted.last + 1}: none was missing. The index is built anew.\n"
    )


def test_an_end_is_given_up_by_nobody_but_a_person_and_while_no_switch_runs(state: Path) -> None:
    assert CliRunner().invoke(command, ["accept-end", "--state", str(state)], input="n\n").exit_code == 1
    feed = Feed(state, "morocco", LIMITS)
    feed.open()
    with pytest.raises(JournalError, match="in use by process"):
        accept_end(state)
    feed.close()


def test_a_restored_journal_ends_where_its_backup_does(state: Path) -> None:
    backup(state, state.parent / "kept", 0)
    last = last_of(state)
    append(state, day(5, first=901))
    restored = state.parent / "restored"
    restore(state.parent / "kept", restored, without_key=True)
    head = read_head(journal_directory(restored))
    assert head is not None
    assert head.sequence == last
    append(restored, day(5, first=901))
    assert verify(restored).damage == []


def test_an_old_segment_that_is_missing_is_told_at_the_start_with_its_records(state: Path) -> None:
    old = segments(journal_directory(state))[0]
    Path(old.path).unlink()
    found = append(state, [])
    assert [(gap.first, gap.last) for gap in found.gaps] == [(1, old.end - 1)]


def test_one_in_the_middle_is_told_too_and_a_whole_journal_has_no_gaps(tmp_path: Path) -> None:
    entries = [*day(60), snapshot(900), forwarded(950)]
    written(tmp_path, entries, bound=3_000)
    assert find_gaps(tmp_path) == ()
    gone = segments(journal_directory(tmp_path))[2]
    Path(gone.path).unlink()
    after = segments(journal_directory(tmp_path))[2]
    assert find_gaps(tmp_path) == (Gap(path=after.path, first=gone.first, last=gone.end - 1),)
    assert recover(tmp_path, LIMITS).position == len(entries)


def test_a_torn_tail_is_told_with_how_many_records_it_had(tmp_path: Path) -> None:
    path = written(tmp_path, [booted(), *(forwarded(n) for n in range(1, 10))], batch=10, close=False)
    data = bytearray(path.read_bytes())
    at = offsets(tmp_path)[4]
    data[at + 40] ^= 1
    path.write_bytes(data)
    found = recover(tmp_path, LIMITS)
    assert (found.position, found.left_out) == (4, 6)
    assert f"at byte {at}" in found.torn


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "overwritten": lambda data: b"no database" * 1_000,
    "one page lost": lambda data: data[:4096] + b"\xff" * (len(data) - 4096),
    "cut short": lambda data: data[: len(data) // 2],
}


@pytest.fixture(params=DAMAGE)
def damaged(state: Path, request: pytest.FixtureRequest) -> Path:
    """The state directory with an index that is damaged while a history has it open or not."""
    path = Path(index_path(state))
    path.write_bytes(DAMAGE[request.param](path.read_bytes()))
    return state


def test_a_damaged_index_answers_nothing_and_the_log_does(damaged: Path) -> None:
    said: list[str] = []
    history = IndexHistory(damaged, said.append)
    expected = IndexHistory(damaged)
    for n in (11, 51, 91, 500):
        found = history.find(key(n))
        assert found is not None
        assert found.txn == n
    assert [outcome.txn for outcome in history.find_named("100001", f"{11:012d}")] == [11]
    assert expected.find(key(11)) == history.find(key(11))
    assert all(index_path(damaged) in sentence for sentence in said)
    history.close()
    expected.close()


def test_a_damaged_index_stops_no_start_and_verify_says_what_to_do(damaged: Path) -> None:
    found = verify(damaged)
    assert found.damage == []
    assert "may be deleted, and is then built anew" in found.notes[0]
    append(damaged, [forwarded(800), answered(800)])
    reports = Reports(damaged)
    assert len(reports.transactions(Filters())) == len({e.txn for e in day(20) if hasattr(e, "txn")}) * 3 + 2
    reports.close()


def test_an_index_that_names_other_places_is_not_believed(state: Path) -> None:
    index, said = Index(state), list[str]()
    index.database.execute("UPDATE transactions SET places = ?", (PLACE.pack(5, 1, 255),))
    index.close()
    with closing(IndexHistory(state, said.append)) as history:
        found = history.find(key(11))
    assert found is not None
    assert found.txn == 11
    assert said == [said[0]]
    assert "says what the log does not" in said[0]


def test_a_payment_in_a_missing_segment_is_said_to_be_missing_and_never_to_be_unknown(state: Path) -> None:
    """The index knows that there is one: as an unknown payment its repeat would be charged again."""
    history = IndexHistory(state)
    assert history.find(key(11)) is not None
    Path(segments(journal_directory(state))[0].path).unlink()
    for each in (history, IndexHistory(state)):
        with pytest.raises(SegmentMissingError, match="segment 1 is missing"):
            each.find(key(11))
        assert each.find(key(51)) is not None
        assert each.find(key(99_999)) is None
        each.close()


def test_every_file_is_its_owners_whatever_the_umask(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state"
    old = os.umask(0)
    try:
        append(state, day(5))
        index = Index(state)
        index.catch_up()
        backup(state, tmp_path / "far" / "kept", 0)
        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
        index.close()
    finally:
        os.umask(old)
    assert {m for p, m in modes.items() if p.is_file()} == {0o600}
    assert {m for p, m in modes.items() if p.is_dir()} == {0o700}
