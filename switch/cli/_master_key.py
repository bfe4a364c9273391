"""How a command opens a key file: with a master key of a file, of a token, or of a passphrase that is asked for."""

import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from switch.security.keyring import KeyRing
    from switch.security.lmk import Lmk

F = TypeVar("F", bound=Callable[..., Any])
DEFAULT_FILE = "keys.json"


def key_options(function: F) -> F:
    """`--keys` and `--lmk`."""
    for option in (
        click.option(
            "--lmk",
            "lmk_place",
            default=None,
            metavar="FILE",
            envvar="CMI_SWITCH_LMK",
            show_envvar=True,
            help="The master key's file, mode 600, or pkcs11:… of a token. [default: a passphrase is asked for]",
        ),
        click.option(
            "--keys",
            "path",
            default=DEFAULT_FILE,
            show_default=True,
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="The key file.",
        ),
    ):
        function = option(function)
    return function


def open_ring(path: Path, lmk_place: str | None, *, make: bool = False) -> "KeyRing":
    """The key file, opened; this process leaves no core dump from here on. `make`: it and its master key may be new. Raises click
    errors."""
    from switch.security.audit import AuditError
    from switch.security.key_file import KeyRingError, master_of
    from switch.security.keyring import KeyRing
    from switch.security.lmk import SALT_BYTES, Cost, LmkError
    from switch.security.private_memory import keep_memory_private
    from switch.security.token import witness_place

    try:
        keep_memory_private()
    except OSError as error:
        raise click.ClickException(f"the memory of this process cannot be kept private: {error}") from None
    try:
        known = master_of(path)
        if known is None and not make:
            raise click.ClickException(f"{path}: there is no key file; `cmi-switch keys generate` makes one")
        salt, cost = (bytes.fromhex(known.salt), known.cost) if known is not None else (os.urandom(SALT_BYTES), Cost())
        new = known is None
        lmk = _lmk_at(lmk_place, make=new) if lmk_place else _ask_passphrase(salt, cost, twice=new)
        return KeyRing(path, lmk, os.urandom, salt, cost, witness_place(lmk_place or "", path))
    except (KeyRingError, LmkError, AuditError) as error:
        raise click.ClickException(str(error)) from None


def _lmk_at(place: str, *, make: bool) -> "Lmk":
    """The master key that lies there; with `make` a new one where there is none. Raises LmkError."""
    from switch.security.lmk import KEY_BYTES, make_lmk, read_lmk
    from switch.security.token import in_token, make_token_lmk, read_address, read_token_lmk

    if in_token(place):
        address = read_address(place)
        if not make:
            return read_token_lmk(address, _ask_token_pin)
        lmk, new = make_token_lmk(address, _ask_token_pin)
        if new:
            said = f"A new master key is in {address} (check value {lmk.check_value})"
            click.echo(f"{said}: it stays there; back the token up as its maker says", err=True)
        return lmk
    if make and not Path(place).exists():
        lmk = make_lmk(Path(place), os.urandom(KEY_BYTES))
        said = f"A new master key is in {place} (check value {lmk.check_value})"
        click.echo(f"{said}: keep a copy of it elsewhere", err=True)
        return lmk
    return read_lmk(Path(place))


def _ask_token_pin() -> str:
    return secret("PIN of the token")


def _ask_passphrase(salt: bytes, cost: Any, *, twice: bool) -> "Lmk":
    from switch.security.lmk import from_passphrase

    said = secret("Passphrase of the master key")
    if twice and sys.stdin.isatty() and secret("Once more") != said:
        raise click.ClickException("the two passphrases differ")
    return from_passphrase(said, salt, cost)


def secret(prompt: str) -> str:
    """What is typed, unseen; a line of standard input where nobody is at it."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{prompt}: ")
    return sys.stdin.readline().rstrip("\n")
