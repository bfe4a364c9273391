"""What comes from a TLS edge: headers read in pieces and to the byte, and nothing believed that is not there."""

import os
import socket
from pathlib import Path

import msgspec
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from switch.core.network import Address
from switch.core.party import Certificate
from switch.server.driving import driving
from switch.server.edge_link import EdgeEnd, Told, header, read_header
from switch.server.secured import UnsecuredError
from tests.server.driven import until
from tests.server.parties import Notes, Scripted
from tests.server.test_tls import echo

ATLAS = Certificate(subject="CN=atlas.example", names=("atlas.example",), fingerprint="12" * 32, expires_us=1)
SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
ADDRESSES = socket.inet_aton("192.0.2.7") + socket.inet_aton("10.0.0.1") + bytes.fromhex("c874 2187")


def vector(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + len(value).to_bytes(2, "big") + value


def haproxy(client: int = 0x07, verify: int = 0, cn: bytes = b"Atlas.example", command: int = 0x21) -> bytes:
    """A header as HAProxy writes it with `send-proxy-v2-ssl-cn`: its documentation, section 2.2."""
    inner = bytes([client]) + verify.to_bytes(4, "big") + vector(0x21, b"TLSv1.3") + (vector(0x22, cn) if cn else b"")
    body = ADDRESSES + vector(0x20, inner)
    return SIGNATURE + bytes([command, 0x11]) + len(body).to_bytes(2, "big") + body


def test_an_edge_of_ours_passes_on_the_whole_certificate() -> None:
    made = header(
        ("192.0.2.7", 51324), ("10.0.0.1", 8583), Told(peer="", certificate=ATLAS, version="TLSv1.3", cipher="X")
    )
    assert read_header(made + b"more") == (
        Told(peer="192.0.2.7:51324", certificate=ATLAS, version="TLSv1.3", cipher="X"),
        len(made),
    )
    found = read_header(header(("2001:db8::7", 1), ("10.0.0.1", 2), Told(peer="", certificate=ATLAS)))
    assert found is not None
    assert found[0].peer == "2001:db8::7:1"


def test_a_certificate_may_have_many_names() -> None:
    many = msgspec.structs.replace(ATLAS, names=tuple(f"host-{n}.payments.atlas.example" for n in range(200)))
    found = read_header(header(("192.0.2.7", 1), ("10.0.0.1", 2), Told(peer="", certificate=many)))
    assert found is not None
    assert found[0].certificate == many


def test_haproxy_passes_on_the_common_name() -> None:
    found = read_header(haproxy())
    assert found is not None
    assert found[0].certificate == Certificate(subject="CN=Atlas.example", names=("atlas.example",))
    assert found[0].peer == "192.0.2.7:51316"


@pytest.mark.parametrize(
    "made",
    [haproxy(client=0x00), haproxy(client=0x01), haproxy(verify=10), haproxy(cn=b"")],
    ids=["no TLS", "no certificate", "not verified", "no name"],
)
def test_who_has_shown_no_verified_certificate_is_nobody(made: bytes) -> None:
    found = read_header(made)
    assert found is not None
    assert found[0].certificate is None


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (b"\x00\x10" + b"0800", "no PROXY protocol header"),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", "no PROXY protocol header"),
        (haproxy(command=0x20), "health check"),
        (haproxy(command=0x31), "command 0x31"),
        (SIGNATURE + b"\x21\x11\xff\xff", "65535 bytes"),
        (SIGNATURE + b"\x21\x11\x00\x04" + bytes(4), "ends in its addresses"),
        (SIGNATURE + b"\x21\x11\x00\x0f" + ADDRESSES + b"\x20\x00\x09", "cut off"),
    ],
)
def test_what_is_no_header_is_refused_by_name(made: bytes, said: str) -> None:
    with pytest.raises(UnsecuredError, match=said):
        read_header(made)


@given(st.binary(max_size=80), st.integers(0, 70))
def test_no_bytes_lead_to_another_error(noise: bytes, keep: int) -> None:
    try:
        found = read_header(haproxy()[:keep] + noise)
    except UnsecuredError:
        return
    assert found is None or found[1] <= keep + len(noise)


def test_a_header_may_come_in_any_pieces() -> None:
    whole = haproxy()
    assert all(read_header(whole[:n]) is None for n in range(len(whole)))


async def test_a_party_hears_of_who_is_behind_an_edge_on_its_socket_and_nowhere_else(tmp_path: Path) -> None:
    party, notes, path = Scripted(echo), Notes(), str(tmp_path / "edge.sock")
    listen = [("peers", Address(path, 0)), ("plain", Address("127.0.0.1", 0))]
    async with driving(party, sinks=notes.sinks(), listen=listen, ends={"peers": EdgeEnd()}) as driver:
        assert os.stat(path).st_mode & 0o777 == 0o600, "for this user only"
        stream = await trio.open_unix_socket(path)
        whole = haproxy() + b"hello"
        await stream.send_all(whole[:20])
        await stream.send_all(whole[20:])
        assert await stream.receive_some() == b"hello"
        (certificate,) = party.certificates.values()
        assert certificate is not None
        assert certificate.names == ("atlas.example",)
        await stream.aclose()
        at = driver.addresses["plain"]
        plain = await trio.open_tcp_stream(at.host, at.port)
        await plain.send_all(haproxy())
        await until(lambda: ("received", "plain#1", haproxy()) in party.calls)
        assert party.certificates["plain#1"] is None, "the same header proves nothing there"
        await plain.aclose()
        unmarked = await trio.open_unix_socket(path)
        await unmarked.send_all(haproxy(client=1))
        await until(lambda: notes.named("link.unsecured"))
        assert "no certificate that it has verified" in notes.named("link.unsecured")[0].fields["reason"]
        await unmarked.aclose()
