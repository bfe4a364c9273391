"""A member's clearing file: each move of a window that it takes part in, in one currency, with sums that are its position.

Lines of comma-separated values, UTF-8, each ended by a line feed. A header (`H`), a row (`R`) a move, a trailer (`T`), whose
SHA-256 is that of all bytes above it. Amounts are minor units; above zero the member gets them. Pure: entries in, bytes out, a
few lines at a time, for a day of a million does not fit into memory twice.
"""

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from switch.ledger.entries import Entry, Window
from switch.ledger.netting import Settlement
from switch.money.currency import currency

VERSION: Final = "1"
HEADER: Final = ("H", "file", "window", "member", "currency", "version")
ROW: Final = (
    "R",
    "sequence",
    "txn",
    "what",
    "counters",
    "of_day",
    "scheme",
    "with",
    "merchant",
    "kind",
    "amount",
)
TRAILER: Final = ("T", "rows", "debits", "credits", "sha256")
"""debits: what the member pays in all, credits: what it gets, both n 16"""
SUM_DIGITS: Final = 16
_NO_FILE: Final = "no clearing file, or a part of one: it begins with a line H and ends with a line T"
_NO_ROW: Final = "a line between header and trailer is no row"
_FLUSH_ENTRIES: Final = 1_000


class ClearingError(ValueError):
    """Rows that do not come to the member's position, or a file that is not what it says. Nothing is to be made of it."""


def file_name(window: Window, member: str, code: str) -> str:
    """`2026-11-27-1.atlas.MAD.clearing.csv`, which is also the file's id."""
    return f"{window.day}-{window.number}.{member}.{currency(code).alpha}.clearing.csv"


class ClearingFile:
    """One file, written as its rows come."""

    def __init__(self, window: Window, member: str, code: str, write: Callable[[bytes], object]) -> None:
        """`write`: takes the bytes, in their order."""
        self.name = file_name(window, member, code)
        self.lines: list[str] = []
        """rows that are not written yet"""
        self.rows = 0
        self.pays = 0
        """minor units"""
        self.gets = 0
        self._write = write
        self._hash = hashlib.sha256()
        self.put(_line(("H", self.name, str(window), member, currency(code).alpha, VERSION)))

    def put(self, text: str) -> None:
        """Write it."""
        data = text.encode()
        self._hash.update(data)
        self._write(data)

    @property
    def digest(self) -> str:
        """SHA-256 of all that is written."""
        return self._hash.hexdigest()

    def flush(self) -> None:
        """Write the rows that are not written yet."""
        self.rows += len(self.lines)
        self.put("".join(self.lines))
        self.lines.clear()

    def end(self, settlement: Settlement, member: str, code: str) -> None:
        """Write the trailer. ClearingError: the rows do not come to the member's positions."""
        self.flush()
        positions = [
            p
            for netted in (*settlement.net, *settlement.bilateral)
            if netted.currency == code
            for p in netted.positions
            if p.party == member
        ]
        owes, owed = sum(p.owes for p in positions), sum(p.owed for p in positions)
        if (self.pays, self.gets) != (owes, owed):
            raise ClearingError(
                f"{settlement.window}, {member}: rows come to {self.pays} and {self.gets} minor units, its positions to "
                f"{owes} and {owed}"
            )
        self.put(_line(("T", str(self.rows), n16(self.pays), n16(self.gets), self._hash.hexdigest())))


class _Cell:
    """The moves of one kind from a payer to a payee in one currency: what they come to, and where their rows go."""

    def __init__(self, pays: list[str] | None, gets: list[str] | None) -> None:
        """`pays`, `gets`: rows of the payer's file and of the payee's; None: it has none."""
        self.amount = 0
        self.pays = pays
        self.gets = gets


