"""`cmi-switch audit`: what operators did, and that nobody has changed the log of it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from switch.cli._control import json_option, of_each_switch, say_json
from switch.counting import counted

if TYPE_CHECKING:
    from switch.security.audit import Act, AuditLog


@click.group("audit")
def command() -> None:
    """Read the audit log of a switch (audit.log in its state directory): who told it to do what, and what was refused.

    Each line has the hash of the one before it, under a key of the vault's: one that was altered, taken out or put in is found.
    It is read from the file; the switch need not run.

    \b
    Examples:
      cmi-switch audit list
      cmi-switch audit verify
    """


@command.command("list")
@of_each_switch
@click.option("--by", "user", default="", metavar="USER", help="Only what this user did, or approved.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(0), help="The last so many; 0: all.")
@json_option
def list_command(state_dir: Path, user: str, limit: int, as_json: bool) -> None:
    """List what operators did, the oldest first, its chain checked.

    \b
    Examples:
      cmi-switch audit list --by amina
      cmi-switch audit list --limit 0 --json
    """
    import msgspec

    from switch.wire.printable import printable

    acts = [act for act in _acts(_log(state_dir)) if f"{user} (" in act.by or not user]
    for act in acts[-limit:] if limit else acts:
        if as_json:
            say_json(msgspec.to_builtins(act))
        else:
            said = "  ".join(filter(None, (act.act, act.key, act.note)))
            click.echo(printable(f"{act.number:>5}  {act.at[:19]}Z  {act.by}: {said}"))


@command.command("verify")
@of_each_switch
def verify_command(state_dir: Path) -> None:
    """Check every line's place in the chain. Exit code 1 where one does not hold.

    The last line's number and hash are printed: kept elsewhere, they prove later that nothing was taken from the end.

    \b
    Example:
      cmi-switch audit verify
    """
    log = _log(state_dir)
    acts = _acts(log)
    click.echo(f"{log.path}: {counted(len(acts), 'act')}: all hold" + (f"; chain {log.chain}" if acts else ""))


def _log(state_dir: Path) -> "AuditLog":
    from switch.journal.keys import open_vault, vault_key_path
    from switch.security.vault import VaultError
    from switch.server.operators import AUDIT_FILE, audit_of

    key, log = vault_key_path(state_dir), state_dir / AUDIT_FILE
    if not key.exists():
        raise click.ClickException(
            f"{key} is missing, and the audit log is chained with it: bring it back"
            if log.exists()
            else f"{log}: no audit log here; --state names the switch's state directory, and an operator's first act begins it"
        )
    try:
        return audit_of(state_dir, open_vault(state_dir).audit_secret)
    except VaultError as error:
        raise click.ClickException(str(error)) from None


def _acts(log: "AuditLog") -> "list[Act]":
    from switch.security.audit import AuditError

    try:
        return log.verify()
    except AuditError as error:
        raise click.ClickException(str(error)) from None
