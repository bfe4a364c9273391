"""The fields inside a jPOS `isofieldpackager` as a `subfields` annotation of ours."""

import re
from typing import Any, Final

import msgspec

from switch.dialects.jpos_attributes import is_tagged_sequence
from switch.dialects.jpos_classes import EBCDIC, Kind, UnlikeError, describe
from switch.dialects.jpos_field import Field
from switch.wire.annotation import mistakes

_TAGGED: Final = re.compile(r"IFA_(?P<ts>T+)(?P<ls>L+)CHAR|IF(?:EPE|EMC|MC)_(?P<two>L+)CHAR|IFIPM_(?P<four>L+)CHAR")
"""A tag's digits, a length's digits, data; Mastercard's and Europay's classes have tags of two, those of its clearing of four."""
_STANDARD: Final = ("GenericPackager", "GenericSubFieldPackager", "GenericTaggedFieldsPackager")
"""Packagers whose fields stand as the file says: one after another, behind a bitmap, or each behind its tag."""
_TEXTS: Final = ("ascii", "latin", "ebcdic")
_SEQUENCE: Final = re.compile(r"IFTA_(?P<ls>L+)(?:CHAR|NUM)")
_UNLIKE_TAGGED: Final = {
    re.compile(r"IF(EP|ELPE)_\w+"): "a length that stands before its tag",
    re.compile(r"IF(A_T+|MC_|EPE_|EMC_)L+BINARY"): "bytes behind a tag that is text",
}


def as_text(field: Field, outer: Kind) -> Kind:
    """The kind of a field of bytes that holds nothing but text, one character set throughout: it is that text; else as it is."""
    own = field.said("packager").rpartition(".")[2]
    inside = [f for f in field.inside if not _is_placeholder(f)]
    tagged = all(_TAGGED.fullmatch(f.class_name) for f in inside)
    if outer.data != "raw" or outer.note or not (tagged or own in _STANDARD):
        return outer
    try:
        sets = {_character_set(f.class_name) for f in inside}
    except UnlikeError:
        return outer
    if any(f.inside for f in inside) or any("BITMAP" in f.class_name for f in inside):
        return outer
    if sets == {"ebcdic"}:
        return msgspec.structs.replace(outer, data="ebcdic")
    return msgspec.structs.replace(outer, data="latin") if sets and sets <= {"ascii", "latin"} else outer


def _character_set(name: str) -> str:
    """What a class writes a subfield in. UnlikeError: it is no class that stands in a field."""
    if _TAGGED.fullmatch(name):
        return "ebcdic" if name.startswith("IFE") else "latin"
    return describe(name).data


def _is_placeholder(field: Field) -> bool:
    """A field that jPOS's arrays need and messages do not have."""
    return field.class_name == "IF_NOP" or (field.number("id") == 0 and field.number("length") == 0)


def annotation(field: Field, outer: Kind) -> tuple[dict[str, Any] | None, str]:
    """The annotation and what of it is left out ("": nothing), or None and why there is none."""
    packager = field.attributes.get("packager", "")
    if "tagMapper" in field.attributes:
        return None, "tagMapper: code makes their tags, and this file does not say them"
    if field.said("params"):
        return None, f"params: {packager} makes something of {field.said('params')!r} that this file does not say"
    if is_tagged_sequence(field):
        return _sequence(field.inside, outer)
    if "tlv" in packager.lower() or packager.endswith("ICCDataPackager"):
        if outer.data not in ("raw", "hex"):
            return None, "BER-TLV within text"
        return {"form": "tlv", "parts": []}, ""
    own = packager.rpartition(".")[2]
    if not field.inside:
        coded = own and own not in _STANDARD
        return None, f"{own}: code of its own says how they stand" if coded else f"there are none in {packager or 'it'}"
    inside, why = _used(field)
    if why:
        return None, why
    if own not in _STANDARD and not all(_TAGGED.fullmatch(f.class_name) for f in inside):
        return None, f"{own or 'a packager'}: code of its own says how they stand"
    found, why = _made(inside, outer)
    if found is None:
        return None, why
    nested = [str(f.number("id")) for f in inside if f.inside or "packager" in f.attributes]
    left = f"subfield {', '.join(nested)}: kept whole, its own subfields are left out" if nested else ""
    wrong = next(mistakes(found), None)
    return (found, left) if wrong is None else (None, ".".join(map(str, wrong[0])) + ": " + wrong[1])


def _sequence(inside: list[Field], outer: Kind) -> tuple[dict[str, Any] | None, str]:
    """Tags (`token`) with lengths; a token of `#` stands for all others."""
    shapes = [_SEQUENCE.fullmatch(f.class_name) for f in inside]
    tokens = [f.attributes.get("token", "").strip() for f in inside]
    if outer.data not in _TEXTS:
        return None, "tags of text within bytes"
    if not inside or not all(shapes) or not all(tokens):
        return None, "a field without a tag stands before those that have one"
    sizes = {(len(token), len(shape["ls"])) for token, shape in zip(tokens, shapes, strict=True) if shape}
    if len(sizes) != 1:
        return None, "tags or lengths of different sizes"
    id_len, len_len = sizes.pop()
    pairs = zip(inside, tokens, strict=True)
    parts = [{**_part(f, 0), "id": token} for f, token in pairs if token.strip("#")]
    return {"form": "numbered", "id_len": id_len, "len_len": len_len, "parts": parts}, ""


