"""A database that several processes may open at once is given its write-ahead log here."""

import sqlite3
import time
from collections.abc import Callable
from typing import Final

_TRY_AGAIN_S: Final = 0.02
_TRIES: Final = 1_500
"""together half a minute, as long as SQLite itself is told to wait for a lock"""


def write_ahead(database: sqlite3.Connection, wait: Callable[[float], object] = time.sleep) -> None:
    """Changes are written to a log beside it from now on, which those who read need not wait for. Raises sqlite3.Error.

    Who opens a new file while another does is told that it is locked, whatever the connection's time-out: two that have both
    read and now want to write would wait for each other (sqlite.org, sqlite3_busy_handler). So it is asked for again.
    """
    for _ in range(_TRIES):
        try:
            database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            wait(_TRY_AGAIN_S)
        else:
            return
    database.execute("PRAGMA journal_mode = WAL")
