"""A console as `cmi-switch console` runs it: how its parts are put together, and how it ends."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import msgspec
import trio

from switch.console.desk import Desk
from switch.console.following import follow
from switch.console.neighbours import Announced
from switch.console.screens.explain import ExplainScreen
from switch.console.screens.find import FindScreen
from switch.console.screens.health import HealthScreen
from switch.console.screens.links import LinksScreen
from switch.console.screens.live import LiveScreen
from switch.console.screens.orders import OrdersScreen
from switch.console.screens.record import RecordScreen
from switch.console.screens.refunds import RefundsScreen
from switch.console.screens.settlement import SettlementScreen
from switch.console.screens.trying import TryingScreen
from switch.console.screens.work import WorkScreen
from switch.console.web import Screen, Web
from switch.core.network import Address, Network
from switch.exception_groups import alone_raised
from switch.http.https_end import HttpsEnd
from switch.http.listening import ListeningError, listen, renew
from switch.http.server import Report, Server

Menu = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
"""groups of addresses and names, as pages list them"""
MENU: Final[Menu] = (
    (
        "Now",
        (("/", "Live"), ("/links", "Links"), ("/owed", "Owed"), ("/exceptions", "Exceptions"), ("/health", "Health")),
    ),
    ("Why", (("/declines", "Declines"), ("/changes", "Changes"), ("/route", "Route tester"))),
    ("Money", (("/settlement", "Settlement"), ("/orders", "Web payments"))),
    ("Who", (("/approvals", "Approvals"), ("/operators", "Operators"), ("/audit", "Audit log"))),
)
TEST_MENU: Final[Menu] = (("Test", (("/test", "Test cards"),)),)
"""on networks that say they are for tests"""


def menu_of(network: Network) -> Menu:
    """The menu of a console of this network: on one for tests, with a payment to try."""
    return MENU + TEST_MENU if network.test else MENU


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What a console is started with."""

    network: Network
    state_dir: Path
    """of the switch"""
    log: Path
    """its hop log"""
    address: Address
    tls: HttpsEnd | None = None
    """None: plain, on loopback"""
    reread: Callable[[], Network]
    """the network as its file says now; raises ConfigErrors or OSError"""
    starter: str
    """the user who starts it"""
    key: str = ""
    """logs in whoever has it as `starter`; "": nobody"""


class Part(Protocol):
    """A file of `screens`."""

    def screens(self) -> list[Screen]:
        """The addresses it answers."""


def all_screens(desk: Desk) -> list[Screen]:
    """The addresses of every screen, on one desk."""
    kinds: tuple[Callable[[Desk], Part], ...] = (
        LiveScreen,
        FindScreen,
        HealthScreen,
        LinksScreen,
        WorkScreen,
        ExplainScreen,
        RecordScreen,
        SettlementScreen,
        OrdersScreen,
        RefundsScreen,
        TryingScreen,
    )
    return [screen for kind in kinds for screen in kind(desk).screens()]


async def run(setting: Setting, ready: Callable[[Address], None], report: Report) -> str:
    """Serve until SIGINT or SIGTERM; says which; SIGHUP has the certificate read again.

    Raises OSError, ListeningError, AccountsError, HistoryError."""
    desk = Desk(setting.network, setting.state_dir, setting.log, starter=setting.starter, reread=setting.reread)
    desk.renderer.show_menu(menu_of(setting.network))
    desk.followers.append(lambda network: desk.renderer.show_menu(menu_of(network)))
    number = signal.SIGTERM
    announced = Announced(setting.state_dir)
    try:
        async with alone_raised(OSError, ListeningError), trio.open_nursery() as nursery:
            with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
                nursery.start_soon(follow, desk, report)
                nursery.start_soon(desk.keep_looking)

                async def announce(address: Address) -> None:
                    announced.say(f"{'https' if setting.tls else 'http'}://{address}")
                    ready(address)

                # a cookie knows no port: two consoles of one machine do not log each other out
                web = Web(desk, all_screens(desk), report, key=setting.key, name=f"console_{setting.address.port}")
                nursery.start_soon(listen, Server(web.app(), report), setting.address, setting.tls, announce)
                async for caught in signals:
                    number = signal.Signals(caught)
                    if number != signal.SIGHUP:
                        break
                    renew([setting.tls], report)
            nursery.cancel_scope.cancel()
    finally:
        announced.end()
        desk.close()
    return number.name
