"""`cmi-switch journal rekey`: another key to seal card numbers with."""

import getpass
import os
from datetime import UTC, datetime

import click

from switch.cli._backup import STATE
from switch.counting import counted


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
    from switch.journal.log import JournalError, written_segments
    from switch.journal.recovery import journal_directory
    from switch.security.audit import AuditError
    from switch.security.vault import VaultError, add_key
    from switch.server.operators import audit_of

    try:
        written_segments(journal_directory(state_dir))
        log = audit_of(state_dir, open_vault(state_dir).audit_secret)
        path = vault_key_path(state_dir)
        with log.turn():
            at = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
            log.write(at=at, by=f"{getpass.getuser()} (uid {os.getuid()})", act="journal.rekey", key=str(path))
        check, count = add_key(path)
    except (JournalError, VaultError, AuditError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(
        f"{path} has {counted(count, 'key')}; the new one has check value {check.hex()}. Keep a copy elsewhere, then "
        "`cmi-switch restart`"
    )
