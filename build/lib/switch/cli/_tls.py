"""`--tls DIR`: a simulator's or terminal's own certificate, for links that have TLS in the network file."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from switch.server.tls import TlsEnd

F = TypeVar("F", bound=Callable[..., Any])


def tls_option(command: F) -> F:
    """Add `--tls` to a command."""
    option = click.option(
        "--tls",
        "tls_dir",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="NAME.pem, NAME.key and ca.pem in DIR, where a link has TLS (`cmi-switch certificates make`).",
    )
    return option(command)


def end_of(directory: Path | None, name: str, where: str, *, server: bool, asks_for: str = "") -> "TlsEnd":
    """The end of `name`, of which `where` in the network file says that it has TLS. Raises click errors."""
    from switch.core.credentials import Tls
    from switch.security.certificates import CertificateError
    from switch.server.tls import TlsEnd, TlsSide

    if directory is None:
        raise click.UsageError(
            f"{where} has tls: give --tls DIR with {name}.pem, {name}.key and ca.pem (`cmi-switch certificates make DIR`)"
        )
    tls = Tls(
        certificate=str(directory / f"{name}.pem"),
        key=str(directory / f"{name}.key"),
        ca=str(directory / "ca.pem"),
    )
    try:
        return TlsEnd(TlsSide(tls=tls, server=server, asks_for=asks_for))
    except CertificateError as error:
        raise click.ClickException(str(error)) from None
