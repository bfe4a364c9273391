"""A console as `cmi-switch console` runs it: how its parts are put together, and how it ends."""

import signal
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import trio

from switch.console.desk import Desk
from switch.console.following import follow
from switch.console.screens.find import FindScreen
from switch.console.screens.health import HealthScreen
from switch.console.screens.live import LiveScreen
from switch.console.web import Screen, Web
from switch.core.network import Address, Network
from switch.http.listening import listen
from switch.http.server import Report, Server

MENU: Final = (("Now", (("/", "Live"), ("/health", "Health"))),)
"""groups of screens, as the pages list them"""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What a console is started with."""

    network: Network
    state_dir: Path
    """of the switch"""
    log: Path
    """its hop log"""
    address: Address
    tls: ssl.SSLContext | None = None
    """None: plain, on loopback"""
    starter: str
    """the user who starts it"""
    key: str = ""
    """logs in whoever has it as `starter`; "": nobody"""


def all_screens(desk: Desk) -> list[Screen]:
    """Of a console."""
    return [screen for part in (LiveScreen(desk), FindScreen(desk), HealthScreen(desk)) for screen in part.screens()]


async def run(setting: Setting, ready: Callable[[Address], None], report: Report) -> str:
    """Serve until SIGINT or SIGTERM; says which. Raises OSError, ListeningError, AccountsError, HistoryError."""
    desk = Desk(setting.network, setting.state_dir, setting.log, starter=setting.starter)
    desk.renderer.show_menu(MENU)
    number = signal.SIGTERM
    try:
        async with trio.open_nursery() as nursery:
            with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                nursery.start_soon(follow, desk)
                nursery.start_soon(desk.keep_looking)

                async def announce(address: Address) -> None:
                    ready(address)

                # a cookie knows no port: two consoles of one machine do not log each other out
                web = Web(desk, all_screens(desk), report, key=setting.key, name=f"console_{setting.address.port}")
                nursery.start_soon(listen, Server(web.app(), report), setting.address, setting.tls, announce)
                async for caught in signals:
                    number = signal.Signals(caught)
                    break
            nursery.cancel_scope.cancel()
    finally:
        desk.close()
    return number.name
