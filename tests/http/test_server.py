"""The HTTP server against clients that send too much, too slowly, or what no browser sends."""

import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from trio.testing import memory_stream_pair

from switch.core.network import Address
from switch.http.https_end import HttpsEnd
from switch.http.listening import ListeningError, check_address, listen, tls_context, trust
from switch.http.server import HttpLimits, Message, Scope, Server
from tests.server.authority import Authority

OK = b"HTTP/1.1 200"


async def echo(
    scope: Scope, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answers with what it was sent; `/fail` and what begins so fails."""
    if scope["path"].startswith("/fail"):
        raise ValueError("secret 4111111111111111")
    if scope["path"] == "/stuck":
        await trio.sleep_forever()
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(
    limits: HttpLimits | None = None,
) -> AsyncIterator[
    tuple[
        Callable[[], trio.StapledStream[trio.abc.SendStream, trio.abc.ReceiveStream]],
        list[tuple[str, dict[str, object]]],
    ]
]:
    events: list[tuple[str, dict[str, object]]] = []
    server = Server(echo, lambda name, fields: events.append((name, fields)), limits)
    async with trio.open_nursery() as nursery:

        def connect() -> trio.StapledStream[trio.abc.SendStream, trio.abc.ReceiveStream]:
            ours, theirs = memory_stream_pair()
            nursery.start_soon(lambda: server.serve(theirs, "10.0.0.1", secure=False))
            return ours  # type: ignore[return-value]

        yield connect, events
        nursery.cancel_scope.cancel()


async def rest(stream: trio.abc.ReceiveStream) -> bytes:
    """All that still comes, until the server closes."""
    data = b""
    while piece := await stream.receive_some():
        data += piece
    return data


def request(path: str = "/", body: bytes = b"", extra: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: pay.example\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


async def test_two_requests_on_one_connection() -> None:
    async with serving() as (connect, _):
        stream = connect()
        await stream.send_all(request(body=b"one") + request(body=b"two", extra="Connection: close\r\n"))
        told = await rest(stream)
        assert told.count(OK) == 2
        assert told.endswith(b"two")


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/pay?a=1", "/pay", b"a=1"),
        ("http://pay.example/pay?a=1", "/pay", b"a=1"),
        ("HTTPS://pay.example:8443", "/", b""),
        ("//pay.example/x", "//pay.example/x", b""),
    ],
)
async def test_an_address_with_its_host_is_that_of_its_path(target: str, path: str, query: bytes) -> None:
    asked: list[Scope] = []

    async def app(
        scope: Scope, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        asked.append(scope)
        await echo(scope, receive, send)

    ours, theirs = memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: Server(app, lambda *_: None).serve(theirs, "10.0.0.1", secure=False))
        await ours.send_all(request(target, extra="Connection: close\r\n"))
        assert (await rest(ours)).startswith(OK)
    assert [(scope["path"], scope["query_string"]) for scope in asked] == [(path, query)]


async def test_an_upgrade_with_a_byte_behind_it_costs_its_own_connection_only() -> None:
    """It ends the whole process of another server."""
    async with serving() as (connect, events):
        for extra in (
            "Connection: Upgrade\r\nUpgrade: websocket\r\n",
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        ):
            stream = connect()
            await stream.send_all(request(extra=extra) + b"x")
            told = await rest(stream)
            assert told.startswith(OK)
            assert b"connection: close" in told
        again = connect()
        await again.send_all(request(body=b"alive", extra="Connection: close\r\n"))
        assert (await rest(again)).endswith(b"alive")
        assert not events


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello to a plain port\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20_000, b"431"),
        (request(body=b"z" * 70_000), b"413"),
    ],
    ids=["TLS", "no host", "no length", "long header", "long body"],
)
async def test_what_cannot_be_taken_is_refused_and_the_connection_ends(sent: bytes, status: bytes) -> None:
    async with serving() as (connect, _):
        stream = connect()
        async with trio.open_nursery() as nursery:

            async def send() -> None:
                try:
                    await stream.send_all(sent)
                except trio.BrokenResourceError:
                    return

            nursery.start_soon(send)
            told = await rest(stream)
        assert told.startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize(
    "sent", [b"", b"POST / HTT", request(body=b"abc")[:-1]], ids=["nothing", "half a head", "half a body"]
)
async def test_who_is_too_slow_is_told_so(sent: bytes, autojump_clock: trio.testing.MockClock) -> None:
    async with serving() as (connect, _):
        stream = connect()
        if sent:
            await stream.send_all(sent)
        before = trio.current_time()
        told = await rest(stream)
        assert told.startswith(b"HTTP/1.1 408")
        assert trio.current_time() - before == pytest.approx(HttpLimits().request_s, abs=0.5)


async def test_a_drop_at_a_time_gains_no_time(autojump_clock: trio.testing.MockClock) -> None:
    async with serving() as (connect, _):
        stream = connect()
        with pytest.raises(trio.BrokenResourceError):  # noqa: PT012 - one of many sends
            for byte in request(body=b"q" * 200):
                await stream.send_all(bytes([byte]))
                await trio.sleep(1)
        assert trio.current_time() < 30


async def test_the_last_request_of_a_connection_is_said_to_be_the_last() -> None:
    """A browser does not repeat a form that it has sent on a connection which is closed under it."""
    async with serving(HttpLimits(requests=3)) as (connect, _):
        stream = connect()
        await stream.send_all(request(body=b"one") * 5)
        told = await rest(stream)
        assert told.count(OK) == 3
        assert told.lower().count(b"connection: close") == 1
        assert told.lower().rindex(b"connection: close") > told.rindex(OK)


async def test_an_idle_connection_ends(autojump_clock: trio.testing.MockClock) -> None:
    async with serving() as (connect, _):
        stream = connect()
        await stream.send_all(request(body=b"one"))
        told = await rest(stream)
        assert told.count(b"HTTP/1.1") == 1


async def test_an_error_of_the_application_says_where_and_no_value() -> None:
    async with serving() as (connect, events):
        stream = connect()
        await stream.send_all(request("/fail"))
        assert (await rest(stream)).startswith(b"HTTP/1.1 500")
        ((name, fields),) = events
        assert name == "http.failed"
        assert fields["error"] == "ValueError"
        assert "4111" not in str(fields)


async def test_a_page_s_token_is_in_no_log() -> None:
    async with serving() as (connect, events):
        for path in (f"/fail/{'x' * 32}/authenticate?lang=fr", "/fail/orders/17"):
            stream = connect()
            await stream.send_all(request(path))
            await rest(stream)
        assert [fields["path"] for _, fields in events] == ["/fail/…/authenticate", "/fail/orders/17"]


async def test_an_application_that_never_answers_is_given_up_and_that_is_said(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with serving() as (connect, events):
        stream = connect()
        await stream.send_all(request("/stuck"))
        assert (await rest(stream)).startswith(b"HTTP/1.1 500")
        ((event, fields),) = events
        assert (event, fields["path"], fields["at"]) == ("http.failed", "/stuck", "no whole answer within 60 s")


async def test_an_answer_that_is_cut_off_is_the_connection_s_last(autojump_clock: trio.testing.MockClock) -> None:
    """What followed it on the connection would be read as the rest of it."""
    ours, theirs = memory_stream_pair()
    left, delays = theirs.send_stream.send_all_hook, iter((60, 0))
    assert left is not None

    async def stall() -> None:
        await left()
        await trio.sleep(next(delays))

    theirs.send_stream.send_all_hook = stall
    server = Server(echo, lambda name, fields: None, HttpLimits(answer_s=5, write_s=30))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: server.serve(theirs, "10.0.0.1", secure=False))
        await ours.send_all(request(body=b"one") + request(body=b"two"))
        told = await rest(ours)
    assert told.count(OK) == 1
    assert told.endswith(b"one")


async def test_one_client_has_so_many_connections_and_no_more() -> None:
    async with serving(HttpLimits(per_client=2)) as (connect, events):
        held = [connect(), connect()]
        await trio.testing.wait_all_tasks_blocked()
        third = connect()
        assert await rest(third) == b""
        assert events[0][1]["reason"] == "too many connections"
        await held[0].aclose()
        await trio.testing.wait_all_tasks_blocked()
        fourth = connect()
        await fourth.send_all(request(body=b"in", extra="Connection: close\r\n"))
        assert (await rest(fourth)).endswith(b"in")


async def test_a_head_request_has_no_body() -> None:
    async with serving() as (connect, _):
        stream = connect()
        await stream.send_all(b"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
        told = await rest(stream)
        assert told.startswith(OK)
        assert told.endswith(b"\r\n\r\n")


def test_authorities_that_are_none_are_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("junk")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(ListeningError, match=rf"{name}: no certificates in PEM: "):
            trust(ssl.create_default_context(), tmp_path / name)


def test_plain_http_is_for_loopback_only() -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        check_address(Address(host, 8443), None)
    for host in ("0.0.0.0", "10.0.0.1", "pay.example", "127.evil.example"):
        with pytest.raises(ListeningError, match="HTTPS only"):
            check_address(Address(host, 8443), None)


async def test_who_resets_before_being_accepted_costs_nobody_else() -> None:
    """Its socket has no peer any more when it is accepted."""
    server = Server(echo, lambda name, fields: None)
    async with trio.open_nursery() as nursery:

        async def ready(address: Address) -> None:
            for _ in range(20):
                with socket.create_connection((address.host, address.port)) as gone:
                    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            async with await trio.open_tcp_stream(address.host, address.port) as stream:
                await stream.send_all(request(body=b"alive", extra="Connection: close\r\n"))
                assert (await rest(stream)).endswith(b"alive")
            nursery.cancel_scope.cancel()

        await listen(server, Address("127.0.0.1", 0), None, ready)


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("no certificate", "key.pem: holds no certificate: PEM: "),
        ("read by others", "the private key has mode 0640, others may read it: chmod 600 "),
        ("under a passphrase", "the private key is kept under a passphrase, which nobody could type at a start"),
        ("another's", "the private key is not that of the first certificate in "),
    ],
)
def test_a_key_that_is_no_secret_or_cannot_be_used_is_refused_as_on_links(tmp_path: Path, case: str, why: str) -> None:
    authority = Authority(tmp_path)
    issued, other = authority.issue("pay.example"), authority.issue("other.example")
    certificate, key = Path(issued.certificate), tmp_path / "key.pem"
    key.write_bytes(Path(other.key if case == "another's" else issued.key).read_bytes())
    key.chmod(0o640 if case == "read by others" else 0o600)
    if case == "under a passphrase":
        kept = load_pem_private_key(key.read_bytes(), None)
        sealed = BestAvailableEncryption(b"secret")
        key.write_bytes(kept.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed))
    with pytest.raises(ListeningError, match=re.escape(why)):
        tls_context(key if case == "no certificate" else certificate, key)


async def test_pages_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue("pay.example")
    server = Server(echo, lambda name, fields: None)
    client = ssl.create_default_context(cafile=str(authority.file))
    async with trio.open_nursery() as nursery:

        async def ready(address: Address) -> None:
            plain = await trio.open_tcp_stream(address.host, address.port)
            async with trio.SSLStream(plain, client, server_hostname="pay.example", https_compatible=True) as stream:
                await stream.send_all(request(body=b"sealed", extra="Connection: close\r\n"))
                assert (await rest(stream)).endswith(b"sealed")
            async with await trio.open_tcp_stream(address.host, address.port) as silent:
                await silent.send_all(b"GET / HTTP/1.1\r\n\r\n")
                assert OK not in await rest(silent)
            nursery.cancel_scope.cancel()

        await listen(
            server,
            Address("127.0.0.1", 0),
            HttpsEnd(lambda: tls_context(Path(issued.certificate), Path(issued.key))),
            ready,
        )
