"""What is inside a data element: positional, numbered, BER-TLV and bitmapped subfields.

A dialect's element may carry a `subfields` annotation; `form_of(annotation)` compiles it into a `Form`, whose `read` turns the
element's value in a document into its parts and whose `build` turns parts into a value. Parts are a `dict[str, str]` in wire
order, keyed by number or tag. What the annotation does not know survives `build(read(value))` byte for byte.

Annotation: `{"form": …, "parts": [{"id": "1", "len": 2, "desc": "…", "sensitive": true}, …]}` and, by form:

- `positional`: parts of `len` characters one after another; a value may end early. Gaps are filled with `fill` (default blank).
- `numbered`: id, length, data, each of `id_len` and `len_len` characters; before them, if there is `lead` (a part), so many
  characters of it.
- `tlv`: hex of BER-TLV; `dataset` (two hex digits): the tags stand in a dataset of that id with a 2-byte length.
- `bitmapped`: hex of a bitmap of `bitmap` bytes and the parts it announces; a part's `enc` is `b` (hex, `len` bytes), `bcd`
  (`len` digits, an odd number led by a zero) or a Python text codec (`len` characters); with `len_len`, at most
  `len` behind a length of so many digits.
- `llvar`: parts one after another, each led by its length in `len_len` digits (a part with `len` is that long and has no length
  before it); a value may end early.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec

from switch.wire.annotation import AnnotationError, Part, mistakes

__all__ = ["REST", "AnnotationError", "Form", "Part", "SubfieldError", "build", "form_of", "read"]

REST: Final = "rest"
"""Key of what stands behind the last part an annotation knows."""


class SubfieldError(ValueError):
    """A value that does not divide, or parts that make no value.

    `offset` counts characters of the value where parts are characters, bytes where the value is hex.
    """

    def __init__(self, part: str, offset: int, expected: str, found: str) -> None:
        shown = part if part.isprintable() else ascii(part)
        super().__init__(f"subfield {shown or '?'} at {offset}: expected {expected}, found {found}")
        self.part = part
        self.offset = offset
        self.expected = expected
        self.found = found


class Form(Protocol):
    """A compiled annotation."""

    @property
    def parts(self) -> Mapping[str, Part]:
        """Declared parts by id; a value may hold others."""

    def read(self, value: str) -> dict[str, str]:
        """The parts of an element's value, in wire order. SubfieldError: it does not divide."""

    def build(self, parts: Mapping[str, str]) -> str:
        """An element's value from its parts. SubfieldError: a part is too long, of the wrong kind or unknown."""


class _Positional:
    def __init__(self, parts: dict[str, Part], annotation: Mapping[str, Any]) -> None:
        self.parts = parts
        fill = annotation.get("fill", " ")
        self._slots: list[tuple[str, int, int, str]] = []
        at = 0
        for p in parts.values():
            self._slots.append((p.id, at, at + p.len, p.fill or fill))
            at += p.len
        self._len = at

    def read(self, value: str) -> dict[str, str]:
        end = len(value)
        found = {key: value[start:stop] for key, start, stop, _ in self._slots if start < end}
        if end > self._len:
            found[REST] = value[self._len :]
        return found

    def build(self, parts: Mapping[str, str]) -> str:
        out, left = "", len(parts)
        for key, start, stop, fill in self._slots:
            if not left:
                return out
            text = parts.get(key)
            if text is None:
                out += fill * (stop - start)
                continue
            left -= 1
            if len(text) != stop - start and (left or len(text) > stop - start):
                raise SubfieldError(key, start, f"{stop - start} characters", f"{len(text)}")
            out += text
        if left and REST in parts:
            return out + parts[REST]
        if left:
            unknown = next(k for k in parts if k not in self.parts)
            raise SubfieldError(unknown, self._len, f"one of the parts {', '.join(self.parts)}", unknown)
        return out


