"""The index may lag, be deleted or be wrong about nothing: what it and the log say together is always the truth."""

import json
import os
import select
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from switch.cli.journal import command
from switch.core.limits import Limits
from switch.core.records.day_records import Cutover
from switch.core.records.records import AnyEntry, Key
from switch.journal.history import IndexHistory
from switch.journal.index import Index, index_path
from switch.journal.indexer import follow
from switch.journal.log import JournalError
from switch.journal.memory import DictHistory, MemoryJournal
from switch.journal.projections.days import last_close
from switch.journal.projections.transactions import Row, find
from switch.journal.recovery import journal_directory, recover, settle
from switch.journal.reports import Filters, Reports
from tests.journal.samples import (
    MASKED,
    START_US,
    answered,
    booted,
    catch_up,
    day,
    delivered,
    find_outcome,
    forwarded,
    key,
    newest,
    open_writer,
    owed,
    stood_in,
    write,
    written,
)


def remembered(entries: list[AnyEntry]) -> DictHistory:
    journal = MemoryJournal()
    for position, entry in enumerate(entries, 1):
        journal.append(position, entry)
    journal.close()
    return DictHistory(journal)


def keys(entries: list[AnyEntry]) -> set[Key]:
    named: Iterable[Key | None] = (getattr(entry, "key", None) for entry in entries)
    return {key for key in named if key is not None and key[0]}


def rows(state: Path) -> list[Row]:
    with closing(Reports(state)) as reports:
        return reports.transactions(Filters())


@pytest.mark.parametrize("indexed", [0, 1, 40, 110, 170])
def test_history_is_right_however_far_the_index_lags(tmp_path: Path, indexed: int) -> None:
    entries = [*day(80), forwarded(999)]
    writer = open_writer(tmp_path, bound=9_000)
    write(writer, entries[:indexed])
    if indexed:
        index = Index(tmp_path)
        index.catch_up()
        index.close()
    history = IndexHistory(tmp_path)
    assert history.reached() == max(0, indexed - 1), "that the newest is durable is known by what follows it"
    for at in (indexed, len(entries)):
        write(writer, entries[writer.durable : at])
        expected = remembered(entries[:at])
        for each in keys(entries):
            assert history.find(each) == expected.find(each)
    history.close()


def test_history_needs_no_index_and_none_appears(tmp_path: Path) -> None:
    entries = day(20)
    written(tmp_path, entries)
    history = IndexHistory(tmp_path)
    assert history.find(key(11)) == remembered(entries).find(key(11))
    assert history.find(key(500)) is None
    assert history.reached() == 0
    assert not os.path.exists(index_path(tmp_path))


def test_history_sees_an_index_made_anew_under_it(tmp_path: Path) -> None:
    entries = day(40)
    written(tmp_path, entries)
    history, expected = IndexHistory(tmp_path), remembered(entries)
    for _ in range(2):
        index = Index(tmp_path)
        index.catch_up()
        index.close()
        assert all(history.find(each) == expected.find(each) for each in keys(entries))
        for suffix in ("", "-wal", "-shm"):
            Path(index_path(tmp_path) + suffix).unlink(missing_ok=True)
    assert all(history.find(each) == expected.find(each) for each in keys(entries))
    history.close()


def test_the_newest_of_two_transactions_with_one_key_is_found(tmp_path: Path) -> None:
    last_year, now = forwarded(1), forwarded(1_000_001)
    assert last_year.key == now.key
    written(tmp_path, [booted(), last_year, answered(1), now, answered(1_000_001, "51")])
    catch_up(tmp_path)
    found = find_outcome(tmp_path, now.key)
    assert found is not None
    assert (found.txn, found.de39) == (1_000_001, "51")


def test_an_index_deleted_and_built_again_is_the_same(tmp_path: Path) -> None:
    written(tmp_path, day(300), bound=20_000)
    index = Index(tmp_path)
    while index.batch(37):
        pass
    index.close()
    in_small_batches = rows(tmp_path)
    Path(index_path(tmp_path)).unlink()
    assert rows(tmp_path) == in_small_batches
    assert len(in_small_batches) == len(day(300)) - sum(1 for e in day(300) if not hasattr(e, "key"))