def _used(field: Field) -> tuple[list[Field], str]:
    """The fields within a field, by number, or why they cannot be said."""
    inside = sorted((f for f in field.inside if not _is_placeholder(f)), key=lambda f: f.number("id"))
    if any(f.number("id") < 0 for f in inside):
        return [], "ids that are no numbers"
    if field.attributes.get("thirdBitmapField", "").strip() not in ("", "-999"):
        return [], "thirdBitmapField: a third bitmap"
    first, last = field.number("firstField", 0), field.number("maxValidField", 999)
    if first < 0 or last < 0:
        return [], "firstField or maxValidField is no number"
    beyond = [str(f.number("id")) for f in inside if f.number("id") > last]
    before = [str(f.number("id")) for f in inside if f.number("id") < first and "BITMAP" not in f.class_name]
    if beyond or before:
        which = "maxValidField" if beyond else "firstField"
        return [], f"{which}: subfield {', '.join(beyond or before)} stands outside"
    bitmap = next((f for f in inside if "BITMAP" in f.class_name), None)
    if bitmap is None and field.flag("emitBitmap", default=True) and _is_plain(field):
        return [], "emitBitmap is not false, and no subfield is a bitmap"
    if bitmap is not None and not field.flag("emitBitmap", default=True):
        return [], f"emitBitmap is false, and subfield {bitmap.number('id')} is a bitmap"
    if bitmap is not None and "bitmapField" in field.attributes and field.number("bitmapField") != bitmap.number("id"):
        return [], f"bitmapField: {field.attributes['bitmapField']} is no bitmap, subfield {bitmap.number('id')} is"
    return inside, ""


def _is_plain(field: Field) -> bool:
    """True where jPOS's own packager reads the subfields: one after another, or announced by a bitmap."""
    return field.attributes.get("packager", "").rpartition(".")[2] in ("GenericPackager", "GenericSubFieldPackager")


def _made(inside: list[Field], outer: Kind) -> tuple[dict[str, Any] | None, str]:
    tagged = [_TAGGED.fullmatch(f.class_name) for f in inside]
    for f in inside:
        for pattern, why in _UNLIKE_TAGGED.items():
            if pattern.fullmatch(f.class_name):
                return None, f"{f.class_name}: {why}"
    if any(tagged):
        return _numbered(inside, tagged) if outer.data in _TEXTS else (None, "tags of text within bytes")
    try:
        kinds = [describe(f.class_name) for f in inside]
    except UnlikeError as error:
        return None, str(error)
    if any("BITMAP" in f.class_name for f in inside):
        return _bitmapped(inside, kinds, outer)
    if outer.data not in _TEXTS or any(k.data not in _TEXTS for k in kinds):
        if all(not k.prefix for k in kinds) and outer.data == "raw" and all(k.data == "raw" for k in kinds):
            return {"form": "positional", "fill": "0", "parts": [_part(f, 2) for f in inside]}, ""
        return None, "a mixture of text and bytes"
    if not any(k.prefix for k in kinds):
        return {"form": "positional", "parts": [_part(f, 1) for f in inside]}, ""
    lengths = {k.digits for k in kinds if k.prefix}
    if len(lengths) > 1 or any(k.prefix not in ("", "ascii", "ebcdic") for k in kinds):
        return None, "lengths of different sizes or forms"
    parts = [_part(f, 0 if k.prefix else 1) for f, k in zip(inside, kinds, strict=True)]
    return {"form": "llvar", "len_len": lengths.pop(), "parts": parts}, ""


def _part(field: Field, each: int) -> dict[str, Any]:
    """A part; `each`: characters of a document to one of the field's length, 0: it has a length of its own."""
    part: dict[str, Any] = {"id": str(field.number("id"))}
    if each:
        part["len"] = max(0, field.number("length")) * each
    name = field.attributes.get("name", "").strip()
    return {**part, "desc": name} if name else part


def _numbered(inside: list[Field], tagged: list[re.Match[str] | None]) -> tuple[dict[str, Any] | None, str]:
    shapes = {_shape(m) for m in tagged if m}
    if not all(tagged) or len(shapes) != 1:
        return None, "tags or lengths of different sizes"
    id_len, len_len = shapes.pop()
    parts = [{**_part(f, 0), "id": str(f.number("id")).rjust(id_len, "0")} for f in inside]
    return {"form": "numbered", "id_len": id_len, "len_len": len_len, "parts": parts}, ""


def _shape(tag: re.Match[str]) -> tuple[int, int]:
    """Digits of a tag, and of the length behind it."""
    if tag["four"]:
        return 4, len(tag["four"])
    return len(tag["ts"] or "TT"), len(tag["ls"] or tag["two"])


def _bitmapped(inside: list[Field], kinds: list[Kind], outer: Kind) -> tuple[dict[str, Any] | None, str]:
    encs = {"raw": "b", "bcd": "bcd", "ascii": "ascii", "latin": "latin-1", "ebcdic": EBCDIC}
    bitmap = next((f for f in inside if "BITMAP" in f.class_name), None)
    if bitmap is None or outer.data != "raw" or bitmap.class_name != "IFB_BITMAP":
        return None, "a bitmap that is not raw"
    parts = []
    for f, kind in zip(inside, kinds, strict=True):
        if f is bitmap or f.number("id") == 0:
            continue
        if kind.data not in encs or (kind.data == "bcd" and f.number("length") % 2 and not f.flag("pad")):
            return None, f"subfield {f.number('id')}: {f.class_name} behind a bitmap"
        part = {**_part(f, 1), "enc": encs[kind.data]}
        if kind.prefix:
            if kind.prefix != ("ebcdic" if kind.data == "ebcdic" else "ascii") or kind.data == "bcd":
                return None, f"subfield {f.number('id')}: the length of {f.class_name} behind a bitmap"
            part["len_len"] = kind.digits
            part["len"] = min(part["len"], 10**kind.digits - 1)
        parts.append(part)
    return {"form": "bitmapped", "bitmap": max(1, bitmap.number("length")), "parts": parts}, ""
