"""Old segments may go; what the switch may still ask for stays, and what is left is still shown to be whole."""

import json
import os
import shutil
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from switch.cli.journal import command
from switch.core.limits import Limits
from switch.core.records.records import SCHEMA, AnyEntry, Forwarded, Key, Owed, Snapshot
from switch.journal.anchor import anchor_path
from switch.journal.backup import backup
from switch.journal.feed import Feed
from switch.journal.history import IndexHistory
from switch.journal.index import index_path
from switch.journal.log import JournalError, Log, segments
from switch.journal.places import places_with_key
from switch.journal.projections.projection import Look
from switch.journal.prune import KEEP_S, Pruned, prune
from switch.journal.recovery import decode, journal_directory, recover
from switch.journal.reports import Filters, Reports
from switch.journal.restore import restore
from switch.journal.verify import verify
from switch.wire.dates import DAY_US
from tests.journal.samples import START_US, answered, booted, catch_up, forwarded, key, open_writer, owed, write
from tests.journal.test_feed import append

LIMITS = Limits()
DAYS = 40
NOW_US = START_US + DAYS * DAY_US
A_DAY = 5
"""payments a day; the n-th day's are numbered from n * 100"""


def at(entry: AnyEntry, at_us: int) -> AnyEntry:
    return msgspec.structs.replace(entry, at_us=at_us)


def days(count: int = DAYS, open_on: int = -1, owed_on: int = -1) -> list[AnyEntry]:
    """Each day begins with a snapshot and has a few payments, of which one may stay open and one reversal be owed for ever."""
    still_open: list[Forwarded] = []
    still_owed: list[Owed] = []
    entries: list[AnyEntry] = [booted()]
    for day in range(count):
        time_us = START_US + day * DAY_US
        if day:
            last = (day - 1) * 100 + A_DAY
            shot = Snapshot(
                at_us=time_us,
                schema=SCHEMA,
                network="morocco",
                last_txn=last,
                open=tuple(still_open),
                owed=tuple(still_owed),
                stans={"bank-a": 9},
                horizons={},
            )
            entries.append(shot)
        for n in range(day * 100 + 1, day * 100 + A_DAY):
            entries += [at(forwarded(n), time_us + n), at(answered(n), time_us + n)]
        last = day * 100 + A_DAY
        entries.append(at(forwarded(last), time_us + last))
        if day == open_on:
            still_open.append(entries[-1])  # type: ignore[arg-type]
        elif day == owed_on:
            still_owed.append(at(owed(last + 1, last, "timeout"), time_us + last + 1))  # type: ignore[arg-type]
            entries.append(still_owed[-1])
        else:
            entries.append(at(answered(last, "51"), time_us + last))
    return entries


def made(state: Path, **more: int) -> Path:
    write(open_writer(state), days(**more), batch=7)
    return state


def pruned(state: Path, day: int, kept_in: Path | None = None) -> Pruned:
    return prune(state, START_US + day * DAY_US, NOW_US, kept_in)


def begins_on(state: Path) -> int:
    """The day of the journal's first record."""
    segment, record = next(iter(Log(journal_directory(state), SCHEMA)))
    return (decode(segment, record).at_us - START_US) // DAY_US


def listed(state: Path) -> dict[int, tuple[str, str]]:
    reports = Reports(state)
    found = {r.txn: (r.status, r.de39) for r in reports.transactions(Filters())}
    reports.close()
    return found


def test_what_is_older_goes_and_the_rest_is_as_it_was(tmp_path: Path) -> None:
    state = made(tmp_path)
    before, chain, rows = recover(state, LIMITS).state, verify(state).chain, listed(state)
    result = pruned(state, 20)
    assert begins_on(state) == 20
    assert (result.files, result.rows, result.why) == (20, 20 * A_DAY, "")
    found = verify(state)
    assert (found.damage, found.chain, found.first) == ([], chain, result.first)
    assert found.notes == [
        f"{segments(journal_directory(state))[0].path}: the journal begins at record {result.first}: those before were "
        "pruned on 2026-01-04"
    ]
    assert recover(state, LIMITS).state == before
    assert listed(state) == {txn: row for txn, row in rows.items() if txn > 2_000}
    assert pruned(state, 20).files == 0


@pytest.mark.parametrize("index", ["pruned", "built anew", "none"])
def test_what_is_left_is_found_and_what_went_is_not(tmp_path: Path, index: str) -> None:
    state = made(tmp_path)
    history = IndexHistory(state)
    kept, gone = history.find(key(3_003)), history.find(key(303))
    assert kept is not None
    assert gone is not None
    pruned(state, 20)
    if index != "pruned":
        Path(index_path(state)).unlink()
    if index == "built anew":
        catch_up(state)
    assert history.find(key(3_003)) == kept
    assert history.find(key(303)) is None
    assert history.find(key(2_001)) is not None
    history.close()


