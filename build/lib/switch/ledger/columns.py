"""The ledger as one table for analysis: a row a move, with what its entry says. Pure."""

from collections.abc import Iterator
from typing import Final

from switch.ledger.entries import Entry
from switch.money.currency import currency

COLUMNS: Final[dict[str, str]] = {
    "record": "BIGINT",
    "at_us": "BIGINT",
    "day": "DATE",
    "window": "INTEGER",
    "txn": "VARCHAR",
    "what": "VARCHAR",
    "counters": "BIGINT",
    "of_day": "DATE",
    "scheme": "VARCHAR",
    "acquirer": "VARCHAR",
    "issuer": "VARCHAR",
    "merchant": "VARCHAR",
    "payer": "VARCHAR",
    "payee": "VARCHAR",
    "kind": "VARCHAR",
    "currency": "VARCHAR",
    "exponent": "TINYINT",
    "amount": "BIGINT",
    "unpriced": "VARCHAR",
}
"""name -> type, as DuckDB and Parquet know it"""

Row = tuple[object, ...]


def rows(entry: Entry) -> Iterator[Row]:
    """In the order of `COLUMNS`; "" is null. An entry without moves is a row without a payer. CurrencyError: unknown currency."""
    before = (
        entry.sequence,
        entry.at_us,
        entry.window.day,
        entry.window.number,
        f"{entry.txn:x}",
        entry.what,
        entry.counters or "",
        entry.of_day,
        entry.scheme,
        entry.acquirer,
        entry.issuer,
        entry.merchant,
    )
    for payer, payee, kind, code, amount in entry.moves:
        unit = currency(code)
        yield (*before, payer, payee, kind, unit.alpha, unit.exponent, amount, entry.unpriced)
    if not entry.moves:
        unit = currency(entry.currency)
        yield (*before, "", "", "", unit.alpha, unit.exponent, 0, entry.unpriced)
