"""The edge itself, beside a switch that is a test: what it passes on, whom it turns away, and renewed certificates."""

import errno
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
import trio

from switch.core.credentials import Pin, Tls
from switch.core.network import Address, Network
from switch.core.party import Log
from switch.server.edge import Edge
from switch.server.edge_link import read_header
from tests.core.scripts import morocco
from tests.server.authority import Authority
from tests.server.driven import until
from tests.server.test_tls import Client, context


class Setting:
    """An edge, the socket where its switch is to be, and what it has logged."""

    def __init__(self, directory: Path) -> None:
        self.authority = Authority(directory / "tls")
        self.path = str(directory / "acquirers.sock")
        self.host_path = str(directory / "atlas.sock")
        self.logs: list[Log] = []
        self.edge = Edge(self.network(self.authority.issue("switch.example")), self.logs.append)

    def network(self, tls: Tls, host: Address | None = None) -> Network:
        whole = morocco()
        changes = {"tls": tls, "edge": self.path, "address": Address("127.0.0.1", 0)}
        doors = tuple(msgspec.structs.replace(x, **changes) if x.name == "acquirers" else x for x in whole.listeners)
        far = host or Address("127.0.0.1", 1)
        pin = Pin(names=("switch.example",))
        hosts = tuple(
            msgspec.structs.replace(h, tls=tls, pin=pin, edge=self.host_path, connect=far) if h.name == "atlas" else h
            for h in whole.hosts
        )
        return msgspec.structs.replace(whole, listeners=doors, hosts=hosts)

    def said(self, reason: str) -> bool:
        return any(reason in str(event.fields) for event in self.logs)

    async def once(self, client: ssl.SSLContext, data: bytes = b"hello") -> tuple[bytes, bytes | None]:
        """What somebody outside hears, and the certificate shown to him."""

        def run() -> tuple[bytes, bytes | None]:
            asking = Client(client, self.edge.addresses["acquirers"])
            with asking.tls:
                shown = asking.tls.getpeercert(binary_form=True)  # OpenSSL tells it no more after an end without a word
                return asking.ask(data), shown

        return await trio.to_thread.run_sync(run)


@pytest.fixture
async def setting(tmp_path: Path) -> AsyncIterator[Setting]:
    made = Setting(tmp_path)
    async with trio.open_nursery() as nursery:
        await nursery.start(made.edge.run)
        yield made
        nursery.cancel_scope.cancel()


async def switch_at(
    path: str, headers: list[bytes], stays: bool = False, *, task_status: trio.TaskStatus[None]
) -> None:
    """A switch that answers with what it was sent, behind the header; and then hangs up, unless it `stays`."""
    sock = trio.socket.socket(trio.socket.AF_UNIX)
    await sock.bind(path)
    sock.listen()

    async def serve(stream: trio.SocketStream) -> None:
        begun = b""
        while (found := read_header(begun)) is None:
            begun += await stream.receive_some()
        headers.append(begun[: found[1]])
        data = begun[found[1] :] or await stream.receive_some()
        await stream.send_all(data)
        if stays:
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, [trio.SocketListener(sock)])
        task_status.started()


async def test_it_passes_bytes_on_and_says_whose_certificate_was_shown(setting: Setting) -> None:
    headers: list[bytes] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(switch_at, setting.path, headers)
        said, shown = await setting.once(context(setting.authority, "atlas.example"))
        assert said == b"hello"
        found = read_header(headers[0])
        assert found is not None
        assert found[0].certificate is not None
        assert found[0].certificate.names == ("atlas.example",)
        assert found[0].certificate.issuer_fingerprint
        assert found[0].peer.startswith("127.0.0.1:")
        setting.edge.follow(setting.network(setting.authority.issue("switch.example")))
        said, renewed = await setting.once(context(setting.authority, "atlas.example"))
        assert (said, renewed == shown) == (b"hello", False), "the renewed certificate is shown from then on"
        nursery.cancel_scope.cancel()


async def test_a_renewed_list_ends_the_connections_of_who_is_in_it(setting: Setting) -> None:
    taken = setting.authority.issue("atlas.example", file="taken")
    own = setting.authority.issue("switch.example")
    setting.authority.list_file(taken)
    renewed = setting.network(msgspec.structs.replace(own, crl=setting.authority.list_path, crl_fingerprint="new"))
    client = context(setting.authority)
    client.load_cert_chain(taken.certificate, taken.key)
    async with trio.open_nursery() as nursery:
        await nursery.start(switch_at, setting.path, [], True)
        there = await trio.to_thread.run_sync(Client, client, setting.edge.addresses["acquirers"])
        with there.tls:
            there.tls.sendall(b"hello")
            assert await trio.to_thread.run_sync(there.tls.recv, 10) == b"hello"
            setting.edge.follow(renewed)
            with suppress(OSError):
                assert await trio.to_thread.run_sync(there.tls.recv, 10) == b""
        assert setting.said("was taken back by")
        with suppress(ssl.SSLError, OSError):
            assert (await setting.once(client))[0] == b""
        await until(lambda: [event.event for event in setting.logs] == ["link.closed", "link.unsecured"])
        nursery.cancel_scope.cancel()


