"""A gateway's addresses, as its process has them: where browsers are sent back to from their banks."""

import socket
import ssl
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from switch.core.network import Address
from switch.gateway.running import Setting, run
from switch.gateway.service import Service
from switch.http.listening import ListeningError
from switch.loopback import free_ports
from tests.gateway.test_kills import NETWORK
from tests.open_files import open_below


def setting(state: Path, **more: Any) -> Setting:
    made = {"address": Address("127.0.0.1", 0), "results": Address("127.0.0.1", 0), **more}
    return Setting(network=NETWORK, member=NETWORK.members[0], listener=NETWORK.listeners[0], state=state, **made)


@pytest.mark.parametrize("url", ["", "https://pay.example"])
async def test_banks_send_browsers_back_to_where_pages_really_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    pages: list[str] = []
    monkeypatch.setattr(Service, "authenticate_by", lambda *given: pages.append(given[-1]))
    async with trio.open_nursery() as nursery:
        at: list[Address] = []

        def ready(address: Address, _: object) -> None:
            at.append(address)
            nursery.cancel_scope.cancel()

        silent = lambda *_: None  # noqa: E731
        nursery.start_soon(partial(run, setting(tmp_path, pages=url), ready, silent, silent))
    assert at[0].port, "a free one"
    assert pages == [url or f"http://{at[0]}"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
async def test_every_address_is_none_to_come_back_to(tmp_path: Path, host: str) -> None:
    anywhere = setting(tmp_path, address=Address(host, 0), tls=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    with pytest.raises(ListeningError, match="--url says how browsers reach"):
        await run(anywhere, lambda *_: None, lambda *_: None, lambda *_: None)
    with pytest.raises(ListeningError, match="--results-url says how it reaches this"):
        await run(setting(tmp_path, results=Address(host, 0)), lambda *_: None, lambda *_: None, lambda *_: None)
    assert not open_below(tmp_path)


async def test_a_gateway_that_cannot_take_results_leaves_nothing_open(tmp_path: Path) -> None:
    pages, results = (Address("127.0.0.1", port) for port in free_ports(2))
    with socket.create_server((results.host, results.port)), pytest.raises(OSError, match="in use"):
        await run(setting(tmp_path, address=pages, results=results), *[lambda *_: None] * 3)
    assert not open_below(tmp_path)
    socket.create_server((pages.host, pages.port)).close()
