"""The vault's key and the journal that was written with it: they belong together, and a start says where they do not.

In: a state directory. Out: its vault, and the key of its journal's chain. A key is made where there is no journal that needs one,
and nowhere else: a new key beside an old journal opens nothing that is owed.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from switch.core.records.records import SCHEMA
from switch.journal.log import NO_KEY, ChainKey, JournalError, Log, Segment, read_header, segments
from switch.journal.recovery import decode, journal_directory
from switch.security.vault import KeyVault, VaultError

KEY_FILE: Final = "vault.key"
KEYS: Final = "keys"
"""beside the state directory, so that a copy of that has no key in it"""
_WAY_OUT: Final = (
    "bring back the key that you keep where the backups are not (docs/journal.md). Without it nothing owed can be sent; where it "
    "is lost, move this state directory away and begin with an empty one"
)


def vault_key_path(state_dir: Path | str) -> Path:
    """Where the vault key of a state directory is: in `keys` beside it, as `NAME.vault.key`; or in the directory itself, where an
    older release made it, or a backup with its key has it."""
    state = Path(state_dir)
    inside = state / KEY_FILE
    if inside.exists():
        return inside
    return _beside(state, KEY_FILE)


def audit_witness_path(state_dir: Path | str) -> Path:
    """Where it is said how far the audit log of a state directory has come: in `keys` beside it, wherever the key is, so that an
    older copy of the directory is known for one."""
    return _beside(Path(state_dir), "audit.head")


def _beside(state: Path, what: str) -> Path:
    named = state if state.name not in ("", "..") else state.resolve()
    return named.parent / KEYS / f"{named.name}.{what}"


def open_vault(state_dir: Path | str) -> KeyVault:
    """The vault of a state directory; its key is made where no journal needs one yet.

    Raises VaultError where the key is missing or is not the one that the journal was written with.
    """
    path = vault_key_path(state_dir)
    listed = segments(journal_directory(state_dir))
    check = key_check(listed)
    sealed = b"" if check else next(sealed_pans(listed), b"")
    if not path.exists() and (check or sealed):
        named = f" (key check value {check.hex()})" if check else ""
        raise VaultError(f"{path} is missing, and the journal beside it was written with one{named}: {_WAY_OUT}")
    vault = KeyVault.at(path)
    if check and check != vault.check_value:
        raise VaultError(
            f"{path} is not the key that the journal beside it was written with: its key check value is "
            f"{vault.check_value.hex()}, the journal's {check.hex()}; {_WAY_OUT}"
        )
    if sealed:
        try:
            vault.open(sealed)
        except VaultError as error:
            raise VaultError(
                f"{path} is not the key that the journal beside it was written with: {error}; {_WAY_OUT}"
            ) from None
    return vault


def chain_key(vault: KeyVault) -> ChainKey:
    """The key of the hash chain of a journal written with this vault."""
    return ChainKey(vault.chain_secret, vault.check_value)


def stored_chain_key(state_dir: Path | str) -> ChainKey:
    """Of the key file as it lies there; NO_KEY where there is none. Raises JournalError where it cannot be used."""
    path = vault_key_path(state_dir)
    if not path.exists():
        return NO_KEY
    try:
        return chain_key(KeyVault.at(path))
    except VaultError as error:
        raise JournalError(str(error)) from None


def key_check(listed: Iterable[Segment]) -> bytes:
    """The key check value that stands in the newest segment that has one; b"" where none does."""
    for segment in reversed(list(listed)):
        with suppress(JournalError, OSError), open(segment.path, "rb", buffering=0) as file:
            header = read_header(file, segment, SCHEMA)
            if header.check:
                return header.check
    return b""


def sealed_pans(listed: list[Segment]) -> Iterator[bytes]:
    """The sealed PANs in these segments, as far as they can be read."""
    with suppress(JournalError):
        for segment, record in Log("", SCHEMA, listed):
            sealed = getattr(decode(segment, record), "sealed", b"")
            if sealed:
                yield sealed
