"""Links whose TLS programs of others have: HAProxy as an edge, stunnel at either end, OpenSSL's client that renegotiates. What
reaches the party, and what the log says of what does not."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio

from switch import children
from switch.core.credentials import Tls
from switch.core.network import Address
from switch.core.party import Send
from switch.loopback import free_ports
from switch.server.driver import Dial
from switch.server.driving import driving
from switch.server.edge_link import EdgeEnd
from tests.server.authority import Authority, dialling
from tests.server.driven import ANYWHERE, until
from tests.server.parties import Notes, Scripted
from tests.server.test_tls import authority, context, echo, secured, talk, where

__all__ = ["authority"]

YESTERDAY = datetime.now(UTC) - timedelta(days=1)
UNVERIFIED = "verify optional crt-ignore-err all ca-ignore-err all"
"""HAProxy then leads in who shows an expired certificate, its name and all, and says in the header that it is not verified"""


@contextmanager
def running(*command: str) -> Iterator[None]:
    """A program of others, ended with the test."""
    process = children.start(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


async def until_listening(port: int) -> None:
    """Wait until something listens there."""
    with trio.fail_after(10):
        while True:
            try:
                await (await trio.open_tcp_stream("127.0.0.1", port)).aclose()
            except OSError:
                await trio.sleep(0.02)
            else:
                return


def in_one_file(tls: Tls) -> Path:
    """Certificate and key together, as HAProxy reads them."""
    path = Path(tls.certificate).with_suffix(".both")
    path.write_bytes(Path(tls.certificate).read_bytes() + Path(tls.key).read_bytes())
    return path


@contextmanager
def haproxy(tls: Tls, socket: Path, *, bind: str, server: str) -> Iterator[Address]:
    """HAProxy as an edge: it shows this certificate, and leads to a switch at that socket. Gives where it listens, soon."""
    (port,), file = free_ports(1), socket.with_suffix(".haproxy")
    file.write_text(
        "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
        f"listen acquirers\n  bind 127.0.0.1:{port} ssl crt {in_one_file(tls)} ca-file {tls.ca} {bind}\n"
        f"  server switch unix@{socket} {server}\n"
    )
    with running("haproxy", "-db", "-f", str(file)):
        yield Address("127.0.0.1", port)


@asynccontextmanager
async def behind_haproxy(
    authority: Authority, directory: Path, party: Scripted, notes: Notes, *, bind: str, server: str
) -> AsyncIterator[Address]:
    """A switch at the socket of an edge, and HAProxy as that edge. Gives where HAProxy listens."""
    path = directory / "edge.sock"
    listen = [("peers", Address(str(path), 0))]
    async with driving(party, sinks=notes.sinks(), listen=listen, ends={"peers": EdgeEnd()}):
        with haproxy(authority.issue("switch.example"), path, bind=bind, server=server) as at:
            await until_listening(at.port)
            yield at


@asynccontextmanager
async def stunnel(directory: Path, to: Address, tls: Tls, *options: str) -> AsyncIterator[Address]:
    """stunnel, which leads to `to`. Gives where it listens."""
    (port,), file = free_ports(1), directory / "stunnel.conf"
    lines = ["foreground = yes", "pid =", "[link]", f"accept = 127.0.0.1:{port}", f"connect = {to.host}:{to.port}"]
    lines += [f"cert = {tls.certificate}", f"key = {tls.key}", f"CAfile = {tls.ca}", "verifyChain = yes", *options]
    file.write_text("\n".join(lines) + "\n")
    with running("stunnel", str(file)):
        await until_listening(port)
        yield Address("127.0.0.1", port)


@pytest.mark.outside("haproxy")
async def test_haproxy_leads_in_whom_it_has_verified_and_nobody_else(authority: Authority, tmp_path: Path) -> None:
    party, notes = Scripted(echo), Notes()
    taken = authority.issue("taken.example")
    bind = f"verify required crl-file {authority.list_file(taken)}"
    async with behind_haproxy(authority, tmp_path, party, notes, bind=bind, server="send-proxy-v2-ssl-cn") as at:
        data = bytes(range(256)) * 400
        assert await talk(context(authority, "Atlas.example"), at, data) == data
        old = authority.issue("old.example", expires=YESTERDAY)
        other = Authority(tmp_path / "other").issue("atlas.example")
        for shown in (None, old, taken, other):
            client = context(authority)
            if shown is not None:
                client.load_cert_chain(shown.certificate, shown.key)
            with pytest.raises((OSError, AssertionError)):
                assert await talk(client, at, b"hello") == b"hello"
        await until(lambda: party.did("disconnected"))
    ((link, certificate),) = party.certificates.items()
    assert certificate is not None, link
    assert certificate.names == ("atlas.example",)
    (event,) = notes.named("link.secured")
    assert (event.fields["by"], event.fields["version"]) == ("edge", "TLSv1.3")
    assert event.fields["peer"].startswith("127.0.0.1:")


@pytest.mark.outside("haproxy")
@pytest.mark.parametrize(
    ("bind", "server", "said"),
    [
        ("verify optional", "send-proxy-v2-ssl-cn", "the edge tells of no certificate that it has verified"),
        (UNVERIFIED, "send-proxy-v2-ssl-cn", "the edge tells of no certificate that it has verified"),
        ("verify required", "send-proxy-v2", "the edge tells of no certificate that it has verified"),
        ("verify required", "send-proxy", "no PROXY protocol header (version 2) came first"),
        ("verify required", "", "no PROXY protocol header (version 2) came first"),
        ("verify required", "send-proxy-v2-ssl-cn check inter 100ms", "the edge connects for itself: a health check"),
    ],
    ids=[
        "nobody asked for one",
        "one it has not verified",
        "without TLS's part",
        "version 1",
        "no header",
        "a health check",
    ],
)
async def test_how_haproxy_is_to_be_told_otherwise_is_said(
    authority: Authority, tmp_path: Path, bind: str, server: str, said: str
) -> None:
    party, notes = Scripted(echo), Notes()
    async with behind_haproxy(authority, tmp_path, party, notes, bind=bind, server=server) as at:
        client = context(authority, "" if bind == "verify optional" else "atlas.example")
        if bind == UNVERIFIED:
            old = authority.issue("atlas.example", expires=YESTERDAY)
            client.load_cert_chain(old.certificate, old.key)
        if "check" not in server:
            with pytest.raises((OSError, AssertionError)):
                assert await talk(client, at, b"0800 hello, switch") == b"0800 hello, switch"
        await until(lambda: notes.named("link.unsecured"))
    assert said in notes.named("link.unsecured")[0].fields["reason"]
    assert not party.did("connected")


@pytest.mark.outside("stunnel")
async def test_stunnel_brings_a_plain_acquirer_in_with_its_certificate(authority: Authority, tmp_path: Path) -> None:
    party, notes = Scripted(echo), Notes()
    async with (
        secured(authority, party, notes) as driver,
        stunnel(tmp_path, where(driver), authority.issue("atlas.example"), "client = yes") as at,
        await trio.open_tcp_stream(at.host, at.port) as plain,
    ):
        await plain.send_all(b"hello")
        with trio.fail_after(10):
            assert await plain.receive_some() == b"hello"
    names = {certificate.names for certificate in party.certificates.values() if certificate is not None}
    assert names == {("atlas.example",)}


@pytest.mark.outside("stunnel")
@pytest.mark.parametrize(
    ("case", "event", "said"),
    [
        ("accepted", "link.secured", "CN=atlas.example"),
        ("expired", "link.unsecured", "its certificate is not accepted: certificate has expired"),
        ("ours taken back", "link.closed", "the other end refuses: certificate revoked"),
    ],
)
async def test_stunnel_takes_us_to_a_plain_host_or_the_log_says_why_not(
    authority: Authority, tmp_path: Path, case: str, event: str, said: str
) -> None:
    host, caller, notes = Scripted(echo), Scripted(), Notes()
    ours = authority.issue("switch.example")
    theirs = authority.issue("atlas.example", expires=YESTERDAY if case == "expired" else None)
    options = [f"CRLfile = {authority.list_file(ours)}"] if case == "ours taken back" else []
    async with (
        driving(host, sinks=Notes().sinks(), listen=[("peers", ANYWHERE)]) as plain,
        stunnel(tmp_path, where(plain), theirs, *options) as at,
        driving(caller, sinks=notes.sinks(), dial=[Dial("host", at)], ends={"host": dialling(ours)}) as calling,
    ):
        await until(lambda: notes.named(event))
        assert said in str(notes.named(event)[0].fields)
        if case == "accepted":
            caller.effects.append(Send("host#1", b"hello"))
            calling.carry_out(0)
            await until(lambda: caller.did("received"))
            assert caller.did("received") == [("received", "host#1", b"hello")]
        else:
            assert not host.did("received")


@pytest.mark.outside("openssl")
async def test_who_renegotiates_is_told_no(authority: Authority) -> None:
    party, notes = Scripted(echo), Notes()
    atlas = authority.issue("atlas.example")
    async with secured(authority, party, notes) as driver:
        at = where(driver)
        command = f"openssl s_client -connect {at.host}:{at.port} -tls1_2".split()
        command += ["-cert", atlas.certificate, "-key", atlas.key, "-CAfile", atlas.ca]
        done = await trio.run_process(command, stdin=b"R\n", capture_stdout=True, capture_stderr=True, check=False)
        await until(lambda: party.did("disconnected"))
    assert b"no renegotiation" in done.stderr, done.stderr[-400:]
    assert len(notes.named("link.secured")) == 1
    assert notes.named("link.closed")[0].fields["reason"] == (
        "the other end ends the connection: handshake failure; it was secured before, so that no certificate is the cause: "
        "has the other end tried to renegotiate? That is off here"
    )
