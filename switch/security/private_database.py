"""SQLite files that nobody but their owner may read."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from switch.security.files import FILE_MODE, make_private_directory, open_private


@contextmanager
def opening_database(path: Path) -> Iterator[sqlite3.Connection]:
    """One, made where it is missing (mode 0600), to be made ready in the body: closed where that raises, open behind it else.

    It may be used in any thread, and its transactions are the caller's. Raises OSError, sqlite3.Error.

    One that is there is opened in no other way: closing that would drop the locks that SQLite has on it in this process, and
    whoever closes it next elsewhere would take away the log that is in use here.
    """
    make_private_directory(path.parent)
    if not path.exists():
        os.close(open_private(path, os.O_RDWR))
    path.chmod(FILE_MODE)
    database = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
    try:
        yield database
    except BaseException:
        database.close()
        raise
