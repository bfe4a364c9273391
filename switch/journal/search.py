"""Which transactions somebody means who has a receipt or a complaint in hand: by DE37, DE11, the card's last four digits and the
amount, or the transaction's own number.

In: words as a person types them. Out: rows, newest first. The index has each of them in order: no search reads all of its rows.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Final

import msgspec

from switch.core.records.lifecycle import Status
from switch.journal.places import spellings
from switch.journal.projections.projection import Look, Values
from switch.journal.projections.transactions import RUN, Row
from switch.money.currency import CURRENCIES
from switch.wire.vocabulary import APPROVALS

FOUND_MAX: Final = 1_000
_EXPONENTS: Final = sorted({currency.exponent for currency in CURRENCIES.values()})
_NAMED: Final = "SELECT * FROM transactions WHERE {} = ? ORDER BY txn DESC LIMIT {}"
_NEWEST_RUN: Final = f"SELECT max({RUN}) FROM transactions"  # noqa: S608 - words of our own
_RUN_BEFORE: Final = f"{_NEWEST_RUN} WHERE {RUN} < ?"
_OF_CARD: Final = (
    f"SELECT * FROM transactions WHERE {RUN} = ? AND amount IN ({{}}) AND substr(pan, -4) = ? AND pan LIKE ? "  # noqa: S608
    "ORDER BY txn DESC"
)

_NOT_GIVEN: Final = (Status.DECLINED, Status.REFUSED, Status.ABANDONED, Status.REVERSED)
"""reversed: as no answer came in time"""
_DECLINED: Final = (
    "SELECT * FROM transactions WHERE txn >= ? AND status IN ({}) AND de39 NOT IN ('', {}) AND (? = '' OR de39 = ?) "
    "ORDER BY txn DESC LIMIT ?"
)
"""a transaction is called after the moment it came, so that the newest are at one end"""


_MASKED: Final = re.compile(r"([0-9]{6})[*xX•]+([0-9]{4})")
"""a card as lists and receipts show it"""


class SearchError(ValueError):
    """Words that can mean no transaction: why, and what would."""


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """What names a transaction; what is empty (or 0) does not. Any one of the first three will do."""

    rrn: str = ""
    """DE37"""
    stan: str = ""
    """DE11 of the acquirer's message"""
    txn: int = 0
    last_four: str = ""
    """of the card, with `amount`"""
    first_six: str = ""
    """of the card, too, where they are known"""
    amount: Decimal = Decimal(0)
    """major units, whatever the currency"""

    def means(self, row: Row) -> bool:
        """True for a transaction that it names."""
        if self.last_four:
            named = row.pan.startswith(self.first_six) and row.pan.endswith(self.last_four)
            return named and self.amount.scaleb(_exponent(row.currency)) == row.amount
        return (
            (self.rrn != "" and row.rrn.strip() == self.rrn)
            or (self.stan != "" and row.stan == self.stan)
            or (self.txn != 0 and row.txn == self.txn)
        )


def read_words(words: tuple[str, ...]) -> Sought:
    """`633120794786`, `794786`, `6451f2a8b2c00` or `0019 1234.50`. Raises SearchError."""
    if len(words) == 2:
        return _read_card(*words)
    if len(words) != 1:
        raise SearchError("one word, or a card's last four digits and an amount: 0019 1234.50")
    word = words[0].strip()
    if word.isdecimal() and 13 <= len(word) <= 19:
        raise SearchError(
            "a whole card number is not looked for: give its last four digits and the amount: 0019 1234.50"
        )
    if word.isdecimal() and len(word) == 4:
        raise SearchError(f"a card's last four digits want the amount beside them: {word} 1234.50")
    if not (word.isascii() and word.isalnum() and len(word) <= 16):
        raise SearchError(f'"{word}" is no DE37, no DE11 and no transaction: these are letters and digits, up to 16')
    try:
        txn = int(word, 16)
    except ValueError:
        txn = 0
    return Sought(rrn=word, stan=word if len(word) == 6 and word.isdecimal() else "", txn=txn if txn < 1 << 63 else 0)


