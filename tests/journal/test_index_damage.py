"""An index that is damaged in its middle opens like any other: whoever reads it finds out, and builds it anew or says how."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from switch.journal.history import IndexHistory
from switch.journal.index import Index, IndexDamagedError, index_path
from switch.journal.ledgers import open_ledger
from switch.journal.recovery import journal_directory
from switch.journal.reports import Filters, Reports
from tests.journal.samples import day, key, written
from tests.journal.test_index import remembered

PAGE = 4096
MAD = "504"


def damage(state: Path, hits: Callable[[int, int], bool]) -> None:
    """The index of all that is written, with other bytes on the pages that `hits` (number, of how many) picks."""
    index = Index(state)
    index.catch_up()
    index.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    index.close()
    path = Path(index_path(state))
    data = bytearray(path.read_bytes())
    pages = len(data) // PAGE
    for page in range(pages):
        if hits(page, pages):
            data[page * PAGE : (page + 1) * PAGE] = b"\xa5" * PAGE
    path.write_bytes(data)


def rows_and_days(state: Path) -> object:
    reports = Reports(state)
    try:
        return reports.transactions(Filters()), [day.day for day in reports.days(0)]
    finally:
        reports.close()


def test_what_reads_all_of_it_at_once_builds_it_anew(tmp_path: Path) -> None:
    written(tmp_path, day(150), batch=1_000)
    expected = rows_and_days(tmp_path)
    damage(tmp_path, lambda page, _: page > 2)
    assert rows_and_days(tmp_path) == expected
    assert rows_and_days(tmp_path) == expected


def test_what_meets_it_further_on_says_what_to_do(tmp_path: Path) -> None:
    written(tmp_path, day(150), batch=1_000)
    damage(tmp_path, lambda page, pages: page > pages // 2)
    reports = Reports(tmp_path)
    with pytest.raises(IndexDamagedError, match=r"index.sqlite: damaged: .*; delete it with its -wal and -shm"):
        reports.transactions(Filters())
    reports.close()


@pytest.mark.parametrize("hits", [lambda page, _: page > 2, lambda page, pages: page > pages // 2])
def test_a_ledger_is_folded_from_the_log_instead(tmp_path: Path, hits: Callable[[int, int], bool]) -> None:
    written(tmp_path, day(150), batch=1_000)

    def positions() -> object:
        with open_ledger(tmp_path, MAD) as view:
            assert view.now is not None
            return view.now, view.positions(view.now)

    expected = positions()
    damage(tmp_path, hits)
    assert positions() == expected


def test_a_payment_is_answered_from_the_log_though_another_index_is_there_at_once(tmp_path: Path) -> None:
    """The process that builds it is quick: it may have the new one to itself when the payment asks again."""
    entries = day(80)
    written(tmp_path, entries, batch=1_000)
    damage(tmp_path, lambda page, _: page > 2)
    taken: list[sqlite3.Connection] = []

    def build_another(_: str) -> None:
        index = Index(tmp_path)
        index.catch_up()
        index.close()
        alone = sqlite3.connect(index_path(tmp_path), isolation_level=None, timeout=0)
        alone.execute("PRAGMA locking_mode = EXCLUSIVE")
        alone.execute("BEGIN EXCLUSIVE")
        taken.append(alone)

    history = IndexHistory(tmp_path, build_another)
    assert history.find(key(11)) == remembered(entries).find(key(11))
    assert len(taken) == 1
    taken[0].close()
    history.close()


def test_a_file_of_somebody_else_in_the_journal_is_nobodys_segment(tmp_path: Path) -> None:
    written(tmp_path, day(40), batch=1_000)
    expected = rows_and_days(tmp_path)
    for name in ("notes.log", "backup.old.log", ".log"):
        (Path(journal_directory(tmp_path)) / name).write_text("restored on Tuesday\n")
    Path(index_path(tmp_path)).unlink()
    assert rows_and_days(tmp_path) == expected
