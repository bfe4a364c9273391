"""`cmi-switch approve`: the second person."""

import json
from pathlib import Path

import click

from switch.cli._control import ask, ask_each, of_switches


@click.command
@of_switches
@click.argument("number", required=False, type=int)
def command(states: tuple[Path, ...], number: int | None) -> None:
    """Approve what another supervisor has asked for under NUMBER, and have it done; without NUMBER, list what waits.

    Where the network file names operators, some commands take two: `exceptions resolve`, `saf retry`, taking a card off a stop
    list, `keys request`. Who asked cannot approve. What has waited for 15 minutes, or over a restart, is forgotten.

    \b
    Examples:
      cmi-switch approve
      cmi-switch approve 7
    """
    if number is None:
        ask_each(states, _list)
        return
    if len(states) > 1:
        raise click.UsageError(f"each shard counts its own: which one's is it? --state {states[0]}")
    click.echo(json.dumps(ask(states[0], "approve", number=number)))


def _list(state_dir: Path) -> None:
    waiting = ask(state_dir, "approvals.list")["waiting"]
    for one in waiting:
        click.echo(
            f"{one['number']}  {one['command']} {json.dumps(one['arguments'])}, by {one['by']}, {one['left_s']} s left"
        )
    if not waiting:
        click.echo("Nothing waits for a second person.")
