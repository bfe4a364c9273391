"""`cmi-switch settle`: what each window of a business day came to, net, and what a net is made of."""

import json
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from switch.cli._network import DEFAULT, load
from switch.cli._settle_files import ENTRY_FORMS, FORMS, INSTRUCTIONS, not_instructed
from switch.cli._windows import choose, when_closed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from switch.cli._settle_entries import Collected
    from switch.core.network import Network
    from switch.journal.ledgers import LedgerView
    from switch.ledger.entries import Entry, Window
    from switch.ledger.netting import Netted, Settlement


@click.command
@click.argument("network", default=DEFAULT)
@click.option("--window", default="", metavar="DAY/N", help="As 2026-11-27/1. [default: the last one that is closed]")
@click.option(
    "--explain",
    default="",
    metavar="PARTY",
    help="The messages behind the nets of a member, a network, the switch.",
)
@click.option("--state", "state_dir", metavar="DIR", default="", help="State directory. [default: the network's]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables; of --explain, one a line.")
@click.option("--as", "forms", type=click.Choice(FORMS), multiple=True, help="Write these files of a closed window.")
@click.option("--out", metavar="DIR", default="", help="Where files go.")
@click.option("--check", "checked", metavar="FILE", default="", help="Hold a settlement file against the ledger.")
def command(
    network: str,
    window: str,
    explain: str,
    state_dir: str,
    as_json: bool,
    forms: tuple[str, ...],
    out: str,
    checked: str,
) -> None:
    """Show what a window came to: each member's position, what moves instead of the gross, and what networks settle apart.

    Made from the journal alone, as often as you like; the switch may be running. A window that is still open is shown as it
    stands. Amounts above zero are owed to the party.

    With --as it writes what a closed window is settled by: an instruction to the settlement system, multilateral (pacs.029) or
    one transfer a party (pacs.009), which is the same money, so it is one or the other; what each member is told of its account
    (camt.054: the booking, camt.053: the statement); each member's clearing file; each network's file,
    and for Mastercard its IPM. Files are there whole or
    not at all, and made again they are the same.

    --check holds such a file, as somebody has sent it, against the ledger. It is refused whole where a field differs; each one is
    said with both values. Its name says what it is.

    \b
    Examples:
      cmi-switch settle
      cmi-switch settle --window 2026-11-27/1 --json
      cmi-switch settle --explain atlas
      cmi-switch settle --as pacs.029 --as clearing --out settled
      cmi-switch settle --check 2026-11-27-1.atlas.MAD.clearing.csv
    """
    from switch.cli._settle_check import check, form_and_window
    from switch.cli._settle_entries import SettledWindow
    from switch.cli._settle_files import write
    from switch.journal.log import JournalError
    from switch.journal.shards import check_whole
    from switch.ledger.netting import UnknownPartyError, settle_by

    _refuse_together(forms, out, checked, shows=bool(explain or as_json), window=window)
    form, window = form_and_window(Path(checked)) if checked else ("", window)
    found = load(network)
    try:
        state = Path(state_dir or found.state_dir)
        check_whole(state, found)
        with _opened(state, found, forms, window) as (ledger, collected):
            chosen = choose(ledger, window)

            def settle_one(of: "Window") -> "Settlement":
                return settle_by(found, of, ledger.positions(of))

            settlement = settle_one(chosen)
            settled = SettledWindow(settlement, found, state, ledger, settle_one)
            if checked:
                check(Path(checked), form, settled)
            elif forms:
                write(dict.fromkeys(forms), Path(out), settled, collected)
            elif explain:
                _explain(ledger.entries(chosen), explain, settlement, as_json=as_json)
            elif as_json:
                click.echo(json.dumps(_fields(ledger, settlement)))
            else:
                _show(ledger, settlement, found)
    except (JournalError, UnknownPartyError) as error:
        raise click.ClickException(str(error)) from None


@contextmanager
def _opened(
    state: Path, network: "Network", forms: tuple[str, ...], window: str
) -> "Iterator[tuple[LedgerView, Collected | None]]":
    """The ledger; and, where files are wanted of its entries and it was built from the log, these: they are in none of it."""
    from switch.cli._rebuild import watched
    from switch.cli._settle_entries import Collected
    from switch.journal.ledgers import open_ledger

    with ExitStack() as stack:
        collected = None
        if any(form in ENTRY_FORMS for form in forms):
            collected = stack.enter_context(closing(Collected(forms, network, window)))
        watch = stack.enter_context(watched("ledger"))
        ledger = stack.enter_context(open_ledger(state, network.currency, watch, collected))
        yield ledger, collected if ledger.collected else None


def _refuse_together(forms: tuple[str, ...], out: str, checked: str, *, shows: bool, window: str) -> None:
    """UsageError: options that do not go together."""
    if bool(forms) != bool(out):
        raise click.UsageError("--as says which files, --out where they go: it takes both")
    if len({form for form in forms if form in INSTRUCTIONS}) > 1:
        raise click.UsageError(f"{' and '.join(INSTRUCTIONS)} move the same money: a window is in one of them")
    if checked and (forms or shows or window):
        raise click.UsageError(
            "--check takes the window from the file's name: it goes with none of --as, --window, --explain, --json"
        )
    if forms and shows:
        raise click.UsageError("--as writes files: it goes with neither --explain nor --json")


