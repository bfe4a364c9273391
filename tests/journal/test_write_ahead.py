"""Several who open a database that is new."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from switch.journal.index import Index
from switch.journal.write_ahead import write_ahead


def test_two_who_open_a_new_one_at_once_wait_for_each_other(tmp_path: Path) -> None:
    """A switch that starts, and a command that somebody types at that moment."""
    with closing(sqlite3.connect(tmp_path / "index.sqlite", isolation_level=None, check_same_thread=False)) as first:
        first.execute("BEGIN IMMEDIATE")
        done = threading.Timer(0.2, first.execute, ("COMMIT",))
        done.start()
        index = Index(tmp_path)
        done.join()
        assert index.place() is None
        index.close()


def test_what_stays_locked_is_said_after_half_a_minute(tmp_path: Path) -> None:
    waits: list[float] = []
    with closing(sqlite3.connect(tmp_path / "x", isolation_level=None)) as first:
        first.execute("BEGIN IMMEDIATE")
        with (
            closing(sqlite3.connect(tmp_path / "x", isolation_level=None, timeout=0)) as second,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            write_ahead(second, waits.append)
    assert sum(waits) == pytest.approx(30)
