"""Decode and encode messages of one dialect: compiled per layout where a layout recurs, the careful way otherwise.

Bounded: a peer that sends a new bitmap each time neither grows memory nor costs a compilation a message. A layout is compiled
when it has come right `COMPILE_AFTER` times; of the compiled ones at most `layouts` are kept a direction, the oldest goes.
"""

from collections.abc import Callable, Hashable
from typing import Any, Final, Generic, TypeVar

from switch.wire import careful
from switch.wire.careful import Table
from switch.wire.decoder import decoder
from switch.wire.encoder import encoder
from switch.wire.errors import DecodeError
from switch.wire.layout_source import GIVES_UP, Decode, Encode
from switch.wire.vocabulary import Document

COMPILE_AFTER: Final = 16
"""A compilation costs about as much as so many messages decoded the careful way."""

_F = TypeVar("_F", bound=Callable[..., Any])


class _Layouts(Generic[_F]):
    """Compiled functions by layout, and how often the others were seen."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.compiled: dict[Hashable, _F] = {}
        self.seen: dict[Hashable, int] = {}

    def due(self, key: Hashable) -> bool:
        """Count a sighting; True if the layout has earned its compilation."""
        if not self.limit or key in self.compiled:
            return False
        count = self.seen.get(key, 0) + 1
        if count >= COMPILE_AFTER:
            self.seen.pop(key, None)
            return True
        if len(self.seen) >= 4 * self.limit and key not in self.seen:
            self.seen.clear()
        self.seen[key] = count
        return False

    def keep(self, key: Hashable, function: _F) -> None:
        if len(self.compiled) >= self.limit:
            del self.compiled[next(iter(self.compiled))]
        self.compiled[key] = function


class Codec:
    """The two functions of a dialect, `decode` and `encode`, and what they have compiled."""

    def __init__(self, table: Table, layouts: int) -> None:
        self.table = table
        self.decoders: _Layouts[Decode] = _Layouts(layouts)
        self.encoders: _Layouts[Encode] = _Layouts(layouts)
        self.decode: Decode = _decode(table, self.decoders)
        self.encode: Encode = _encode(table, self.encoders)


def _decode(table: Table, layouts: "_Layouts[Decode]") -> Decode:
    """The decoder of a dialect. A layout's key is the bytes of MTI and bitmaps."""
    elements = table.elements
    header, mti, bitmap = elements.get("h"), elements["t"].size, elements["p"]
    start = 0 if header is None else (header.size + 1) // 2 if header.nibbles else header.size
    first = start + mti
    short, long = slice(start, first + bitmap.size), slice(start, first + bitmap.size + elements["1"].size)
    two = frozenset(
        byte
        for byte in range(256)
        if table.both
        or (byte >= 128 and not bitmap.text)
        or (bitmap.text and chr(bitmap.text.to_latin[byte] if bitmap.text.to_latin else byte) in "89ABCDEFabcdef")
    )
    compiled = layouts.compiled

    def decode(data: bytes) -> Document:
        """One message's bytes, header included and frame not, as a document. Raises DecodeError."""
        try:
            return compiled[data[long if data[first] in two else short]](data)
        except GIVES_UP:
            pass  # what it was would only be context to the exact error
        return slow(data)

    def slow(data: bytes) -> Document:
        if not isinstance(data, bytes):
            if not isinstance(data, bytearray | memoryview):
                raise DecodeError(table.dialect, "", "", 0, "bytes", type(data).__name__, {})
            data = bytes(data)
        document = careful.decode(table, data)
        where = long if data[first] in two else short
        key = data[where]
        if layouts.due(key):
            layouts.keep(key, decoder(table, document, where.stop))
        return document

    return decode


def _encode(table: Table, layouts: "_Layouts[Encode]") -> Encode:
    """The encoder of a dialect. A layout's key is an MTI and the set of a document's keys.

    To hash that set takes longer than most of the rest, so `last` guesses: the layout last used for an MTI and number of keys.
    A compiled encoder takes all its keys out of the document, so a guess is right exactly if that works.
    """
    last: dict[tuple[str, int], Encode] = {}

    def encode(document: Document) -> bytes:
        """A document as one message's bytes, without a frame. Raises EncodeError."""
        try:
            return last[document["t"], len(document)](document)
        except GIVES_UP:
            pass
        return slow(document)

    def slow(document: Document) -> bytes:
        try:
            key = document["t"], frozenset(document)
            made = layouts.compiled[key]
            data = made(document)
        except GIVES_UP:
            pass
        else:
            if len(last) > layouts.limit:
                last.clear()
            last[document["t"], len(document)] = made
            return data
        data = careful.encode(table, document)
        if layouts.due(key):
            compiled = encoder(table, document)
            if compiled:
                layouts.keep(key, compiled)
        return data

    return encode
