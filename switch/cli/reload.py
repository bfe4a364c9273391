"""`cmi-switch reload`: a running switch reads its network file again."""

from pathlib import Path

import click

from switch.cli._control import ask, of_each_switch
from switch.cli._network import paint
from switch.counting import counted


@click.command
@of_each_switch
@click.option("--dry-run", is_flag=True, help="Only check the file and print what would change.")
def command(state_dir: Path, dry_run: bool) -> None:
    """Have a running switch read its network file again: checked whole first, then in effect at once, or refused whole.

    Connections, requests under way and everything owed go on; nobody has to reconnect. What changed is printed, and is in the
    hop log as network.reloaded. With a mistake in the file, or a change that asks for more than a reload, everything stays as it
    was: exit code 1, and the reasons. `kill -HUP` does the same, without the words.

    \b
    Examples:
      cmi-switch reload --dry-run            what would change?
      cmi-switch reload
      cmi-switch reload --state /srv/switch
    """
    answer = ask(state_dir, "reload", timeout_s=60.0, dry_run=dry_run)
    changes = answer["changes"]
    for sentence in answer.get("failed", ()):  # a switch of an older release says none
        click.echo(f"{paint('hint', 'warning')}: {sentence}", err=True)
    if not changes:
        click.echo("Nothing differs: the switch runs by this file already.")
        return
    for line in changes:
        click.echo(line)
    count = f"{counted(len(changes), 'change')}"
    click.echo(f"{count}, not made (--dry-run)." if dry_run else f"{count}, in effect.")