async def test_whom_it_cannot_secure_or_bring_anywhere_is_turned_away_and_said(setting: Setting) -> None:
    with suppress(ssl.SSLError, OSError):
        assert (await setting.once(context(setting.authority)))[0] == b""
    await until(lambda: setting.said("shows no certificate"))
    assert (await setting.once(context(setting.authority, "atlas.example")))[0] == b"", "there is no switch"
    await until(lambda: setting.said("the switch is not at"))
    far = await trio.open_unix_socket(setting.host_path)
    assert await far.receive_some() == b"", "nor a host at the other end"
    await until(lambda: any(event.fields.get("link") == "atlas" for event in setting.logs))
    await far.aclose()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOBUFS])
async def test_files_that_run_out_end_no_connection(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = Setting(tmp_path)
    accept, failures = trio.SocketListener.accept, iter([OSError(number, os.strerror(number))] * 2)

    async def scarce(listener: trio.SocketListener) -> trio.SocketStream:
        for failure in failures:
            raise failure
        return await accept(listener)

    monkeypatch.setattr(trio.SocketListener, "accept", scarce)
    monkeypatch.setattr("switch.server.edge.ACCEPT_AGAIN_S", 0.01)
    async with trio.open_nursery() as nursery:
        await nursery.start(setting.edge.run)
        await until(lambda: [log.event for log in setting.logs] == ["listener.accept_failed"] * 2)
        with suppress(ssl.SSLError, OSError):
            await setting.once(context(setting.authority))
        await until(lambda: setting.said("shows no certificate"))
        nursery.cancel_scope.cancel()


async def test_an_error_nobody_foresaw_costs_its_own_connection(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers: list[bytes] = []

    def broken(*_: object) -> bytes:
        raise KeyError("4111111111111111")

    async with trio.open_nursery() as nursery:
        await nursery.start(switch_at, setting.path, headers)
        with monkeypatch.context() as patch:
            patch.setattr("switch.server.edge.header", broken)
            assert (await setting.once(context(setting.authority, "atlas.example")))[0] == b""
        (said,) = [log.fields for log in setting.logs if log.event == "switch.defect"]
        assert "KeyError in" in said["error"]
        assert "4111" not in str(said)
        assert (await setting.once(context(setting.authority, "atlas.example")))[0] == b"hello"
        nursery.cancel_scope.cancel()


async def test_a_host_behind_it_says_whose_certificate_it_has_shown(tmp_path: Path) -> None:
    setting = Setting(tmp_path)
    tls = setting.authority.issue("switch.example", file="host")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tls.certificate, tls.key)
    server.load_verify_locations(tls.ca)
    server.verify_mode = ssl.CERT_REQUIRED

    async def echo(stream: trio.SSLStream[trio.SocketStream]) -> None:
        async for data in stream:
            await stream.send_all(data)

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_ssl_over_tcp_listeners(0, server, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, echo, listeners)
        port = listeners[0].transport_listener.socket.getsockname()[1]  # type: ignore[attr-defined]
        own = setting.authority.issue("switch.example")
        edge = Edge(setting.network(own, Address("127.0.0.1", port)), setting.logs.append)
        await nursery.start(edge.run)
        switch = await trio.open_unix_socket(setting.host_path)
        begun = b""
        while (found := read_header(begun)) is None:
            begun += await switch.receive_some()
        assert found[0].certificate is not None
        assert found[0].certificate.fingerprint == tls.fingerprint
        await switch.send_all(b"0800")
        assert await switch.receive_some() == b"0800"
        await switch.aclose()
        nursery.cancel_scope.cancel()


async def test_who_stalls_has_as_long_as_the_network_file_says(setting: Setting) -> None:
    network = setting.network(setting.authority.issue("switch.example"))
    limits = msgspec.structs.replace(network.limits, handshake_ms=50)
    setting.edge.follow(msgspec.structs.replace(network, limits=limits))
    at = setting.edge.addresses["acquirers"]
    with trio.fail_after(5):
        async with await trio.open_tcp_stream(at.host, at.port) as stalls:
            with suppress(trio.BrokenResourceError):
                assert await stalls.receive_some() == b""
        await until(lambda: setting.said("its TLS handshake was not done within 50 ms"))
