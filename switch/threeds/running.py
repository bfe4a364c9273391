"""A part of 3-D Secure as a process of its own: how it is put together, listens, and ends."""

import secrets
import signal
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec
import trio

from switch.core.authentication import AccessControl
from switch.core.network import Address, Network
from switch.http.https_end import HttpsEnd
from switch.http.listening import (
    ListeningError,
    address_of,
    check_address,
    is_anywhere,
    listening,
    mutual_context,
    renew,
    serve,
)
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

    def end(self, *, server: bool, browsers: bool = False) -> HttpsEnd:
        """`browsers`: clients without a certificate are let in, too. Raises ListeningError, then and when it is renewed."""
        own = self.certificate, self.key, self.authorities
        return HttpsEnd(lambda: mutual_context(*own, server=server, browsers=browsers, crl=self.crl))


class Ends(msgspec.Struct, frozen=True):
    """Both ends that a server of 3-D Secure has; None: plain, on loopback."""

    own: HttpsEnd | None
    """to which others connect"""
    peers: HttpsEnd | None
    """by which it asks others"""

    @classmethod
    def of(cls, tls: Tls | None, *, browsers: bool = False) -> "Ends":
        """Raises ListeningError."""
        if tls is None:
            return cls(None, None)
        return cls(tls.end(server=True, browsers=browsers), tls.end(server=False))


def new_id() -> str:
    """A transaction id."""
    return str(uuid.uuid4())


async def run_directory(network: Network, tls: Tls | None, ready: Ready, report: Report, state: Path) -> str:
    """Serve until SIGINT or SIGTERM; says which. `state`: directory of its file. Raises OSError, ListeningError, KeepingError."""
    if network.threeds is None:
        raise ValueError("the network file has no [threeds]")
    kept = KeptFile(state / "directory.sqlite", Passed)
    with closing(kept):
        ends = Ends.of(tls)
        directory = Directory(network, poster(ends.peers), new_id, report, kept)
        at = Address(network.threeds.host, network.threeds.port)
        return await serve_until_told(directory.app(), at, ends, ready, report)


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
    with closing(kept):
        ends = Ends.of(tls, browsers=True)
        outside = Outside(post=poster(ends.peers), report=report, new_id=new_id, sms=sms, clock=time.time)
        style = files(_LOOKS).joinpath("pay.css").read_bytes()
        server = Acs(network, acs, prover, outside, kept, style=style, limits=limits)
        at = Address(acs.host, acs.port)
        return await serve_until_told(server.app(), at, ends, ready, report, server.challenges.run)


async def run_server(
    network: Network, address: Address, institution: str, tls: Tls | None, ready: Ready, report: Report
) -> str:
    """The same of a 3DS server by itself, with pages to try it. `institution`: the acquirer's."""
    if network.threeds is None:
        raise ValueError("the network file has no [threeds]")
    if not address.port or is_anywhere(address.host):
        raise ListeningError(
            f"{address}: is no address that a card's bank could send a browser back to; listen on one that browsers and the "
            "directory server can reach"
        )
    site = TrialSite(network, institution)
    own = f"{'http' if tls is None else 'https'}://{address}"
    ends = Ends.of(tls, browsers=True)
    site.server = ThreeDsServer(network.threeds.url, own, poster(ends.peers), new_id, site.take_result, report)
    return await serve_until_told(site.app(), address, ends, ready, report, site.server.run)


async def serve_until_told(
    app: App,
    address: Address,
    ends: Ends,
    ready: Ready,
    report: Report,
    beside: Callable[[], Awaitable[None]] | None = None,
) -> str:
    """Serve `app` until SIGINT or SIGTERM; SIGHUP has the files of `ends` read again. `beside`: runs at its side."""
    check_address(address, ends.own)
    number = signal.SIGTERM
    async with listening(address) as listeners, trio.open_nursery() as nursery:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
            nursery.start_soon(serve, Server(app, report), listeners, ends.own)
            if beside is not None:
                nursery.start_soon(beside)
            ready(address_of(listeners))
            async for caught in signals:
                number = signal.Signals(caught)
                if number != signal.SIGHUP:
                    break
                renew((ends.own, ends.peers), report)
        nursery.cancel_scope.cancel()
    return number.name
