"""`cmi-switch health`: whether a running switch is well, for people and for monitoring."""

from pathlib import Path
from typing import Any, Final

import click

from switch.cli._control import ask, of_each_switch, say_json
from switch.cli._network import paint
from switch.cli._not_done import NotDone
from switch.counting import counted

EXIT: Final = {"good": 0, "warning": 1, "critical": 2}
NO_ANSWER: Final = 3
_STYLE: Final = {"good": "good", "warning": "caret", "critical": "error"}


@click.command("health")
@of_each_switch
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for monitoring.")
def command(state_dir: Path, as_json: bool) -> None:
    """Say whether the running switch is well: journal, disk, index, links, what is owed, exceptions, prices, connections.

    \b
    Exit code, as monitoring plug-ins have it:
      0  good
      1  warning: something needs a person; payments go on
      2  critical: payments are declined
      3  no switch answers

    \b
    Examples:
      cmi-switch health
      cmi-switch health --json | jq .disk_free_bytes
      cmi-switch health || mail -s "the switch is not well" ops
    """
    try:
        health = ask(state_dir, "health")
    except NotDone as error:
        error.show()
        raise click.exceptions.Exit(NO_ANSWER) from None
    if as_json:
        say_json(health)
    else:
        _print(health)
    raise click.exceptions.Exit(EXIT[health["grade"]])


def _print(health: dict[str, Any]) -> None:
    grade = health["grade"]
    up, away = len(health["hosts_up"]), len(health["hosts_away"])
    out, leaving = len(health["hosts_in_maintenance"]), ", ".join(health["hosts_leaving"])
    journal = f"journal {'down' if health['journal_down'] else 'up'}"
    owed = f"{health['owed']:,} owed" + (f" (oldest {health['oldest_owed_s']:,} s)" if health["owed"] else "")
    parts = [
        journal,
        f"hosts {up} of {up + away + out} up"
        + (f", {out} in maintenance" if out else "")
        + (f", leaving: {leaving}" if leaving else ""),
        owed,
        counted(health["exceptions"], "exception"),
        *([f"{health['unpriced']:,} unpriced"] if health["unpriced"] else []),
        counted(health["connections"], "connection"),
        *([] if health["disk_trouble"] else [f"{health['disk_free_bytes'] / 1e9:,.1f} GB left"]),
    ]
    click.echo(f"{paint(_STYLE[grade], grade.capitalize())}: {', '.join(parts)}")
    for problem in health["problems"]:
        click.echo(f"  {paint(_STYLE[problem['grade']], problem['part'])}: {problem['sentence']}")
        click.echo(f"    {problem['hint']}")
