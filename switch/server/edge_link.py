"""The switch's side of a TLS edge: connections over a Unix socket, each with a PROXY protocol header that says whose it is.

An edge (`cmi-switch edge`, or HAProxy with `send-proxy-v2-ssl-cn`) has the TLS. What it says of the other end is believed, and
so is taken only from a Unix socket that the network file marks so, whose mode lets in nobody but the switch's own user and root.
The header is that of the PROXY protocol, version 2 (haproxy.org, doc/proxy-protocol.txt): signature, command, addresses, and
type-length-value vectors, of which 0x20 tells of TLS; 0xE0, one of those left to whoever uses them, has a whole `Certificate`.
"""

import socket
from ipaddress import ip_address
from struct import Struct
from typing import Any, Final

import msgspec

from switch.core.party import Certificate, LinkId
from switch.server.secured import SecuredConnection, UnsecuredError

SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
HEAD: Final = Struct(">12sBBH")
TLV: Final = Struct(">BH")
LOCAL: Final = 0x20
PROXIED: Final = 0x21
TCP4: Final = 0x11
TCP6: Final = 0x21
_ADDRESSES: Final = {TCP4: (4, 12), TCP6: (16, 36)}
"""length of one address, and of both with their ports"""
SSL: Final = 0x20
SSL_VERSION: Final = 0x21
SSL_CN: Final = 0x22
SSL_CIPHER: Final = 0x23
WHOLE: Final = 0xE0
SHOWN: Final = 0x01 | 0x02 | 0x04
"""of the client byte: TLS, and a certificate on this connection or in its session"""
HEADER_BYTES_MAX: Final = 32_768
"""A certificate of hundreds of names fits, and a whole one, as HAProxy can send it, beside its name."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a header says."""

    peer: str
    """`192.0.2.7:51324`; "" where it names none"""
    certificate: Certificate | None
    version: str = ""
    cipher: str = ""


def header(source: tuple[str, int], destination: tuple[str, int], told: Told) -> bytes:
    """The header of a connection from `source`, secured as `told` says. Addresses of one family."""
    first, second = ip_address(source[0]), ip_address(destination[0])
    family = TCP4 if first.version == 4 and second.version == 4 else TCP6
    packed = [a.packed if family == TCP4 else _as_v6(a.packed) for a in (first, second)]
    ports = source[1].to_bytes(2, "big") + destination[1].to_bytes(2, "big")
    assert told.certificate is not None, "an edge passes nobody on without a certificate"
    common = told.certificate.names[0] if told.certificate.names else ""
    inner = bytes([SHOWN]) + bytes(4)
    inner += _vector(SSL_VERSION, told.version.encode()) + _vector(SSL_CN, common.encode())
    inner += _vector(SSL_CIPHER, told.cipher.encode())
    body = b"".join(packed) + ports + _vector(SSL, inner) + _vector(WHOLE, msgspec.json.encode(told.certificate))
    return HEAD.pack(SIGNATURE, PROXIED, family, len(body)) + body


def _as_v6(packed: bytes) -> bytes:
    return packed if len(packed) == 16 else bytes(10) + b"\xff\xff" + packed


def _vector(kind: int, value: bytes) -> bytes:
    return TLV.pack(kind, len(value)) + value


def read_header(data: bytes) -> tuple[Told, int] | None:
    """What the header at the beginning of `data` says, and how long it is; None: more must come. Raises UnsecuredError."""
    if not SIGNATURE.startswith(data[: len(SIGNATURE)]):
        raise UnsecuredError(
            "no PROXY protocol header (version 2) came first",
            "this socket is for a TLS edge: `cmi-switch edge`, or HAProxy with send-proxy-v2-ssl-cn",
        )
    if len(data) < HEAD.size:
        return None
    _, command, family, length = HEAD.unpack_from(data)
    if command not in (LOCAL, PROXIED) or length > HEADER_BYTES_MAX:
        raise UnsecuredError(
            f"a PROXY protocol header with command 0x{command:02x} and {length} bytes", "version 2 is read"
        )
    if len(data) < HEAD.size + length:
        return None
    body = data[HEAD.size : HEAD.size + length]
    if command == LOCAL:
        raise UnsecuredError("the edge connects for itself: a health check")
    one, both = _ADDRESSES.get(family, (0, 0))
    if len(body) < both:
        raise UnsecuredError("a PROXY protocol header that ends in its addresses", "version 2 is read")
    peer = f"{ip_address(body[:one])}:{int.from_bytes(body[2 * one : 2 * one + 2], 'big')}" if one else ""
    return _told(peer, _vectors(body[both:])), HEAD.size + length


