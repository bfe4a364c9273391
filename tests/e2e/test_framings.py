"""A host of somebody else's on each framing, over sockets: it pays, is declined, reverses, echoes, in pieces and all at once.

Lengths are made here, from what jPOS's channels and public host specifications say of them, and messages by pyiso8583 with its
own specification: nothing of `switch.wire` is asked.
"""

import gzip
import json
import re
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import reduce
from operator import xor
from typing import Final, NamedTuple

import iso8583
import pytest
from iso8583.specs import default_ascii

from switch.wire import Dialect
from tests.e2e.stage import Stage

pytestmark = pytest.mark.long

Take = Callable[[int], bytes]
"""so many bytes of the stream, waited for"""


class Channel(NamedTuple):
    """How one kind of host leads its messages."""

    wrap: Callable[[bytes], bytes]
    read: Callable[[Take], bytes]
    idle: bytes
    """what it sends on an idle line; b"": nothing"""
    header: bytes = b""
    """what stands before its MTI"""
    back: bytes = b""
    """what stands before that of an answer; b"": the same"""


def counted(write: Callable[[int], bytes], read: Callable[[bytes], int], bias: int = 0) -> Channel:
    """A length of a fixed size. `bias`: how much more than the message it counts."""
    size = len(write(0))

    def message(take: Take) -> bytes:
        number = read(take(size))
        return take(number - bias) if number else b""

    return Channel(lambda message: write(len(message) + bias) + message, message, write(0))


def digits(size: int, bias: int = 0) -> Channel:
    return counted(lambda n: str(n).zfill(size).encode(), int, bias)


def packed(form: str, bias: int = 0) -> Channel:
    return counted(lambda n: struct.pack(form, n), lambda head: int(struct.unpack(form, head)[0]), bias)


def bcd(bias: int = 0) -> Channel:
    return counted(lambda n: bytes.fromhex(f"{n:04d}"), lambda head: int(head.hex()), bias)


def zeroed(message: bytes) -> bytes:
    return struct.pack(">HH", len(message), 0) + message


def zeroed_read(take: Take) -> bytes:
    size, zero = struct.unpack(">HH", take(4))
    assert zero == 0
    return take(size)


def base1(message: bytes) -> bytes:
    return zeroed(message[:3] + struct.pack(">H", len(message)) + message[5:])


def etx_read(take: Take) -> bytes:
    message = take(int.from_bytes(take(2), "big"))
    assert message.endswith(b"\x03") or not message
    return message[: len(message) - 1]


def stx(message: bytes) -> bytes:
    return b"\x02" + message + b"\x03" + bytes([reduce(xor, message + b"\x03")])


def stx_read(take: Take) -> bytes:
    assert take(1) == b"\x02"
    message = b""
    while (byte := take(1)) != b"\x03":
        message += byte
    assert take(1)[0] == reduce(xor, message + b"\x03")
    return message


def zipped(message: bytes) -> bytes:
    return struct.pack(">H", len(message)) + gzip.compress(message)


def zipped_read(take: Take) -> bytes:
    """As Java's GZIPInputStream: a byte at a time, to its end."""
    size, unpacker, message = int.from_bytes(take(2), "big"), zlib.decompressobj(31), b""
    while size and not unpacker.eof:
        message += unpacker.decompress(take(1))
    assert len(message) == size
    return message


