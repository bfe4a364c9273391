"""Tables as banks' systems and spreadsheets write them: bytes to a header and records, and how they were read. Pure."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

SEPARATORS: Final = (",", ";", "\t", "|")
"""the plainest first"""


class TableError(ValueError):
    """A file that is no table: where, and what was expected."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """What a file has."""

    header: tuple[str, ...]
    records: tuple[tuple[int, list[str]], ...]
    """each with the number of its last line; as many fields as the header has; none that is all blank"""
    notes: tuple[str, ...]
    """how it was read, where that is not the plainest way"""


def read_table(data: bytes, wanted: Iterable[str]) -> Table:
    """A table whose header has the `wanted` titles, in upper case or lower; the separator is the one that they stand there by.
    Raises TableError."""
    text, notes = _decode(data)
    begun = 1
    if text[:4].casefold() == "sep=":  # a spreadsheet's own note
        text, begun = text.partition("\n")[2], 2
    separator = _separator(next(iter(text.splitlines()), ""), {title.casefold() for title in wanted})
    if separator != SEPARATORS[0]:
        notes.append(f"separated by {'tabs' if separator == chr(9) else separator}")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        header = tuple(title.strip() for title in next(reader, []))
        records = tuple((reader.line_num + begun - 1, fields) for fields in reader if any(map(str.strip, fields)))
    except csv.Error as error:
        raise TableError(f"line {reader.line_num + begun - 1}: {error}") from None
    for number, fields in records:
        if len(fields) != len(header):
            raise TableError(
                f"line {number}: expected {len(header)} fields, as the header has, and found {len(fields)}"
            )
    return Table(header=header, records=records, notes=tuple(notes))


def column(header: Sequence[str], title: str) -> int | None:
    """Where a column stands, by its title in upper case or lower; None: there is none. Raises TableError where there are two."""
    folded = [one.casefold() for one in header]
    times = folded.count(title.casefold())
    if times > 1:
        raise TableError(f"line 1: there are {times} columns {title}")
    return folded.index(title.casefold()) if times else None


def _decode(data: bytes) -> tuple[str, list[str]]:
    """What is text of it, as far as what counts is ASCII: then Latin-1 does for whatever a bank's titles are written in."""
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
    for separator in SEPARATORS:
        titles = next(csv.reader([first], delimiter=separator), [])
        if wanted <= {title.strip().casefold() for title in titles}:
            return separator
    return max(SEPARATORS, key=first.count)
