"""Calls to merchants' servers: only where they may go, and never for long."""

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from switch.http.client import ANSWER_BYTES, CallError, Reply, check_target, post_form, post_json
from switch.threeds.peers import poster
from tests.server.authority import Authority

Answerer = Callable[[trio.abc.Stream], Awaitable[None]]


@pytest.mark.parametrize(
    ("url", "listed", "said"),
    [
        ("https://evil.example/x", "shop.example", "is not among"),
        ("https://shop.example:8443/x", "shop.example", "is not among"),
        ("https://shop.example@evil.example/", "shop.example", "is not among"),
        ("http://shop.example/x", "shop.example", "expected https"),
        ("http://169.254.169.254/latest", "169.254.169.254", "expected https"),
        ("http://127.0.0.1:22/", "127.0.0.1:9000", "is not among"),
    ],
)
def test_where_a_call_may_not_go(url: str, listed: str, said: str) -> None:
    with pytest.raises(CallError, match=said):
        check_target(url, [listed])


def test_where_a_call_may_go() -> None:
    assert check_target("https://Shop.example/x?y=1", ["SHOP.example"]).hostname == "shop.example"
    assert check_target("https://shop.example:8443/x", ["shop.example:8443"]).port == 8443
    assert check_target("http://127.0.0.1:9000/x", ["127.0.0.1:9000"]).port == 9000
    assert check_target("http://[::1]:9000/x", ["[::1]:9000"]).port == 9000
    assert check_target("https://[2001:DB8::1]/x", ["[2001:db8::1]"]).hostname == "2001:db8::1"


class Names(trio.abc.HostnameResolver):
    """A name server of somebody who wants the gateway to call what only the gateway can reach."""

    def __init__(self, address: str) -> None:
        self.address = address

    async def getaddrinfo(self, host: Any, port: Any, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.address, port))]

    async def getnameinfo(self, *_: Any) -> tuple[str, str]:
        raise NotImplementedError


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "::",
        "fc00::1",
        "fe80::1%eth0",
        "::ffff:10.0.0.1",
        "::10.0.0.1",
        "2002:a00:1::",
        "64:ff9b::10.0.0.1",
        "2001:0:a00:1::",
    ],
)
async def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    trio.socket.set_custom_hostname_resolver(Names(address))
    with pytest.raises(CallError, match="which is private"):
        await post_form("https://shop.example/cb", [], ["shop.example"], ssl.create_default_context())


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "%31%32%37.0.0.1"])
async def test_an_address_written_otherwise_is_a_name_and_may_not_lead_inside(host: str) -> None:
    with pytest.raises(CallError, match="is not among"):
        check_target(f"https://{host}/cb", ["127.0.0.1"])
    with pytest.raises(CallError, match=r"which is private|no address is known"):
        await post_form(f"https://{host}/cb", [], [host], ssl.create_default_context())


class Fickle(Names):
    """First public, then what only the gateway can reach."""

    asked = 0

    async def getaddrinfo(self, host: Any, port: Any, *_: Any, **__: Any) -> list[Any]:
        self.asked += 1
        self.address = "127.0.0.1" if self.asked > 1 else "203.0.113.9"
        return await super().getaddrinfo(host, port)