def test_a_row_read_just_before_its_file_went_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = made(tmp_path)
    catch_up(state)
    history = IndexHistory(state)

    def meanwhile(look: Look, key_: Key) -> list[tuple[int, bytes]]:
        found = places_with_key(look, key_)
        pruned(state, 20)
        return found

    monkeypatch.setattr("switch.journal.history.places_with_key", meanwhile)
    assert history.find(key(303)) is None
    history.close()


def test_the_last_days_stay_for_repeats_are_looked_up_in_them(tmp_path: Path) -> None:
    state = made(tmp_path)
    assert "the last 8 days are kept" in pruned(state, DAYS).why
    assert begins_on(state) == DAYS - KEEP_S * 1_000_000 // DAY_US
    assert history_has(state, (DAYS - 7) * 100 + 1)


def history_has(state: Path, txn: int) -> bool:
    history = IndexHistory(state)
    found = history.find(key(txn)) is not None
    history.close()
    return found


@pytest.mark.parametrize("kind", ["open", "owed"])
def test_what_is_still_open_or_owed_stays_with_all_since(tmp_path: Path, kind: str) -> None:
    state = made(tmp_path, **{f"{kind}_on": 10})
    result = pruned(state, 20)
    assert f"is still {kind}" in result.why
    assert begins_on(state) == 10
    txn = 10 * 100 + A_DAY
    assert listed(state)[txn][0] == ("open" if kind == "open" else "reversed")


def test_a_journal_without_an_old_snapshot_stays_whole(tmp_path: Path) -> None:
    write(open_writer(tmp_path), [e for e in days() if not isinstance(e, Snapshot)])
    result = pruned(tmp_path, 20)
    assert (result.files, result.first, result.why) == (0, 1, "no snapshot is that old")
    assert not anchor_path(journal_directory(tmp_path)).exists()


def test_only_what_a_backup_has_goes(tmp_path: Path) -> None:
    state, target = tmp_path / "state", tmp_path / "backup"
    entries = days()
    writer = open_writer(state)
    write(writer, entries[:100])
    backup(state, target, NOW_US)
    write(writer, entries[100:])
    with pytest.raises(JournalError, match=r"does not hold all records from 1 to 220.*bring it up to date"):
        pruned(state, 20, target)
    assert verify(state).first == 1
    backup(state, target, NOW_US)
    assert pruned(state, 20, target).files == 20
    write(open_writer(tmp_path / "another"), [booted(), *days()])
    with pytest.raises(JournalError, match="does not hold"):
        pruned(tmp_path / "another", 20, target)


def test_a_backup_keeps_what_its_journal_pruned_and_goes_on(tmp_path: Path) -> None:
    state, target, again = tmp_path / "state", tmp_path / "backup", tmp_path / "again"
    entries = days(DAYS + 1)
    writer = open_writer(state)
    write(writer, entries[:-11])
    backup(state, target, NOW_US)
    pruned(state, 20, target)
    write(writer, entries[-11:])
    assert backup(state, target, NOW_US).manifest.parts[0].first == 1
    restore(target, again, without_key=True)
    found = verify(again)
    assert (found.damage, found.notes, found.records) == ([], [], len(entries))
    assert found.chain == verify(state).chain
    assert pruned(state, 25, target).files == 5


def test_a_backup_of_a_pruned_journal_begins_where_it_does(tmp_path: Path) -> None:
    state, target, again = tmp_path / "state", tmp_path / "backup", tmp_path / "again"
    made(state)
    first = pruned(state, 20).first
    backup(state, target, NOW_US)
    pruned(state, 25)
    backup(state, target, NOW_US)
    for place in (target, restored(target, again)):
        found = verify(place)
        assert (found.damage, found.first, found.chain) == ([], first, verify(state).chain)
        assert "cut short" not in found.notes[0]
    assert recover(again, LIMITS).state == recover(state, LIMITS).state


def restored(target: Path, again: Path) -> Path:
    restore(target, again, without_key=True)
    return again


def test_what_was_pruned_and_never_backed_up_is_a_gap_that_is_said(tmp_path: Path) -> None:
    state, target = tmp_path / "state", tmp_path / "backup"
    writer = open_writer(state)
    write(writer, days()[:100])
    backup(state, target, NOW_US)
    write(writer, days()[100:])
    pruned(state, 20)
    with pytest.raises(JournalError, match=r"ends at record 100, and the journal was pruned up to \d+ since"):
        backup(state, target, NOW_US)


