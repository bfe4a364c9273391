"""A running switch asks its history in the middle of payments: it never waits for the process that builds the index."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest

from switch.core.records.records import AnyEntry
from switch.journal.history import IndexHistory
from switch.journal.index import Index, index_path
from tests.journal.samples import answered, booted, catch_up, day, forwarded, key, written
from tests.journal.test_index import keys, remembered


def test_history_does_not_wait_for_whoever_builds_the_index(tmp_path: Path) -> None:
    """The process that builds has the lowest priority: on a busy core its transaction lasts for seconds, and payments wait."""
    entries = day(40)
    written(tmp_path, entries)
    index = Index(tmp_path)
    index.catch_up()
    history, expected = IndexHistory(tmp_path), remembered(entries)
    reached = index.place()
    assert reached is not None
    index.database.execute("BEGIN IMMEDIATE")
    assert history.reached() == reached.sequence
    assert all(history.find(each) == expected.find(each) for each in keys(entries))
    history.close()
    index.database.execute("ROLLBACK")
    index.close()


def test_history_answers_from_the_log_while_somebody_has_the_index_to_himself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries, told = day(40), list[str]()
    written(tmp_path, entries)
    index = Index(tmp_path)
    index.catch_up()
    index.close()
    history, expected = IndexHistory(tmp_path, told.append), remembered(entries)
    alone = sqlite3.connect(index_path(tmp_path), isolation_level=None, timeout=0)
    alone.execute("PRAGMA locking_mode = EXCLUSIVE")
    alone.execute("BEGIN EXCLUSIVE")
    assert history.reached() == 0
    assert all(history.find(each) == expected.find(each) for each in keys(entries))
    with closing(sqlite3.connect(index_path(tmp_path), timeout=0)) as other, pytest.raises(sqlite3.Error) as locked:
        other.execute("PRAGMA user_version")
    alone.close()

    def look(*_: object) -> NoReturn:
        raise locked.value

    assert history.reached() > 0
    with monkeypatch.context() as later:
        later.setattr("switch.journal.tables.Tables.look", look)
        assert history.find(key(11)) == expected.find(key(11))
    assert history.reached() > 0
    assert told == [], "nothing is damaged"
    history.close()


def test_history_leaves_an_index_of_another_version_to_who_builds_it(tmp_path: Path) -> None:
    entries = day(40)
    written(tmp_path, entries)
    catch_up(tmp_path)
    database = sqlite3.connect(index_path(tmp_path))
    database.execute("PRAGMA user_version = 77")
    database.close()
    history = IndexHistory(tmp_path)
    assert history.reached() == 0
    assert history.find(key(11)) == remembered(entries).find(key(11))
    catch_up(tmp_path)
    assert history.reached() > 0
    history.close()


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize("rrn", ["ABC12       ", "     ABC1234", "ABC123456789"])
def test_an_old_payment_is_found_by_its_reference_however_that_is_filled_up(
    tmp_path: Path, rrn: str, indexed: bool
) -> None:
    """DE37 has twelve places, and hosts fill it up with blanks: memory knows a payment by what stands between them."""
    asked = forwarded(7)
    entries: list[AnyEntry] = [
        booted(),
        msgspec.structs.replace(asked, elements={**asked.elements, "37": rrn}),
        answered(7),
    ]
    written(tmp_path, entries)
    if indexed:
        index = Index(tmp_path)
        index.catch_up()
        index.close()
    history, name = IndexHistory(tmp_path), rrn.strip()
    found = history.find_named(asked.key[0], name)
    assert len(found) == 1
    assert found == remembered(entries).find_named(asked.key[0], name)
    history.close()
