"""Links with mutual TLS, over real sockets: what reaches the party, what is refused and said, and what a reload keeps."""

import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
import pytest
import trio
from trio.testing import MockClock

from switch.core.limits import Limits
from switch.core.network import Address
from switch.core.party import Close, LinkId, Send
from switch.server.driver import Dial, Driver
from switch.server.driving import driving
from switch.server.tls import TlsConnection, TlsSide, ends_of
from tests.server.authority import Authority, dialling, listening
from tests.server.driven import ANYWHERE, clock, until
from tests.server.parties import Notes, Scripted

__all__ = ["clock"]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def echo(party: Scripted, link: LinkId, data: bytes) -> None:
    party.effects.append(Send(link, data))


@asynccontextmanager
async def secured(
    authority: Authority, party: Scripted, notes: Notes, limits: Limits | None = None
) -> AsyncIterator[Driver]:
    ends = {"peers": listening(authority.issue("switch.example"))}
    listen = [("peers", ANYWHERE)]
    async with driving(party, sinks=notes.sinks(), listen=listen, ends=ends, limits=limits) as driver:
        yield driver


def where(driver: Driver) -> Address:
    return driver.addresses["peers"]


class Client:
    """Another end, not ours: a blocking TLS socket of the standard library, in a thread."""

    def __init__(
        self, context: ssl.SSLContext, at: Address, session: ssl.SSLSession | None = None, *, ragged: bool = True
    ) -> None:
        raw = socket.create_connection((at.host, at.port), timeout=5)
        self.tls = context.wrap_socket(
            raw, server_hostname="switch.example", session=session, suppress_ragged_eofs=ragged
        )

    def ask(self, data: bytes) -> bytes:
        self.tls.sendall(data)
        found = b""
        while len(found) < len(data) and (part := self.tls.recv(65_536)):
            found += part
        return found


def context(authority: Authority, name: str = "", version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(authority.file))
    if name:
        tls = authority.issue(name)
        made.load_cert_chain(tls.certificate, tls.key)
    if version is not None:
        made.minimum_version = made.maximum_version = version
    return made


async def talk(client: ssl.SSLContext, at: Address, data: bytes, session: ssl.SSLSession | None = None) -> bytes:
    def run() -> bytes:
        asking = Client(client, at, session)
        with asking.tls:
            return asking.ask(data)

    return await trio.to_thread.run_sync(run)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
async def test_a_party_hears_plain_bytes_and_whose_certificate_it_is(
    authority: Authority, version: ssl.TLSVersion
) -> None:
    party, notes = Scripted(echo), Notes()
    async with secured(authority, party, notes) as driver:
        client = context(authority, "atlas.example", version)
        data = bytes(range(256)) * 400
        assert await talk(client, where(driver), data) == data, "a hundred kilobytes, there and back, in many records"
        await until(lambda: party.did("disconnected"))
    certificate = party.certificates["peers#1"]
    assert certificate is not None
    assert certificate.names == ("atlas.example",)
    assert certificate.issuer_fingerprint, "the authority is at hand, so that a pin can ask for it"
    (event,) = notes.named("link.secured")
    assert (event.fields["version"], event.fields["resumed"]) == (version.name.replace("_", "."), False)


async def test_both_sides_can_be_ours(authority: Authority) -> None:
    party, notes, caller = Scripted(echo), Notes(), Scripted()
    async with secured(authority, party, notes) as driver:
        dial = Dial("host", where(driver))
        ends = {"host": dialling(authority.issue("atlas.example"))}
        async with driving(caller, sinks=Notes().sinks(), dial=[dial], ends=ends) as calling:
            await until(lambda: caller.did("connected"))
            caller.effects.append(Send("host#1", b"hello"))
            calling.carry_out(0)
            await until(lambda: caller.did("received"))
    assert caller.did("received") == [("received", "host#1", b"hello")]
    assert (found := caller.certificates["host#1"]) is not None
    assert found.names == ("switch.example",)


