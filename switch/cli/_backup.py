"""`cmi-switch journal backup`, `restore` and `prune`: how a journal is kept, put back, and kept small."""

import json
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from switch.cli._network import DEFAULT_STATE
from switch.counting import counted

if TYPE_CHECKING:
    from switch.journal.backup import Made

STATE = click.option(
    "--state",
    "state_dir",
    metavar="DIR",
    default=DEFAULT_STATE,
    show_default=True,
    help="The switch's state directory; the journal is in DIR/journal.",
)


def in_state(command: str, state_dir: str) -> str:
    """`cmi-switch COMMAND` as it is typed for this state directory."""
    return f"cmi-switch {command}" + ("" if state_dir == DEFAULT_STATE else f" --state {shlex.quote(state_dir)}")


JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a sentence.")


@click.command("backup")
@click.argument("target", metavar="BACKUP")
@STATE
@click.option(
    "--with-key", is_flag=True, help="Copy the vault key, too: whoever has the backup can then open its PANs."
)
@JSON
def backup_command(target: str, state_dir: str, with_key: bool, as_json: bool) -> None:
    """Copy the journal to the directory BACKUP, or what it has more than the backup there.

    The switch may be running. Every record is checked as it is copied; BACKUP is whole whenever this ends, however it ends. Run
    it as often as you like: what was closed and copied before is not copied again. `journal verify` and `journal list` work
    on a backup, too (--state BACKUP).

    Without the vault key a backup names no card, and a restored switch needs the key from elsewhere: keep it apart.

    \b
    Examples:
      cmi-switch journal backup /mnt/backup/morocco
      cmi-switch journal backup /mnt/backup/morocco --state /srv/switch --json
      cmi-switch journal backup /mnt/vault/morocco --with-key
    """
    from switch.journal.backup import backup
    from switch.journal.keys import vault_key_path

    with _watched("backup") as progress:
        made = backup(state_dir, target, time.time_ns() // 1000, with_key=with_key, progress=progress)
    _tell(made, target, as_json)
    if not as_json and not made.key:
        click.echo(
            f"The vault key is not in it: keep a copy of {vault_key_path(state_dir)} elsewhere; a restored switch needs it."
        )


HEAD_COPY = click.option(
    "--head-copy",
    metavar="FILE",
    default="",
    help="The copy of the journal's head on another disk, as `head_copy` of the network file names it.",
)


@click.command("accept-end")
@STATE
@HEAD_COPY
@click.option("--yes", is_flag=True, help="Do not ask.")
@JSON
def accept_end_command(state_dir: str, head_copy: str, yes: bool, as_json: bool) -> None:
    """Go on from where the journal ends, though more of it had been acknowledged. No switch may be running.

    A switch refuses to start where records are missing at the end of its journal. Bring them back, if you can. This gives them
    up: payments that only they knew are unknown from then on, and must be reconciled with acquirers and issuers.

    \b
    Example:
      cmi-switch journal accept-end --state var/morocco
    """
    from switch.journal.integrity import accept_end
    from switch.journal.log import JournalError

    if not yes:
        click.confirm(f"Give up whatever is missing at the end of the journal in {state_dir}?", abort=True)
    try:
        accepted = accept_end(state_dir, head_copy)
    except JournalError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps({"last": accepted.last, "missing_to": accepted.missing_to}))
        return
    lost = (
        f"records {accepted.last + 1} to {accepted.missing_to} are given up"
        if accepted.missing_to
        else "none was missing"
    )
    click.echo(f"The journal ends at record {accepted.last}: {lost}. The index is built anew.")


@click.command("restore")
@click.argument("backup", metavar="BACKUP")
@STATE
@click.option("--without-key", is_flag=True, help="Restore though the vault key is neither in BACKUP nor in DIR.")
@JSON
def restore_command(backup: str, state_dir: str, without_key: bool, as_json: bool) -> None:
    """Put the journal of BACKUP into a state directory that has none; `cmi-switch serve` goes on from there.

    What came after the backup is lost: approvals that the switch no longer knows have to be found by reconciling with acquirers
    and issuers. docs/journal.md says what to do, and in which order.

    \b
    Examples:
      cmi-switch journal restore /mnt/backup/morocco --state /srv/switch
      cmi-switch serve --state /srv/switch
    """
    from switch.journal.keys import audit_witness_path
    from switch.journal.restore import restore
    from switch.journal.views import time_text

    with _watched("restore") as progress:
        made = restore(backup, state_dir, without_key=without_key, progress=progress)
    _tell(made, f"{state_dir}/journal", as_json)
    if not as_json:
        click.echo(
            f"Everything after {time_text(made.manifest.last_at_us)} is lost to this switch: reconcile with acquirers and issuers"
            + ("." if made.key else "; and without the vault key nothing owed can be sent.")
        )
        witness = audit_witness_path(state_dir)
        if witness.exists():
            click.echo(
                f"The log of what operators did is in no backup: bring audit.log back into {state_dir}, or move {witness} away "
                "and keep it. Until then what they ask for is refused."
            )


