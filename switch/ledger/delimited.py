"""Tables as banks' systems and spreadsheets write them: bytes to a header and records, and how they were read. Pure."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Final

import msgspec

SEPARATORS: Final = (",", ";", "\t", "|")
"""the plainest first"""
BEFORE_MAX: Final = 20
"""lines that may stand before the header: a bank's name, a period"""
HEADER_MAX: Final = 100_000
"""characters of one; below what `csv` takes for a field"""
_NO_TEXT: Final = {
    b"PK\x03\x04": "a spreadsheet (.xlsx) or an archive: save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "a spreadsheet (.xls): save the sheet as CSV",
    b"\x1f\x8b": "compressed: unpack it first",
    b"%PDF": "a page (PDF): ask for the table as CSV",
}
_KEPT_AS_TEXT: Final = re.compile(r"""=\s*"([^"]*)"|'([0-9].*)""")
"""how spreadsheets are kept from taking digits for a number"""


class TableError(ValueError):
    """A file that is no table: where, and what was expected."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """What a file has."""

    line: int
    """number of the header's"""
    header: tuple[str, ...]
    records: tuple[tuple[int, list[str]], ...]
    """each with the number of its last line; as many fields as the header has; none that is all blank"""
    notes: tuple[str, ...]
    """how it was read, where that is not the plainest way"""


def read_table(data: bytes, wanted: Iterable[str]) -> Table:
    """A table whose header has the `wanted` titles, in upper case or lower; the separator is the one that they stand there by.
    Raises TableError."""
    text, notes = _decode(data)
    titles, begun = {title.casefold() for title in wanted}, 1
    if text[:4].casefold() == "sep=":  # a spreadsheet's own note
        text, begun = text.partition("\n")[2], 2
    lines = text.splitlines(keepends=True)
    before = next((at for at, line in enumerate(lines[: BEFORE_MAX + 1]) if _stand_by(line, titles)), 0)
    if before:
        text, begun = "".join(lines[before:]), begun + before
        notes.append(f"{before} lines before the header")
    separator = _separator(next(iter(text.splitlines()), ""), titles)
    if separator != SEPARATORS[0]:
        notes.append(f"separated by {'tabs' if separator == chr(9) else separator}")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        header = tuple(title.strip() for title in next(reader, []))
        records = tuple(
            (reader.line_num + begun - 1, [_plain(field) for field in fields])
            for fields in reader
            if any(map(str.strip, fields))
        )
    except csv.Error as error:
        raise TableError(f"line {reader.line_num + begun - 1}: {error}") from None
    for number, fields in records:
        if len(fields) != len(header):
            raise TableError(
                f"line {number}: expected {len(header)} fields, as the header has, and found {len(fields)}"
            )
    return Table(line=begun, header=header, records=records, notes=tuple(notes))


def column(table: Table, title: str) -> int | None:
    """Where a column stands, by its title in upper case or lower; None: there is none. Raises TableError where there are two."""
    folded = [one.casefold() for one in table.header]
    times = folded.count(title.casefold())
    if times > 1:
        raise TableError(f"line {table.line}: there are {times} columns {title}")
    return folded.index(title.casefold()) if times else None


def _plain(field: str) -> str:
    found = _KEPT_AS_TEXT.fullmatch(field.strip())
    return (found[1] or found[2] or "") if found is not None else field


def _decode(data: bytes) -> tuple[str, list[str]]:
    """What is text of it, as far as what counts is ASCII: then Latin-1 does for whatever a bank's titles are written in. Raises
    TableError."""
    for begins, what in _NO_TEXT.items():
        if data.startswith(begins):
            raise TableError(f"this is no list but {what}")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16"), ["UTF-16"]
        except UnicodeDecodeError as error:
            raise TableError(f"byte {error.start} is no UTF-16, which it begins as") from None
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        return data.decode("latin-1"), [f"Latin-1: byte {error.start} is no UTF-8"]


def _separator(first: str, wanted: set[str]) -> str:
    """By which the wanted titles stand in the first line; where none does, the one that it has most of."""
    return _stand_by(first, wanted) or max(SEPARATORS, key=first.count)


def _stand_by(line: str, wanted: set[str]) -> str:
    """The separator by which the wanted titles stand in a line; "": they do not."""
    if len(line) > HEADER_MAX:
        return ""
    for separator in SEPARATORS:
        titles = next(csv.reader([line], delimiter=separator), [])
        if wanted <= {title.strip().casefold() for title in titles}:
            return separator
    return ""
