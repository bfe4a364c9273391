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

from switch.ledger.clearing import HEADER, ROW, VERSION, ClearingError, check_file
from switch.ledger.entries import Entry, is_inner
from switch.ledger.rules import DISPUTED, What
from switch.money.currency import currency, format_amount

MISSING_HERE: Final = "missing here"
MISSING_THERE: Final = "missing there"
OTHER_WINDOW: Final = "other window"
LATE: Final = "late"
DOUBLED_HERE: Final = "doubled here"
DOUBLED_THERE: Final = "doubled there"
DISPUTE: Final = "dispute"
CURRENCY: Final = "currency"
SIGN: Final = "sign"
AMOUNT: Final = "amount"
"""Causes."""


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
    claimed: bool = False
    """of ours, where a step of a dispute moved it"""


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


class _Sides(msgspec.Struct, frozen=True, kw_only=True):
    """What stands under one name and currency."""

    there: list[Line] = []
    here: list[Line] = []
    booked_there: list[Line] = []
    """in other windows of theirs"""
    booked_here: list[Line] = []
    """of ours"""


def compare(
    theirs: Iterable[Line],
    ours: Iterable[Line],
    elsewhere: Mapping[tuple[str, str], Sequence[Line]],
    theirs_elsewhere: Iterable[Line] = (),
) -> list[Difference]:
    """Every difference, by name. `elsewhere`: our lines of other windows, by name and currency; `theirs_elsewhere`: theirs."""
    sides: dict[tuple[str, str], _Sides] = {}
    for line in theirs:
        sides.setdefault((line.name, line.currency), _Sides()).there.append(line)
    for line in ours:
        sides.setdefault((line.name, line.currency), _Sides()).here.append(line)
    for line in theirs_elsewhere:
        if (line.name, line.currency) in sides:
            sides[line.name, line.currency].booked_there.append(line)
    for key, of_name in sides.items():
        of_name.booked_here.extend(elsewhere.get(key, ()))
    named: dict[str, list[str]] = {}
    for name, code in sides:
        named.setdefault(name, []).append(code)
    found = []
    for key in sorted(sides):
        one = sides[key]
        if _total(one.there) != _total(one.here):
            others = [sides[key[0], code] for code in named[key[0]] if code != key[1]]
            cause, note = _otherwise(one, others) or _cause(one)
            found.append(
                Difference(
                    name=key[0],
                    currency=key[1],
                    here=_total(one.here) if one.here else None,
                    there=_total(one.there) if one.there else None,
                    cause=cause,
                    note=note,
                    txn=one.here[0].txn if one.here else 0,
                )
            )
    return found


def _total(lines: Iterable[Line]) -> int:
    return sum(line.amount for line in lines)


def _windows(lines: Iterable[Line]) -> str:
    return ", ".join(dict.fromkeys(line.window for line in lines))


def _otherwise(one: _Sides, others: Sequence[_Sides]) -> tuple[str, str] | None:
    """Where one side has it in one currency, and the other in another."""
    for other in others:
        if one.here and not one.there and other.there and not other.here:
            return CURRENCY, f"it is {format_amount(_total(other.there), other.there[0].currency)} there"
        if one.there and not one.here and other.here and not other.there:
            return CURRENCY, f"it is {format_amount(_total(other.here), other.here[0].currency)} here"
    return None


def _cause(one: _Sides) -> tuple[str, str]:
    there, here = _total(one.there), _total(one.here)
    if not one.here:
        booked = _windows(one.booked_here)
        return (OTHER_WINDOW, f"it is in {booked} here") if booked else (MISSING_HERE, "")
    late = next((line.of_day for line in one.here if line.of_day), "")
    if not one.there:
        if one.booked_there:
            return OTHER_WINDOW, f"it is in {_windows(one.booked_there)} there"
        return (LATE, f"it takes back a payment of {late}") if late else (MISSING_THERE, "")
    if one.booked_here and there == here + _total(one.booked_here):
        return OTHER_WINDOW, f"the rest is in {_windows(one.booked_here)} here"
    if one.booked_there and here == there + _total(one.booked_there):
        return OTHER_WINDOW, f"the rest is in {_windows(one.booked_there)} there"
    claimed = _total(line for line in one.here if line.claimed)
    if claimed and there == here - claimed:
        return DISPUTE, f"{format_amount(-claimed, one.here[0].currency)} of it has been claimed back"
    if there == -here:
        return SIGN, "above zero the cardholder pays"
    if len(one.there) > len(one.here) and there * len(one.here) == here * len(one.there):
        return DOUBLED_THERE, f"{len(one.there)} lines there, {len(one.here)} here"
    if len(one.here) > len(one.there) and there * len(one.here) == here * len(one.there):
        return DOUBLED_HERE, f"{len(one.here)} lines here, {len(one.there)} there"
    if late:
        return LATE, f"it takes back a payment of {late}"
    units = 10 ** currency(one.here[0].currency).exponent
    return AMOUNT, f"{units} times as much there: in minor units?" if units > 1 and there == here * units else ""


# -- theirs


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
    try:
        rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
        _, _, window, member, alpha, version = rows[0]
        code = currency(alpha).numeric
    except UnicodeDecodeError as error:
        raise Unreadable(f"byte {error.start} is no UTF-8, which a clearing file of ours is") from None
    except (ValueError, csv.Error) as error:  # whole by its SHA-256, and of another release, or somebody else's
        raise Unreadable(
            f"its header is not that of a clearing file of ours ({error}): expected {','.join(HEADER)}"
        ) from None
    if version != VERSION:
        raise Unreadable(
            f"it is of version {version} of the form, and this release reads {VERSION}: read it with that one's"
        )
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
            claimed=entry.what in DISPUTED,
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
