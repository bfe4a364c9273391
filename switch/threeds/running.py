"""A part of 3-D Secure as a process of its own: how it is put together, listens, and ends."""

import secrets
import signal
import ssl
import time
import uuid
from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec
import trio

from switch.core.authentication import AccessControl
from switch.core.network import Address, Network
from switch.http.listening import address_of, check_address, mutual_context, serve
from switch.http.server import App, Server
from switch.security.module import SecurityModule
from switch.threeds.acs import Acs, Outside
from switch.threeds.challenges import Challenge, ChallengeLimits
from switch.threeds.directory import Directory, Passed
from switch.threeds.keeping import KeptFile
from switch.threeds.peers import Report, poster
from switch.threeds.proving import Prover
from switch.threeds.server import ThreeDsServer
from switch.threeds.trial import TrialSite

_LOOKS: Final = "switch.gateway.pages"
"""whose style a bank's pages have: a file is read, and no code of that room"""
Ready = Callable[[Address], None]


class Tls(msgspec.Struct, frozen=True):
    """This side's certificate and key, and the authorities whose certificates it takes: mutual TLS, both ways."""

    certificate: Path
    key: Path
    authorities: Path
    crl: Path | None = None
    """lists of certificates that these have taken back; None: none is read"""

    def context(self, *, server: bool, browsers: bool = False) -> ssl.SSLContext:
        """`browsers`: clients without a certificate are let in, too. Raises ListeningError."""
        own = self.certificate, self.key, self.authorities
        return mutual_context(*own, server=server, browsers=browsers, crl=self.crl)


def new_id() -> str:
    """A transaction id."""
    return str(uuid.uuid4())


async def run_directory(network: Network, tls: Tls | None, ready: Ready, report: Report, state: Path) -> str:
    """Serve until SIGINT or SIGTERM; says which. `state`: directory of its file. Raises OSError, ListeningError, KeepingError."""
    if network.threeds is None:
        raise ValueError("the network file has no [threeds]")
    kept = KeptFile(state / "directory.sqlite", Passed)
    directory = Directory(network, _poster(tls), new_id, report, kept)
    return await serve_until_told(
        directory.app(), Address(network.threeds.host, network.threeds.port), tls, ready, report
    )


async def run_acs(
    network: Network,
    acs: AccessControl,
    module: SecurityModule | None,
    tls: Tls | None,
    ready: Ready,
    report: Report,
    state: Path,
    sms: Callable[[str], None],
    limits: ChallengeLimits,
) -> str:
    """The same of an access control server, to which browsers come that have no certificate: it asks peers for theirs itself."""
    prover = Prover(acs, module, secrets.randbelow)
    kept = KeptFile(state / f"acs-{acs.name}.sqlite", Challenge)
    outside = Outside(post=_poster(tls), report=report, new_id=new_id, sms=sms, clock=time.time)
    style = files(_LOOKS).joinpath("pay.css").read_bytes()
    server = Acs(network, acs, prover, outside, kept, style=style, limits=limits)
    return await serve_until_told(server.app(), Address(acs.host, acs.port), tls, ready, report, server.challenges.run)


async def run_server(
    network: Network, address: Address, institution: str, tls: Tls | None, ready: Ready, report: Report
) -> str:
    """The same of a 3DS server by itself, with pages to try it. `institution`: the acquirer's."""
    if network.threeds is None:
        raise ValueError("the network file has no [threeds]")
    site = TrialSite(network, institution)
    own = f"{'http' if tls is None else 'https'}://{address}"
    site.server = ThreeDsServer(network.threeds.url, own, _poster(tls), new_id, site.take_result, report)
    return await serve_until_told(site.app(), address, tls, ready, report, site.server.run)


def _poster(tls: Tls | None) -> Callable[[str, bytes, float], Awaitable[bytes]]:
    return poster(tls.context(server=False) if tls is not None else None)


async def serve_until_told(
    app: App,
    address: Address,
    tls: Tls | None,
    ready: Ready,
    report: Report,
    beside: Callable[[], Awaitable[None]] | None = None,
) -> str:
    """Serve `app` until SIGINT or SIGTERM. `beside`: runs at its side; given where browsers come, too."""
    context = tls.context(server=True, browsers=beside is not None) if tls is not None else None
    check_address(address, context)
    listeners = await trio.open_tcp_listeners(address.port, host=address.host)
    number = signal.SIGTERM
    async with trio.open_nursery() as nursery:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            nursery.start_soon(serve, Server(app, report), listeners, context)
            if beside is not None:
                nursery.start_soon(beside)
            ready(address_of(listeners))
            async for caught in signals:
                number = signal.Signals(caught)
                break
        nursery.cancel_scope.cancel()
    return number.name
