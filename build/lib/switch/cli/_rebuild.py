"""`cmi-switch journal rebuild`: what is derived from the journal, thrown away and built again."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from switch.cli._backup import STATE

if TYPE_CHECKING:
    from switch.journal.index import Rebuilt


@click.command("rebuild")
@click.argument("projections", metavar="[PROJECTION]...", nargs=-1)
@STATE
@click.option("--json", "as_json", is_flag=True, help="One JSON object a projection instead of a sentence.")
def rebuild_command(projections: tuple[str, ...], state_dir: str, as_json: bool) -> None:
    """Throw away what is derived from the journal, and build it again from the log: all of it, or each PROJECTION named.

    The switch may be running; until the new tables are whole, the old ones answer. There are: `transactions` (what `journal list`
    shows), `days` (what `journal days` shows) and `ledger` (what `settle` shows). A new release does this by itself where
    its tables differ. Of a journal that was pruned, only what is left can be built again.

    \b
    Examples:
      cmi-switch journal rebuild
      cmi-switch journal rebuild days --state /srv/switch
    """
    from switch.journal.log import JournalError
    from switch.journal.rebuild import rebuild

    try:
        with watched("records") as watch:
            done = rebuild(state_dir, projections, watch)
    except JournalError as error:
        raise click.ClickException(str(error)) from None
    for each in done:
        if as_json:
            click.echo(json.dumps({name: getattr(each, name) for name in each.__struct_fields__}))
        else:
            click.echo(_sentence(each))


def _sentence(rebuilt: "Rebuilt") -> str:
    if not rebuilt.records:
        return f"{rebuilt.projection}: built again; nothing in the journal is durable yet."
    made = f"{rebuilt.projection}: built again from records {rebuilt.first:,} to {rebuilt.last:,}."
    if rebuilt.first == 1:
        return made
    return f"{made} The journal was pruned: what lay before is in it no more."


@contextmanager
def watched(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar where someone looks, from the first step on. `what`: before it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as shown:
        task = shown.add_task(what, total=None, visible=False)

        def watch(done: int, total: int) -> None:
            shown.update(task, completed=done, total=total, visible=True)

        yield watch
