"""An address that an option or an argument of a command names."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from switch.core.network import Address


def asked_address(text: str) -> "Address":
    """`127.0.0.1:8583`, or `:8583` for this machine. UsageError: it is none."""
    from switch.core.addresses import HERE, AddressError, parse_address

    try:
        return parse_address(text, HERE)
    except AddressError as error:
        raise click.UsageError(f"{error}: {error.hint}") from None
