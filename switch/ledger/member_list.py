"""A member's list of what moved, as banks' systems and spreadsheets write it: bytes to lines, and how they were read.

Separators, decimal marks, encodings and the form of a day differ from bank to bank, and no file says which it has. What the
whole file leaves open is not guessed: an amount that could be another is refused with what to say, and what was found out is
said. Pure.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import msgspec

from switch.core.records.windows import NUMBER_MAX
from switch.ledger.comparison import Line, Unreadable
from switch.ledger.delimited import Table, TableError, column, read_table
from switch.money.currency import BY_ALPHA, CurrencyError, currency, format_amount, parse_amount

REQUIRED: Final = ("rrn", "amount")
COLUMNS: Final = (*REQUIRED, "currency", "day", "window")
"""what is read of a list; other columns are left unread, and named"""

POINT: Final = "."
COMMA: Final = ","
_MARKS: Final = {POINT: COMMA, COMMA: POINT}
"""decimal mark -> the other, which may stand between thousands, as a blank or an apostrophe may"""
_AMOUNTS: Final = {
    mark: re.compile(
        r"(?P<sign>[-+(]?)(?P<whole>[0-9]+|[0-9]{1,3}(?P<between>["
        + other
        + r"'\u2019 ])[0-9]{3}(?:(?P=between)[0-9]{3})*)(?:"
        + re.escape(mark)
        + r"(?P<decimals>[0-9]+))?(?P<behind>[-)]?)"
    )
    for mark, other in _MARKS.items()
}
_SIGNS: Final = {("", ""): 1, ("+", ""): 1, ("-", ""): -1, ("", "-"): -1, ("(", ")"): -1}
_RRN_DIGITS: Final = 12
_WINDOW_DIGITS: Final = len(str(NUMBER_MAX))
_TOTAL: Final = re.compile(r"(grand |sous-|sub)?total.*|totaux.*|somme.*|sum", re.IGNORECASE)
"""what stands in the first column of a list's last line, where that adds up the others"""
_ALSO: Final = {"DH": "MAD", "DHS": "MAD", "\u20ac": "EUR"}
"""how amounts are marked besides the letters of ISO 4217"""
_PLAIN: Final = str.maketrans("\u00a0\u202f\u2212", "  -")
_DAYS: Final = (
    re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"),
    re.compile(r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"),
    re.compile(r"(?P<day>[0-9]{2})[/.-](?P<month>[0-9]{2})[/.-](?P<year>[0-9]{4})"),
)


class MemberList(msgspec.Struct, frozen=True, kw_only=True):
    """What a file has."""

    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    """how it was read, where that is not the plainest way, and what was left unread"""


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line, before it is known which mark its amounts have."""

    number: int
    """of the file's lines"""
    name: str
    amount: str
    currency: str
    window: str


def read_member_list(data: bytes, home: str, titles: Mapping[str, str], decimal: str = "") -> MemberList:
    """A list with a header, a line a movement. Raises Unreadable: the line, and what was expected.

    `rrn`: DE37. `amount`: in the currency's major unit, above zero where the cardholder pays. `currency`: code of ISO 4217, the
    home currency (`home`) where there is none. `day`, `window`: where it counts them, as `2026-11-27` or `27/11/2026` and `1`.
    `titles`: what the file calls these, where it is something else. `decimal`: its decimal mark, where the file leaves that open.
    """
    try:
        table = read_table(data, [titles.get(name, name) for name in REQUIRED])
        columns = _columns(table, titles)
    except TableError as error:
        raise Unreadable(str(error)) from None
    notes = list(table.notes)
    unread = [title for at, title in enumerate(table.header) if at not in columns.values() and title]
    if unread:
        notes.append(f"columns that are not read: {', '.join(unread)}")
    rows = [_row(number, fields, columns, home) for number, fields in table.records]
    mark, amounts = _amounts(rows, decimal)
    if mark == COMMA:
        notes.append("decimal comma")
    if rows and _TOTAL.fullmatch(rows[-1].name):
        _check_total(rows.pop(), amounts.pop(), rows, amounts)
        notes.append("the last line is their sum, and agrees")
    short = sum(_is_short(row.name) for row in rows)
    if short:
        notes.append(f"{short} of DE37 without the zeros that it begins with")
    lines = [
        Line(
            name=row.name.zfill(_RRN_DIGITS) if _is_short(row.name) else row.name,
            amount=amount,
            currency=row.currency,
            window=row.window,
        )
        for row, amount in zip(rows, amounts, strict=True)
    ]
    return MemberList(lines=tuple(lines), notes=tuple(notes))


def _is_short(rrn: str) -> bool:
    """Digits alone, and fewer than DE37 has: a spreadsheet has taken them for a number."""
    return rrn.isascii() and rrn.isdecimal() and len(rrn) < _RRN_DIGITS


def _check_total(total: _Row, amount: int, rows: Sequence[_Row], amounts: Sequence[int]) -> None:
    """Raise Unreadable where a list's own sum is not that of its lines."""
    come_to = sum(amounts)
    if any(row.currency != total.currency for row in rows):
        raise Unreadable(f"line {total.number}: a sum of amounts in several currencies: take the line out")
    if come_to != amount:
        said, found = (format_amount(minor, total.currency) for minor in (amount, come_to))
        raise Unreadable(f"line {total.number}: it says that the lines come to {said}, and they come to {found}")


# -- fields


def _columns(table: Table, titles: Mapping[str, str]) -> dict[str, int]:
    """Where each column that is read stands. Raises Unreadable where one is missing, TableError where it is there twice."""
    columns = {}
    for name in COLUMNS:
        title = titles.get(name, name)
        at = column(table, title)
        if at is not None:
            columns[name] = at
        elif name in REQUIRED or name in titles:
            there = "".join(c if c.isprintable() else "?" for c in ", ".join(table.header)) or "none"
            raise Unreadable(
                f"line {table.line}: no column {title}; there are: {there}; `--column {name}=TITLE` says which it is"
            )
    if "window" in columns and "day" not in columns:
        raise Unreadable(f"line {table.line}: a column window, and none of the day that the windows are of")
    return columns


def _row(number: int, fields: Sequence[str], columns: Mapping[str, int], home: str) -> _Row:
    said = {name: fields[at].strip() for name, at in columns.items()}
    try:
        amount, code = _apart(said["amount"])
        unit = currency(said.get("currency") or code or home)
        if code and currency(code) != unit:
            raise Unreadable(f"the amount is in {code}, and the currency is {unit.alpha}")
        return _Row(number=number, name=_name(said["rrn"]), amount=amount, currency=unit.numeric, window=_window(said))
    except ValueError as error:
        raise Unreadable(f"line {number}: {error}") from None


def _name(rrn: str) -> str:
    """DE37. Raises Unreadable."""
    if not rrn:
        raise Unreadable("rrn is empty: expected DE37")
    if re.fullmatch(r"[0-9][.,][0-9]+E\+[0-9]+", rrn, re.IGNORECASE):
        raise Unreadable(f"a spreadsheet has rounded rrn {rrn}: expected all digits of DE37 (a column of text)")
    return rrn


def _window(said: Mapping[str, str]) -> str:
    """The name of a window, or of a day alone; "" where none is said. Raises Unreadable."""
    day, number = _day(said.get("day", "")), said.get("window", "")
    if not number:
        return day
    if not (day and number.isascii() and number.isdecimal() and len(number) <= _WINDOW_DIGITS and int(number)):
        raise Unreadable(f"window {number!r}: expected its number in a day, 1 to {NUMBER_MAX}, and the day")
    return f"{day}/{int(number)}"


def _apart(text: str) -> tuple[str, str]:
    """An amount, and the currency written behind it or before."""
    for code, amount in ((text[-3:], text[:-3]), (text[:3], text[3:])):
        if code.upper() in BY_ALPHA:
            return amount.strip(), code.upper()
    for mark, alpha in _ALSO.items():
        if text.upper().endswith(mark):
            return text[: -len(mark)].strip(), alpha
    return text, ""


def _day(text: str) -> str:
    """As ISO 8601 has it; the day stands before the month where the year is last. Raises Unreadable."""
    if not text:
        return ""
    for form in _DAYS:
        found = form.fullmatch(text)
        if found is not None:
            try:
                return date(*(int(found[part]) for part in ("year", "month", "day"))).isoformat()
            except ValueError:
                break
    raise Unreadable(f"{text!r} is no day: expected 2026-11-27 or 27/11/2026")


# -- amounts


def _amounts(rows: Sequence[_Row], decimal: str) -> tuple[str, list[int]]:
    """The decimal mark, and all amounts in minor units. Raises Unreadable where no mark makes amounts of all of them, or the file
    leaves open which it is."""
    readings: dict[str, list[int]] = {}
    failed: dict[str, Unreadable] = {}
    for mark in (decimal,) if decimal else _MARKS:
        try:
            readings[mark] = [_minor(row, mark) for row in rows]
        except Unreadable as error:
            failed[mark] = error
    if not readings:
        commas = sum(row.amount.rfind(COMMA) > row.amount.rfind(POINT) for row in rows)
        raise failed.get(COMMA if 2 * commas > len(rows) else POINT) or failed[decimal]
    mark, amounts = next(iter(readings.items()))
    marked = [row for row in rows if POINT in row.amount or COMMA in row.amount]
    if decimal or not marked:
        return mark, amounts
    if len(readings) > 1 or not any(mark in row.amount for row in rows):  # those of each reading, or thousands alone
        raise Unreadable(
            f"line {marked[0].number}: nothing in the file says whether {marked[0].amount} has decimals or thousands behind its "
            "mark: `--decimal .` or `--decimal ,` says which mark decimals have"
        )
    return mark, amounts


def _minor(row: _Row, mark: str) -> int:
    """Minor units of an amount whose decimals stand behind `mark`. Raises Unreadable."""
    found = _AMOUNTS[mark].fullmatch(row.amount.translate(_PLAIN))
    sign = _SIGNS.get((found["sign"], found["behind"])) if found is not None else None
    if found is None or sign is None:
        raise Unreadable(
            f"line {row.number}: {row.amount!r} is no amount: expected such as 1234{mark}50, or -1234{mark}50"
        )
    whole, decimals = re.sub("[^0-9]", "", found["whole"]), found["decimals"]
    try:
        return sign * parse_amount(f"{whole}.{decimals}" if decimals else whole, row.currency)
    except CurrencyError as error:
        raise Unreadable(f"line {row.number}: {row.amount!r}: {error}") from None
