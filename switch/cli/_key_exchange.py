"""`cmi-switch keys exchange`: a running switch changes the keys of a link by message."""

import time
from pathlib import Path

import click

from switch.cli._control import ask, of_switch
from switch.cli._numbers import Finite


@click.command("exchange")
@click.argument("name")
@click.option("--acquirer", is_flag=True, help="NAME is a bank as acquirer, though a host has the same name.")
@click.option("--purpose", type=click.Choice(("mac", "pin")), default=None, help="Only that key. [default: both]")
@click.option(
    "--wait",
    "wait_s",
    type=Finite(0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="For the other end's answers.",
)
@of_switch
def exchange(state_dir: Path, name: str, acquirer: bool, purpose: str | None, wait_s: float) -> None:
    """Have a running switch change the keys of a link by message (0800, DE70=161), and wait until they are in use.

    NAME is a host or a member with a `zone_key` in the network file. Payments go on: from the offer to the change both sets are
    valid for what comes. Where the other end does not answer, the key in use stays, and the same new one is offered again.

    \b
    Examples:
      cmi-switch keys exchange atlas
      cmi-switch keys exchange rif --acquirer --purpose pin
    """
    rows = ask(state_dir, "keys.exchange", name=name, acquirer=acquirer, purpose=purpose or "")["keys"]
    until = time.monotonic() + wait_s
    while any(row["changing"] for row in rows) and time.monotonic() < until:
        time.sleep(0.05)
        mine = {row["key"] for row in rows}
        rows = [row for row in ask(state_dir, "keys.list")["keys"] if row["key"] in mine]
    for row in rows:
        click.echo(f"{row['key']}: set {row['set']} in use, check value {row['check_value']}")
    failed = {row["failed"] for row in rows if row["failed"]}
    if failed:
        raise click.ClickException("; ".join(sorted(failed)))
    if any(row["changing"] for row in rows):
        said = f"the other end has not answered within {wait_s:g} s; it is asked again, and the key in use stays until then"
        raise click.ClickException(said)
