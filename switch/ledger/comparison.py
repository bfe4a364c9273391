"""A member's list of what moved in a window, held against the ledger's: each difference with its likely cause.

In: their lines and ours, each under the name both sides know it by (DE37, or of a clearing file the entry, with whom and the
kind). Out: one `Difference` a name whose lines do not come to the same. Pure; lines of one name are added up, so that a payment
and its reversal may stand as two lines on one side and as none on the other.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from switch.ledger.clearing import HEADER, ROW, ClearingError, check_file
from switch.ledger.entries import Entry, is_inner
from switch.ledger.rules import What
from switch.money.currency import CurrencyError, currency, parse_amount

MISSING_HERE: Final = "missing here"
MISSING_THERE: Final = "missing there"
OTHER_WINDOW: Final = "other window"
LATE: Final = "late"
DOUBLED_HERE: Final = "doubled here"
DOUBLED_THERE: Final = "doubled there"
AMOUNT: Final = "amount"
"""Causes."""

REQUIRED: Final = ("rrn", "amount")
"""columns of a member's CSV; `currency`, `day` and `window` may be there, others are left unread"""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that moved, as one side has it."""

    name: str
    """what both sides know it by"""
    amount: int
    """signed minor units"""
    currency: str
    """numeric"""
    window: str = ""
    """of ours; of theirs, where they say: `2026-11-27/1`, or the day alone"""
    txn: int = 0
    """of ours"""
    of_day: str = ""
    """of ours, where it changes a payment of another day"""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One name that two sides do not agree on."""

    name: str
    currency: str
    here: int | None
    """signed minor units; None: nothing is here"""
    there: int | None
    cause: str
    """likely"""
    note: str = ""
    """what speaks for it"""
    txn: int = 0
    """of ours, 0 where nothing is here"""


class Unreadable(ValueError):  # noqa: N818 - the field's word
    """A file that cannot be compared: where, and what was expected."""


def compare(
    theirs: Iterable[Line], ours: Iterable[Line], elsewhere: Mapping[tuple[str, str], Sequence[Line]]
) -> list[Difference]:
    """Every difference, by name. `elsewhere`: our lines of other windows, by name and currency."""
    sides: dict[tuple[str, str], tuple[list[Line], list[Line]]] = {}
    for at, lines in enumerate((theirs, ours)):
        for line in lines:
            sides.setdefault((line.name, line.currency), ([], []))[at].append(line)
    found = []
    for key in sorted(sides):
        there, here = sides[key]
        sums = sum(line.amount for line in there), sum(line.amount for line in here)
        if sums[0] != sums[1]:
            cause, note = _cause(there, here, sums, elsewhere.get(key, ()))
            found.append(
                Difference(
                    name=key[0],
                    currency=key[1],
                    here=sums[1] if here else None,
                    there=sums[0] if there else None,
                    cause=cause,
                    note=note,
                    txn=here[0].txn if here else 0,
                )
            )
    return found


def _cause(
    there: Sequence[Line], here: Sequence[Line], sums: tuple[int, int], elsewhere: Sequence[Line]
) -> tuple[str, str]:
    windows = ", ".join(dict.fromkeys(line.window for line in elsewhere))
    if not here:
        return (OTHER_WINDOW, f"it is in {windows} here") if windows else (MISSING_HERE, "")
    late = next((line.of_day for line in here if line.of_day), "")
    if not there:
        return (LATE, f"it takes back a payment of {late}") if late else (MISSING_THERE, "")
    if elsewhere and sums[0] == sums[1] + sum(line.amount for line in elsewhere):
        return OTHER_WINDOW, f"the rest is in {windows} here"
    if len(there) > len(here) and sums[0] == sums[1] * len(there) // len(here) and sums[1]:
        return DOUBLED_THERE, f"{len(there)} lines there, {len(here)} here"
    if len(here) > len(there) and sums[1] == sums[0] * len(here) // len(there) and sums[0]:
        return DOUBLED_HERE, f"{len(here)} lines here, {len(there)} there"
    if late:
        return LATE, f"it takes back a payment of {late}"
    return AMOUNT, ""


# -- theirs


def read_csv(text: str, home: str) -> list[Line]:
    """A member's list: a header that names columns, a line a movement. Raises Unreadable.

    `rrn`: DE37. `amount`: in the currency's major unit, above zero where the cardholder pays. `currency`: code of ISO 4217, the
    home currency (`home`) where there is none. `day`, `window`: where it counts them, as `2026-11-27` and `1`.
    """
    rows = csv.DictReader(io.StringIO(text, newline=""))
    missing = [name for name in REQUIRED if name not in (rows.fieldnames or ())]
    if missing:
        raise Unreadable(
            f"line 1: no column {', '.join(missing)}; there are: {', '.join(rows.fieldnames or ('none',))}"
        )
    lines = []
    for row in rows:
        where = f"line {rows.line_num}"
        if None in row or None in row.values():
            raise Unreadable(f"{where}: expected {len(rows.fieldnames or ())} fields, as line 1 has")
        try:
            code = currency(row.get("currency") or home).numeric
            amount = parse_amount(row["amount"], code)
        except CurrencyError as error:
            raise Unreadable(f"{where}: {error}") from None
        if not row["rrn"].strip():
            raise Unreadable(f"{where}: rrn is empty: expected DE37")
        day, number = (row.get("day") or "").strip(), (row.get("window") or "").strip()
        lines.append(
            Line(name=row["rrn"].strip(), amount=amount, currency=code, window=f"{day}/{number}" if number else day)
        )
    return lines


def is_clearing(data: bytes) -> bool:
    """True for a file that begins as our clearing files do."""
    return data.startswith(f"{HEADER[0]},".encode())


def read_clearing(data: bytes) -> tuple[str, str, list[Line]]:
    """A clearing file of ours: its window, its member, its lines under entry, with whom and kind. Raises Unreadable.

    One whose sums or SHA-256 are not its lines' is none: what was changed in it cannot be told from what was lost.
    """
    try:
        check_file(io.BytesIO(data))
    except ClearingError as error:
        raise Unreadable(str(error)) from None
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
    _, _, window, member, alpha, _ = rows[0]
    code = currency(alpha).numeric
    at = {name: n for n, name in enumerate(ROW)}
    lines = [
        Line(
            name=f"{row[at['sequence']]} {row[at['with']]} {row[at['kind']]}",
            amount=int(row[at["amount"]]),
            currency=code,
            window=window,
        )
        for row in rows[1:-1]
    ]
    return window, member, lines


# -- ours


def payment_lines(entries: Iterable[Entry], member: str, role: str, names: Mapping[int, str]) -> list[Line]:
    """What moved for a member as `acquirer` or `issuer`, by DE37. `names`: txn -> DE37."""
    return [
        Line(
            name=names.get(entry.txn, ""),
            amount=entry.amount,
            currency=entry.currency,
            window=str(entry.window),
            txn=entry.txn,
            of_day=entry.of_day,
        )
        for entry in entries
        if (entry.acquirer if role == "acquirer" else entry.issuer) == member and entry.what != What.CHARGE
    ]


def clearing_lines(entries: Iterable[Entry], member: str, code: str) -> list[Line]:
    """The same moves as a clearing file has them."""
    return [
        Line(
            name=f"{entry.sequence} {line.account.counterpart} {line.account.kind}",
            amount=line.amount,
            currency=line.currency,
            window=str(entry.window),
            txn=entry.txn,
            of_day=entry.of_day,
        )
        for entry in entries
        for line in entry.lines
        if line.account.owner == member and line.currency == code and not is_inner(line.account.counterpart)
    ]
