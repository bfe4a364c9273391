"""Writes what passes on links to a capture file: one packet a message, masked, said whose it is, as if seen on a wire.

It looks on (`opened`, `received`, `sent` …, the shape a driver or a tap calls) and keeps; masking and writing happen at `flush`,
when nobody waits. A file that cannot be written any more ends the recording, said once in the log, and never a payment.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from switch.capture.layers import Connection, Endpoint
from switch.capture.masking import Mask
from switch.capture.pcapng import Writer
from switch.capture.spoken import carried
from switch.core.network import Address, Network
from switch.core.party import Hop, LinkId, Log, link_name
from switch.wire import Dialect, Document
from switch.wire.dialect import LATIN_1, names
from switch.wire.framing import FramingError, make_framing
from switch.wire.vocabulary import DE

WAITING_MAX: Final = 4_096
"""messages kept until they are written at the latest"""
TXNS_KEPT: Final = 65_536
"""transactions whose hops are counted at once"""


class Voice(msgspec.Struct, frozen=True, kw_only=True):
    """How the links of one name speak."""

    dialect: Dialect
    framing: str
    about: str
    """goes into the file: `dialect=cmi87 framing=length2`"""
    carried: str = ""
    """of a dialect that is a file of the user's own, all it says (`spoken.carried`); goes into the file"""


class _Seen(NamedTuple):
    """What happened on a link, until it is written."""

    link: "_Link"
    at_ns: int
    kind: str
    """`opened`, `closed`, `message`, `unfinished` for the beginning of one, or `bytes` that are none"""
    inward: bool = True
    data: bytes = b""
    hop: Hop | None = None
    note: str = ""


class _Direction:
    """One direction of a link: its bytes cut into messages."""

    def __init__(self, framing: str) -> None:
        self.framing = make_framing(framing)
        self.broken = ""

    def feed(self, data: bytes) -> tuple[list[bytes], bytes]:
        """Whole messages, and bytes that are none: those behind the place where the stream cannot be cut any more."""
        if self.broken:
            return [], data
        try:
            frames = self.framing.feed(data)
        except FramingError as error:
            self.broken = str(error)
            return error.frames, error.rest
        return frames, b""

    def rest(self) -> bytes:
        """The bytes of a message that has begun and not ended."""
        return self.framing.begun


class _Link:
    """A connection being recorded."""

    def __init__(
        self, name: str, voice: Voice, mask: Mask, connection: Connection, interface: int, inward_client: bool
    ) -> None:
        self.name = name
        self.mask = mask
        self.dialect = voice.dialect
        self.connection = connection
        self.interface = interface
        self.inward_client = inward_client
        """what comes in is the client's"""
        self.directions = {True: _Direction(voice.framing), False: _Direction(voice.framing)}
        self.hops: list[Hop] = []
        """of received messages that are not yet written"""


def voices_of(network: Network, dialects: Mapping[str, Dialect]) -> dict[str, Voice]:
    """How each link of a network speaks, by its name."""
    links = [(x.name, x.dialect, x.framing) for x in network.listeners]
    links += [(x.name, x.dialect, x.framing) for x in network.hosts]
    return {name: voice_of(dialect, dialects[dialect], framing) for name, dialect, framing in links}


def voice_of(name_or_path: str, dialect: Dialect, framing: str) -> Voice:
    """`name_or_path`: what `dialect` was loaded by. One of a path goes into the file whole: its reader has no such path."""
    named = name_or_path.removesuffix(f"+{LATIN_1}") in names()
    name = name_or_path if named else "_".join(dialect.name.split())
    return Voice(
        dialect=dialect,
        framing=framing,
        about=f"dialect={name} framing={framing}",
        carried="" if named else carried(dialect),
    )


