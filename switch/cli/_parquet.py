"""The ledger as a Parquet file, which DuckDB writes: the extra `parquet`."""

import csv
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from switch.ledger.entries import Entry


def write_parquet(path: Path, entries: "Iterable[Entry]") -> int:
    """Write the file, which takes its name when it is whole; how many entries. ClickException: the extra is not installed, or an
    entry is of an unknown currency. OSError: the disk.

    Rows go through a file of comma-separated values beside it, so that a ledger of any size takes little memory.
    """
    try:
        import duckdb
    except ImportError:
        raise click.ClickException("--format parquet needs DuckDB: pip install 'cmi-switch[parquet]'") from None
    from switch.ledger.columns import COLUMNS, rows
    from switch.security.files import let_be_read

    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as beside:
        values, made = Path(beside, "rows.csv"), Path(beside, "made.parquet")
        with values.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            for entry in entries:
                writer.writerows(rows(entry))
                count += 1
        try:
            with duckdb.connect() as database:
                table = database.read_csv(
                    str(values), header=False, auto_detect=False, sep=",", quotechar='"', columns=COLUMNS
                )
                table.write_parquet(str(made), compression="zstd")
        except duckdb.Error as error:
            raise click.ClickException(f"{path}: DuckDB could not write it: {error}") from None
        with made.open("rb") as done:
            os.fsync(done.fileno())
        let_be_read(made)
        os.replace(made, path)
    return count
