"""Subfields that a bitmap announces: which parts a value has, each in an encoding of its own."""

from collections.abc import Mapping
from typing import Any

from switch.wire.annotation import Part
from switch.wire.parts import REST, Divided, SubfieldError, hex_bytes


class Bitmapped(Divided):
    """Form `bitmapped`; keys are the numbers of bits, and of those whose length nobody knows `5+7`."""

    def __init__(self, parts: dict[str, Part], annotation: Mapping[str, Any]) -> None:
        super().__init__(parts)
        self._bytes = int(annotation["bitmap"])
        self._bits = self._bytes * 8
        self._by_bit = {int(p.id): (p, 1 << (self._bits - int(p.id))) for p in parts.values()}

    def read(self, value: str) -> dict[str, str]:
        """See Form."""
        data, at = hex_bytes(value), self._bytes
        if len(data) < at:
            raise SubfieldError("bitmap", 0, f"{at} bytes", f"{len(data)}")
        bitmap, left = int.from_bytes(data[:at], "big"), len(data)
        found: dict[str, str] = {}
        while bitmap:
            n = self._bits + 1 - bitmap.bit_length()
            known = self._by_bit.get(n)
            if known is None:
                bits = (str(m) for m in range(n, self._bits + 1) if bitmap >> (self._bits - m) & 1)
                found["+".join(bits)] = data[at:].hex().upper()
                return found
            part, mask = known
            span = _span(part, data, at)
            at += part.len_len
            if at + span > left:
                raise SubfieldError(part.id, at, f"{span} bytes", f"{left - at}")
            found[part.id] = _open(part, data[at : at + span], at)
            at += span
            bitmap ^= mask
        if at < left:
            found[REST] = data[at:].hex().upper()
        return found

    def build(self, parts: Mapping[str, str]) -> str:
        """See Form."""
        bitmap, out, unknown = 0, b"", ""
        for name in sorted(parts, key=_bit_order) if len(parts) > 1 else parts:
            if unknown and name != REST:
                raise SubfieldError(name, len(out), f"nothing behind part {unknown}, whose length is not known", name)
            if name.isdecimal() and int(name) in self._by_bit:
                part, mask = self._by_bit[int(name)]
                bitmap |= mask
                out += _close(part, parts[name], len(out))
                continue
            if name != REST:
                unknown = name
                bitmap |= self._mask(name)
            out += hex_bytes(parts[name], name)
        return (bitmap.to_bytes(self._bytes, "big") + out).hex().upper()

    def _mask(self, name: str) -> int:
        mask = 0
        for n in name.split("+"):
            if not n.isdecimal() or not 1 <= int(n) <= self._bits:
                raise SubfieldError(name, 0, f"a bit from 1 to {self._bits}", n)
            mask |= 1 << (self._bits - int(n))
        return mask


def _span(part: Part, data: bytes, at: int) -> int:
    """Bytes a part of a bitmapped element takes that begins at `at`, its length not counted."""
    if not part.len_len:
        return (part.len + 1) // 2 if part.enc == "bcd" else part.len
    digits = data[at : at + part.len_len].decode(_length_enc(part), "replace")
    if not (digits.isascii() and digits.isdecimal() and len(digits) == part.len_len and int(digits) <= part.len):
        raise SubfieldError(part.id, at, f"a length of {part.len_len} digits, up to {part.len}", repr(digits))
    return int(digits)


def _length_enc(part: Part) -> str:
    return "ascii" if part.enc == "b" else part.enc


def _bit_order(name: str) -> int:
    first = name.partition("+")[0]
    return int(first) if first.isdecimal() else 1_000


def _open(part: Part, data: bytes, at: int) -> str:
    if part.enc == "b":
        return data.hex().upper()
    if part.enc != "bcd":
        try:
            return data.decode(part.enc)
        except UnicodeDecodeError as e:
            raise SubfieldError(part.id, at + e.start, f"{part.enc} text", data[e.start : e.start + 1].hex()) from None
    digits = data.hex()
    if not digits.isdecimal() or (part.len % 2 and digits[0] != "0"):
        raise SubfieldError(part.id, at, f"{part.len} BCD digits", digits)
    return digits[-part.len :]


def _close(part: Part, text: str, at: int) -> bytes:
    """The bytes of a part; `at`: where in the element, its bitmap not counted."""
    if part.enc == "b":
        data = hex_bytes(text, part.id)
        if len(data) > part.len or (len(data) < part.len and not part.len_len):
            raise SubfieldError(part.id, at, f"{part.len} bytes", f"{len(data)}")
        return _led(part, len(data)) + data
    if len(text) > part.len or (len(text) < part.len and not part.len_len):
        raise SubfieldError(part.id, at, f"{part.len} characters", f"{len(text)}")
    if part.enc == "bcd":
        if not (text.isascii() and text.isdecimal()):
            raise SubfieldError(part.id, at, f"{part.len} digits", "something else")
        return bytes.fromhex("0" * (part.len % 2) + text)
    try:
        return _led(part, len(text)) + text.encode(part.enc)
    except UnicodeEncodeError as e:
        raise SubfieldError(part.id, at, f"characters of {part.enc}", repr(text[e.start])) from None


def _led(part: Part, n: int) -> bytes:
    """The length before `n` bytes of a part; empty where it has none."""
    return f"{n:0{part.len_len}d}".encode(_length_enc(part)) if part.len_len else b""
