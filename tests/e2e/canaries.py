"""Secrets looked for in everything that processes have written."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from switch.security.keyring import KeyRing
from switch.security.pin_blocks import clear_block
from switch.simulators.cards import TestCard


def forms(secret: bytes) -> list[bytes]:
    """As any process might write it."""
    return [secret, secret.hex().encode(), secret.hex().upper().encode(), b64encode(secret).rstrip(b"=")]


def keys_of(*rings: KeyRing) -> dict[str, bytes]:
    """Clear keys by name, of one end and of another."""
    return {
        f"{name} of {ring.path}": found.key
        for ring in rings
        for name in ring.entries
        if (found := ring.find(name)) is not None
    }


def secrets_of(cards: Iterable[TestCard]) -> dict[str, bytes]:
    """What nobody may write down: their clear PIN blocks, and the tracks of chip and stripe."""
    found = {}
    for card in cards:
        found[f"clear PIN block of {card.name}"] = clear_block(0, card.pin, card.pan)
        for read, value in (("chip", card.icvv), ("stripe", card.cvv)):
            found[f"track of {card.name}'s {read}"] = f"{card.pan}={card.expiry}20100000{value}".encode()
    return found


def files_in(directory: Path) -> dict[Path, bytes]:
    """Everything that has been written there."""
    looked = {}
    for path in directory.rglob("*"):
        with suppress(OSError):  # no file, a socket; the index ends with its switch, and tidies up
            looked[path] = path.read_bytes()
    return looked


def found_in(files: Mapping[Path, bytes], secrets: Mapping[str, bytes]) -> set[tuple[str, str]]:
    """Names of files and of what is in them, in whatever form."""
    sought = [(what, form) for what, secret in secrets.items() for form in forms(secret)]
    return {(path.name, what) for path, data in files.items() for what, form in sought if form in data}