BASE1 = bytes.fromhex("16010200000000005041020000000000000000000000")
CHANNELS: Final[dict[str, Channel]] = {
    "length2": packed(">H"),
    "length2-inclusive": packed(">H", 2),
    "length3": counted(lambda n: n.to_bytes(3, "big"), lambda head: int.from_bytes(head, "big")),
    "length4": packed(">I"),
    "length4-inclusive": packed(">I", 4),
    "length2-little": packed("<H"),
    "length2-little-inclusive": packed("<H", 2),
    "length4-little": packed("<I"),
    "visa4": Channel(zeroed, zeroed_read, bytes(4)),
    "ascii3": digits(3),
    "ascii4": digits(4),
    "ascii5": digits(5),
    "ascii6": digits(6),
    "ascii4-inclusive": digits(4, 4),
    "ebcdic4": counted(lambda n: f"{n:04d}".encode("cp500"), lambda h: int(h.decode("cp500"))),
    "hex4": counted(lambda n: f"{n:04X}".encode(), lambda head: int(head, 16)),
    "bcd2": bcd(),
    "bcd2-inclusive": bcd(2),
    "tpdu": packed(">H")._replace(header=bytes.fromhex("6000030001"), back=bytes.fromhex("6000010003")),
    "base1": Channel(base1, zeroed_read, bytes(4), BASE1),
    "stxetx": Channel(stx, stx_read, b"\x05"),
    "gzip": Channel(zipped, zipped_read, bytes(2)),
    "length2-etx": Channel(lambda m: struct.pack(">H", len(m) + 1) + m + b"\x03", etx_read, bytes(2)),
}

POLLED: Final = {"visa4", "base1", "length2-inclusive", "gzip", "length2-etx", "length3"}
"""those whose channel in jPOS returns what it is polled with"""


def with_header(size: int) -> str:
    """A dialect file: pyiso8583's form behind a header."""
    spec = {**Dialect.load("cmi87").spec}
    spec["h"] = {"desc": "Header", "data_enc": "b", "len_enc": "b", "len_type": 0, "max_len": size}
    return json.dumps({"dialect": {"name": f"headed{size}", "family": "cmi", "framing": "length2"}, **spec})


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with closing(Stage(tmp_path_factory.mktemp("framings"))) as stage:
        rows = {}
        for name, channel in CHANNELS.items():
            dialect, size = "cmi87", len(channel.header)
            if size:
                file = stage.directory / f"headed{size}.json"
                file.write_text(with_header(size))
                dialect = str(file)
            polled = str(name in POLLED).lower()
            rows[name] = f'role = "acquirer"\ndialect = "{dialect}"\nframing = "{name}"\nreturn_keepalives = {polled}'
        stage.listen(rows)
        stage.serve_atlas()
        yield stage


