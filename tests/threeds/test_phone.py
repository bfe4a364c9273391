"""The page in place of cardholders' telephones: shown to who sits at the machine, and to nobody whom a proxy there lets in.

The requests are those that browsers and proxies send by their own defaults.
"""

from collections.abc import Mapping
from functools import partial

import msgspec
import pytest
import trio
from trio.testing import memory_stream_pair

from switch.core.network import Network
from switch.http.server import Server
from switch.threeds.acs import Acs, Outside
from switch.threeds.challenges import Challenge
from switch.threeds.proving import Prover
from tests.threeds.world import Kept, network

BROWSER = {"Host": "127.0.0.1:8461", "User-Agent": "Mozilla/5.0", "Accept": "text/html", "Connection": "keep-alive"}
NGINX = {"Host": "127.0.0.1:8461", "Connection": "close", "User-Agent": "Mozilla/5.0", "Accept": "text/html"}


async def nobody(url: str, body: bytes, seconds: float) -> bytes:
    raise AssertionError(f"{url} is asked, {len(body)} bytes, {seconds} s")


def server(url: str = "http://127.0.0.1:8461") -> Server:
    made: Network = network()
    acs = msgspec.structs.replace(made.acs[0], url=url)
    outside = Outside(
        post=nobody,
        report=lambda *_: None,
        new_id=str,
        sms=lambda _: None,
        clock=trio.current_time,
    )
    told = Acs(made, acs, Prover(acs, None, lambda _: 0), outside, Kept(Challenge), style=b"")
    return Server(told.app(), lambda *_: None)


async def ask(
    one: Server, headers: Mapping[str, str], client: str = "127.0.0.1", version: str = "1.1", path: str = "/phone"
) -> bytes:
    """The answer's status line."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(one.serve, theirs, client, secure=False))
        await ours.send_all(f"GET {path} HTTP/{version}\r\n{head}\r\n".encode())
        said = bytes(await ours.receive_some())
        nursery.cancel_scope.cancel()
    return said.split(b"\r\n")[0]


@pytest.mark.parametrize("host", ["127.0.0.1:8461", "localhost:8461", "LOCALHOST", "[::1]:8461", "127.8.9.1"])
async def test_who_sits_there_sees_the_codes(host: str) -> None:
    assert await ask(server(), BROWSER | {"Host": host}) == b"HTTP/1.1 200 "
    assert await ask(server(), BROWSER | {"Host": host}, "::1") == b"HTTP/1.1 200 "


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        pytest.param(NGINX, "1.0", id="nginx, proxy_pass alone"),
        pytest.param(NGINX | {"X-Real-IP": "192.0.2.7"}, "1.1", id="nginx, X-Real-IP"),
        pytest.param(NGINX | {"X-Forwarded-For": "192.0.2.7"}, "1.1", id="nginx, X-Forwarded-For"),
        pytest.param(BROWSER | {"X-Forwarded-Host": "acs.example"}, "1.1", id="Apache, mod_proxy"),
        pytest.param(BROWSER | {"Host": "acs.example"}, "1.1", id="HAProxy keeps the name"),
        pytest.param(BROWSER | {"X-Forwarded-Proto": "https"}, "1.1", id="Caddy, Traefik"),
        pytest.param(BROWSER | {"Via": "1.1 varnish"}, "1.1", id="Varnish, Squid"),
        pytest.param(BROWSER | {"Forwarded": "for=192.0.2.7"}, "1.1", id="RFC 7239"),
        pytest.param(BROWSER | {"CF-Connecting-IP": "192.0.2.7"}, "1.1", id="a tunnel of Cloudflare's"),
        pytest.param(BROWSER | {"Host": "127.0.0.1.evil.example"}, "1.1", id="a name that leads here (rebinding)"),
        pytest.param(BROWSER | {"Host": "a]b:1"}, "1.1", id="no host"),
        pytest.param(BROWSER | {"Host": "[127.0.0.1"}, "1.1", id="half a host"),
    ],
)
async def test_nobody_sees_them_through_a_proxy_of_that_machine(headers: dict[str, str], version: str) -> None:
    assert (await ask(server(), headers, version=version)).split()[1] in (b"403", b"400")


async def test_nobody_sees_them_from_elsewhere_or_where_others_browsers_come() -> None:
    assert b" 403 " in await ask(server(), BROWSER, "192.0.2.7")
    assert b" 404 " in await ask(server("https://acs.example"), BROWSER), "as it would behind any proxy"
    assert b" 404 " in await ask(server("https://acs.example"), BROWSER, path="/challenge/none")