@click.command("prune")
@click.option(
    "--before", required=True, metavar="WHEN", help="A date (2025-11-25, UTC unless it says), or an age in days: 90d."
)
@STATE
@click.option("--kept-in", "backup", metavar="BACKUP", help="The backup that must hold what goes.")
@click.option("--discard", is_flag=True, help="Remove it though no backup has it.")
@JSON
def prune_command(before: str, state_dir: str, backup: str | None, discard: bool, as_json: bool) -> None:
    """Remove the journal's oldest segments: those whose every record is older than WHEN. The switch may be running.

    What stays, whatever WHEN is: the last 8 days, what is still open or owed and all since, and a snapshot to start from. What
    goes can no longer be listed, reversed or completed by name, so that WHEN should be well before the oldest dispute or
    pre-authorization.

    \b
    Examples:
      cmi-switch journal backup /mnt/backup/morocco && cmi-switch journal prune --before 400d --kept-in /mnt/backup/morocco
      cmi-switch journal prune --before 2025-01-01 --discard
    """
    from switch.journal.log import JournalError
    from switch.journal.prune import prune

    if (backup is None) != discard:
        raise click.UsageError("say which backup has what goes (--kept-in BACKUP), or that it may be lost (--discard)")
    try:
        pruned = prune(state_dir, _when_us(before), time.time_ns() // 1000, backup)
    except JournalError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps({name: getattr(pruned, name) for name in pruned.__struct_fields__}))
        return
    removed = (
        f"Removed {counted(pruned.files, 'segment')}, {_size(pruned.bytes)}, {counted(pruned.rows, 'transaction')}"
    )
    click.echo(f"{removed if pruned.files else 'Nothing removed'}; the journal begins at record {pruned.first:,}.")
    if pruned.why:
        click.echo(f"No more went: {pruned.why}.")


@contextmanager
def _watched(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar where someone looks; the journal's errors as the command's."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from switch.journal.log import JournalError

    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
            task = shown.add_task(what, total=None)

            def progress(done: int, total: int) -> None:
                shown.update(task, completed=done, total=total)

            yield progress
    except JournalError as error:
        raise click.ClickException(str(error)) from None


def _tell(made: "Made", where: str, as_json: bool) -> None:
    """What was copied, and the hash to keep."""
    from switch.journal.views import time_text

    manifest = made.manifest
    first, last = manifest.parts[0], manifest.last
    copied_bytes = sum(p.bytes for p in made.copied)
    if as_json:
        fields: dict[str, Any] = {
            "network": manifest.network, "first": first.first, "last": last.last, "last_at": time_text(manifest.last_at_us),
            "chain": last.chain, "segments": len(manifest.parts), "copied": len(made.copied), "copied_bytes": copied_bytes,
            "key": made.key, "instructed": made.marks,
        }  # fmt: skip
        click.echo(json.dumps(fields))
        return
    click.echo(
        f"{where}: records {first.first:,} to {last.last:,} of network {manifest.network}, the last of "
        f"{time_text(manifest.last_at_us)}; {len(made.copied)} of {len(manifest.parts)} segments copied, {_size(copied_bytes)}; "
        f"chain {last.chain} at {last.last}"
    )
    sys.stdout.flush()


def _when_us(text: str) -> int:
    """--before as wall-clock µs."""
    try:
        if text.endswith("d") and text[:-1].isdecimal():
            moment = datetime.now(UTC) - timedelta(days=int(text[:-1]))
        else:
            moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):  # an age may reach back behind the year 1
        raise click.UsageError(f"--before {text!r} is neither a date like 2025-11-25 nor an age like 90d") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size:,} bytes"