class Host:
    """It speaks one framing."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage, self.channel = stage, CHANNELS[name]
        at = stage.address(name)
        self.sock = socket.create_connection((at.host, at.port), timeout=10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rb")
        self.polls = 0

    def __enter__(self) -> "Host":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.sock.close()

    def take(self, size: int) -> bytes:
        data = self.file.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def message(self, mti: str, **elements: str) -> tuple[str, bytes]:
        """DE11, and the message on its way."""
        stan = elements.pop("de11", "") or f"{next(self.stage.stans):06d}"
        document = {"t": mti, "7": "1128143000", "11": stan, "32": "504102"}
        document |= {k.removeprefix("de"): v for k, v in elements.items()}
        raw, _ = iso8583.encode(document, default_ascii)
        return stan, self.channel.wrap(self.channel.header + bytes(raw))

    def sale(self, card: str = "9504010000090010", mti: str = "0200", **more: str) -> tuple[str, bytes]:
        given = {"de2": card, "de3": "000000", "de4": "000000015000", "de12": "143000", "de13": "1128", "de14": "3112"}
        given |= {"de18": "5411", "de22": "051", "de25": "00", "de41": "TERM0001", "de42": "MERCHANT0000001"}
        given |= {"de43": "EPICERIE DU PORT        CASABLANCA    MA", "de49": "504", **more}
        return self.message(mti, **given)

    def hears(self) -> dict[str, str]:
        while not (message := self.channel.read(self.take)):
            self.polls += 1
        header = self.channel.header
        if self.channel.back:
            assert message.startswith(self.channel.back)
        document, _ = iso8583.decode(message[len(header) :], default_ascii)
        return dict(document)

    def closed(self) -> bool:
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True


def pieces(data: bytes) -> Iterator[bytes]:
    """One byte, two, three …: lengths, headers and messages are cut in many places."""
    at, size = 0, 1
    while at < len(data):
        yield data[at : at + size]
        at, size = at + size, size + 7


@pytest.mark.parametrize("name", CHANNELS)
def test_a_host_of_each_framing_pays_is_declined_reverses_and_echoes(stage: Stage, name: str) -> None:
    with Host(stage, name) as host:
        _, hello = host.message("0800", de70="001")
        for piece in pieces(hello):
            host.sock.sendall(piece)
        assert host.hears()["39"] == "00"
        stan, sale = host.sale()
        _, poor = host.sale("9504010000090028")
        idle = host.channel.idle
        half = len(poor) // 2
        host.sock.sendall(idle + sale + idle + poor[:half])
        paid = host.hears()
        assert paid["39"] == "00"
        host.sock.sendall(poor[half:] + idle)
        assert host.hears()["39"] == "51"
        original = "0200" + stan + "1128143000" + "504102".rjust(11, "0") + "0" * 11
        _, back = host.sale(mti="0400", de38=paid["38"], de90=original)
        _, echo = host.message("0800", de70="301")
        host.sock.sendall(back + echo + echo[:1])
        answers = {answer["t"]: answer["39"] for answer in (host.hears(), host.hears())}
        assert answers == {"0410": "00", "0810": "00"}
        assert (host.polls > 0) == (name in POLLED)
        host.sock.shutdown(socket.SHUT_WR)
        assert host.closed()


def test_a_frame_begun_and_left_costs_nobody_anything(stage: Stage) -> None:
    for name in CHANNELS:
        with Host(stage, name) as host:
            _, hello = host.message("0800", de70="001")
            host.sock.sendall(hello[: len(hello) // 2])
            host.sock.shutdown(socket.SHUT_WR)
            assert host.closed(), name


TOO_LARGE: Final[dict[str, bytes]] = {
    "length2": b"\x20\x01",
    "length2-inclusive": b"\x20\x03",
    "length3": b"\0\x20\x01",
    "length4": b"\0\0\x20\x01",
    "length4-inclusive": b"\0\0\x20\x05",
    "length2-little": b"\x01\x20",
    "length2-little-inclusive": b"\x03\x20",
    "length4-little": b"\x01\x20\0\0",
    "visa4": b"\x20\x01\0\0",
    "ascii4": b"8193",
    "ascii5": b"08193",
    "ascii6": b"008193",
    "ascii4-inclusive": b"8197",
    "ebcdic4": b"\xf8\xf1\xf9\xf3",
    "hex4": b"2001",
    "bcd2": b"\x81\x93",
    "bcd2-inclusive": b"\x81\x95",
    "tpdu": b"\x20\x01",
    "base1": b"\x20\x01\0\0",
    "gzip": b"\x20\x01",
    "length2-etx": b"\x20\x02",
}
"""The least length that is more than `frame_bytes`, 8192, in each counted framing; three digits cannot say it."""


def test_a_length_that_is_too_large_is_said_and_costs_its_own_connection_only(stage: Stage) -> None:
    assert CHANNELS.keys() - TOO_LARGE.keys() == {"ascii3", "stxetx"}
    for name, length in TOO_LARGE.items():
        with Host(stage, name) as other, Host(stage, name) as host:
            _, hello = other.message("0800", de70="001")
            other.sock.sendall(hello)
            assert other.hears()["39"] == "00"
            _, hello = host.message("0800", de70="001")
            host.sock.sendall(hello)
            assert host.hears()["39"] == "00"
            host.sock.sendall(length + b"0200")
            assert host.closed(), name
            event = stage.event("frame.bad", framing=name)
            assert re.search(r"reads as \d+; .* length is \d+ to 81\d\d|longer than|8192", event["reason"]), event
            _, sale = other.sale()
            other.sock.sendall(sale)
            assert other.hears()["39"] == "00", f"{name}: another connection of the same listener"