def test_only_what_is_known_to_be_durable_is_indexed(tmp_path: Path) -> None:
    write(open_writer(tmp_path), [booted(), forwarded(1), answered(1), forwarded(2)], batch=2)
    with closing(Index(tmp_path)) as index:
        assert index.catch_up() == 2
    assert [(r.txn, r.status) for r in rows(tmp_path)] == [(2, "open"), (1, "approved")]


def test_the_index_goes_on_when_a_segment_is_superseded(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    write(writer, day(5))
    durable, chain = writer.durable, writer.chain_durable
    write(writer, day(5, first=11))
    catch_up(tmp_path)
    again = open_writer(tmp_path, durable, chain)  # acknowledgements after `durable` never arrived
    write(again, day(10, first=11))
    again.close()
    found = rows(tmp_path)
    Path(index_path(tmp_path)).unlink()
    assert [(r.txn, r.status, r.de39) for r in rows(tmp_path)] == [(r.txn, r.status, r.de39) for r in found]


def test_an_index_of_another_journal_is_built_anew(tmp_path: Path) -> None:
    written(tmp_path, [booted(), forwarded(7), answered(7)])
    catch_up(tmp_path)
    newest(tmp_path).unlink()
    written(tmp_path, [booted(), forwarded(8), answered(8), forwarded(9)])
    assert [r.txn for r in rows(tmp_path)] == [9, 8]


def test_an_index_that_knows_more_than_the_log_is_kept_as_a_witness(tmp_path: Path) -> None:
    """What it has was durable: emptying it would hide that the log has lost its end."""
    written(tmp_path, day(30))
    catch_up(tmp_path)
    newest(tmp_path).unlink()
    written(tmp_path, [booted(), forwarded(7)])
    with pytest.raises(JournalError, match=r"knows records up to 64, and .* ends at 2: records are missing"):
        rows(tmp_path)
    index = Index(tmp_path)
    assert find(index.look, 3) is not None
    index.close()


def test_a_damaged_index_is_built_anew(tmp_path: Path) -> None:
    written(tmp_path, day(30))
    Path(index_path(tmp_path)).write_bytes(b"no database" * 1_000)
    assert len(rows(tmp_path)) > 30


def test_an_index_of_another_version_is_built_anew(tmp_path: Path) -> None:
    written(tmp_path, day(30))
    expected = rows(tmp_path)
    database = sqlite3.connect(index_path(tmp_path))
    database.execute("PRAGMA user_version = 77")
    database.execute("DROP TABLE transactions")
    database.close()
    assert rows(tmp_path) == expected


def test_the_follower_indexes_what_is_written_and_ends_with_its_input(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    write(writer, day(10))
    with subprocess.Popen(
        [sys.executable, "-m", "switch.journal.indexer", "--dir", str(tmp_path), "--follow"], stdin=subprocess.PIPE
    ) as follower:
        index = Index(tmp_path)
        for first in (21, 41):
            write(writer, day(10, first=first))
            while (index.place() or (0, 0, 0))[2] < writer.durable - 1:
                assert follower.poll() is None
                select.select([], [], [], 0.01)
        assert follower.stdin is not None
        follower.stdin.close()
        assert follower.wait(10) == 0
    index.close()


@pytest.mark.parametrize(("payments", "at_once"), [(10, False), (5_000, True)])
def test_a_little_lies_for_a_while_and_much_is_indexed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, payments: int, at_once: bool
) -> None:
    """What is not indexed is searched by whoever asks: a batch may wait as long as that is little."""
    monkeypatch.setattr("switch.journal.indexer.PEEK_S", 0.02)
    monkeypatch.setattr("switch.journal.indexer.FOLLOW_BYTES", 300_000)
    writer = open_writer(tmp_path)
    write(writer, day(10))
    reading, writing = os.pipe()
    following = threading.Thread(target=follow, args=(tmp_path, reading))
    following.start()
    index = Index(tmp_path)

    def indexed(records: int, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while (place := index.place()) is None or place.sequence < records:
            if time.monotonic() > until:
                return False
            time.sleep(0.005)
        return True

    try:
        assert indexed(18, 30)
        write(writer, day(payments, first=21), batch=100)
        monkeypatch.setattr("switch.journal.indexer.FOLLOW_S", 3_600)
        assert indexed(38 if not at_once else 1_000, 30 if at_once else 0.3) is at_once
    finally:
        os.close(writing)
        following.join()
        os.close(reading)
        index.close()


def test_its_process_goes_on_behind_a_day_that_was_closed(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    closed = Cutover(at_us=START_US + 1, day="2025-11-26", closed="2025-11-25", by="operator")
    command = [sys.executable, "-m", "switch.journal.indexer", "--dir", str(tmp_path)]
    for entries in ([*day(10), closed], day(10, first=21)):
        write(writer, entries)
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
    index = Index(tmp_path)
    assert last_close(index.look) == closed
    index.close()


def test_rows_tell_how_each_payment_ended(tmp_path: Path) -> None:
    written(tmp_path, day(10))
    told = {r.txn: (r.status, r.de39, r.reversed_by, r.reason) for r in rows(tmp_path)}
    assert told[1] == ("refused", "15", 0, "no such issuer")
    assert told[3] == ("abandoned", "91", 0, "link lost")
    assert told[5] == ("reversed", "91", 6, "timeout")
    assert told[6] == ("delivered", "00", 0, "timeout")
    assert told[7] == ("reversed", "00", 8, "")
    assert told[8] == ("owed", "", 0, "acquirer")
    assert told[9] == ("declined", "51", 0, "")
    assert told[11] == ("approved", "00", 0, "")


def test_reports_need_no_right_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, day(10))
    expected = rows(tmp_path)
    Path(index_path(tmp_path)).unlink()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert rows(tmp_path) == expected
    assert not os.path.exists(index_path(tmp_path))


def test_filters_narrow_the_list(tmp_path: Path) -> None:
    written(tmp_path, day(50))
    reports = Reports(tmp_path)
    assert {r.de39 for r in reports.transactions(Filters(de39="51"))} == {"51"}
    assert {r.host for r in reports.transactions(Filters(host="bank-a"))} == {"bank-a"}
    assert reports.transactions(Filters(acquirer="nobody")) == []
    newest_five = reports.transactions(Filters(), limit=5)
    assert [r.txn for r in newest_five] == sorted((r.txn for r in newest_five), reverse=True)
    assert {r.at_us >= START_US + 90 for r in reports.transactions(Filters(since_us=START_US + 90))} == {True}
    assert {r.status for r in reports.transactions(Filters(status="reversed"))} == {"reversed"}
    reports.close()


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_list_shows_transactions_in_hexadecimal_and_as_json(tmp_path: Path) -> None:
    written(tmp_path, [booted(), forwarded(0x1A2B), answered(0x1A2B)])
    code, text = run("list", "--state", str(tmp_path))
    assert code == 0
    assert text.split() == [
        "1a2b", "2025-11-25T12:00:00.006Z", "0200", "100001", "bank-a", "domestic", MASKED, "123.45", "MAD", "00", "approved",
    ]  # fmt: skip
    code, text = run("list", "--state", str(tmp_path), "--json", "--since", "2025-11-25T13:00+01:00")
    row = json.loads(text)
    assert (row["txn"], row["amount"], row["currency"], row["status"]) == ("1a2b", 12_345, "504", "approved")
    assert run("list", "--state", str(tmp_path), "--since", "2025-11-25T12:01") == (0, "")


def test_show_has_every_record_of_a_transaction_and_no_sealed_pan(tmp_path: Path) -> None:
    written(tmp_path, day(10))
    code, text = run("show", "7", "--state", str(tmp_path))
    assert code == 0
    assert [line for line in text.splitlines() if line.startswith(("record", "Transaction"))] == [
        "record 8  2025-11-25T12:00:00.000Z  forwarded to the host",
        "record 9  2025-11-25T12:00:00.000Z  answered by the host",
        "record 10  2025-11-25T12:00:00.000Z  owed to the host",
        "Transaction 7: reversed by 8, DE39=00",
    ]
    assert "000000000007" in text
    assert "Retrieval Reference Number" in text
    assert "sealed" not in text
    code, text = run("show", "5", "--state", str(tmp_path), "--json")
    assert [json.loads(line)["fact"] for line in text.splitlines()] == ["Forwarded", "Owed", "Delivered"]


@pytest.mark.parametrize("indexed", [True, False])
def test_what_was_stood_in_for_is_listed_shown_and_found_again(tmp_path: Path, indexed: bool) -> None:
    written(tmp_path, [booted(), stood_in(6), delivered(7), owed(8, 6)])
    if indexed:
        catch_up(tmp_path)
    listed = {row.txn: row for row in rows(tmp_path)}
    assert (listed[6].route, listed[6].status, listed[6].reversed_by) == ("stand-in", "reversed", 8)
    assert (listed[6].reason, listed[7].reason, listed[7].status) == ("stand-in for debit", "stand-in", "delivered")
    outcome = find_outcome(tmp_path, key(6))
    assert outcome is not None
    assert (outcome.txn, outcome.de39, outcome.elements, outcome.reversed_by) == (6, "00", {"38": "S00001"}, 8)
    code, text = run("show", "6", "--state", str(tmp_path))
    assert code == 0
    assert "approved by the switch in its issuer's place" in text
    assert "S00001" in text
    code, text = run("show", "6", "--state", str(tmp_path), "--json")
    assert json.loads(text.splitlines()[0])["advice"] == "7"


def test_what_was_approved_or_taken_back_in_part_is_listed_with_what_stands(tmp_path: Path) -> None:
    part = msgspec.structs.replace(owed(5, 4), message=owed(5, 4).message | {"95": "000000003000".ljust(42, "0")})
    less = msgspec.structs.replace(answered(2, "10"), elements={"4": "000000006000"})
    written(tmp_path, [booted(), forwarded(2), less, forwarded(4), answered(4), part])
    listed = {row.txn: row for row in rows(tmp_path)}
    assert (listed[2].amount, listed[2].status, listed[2].de39) == (60_00, "approved", "10")
    assert (listed[4].amount, listed[4].status, listed[4].reversed_by) == (30_00, "approved", 0)
    found = find_outcome(tmp_path, key(4))
    assert found is not None
    assert (found.amount, found.reversed_by) == (30_00, 0)


def test_what_cannot_be_shown_is_said(tmp_path: Path) -> None:
    written(tmp_path, [booted()])
    assert run("show", "ff", "--state", str(tmp_path))[0] == 1
    assert "no transaction ff" in run("show", "ff", "--state", str(tmp_path))[1]
    assert run("show", "xyz", "--state", str(tmp_path))[0] == 2
    assert run("list", "--state", str(tmp_path / "none"))[0] == 1
    assert "no journal here" in run("list", "--state", str(tmp_path / "none"))[1]
    assert "is no time like" in run("list", "--state", str(tmp_path), "--since", "noon")[1]


def test_verify_exits_1_at_damage_and_says_where(tmp_path: Path) -> None:
    path = written(tmp_path, day(10))
    code, text = run("verify", "--state", str(tmp_path))
    assert code == 0
    assert f"{len(day(10))} records (1 to {len(day(10))}) in 1 segment: sound; chain " in text
    data = bytearray(path.read_bytes())
    at = data.find(b"TERM0001")
    data[at] ^= 4
    path.write_bytes(data)
    code, text = run("verify", "--state", str(tmp_path))
    assert code == 1
    assert f"damage: {path} at byte " in text
    assert json.loads(run("verify", "--state", str(tmp_path), "--json")[1])["sound"] is False


def test_what_recovery_wrote_again_is_indexed_once(tmp_path: Path) -> None:
    write(open_writer(tmp_path), day(20), batch=3)
    catch_up(tmp_path)
    found = recover(tmp_path, Limits())
    assert found.tail
    settle(tmp_path, "morocco", found)
    assert journal_directory(tmp_path)
    history, expected = IndexHistory(tmp_path), remembered(day(20))
    assert all(history.find(each) == expected.find(each) for each in keys(day(20)))
    history.close()
    assert len({r.txn for r in rows(tmp_path)}) == len(rows(tmp_path))