async def test_a_name_that_leads_elsewhere_the_second_time_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was checked is what is connected to."""
    names, reached = Fickle(""), list[str]()

    async def connect(host: str, port: int) -> trio.SocketStream:
        reached.append(host)
        raise OSError(111, "refused")

    trio.socket.set_custom_hostname_resolver(names)
    monkeypatch.setattr("switch.http.client._is_public", lambda address: not address.startswith("127."))
    monkeypatch.setattr(trio, "open_tcp_stream", connect)
    with pytest.raises(CallError, match="cannot be reached"):
        await post_form("https://shop.example/cb", [], ["shop.example"], ssl.create_default_context())
    assert (names.asked, reached) == (1, ["203.0.113.9"])


async def test_each_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    class Two(Names):
        async def getaddrinfo(self, host: Any, port: Any, *_: Any, **__: Any) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (at, port)) for at in ("203.0.113.9", "203.0.113.10")]

    reached: list[str] = []

    async def connect(host: str, port: int) -> trio.SocketStream:
        reached.append(host)
        raise OSError(111, "refused")

    trio.socket.set_custom_hostname_resolver(Two(""))
    monkeypatch.setattr("switch.http.client._is_public", lambda address: True)
    monkeypatch.setattr(trio, "open_tcp_stream", connect)
    with pytest.raises(CallError, match="cannot be reached"):
        await post_form("https://shop.example/cb", [], ["shop.example"], ssl.create_default_context())
    assert reached == ["203.0.113.9", "203.0.113.10"]


async def test_a_name_that_nobody_knows_is_said_to_be_one() -> None:
    class Nobody(Names):
        async def getaddrinfo(self, *_: Any, **__: Any) -> list[Any]:
            raise socket.gaierror(-2, "Name or service not known")

    trio.socket.set_custom_hostname_resolver(Nobody(""))
    with pytest.raises(CallError, match=r"no address is known for shop\.example"):
        await post_form("https://shop.example/cb", [], ["shop.example"], ssl.create_default_context())


@asynccontextmanager
async def server(answer: Answerer) -> AsyncIterator[str]:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(trio.serve_listeners, answer, listeners))
        yield f"127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


async def call(where: str, seconds: float = 5) -> Reply:
    return await post_form(f"http://{where}/cb?x=1", [("a", "é&=")], [where], ssl.create_default_context(), seconds)


async def test_a_form_goes_out_and_an_answer_comes_back() -> None:
    seen: list[bytes] = []

    async def answer(stream: trio.abc.Stream) -> None:
        seen.append(bytes(await stream.receive_some()))
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nAPPROVED")

    async with server(answer) as where:
        assert await call(where) == Reply(status=200, text="APPROVED")
    assert seen[0].startswith(b"POST /cb?x=1 HTTP/1.1\r\n")
    assert seen[0].endswith(b"\r\n\r\na=%C3%A9%26%3D")


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nAPP\r\n5\r\nROVED\r\n0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nAPPROVED",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nAPPROVED",
        b"HTTP/1.1 200 \r\ncontent-type: text/html; charset=iso-8859-1\r\n\r\nAPPROVED",
    ],
    ids=["chunked", "early hints", "1.0", "to its end"],
)
async def test_an_answer_is_read_as_servers_write_it(said: bytes) -> None:
    async def answer(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        for at in range(0, len(said), 7):
            await stream.send_all(said[at : at + 7])

    async with server(answer) as where:
        assert await call(where) == Reply(status=200, text="APPROVED")


async def test_a_peers_erro_counts_whatever_status_it_comes_with() -> None:
    """Some servers of 3-D Secure send theirs with 400 or 500: the reason is read; a page about an error is none."""
    said = [b'{"messageType":"Erro","errorCode":"203"}', b'{"status":500,"error":"Internal Server Error"}']

    async def answer(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        body = said.pop(0)
        await stream.send_all(b"HTTP/1.1 500 Oops\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    async with server(answer) as where:
        assert b"203" in await poster(None)(f"http://{where}/", b"{}", 5)
        with pytest.raises(CallError, match="answered 500"):
            await poster(None)(f"http://{where}/", b"{}", 5)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:22/\r\n\r\n", "redirects are not followed"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (ANSWER_BYTES + 1), "longer than"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP"),
        (b"", "not HTTP"),
    ],
    ids=["redirect", "long", "not HTTP", "nothing"],
)
async def test_an_answer_that_does_not_count(said: bytes, why: str) -> None:
    async def answer(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        try:
            await stream.send_all(said)
        except trio.BrokenResourceError:
            return

    async with server(answer) as where:
        with pytest.raises(CallError, match=why):
            await call(where)


@pytest.mark.parametrize("url", ["http://127.0.0.1:{}/a b", "http://127.0.0.1:{}/\xe9", "https://a..b:{}/"])
async def test_an_address_that_http_cannot_carry_is_said_to_be_one(url: str) -> None:
    """A peer's message may name it (dsURL, threeDSServerURL): what is raised must be what callers expect."""

    async def answer(stream: trio.abc.Stream) -> None:
        await trio.aclose_forcefully(stream)

    async with server(answer) as where:
        address = url.format(where.rpartition(":")[2])
        with pytest.raises(CallError, match="its address is none that HTTP can carry"):
            await post_json(address, b"{}", ssl.create_default_context(), 5, 100)


async def test_silence_and_nobody(autojump_clock: trio.testing.MockClock) -> None:
    async def answer(stream: trio.abc.Stream) -> None:
        await trio.sleep_forever()

    async with server(answer) as where:
        with pytest.raises(CallError, match="no whole answer within 5 s"):
            await call(where)
    with pytest.raises(CallError, match="cannot be reached: Connection refused"):
        await call(where)


async def test_another_s_certificate_is_refused(tmp_path: Path) -> None:
    issued = Authority(tmp_path).issue("other.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)

    async def answer(plain: trio.abc.Stream) -> None:
        stream = trio.SSLStream(plain, context, server_side=True)
        try:
            await stream.do_handshake()
        except trio.BrokenResourceError:
            await trio.aclose_forcefully(stream)

    async with server(answer) as where:
        with pytest.raises(CallError, match="TLS"):
            await post_form(f"https://{where}/cb", [], [where], ssl.create_default_context(cafile=issued.ca), 5)
