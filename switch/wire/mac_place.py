"""Where a message has its MAC, and what the MAC covers: told from the message's first bytes, without decoding it.

The rule, as most conventions have it: covered are the MTI, the bitmaps (with the MAC's own bit), and every element before the
MAC, in the bytes as sent; no framing, TPDU or network header. The MAC is the last element: DE64 where none above 64 is there,
else DE128; never both. One of 4 bytes stands in the first half, the rest is filled.
"""

from binascii import unhexlify
from typing import Final

from switch.wire.dialect import Dialect
from switch.wire.vocabulary import DE, MACS, Document

MAC_BYTES: Final = 8
SIZES: Final = (4, MAC_BYTES)
_ABOVE: Final = frozenset(map(str, range(65, 128)))
"""elements of the secondary bitmap, but for the MAC's own"""
_PLACEHOLDER: Final = "0" * (2 * MAC_BYTES)


class NoMacPlaceError(ValueError):
    """A dialect whose DE64 and DE128 are no MAC of 8 bytes."""


class MacPlace:
    """Of one dialect, for MACs of one size."""

    __slots__ = ("_bitmap", "_bits_at", "_both", "_hex_bitmap", "_hex_mac", "_size", "_width", "begin")

    def __init__(self, dialect: Dialect, size: int = MAC_BYTES) -> None:
        """`size`: 4 or 8 bytes of it are proved. Raises NoMacPlaceError."""
        spec = dialect.spec
        for de in MACS:
            element = spec.get(de, {})
            binary = element.get("data_enc") == "b"
            if element.get("len_type") or element.get("max_len") != (MAC_BYTES if binary else 2 * MAC_BYTES):
                raise NoMacPlaceError(f"dialect {dialect.name}: DE{de} is not a MAC of {MAC_BYTES} bytes")
        header, mti = spec["h"], spec["t"]
        self._size = size
        self._both = dialect.both
        self.begin = (header["max_len"] + 1) // 2 if header.get("len_count") == "nibbles" else header["max_len"]
        """where the MTI begins"""
        self._bits_at = self.begin + mti["max_len"]
        self._hex_bitmap = spec["p"]["data_enc"] != "b"
        self._bitmap = 16 if self._hex_bitmap else 8
        self._hex_mac = spec[DE.MAC]["data_enc"] != "b"
        self._width = 2 * MAC_BYTES if self._hex_mac else MAC_BYTES

    def _bits(self, message: bytes, at: int) -> int:
        part = message[at : at + self._bitmap]
        return int(part, 16) if self._hex_bitmap else int.from_bytes(part, "big")

    def find(self, message: bytes) -> tuple[bytes, bytes] | None:
        """What is covered, and the MAC (4 or 8 bytes); None where there is none in its place."""
        try:
            primary = self._bits(message, self._bits_at)
            secondary = self._bits(message, self._bits_at + self._bitmap) if self._both or primary >> 63 else None
        except ValueError:
            return None
        # one MAC, and in the last element: with elements above 64 it is DE128 alone
        in_64, in_128 = bool(primary & 1), secondary is not None and bool(secondary & 1)
        end = len(message) - self._width
        if in_64 == in_128 or (in_64 and secondary) or end <= self._bits_at:
            return None
        mac = message[end:]
        try:
            proved = unhexlify(mac[: 2 * self._size]) if self._hex_mac else mac[: self._size]
        except ValueError:
            return None
        return (message[self.begin : end], proved) if len(proved) == self._size else None

    def readable(self, message: bytes) -> bytes:
        """A message that `find` has found the MAC of, with zeros for what fills one of 4 bytes: hosts fill with blanks, too."""
        if self._size == MAC_BYTES or not self._hex_mac:
            return message
        kept = len(message) - self._width + 2 * self._size
        return message if message[kept:].isalnum() else message[:kept] + b"0" * (self._width - 2 * self._size)

    def reserve(self, document: Document) -> Document:
        """The document (in the link's form) with room for its MAC, and no other."""
        made = document.copy()
        for de in MACS:
            made.pop(de, None)
        made[DE.MAC if _ABOVE.isdisjoint(made) else DE.MAC_SECONDARY] = _PLACEHOLDER
        return made

    def covered(self, message: bytes) -> bytes:
        """What the MAC of an encoded document (one that `reserve` made) is made over."""
        return message[self.begin : -self._width]

    def put(self, message: bytes, mac: bytes) -> bytes:
        """The encoded document with its MAC in the room reserved."""
        whole = mac[: self._size].ljust(MAC_BYTES, b"\0")
        return message[: -self._width] + (whole.hex().upper().encode() if self._hex_mac else whole)
