"""Statements for programs: CSV and JSON. Amounts are minor units, currencies letters (ISO 4217)."""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from switch.ledger.levels import Costs
from switch.money.currency import currency
from switch.statements.statement import DayStatement, MemberStatement, MerchantStatement

Statement = MerchantStatement | MemberStatement | DayStatement
MERCHANT_COLUMNS: Final = (
    "day", "at_us", "txn", "what", "of_day", "card", "scheme", "currency", "gross", "charges", "vat", "net",
)  # fmt: skip
PARTY_COLUMNS: Final = ("party", "with", "currency", "kind", "amount")


def to_json(statement: Statement) -> str:
    """One object, with all that the page shows."""
    built: dict[str, Any] = msgspec.to_builtins(statement)
    _name(built)
    for name, of in getattr(statement, "levels", {}).items():
        built["levels"][name]["kept"] = of.kept
    return json.dumps(built, ensure_ascii=False, indent=2) + "\n"


def to_csv(statement: Statement) -> str:
    """A merchant's lines, one an entry; of a member or a day, a row a party, counterpart, currency and kind, and a row `net`.

    There are no sums in it: a program makes its own.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    if isinstance(statement, MerchantStatement):
        writer.writerow(MERCHANT_COLUMNS)
        for line in statement.lines:
            charges = sum(amount for _, amount in line.charges)
            named = (
                line.day,
                line.at_us,
                line.txn,
                line.what,
                line.of_day,
                line.card,
                line.scheme,
                _alpha(line.currency),
            )
            writer.writerow((*named, line.gross, charges, line.vat, line.net))
    else:
        writer.writerow(PARTY_COLUMNS)
        for part in statement.parts:
            of = (part.party, part.counterpart, _alpha(part.currency))
            writer.writerows((*of, kind, amount) for kind, amount in part.kinds)
            writer.writerow((*of, "net", part.net))
    return out.getvalue()


def summed(levels: Iterable[Costs]) -> Costs:
    """All levels as one."""
    total = Costs()
    for level in levels:
        total.add(level)
    return total


PAIRS: Final = ("charges", "kinds", "with_members", "merchants", "standing")


def _name(value: Any) -> None:
    """Currencies by their letters, pairs as objects."""
    if isinstance(value, (list, tuple)):
        for inner in value:
            _name(inner)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name == "currency":
                value[name] = _alpha(inner)
            elif name == "elsewhere":
                value[name] = {_alpha(code): amount for code, amount in inner}
            elif name == "fees":
                value[name] = [
                    {"kind": kind, "currency": _alpha(code), "amount": amount} for kind, code, amount in inner
                ]
            elif name in PAIRS:
                value[name] = dict(inner)
            else:
                _name(inner)


def _alpha(code: str) -> str:
    return currency(code).alpha
