"""Framings whose messages end by what they are: STX and ETX around them, or a compressed stream."""

import struct
import zlib
from functools import reduce
from operator import xor
from typing import Final

from switch.wire.counted import SHOWN_BYTES, Cutter, FramingError, hint_at

_STX, _ETX, _NAK = 0x02, 0x03, 0x15
_BETWEEN: Final = frozenset({0x04, 0x05, 0x06})
_U16: Final = struct.Struct(">H")
_GZIP: Final = 31
"""zlib's window bits for a gzip stream"""
_GROWN: Final = 64
"""bytes by which compressed data may be longer than the message"""


class StxEtx(Cutter):
    """`02`, the message, `03`, and an LRC: the XOR of the message's bytes and the `03`. How terminals on serial lines speak.

    Nothing is escaped, so a message that holds a byte `03` cannot be sent: the framing is for dialects of text. Between frames
    ENQ (05), ACK (06) and EOT (04) count as keep-alives, as an empty frame does; a NAK (15) ends the stream, for nothing here
    sends a frame twice. None of the four is ever sent: a line that waits for an ACK needs a converter in front.
    """

    name = "stxetx"
    head = 1
    """bytes before the message"""

    def feed(self, data: bytes) -> list[bytes]:
        """As `Framing.feed`; each byte is searched once."""
        if self._error is not None:
            self._fail_again(self._error, data)
        sought = max(
            1, len(self._rest)
        )  # no ETX in what was held, but for the last byte: its LRC may have been missing
        data = self._rest + data if self._rest else data
        frames: list[bytes] = []
        at, end = 0, len(data)
        while at < end:
            if data[at] != _STX:
                if data[at] not in _BETWEEN:
                    self._fail(self._no_start(data, at), frames, data[at:])
                self.keepalives += 1
                at += 1
                continue
            etx = data.find(_ETX, at + sought - 1 if at == 0 else at + 1, at + self._limit + 2)
            if etx < 0 and end - at > self._limit + 1:
                self._fail(
                    self._wrong(at + self._limit + 1, f"03 within {self._limit} bytes of the 02", "none"),
                    frames,
                    data[at:],
                )
            if etx < 0 or etx + 1 == end:
                break
            message = data[at + 1 : etx]
            lrc = _lrc(message)
            if data[etx + 1] != lrc:
                wrong = self._wrong(etx + 1, f"the LRC {lrc:02x}", f"{data[etx + 1]:02x}")
                self._fail(wrong, frames, data[at:])
            if message:
                frames.append(message)
            else:
                self.keepalives += 1
            at = etx + 2
        self._start += at
        self._rest = data[at:] if at < end else b""
        return frames

    def frame(self, message: bytes) -> bytes:
        """As `Framing.frame`; FramingError also where a byte 03 is in the message."""
        etx = message.find(_ETX)
        if len(message) > self._limit or etx >= 0:
            found = f"{len(message)} bytes" if etx < 0 else f"a byte 03 at {etx}"
            wanted = f"up to {self._limit} bytes" if etx < 0 else "no byte 03, which ends a frame"
            why = f"the limit is {self._limit}" if etx < 0 else "it is for dialects of text"
            raise FramingError(
                f"a message of {found} does not fit {self.name} framing: {why}", offset=0, expected=wanted, found=found
            )
        return b"\x02" + message + b"\x03" + bytes([_lrc(message)])

    def _no_start(self, data: bytes, at: int) -> FramingError:
        if data[at] == _NAK:
            return self._wrong(at, "a frame", "15 (NAK): the peer refused what it was sent")
        hint = hint_at(data[at:])
        shown = data[at : at + SHOWN_BYTES].hex(" ")
        return self._wrong(at, "02 before a message", shown, f": {hint}" if hint else "")

    def _wrong(self, at: int, expected: str, found: str, hint: str = "") -> FramingError:
        message = f"{self.name} frame: expected {expected}, found {found}{hint}"
        return FramingError(message, offset=self._start + at, expected=expected, found=found)


def _lrc(message: bytes) -> int:
    """XOR of the message's bytes and the ETX behind them."""
    return reduce(xor, message, _ETX)


class Gzip(Cutter):
    """A 2-byte length of the message, and then the message as a gzip stream: jPOS's GZIPChannel.

    The length counts the message, not what goes on the stream; no more than it says is ever unpacked.
    """

    name = "gzip"
    packed = True
    head = 2
    """bytes of the length"""

    def __init__(self, frame_bytes_max: int) -> None:
        super().__init__(min(frame_bytes_max, 0xFFFF))

    def feed(self, data: bytes) -> list[bytes]:
        """As `Framing.feed`."""
        if self._error is not None:
            self._fail_again(self._error, data)
        data = self._rest + data
        frames: list[bytes] = []
        at = 0
        while len(data) - at >= self.head:
            size = _U16.unpack_from(data, at)[0]
            if not size:
                self.keepalives += 1
                self.keepalive = data[at : at + self.head]
                at += self.head
                continue
            try:
                message, used = self._unpack(data, at, size)
            except FramingError as error:
                self._fail(error, frames, data[at:])
            if used < 0:
                break
            frames.append(message)
            at += self.head + used
        self._start += at
        self._rest = data[at:]
        return frames

    def _unpack(self, data: bytes, at: int, size: int) -> tuple[bytes, int]:
        """The message whose length stands at `at`, and the bytes it was packed in, -1: it has not come whole. FramingError."""
        begins = at + self.head
        if size > self._limit:
            raise self._wrong(at, f"a length up to {self._limit}", str(size))
        packed = data[begins : begins + size + _GROWN]
        unpacker = zlib.decompressobj(_GZIP)
        try:
            message = unpacker.decompress(packed, size + 1)
        except zlib.error:
            raise self._wrong(begins, "a gzip stream behind the length", packed[:SHOWN_BYTES].hex(" ")) from None
        if len(message) > size or (unpacker.eof and len(message) != size):
            raise self._wrong(at, f"a message of {size} bytes in its gzip stream", f"{len(message)} and more")
        if not unpacker.eof:
            if len(packed) == size + _GROWN:
                raise self._wrong(at, f"a gzip stream that ends within {len(packed)} bytes", "none")
            return b"", -1
        return message, len(packed) - len(unpacker.unused_data)

    def frame(self, message: bytes) -> bytes:
        """As `Framing.frame`."""
        if len(message) > self._limit:
            found, wanted = f"{len(message)} bytes", f"up to {self._limit} bytes"
            raise FramingError(
                f"a message of {found} does not fit gzip framing: the limit is {self._limit}",
                offset=0,
                expected=wanted,
                found=found,
            )
        packer = zlib.compressobj(wbits=_GZIP)
        return _U16.pack(len(message)) + packer.compress(message) + packer.flush()

    def _wrong(self, at: int, expected: str, found: str) -> FramingError:
        sentence = f"gzip frame: expected {expected}, found {found}"
        return FramingError(sentence, offset=self._start + at, expected=expected, found=found)
