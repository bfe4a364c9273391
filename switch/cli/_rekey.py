"""`cmi-switch journal rekey`: another key to seal card numbers with."""

import click

from switch.cli._backup import STATE


@click.command("rekey")
@STATE
def rekey_command(state_dir: str) -> None:
    """Put a new key before those of the vault: from the switch's next `restart` on, card numbers are sealed with it.

    What was sealed before is read with the key it was sealed with, which stays in the file; the journal's hash chain and the
    digests that cards are counted under stay with the oldest. Keep a copy of the file, as of the first.

    \b
    Examples:
      cmi-switch journal rekey, then
      cmi-switch restart
    """
    from switch.journal.keys import open_vault, vault_key_path
    from switch.security.vault import VaultError, add_key

    try:
        open_vault(state_dir)
        path = vault_key_path(state_dir)
        check, count = add_key(path)
    except VaultError as error:
        raise click.ClickException(str(error)) from None
    click.echo(
        f"{path} has {count} keys; the new one has check value {check.hex()}. Keep a copy elsewhere, then `cmi-switch restart`"
    )
