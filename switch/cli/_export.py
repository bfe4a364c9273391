"""`cmi-switch journal export`: the ledger of a journal for programs of others."""

import sys
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from switch.cli._backup import STATE
from switch.cli._files import written_whole
from switch.cli._network import DEFAULT, load
from switch.cli._windows import all_of, choose
from switch.counting import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from switch.journal.ledgers import LedgerView
    from switch.ledger.entries import Entry, Window


@click.command("export")
@STATE
@click.option("--network", default=DEFAULT, show_default=True, metavar="NAME", help="Its currency is that of the fees.")
@click.option(
    "--format", "form", required=True, type=click.Choice(["beancount", "ledger", "parquet"]), help="Whose file it is."
)
@click.option("--window", default="", metavar="DAY/N", help="Only this window, as 2026-11-27/1. [default: all]")
@click.option("--out", default="", metavar="FILE", help="[default: standard output]")
def export_command(state_dir: str, network: str, form: str, window: str, out: str) -> None:
    """Write the ledger for programs of others: bookkeeping programs, which check it, or (parquet) whatever reads tables.

    For a bookkeeping program every entry becomes a transaction, which it refuses if that does not come to zero; and below stands
    what every account must come to, made from the positions that `cmi-switch settle` nets. So `bean-check` and `ledger` find a
    minor unit that is missing in either. A Parquet file has a row a move (docs/settlement.md), and needs
    `pip install 'cmi-switch[parquet]'`. The switch may be running. FILE is there whole or not at all.

    \b
    Examples:
      cmi-switch journal export --format beancount --window 2026-11-27/1 --out day.beancount && bean-check day.beancount
      cmi-switch journal export --format ledger --out all.ledger && ledger -f all.ledger balance Settlement
      cmi-switch journal export --format parquet --out moves.parquet
    """
    from switch.cli._parquet import write_parquet
    from switch.cli._rebuild import watched
    from switch.journal.ledgers import open_ledger
    from switch.journal.log import JournalError
    from switch.journal.shards import check_whole
    from switch.money.currency import CurrencyError

    if form == "parquet" and not out:
        raise click.UsageError("--format parquet writes a file: say which with --out")
    found = load(network)
    try:
        check_whole(state_dir, found)
        with watched("ledger") as watch, open_ledger(state_dir, found.currency, watch) as ledger:
            windows = [choose(ledger, window)] if window else all_of(ledger)
            if not out:
                _write(sys.stdout, form, found.name, ledger, windows, window)
                return
            try:
                if form == "parquet":
                    count = write_parquet(
                        Path(out), (e for _, entries in _listed(ledger, windows, window) for e in entries)
                    )
                else:
                    with written_whole(Path(out)) as file:
                        count = _write(file, form, found.name, ledger, windows, window)
            except OSError as error:
                raise click.ClickException(f"{out}: {error.strerror or error}") from None
    except (JournalError, CurrencyError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{out}: {counted(count, 'entry', 'entries')}", err=True)


def _listed(ledger: "LedgerView", windows: "list[Window]", only: str) -> "Iterator[tuple[Window, Iterator[Entry]]]":
    """Each window's entries. Those that were pruned are left out, and said; JournalError where one is all that is asked for
    (`only`)."""
    from switch.journal.log import JournalError

    for window in windows:
        try:
            entries = ledger.entries(window)
            first = list(islice(entries, 1))
        except JournalError as error:
            if only:
                raise
            click.echo(f"note: window {window} is left out: {error}", err=True)
            continue
        yield window, chain(first, entries)


def _write(file: IO[str], form: str, network: str, ledger: "LedgerView", windows: "list[Window]", only: str) -> int:
    """Entries window by window, then what the accounts come to; how many entries. See `_listed`."""
    from switch.ledger.plain_text import Form, Journal

    count, positions, journal = 0, {}, Journal(Form(form))
    file.write(journal.begin(network, only or "all windows"))
    for window, entries in _listed(ledger, windows, only):
        for entry in entries:
            file.write(journal.post(entry))
            count += 1
        positions[window] = ledger.positions(window)
    file.writelines(journal.end(positions))
    return count