class _Numbered:
    def __init__(self, parts: dict[str, Part], annotation: Mapping[str, Any]) -> None:
        self.parts = parts
        lead = annotation.get("lead")
        self._lead = msgspec.convert(lead, Part) if lead else None
        if self._lead is not None:
            parts[self._lead.id] = self._lead
        self._id_len = int(annotation.get("id_len", 2))
        self._len_len = int(annotation.get("len_len", 2))

    def read(self, value: str) -> dict[str, str]:
        found: dict[str, str] = {}
        at, end, id_len = 0, len(value), self._id_len
        head = id_len + self._len_len
        if self._lead is not None:
            at = self._lead.len
            if end < at:
                raise SubfieldError(self._lead.id, 0, f"{at} characters", f"{end}")
            found[self._lead.id] = value[:at]
        while at < end:
            key, digits = value[at : at + id_len], value[at + id_len : at + head]
            if not (digits.isdecimal() and digits.isascii() and len(digits) == self._len_len):
                raise SubfieldError(key, at + id_len, f"a length of {self._len_len} digits", repr(digits))
            stop = at + head + int(digits)
            if stop > end:
                raise SubfieldError(key, at + id_len, f"at most {end - at - head} characters", digits)
            if key in found:
                key = _unique(found, key)
            found[key] = value[at + head : stop]
            at = stop
        return found

    def build(self, parts: Mapping[str, str]) -> str:
        out, id_len, len_len = "", self._id_len, self._len_len
        if self._lead is not None:
            out = parts.get(self._lead.id, " " * self._lead.len)
            if len(out) != self._lead.len:
                raise SubfieldError(self._lead.id, 0, f"{self._lead.len} characters", f"{len(out)}")
        longest = 10**self._len_len - 1
        for name, text in parts.items():
            if self._lead is not None and name == self._lead.id:
                continue
            key = name if len(name) == id_len else name.partition("#")[0]
            if len(key) != id_len:
                raise SubfieldError(key, len(out), f"an id of {id_len} characters", repr(key))
            if len(text) > longest:
                raise SubfieldError(key, len(out), f"at most {longest} characters", f"{len(text)}")
            out += f"{key}{str(len(text)).rjust(len_len, '0')}{text}"
        return out


class _Llvar:
    def __init__(self, parts: dict[str, Part], annotation: Mapping[str, Any]) -> None:
        self.parts = parts
        self._len_len = int(annotation.get("len_len", 2))

    def read(self, value: str) -> dict[str, str]:
        found: dict[str, str] = {}
        at, end, len_len = 0, len(value), self._len_len
        for part in self.parts.values():
            if at == end:
                return found
            start, size = at, part.len
            if not size:
                digits, start = value[at : at + len_len], at + len_len
                if not (digits.isdecimal() and digits.isascii() and len(digits) == len_len):
                    raise SubfieldError(part.id, at, f"a length of {len_len} digits", repr(digits))
                size = int(digits)
            if start + size > end:
                raise SubfieldError(part.id, at, f"{size} characters", f"{max(0, end - start)}")
            found[part.id] = value[start : start + size]
            at = start + size
        if at < end:
            found[REST] = value[at:]
        return found

    def build(self, parts: Mapping[str, str]) -> str:
        out, left, longest = "", len(parts), 10**self._len_len - 1
        for part in self.parts.values():
            if not left:
                return out
            text = parts.get(part.id)
            if text is None:
                raise SubfieldError(part.id, len(out), "a value, since others stand behind it", "none")
            left -= 1
            if part.len and len(text) != part.len:
                raise SubfieldError(part.id, len(out), f"{part.len} characters", f"{len(text)}")
            if len(text) > longest and not part.len:
                raise SubfieldError(part.id, len(out), f"at most {longest} characters", f"{len(text)}")
            out += text if part.len else f"{str(len(text)).rjust(self._len_len, '0')}{text}"
        if left and (left > 1 or REST not in parts):
            unknown = next(k for k in parts if k not in self.parts)
            raise SubfieldError(unknown, len(out), f"one of the parts {', '.join(self.parts)}", unknown)
        return out + parts.get(REST, "")


