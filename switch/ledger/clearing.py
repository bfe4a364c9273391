"""A member's clearing file: each move of a window that it takes part in, in one currency, with sums that are its position.

Lines of comma-separated values, UTF-8, each ended by a line feed. A header (`H`), a row (`R`) a move, a trailer (`T`), whose
SHA-256 is that of all bytes above it. Amounts are minor units; above zero the member gets them. Pure: entries in, bytes out.
"""

import csv
import hashlib
import io
from collections.abc import Iterable
from typing import Final

from switch.ledger.entries import Entry, Window, is_merchant
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


class ClearingError(ValueError):
    """Rows that do not come to the member's position, or a file that is not what it says. Nothing is to be made of it."""


def file_name(window: Window, member: str, code: str) -> str:
    """`2026-11-27-1.atlas.MAD.clearing.csv`, which is also the file's id."""
    return f"{window.day}-{window.number}.{member}.{currency(code).alpha}.clearing.csv"


def clearing_files(
    settlement: Settlement, entries: Iterable[Entry], members: Iterable[str], home: str
) -> dict[str, bytes]:
    """File name -> bytes: of each member in each of its currencies, in the home currency (numeric) also without a row.

    `entries`: those of the window, in their order. ClearingError: a member's rows do not come to its positions.
    """
    rows: dict[tuple[str, str], list[tuple[str, ...]]] = {(member, home): [] for member in members}
    wanted = {member for member, _ in rows}
    for entry in entries:
        for line in entry.lines:
            owner, other = line.account.owner, line.account.counterpart
            if owner in wanted and not is_merchant(other):
                rows.setdefault((owner, line.currency), []).append(_row(entry, other, line.account.kind, line.amount))
    files: dict[str, bytes] = {}
    for (member, code), of in sorted(rows.items()):
        pays, gets = _sums(of)
        positions = [
            p
            for netted in (*settlement.net, *settlement.bilateral)
            if netted.currency == code
            for p in netted.positions
            if p.party == member
        ]
        owes, owed = sum(p.owes for p in positions), sum(p.owed for p in positions)
        if (pays, gets) != (owes, owed):
            raise ClearingError(
                f"{settlement.window}, {member}: rows come to {pays} and {gets} minor units, its positions to {owes} and {owed}"
            )
        name = file_name(settlement.window, member, code)
        files[name] = _written(name, settlement.window, member, code, of)
    return files


def check_file(data: bytes) -> int:
    """Check a clearing file by itself: its lines, count, sums and SHA-256. Returns its rows. ClearingError: what is wrong."""
    above, end, last = data.rstrip(b"\n").rpartition(b"\n")
    lines = list(csv.reader(io.StringIO((above + end).decode("utf-8"), newline="")))
    trailer = last.decode("utf-8").split(",")
    if not lines or (lines[0][:1], trailer[:1]) != (["H"], ["T"]) or len(trailer) != len(TRAILER):
        raise ClearingError("no clearing file, or a part of one: it begins with a line H and ends with a line T")
    rows = [tuple(line) for line in lines[1:]]
    if any(len(row) != len(ROW) or row[0] != "R" for row in rows):
        raise ClearingError("a line between header and trailer is no row")
    pays, gets = _sums(rows)
    found = (str(len(rows)), _n16(pays), _n16(gets), hashlib.sha256(above + end).hexdigest())
    for name, said, counted in zip(TRAILER[1:], trailer[1:], found, strict=True):
        if said != counted:
            raise ClearingError(f"the trailer's {name} is {said}, that of the lines above it {counted}")
    return len(rows)


def _row(entry: Entry, other: str, kind: str, amount: int) -> tuple[str, ...]:
    counters = str(entry.counters) if entry.counters else ""
    named = (entry.what, counters, entry.of_day, entry.scheme, other, entry.merchant, kind)
    return ("R", str(entry.sequence), f"{entry.txn:x}", *map(str, named), str(amount))


def _sums(rows: Iterable[tuple[str, ...]]) -> tuple[int, int]:
    """What the member pays in all, and what it gets."""
    amounts = [int(row[-1]) for row in rows]
    return -sum(a for a in amounts if a < 0), sum(a for a in amounts if a > 0)


def _n16(minor: int) -> str:
    text = str(minor).rjust(SUM_DIGITS, "0")
    if len(text) > SUM_DIGITS:
        raise ClearingError(f"a sum of {minor} minor units has more than {SUM_DIGITS} digits")
    return text


def _written(name: str, window: Window, member: str, code: str, rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("H", name, str(window), member, currency(code).alpha, VERSION))
    writer.writerows(rows)
    above = text.getvalue().encode()
    pays, gets = _sums(rows)
    trailer = ("T", str(len(rows)), _n16(pays), _n16(gets), hashlib.sha256(above).hexdigest())
    data = above + f"{','.join(trailer)}\n".encode()
    check_file(data)
    return data
