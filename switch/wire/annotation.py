"""The `subfields` annotation of a dialect's element: what may stand in it, and everything that is wrong with one.

`mistakes(annotation)` is the definition; `subfields.form_of` refuses what it finds fault with, a dialect does so when it loads,
and `cmi-switch dialect lint` shows where. What each form means is told in `subfields.py`.
"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from switch.wire.element import encoding

Path: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the annotation down: `("parts", 2, "len")`."""

FORMS: Final = {
    "positional": ("fill",),
    "numbered": ("lead", "id_len", "len_len"),
    "tlv": ("dataset",),
    "bitmapped": ("bitmap",),
    "llvar": ("len_len",),
}
"""Form -> keys of its own."""

_COMMON: Final = ("form", "parts", "about")
IDS_MAX: Final = 9
"""characters of an id, at most"""
_COUNTS: Final = {"id_len": IDS_MAX, "len_len": 4, "bitmap": 16}
"""Keys that are numbers, and the most they may be; the least is 1."""


class AnnotationError(ValueError):
    """A `subfields` annotation that is none: the key, its value, what was expected."""


class Part(msgspec.Struct, frozen=True):
    """One subfield as the annotation declares it."""

    id: str
    len: int = 0
    desc: str = ""
    enc: str = ""
    fill: str = ""
    sensitive: bool = False
    len_len: int = 0
    """behind a bitmap: digits of the length that leads it, in its own text encoding (ASCII before bytes); `len` is the most"""


_PART: Final = Part.__struct_fields__
_TYPES: Final[dict[str, tuple[type, str]]] = {
    "id": (str, "a string"),
    "len": (int, "a whole number"),
    "desc": (str, "a string"),
    "enc": (str, "a string"),
    "fill": (str, "one character"),
    "sensitive": (bool, "true or false"),
    "len_len": (int, "a whole number"),
}


def mistakes(annotation: Any) -> Iterator[tuple[Path, str]]:
    """Everything wrong with an annotation: where in it, and the sentence. Nothing: `form_of` compiles it."""
    if not isinstance(annotation, Mapping):
        yield (), f"expected an object with a form, found {annotation!r}"
        return
    kind = annotation.get("form")
    if not isinstance(kind, str) or kind not in FORMS:
        yield ("form",), f"expected one of {', '.join(FORMS)}, found {kind!r}"
        return
    for key in annotation:
        if key not in (*_COMMON, *FORMS[kind]):
            yield (key,), f"no key of a {kind} annotation{_near(key, (*_COMMON, *FORMS[kind]))}"
    for key in FORMS[kind]:
        if key in annotation or key == "bitmap":
            yield from _value(key, annotation.get(key))
    if not isinstance(annotation.get("about", ""), str):
        yield ("about",), f"expected a string, found {annotation['about']!r}"
    parts = annotation.get("parts", [])
    if not isinstance(parts, list):
        yield ("parts",), f"expected a list, found {parts!r}"
        return
    seen: set[str] = set()
    for n, part in enumerate(parts):
        yield from (((*("parts", n), *path), text) for path, text in _part(kind, part, annotation))
        if isinstance(part, Mapping) and isinstance(part.get("id"), str):
            if part["id"] in seen:
                yield ("parts", n, "id"), f"an id stands twice: {part['id']}"
            seen.add(part["id"])


def _near(key: Any, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(str(key), known, 1)
    return f"; did you mean {near[0]}?" if near else ""


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _value(key: str, value: Any) -> Iterator[tuple[Path, str]]:
    """A key of a form's own."""
    if key in _COUNTS:
        if not _whole(value) or not 1 <= value <= _COUNTS[key]:
            yield (key,), f"expected a whole number from 1 to {_COUNTS[key]}, found {value!r}"
    elif key == "lead":
        yield from (((key, *path), text) for path, text in _part("positional", value, {}))
    elif key == "dataset":
        if not isinstance(value, str) or len(value) != 2 or not all(c in "0123456789ABCDEF" for c in value):
            yield (key,), f"expected two hex digits, upper case, found {value!r}"
    elif not isinstance(value, str) or len(value) != 1:
        yield (key,), f"expected one character, found {value!r}"


def _part(kind: str, part: Any, annotation: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    if not isinstance(part, Mapping):
        yield (), f"expected an object with an id, found {part!r}"
        return
    if "id" not in part:
        yield (), "id is missing"
    wrong = False
    for key, value in part.items():
        if key not in _PART:
            yield (key,), f"no key of a part{_near(key, _PART)}"
            continue
        kinds, wanted = _TYPES[key]
        if (
            not isinstance(value, kinds)
            or (kinds is int and not _whole(value))
            or (key == "fill" and len(str(value)) > 1)
        ):
            wrong = True
            yield (key,), f"expected {wanted}, found {value!r}"
    if not wrong and "id" in part:
        yield from _fits(kind, msgspec.convert(dict(part), Part), annotation)


def _fits(kind: str, part: Part, annotation: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """What a part must be in an annotation of this form."""
    where: Path = ("len",)
    if kind in ("positional", "bitmapped") and part.len < 1:
        yield where, f"expected len above 0, found {part.len}"
    elif part.len < 0:
        yield where, f"expected len 0 or above, found {part.len}"
    if kind == "tlv" and (len(part.id) % 2 or not part.id or any(c not in "0123456789ABCDEF" for c in part.id)):
        yield ("id",), f"expected a tag, pairs of hex digits in upper case, found {part.id!r}"
    if kind == "numbered" and len(part.id) != annotation.get("id_len", 2):
        yield ("id",), f"expected an id of {annotation.get('id_len', 2)} characters, found {part.id!r}"
    if part.len_len and (kind != "bitmapped" or part.enc == "bcd" or not 0 < part.len_len <= 6):
        yield ("len_len",), f"expected 1 to 6, of text or bytes behind a bitmap, found {part.len_len}"
    elif part.len_len and part.len >= 10**part.len_len:
        yield where, f"expected at most {10**part.len_len - 1}, what its length can say, found {part.len}"
    if kind != "bitmapped":
        return
    bits = annotation.get("bitmap")
    if _whole(bits) and not (part.id.isdecimal() and part.id.isascii() and 1 <= int(part.id) <= int(bits or 0) * 8):
        yield ("id",), f"expected a bit of a bitmap of {bits!r} bytes, found {part.id!r}"
    if part.enc not in {"b", "bcd"} and encoding(part.enc) is None:
        yield ("enc",), f"expected b, bcd, ascii, latin-1 or an EBCDIC page such as cp037, found {part.enc!r}"
