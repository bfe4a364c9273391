"""A gateway as `cmi-switch gateway` runs it: how its parts are put together, and how it ends."""

import signal
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path

import msgspec
import trio

from switch.core.network import Address, Listener, Member, Network
from switch.core.party import Log
from switch.exception_groups import first_of
from switch.gateway.acquirer import Acquirer
from switch.gateway.cards_shown import cards_shown
from switch.gateway.merchants import Registry
from switch.gateway.orders.database import StoreError
from switch.gateway.pace import Limits
from switch.gateway.protocol.fields import Pairs
from switch.gateway.service import Service
from switch.gateway.shops import Report
from switch.gateway.web import Web
from switch.http.client import Reply, post_form
from switch.http.https_end import HttpsEnd
from switch.http.listening import ListeningError, address_of, check_address, is_anywhere, listening, renew, serve, trust
from switch.http.server import Server
from switch.server.driving import driving
from switch.server.ports import Dial, Sinks
from switch.server.tls import TlsEnd
from switch.simulators.endpoint import Speech
from switch.threeds.peers import poster
from switch.threeds.protocol.encoding import Message
from switch.threeds.running import Ends, Tls, new_id
from switch.threeds.server import ThreeDsServer
from switch.wire import Dialect

LINK: str = "gateway"
DRAIN_S, RESULT_S = 10.0, 0.3
"""for cards that are at their banks to have an outcome, and for the pages that tell it to leave, before the gateway ends"""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway is started with."""

    network: Network
    member: Member
    """who acquires"""
    listener: Listener
    """of the switch"""
    address: Address
    """where pages are served"""
    state: Path
    tls: HttpsEnd | None = None
    """of pages; None: plain, on loopback"""
    link: TlsEnd | None = None
    """of the link to the switch"""
    trust: Path | None = None
    """authorities that callbacks trust beside the system's"""
    limits: Limits = Limits()
    test_cards: bool = False
    """the payment page offers them"""
    pages: str = ""
    """the address by which browsers reach the pages; "": where they are served"""
    results: Address | None = None
    """where the directory server's results of 3-D Secure are taken; None: cardholders are not authenticated"""
    results_url: str = ""
    """how the directory server reaches that; "": as it listens"""
    peers: Tls | None = None
    """certificates among 3-D Secure's servers; None: plain, on loopback"""


async def run(
    setting: Setting, ready: Callable[[Address, Registry], None], report: Report, log: Callable[[Log, int], None]
) -> str:
    """Serve until SIGINT or SIGTERM; says which. SIGHUP has certificates, authorities and lists read again, but those of the link
    to the switch. Raises OSError, ListeningError, StoreError, VaultError."""
    registry = Registry.at(setting.state)
    with closing(registry.store):
        return await _run(setting, registry, ready, report, log)


async def _run(
    setting: Setting,
    registry: Registry,
    ready: Callable[[Address, Registry], None],
    report: Report,
    log: Callable[[Log, int], None],
) -> str:
    registry.check()
    if registry.store.taken_over:
        report("store.taken_over", {"hint": registry.store.taken_over})
    member, listener = setting.member, setting.listener
    network = setting.network
    speech = Speech(
        Dialect.load(listener.dialect),
        listener.framing,
        member.institution,
        network.institution,
        frame_bytes_max=network.limits.frame_bytes,
    )
    acquirer = Acquirer(LINK, speech)
    calls = ssl.create_default_context()
    if setting.trust is not None:
        trust(calls, setting.trust)

    async def post(url: str, pairs: Pairs, hosts: tuple[str, ...], charset: str) -> Reply:
        return await post_form(url, pairs, hosts, calls, charset=charset)

    service = Service(setting.network, acquirer, member.institution, registry, post, report, limits=setting.limits)
    cards = cards_shown(setting.network) if setting.test_cards else []
    server = Server(Web(service, setting.network, cards).app(), report)
    ends = {LINK: setting.link} if setting.link is not None else None
    dial = [Dial(LINK, listener.address, backoff_max_ms=2_000)]
    number = signal.SIGTERM
    check_address(setting.address, setting.tls)
    _check_way_back(setting)
    try:
        async with AsyncExitStack() as opened:
            listeners = await opened.enter_async_context(listening(setting.address))
            results, peers = await _authenticate(setting, address_of(listeners), service, report, opened)
            async with (
                driving(acquirer, sinks=Sinks(log), dial=dial, ends=ends) as driver,
                trio.open_nursery() as nursery,
            ):
                with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
                    await nursery.start(service.run, driver)
                    nursery.start_soon(_end_if_damaged, service, nursery.cancel_scope)
                    nursery.start_soon(serve, server, listeners, setting.tls)
                    if results is not None:
                        nursery.start_soon(results)
                    ready(address_of(listeners), registry)
                    async for caught in signals:
                        number = signal.Signals(caught)
                        if number != signal.SIGHUP:
                            break
                        renew((setting.tls, peers.own, peers.peers), report)
                    await service.finish(DRAIN_S)
                    await trio.sleep(RESULT_S)
                nursery.cancel_scope.cancel()
    except* StoreError as errors:  # of the first look at what a process before has left
        raise first_of(errors) from None
    if service.desk.damage is not None:
        raise service.desk.damage
    return number.name


async def _end_if_damaged(service: Service, scope: trio.CancelScope) -> None:
    """End at once: each write would make a damaged file worse, and what is told from it may not be true."""
    await service.desk.damaged.wait()
    scope.cancel()


def _check_way_back(setting: Setting) -> None:
    """ListeningError where banks would send browsers back, or a directory server results, to an address that is none."""
    results = setting.results
    if setting.network.threeds is None or results is None:
        return
    if not setting.pages and is_anywhere(setting.address.host):
        raise ListeningError(
            f"{setting.address}: is no address that a card's bank could send a browser back to; --url says how browsers reach "
            "the pages (https://pay.example), --no-threeds authenticates nobody"
        )
    if not setting.results_url and is_anywhere(results.host):
        raise ListeningError(
            f"{results}: is no address that a directory server could send results to; --results-url says how it reaches this"
        )


async def _authenticate(
    setting: Setting, at: Address, service: Service, report: Report, opened: AsyncExitStack
) -> tuple[Callable[[], Awaitable[None]] | None, Ends]:
    """Have the service ask cards' banks; returns what serves the directory server's results and keeps card ranges fresh.

    `at`: where pages are served. `opened`: closes what is opened here. Raises OSError, ListeningError.
    """
    network, where, tls = setting.network, setting.results, setting.peers
    if network.threeds is None or where is None:
        return None, Ends(None, None)
    ends = Ends.of(tls)
    check_address(where, ends.own)
    listeners = await opened.enter_async_context(listening(where))
    url = setting.results_url or f"{'http' if ends.own is None else 'https'}://{address_of(listeners)}"
    pages = setting.pages or f"{'http' if setting.tls is None else 'https'}://{at}"

    async def results(told: Message) -> str:
        if service.authentications is None:
            raise LookupError("cardholders are not authenticated")
        return await service.authentications.take_result(told)

    server = ThreeDsServer(network.threeds.url, url, poster(ends.peers), new_id, results, report)
    service.authenticate_by(server, setting.member.institution, pages)

    async def run_results() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, Server(server.app(), report), listeners, ends.own)
            nursery.start_soon(server.run)

    return run_results, ends
