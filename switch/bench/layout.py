"""Where elements stand in encoded messages, so that a load generator patches and reads bytes instead of encoding and decoding.

Positions are learned with pyiso8583, whose decoder says which bytes were which element's, and hold for every message of the
same bitmaps and the same lengths before the element that is looked for.
"""

from collections.abc import Callable
from typing import Final

import iso8583
import msgspec

from switch.wire import Dialect, Document
from switch.wire.vocabulary import DE, is_response

LAYOUTS_MAX: Final = 64


class Element(msgspec.Struct, frozen=True):
    """One element's place: its length header is `data[at:start]`, its value `data[start:end]`."""

    at: int
    start: int
    end: int


def elements(message: bytes, dialect: Dialect) -> dict[str, Element]:
    """Every element of a message with its place, in order. ValueError: the message does not follow the dialect."""
    _, encoded = iso8583.decode(message, dialect.spec)
    places, at = {}, 0
    for key, parts in encoded.items():
        start = at + len(parts["len"])
        places[key] = Element(at, start, start + len(parts["data"]))
        at = places[key].end
    return places


def coder(dialect: Dialect, element: str) -> Callable[[str], bytes]:
    """Text of a fixed-length element -> its bytes in this dialect."""
    encoding: str = dialect.spec[element]["data_enc"]
    if encoding == "b":
        return bytes.fromhex
    return lambda text: text.encode(encoding)


def decoder(dialect: Dialect, element: str) -> Callable[[bytes], str]:
    """Bytes of a fixed-length element -> its text."""
    encoding: str = dialect.spec[element]["data_enc"]
    if encoding == "b":
        return lambda data: data.hex().upper()
    return lambda data: data.decode(encoding)


class Template:
    """A request, framed, with holes for DE7, DE11 and DE37."""

    def __init__(self, document: Document, dialect: Dialect, frame: Callable[[bytes], bytes]) -> None:
        """`document` has all three; every framing puts what it adds before the message. Raises EncodeError."""
        message = dialect.encode(document)
        framed = frame(message)
        places = elements(message, dialect)
        offset = len(framed) - len(message)
        self._cuts = [
            offset + n for de in (DE.TRANSMISSION_TIME, DE.STAN, DE.RRN) for n in (places[de].start, places[de].end)
        ]
        self._encode, self._frame, self._size = dialect.encode, frame, len(framed)
        self._cut(framed)

    def again(self, document: Document) -> "Template":
        """The template of another document that is as long and has the same elements, element by element. Raises EncodeError.

        ValueError: it is longer or shorter.
        """
        framed = self._frame(self._encode(document))
        if len(framed) != self._size:
            raise ValueError(f"a message of {len(framed)} bytes is not laid out as one of {self._size}")
        other = Template.__new__(Template)
        other._cuts, other._encode, other._frame, other._size = self._cuts, self._encode, self._frame, self._size
        other._cut(framed)
        return other

    def _cut(self, framed: bytes) -> None:
        cuts = self._cuts
        self.head = framed[: cuts[0]]
        self.after_time = framed[cuts[1] : cuts[2]]
        self.after_stan = framed[cuts[3] : cuts[4]]
        self.tail = framed[cuts[5] :]

    def fill(self, time: bytes, stan: bytes, rrn: bytes) -> bytes:
        """The framed message with these three, encoded as the dialect says."""
        return b"".join((self.head, time, self.after_time, stan, self.after_stan, rrn, self.tail))


class _AnswerLayout(msgspec.Struct, frozen=True, gc=False):
    fixed: tuple[tuple[int, int, bytes], ...]
    """what must stand where: MTI and bitmaps, and the length headers before DE39"""
    stan_start: int
    stan_end: int
    code_start: int
    code_end: int


class AnswerReader:
    """DE11 and DE39 of answers, as bytes. What cannot be read by a known layout is decoded whole, and its layout learned."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._layouts: list[_AnswerLayout] = []

    def read(self, message: bytes) -> tuple[bytes, bytes] | None:
        """(DE11, DE39), or None where no layout fits: then `learn` it."""
        for layout in self._layouts:
            for start, end, expected in layout.fixed:
                if message[start:end] != expected:
                    break
            else:
                return message[layout.stan_start : layout.stan_end], message[layout.code_start : layout.code_end]
        return None

    def learn(self, message: bytes) -> Document:
        """Decode a message; if it answers a request, `read` knows its like from now on. Raises DecodeError."""
        document = self._dialect.decode(message)
        if (
            is_response(document[DE.MTI])
            and document[DE.MTI][1] != "8"
            and {DE.STAN, DE.RESPONSE_CODE} <= document.keys()
        ):
            self._layouts.insert(0, self._layout(elements(message, self._dialect), message))
            del self._layouts[LAYOUTS_MAX:]
        return document

    def _layout(self, places: dict[str, Element], message: bytes) -> _AnswerLayout:
        bitmaps = places.get(DE.BITMAP_SECONDARY, places[DE.BITMAP])
        fixed = [(places[DE.MTI].start, bitmaps.end)]
        for key, place in places.items():
            if key == DE.RESPONSE_CODE:
                break
            if place.at != place.start:
                fixed.append((place.at, place.start))
        stan, code = places[DE.STAN], places[DE.RESPONSE_CODE]
        return _AnswerLayout(
            tuple((start, end, message[start:end]) for start, end in fixed), stan.start, stan.end, code.start, code.end
        )