def test_a_damaged_anchor_stops_no_switch_and_verify_says_what_to_do(tmp_path: Path) -> None:
    made(tmp_path)
    pruned(tmp_path, 20)
    anchor = anchor_path(journal_directory(tmp_path))
    anchor.write_text('{"first"')
    feed = Feed(tmp_path, "morocco", Limits())
    found = feed.open()
    feed.close()
    assert [(gap.first, gap.last) for gap in found.gaps] == [(1, segments(journal_directory(tmp_path))[0].first - 1)]
    assert "says where the pruned journal begins: " in verify(tmp_path).damage[0]
    assert "put back the copy that its backup has" in verify(tmp_path).damage[0]
    anchor.unlink()
    os.mkfifo(anchor)
    assert "is no regular file" in verify(tmp_path).damage[0]


def test_more_gone_than_was_pruned_is_damage(tmp_path: Path) -> None:
    state = made(tmp_path)
    pruned(state, 20)
    Path(segments(journal_directory(state))[0].path).unlink()
    assert "it was pruned up to 220 only; 221 is missing" in verify(state).damage[0]


def test_segments_gone_without_pruning_are_damage(tmp_path: Path) -> None:
    state = made(tmp_path)
    Path(segments(journal_directory(state))[0].path).unlink()
    assert "1 to 11 are missing, and it was never pruned" in verify(state).damage[0]


def test_another_journals_end_behind_a_pruned_beginning_is_damage(tmp_path: Path) -> None:
    state = made(tmp_path)
    pruned(state, 20)
    path = anchor_path(journal_directory(state))
    path.write_text(path.read_text().replace('"chain":"', '"chain":"0'))
    assert "not with the one it was pruned up to (chain)" in verify(state).damage[0]
    path.write_text("no anchor")
    assert "pruned.json: cannot be read" in verify(state).damage[0]


def test_pruning_cut_short_is_said_and_done_by_the_next(tmp_path: Path) -> None:
    state = made(tmp_path)
    saved = tmp_path / "saved"
    shutil.copytree(journal_directory(state), saved)
    first = pruned(state, 20).first
    for path in sorted(saved.glob("*.log"))[15:20]:
        shutil.copy2(path, journal_directory(state))
    found = verify(state)
    assert found.damage == []
    assert "pruning it up to 220 was cut short; prune again" in found.notes[0]
    assert recover(state, LIMITS).position == len(days())
    assert pruned(state, 20).first == first
    assert verify(state).first == first


def test_the_switch_goes_on_while_it_is_pruned(tmp_path: Path) -> None:
    feed = Feed(tmp_path, "morocco", LIMITS)
    feed.open()
    try:
        append(feed, days())
        feed.push()
        feed.close()
        feed = Feed(tmp_path, "morocco", LIMITS)
        found = feed.open()
        append(feed, [at(forwarded(9_001), NOW_US), at(answered(9_001), NOW_US)], found.position + 1)
        assert pruned(tmp_path, 20).files == 20
        append(feed, [at(forwarded(9_002), NOW_US), at(answered(9_002), NOW_US)], found.position + 3)
    finally:
        feed.close()
    assert verify(tmp_path).damage == []
    assert recover(tmp_path, LIMITS).state.last_txn == 9_002
    assert history_has(tmp_path, 9_002)


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(command, [str(a) for a in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_the_command_removes_nothing_unless_it_is_said_where_it_is_kept(tmp_path: Path) -> None:
    state = made(tmp_path / "state")
    before = ("prune", "--state", state, "--before", "2025-12-15T13:00")
    assert run(*before)[0] == 2
    assert run(*before, "--discard", "--kept-in", tmp_path)[0] == 2
    assert run("prune", "--state", state, "--discard", "--before", "soon")[0] == 2
    assert run(*before, "--kept-in", tmp_path / "none")[0] == 1
    assert run("prune", "--state", state, "--discard", "--before", "36500d")[1] == (
        "Nothing removed; the journal begins at record 1.\nNo more went: no snapshot is that old.\n"
    )
    assert verify(state).first == 1
    code, text = run(*before, "--discard")
    assert code == 0
    assert text.startswith("Removed 20 segments, ")
    assert text.endswith(" 100 transactions; the journal begins at record 221.\n")
    code, text = run("prune", "--state", state, "--discard", "--before", "2025-12-16T13:00", "--json")
    assert (json.loads(text)["files"], json.loads(text)["rows"]) == (1, 5)
