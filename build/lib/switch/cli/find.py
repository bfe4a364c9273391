"""`cmi-switch find`: the payment that somebody has a receipt of."""

import json
import sys

import click

from switch.cli._backup import STATE
from switch.cli._rows import print_rows

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

    WHAT is a retrieval reference number (DE37), an acquirer's STAN (DE11), a transaction's number as lists show it, or the last
    four digits of the card (or its masked number) and the amount. Newest first. Exit code 1 where there is none.

    \b
    Examples:
      cmi-switch find 633120794786
      cmi-switch find 794786
      cmi-switch find 0019 1234.50
      cmi-switch find 0019 1234.50 --json | jq .status
    """
    from switch.journal.log import JournalError
    from switch.journal.reports import Reports
    from switch.journal.search import SearchError, read_words
    from switch.journal.views import row_fields

    try:
        sought = read_words(what)
    except SearchError as error:
        raise click.UsageError(str(error)) from None
    try:
        reports = Reports(state_dir)
        rows = reports.find(sought, limit)
        reports.close()
    except JournalError as error:
        raise click.ClickException(str(error)) from None
    if not rows:
        click.echo(f"nothing is called {' '.join(what)} in the journal of {state_dir}", err=True)
        raise click.exceptions.Exit(NOT_FOUND)
    if as_json:
        for row in rows:
            click.echo(json.dumps(row_fields(row)))
        return
    print_rows(rows)
    if len(rows) == limit:
        click.echo(f"({limit} shown; --limit shows more)", err=True)
    elif sys.stdout.isatty():
        click.echo(
            f"next: cmi-switch hops --txn {rows[0].txn:x} shows its way, cmi-switch journal show {rows[0].txn:x} its records",
            err=True,
        )