class ClearingFiles:
    """The files of a window, one a member and currency, written as its entries come."""

    def __init__(
        self, window: Window, members: Iterable[str], begin: Callable[[str], Callable[[bytes], object]]
    ) -> None:
        """`members`: whoever may have a file. `begin`: file name -> what takes its bytes."""
        self._window = window
        self._members = frozenset(members)
        self._begin = begin
        self._files: dict[tuple[str, str], ClearingFile] = {}
        self._cells: dict[tuple[str, str, str, str], _Cell] = {}
        self._entries = 0

    def add(self, entry: Entry) -> None:
        """The next one of the window."""
        cells = self._cells
        head = f"R,{entry.sequence},{entry.txn:x},{entry.what},{entry.counters or ''},{entry.of_day},{_cell(entry.scheme)},"
        merchant = _cell(entry.merchant)
        for payer, payee, kind, code, amount in entry.moves:
            if ":" in payer or ":" in payee:  # as `is_inner`, without the calls
                continue
            cell = cells.get((payer, payee, kind, code))
            if cell is None:
                cell = cells[payer, payee, kind, code] = _Cell(self._rows(payer, code), self._rows(payee, code))
            cell.amount += amount
            if cell.pays is not None:
                cell.pays.append(f"{head}{payee},{merchant},{kind},-{amount}\n")
            if cell.gets is not None:
                cell.gets.append(f"{head}{payer},{merchant},{kind},{amount}\n")
        self._entries += 1
        if self._entries % _FLUSH_ENTRIES == 0:
            for file in self._files.values():
                file.flush()

    def end(self, settlement: Settlement, members: Iterable[str], home: str) -> dict[str, str]:
        """All entries have come. `members`: who has a file in the home currency (numeric) also without a row. Name -> SHA-256.

        ClearingError: a member's rows do not come to its positions; what was written is then no file.
        """
        for member in members:
            self._rows(member, home)
        for (payer, payee, _, code), cell in self._cells.items():
            if cell.pays is not None:
                self._files[payer, code].pays += cell.amount
            if cell.gets is not None:
                self._files[payee, code].gets += cell.amount
        for (member, code), file in sorted(self._files.items()):
            file.end(settlement, member, code)
        return {file.name: file.digest for file in self._files.values()}

    def _rows(self, member: str, code: str) -> list[str] | None:
        """Those of the file of a member in a currency, which is begun if it is not; None: `member` has no files."""
        if member not in self._members:
            return None
        file = self._files.get((member, code))
        if file is None:
            name = file_name(self._window, member, code)
            file = self._files[member, code] = ClearingFile(self._window, member, code, self._begin(name))
        return file.lines


def check_file(lines: Iterable[bytes]) -> int:
    """Check a clearing file by itself: its lines, count, sums and SHA-256. Returns its rows. ClearingError: what is wrong.

    `lines`: as a file opened for reading in binary gives them.
    """
    rows, pays, gets, digest, last = 0, 0, 0, hashlib.sha256(), b""
    for number, line in enumerate(_whole(lines)):
        if number == 0 and line[:2] != b"H,":
            raise ClearingError(_NO_FILE)
        if last[:2] == b"R,":
            amount = _amount(last)
            rows += 1
            if amount < 0:
                pays -= amount
            else:
                gets += amount
        elif number > 1:
            raise ClearingError(_NO_ROW)
        digest.update(last)
        last = line
    trailer = last.decode("utf-8", "replace").rstrip("\n").split(",")
    if trailer[0] != "T" or len(trailer) != len(TRAILER):
        raise ClearingError(_NO_FILE)
    found = (str(rows), n16(pays), n16(gets), digest.hexdigest())
    for name, said, counted in zip(TRAILER[1:], trailer[1:], found, strict=True):
        if said != counted:
            raise ClearingError(f"the trailer's {name} is {said}, that of the lines above it {counted}")
    return rows


def _whole(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines of the file as rows: an end of line may stand between quotes."""
    begun = b""
    for line in lines:
        if begun or b'"' in line:
            begun += line
            if begun.count(b'"') % 2:
                continue
            line, begun = begun, b""  # noqa: PLW2901 - it is whole
        yield line
    if begun:
        yield begun


def _amount(row: bytes) -> int:
    """Minor units. ClearingError: it is no row."""
    try:
        fields = next(csv.reader([row.decode()])) if b'"' in row else row.split(b",")
        if len(fields) != len(ROW):
            raise ClearingError(_NO_ROW)
        return int(row[row.rindex(b",") + 1 :])
    except ClearingError:
        raise
    except (ValueError, csv.Error):
        raise ClearingError(_NO_ROW) from None


def n16(minor: int) -> str:
    """A sum as a trailer has it. ClearingError: it has more digits."""
    text = str(minor).rjust(SUM_DIGITS, "0")
    if len(text) > SUM_DIGITS:
        raise ClearingError(f"a sum of {minor} minor units has more than {SUM_DIGITS} digits")
    return text


def _cell(text: str) -> str:
    """As a field: quoted where it has a comma, a quote or an end of line."""
    if text.isalnum():  # nearly always: one look instead of four
        return text
    if "," in text or '"' in text or "\n" in text or "\r" in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def _line(fields: Iterable[str]) -> str:
    return ",".join(map(_cell, fields)) + "\n"