class _Tlv:
    def __init__(self, parts: dict[str, Part], annotation: Mapping[str, Any]) -> None:
        self.parts = parts
        self._dataset = str(annotation.get("dataset", ""))

    def read(self, value: str) -> dict[str, str]:
        data = _bytes(value)
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
                found[_unique(found, f"dataset {name}")] = data[at + 3 : stop].hex().upper()
            at = stop
        return found

    def build(self, parts: Mapping[str, str]) -> str:
        out, others = b"", b""
        for name, text in parts.items():
            key, data = name.partition("#")[0], _bytes(text, name)
            if key == REST:
                out += data
            elif key.startswith("dataset "):
                others += bytes.fromhex(key[8:]) + len(data).to_bytes(2, "big") + data
            else:
                out += _tag(key) + _ber_length(len(data)) + data
        if self._dataset and out:
            out = bytes.fromhex(self._dataset) + len(out).to_bytes(2, "big") + out
        return (out + others).hex().upper()


class _Bitmapped:
    def __init__(self, parts: dict[str, Part], annotation: Mapping[str, Any]) -> None:
        self.parts = parts
        self._bytes = int(annotation["bitmap"])
        self._bits = self._bytes * 8
        self._by_bit = {int(p.id): (p, 1 << (self._bits - int(p.id))) for p in parts.values()}

    def read(self, value: str) -> dict[str, str]:
        data, at = _bytes(value), self._bytes
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
            out += _bytes(parts[name], name)
        return (bitmap.to_bytes(self._bytes, "big") + out).hex().upper()

    def _mask(self, name: str) -> int:
        mask = 0
        for n in name.split("+"):
            if not n.isdecimal() or not 1 <= int(n) <= self._bits:
                raise SubfieldError(name, 0, f"a bit from 1 to {self._bits}", n)
            mask |= 1 << (self._bits - int(n))
        return mask


def _unique(found: dict[str, str], key: str) -> str:
    """`key`, or `key#2`, `key#3` … where the value repeats it."""
    if key not in found:
        return key
    n = 2
    while f"{key}#{n}" in found:
        n += 1
    return f"{key}#{n}"


def _bytes(value: str, part: str = "") -> bytes:
    try:
        if " " in value:
            raise ValueError
        return bytes.fromhex(value)
    except ValueError:
        bad = next((i for i, c in enumerate(value) if c not in "0123456789abcdefABCDEF"), len(value))
        raise SubfieldError(part, bad // 2, "pairs of hex digits", repr(value[bad : bad + 1])) from None


def _tag(key: str) -> bytes:
    data = _bytes(key, key)
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
        found[_unique(found, tag) if tag in found else tag] = digits[at * 2 : (at + length) * 2]
        at += length


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
        data = _bytes(text, part.id)
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


_FORMS: Final[dict[str, Callable[[dict[str, Part], Mapping[str, Any]], Form]]] = {
    "positional": _Positional,
    "numbered": _Numbered,
    "tlv": _Tlv,
    "bitmapped": _Bitmapped,
    "llvar": _Llvar,
}


def form_of(annotation: Mapping[str, Any]) -> Form:
    """Compile a `subfields` annotation. AnnotationError: the first thing wrong with it."""
    for path, text in mistakes(annotation):
        raise AnnotationError(": ".join((*(".".join(map(str, path)),) * bool(path), text)))
    declared = msgspec.convert(annotation.get("parts", []), list[Part])
    return _FORMS[annotation["form"]]({p.id: p for p in declared}, annotation)


def read(annotation: Mapping[str, Any], value: str) -> dict[str, str]:
    """`form_of(annotation).read(value)`, for use once.

    >>> read({"form": "numbered"}, "42020592" + "03123")
    {'42': '05', '92': '123'}
    """
    return form_of(annotation).read(value)


def build(annotation: Mapping[str, Any], parts: Mapping[str, str]) -> str:
    """`form_of(annotation).build(parts)`, for use once.

    >>> build({"form": "tlv"}, {"9F02": "000000012345", "95": "0000008000"})
    '9F020600000001234595050000008000'
    """
    return form_of(annotation).build(parts)
