"""Where pages and peers are served: by HTTPS, or by plain HTTP on loopback only.

In: an address, files of certificates and keys. Out: TLS contexts, a server at work. The one rule: only loopback is in clear.
"""

import ipaddress
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import trio
from cryptography.x509 import load_der_x509_certificate

from switch.core.network import Address
from switch.http.https_end import HttpsEnd
from switch.http.server import Report, Server
from switch.security.certificates import CertificateError, check_key, read_certificates
from switch.security.revocation import Revocations

_HOST: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(?::[0-9]+)?")
_FORWARDED: Final = frozenset(
    (
        "forwarded",
        "via",
        "client-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "fastly-client-ip",
        "x-real-ip",
        "x-client-ip",
    )
)


class ListeningError(Exception):
    """An address that pages must not or cannot be served on; says why and what to do."""


def tls_context(certificate: Path, key: Path, *, server: bool = True) -> ssl.SSLContext:
    """TLS 1.2 or later with the chain at `certificate`. Raises ListeningError: also where others than its owner may read the
    key, or it is kept under a passphrase, which a service would wait for."""
    try:
        check_key(str(key), read_certificates(str(certificate))[0], str(certificate))
    except CertificateError as error:
        raise ListeningError(f"{error}: {error.hint}" if error.hint else str(error)) from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ListeningError(
            f"{certificate}, {key}: no certificate and key in PEM: {error.strerror or error}"
        ) from None
    return context


def mutual_context(
    certificate: Path, key: Path, authorities: Path, *, server: bool, browsers: bool = False, crl: Path | None = None
) -> ssl.SSLContext:
    """The same for peers who both show a certificate of `authorities`. Raises ListeningError.

    `browsers`: a server's clients may have none to show, and the application asks who has. `crl`: lists of certificates that
    these authorities have taken back."""
    context = tls_context(certificate, key, server=server)
    trust(context, authorities)
    if crl is not None:
        try:
            lists = Revocations(str(crl), read_certificates(str(authorities)))
        except CertificateError as error:
            raise ListeningError(str(error)) from None
        context.sslobject_class = _checked_by(lists)
    if server:
        context.verify_mode = ssl.CERT_OPTIONAL if browsers else ssl.CERT_REQUIRED
    return context


def _checked_by(lists: Revocations) -> type[ssl.SSLObject]:
    """One end of a TLS connection, whose handshake fails where the other end's certificate was taken back."""

    class Checked(ssl.SSLObject):
        def do_handshake(self) -> None:
            """See ssl.SSLObject."""
            super().do_handshake()
            shown = self.getpeercert(binary_form=True)
            refusal = lists.refusal(load_der_x509_certificate(shown))[0] if shown is not None else ""
            if refusal:
                raise ssl.SSLCertVerificationError(1, refusal)

    return Checked


def trust(context: ssl.SSLContext, authorities: Path) -> None:
    """Take certificates of these authorities from now on. Raises ListeningError."""
    try:
        context.load_verify_locations(authorities)
    except OSError as error:
        raise ListeningError(f"{authorities}: no certificates in PEM: {error.strerror or error}") from None


def check_address(address: Address, end: HttpsEnd | None) -> None:
    """ListeningError where card numbers would cross a network unprotected."""
    if end is None and not is_loopback(address.host):
        raise ListeningError(
            f"{address}: pages are served by HTTPS only, except on loopback; give --certificate and --key, or listen on 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Is it an address of this machine alone? A name is not looked up: only `localhost` counts."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_direct(client: str, host: str, version: str, headers: Iterable[str]) -> bool:
    """Has somebody on this machine asked for this with a browser of their own? Not so what a proxy here passes on for others.

    `client`: the connection's other end; `host`: the header, as it came; `headers`: all names. A proxy says that it is one
    (RFC 7239, RFC 9110, or by a header of its own making), keeps the name it was asked by, or speaks HTTP/1.0, as nginx does
    that is told nothing else.
    """
    forwarded = any(name in _FORWARDED or name.startswith("x-forwarded") for name in map(str.lower, headers))
    asked = _HOST.fullmatch(host)
    here = is_loopback(client) and asked is not None and is_loopback(asked[1].strip("[]").lower())
    return here and version != "1.0" and not forwarded


def is_anywhere(host: str) -> bool:
    """Does it stand for all addresses of this machine, so that nobody can be told to come there?"""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


async def listen(
    server: Server,
    address: Address,
    end: HttpsEnd | None,
    ready: Callable[[Address], Awaitable[None]],
) -> None:
    """Serve until cancelled. `ready` is told the real address. Raises ListeningError, and OSError where it cannot be had."""
    check_address(address, end)
    async with listening(address) as listeners, trio.open_nursery() as nursery:
        nursery.start_soon(serve, server, listeners, end)
        await ready(address_of(listeners))


@asynccontextmanager
async def listening(address: Address) -> AsyncIterator[list[trio.SocketListener]]:
    """Listeners at `address`, closed behind it, whether or not they were served. Raises OSError."""
    listeners = await trio.open_tcp_listeners(address.port, host=address.host)
    try:
        yield listeners
    finally:
        for listener in listeners:
            listener.socket.close()


async def serve(server: Server, listeners: Sequence[trio.SocketListener], end: HttpsEnd | None) -> None:
    """Serve whoever connects, until cancelled. `end`: None for plain HTTP, which `check_address` has let through."""
    if end is not None:
        end.when_renewed(server.end_connections)
    await trio.serve_listeners(partial(_accepted, server, end), list(listeners))


def renew(ends: Iterable[HttpsEnd | None], report: Report) -> None:
    """Read certificates, authorities and lists again; files that cannot be used change nothing. Either is reported."""
    try:
        HttpsEnd.renew(end for end in ends if end is not None)
    except ListeningError as error:
        report("http.reload_refused", {"reason": f"{error}; all goes on as it was"})
    else:
        report("http.reloaded", {"read": "certificates, authorities, lists of what they have taken back"})


def address_of(listeners: Sequence[trio.SocketListener]) -> Address:
    """The real address, where the port was any free one."""
    host, port = listeners[0].socket.getsockname()[:2]
    return Address(host, port)


async def _accepted(server: Server, end: HttpsEnd | None, plain: trio.SocketStream) -> None:
    try:
        client = str(plain.socket.getpeername()[0])
    except OSError:  # reset before it was accepted: its own loss, and nobody else's
        await trio.aclose_forcefully(plain)
        return
    stream = plain if end is None else trio.SSLStream(plain, end.context, server_side=True, https_compatible=True)
    await server.serve(stream, client, secure=end is not None)
