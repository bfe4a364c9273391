"""Capture files: pcapng written, pcapng and classic pcap read, in either byte order.

A written file has one interface a link, which says in its description how the link speaks, and in its comment has what that
name does not say by itself, so that whoever opens the file later need not be told. Times are nanoseconds since 1970.
Sources: draft-ietf-opsawg-pcapng, draft-ietf-opsawg-pcap.
"""

import errno
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple

import msgspec

from switch.security.files import make_private_directory, open_private

SECTION, INTERFACE, SIMPLE, ENHANCED = 0x0A0D0D0A, 1, 3, 6
_ORDER_MAGIC: Final = 0x1A2B3C4D
_BLOCK_MAX: Final = 64 << 20
"""bytes: a longer block is damage, not a packet"""
_LAST_NS: Final = 253_402_300_800 * 1_000_000_000
"""the year 10000: what a damaged file says of later is no time"""
_OPTION_MAX: Final = 60_000
"""bytes of a comment that go into one option; a longer one is in several, in order"""
_CLASSIC: Final = {
    b"\xa1\xb2\xc3\xd4": (">", 1_000), b"\xd4\xc3\xb2\xa1": ("<", 1_000),
    b"\xa1\xb2\x3c\x4d": (">", 1), b"\x4d\x3c\xb2\xa1": ("<", 1),
}  # fmt: skip
"""Magic of a classic file -> byte order, nanoseconds in one unit of its fractions."""
_END, _COMMENT, _NAME, _DESCRIPTION, _RESOLUTION, _OFFSET = 0, 1, 2, 3, 9, 14


MAGIC: Final = (b"\x0a\x0d", *(magic[:2] for magic in _CLASSIC))
"""how files of packets begin, the first two bytes"""


class CaptureError(ValueError):
    """A file that is no capture, or cannot be read as one; a sentence with the file's name and where in it."""


class Interface(msgspec.Struct, frozen=True):
    """Where packets were seen."""

    linktype: int = 1
    name: str = ""
    description: str = ""
    per_second: int = 1_000_000
    """units of its packets' times in a second"""
    offset_ns: int = 0
    comment: str = ""


class Packet(NamedTuple):
    """One packet of a file."""

    at_ns: int
    """since 1970; 0 where the file has no time for it"""
    data: bytes
    interface: Interface
    comment: str = ""


