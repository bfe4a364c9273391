"""A backup put back: the other way round of `backup`.

In: a backup's directory and a state directory without a journal. Out: the journal there, as far as the backup has it. The rule:
everything is checked before anything counts, and the journal appears whole, at once.
"""

import os
from contextlib import suppress
from pathlib import Path

from switch.journal.anchor import anchor_path
from switch.journal.backup import KEY, MANIFEST, Made, copy_key, listed_of, read_manifest
from switch.journal.copying import (
    PART_SUFFIX,
    Progress,
    clear,
    copy,
    give_names,
    locked,
    os_errors,
    put,
    sync_directory,
    unwatched,
)
from switch.journal.index import index_path
from switch.journal.integrity import begin_head
from switch.journal.keys import key_check, sealed_pans, stored_chain_key, vault_key_path
from switch.journal.log import NO_KEY, JournalError, segments
from switch.journal.marks import copy_marks
from switch.journal.recovery import journal_directory
from switch.security.files import make_private_directory
from switch.security.vault import KeyVault, VaultError


def restore(
    target: Path | str, state_dir: Path | str, *, without_key: bool = False, progress: Progress = unwatched
) -> Made:
    """Put the backup `target` into `state_dir`, which must have no journal. Checked whole before it counts.

    `without_key`: go on where neither has the vault key. Raises JournalError, and leaves no journal then.
    """
    manifest = read_manifest(target)
    home, draft = Path(journal_directory(state_dir)), Path(journal_directory(state_dir) + PART_SUFFIX)
    with os_errors(str(state_dir)):
        if segments(str(home)) or os.path.exists(index_path(state_dir)):
            raise JournalError(f"{state_dir} has a journal: a backup is restored into an empty directory; move it away")
        left = sorted(name for name in os.listdir(home) if name != "lock") if home.is_dir() else []
        if left:
            raise JournalError(
                f"{home} has {', '.join(left[:3])}, left of a journal whose segments are gone: move it away, and keep "
                "it: its head says how far the journal was acknowledged"
            )
        make_private_directory(state_dir)
        with locked(state_dir):
            clear(str(draft), set())
            make_private_directory(draft)
            key = _key_for(target, state_dir, without_key)
            chain = (
                stored_chain_key(state_dir)
                if key_check(listed_of(manifest, journal_directory(target))[-1:])
                else NO_KEY
            )
            copied, _, _ = copy(listed_of(manifest, journal_directory(target)), str(draft), progress, chain)
            if tuple(copied) != manifest.parts:
                wrong = next(
                    (p.name for p, c in zip(manifest.parts, copied, strict=False) if p != c), manifest.last.name
                )
                raise JournalError(
                    f"{target}: {wrong} is not what {MANIFEST} says: damaged or changed; use another backup"
                )
            give_names(str(draft), copied)
            begin_head(str(draft), copied[-1].last, bytes.fromhex(copied[-1].chain), chain)
            if manifest.parts[0].first > 1:
                put(anchor_path(draft), anchor_path(journal_directory(target)).read_bytes())
            marks = copy_marks(target, state_dir)
            with suppress(FileNotFoundError):
                (home / "lock").unlink()
                home.rmdir()
            draft.rename(home)
            sync_directory(state_dir)
    return Made(manifest, tuple(copied), key, marks)


def _key_for(target: Path | str, state_dir: Path | str, without_key: bool) -> bool:
    """The vault key in its place in `state_dir`: True. False: there is none, and that was accepted. Else JournalError."""
    saved, home = Path(target) / KEY, vault_key_path(state_dir)
    if saved.exists():
        make_private_directory(home.parent)
        copy_key(saved, home)
    elif not home.exists() and not without_key:
        raise JournalError(
            f"{target} has no vault key, nor has {state_dir}: copy the one this journal was written with to {home} (mode 0600) "
            "first. Without it no sealed PAN opens: nothing owed can be sent (--without-key restores all the same)"
        )
    if not home.exists():
        return False
    listed = listed_of(read_manifest(target), journal_directory(target))
    check = key_check(listed)
    sealed = b"" if check else next(sealed_pans(listed), b"")
    try:
        vault = KeyVault.at(home)
        if check and check != vault.check_value:
            raise VaultError(f"its key check value is {vault.check_value.hex()}, the journal's {check.hex()}")
        if sealed:
            vault.open(sealed)
    except VaultError as error:
        raise JournalError(f"{home} is not the key this journal was written with: {error}") from None
    return True
