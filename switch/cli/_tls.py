"""`--tls DIR`: a simulator's or terminal's own certificate, for links that have TLS in the network file."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from switch.core.network import Listener
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


def dialling_end(directory: Path | None, name: str, listener: "Listener", host: str = "") -> "TlsEnd | None":
    """The end of `name`, who connects to a listener; None: in plain. `host`: where to, if not to the listener's own address;
    there `directory` says whether it has TLS. Raises click errors: the network file says otherwise."""
    where = f"[[listener]] {listener.name}"
    if directory is None and listener.tls is None:
        return None
    if not host and not listener.is_secure:
        raise no_tls(where)
    return end_of(directory, name, where, server=False, asks_for=host or listener.address.host)


def no_tls(where: str) -> click.UsageError:
    """`--tls` came, and the network file has no TLS there: what somebody believes to be secured would go in plain."""
    return click.UsageError(
        f"--tls: {where} has no tls in the network file, so that its connections are plain: leave --tls out, or give it tls there"
    )


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
