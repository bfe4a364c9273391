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
from typing import Any, Final

import msgspec

from switch.wire.annotation import AnnotationError, Part, mistakes
from switch.wire.bitmapped import Bitmapped
from switch.wire.parts import REST, Divided, Form, SubfieldError, unique
from switch.wire.tlv import Tlv

__all__ = ["REST", "AnnotationError", "Form", "Part", "SubfieldError", "build", "form_of", "read"]


class _Positional(Divided):
    def __init__(self, parts: dict[str, Part], annotation: Mapping[str, Any]) -> None:
        super().__init__(parts)
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
        if left == 1 and REST in parts:
            return out + parts[REST]
        if left:
            unknown = next(k for k in parts if k not in self.parts and k != REST)
            raise SubfieldError(unknown, self._len, f"one of the parts {', '.join(self.parts)}", unknown)
        return out


class _Numbered(Divided):
    def __init__(self, parts: dict[str, Part], annotation: Mapping[str, Any]) -> None:
        super().__init__(parts)
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
                key = unique(found, key)
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
            key = name if len(name) == id_len else name.rpartition("#")[0] or name
            if len(key) != id_len:
                raise SubfieldError(key, len(out), f"an id of {id_len} characters", repr(key))
            if len(text) > longest:
                raise SubfieldError(key, len(out), f"at most {longest} characters", f"{len(text)}")
            out += f"{key}{str(len(text)).rjust(len_len, '0')}{text}"
        return out


class _Llvar(Divided):
    def __init__(self, parts: dict[str, Part], annotation: Mapping[str, Any]) -> None:
        super().__init__(parts)
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
            unknown = next(k for k in parts if k not in self.parts and k != REST)
            raise SubfieldError(unknown, len(out), f"one of the parts {', '.join(self.parts)}", unknown)
        return out + parts.get(REST, "")


_FORMS: Final[dict[str, Callable[[dict[str, Part], Mapping[str, Any]], Form]]] = {
    "positional": _Positional,
    "numbered": _Numbered,
    "tlv": Tlv,
    "bitmapped": Bitmapped,
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