class Reading:
    """The packets of one file, in the file's order; `trouble` says afterwards why it ended early, "" where it did not."""

    def __init__(self, path: Path) -> None:
        """CaptureError: the file cannot be read, or its first bytes are no capture's."""
        self.path = path
        self.trouble = ""
        try:
            with path.open("rb") as file:
                self._magic = file.read(4)
        except OSError as error:
            raise CaptureError(f"{path} cannot be read: {error.strerror}") from None
        if self._magic not in _CLASSIC and self._magic != b"\x0a\x0d\x0d\x0a":
            raise CaptureError(f"{path} is neither pcapng nor pcap: it begins with {self._magic.hex(' ') or 'nothing'}")

    def __iter__(self) -> Iterator[Packet]:
        with self.path.open("rb") as file:
            yield from self._classic(file) if self._magic in _CLASSIC else self._blocks(file)

    def _note_cut(self, at: int, why: str) -> None:
        self.trouble = f"{self.path} ends at byte {at}: {why}"

    def _classic(self, file: IO[bytes]) -> Iterator[Packet]:
        order, unit = _CLASSIC[self._magic]
        head = file.read(24)
        if len(head) < 24:
            self._note_cut(len(head), f"a pcap header has 24 bytes, found {len(head)}")
            return
        interface = Interface(struct.unpack(f"{order}I", head[20:])[0] & 0x0FFFFFFF)
        at = 24
        while record := file.read(16):
            if len(record) < 16:
                self._note_cut(at, "the last packet's header is cut off")
                return
            seconds, fraction, length, _ = struct.unpack(f"{order}IIII", record)
            if length > _BLOCK_MAX:
                self._note_cut(at, f"a packet of {length} bytes cannot be")
                return
            data = file.read(length)
            if len(data) < length:
                self._note_cut(at, "the last packet is cut off")
                return
            at += 16 + length
            yield Packet(seconds * 1_000_000_000 + fraction * unit, data, interface)

    def _blocks(self, file: IO[bytes]) -> Iterator[Packet]:
        order, interfaces, at = "<", list[Interface](), 0
        while head := file.read(8):
            if head[:4] == b"\x0a\x0d\x0d\x0a":
                magic = file.read(4)
                order = ">" if magic == struct.pack(">I", _ORDER_MAGIC) else "<"
                if magic not in (struct.pack(">I", _ORDER_MAGIC), struct.pack("<I", _ORDER_MAGIC)):
                    self._note_cut(at, "a section begins without its byte-order magic")
                    return
                interfaces = []
                file.seek(-4, 1)
            if len(head) < 8:
                self._note_cut(at, "the last block is cut off")
                return
            kind, length = struct.unpack(f"{order}II", head)
            if length < 12 or length % 4 or length > _BLOCK_MAX:
                self._note_cut(at, f"a block of {length} bytes cannot be")
                return
            rest = file.read(length - 8)
            if len(rest) < length - 8:
                self._note_cut(at, "the last block is cut off")
                return
            body = rest[:-4]
            try:
                if kind == INTERFACE:
                    interfaces.append(_interface(order, body))
                elif kind == ENHANCED:
                    yield _enhanced(order, body, interfaces)
                elif kind == SIMPLE:
                    yield Packet(0, body[4 : 4 + struct.unpack_from(f"{order}I", body)[0]], interfaces[0])
            except (struct.error, IndexError):
                self._note_cut(at, f"a block of type {kind} contradicts itself")
                return
            at += length


def _interface(order: str, body: bytes) -> Interface:
    linktype = struct.unpack_from(f"{order}H", body)[0]
    name, description, comment, units, offset = "", "", b"", 1_000_000, 0
    for code, value in _options(order, body, 8):
        if code == _NAME:
            name = value.decode("utf-8", "replace")
        elif code == _DESCRIPTION:
            description = value.decode("utf-8", "replace")
        elif code == _COMMENT:
            comment += value
        elif code == _RESOLUTION and value:
            units = 2 ** (value[0] & 0x7F) if value[0] & 0x80 else 10 ** value[0]
        elif code == _OFFSET and len(value) == 8:
            offset = struct.unpack(f"{order}q", value)[0] * 1_000_000_000
    return Interface(linktype, name, description, units, offset, comment.decode("utf-8", "replace"))


def _enhanced(order: str, body: bytes, interfaces: list[Interface]) -> Packet:
    number, high, low, length, _ = struct.unpack_from(f"{order}IIIII", body)
    interface = interfaces[number]
    if 20 + length > len(body):
        raise struct.error
    comments = [
        value.decode("utf-8", "replace")
        for code, value in _options(order, body, 20 + _padded(length))
        if code == _COMMENT
    ]
    at_ns = (high << 32 | low) * 1_000_000_000 // interface.per_second + interface.offset_ns
    return Packet(at_ns if 0 < at_ns < _LAST_NS else 0, body[20 : 20 + length], interface, "; ".join(comments))