class Recorder:
    """One capture file, or a row of them (`pcapng.Writer`)."""

    def __init__(
        self, writer: Writer, voices: Mapping[str, Voice], log: Callable[[Log], None], clear: tuple[str, ...] = ()
    ) -> None:
        """`clear`: prefixes of test cards whose messages are kept unmasked. ValueError: one is under 6 digits."""
        self.stopped = ""
        """why nothing is recorded any more; "" while it is"""
        self.packets = 0
        """that carry bytes, so far"""
        self._writer = writer
        self._voices = voices
        self._log = log
        self._clear = clear
        self._masks = {name: Mask(voice.dialect, clear) for name, voice in voices.items()}
        self._links: dict[LinkId, _Link] = {}
        self._waiting: list[_Seen] = []
        self._counts: dict[int, int] = {}
        log(Log("info", "capture.started", {"file": str(writer.path), "masked": True}))
        if clear:
            log(Log("warning", "capture.clear", {
                "file": str(writer.path), "cards": ", ".join(clear),
                "hint": "messages of these cards are kept with PAN, track and PIN as they came: test cards only",
            }))  # fmt: skip

    def learn(self, voices: Mapping[str, Voice]) -> None:
        """How links that open from here on speak; those that are open go on as they began."""
        self._voices = voices
        self._masks = {name: Mask(voice.dialect, self._clear) for name, voice in voices.items()}

    def opened(self, link: LinkId, own: Address, peer: Address, dialed: bool, wall_ns: int) -> None:
        """A connection. Links of a name nobody said how they speak are left out."""
        name = link_name(link)
        voice = self._voices.get(name)
        if voice is None or self.stopped:
            return
        ends: tuple[Endpoint, Endpoint] = ((own.host, own.port), (peer.host, peer.port))
        connection = Connection(*(ends if dialed else ends[::-1]))
        interface = self._writer.interface(name, voice.about, voice.carried)
        known = self._links[link] = _Link(link, voice, self._masks[name], connection, interface, not dialed)
        self._waiting.append(_Seen(known, wall_ns, "opened"))

    def received(self, link: LinkId, data: bytes, wall_ns: int) -> None:
        """Bytes from the peer."""
        if len(self._waiting) > WAITING_MAX:
            self.flush()
        self._take(link, data, wall_ns, True, None)

    def understood(self, hop: Hop) -> None:
        """What a received message was; `flush` finds it by its STAN."""
        known = self._links.get(hop.link)
        if known is not None and hop.event == "hop.received":
            known.hops.append(hop)

    def sent(self, link: LinkId, data: bytes, hop: Hop | None, wall_ns: int) -> None:
        """Bytes to the peer."""
        self._take(link, data, wall_ns, False, hop)

    def written(self) -> None:
        """Nothing to record: a message has the time at which it was handed over."""

    def closed(self, link: LinkId, wall_ns: int) -> None:
        """The connection is gone; a message it left unfinished is kept as far as it came."""
        known = self._links.pop(link, None)
        if known is None:
            return
        for inward, direction in known.directions.items():
            rest = direction.rest()
            if rest:
                self._waiting.append(_Seen(known, wall_ns, "unfinished", inward, rest, None, "the message ends here"))
        self._waiting.append(_Seen(known, wall_ns, "closed"))

    def flush(self) -> None:
        """Mask and write what waits. An OSError stops the recording, and is logged."""
        if self.stopped:
            self._waiting.clear()
            return
        waiting, self._waiting = self._waiting, []
        for seen in waiting:
            self._write(seen)
        for seen in waiting:
            seen.link.hops.clear()
        try:
            self._writer.flush()
        except OSError as error:
            self.stop(f"{self._writer.path}: {error.strerror or error}")

    def close(self, wall_ns: int) -> None:
        """End every connection still open, and the file."""
        for link in list(self._links):
            self.closed(link, wall_ns)
        self.flush()
        if not self.stopped:
            self._writer.close()

    def stop(self, reason: str) -> None:
        """Record nothing more."""
        self.stopped = reason
        self._links.clear()
        with suppress(OSError):
            self._writer.close()
        self._log(
            Log("error", "capture.stopped", {"reason": reason, "hint": "payments go on; nothing more is recorded"})
        )

    def _take(self, link: LinkId, data: bytes, wall_ns: int, inward: bool, hop: Hop | None) -> None:
        known = self._links.get(link)
        if known is None:
            return
        direction = known.directions[inward]
        frames, rest = direction.feed(data)
        self._waiting += [_Seen(known, wall_ns, "message", inward, frame, hop) for frame in frames]
        if rest:
            self._waiting.append(_Seen(known, wall_ns, "bytes", inward, rest, None, direction.broken))

    def _write(self, seen: _Seen) -> None:
        link, hop = seen.link, seen.hop
        if seen.kind in ("opened", "closed"):
            opening = seen.kind == "opened"
            ends = link.connection.handshake() if opening else link.connection.finish(from_client=link.inward_client)
            for packet in ends:
                self._writer.packet(link.interface, seen.at_ns, packet)
            return
        framing = link.directions[seen.inward].framing
        if seen.kind == "message":
            masked, document = link.mask.kept(seen.data)
            try:
                data = framing.frame(masked)
            except FramingError:
                data = link.mask.raw(seen.data, edges=True)
            if hop is None and link.hops:
                hop = self._hop_of(link, document)
        elif framing.packed:
            data = seen.data[: framing.head] + bytes(len(seen.data[framing.head :]))
        elif seen.kind == "unfinished":
            data = seen.data[: framing.head] + link.mask.unfinished(seen.data[framing.head :])
        else:
            data = link.mask.raw(seen.data, edges=True)
        comment = self._comment(link, hop, seen.note)
        from_client = seen.inward == link.inward_client
        for packet in link.connection.data(data, from_client=from_client):
            self._writer.packet(link.interface, seen.at_ns, packet, comment)
            self.packets += 1

    @staticmethod
    def _hop_of(link: _Link, document: Document) -> Hop | None:
        """The hop of a received message; only those that were understood wait."""
        stan = document.get(DE.STAN, "")
        for index, hop in enumerate(link.hops):
            if hop.stan == stan and hop.mti[1:] == document.get(DE.MTI, "")[1:]:
                return link.hops.pop(index)
        return None

    def _comment(self, link: _Link, hop: Hop | None, note: str) -> str:
        """`link=acquirers#3 txn=1f hop=1`: a transaction's id as the hop log has it, and which of its hops this is."""
        text = f"link={link.name}"
        if hop is not None and hop.txn:
            count = self._counts[hop.txn] = self._counts.pop(hop.txn, 0) + 1
            if len(self._counts) > TXNS_KEPT:
                del self._counts[next(iter(self._counts))]
            text += f" txn={hop.txn:x} hop={count}"
        return f"{text}; {note}" if note else text


def recording(path: Path, network: Network, dialects: Mapping[str, Dialect], log: Callable[[Log], None],
              clear: tuple[str, ...] = (), file_bytes: int = 64 << 20, files: int = 8) -> Recorder:  # fmt: skip
    """A recorder of every link of `network`. OSError: the file cannot be written; ValueError: `clear` names no test cards."""
    return Recorder(Writer(path, file_bytes, files), voices_of(network, dialects), log, clear)