@pytest.mark.parametrize(
    ("hostile", "reason", "hint"),
    [
        ("no certificate", "the other end shows no certificate", "issued by an authority of"),
        ("another authority", "its certificate is not accepted: unable to get local issuer certificate", "in date"),
        ("expired", "its certificate is not accepted: certificate has expired", "must be in date"),
        ("1.1", "no common way: unsupported protocol", "TLS 1.2 or later"),
        ("CBC and no forward secrecy", "no common way: no shared cipher", "with ECDHE+AESGCM"),
        ("hangs up", "the other end closed the connection in the handshake", ""),
    ],
)
async def test_who_is_not_let_in_is_told_from_what_to_change(
    authority: Authority, tmp_path: Path, hostile: str, reason: str, hint: str
) -> None:
    party, notes = Scripted(echo), Notes()
    client = context(authority, "" if hostile == "no certificate" else "atlas.example")
    if hostile == "another authority":
        other = Authority(tmp_path / "other").issue("atlas.example")
        client.load_cert_chain(other.certificate, other.key)
    elif hostile == "expired":
        old = authority.issue("old.example", expires=datetime.now(UTC) - timedelta(days=1))
        client.load_cert_chain(old.certificate, old.key)
    elif hostile == "CBC and no forward secrecy":
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        client.set_ciphers("ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES256-SHA384:AES128-SHA:AES256-GCM-SHA384:@SECLEVEL=0")
    elif hostile == "1.1":
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
        client.set_ciphers("ALL:@SECLEVEL=0")
        client.load_verify_locations(str(authority.file))
    async with secured(authority, party, notes) as driver:
        if hostile == "hangs up":
            with socket.create_connection((where(driver).host, where(driver).port)) as gone:
                gone.sendall(b"\x16\x03\x01\x02\x00\x01")
        else:
            with pytest.raises((ssl.SSLError, OSError)):
                assert await talk(client, where(driver), b"hello") == b"hello"
        await until(lambda: notes.named("link.unsecured"))
        fields = notes.named("link.unsecured")[0].fields
        assert (fields["reason"], fields["link"]) == (reason, "peers#1")
        assert hint in fields["hint"]
        assert not party.did("connected"), "nobody was heard of"
        assert await talk(context(authority, "rif.example"), where(driver), b"hello") == b"hello", "others are served"


async def test_plain_bytes_on_a_port_with_tls_are_said_so_by_name(authority: Authority) -> None:
    party, notes = Scripted(echo), Notes()
    async with secured(authority, party, notes) as driver:
        with socket.create_connection((where(driver).host, where(driver).port)) as plain:
            plain.sendall(b"\x00\x2e08008220000000000000040000000000000011271955000000000001")
            await until(lambda: notes.named("link.diagnosis"))
    fields = notes.named("link.diagnosis")[0].fields
    assert (fields["cause"], fields["hint"]) == ("tls", "The other end sends plain bytes; peers has TLS.")
    assert "leave tls out of the network file" in fields["change"]


async def test_a_host_that_does_not_take_our_certificate_is_dialled_again_and_says_which_it_was(
    authority: Authority, tmp_path: Path
) -> None:
    party, notes, caller, said = Scripted(echo), Notes(), Scripted(), Notes()
    strange = Authority(tmp_path / "other").issue("atlas.example")
    async with secured(authority, party, notes) as driver:
        end = dialling(strange)
        end.context.load_verify_locations(str(authority.file))
        dial = Dial("host", where(driver), backoff_min_ms=10)
        async with driving(caller, sinks=said.sinks(), dial=[dial], ends={"host": end}):
            await until(lambda: len(said.named("link.closed")) > 1)
    fields = said.named("link.closed")[0].fields
    assert "the other end refuses: unknown ca" in fields["reason"]
    assert strange.fingerprint in fields["reason"]


async def test_a_handshake_that_stalls_is_closed_and_delays_nobody(authority: Authority, clock: MockClock) -> None:
    party, notes = Scripted(echo), Notes()
    async with secured(authority, party, notes, Limits(handshake_ms=2_000)) as driver:
        with socket.create_connection((where(driver).host, where(driver).port)) as stalled:
            stalled.sendall(b"\x16")
            await until(lambda: driver.open_connections == 1)
            began = trio.current_time()
            await until(lambda: notes.named("link.unsecured"))
            assert 2 <= trio.current_time() - began < 4
            assert "not done within 2000 ms" in notes.named("link.unsecured")[0].fields["reason"]
            assert stalled.recv(1) == b""


async def test_handshakes_under_way_give_way_to_whoever_comes(authority: Authority) -> None:
    party, notes = Scripted(echo), Notes()
    async with secured(authority, party, notes, Limits(handshakes=3, connections=4)) as driver:
        at = where(driver)
        stalled = [socket.create_connection((at.host, at.port)) for _ in range(5)]
        await until(lambda: len(notes.named("limit.reached")) == 2)
        assert driver.open_connections == 3
        client = context(authority, "atlas.example")
        for _ in range(3):
            assert await talk(client, at, b"hello") == b"hello"
        assert {event.fields["limit"] for event in notes.named("limit.reached")} <= {"handshakes", "connections"}
        for sock in stalled:
            sock.close()