def _options(order: str, body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    while at + 4 <= len(body):
        code, length = struct.unpack_from(f"{order}HH", body, at)
        if code == _END:
            return
        yield code, body[at + 4 : at + 4 + length]
        at += 4 + _padded(length)


def _padded(length: int) -> int:
    """Blocks are made of whole 32-bit words."""
    return (length + 3) & ~3


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + b"\0" * (_padded(len(value)) - len(value))


def _block(kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def section_block() -> bytes:
    """A file's first block."""
    body = struct.pack("<IHHq", _ORDER_MAGIC, 1, 0, -1)
    return _block(SECTION, body + _option(4, b"cmi-switch") + _option(_END, b""))


def interface_block(name: str, description: str, comment: str = "") -> bytes:
    """An Ethernet interface with times in nanoseconds."""
    body = struct.pack("<HHI", 1, 0, 0) + _option(_NAME, name.encode())
    if description:
        body += _option(_DESCRIPTION, description.encode())
    text = comment.encode()
    for at in range(0, len(text), _OPTION_MAX):
        body += _option(_COMMENT, text[at : at + _OPTION_MAX])
    return _block(INTERFACE, body + _option(_RESOLUTION, b"\x09") + _option(_END, b""))


def packet_block(interface: int, at_ns: int, data: bytes, comment: str = "") -> bytes:
    """An enhanced packet block."""
    size = len(data)
    body = struct.pack("<IIIII", interface, at_ns >> 32, at_ns & 0xFFFFFFFF, size, size)
    body += data + b"\0" * (_padded(size) - size)
    if comment:
        body += _option(_COMMENT, comment.encode("utf-8")[:65_000]) + _option(_END, b"")
    return _block(ENHANCED, body)


class Writer:
    """A capture file that is written as it goes, and turned over at a size: FILE.pcapng is the newest, FILE.1.pcapng the one
    before, of which `files` in all are kept; so is one that was there at the start. Each is whole by itself. One writer a file.
    """

    def __init__(self, path: Path, file_bytes: int = 64 << 20, files: int = 8) -> None:
        """`file_bytes`: a file that reaches so many is turned over at the next `flush`. OSError: it cannot be written."""
        assert file_bytes > 0
        assert files > 0
        self.path = path
        self._file_bytes = file_bytes
        self._files = files
        self._interfaces: list[tuple[str, str, str]] = []
        self._numbers: dict[tuple[str, str, str], int] = {}
        self._waiting: list[bytes] = []
        make_private_directory(path.parent)
        if path.is_file() and path.stat().st_size:
            self._make_room()
        self._open()

    def _open(self) -> None:
        self._file = open(open_private(self.path, os.O_WRONLY | os.O_TRUNC), "wb", buffering=0)  # noqa: SIM115 - closed by `close`
        self._size = self._file.write(section_block())
        for told in self._interfaces:
            self._size += self._file.write(interface_block(*told))

    def interface(self, name: str, description: str = "", comment: str = "") -> int:
        """The number of the interface called and described so; it is made when it is first asked for."""
        told = name, description, comment
        number = self._numbers.get(told)
        if number is None:
            number = self._numbers[told] = len(self._interfaces)
            self._interfaces.append(told)
            self._waiting.append(interface_block(*told))
        return number

    def packet(self, interface: int, at_ns: int, data: bytes, comment: str = "") -> None:
        """One packet; it is in the file after `flush`."""
        self._waiting.append(packet_block(interface, at_ns, data, comment))

    def flush(self) -> None:
        """Write what waits. OSError: the disk takes no more; what waited is lost to the file, and the file ends cleanly
        or in one block cut off."""
        if not self._waiting:
            return
        data = b"".join(self._waiting)
        self._waiting.clear()
        written = self._file.write(data)
        self._size += written
        if written < len(data):
            raise OSError(errno.ENOSPC, "only a part was taken: is the disk full?")
        if self._size >= self._file_bytes:
            self._turn_over()

    def _turn_over(self) -> None:
        self._file.close()
        self._make_room()
        self._open()

    def _make_room(self) -> None:
        for number in range(self._files - 1, 0, -1):
            newer = self.path if number == 1 else self.path.with_suffix(f".{number - 1}{self.path.suffix}")
            if newer.exists():
                newer.replace(self.path.with_suffix(f".{number}{self.path.suffix}"))

    def close(self) -> None:
        """Write what waits and close the file."""
        try:
            self.flush()
        finally:
            self._file.close()
