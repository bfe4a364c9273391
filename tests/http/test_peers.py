"""Peers who both show a certificate: one that its authority has taken back is turned away, whichever end it is at."""

import re
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import trio

from switch.core.credentials import Tls
from switch.http.https_end import HttpsEnd, why_unsecured
from switch.http.listening import ListeningError, mutual_context, renew, serve
from switch.http.server import HttpLimits, Server
from tests.http.test_server import OK, echo, request
from tests.server.authority import Authority


def context(own: Tls, crl: str = "", *, server: bool) -> ssl.SSLContext:
    made = mutual_context(
        Path(own.certificate), Path(own.key), Path(own.ca), server=server, crl=Path(crl) if crl else None
    )
    made.check_hostname = False
    return made


def handshake(client: ssl.SSLContext, server: ssl.SSLContext) -> None:
    """Both ends to their end, in memory. Raises the first SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True)]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue


@pytest.mark.parametrize("taken", ["client", "server"])
def test_who_was_taken_back_is_turned_away_by_the_other_end(tmp_path: Path, taken: str) -> None:
    authority = Authority(tmp_path)
    own = {name: authority.issue(name) for name in ("client", "server")}
    crl = authority.list_file(own[taken])
    lists = {name: "" if name == taken else crl for name in own}
    with pytest.raises(ssl.SSLCertVerificationError, match=f"CN={taken}.* was taken back by .* \\(key compromise\\)"):
        handshake(*(context(own[name], lists[name], server=name == "server") for name in own))
    good = {**own, taken: authority.issue(taken, file="another")}
    handshake(*(context(good[name], crl, server=name == "server") for name in own))


def test_a_list_that_is_nobodys_is_a_mistake_at_the_start(tmp_path: Path) -> None:
    own = Authority(tmp_path).issue("server")
    with pytest.raises(ListeningError, match="was signed by no authority"):
        context(own, Authority(tmp_path / "other", "other").list_file(), server=True)


class Peers:
    """A server among peers, whose files are read again, and clients with one certificate or another."""

    def __init__(self, directory: Path) -> None:
        self.authority = Authority(directory)
        self.own = self.authority.issue("server")
        self.crl = self.authority.list_file()
        self.events: list[tuple[str, dict[str, object]]] = []
        self.end = HttpsEnd(lambda: context(self.own, self.crl, server=True))
        self.port = 0
        self.open = AsyncExitStack()
        self.told = trio.Event()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        server = Server(echo, self.report, HttpLimits(handshake_s=0.2))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, server, listeners, self.end)
            async with self.open:
                yield
            nursery.cancel_scope.cancel()

    def report(self, event: str, fields: dict[str, object]) -> None:
        self.events.append((event, fields))
        self.told.set()

    async def connect_plain(self) -> trio.SocketStream:
        plain = await trio.open_tcp_stream("127.0.0.1", self.port)
        self.open.push_async_callback(trio.aclose_forcefully, plain)
        return plain

    async def connect(self, tls: ssl.SSLContext) -> "trio.SSLStream[trio.SocketStream]":
        plain = await self.connect_plain()
        return trio.SSLStream(plain, tls, server_hostname="server", https_compatible=True)

    async def asks(self, stream: "trio.SSLStream[trio.SocketStream]") -> bytes:
        """What comes back; nothing where the server ends the connection."""
        try:
            await stream.send_all(request(body=b"ping"))
            return bytes(await stream.receive_some())
        except trio.BrokenResourceError:
            return b""

    async def refused(self) -> str:
        """Why the last one was, once it is."""
        with trio.fail_after(5):
            await self.told.wait()
        self.told = trio.Event()
        event, fields = self.events.pop()
        assert event == "http.unsecured"
        return str(fields["reason"])

    def renew(self, *others: HttpsEnd) -> tuple[str, str]:
        renew([*others, self.end], self.report)
        self.told = trio.Event()
        event, fields = self.events.pop()
        return event, str(fields)


async def test_a_newer_list_is_read_without_a_restart_and_ends_the_connections_of_whom_it_has(tmp_path: Path) -> None:
    peers = Peers(tmp_path)
    known = peers.authority.issue("client")
    async with peers.serving():
        mine = context(known, server=False)
        kept = await peers.connect(mine)
        assert OK in await peers.asks(kept)
        peers.authority.list_file(known)
        assert OK in await peers.asks(kept), "the file alone changes nothing"
        assert peers.renew()[0] == "http.reloaded"
        assert await peers.asks(kept) == b"", "a connection there is"
        assert await peers.asks(await peers.connect(mine)) == b"", "another"
        assert re.match("its certificate CN=client.* was taken back by .* \\(key compromise\\)", await peers.refused())
        other = context(peers.authority.issue("client", file="another"), server=False)
        assert OK in await peers.asks(await peers.connect(other))


async def test_another_authority_and_another_certificate_are_read_without_a_restart(tmp_path: Path) -> None:
    peers, other = Peers(tmp_path / "one"), Authority(tmp_path / "two", "other")
    peers.crl = ""
    theirs = other.issue("client")
    mine = context(theirs, server=False)
    mine.load_verify_locations(peers.own.ca)
    async with peers.serving():
        assert await peers.asks(await peers.connect(mine)) == b""
        assert (await peers.refused()).startswith("its certificate is not accepted: ")
        shutil.copy(other.file, peers.own.ca)
        peers.own = peers.authority.issue("server")  # of the same file names
        assert peers.renew()[0] == "http.reloaded"
        assert OK in await peers.asks(await peers.connect(mine))


async def test_a_file_that_cannot_be_used_changes_nothing(tmp_path: Path) -> None:
    peers = Peers(tmp_path)
    async with peers.serving():
        mine = context(peers.authority.issue("client"), server=False)
        kept = await peers.connect(mine)
        assert OK in await peers.asks(kept)
        await trio.Path(peers.crl).write_text("half a li")
        other = HttpsEnd(lambda: context(peers.own, server=True))
        before = other.context
        event, said = peers.renew(other)
        assert event == "http.reload_refused"
        assert peers.crl in said
        assert other.context is before, "all of them, or none"
        assert OK in await peers.asks(kept)
        assert OK in await peers.asks(await peers.connect(mine))


async def test_who_is_turned_away_in_its_handshake_is_named_with_the_reason(tmp_path: Path) -> None:
    peers = Peers(tmp_path)
    async with peers.serving():
        nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        nobody.load_verify_locations(peers.own.ca)
        nobody.check_hostname = False
        await peers.asks(await peers.connect(nobody))
        assert await peers.refused() == "it shows no certificate: TLS is mutual here"
        plain = await peers.connect_plain()
        await plain.send_all(request(body=b"ping"))
        assert await peers.refused() == "it speaks no TLS"
        await peers.connect_plain()
        assert await peers.refused() == "its TLS handshake was not done in time"


def test_a_client_that_does_not_accept_this_side_is_named_so(tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path / "one").issue("server"), Authority(tmp_path / "two").issue("client")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context(theirs, server=False).wrap_bio(to_client, to_server)
    server = context(ours, server=True).wrap_bio(to_server, to_client, server_side=True)
    for end in (client, server):
        with pytest.raises(ssl.SSLWantReadError):
            end.do_handshake()
    with pytest.raises(ssl.SSLCertVerificationError):
        client.do_handshake()
    with pytest.raises(ssl.SSLError) as alert:
        server.do_handshake()
    assert why_unsecured(alert.value) == "it refuses this side's certificate: unknown ca"