def _show(ledger: "LedgerView", settlement: "Settlement", network: "Network") -> None:
    """Tables: the multilateral net, networks one by one, and what is in neither."""
    from switch.money.currency import format_amount

    window = settlement.window
    click.echo(f"Window {window} of {network.name}, {when_closed(ledger, window)}")
    for netted in settlement.net:
        _table(netted)
        gross, moved = format_amount(netted.gross, netted.currency), format_amount(netted.moved, netted.currency)
        click.echo(f"gross {gross}; {moved} moves instead")
    for netted in settlement.bilateral:
        click.echo(f"\nApart from the net, with {netted.network}:")
        _table(netted)
    for (acquirer, issuer, code), held in sorted(ledger.holds(window).items()):
        if not held.amount:
            continue  # what it has held it has let go
        click.echo(f"held, not posted: {format_amount(held.amount, code)} ({issuer} at {acquirer})")
    for party, net, code in not_instructed(network, settlement) if network.bic else ():
        owed = format_amount(net, code)
        click.echo(
            f"note: {party} has no BIC, so its net of {owed} is not instructed: --as refuses the window until it has one"
        )
    for unpriced in ledger.unpriced(window):
        click.echo(f"note: {unpriced.payments} of its payments have no price: {unpriced.why}")
    if not ledger.whole(window):
        click.echo("note: it is not whole: the journal was pruned, and what began the window is not in it any more")


def _table(netted: "Netted") -> None:
    """A line a party, its net by kind, and below them sums that must be zero."""
    from switch.money.currency import currency, format_amount

    code = netted.currency
    kinds = sorted(
        {kind for position in netted.positions for kind, _ in position.kinds}, key=lambda k: (k != "payment", k)
    )
    alpha = currency(code).alpha

    def cell(amount: int) -> str:
        return format_amount(amount, code).removesuffix(f" {alpha}")

    lines = [("PARTY", "OWES", "OWED", *(kind.upper() for kind in kinds), f"NET {alpha}")]
    for p in netted.positions:
        by = dict(p.kinds)
        lines.append((p.party, cell(p.owes), cell(p.owed), *(cell(by.get(kind, 0)) for kind in kinds), cell(p.net)))
    sums = [sum(dict(p.kinds).get(kind, 0) for p in netted.positions) for kind in kinds]
    owes, owed = sum(p.owes for p in netted.positions), sum(p.owed for p in netted.positions)
    lines.append(("sum", cell(owes), cell(owed), *map(cell, sums), cell(owed - owes)))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for name, *amounts in lines:
        click.echo("  ".join([name.ljust(widths[0]), *(a.rjust(w) for a, w in zip(amounts, widths[1:], strict=True))]))


def _explain(entries: "Iterable[Entry]", party: str, settlement: "Settlement", *, as_json: bool) -> None:
    """Each move that `party` takes part in; the sums are its positions. UsageError: it has none."""
    from switch.ledger.entries import is_inner
    from switch.money.currency import format_amount

    nets = {("", netted.currency): p.net for netted in settlement.net for p in netted.positions if p.party == party}
    for netted in settlement.bilateral:
        (member,) = (p.party for p in netted.positions if p.party != netted.network)
        if party in (member, netted.network):
            other = member if party == netted.network else netted.network
            nets[other, netted.currency] = netted.of(party).net
    if not nets:
        parties = sorted({p.party for n in (*settlement.net, *settlement.bilateral) for p in n.positions})
        raise click.UsageError(f"{party} has no position in {settlement.window}; there are: {', '.join(parties)}")
    listed, apart = dict.fromkeys(nets, 0), {other for other, _ in nets if other}
    if not as_json:
        click.echo(f"Window {settlement.window}, {party}: sequence, transaction, what, with whom, kind, amount")
    for entry in entries:
        for (owner, other, kind), code, amount in entry.lines:
            if owner != party or is_inner(other):
                continue
            listed[other if other in apart else "", code] += amount
            if as_json:
                named = {
                    "sequence": entry.sequence,
                    "txn": f"{entry.txn:x}",
                    "what": entry.what,
                    "of_day": entry.of_day,
                }
                click.echo(json.dumps(named | {"with": other, "kind": kind, "currency": code, "amount": amount}))
                continue
            of_day = f" of {entry.of_day}" if entry.of_day else ""
            said = format_amount(amount, code)
            click.echo(f"{entry.sequence}  {entry.txn:x}  {entry.what}{of_day}  {other}  {kind}  {said}")
    for (other, code), net in sorted(nets.items()):
        if listed[other, code] != net:
            raise AssertionError(f"the lines of {party} come to {listed[other, code]}, its position is {net}")
        if as_json:
            click.echo(json.dumps({"net": net, "currency": code, "apart": other}))
        else:
            click.echo(f"{f'with {other}' if other else 'net'}: {format_amount(net, code)}")


def _fields(ledger: "LedgerView", settlement: "Settlement") -> dict[str, Any]:
    """Plain values; amounts in minor units."""

    def fields(netted: "Netted") -> dict[str, Any]:
        positions = [
            {"party": p.party, "owes": p.owes, "owed": p.owed, "net": p.net, "kinds": dict(p.kinds)}
            for p in netted.positions
        ]
        named = {"network": netted.network} if netted.network else {}
        return {
            **named,
            "currency": netted.currency,
            "gross": netted.gross,
            "moved": netted.moved,
            "positions": positions,
        }

    window = settlement.window
    return {
        "window": str(window),
        "closed": ledger.closed_as(window) is not None,
        "whole": ledger.whole(window),
        "net": [fields(netted) for netted in settlement.net],
        "bilateral": [fields(netted) for netted in settlement.bilateral],
        "held": [
            {"acquirer": acquirer, "issuer": issuer, "currency": code, "count": held.count, "amount": held.amount}
            for (acquirer, issuer, code), held in sorted(ledger.holds(window).items())
        ],
        "unpriced": sum(unpriced.payments for unpriced in ledger.unpriced(window)),
    }
