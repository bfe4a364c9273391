"""The key file as it lies on the disk: what each key says of itself, and nothing proved. `security.keyring` opens it."""

from pathlib import Path
from typing import Final

import msgspec

from switch.security.files import open_regular
from switch.security.key_blocks import Header, read_header
from switch.security.key_kinds import USAGES
from switch.security.lmk import Cost

FORMAT: Final = "cmi-switch keys 1"


class KeyRingError(Exception):
    """What cannot be done with a key; says which, why, and what to do."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One key at rest."""

    name: str
    block: str
    check_value: str
    made: str
    """when it came to be here, UTC"""


class Master(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the master key: how to know the right one, and how a passphrase becomes it."""

    check_value: str
    salt: str = ""
    cost: Cost = Cost()


class KeyFile(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file."""

    format: str
    master: Master
    keys: tuple[Entry, ...] = ()


def master_of(path: Path) -> Master | None:
    """What a key file says of its master key; None where there is no such file. Raises KeyRingError."""
    found = read_file(path)
    return found.master if found is not None else None


def read_entries(path: Path) -> dict[str, Entry]:
    """The keys of a file by name, without its master key: what each says of itself, and nothing proved. Raises KeyRingError."""
    found = read_file(path)
    return {entry.name: entry for entry in found.keys} if found is not None else {}


def read_file(path: Path) -> KeyFile | None:
    """The file; None where there is none. Raises KeyRingError."""
    try:
        with open(open_regular(path), "rb") as file:
            found = msgspec.json.decode(file.read(), type=KeyFile)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyRingError(f"{path}: cannot read the key file: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise KeyRingError(f"{path}: no key file: {error}") from None
    if found.format != FORMAT:
        raise KeyRingError(f"{path}: its format is {found.format!r}, expected {FORMAT!r}")
    return found


def title_of(header: Header) -> str:
    """A key's use in words."""
    return USAGES.get(header.usage, f"usage {header.usage}")


def header_of(entry: Entry) -> Header:
    """What an entry's block says of its key, before anything is proved."""
    return read_header(entry.block)
