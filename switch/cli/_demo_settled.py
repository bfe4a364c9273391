"""How the demo ends: its day is settled, and the banks' own books are laid beside the settlement."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rich.console import Console
    from rich.table import Table

    from switch.core.network import Network
    from switch.ledger.levels import Costs, Level
    from switch.ledger.netting import Settlement
    from switch.simulators.reconciliation import Books, Difference
    from switch.simulators.settled import OwnPosition

LEVELS = {"national": "Cmi card", "local": "local Visa, Mastercard", "foreign": "foreign card"}


def settle_demo(
    state: Path, network: "Network", books: "Books", hop_cost: int, console: "Console"
) -> "list[Difference]":
    """Print what all of the demo's payments come to. Returns where the banks' own books say otherwise, or the hop log does of
    what the networks are owed (`hop_cost`, minor units)."""
    from switch.cli._windows import all_of
    from switch.journal.ledgers import open_ledger
    from switch.ledger.levels import by_level, network_cost
    from switch.ledger.netting import settle_by, together
    from switch.money.currency import format_amount
    from switch.simulators.reconciliation import Difference
    from switch.simulators.settled import compare_settled, own_positions, posted, settled

    schemes, home = network.networks, network.currency
    with open_ledger(state, home) as ledger:
        # Two windows, if midnight has passed meanwhile.
        windows = [window for window in all_of(ledger) if ledger.positions(window)]
        cells = together(map(ledger.positions, windows))
        entries = [entry for window in windows for entry in ledger.entries(window)]
    if not windows:
        return []
    settlement = settle_by(network, windows[-1], cells)
    own = own_positions(books, {member.institution: member.name for member in network.members})
    payments, paid = posted(entries), settled(settlement)
    console.print(f"\nThe day, closed and settled: window {', '.join(map(str, windows))}", style="bold")
    console.print(_own_books(own, payments, home))
    console.print()
    console.print(_positions(paid, home))
    console.print()
    _say_sums(settlement, paid, home)
    console.print(_levels(by_level(entries, schemes, home), home))
    found = compare_settled(own, payments)
    owed = sum(network_cost(entry, schemes) for entry in entries)
    if owed != hop_cost:
        said = f"{format_amount(hop_cost, home)} by the hop log, {format_amount(owed, home)} by the ledger"
        found.append(Difference(key="", sentence=f"what the networks are owed for payments: {said}"))
    return found


def _own_books(
    own: "Mapping[tuple[str, str], OwnPosition]", payments: "Mapping[tuple[str, str], int]", home: str
) -> "Table":
    """A line a party and currency of payments, the home currency first, with a sum of zero below it."""
    from switch.simulators.settled import OwnPosition

    table = _table("by their own books", "took", "its cards paid", "is owed", "by the ledger", "")
    for code in _codes(payments, home):
        cell, unit = _cells(code)
        keys = [key for key in payments if key[1] == code]
        for key in keys:
            book = own.get(key, OwnPosition())
            amounts = (book.took, book.paid, book.net, payments[key])
            table.add_row(key[0], *map(cell, amounts), unit)
        nets = sum(own.get(key, OwnPosition()).net for key in keys), sum(payments[key] for key in keys)
        table.add_row("sum", "", "", *map(cell, nets), unit, style="dim")
    return table


def _positions(paid: "Mapping[tuple[str, str], Mapping[str, int]]", home: str) -> "Table":
    """A line a party and currency that is settled, the home currency first, with sums of zero below it."""
    from switch.ledger.entries import PAYMENT

    table = _table("as it is settled", "payments", "fees", "net", "")
    for code in _codes(paid, home):
        cell, unit = _cells(code)
        sums = [0, 0, 0]
        for party, kinds in ((party, kinds) for (party, of), kinds in paid.items() if of == code):
            payments = kinds.get(PAYMENT, 0)
            parts = (payments, sum(kinds.values()) - payments, sum(kinds.values()))
            sums = [total + part for total, part in zip(sums, parts, strict=True)]
            table.add_row(party, *map(cell, parts), unit)
        table.add_row("sum", *map(cell, sums), unit, style="dim")
    return table


def _codes(keys: "Iterable[tuple[str, str]]", home: str) -> list[str]:
    """The currencies in these keys, the home currency first."""
    from switch.money.currency import currency

    return sorted({code for _, code in keys}, key=lambda code: (code != home, currency(code).alpha))


def _cells(code: str) -> "tuple[Callable[[int], str], str]":
    """What writes amounts of a currency, and its letters."""
    from switch.money.currency import currency, format_amount

    alpha = currency(code).alpha
    return (lambda amount: format_amount(amount, code).removesuffix(f" {alpha}")), alpha


def _say_sums(settlement: "Settlement", paid: "Mapping[tuple[str, str], Mapping[str, int]]", home: str) -> None:
    """What moves instead of the gross, and who earns."""
    from switch.money.currency import format_amount

    (net, *_) = settlement.net
    share = 100 * net.moved / net.gross if net.gross else 0
    click.echo(
        f"Between the banks: gross {format_amount(net.gross, home)}; {format_amount(net.moved, home)} moves instead "
        f"({share:.1f} %). Each network settles apart, with each bank."
    )
    earned = [
        f"{party} {format_amount(fees, code)}"
        for (party, code), kinds in paid.items()
        if (fees := sum(amount for kind, amount in kinds.items() if kind != "payment")) > 0
    ]
    click.echo(f"Fees earned: {', '.join(earned) or 'none'}.\n")


def _levels(costs: "Mapping[Level, Costs]", home: str) -> "Table":
    """What merchants' payments cost, foreign beside domestic."""
    cell, alpha = _cells(home)
    table = _table(f"paid with ({alpha})", "amount", "cost", "%", "issuer", "network", "switch", "bank keeps")
    table.title, table.title_justify = "What merchants pay for it, and who gets that", "left"
    for level, of in costs.items():
        share = f"{100 * of.charge / of.amount:.2f}" if of.amount else "–"
        parts = map(cell, (of.interchange, of.network, of.others, of.kept))
        table.add_row(LEVELS[level], cell(of.amount), cell(of.charge), share, *parts)
    return table


def _table(*headings: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", show_edge=False)
    for n, heading in enumerate(headings):
        table.add_column(heading, justify="right" if n else "left", no_wrap=True)
    return table
