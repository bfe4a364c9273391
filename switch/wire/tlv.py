"""BER-TLV within an element: tags, their lengths and values (ISO/IEC 8825-1), and which of them name a card.

A tag is upper-case hex; one that comes again is `9F10#2`. Zero bytes behind the last tag are padding, and kept as `REST`.
"""

from collections.abc import Mapping
from typing import Any, Final

from switch.wire.annotation import Part
from switch.wire.parts import REST, Divided, SubfieldError, hex_bytes, unique

CARD_TAGS: Final = ("56", "57", "5A", "5F20", "99", "9F0B", "9F1F", "9F20", "9F6B")
"""What names a card or its holder, or proves who holds it, whatever an annotation says: tracks, PAN, names, PIN data, and what is
discretionary of a track (EMV 4.3 book 3, annex A; 56 and 9F6B of contactless kernels, book C-2)."""
_CONSTRUCTED: Final = 0x20
"""bit of a tag's first byte: its value is tags"""
_DATASET: Final = "dataset "


class Tlv(Divided):
    """Form `tlv`. What stands in a dataset of another id is kept whole, as `dataset 02`."""

    def __init__(self, parts: dict[str, Part], annotation: Mapping[str, Any]) -> None:
        super().__init__(parts)
        self._dataset = str(annotation.get("dataset", ""))

    def read(self, value: str) -> dict[str, str]:
        """See Form."""
        data = hex_bytes(value)
        found: dict[str, str] = {}
        if not self._dataset:
            _read_tlv(data, 0, len(data), found)
            return found
        at = 0
        while at < len(data):
            stop = at + 3 + int.from_bytes(data[at + 1 : at + 3], "big")
            if at + 3 > len(data) or stop > len(data):
                raise SubfieldError(
                    self._dataset, at, "a dataset id, a 2-byte length and its data", data[at : at + 3].hex()
                )
            name = data[at : at + 1].hex().upper()
            if name == self._dataset and at == 0 and stop > 3:  # an empty one is kept as such: no value is not the same
                _read_tlv(data, 3, stop, found)
            else:
                found[unique(found, f"{_DATASET}{name}")] = data[at + 3 : stop].hex().upper()
            at = stop
        return found

    def build(self, parts: Mapping[str, str]) -> str:
        """See Form. Padding stays behind the last tag, wherever in `parts` it is."""
        out, padding, others = b"", b"", b""
        for name, text in parts.items():
            key, data = name.partition("#")[0], hex_bytes(text, name)
            if key == REST:
                padding += data
            elif key.startswith(_DATASET):
                others += bytes.fromhex(key.removeprefix(_DATASET)) + len(data).to_bytes(2, "big") + data
            else:
                out += _tag(key) + _ber_length(len(data)) + data
        out += padding
        if self._dataset and out:
            out = bytes.fromhex(self._dataset) + len(out).to_bytes(2, "big") + out
        return (out + others).hex().upper()

    @property
    def may_hold_secrets(self) -> bool:
        """Always: chip data may name the card, whatever the annotation says."""
        return True

    def secrets(self, found: Mapping[str, str]) -> frozenset[str]:
        """See Form; and what names a card, and templates and datasets that have such a tag in them."""
        return super().secrets(found) | {key for key, value in found.items() if self._names_card(key, value)}

    def _names_card(self, key: str, value: str) -> bool:
        tag = key.partition("#")[0]
        if tag in CARD_TAGS:
            return True
        if not (tag.startswith(_DATASET) or (tag != REST and int(tag[:2], 16) & _CONSTRUCTED)):
            return False
        inside: dict[str, str] = {}
        try:
            _read_tlv(hex_bytes(value), 0, len(value) // 2, inside)
            return bool(self.secrets(inside))
        except (SubfieldError, RecursionError):
            return True


def _tag(key: str) -> bytes:
    data = hex_bytes(key, key)
    if not data or _tag_end(data, 0, len(data)) != len(data):
        raise SubfieldError(key, 0, "a BER-TLV tag", repr(key))
    return data


def _tag_end(data: bytes, at: int, end: int) -> int:
    """Where the tag that begins at `at` ends; -1: it does not."""
    if data[at] & 0x1F != 0x1F:
        return at + 1
    at += 1
    while at < end and data[at] & 0x80:
        at += 1
    return at + 1 if at < end else -1


def _ber_length(length: int) -> bytes:
    if length < 0x80:
        return bytes([length])
    size = (length.bit_length() + 7) // 8
    return bytes([0x80 | size]) + length.to_bytes(size, "big")


def _read_tlv(data: bytes, at: int, end: int, found: dict[str, str]) -> None:
    """Tags of `data[at:end]` into `found`. Zero bytes behind the last tag are padding and kept as such.

    A length longer than it need be is refused: rebuilt, it would not be the same bytes.
    """
    digits = data.hex().upper()
    while at < end:
        if data[at] == 0 and not any(data[at:end]):
            found[REST] = data[at:end].hex()
            return
        stop = _tag_end(data, at, end) if data[at] & 0x1F == 0x1F else at + 1
        if stop < 0:
            raise SubfieldError("", at, "a BER-TLV tag", data[at:end][:3].hex())
        tag = digits[at * 2 : stop * 2]
        if stop >= end:
            raise SubfieldError(tag, stop, "a length", "the end")
        length, at = data[stop], stop + 1
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size], "big")
            if at + size > end or _ber_length(length) != data[stop : at + size]:
                raise SubfieldError(tag, stop, "a BER length in its shortest form", data[stop : at + size].hex())
            at += size
        if at + length > end:
            raise SubfieldError(tag, at, f"{length} bytes", f"{end - at}")
        found[unique(found, tag) if tag in found else tag] = digits[at * 2 : (at + length) * 2]
        at += length
