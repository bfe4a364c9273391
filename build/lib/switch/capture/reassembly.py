"""TCP streams from packets: what each side said, in order, whatever the network did to the packets.

Segments may come again, out of order, overlapping, or not at all. What never came is a hole: it is said where it stands, with its
size, never papered over. Where two segments disagree about a byte, the one that begins earlier in the stream counts; of two that
begin together, the one that came first.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from switch.capture.layers import ACK, FIN, RST, SYN, Endpoint, Segment, segment_of
from switch.capture.pcapng import Interface, Packet

WINDOW_BYTES: Final = 1 << 30
"""A segment further ahead or behind than TCP's largest window belongs to an earlier connection of the same ports."""


class Chunk(NamedTuple):
    """Bytes one side said, in stream order; or a hole, where `missing` bytes of them never came."""

    at_ns: int
    """when the packet came that made them readable"""
    from_client: bool
    data: bytes
    missing: int = 0
    comment: str = ""


class Conversation(msgspec.Struct):
    """One TCP connection. The client is who sent the SYN; where none was captured, who spoke from the higher port."""

    client: Endpoint
    server: Endpoint
    interface: Interface
    chunks: list[Chunk] = []
    began_whole: bool = False
    """the handshake was captured: nothing came before the first chunk"""

    @property
    def name(self) -> str:
        """`127.0.0.1:51324 > 127.0.0.1:8583`: client, then server."""
        return f"{self.client[0]}:{self.client[1]} > {self.server[0]}:{self.server[1]}"


class _Piece(NamedTuple):
    """A segment's payload; pieces sort by where in the stream they stand, then by when they came."""

    at: int
    """position in the stream; its first byte is 0, where the handshake was captured"""
    order: int
    """number of its packet in the file"""
    at_ns: int
    data: bytes
    comment: str


class _Stream:
    """One direction. Sequence numbers are 32 bits and wrap; positions do not."""

    def __init__(self) -> None:
        self.opened = False
        """its SYN was captured"""
        self._base: int | None = None
        """the sequence number of position 0"""
        self._near = 0
        self._pieces: list[_Piece] = []

    def open(self, sequence: int) -> None:
        """A SYN: the first byte has the number after it."""
        self._base, self.opened = (sequence + 1) & 0xFFFFFFFF, True

    def add(self, sequence: int, packet: Packet, order: int, payload: bytes) -> None:
        """One segment with payload."""
        if self._base is None:
            self._base = sequence
        ahead = (sequence - self._base - self._near) & 0xFFFFFFFF
        at = self._near + (ahead if ahead < 1 << 31 else ahead - (1 << 32))
        if abs(at - self._near) < WINDOW_BYTES and (at >= 0 or not self.opened):
            self._near = at
            self._pieces.append(_Piece(at, order, packet.at_ns, payload, packet.comment))

    def chunks(self, from_client: bool) -> Iterator[tuple[int, Chunk]]:
        """Its bytes, each once and in order, and its holes; before each the number of the packet that made it readable."""
        pieces = sorted(self._pieces, key=lambda piece: piece[:2])
        following = 0 if self.opened or not pieces else pieces[0].at
        order = at_ns = 0
        for piece in pieces:
            order, at_ns = max(order, piece.order), max(at_ns, piece.at_ns)
            if piece.at > following:
                yield order, Chunk(at_ns, from_client, b"", piece.at - following)
                following = piece.at
            data = piece.data[following - piece.at :]
            if data:
                yield order, Chunk(at_ns, from_client, data, 0, piece.comment)
                following += len(data)


class _Connection:
    """A conversation in the making."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.streams = {True: _Stream(), False: _Stream()}
        self.used = False
        """something was said on it, or it has ended: a SYN begins another"""

    def add(self, segment: Segment, packet: Packet, order: int) -> None:
        """One segment of it."""
        stream = self.streams[segment.source == self.conversation.client]
        if segment.flags & SYN:
            stream.open(segment.sequence)
        elif segment.payload:
            stream.add(segment.sequence, packet, order, segment.payload)
        self.used = self.used or bool(segment.payload or segment.flags & (FIN | RST))

    def made(self) -> Conversation:
        """The conversation, whole."""
        both = [pair for from_client, stream in self.streams.items() for pair in stream.chunks(from_client)]
        both.sort(key=lambda pair: pair[0])
        self.conversation.chunks = [chunk for _, chunk in both]
        self.conversation.began_whole = all(stream.opened for stream in self.streams.values())
        return self.conversation


def conversations(packets: Iterable[Packet], port: int = 0) -> list[Conversation]:
    """The TCP connections in `packets`, in the order they began; with `port`, those of which one end has it.

    A chunk stands among the other side's where everything before it had come. All of the file's payload is held in memory.
    """
    current: dict[frozenset[Endpoint], _Connection] = {}
    found: list[_Connection] = []
    for order, packet in enumerate(packets):
        segment = segment_of(packet.interface.linktype, packet.data)
        if segment is None or (port and port not in (segment.source[1], segment.target[1])):
            continue
        key = frozenset((segment.source, segment.target))
        connection = current.get(key)
        if connection is not None and segment.flags & (SYN | ACK) == SYN and connection.used:
            connection = None  # the same ports again
        if connection is None:
            if not (segment.payload or segment.flags & SYN):
                continue
            connection = current[key] = _Connection(_conversation(segment, packet))
            found.append(connection)
        connection.add(segment, packet, order)
    made = [connection.made() for connection in found]
    return [conversation for conversation in made if conversation.chunks]


def _conversation(segment: Segment, packet: Packet) -> Conversation:
    source, target = segment.source, segment.target
    if segment.flags & SYN:
        client, server = (target, source) if segment.flags & ACK else (source, target)
    else:
        client, server = (source, target) if source[1] >= target[1] else (target, source)
    return Conversation(client, server, packet.interface)