def _vectors(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at + TLV.size <= len(data):
        kind, length = TLV.unpack_from(data, at)
        at += TLV.size
        if at + length > len(data):
            raise UnsecuredError(f"a PROXY protocol header whose vector 0x{kind:02x} is cut off", "version 2 is read")
        found[kind] = data[at : at + length]
        at += length
    return found


def _told(peer: str, vectors: dict[int, bytes]) -> Told:
    inner = vectors.get(SSL, b"")
    client, verified = (inner[0], not any(inner[1:5])) if len(inner) >= 5 else (0, False)
    parts = _vectors(inner[5:])
    texts = {kind: value.decode("ascii", "replace") for kind, value in parts.items()}
    certificate = None
    if client & 0x01 and client & 0x06 and verified:
        certificate = _whole(vectors.get(WHOLE)) or _named(texts.get(SSL_CN, ""))
    return Told(
        peer=peer, certificate=certificate, version=texts.get(SSL_VERSION, ""), cipher=texts.get(SSL_CIPHER, "")
    )


def _whole(value: bytes | None) -> Certificate | None:
    if value is None:
        return None
    try:
        return msgspec.json.decode(value, type=Certificate)
    except msgspec.MsgspecError as error:
        raise UnsecuredError(f"the edge tells of a certificate that cannot be read: {error}") from None


def _named(common: str) -> Certificate | None:
    return Certificate(subject=f"CN={common}", names=(common.lower(),)) if common else None


class EdgeEnd:
    """The switch's end of a link whose TLS an edge has."""

    speaks_first = False

    def secured(self, sock: socket.socket, link: LinkId) -> "EdgeConnection":
        """See `secured.End`."""
        return EdgeConnection(sock, link)


class EdgeConnection(SecuredConnection):
    """Plain bytes behind a header."""

    __slots__ = ("_begun", "_told")

    def __init__(self, sock: socket.socket, link: LinkId) -> None:
        super().__init__(sock, link)
        self._begun = b""
        self._told: Told | None = None

    def begin(self) -> bool:
        """See SecuredConnection: the edge speaks first."""
        return False

    def secure(self) -> bool:
        """See SecuredConnection."""
        data = self.receive()
        if data == b"":
            raise UnsecuredError(
                "the edge closed the connection before it said whose it is",
                "its own log says why; where the edge was to connect to a host, that cannot be reached or secured",
            )
        self._begun += data or b""
        self.heard = True
        found = read_header(self._begun)
        if found is None:
            return False
        self._told, length = found
        self._begun = self._begun[length:]
        self.peer = self._told.peer
        return True

    def certificate(self) -> Certificate:
        """See SecuredConnection."""
        assert self._told is not None
        if self._told.certificate is None:
            raise UnsecuredError(
                "the edge tells of no certificate that it has verified",
                "let it ask for one: HAProxy with `verify required`, and send-proxy-v2-ssl-cn",
            )
        return self._told.certificate

    def log_fields(self) -> dict[str, Any]:
        """See SecuredConnection."""
        assert self._told is not None
        return {"version": self._told.version, "cipher": self._told.cipher, "by": "edge"}

    def unsealed(self) -> bytes | None:
        """See SecuredConnection."""
        data, self._begun = self._begun, b""
        return data or None