def find_rows(look: Look, changed: Mapping[int, Row], sought: Sought, limit: int = FOUND_MAX) -> list[Row]:
    """Up to `limit` of those it names, newest first. `changed`: rows by number that the tables do not have yet, or not so."""
    found = {row.txn: row for row in _look_up(look, sought, limit)}
    found.update(changed)
    return sorted((row for row in found.values() if sought.means(row)), key=lambda row: row.txn, reverse=True)[:limit]


def declined_rows(look: Look, changed: Mapping[int, Row], since: int, de39: str, limit: int) -> list[Row]:
    """Up to `limit` of those that came at `since` (wall-clock µs) or later and were answered no, newest first. `de39`: only those
    answered so; "": all."""
    marks, codes = ", ".join("?" * len(_NOT_GIVEN)), ", ".join("?" * len(APPROVALS))
    values: Values = (since, *_NOT_GIVEN, *APPROVALS, de39, de39, limit)
    found = {row.txn: row for row in (Row(*one) for one in look(_DECLINED.format(marks, codes), values))}
    found.update(changed)

    def passes(row: Row) -> bool:
        no = row.status in _NOT_GIVEN and row.de39 not in ("", *APPROVALS)
        return no and row.txn >= since and (not de39 or row.de39 == de39)

    return sorted(filter(passes, found.values()), key=lambda row: row.txn, reverse=True)[:limit]


def _look_up(look: Look, sought: Sought, limit: int) -> Iterator[Row]:
    questions: list[tuple[str, Values]] = []
    if sought.last_four:
        amounts = {int(sought.amount.scaleb(exponent)) for exponent in _EXPONENTS}
        of_card = _of_card(look, amounts, sought.last_four, sought.first_six)
        yield from islice(filter(sought.means, of_card), limit)
    if sought.rrn:
        questions += [(_NAMED.format("rrn", limit), (rrn,)) for rrn in spellings(sought.rrn)]
    if sought.stan:
        questions.append((_NAMED.format("stan", limit), (sought.stan,)))
    if sought.txn:
        questions.append((_NAMED.format("txn", limit), (sought.txn,)))
    for statement, values in questions:
        yield from (Row(*found) for found in look(statement, values))


def _of_card(look: Look, amounts: Collection[int], last_four: str, first_six: str) -> Iterator[Row]:
    """Rows of any of these amounts (minor units) whose card ends, and begins, so: the last that were recorded first."""
    statement = _OF_CARD.format(", ".join("?" * len(amounts)))
    (run,) = next(iter(look(_NEWEST_RUN, ())), (None,))
    while run is not None:
        yield from (Row(*found) for found in look(statement, (run, *amounts, last_four, f"{first_six}%")))
        (run,) = next(iter(look(_RUN_BEFORE, (run,))))


def _read_card(card: str, amount: str) -> Sought:
    masked = _MASKED.fullmatch(card)
    first_six, last_four = masked.groups() if masked is not None else ("", card)
    if not (last_four.isascii() and last_four.isdecimal() and len(last_four) == 4):
        raise SearchError(f'"{last_four}" are no last four digits of a card, such as 0019')
    try:
        major = Decimal(_in_points(amount))
        if not major.is_finite() or major < 0 or major >= 10**12:
            raise InvalidOperation
    except InvalidOperation:
        raise SearchError(f'"{amount}" is no amount, such as 1234.50') from None
    return Sought(last_four=last_four, first_six=first_six, amount=major)


def _in_points(amount: str) -> str:
    """`1,234.50` and `1 234,50` as `1234.50`: a comma that three digits follow, or a point further on, groups; any other is the
    decimal one, as French receipts have it."""
    whole, comma, rest = "".join(amount.split()).rpartition(",")
    groups = not comma or "." in rest or len(rest) == 3
    return f"{whole}{rest}".replace(",", "") if groups else f"{whole.replace('.', '')}.{rest}"


def _exponent(currency: str) -> int:
    known = CURRENCIES.get(currency)
    return known.exponent if known is not None else 2