async def test_a_session_is_resumed_after_a_reload_and_a_renewed_certificate_is_shown(authority: Authority) -> None:
    party, notes = Scripted(echo), Notes()
    async with secured(authority, party, notes) as driver:
        client = context(authority, "atlas.example", ssl.TLSVersion.TLSv1_3)

        def once(session: ssl.SSLSession | None) -> tuple[bool, ssl.SSLSession | None, bytes | None]:
            asking = Client(client, where(driver), session)
            with asking.tls:
                assert asking.ask(b"hello") == b"hello"
                return bool(asking.tls.session_reused), asking.tls.session, asking.tls.getpeercert(binary_form=True)

        resumed, session, shown = await trio.to_thread.run_sync(partial(once, None))
        assert not resumed
        renewed = authority.issue("switch.example")
        sides = {"peers": TlsSide(tls=renewed, server=True)}
        driver.listeners.ends = ends_of(sides, driver.listeners.ends)
        resumed, _, _ = await trio.to_thread.run_sync(partial(once, session))
        assert resumed, "its ticket opens under the same context"
        resumed, _, now_shown = await trio.to_thread.run_sync(partial(once, None))
        assert not resumed
        assert now_shown != shown
    assert all(certificate is not None for certificate in party.certificates.values()), (
        "a resumed session knows whose it is"
    )


async def test_who_was_taken_back_is_let_in_no_more_resumed_or_not_and_put_out_by_a_newer_list(
    authority: Authority,
) -> None:
    party, notes = Scripted(echo), Notes()
    own, taken = authority.issue("switch.example"), authority.issue("rif.example")

    def listed(fingerprint: str) -> dict[str, TlsSide]:
        tls = msgspec.structs.replace(own, crl=authority.list_path, crl_fingerprint=fingerprint)
        return {"peers": TlsSide(tls=tls, server=True)}

    authority.list_file()
    ends = ends_of(listed("first"), {})
    async with driving(party, sinks=notes.sinks(), listen=[("peers", ANYWHERE)], ends=ends) as driver:
        client = ssl.create_default_context(cafile=str(authority.file))
        client.load_cert_chain(taken.certificate, taken.key)
        there = await trio.to_thread.run_sync(Client, client, where(driver))
        with there.tls:
            assert await trio.to_thread.run_sync(there.ask, b"hello") == b"hello"
            authority.list_file(taken)
            driver.listeners.ends = ends_of(listed("first"), ends)
            assert not driver.end_sealed(TlsConnection.taken_back, 0), "the list is as it was"
            driver.listeners.ends = ends_of(listed("second"), ends)
            assert driver.end_sealed(TlsConnection.taken_back, 0)
            assert await trio.to_thread.run_sync(there.tls.recv, 1) == b""
            session = there.tls.session
        for resumed in (None, session):
            with pytest.raises((OSError, AssertionError)):
                assert await talk(client, where(driver), b"hello", resumed) == b"hello"
        await until(lambda: len(notes.named("link.unsecured")) == 2)
        assert await talk(context(authority, "atlas.example"), where(driver), b"hello") == b"hello"
    (ended, *_), refused = notes.named("link.closed"), notes.named("link.unsecured")
    for event in (ended, *refused):
        assert "its certificate CN=rif.example" in event.fields["reason"]
        assert "was taken back by" in event.fields["reason"]
    assert len(party.did("connected")) == 2


async def test_a_newer_list_is_asked_of_a_connection_too_that_broke_and_has_something_to_say_yet(
    authority: Authority,
) -> None:
    own = authority.issue("switch.example")
    authority.list_file()
    tls = msgspec.structs.replace(own, crl=authority.list_path, crl_fingerprint="first")
    ends = ends_of({"here": TlsSide(tls=tls, server=True)}, {})
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    here, secured = TlsConnection(ours, LinkId("here#1"), ends["here"]), []

    def shake() -> None:
        client = context(authority, "atlas.example")
        secured.append(client.wrap_socket(theirs, server_hostname="switch.example"))

    with ours:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, shake)
            await until(here.secure)
        with secured[0] as there:
            whose = here.certificate()
            os.write(there.fileno(), b"no record of TLS")
            assert here.receive() == b""
            assert here.closing, "broken, and not yet gone"
            assert here.certificate() == whose
            assert here.taken_back() == ""


async def test_a_link_that_ends_says_so_in_tls(authority: Authority) -> None:
    party, notes = Scripted(), Notes()
    party.on_received = lambda p, link, data: p.effects.extend([Send(link, data), Close(link, "said all")])
    async with secured(authority, party, notes) as driver:
        client = context(authority, "atlas.example")

        def read_to_the_end() -> bytes:
            asking = Client(client, where(driver), ragged=False)
            with asking.tls:
                asking.tls.sendall(b"bye")
                return asking.tls.recv(10) + asking.tls.recv(10)

        assert await trio.to_thread.run_sync(read_to_the_end) == b"bye", "no SSLEOFError: it was no cut"
