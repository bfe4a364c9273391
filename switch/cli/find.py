"""`cmi-switch find`: the payment that somebody has a receipt of."""

import json
import shlex
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from switch.cli._backup import STATE, in_state
from switch.cli._network import DEFAULT_STATE
from switch.cli._rows import print_rows, up_to

if TYPE_CHECKING:
    from switch.gateway.orders.order import Order
    from switch.journal.projections.transactions import Row
    from switch.journal.search import Sought

NOT_FOUND = 1


@click.command("find")
@STATE
@click.argument("what", nargs=-1, required=True)
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, 1_000), help="At most so many, the newest."
)
@click.option("--json", "as_json", is_flag=True, help="JSON lines instead of a table.")
def command(state_dir: str, what: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Find transactions in the journal by what a receipt or a complaint says.

    WHAT is a retrieval reference number (DE37), an acquirer's STAN (DE11), a transaction's number as lists show it, the last
    four digits of the card (or its masked number) and the amount, or what a web shop calls its order, where the gateway's state
    lies in that of the switch. Newest first. Exit code 1 where there is none.

    \b
    Examples:
      cmi-switch find 633120794786
      cmi-switch find 794786
      cmi-switch find 0019 1234.50
      cmi-switch find 0019 1234.50 --json | jq .status
      cmi-switch find ORDER-2025-118
    """
    from switch.journal.log import JournalError
    from switch.journal.search import SearchError, read_words

    orders = _orders_called(state_dir, " ".join(what))
    try:
        sought = read_words(what)
    except SearchError as error:
        if not orders:
            raise click.UsageError(str(error)) from None
        sought = None
    try:
        rows, until = _look_up(state_dir, sought, orders, limit)
    except JournalError as error:
        raise click.ClickException(str(error)) from None
    if not rows and not orders:
        click.echo(f"nothing is called {' '.join(what)} in the journal of {state_dir}{until}", err=True)
        raise click.exceptions.Exit(NOT_FOUND)
    _show(rows, orders, as_json=as_json)
    if as_json:
        return
    if len(rows) == limit:
        click.echo(f"({limit} shown; --limit shows more)", err=True)
    elif rows and sys.stdout.isatty():
        records = in_state(f"journal show {rows[0].txn:x}", state_dir)
        click.echo(f"next: `{_hops_of(rows[0], state_dir)}` shows its way, `{records}` its records", err=True)


def _hops_of(row: "Row", state_dir: str) -> str:
    """What shows a transaction's hops, of the log in that directory."""
    log = "" if state_dir == DEFAULT_STATE else f" --log {shlex.quote(state_dir)}"
    return f"cmi-switch hops --txn {row.txn:x}{log}"


def _orders_called(state_dir: str, oid: str) -> "list[Order]":
    """Of a gateway beside the switch, if there is one: loading its store takes longer than the search of a journal. Raises click
    errors."""
    from switch.gateway.orders.beside import store_beside

    file = store_beside(Path(state_dir))
    if not file.exists():
        return []
    from switch.gateway.orders.database import StoreError
    from switch.gateway.orders.store import orders_called

    try:
        return orders_called(file, oid)
    except StoreError as error:
        raise click.ClickException(str(error)) from None


def _look_up(state_dir: str, sought: "Sought | None", orders: "list[Order]", limit: int) -> "tuple[list[Row], str]":
    """What is named, and the transactions of these orders: newest first; where there are none, how far the journal is. Raises
    JournalError."""
    from switch.journal.reports import Reports
    from switch.journal.search import Sought

    with closing(Reports(state_dir)) as reports:
        found = {row.txn: row for row in reports.find(sought, limit)} if sought is not None else {}
        for attempt in (order.attempt for order in orders if order.attempt is not None):
            same = reports.find(Sought(rrn=attempt.names.rrn), limit)
            found |= {row.txn: row for row in same if row.pan == attempt.masked}
        until = "" if found else up_to(reports.last_at_us())
    return [found[txn] for txn in sorted(found, reverse=True)][:limit], until


def _show(rows: "list[Row]", orders: "list[Order]", *, as_json: bool) -> None:
    from switch.journal.views import row_fields, time_text_ms
    from switch.money.currency import format_amount
    from switch.wire.printable import printable

    for order in orders:
        asked, last = order.asked, order.attempt
        if as_json:
            known = {"amount": asked.amount, "currency": asked.currency, "rrn": last.names.rrn if last else ""}
            click.echo(json.dumps({"order": asked.oid, "merchant": asked.clientid, "stage": order.stage, **known}))
            continue
        paid = f"{last.masked}  RRN {last.names.rrn}" if last else "no card yet"
        opened, amount = time_text_ms(order.opened_us), format_amount(asked.amount, asked.currency)
        line = f"order {asked.oid}  {opened}  merchant {asked.clientid}  {paid}  {amount}  {order.stage}"
        click.echo(printable(line))
    if as_json:
        for row in rows:
            click.echo(json.dumps(row_fields(row)))
    elif rows:
        print_rows(rows)
