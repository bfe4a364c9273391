"""`cmi-switch keys request`: acts on keys by a running switch's security module, which take two people."""

from pathlib import Path

import click

from switch.cli._control import ask, of_switch


@click.group("request")
def request() -> None:
    """Have a running switch export, take in or destroy a key: by two supervisors, where its network file names operators.

    The first asks; another says `cmi-switch approve NUMBER` within 15 minutes, and is shown what comes of it. Neither needs the
    key file or its master key, which are the switch's (or its security module's) alone. Who asked and who approved is in the
    switch's audit log, the act in the key file's.

    \b
    Examples:
      cmi-switch keys request export atlas-zpk --under atlas-zmk
      cmi-switch keys request import rif-zpk --under rif-zmk --block B0096P0TB00E0000… --check-value A1B2C3
      cmi-switch keys request destroy old-zpk A1B2C3
    """


UNDER = click.option("--under", required=True, metavar="ZMK", help="The partner's zone master key.")


@request.command("export")
@click.argument("name")
@UNDER
@of_switch
def export(state_dir: Path, name: str, under: str) -> None:
    """Print a key as a key block for a partner. Only one made with --exportable, and never under a weaker key."""
    click.echo(ask(state_dir, "keys.export", key=name, under=under)["block"])


@request.command("import")
@click.argument("name")
@UNDER
@click.option("--block", required=True, metavar="TEXT", help="The partner's key block (X9.143, versions A to D).")
@click.option("--check-value", required=True, metavar="HEX", help="What the partner says it is; another is refused.")
@of_switch
def import_(state_dir: Path, name: str, under: str, block: str, check_value: str) -> None:
    """Take in a partner's key under a new name."""
    said = ask(state_dir, "keys.import", key=name, under=under, block=block, check_value=check_value)
    click.echo(f"{name}: check value {said['check_value']}")


@request.command("destroy")
@click.argument("name")
@click.argument("check_value")
@of_switch
def destroy(state_dir: Path, name: str, check_value: str) -> None:
    """Forget a key for good. One that a link of the network file has is refused."""
    ask(state_dir, "keys.destroy", key=name, check_value=check_value)
    click.echo(f"{name}: destroyed")
