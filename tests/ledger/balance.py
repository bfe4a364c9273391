"""Whether lines of the ledger balance, asked of those that tests read."""

from collections.abc import Iterable

from switch.ledger.entries import Line


def check_balance(lines: Iterable[Line]) -> None:
    """ValueError: the lines of a currency do not come to zero."""
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.currency] = sums.get(line.currency, 0) + line.amount
    wrong = [f"{amount:+d} minor units of {currency}" for currency, amount in sorted(sums.items()) if amount]
    if wrong:
        raise ValueError(f"lines that do not come to zero: {', '.join(wrong)}")
