"""Ethernet, IPv4 and TCP around bytes that have none, and off packets that have them.

Writing makes what a well-behaved pair of hosts would have put on a wire: handshake, sequence numbers that count, checksums
that hold, a FIN from each side. Reading takes what capture programs write: Ethernet (VLAN tags too), Linux cooked, BSD loopback
and raw IP; IPv4 and IPv6; TCP. Anything else is no segment. Sources: IEEE 802.3, RFC 791, RFC 8200, RFC 9293.
"""

import ipaddress
import struct
from typing import Final, NamedTuple, TypeAlias

Endpoint: TypeAlias = tuple[str, int]
"""Host as text, port."""

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

ETHERNET, RAW_IP, LOOPBACK, COOKED, COOKED2, LOOPBACK_BE = 1, 101, 0, 113, 276, 108
"""Link types as capture files number them."""

SEGMENT_BYTES: Final = 16_384
"""of payload in one packet: well under what an IPv4 packet can say, and every reader's snap length"""

_IPV4, _IPV6, _TCP = 0x0800, 0x86DD, 6
_VLAN: Final = frozenset({0x8100, 0x88A8, 0x9100})
_EXTENSIONS: Final = frozenset({0, 43, 60})
"""IPv6 headers that may stand before TCP: hop-by-hop, routing, destination options."""
_STAND_IN: Final = ipaddress.ip_network("192.0.2.0/24")
"""For hosts IPv4 cannot name (IPv6, none): the documentation range of RFC 5737."""


class Segment(NamedTuple):
    """One TCP segment off a packet."""

    source: Endpoint
    target: Endpoint
    sequence: int
    flags: int
    payload: bytes


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) of `data`; of a whole that contains its own checksum it is 0."""
    if len(data) & 1:
        data += b"\0"
    number = int.from_bytes(data, "big")
    return (
        ~(number % 0xFFFF or (0xFFFF if number else 0)) & 0xFFFF
    )  # the sum of 16-bit words, carries added, is their remainder


def _packed(host: str) -> bytes:
    """Four bytes of an IPv4 host; a stand-in for what is none."""
    try:
        return ipaddress.IPv4Address(host).packed
    except ValueError:
        index = sum(host.encode()) % (_STAND_IN.num_addresses - 2) + 1
        return _STAND_IN[index].packed


class _Side:
    """One end of a synthetic connection: its addresses, and what it has sent."""

    def __init__(self, endpoint: Endpoint, initial: int) -> None:
        self.ip = _packed(endpoint[0])
        self.port = endpoint[1]
        self.mac = b"\x02\0" + self.ip  # locally administered
        self.next = initial


class Connection:
    """A TCP connection as synthetic packets. The side that dials is the client."""

    def __init__(self, client: Endpoint, server: Endpoint, initial: int = 1_000) -> None:
        self._sides = (_Side(client, initial), _Side(server, initial * 2))
        self._identification = 0

    def handshake(self) -> list[bytes]:
        """SYN, SYN+ACK, ACK."""
        packets = [self._packet(0, SYN, ack=False), self._packet(1, SYN | ACK)]
        return [*packets, self._packet(0, ACK)]

    def data(self, payload: bytes, *, from_client: bool) -> list[bytes]:
        """The packets that carry `payload`: one, unless it is longer than `SEGMENT_BYTES`."""
        side = 0 if from_client else 1
        return [
            self._packet(side, PSH | ACK, payload[at : at + SEGMENT_BYTES])
            for at in range(0, len(payload), SEGMENT_BYTES)
        ]

    def finish(self, *, from_client: bool) -> list[bytes]:
        """FIN from one side, FIN from the other, and the last ACK."""
        side = 0 if from_client else 1
        packets = [self._packet(side, FIN | ACK), self._packet(1 - side, FIN | ACK)]
        return [*packets, self._packet(side, ACK)]

    def _packet(self, side: int, flags: int, payload: bytes = b"", *, ack: bool = True) -> bytes:
        source, target = self._sides[side], self._sides[1 - side]
        self._identification = (self._identification + 1) & 0xFFFF
        acknowledged = target.next & 0xFFFFFFFF if ack else 0
        tcp = struct.pack(
            ">HHIIBBHHH", source.port, target.port, source.next & 0xFFFFFFFF, acknowledged, 0x50, flags, 65_535, 0, 0
        )
        pseudo = source.ip + target.ip + struct.pack(">BBH", 0, _TCP, len(tcp) + len(payload))
        tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp + payload)) + tcp[18:]
        ip = struct.pack(
            ">BBHHHBBH", 0x45, 0, 40 + len(payload), self._identification, 0x4000, 64, _TCP, 0
        ) + source.ip + target.ip  # fmt: skip
        ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
        source.next += len(payload) + bool(flags & SYN) + bool(flags & FIN)
        return target.mac + source.mac + struct.pack(">H", _IPV4) + ip + tcp + payload


def segment_of(linktype: int, packet: bytes) -> Segment | None:
    """The TCP segment in a packet; None where there is none, or the packet was cut short before it."""
    try:
        found = _network_layer(linktype, packet)
        return _transport(*found) if found is not None else None
    except (struct.error, IndexError, ValueError):
        return None


def _network_layer(linktype: int, packet: bytes) -> tuple[int, bytes] | None:
    """EtherType and what follows the link layer."""
    if linktype == ETHERNET:
        at, kind = 14, int.from_bytes(packet[12:14], "big")
    elif linktype == COOKED:
        at, kind = 16, int.from_bytes(packet[14:16], "big")
    elif linktype == COOKED2:
        at, kind = 20, int.from_bytes(packet[:2], "big")
    elif linktype in (LOOPBACK, LOOPBACK_BE):
        at, kind = 4, _IPV4 if packet[4] >> 4 == 4 else _IPV6
    elif linktype in (RAW_IP, 12, 14, 228, 229):
        at, kind = 0, _IPV4 if packet[0] >> 4 == 4 else _IPV6
    else:
        return None
    while kind in _VLAN:
        kind = int.from_bytes(packet[at + 2 : at + 4], "big")
        at += 4
    return kind, packet[at:]


def _transport(kind: int, packet: bytes) -> Segment | None:
    if kind == _IPV4:
        head, total = (packet[0] & 15) * 4, int.from_bytes(packet[2:4], "big")
        fragment = int.from_bytes(packet[6:8], "big") & 0x3FFF
        if packet[9] != _TCP or fragment or head < 20:
            return None
        source, target = (str(ipaddress.IPv4Address(packet[at : at + 4])) for at in (12, 16))
        body = packet[head : total or None]
    elif kind == _IPV6:
        length, following, at = int.from_bytes(packet[4:6], "big"), packet[6], 40
        source, target = (str(ipaddress.IPv6Address(packet[i : i + 16])) for i in (8, 24))
        while following in _EXTENSIONS:
            following, at = packet[at], at + 8 + packet[at + 1] * 8
        if following != _TCP:
            return None
        body = packet[at : 40 + length if length else None]
    else:
        return None
    source_port, target_port, sequence, _, offset, flags = struct.unpack_from(">HHIIBB", body)
    start = (offset >> 4) * 4
    if start < 20 or start > len(body):
        return None
    return Segment((source, source_port), (target, target_port), sequence, flags, body[start:])
