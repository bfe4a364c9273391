"""Read a moov-io/iso8583 JSON spec as a dialect."""

import json
from typing import Any, Final

from switch.config.mistakes import Mistake, did_you_mean
from switch.config.positions import Index, Path
from switch.dialects.foreign import BYTES_MAX, NO_THIRD_BITMAP, THIRD_BITMAP, Brought, Wanted, finish, whole
from switch.dialects.jpos_classes import EBCDIC
from switch.dialects.positions import scan
from switch.wire.annotation import IDS_MAX
from switch.wire.annotation import mistakes as annotation_mistakes
from switch.wire.dialect import LENGTH_BYTES_MAX

_TEXTS: Final = {"ASCII": "ascii", "EBCDIC": EBCDIC, "EBCDIC1047": EBCDIC}
_HEX: Final = ("HexToASCII", "Hex")
"""Bytes as hex digits on the wire; the second is what specs of old call it."""
_KEYS: Final = (
    "type",
    "length",
    "description",
    "enc",
    "prefix",
    "padding",
    "tag",
    "subfields",
    "bitmap",
    "disableAutoExpand",
)
_TAG_KEYS: Final = ("length", "enc", "padding", "sort", "skipUnknownTLVTags", "storeUnknownTLVTags", "prefUnknownTLV")
_PREFIXES: Final = {"ASCII": "ascii", "EBCDIC": EBCDIC, "EBCDIC1047": EBCDIC, "BCD": "bcd", "Binary": "b"}
_ENCODINGS: Final = (*_TEXTS, "BCD", "LBCD", "Binary", *_HEX, "ASCIIToHex", "BerTLVTag")
_CANONICAL: Final = {key.casefold(): key for key in (*_KEYS, *_TAG_KEYS)}
_LENGTH_MOST: Final = {"ASCII": 10, "EBCDIC": 10, "EBCDIC1047": 10, "BCD": 10, "Binary": 256}
"""what one L of a length can say"""
_TOO_DEEP: Final = "nested too deeply to be a spec"
_TYPES: Final = ("String", "Numeric", "Binary", "Bitmap", "Composite", "Track1", "Track2", "Track3", "Hex")


def read(source: str, content: bytes, wanted: Wanted) -> Brought:
    """The dialect a moov JSON spec describes. `source` names the file in mistakes."""
    if len(content) > BYTES_MAX:
        return Brought("", (whole(source, f"more than {BYTES_MAX} bytes: no spec"),), ())
    try:
        text = content.decode("utf-8")
        raw = json.loads(text)
    except UnicodeDecodeError as error:
        return Brought("", (whole(source, f"not UTF-8 at byte {error.start}"),), ())
    except json.JSONDecodeError as error:
        if _is_yaml(text):
            said = "a YAML spec: only JSON is read; moov reads the same fields from JSON"
            return Brought(
                "", (whole(source, said, "turn it into JSON first (yq -o json spec.yaml, or any YAML library)"),), ()
            )
        snippet = Index(text, {}).line_text(error.lineno)[:120]
        mistake = Mistake(file=source, line=error.lineno, column=error.colno, width=1, message=f"no JSON: {error.msg}",
                          snippet=snippet)  # fmt: skip
        return Brought("", (mistake,), ())
    except (RecursionError, ValueError) as error:
        deep = isinstance(error, RecursionError)
        return Brought("", (whole(source, _TOO_DEEP if deep else f"no JSON: {error}"),), ())
    if not isinstance(raw, dict) or not isinstance(raw.get("fields"), dict):
        return Brought("", (whole(source, 'no moov spec: expected an object with "fields"'),), ())
    try:
        reading = _Reading(source, scan(text)[0])
        reading.unknown((), "", raw, ("name", "fields"))
        for key, given in raw["fields"].items():
            reading.field(key, _canonical(given))
    except RecursionError:
        return Brought("", (whole(source, _TOO_DEEP),), ())
    name = source.rpartition("/")[2]
    title = str(raw.get("name") or f"moov spec {name}")
    about = f"Brought in from the moov-io/iso8583 spec {name}."
    return finish(
        source, wanted, title, about, reading.elements, reading.mistakes, reading.notes, both=reading.bitmap_bytes == 16
    )


def _canonical(given: Any) -> Any:
    """A field with its keys as moov writes them: its reader (Go's) takes `Length` and `disableautoexpand` as well."""
    if not isinstance(given, dict):
        return given
    made = {_CANONICAL.get(key.casefold(), key): value for key, value in given.items()}
    for name in ("tag", "bitmap"):
        if name in made:
            made[name] = _canonical(made[name])
    if isinstance(made.get("subfields"), dict):
        made["subfields"] = {key: _canonical(inner) for key, inner in made["subfields"].items()}
    if isinstance(made.get("prefix"), str):
        made["prefix"] = made["prefix"].replace(".fixed", ".Fixed")
    return made


def _is_yaml(text: str) -> bool:
    """True for what looks like YAML's `fields:` on a line of its own."""
    return any(line.strip() in ("fields:", '"fields":') for line in text.splitlines())


class _Reading:
    def __init__(self, source: str, index: Index) -> None:
        self.source = source
        self.index = index
        self.elements: dict[str, dict[str, Any]] = {}
        self.mistakes: list[Mistake] = []
        self.notes: list[Mistake] = []
        self.bitmap_bytes = 8

    def unknown(self, path: Path, where: str, given: dict[str, Any], known: tuple[str, ...]) -> None:
        """Note keys that say nothing here: what they ask for would be dropped in silence."""
        for key in given:
            if key not in known:
                hint = did_you_mean(key, known)
                self.mistakes.append(self.at((*path, key), f"{where}{key}: no key of a spec that is known here", hint))

    def at(self, path: Path, message: str, hint: str = "") -> Mistake:
        start, end = self.index.value(path)
        line, column = self.index.line_column(start)
        snippet = self.index.line_text(line)[:120]
        width = max(1, min(end - start, len(snippet) - column + 1))
        return Mistake(
            file=self.source, line=line, column=column, width=width, message=message, hint=hint, snippet=snippet
        )

    def field(self, key: str, given: Any) -> None:
        path: Path = ("fields", key)
        if not (key.isascii() and key.isdecimal() and len(key) <= 3 and int(key) <= 128):
            self.mistakes.append(self.at(path, f'field "{key[:40]}": expected 0 to 128'))
            return
        if not isinstance(given, dict):
            self.mistakes.append(self.at(path, f"field {key}: expected an object"))
            return
        for name, known in (("type", _TYPES), ("enc", _ENCODINGS)):
            value = given.get(name, known[0])
            if value not in known:
                hint = did_you_mean(str(value), known)
                self.mistakes.append(self.at((*path, name), f"field {key}: {name} {value!r} is not known here", hint))
                return
        self._told(path, key, given)
        size = given.get("length")
        if size is None and given.get("type") == "Bitmap":
            size = 8
        if size is None and given.get("subfields") and str(given.get("prefix")).endswith(".Fixed"):
            size = _sum_of_fixed(given["subfields"])
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            self.mistakes.append(self.at((*path, "length"), f"field {key}: length: expected a number above 0"))
            return
        desc = str(given.get("description") or f"Field {key}")
        if key == "1":
            self._bitmap(path, given, size)
            for name, said in (("p", "Bitmap, Primary"), ("1", "Bitmap, Secondary")):
                self.elements[name] = self._data(given, 8) | {
                    "desc": said,
                    "content": "b",
                    "len_type": 0,
                    "len_enc": "ascii",
                }
            return
        made = self._data(given, size)
        wrong = self._length(path, key, given, made)
        if wrong is not None:
            self.mistakes.append(wrong)
            return
        if key == "0":
            made = {**made, "max_len": 2 if made["data_enc"] == "b" else 4, "len_type": 0}
            made = {k: v for k, v in made.items() if k not in ("len_count", "left_pad", "right_pad")}
        made["desc"] = desc
        if given.get("subfields"):
            self._subfields(path, key, given, made)
        self.elements["t" if key == "0" else key] = made

    def _told(self, path: Path, key: str, given: dict[str, Any]) -> None:
        """What of a field's keys cannot be said, or comes along differently."""
        self.unknown(path, f"field {key}: ", given, _KEYS)
        self._inside(path, f"field {key}", given)
        if key == "1":
            return
        if int(key) == THIRD_BITMAP and given.get("type") == "Bitmap":
            self.notes.append(self.at(path, f"field {key}: {NO_THIRD_BITMAP}"))
        if given.get("disableAutoExpand") is not None:
            said = f"field {key}: disableAutoExpand: it is not the message's bitmap"
            self.mistakes.append(self.at((*path, "disableAutoExpand"), said))
        if given.get("padding") and not str(given.get("prefix")).endswith(".Fixed"):
            said = f"field {key}: padding: moov sends it filled to its full length; here it is as long as its value"
            self.notes.append(self.at((*path, "padding"), said))

    def _bitmap(self, path: Path, given: dict[str, Any], size: int) -> None:
        """How many bytes a message's bitmap has: 8 and 8 more where bit 1 says so, or always 16."""
        expands = given.get("disableAutoExpand", False) is not True
        if size not in (8, 16):
            self.mistakes.append(self.at((*path, "length"), f"field 1: length: expected 8 or 16 bytes, found {size}"))
        elif size == 8 and not expands:
            said = "field 1: disableAutoExpand with a length of 8: bit 1 would be an element of its own, and none above 64 can be"
            self.mistakes.append(self.at((*path, "disableAutoExpand"), said, "a length of 16 says both bitmaps always"))
        elif size == 16 and expands:
            said = "field 1: always 16 bytes, and bit 1 would announce 16 more: a message in which it is set is refused"
            self.notes.append(self.at((*path, "length"), said))
        self.bitmap_bytes = size

    def _inside(self, path: Path, where: str, given: dict[str, Any]) -> None:
        """Unknown keys of what stands in a field: its tag, and its subfields at any depth."""
        tag = given.get("tag")
        if isinstance(tag, dict):
            self.unknown((*path, "tag"), f"{where}: tag: ", tag, _TAG_KEYS)
            if not isinstance(tag.get("length", 0), int):
                self.mistakes.append(self.at((*path, "tag", "length"), f"{where}: tag: length: expected a number"))
        elif tag is not None:
            self.mistakes.append(self.at((*path, "tag"), f"{where}: tag: expected an object"))
        if isinstance(given.get("subfields"), dict):
            for name, inner in given["subfields"].items():
                if isinstance(inner, dict):
                    self.unknown((*path, "subfields", name), f"{where}, subfield {name}: ", inner, _KEYS)
                    self._inside((*path, "subfields", name), f"{where}, subfield {name}", inner)

    def _data(self, given: dict[str, Any], size: int) -> dict[str, Any]:
        """Encoding, size and content."""
        kind, enc = given.get("type", "String"), given.get("enc", "ASCII" if given.get("subfields") else "")
        content = {"Numeric": "n", "Binary": "b", "Bitmap": "b", "Hex": "b", "Track2": "z", "Track3": "z"}.get(
            kind, "ans"
        )
        made: dict[str, Any] = {"content": content, "max_len": size}
        if enc in _TEXTS:
            made["data_enc"] = _TEXTS[enc]
            if content == "b" and kind != "Binary":
                made["max_len"] = size * 2
            elif content == "b":
                made["content"] = "ans"  # moov's Binary in ASCII is the bytes as they are
        elif enc in _HEX:
            made |= {"data_enc": "ascii", "max_len": size * 2, "content": "b"}
        elif enc in ("BCD", "LBCD"):
            made |= {"data_enc": "b", "len_count": "nibbles", "content": content if content in ("n", "z") else "n"}
            made |= {"right_pad" if enc == "LBCD" else "left_pad": "0"}
        else:
            made |= {"data_enc": "b", "content": "b"}
        return made

    def _length(self, path: Path, key: str, given: dict[str, Any], made: dict[str, Any]) -> Mistake | None:
        """The length prefix into `made`, or why it cannot be."""
        prefix = str(given.get("prefix", ""))
        family, _, form = prefix.partition(".")
        made |= {"len_enc": "ascii", "len_type": 0}
        if form == "Fixed":
            if made.get("len_count") == "nibbles" and made["max_len"] % 2 == 0:
                made.pop("left_pad", None), made.pop("right_pad", None)
            return None
        digits = form.count("L")
        if family not in _PREFIXES or form != "L" * digits or not 1 <= digits <= LENGTH_BYTES_MAX:
            known = [f"{f}.{form}" for f in _PREFIXES for form in ("Fixed", "L", "LL", "LLL", "LLLL")]
            return self.at(
                (*path, "prefix"), f"field {key}: prefix {prefix!r} cannot be said here", did_you_mean(prefix, known)
            )
        if given.get("enc") in _HEX:
            return self.at((*path, "prefix"), f"field {key}: a length that counts bytes before two hex digits a byte")
        made["len_enc"] = _PREFIXES[family]
        made["len_type"] = (digits + 1) // 2 if family == "BCD" else digits
        most = _LENGTH_MOST[family] ** digits - 1
        if made["max_len"] > most:
            said = (
                f"field {key}: length: {made['max_len']} behind {prefix}, which can say {most}: that is the most here"
            )
            self.notes.append(self.at((*path, "length"), said))
            made["max_len"] = most
        return None

    def _subfields(self, path: Path, key: str, given: dict[str, Any], made: dict[str, Any]) -> None:
        """The annotation into `made`, or a note."""
        found, why = _annotation(given)
        if found is not None:
            wrong = next(annotation_mistakes(found), None)
            if wrong is None:
                raw = found["form"] in ("tlv", "bitmapped")
                made |= {"data_enc": "b" if raw else _charset(given), "content": "b" if raw else "ans"}
                made["subfields"] = found
                return
            why = wrong[1]
        charset = _charset(given)
        made |= {"data_enc": charset, "content": "b" if charset == "b" else "ans"}
        self.notes.append(self.at((*path, "subfields"), f"field {key}: its subfields are left out: {why}"))


def _tag_of(given: dict[str, Any]) -> dict[str, Any]:
    """How a composite's subfields are told apart; empty where it does not say, or says no object."""
    tag = given.get("tag")
    return tag if isinstance(tag, dict) else {}


def _charset(given: dict[str, Any]) -> str:
    """What a composite is written in, which has no encoding of its own.

    It is its subfields', their lengths' and their tags', where all of them are one text; else bytes.
    """
    inside = given["subfields"]
    fields = [f for f in inside.values() if isinstance(f, dict)] if isinstance(inside, dict) else []
    sets = {_charset(f) if f.get("subfields") else _TEXTS.get(str(f.get("enc")), "b") for f in fields}
    for f in fields:
        family, _, form = str(f.get("prefix", "")).partition(".")
        sets |= {_TEXTS.get(family, "b")} if form != "Fixed" else set()
    tag = _tag_of(given)
    sets |= {_TEXTS.get(str(tag.get("enc", "ASCII")), "b")} if tag.get("length") else set()
    if given.get("bitmap"):
        return "b"
    return sets.pop() if len(sets) == 1 else "b"


def _sum_of_fixed(inside: Any) -> int | None:
    """The length of a composite that says none, as moov adds it up; None: not all of its subfields are of a fixed length."""
    fields = [f for f in inside.values() if isinstance(f, dict)] if isinstance(inside, dict) else []
    sizes = [
        f["length"] for f in fields if isinstance(f.get("length"), int) and str(f.get("prefix")).endswith(".Fixed")
    ]
    return sum(sizes) if sizes and len(sizes) == len(inside) else None


def _annotation(given: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    inside = given["subfields"]
    if not isinstance(inside, dict) or not all(isinstance(f, dict) for f in inside.values()):
        return None, "they are no objects"
    if given.get("bitmap"):
        return _bitmapped(given["bitmap"], inside)
    tag = _tag_of(given)
    deep = [k for k, f in inside.items() if f.get("subfields")]
    encs = {_charset(f) if f.get("subfields") else _TEXTS.get(str(f.get("enc")), "b") for f in inside.values()}
    prefixes = {str(f.get("prefix", "")) for f in inside.values()}
    if tag.get("enc") == "BerTLVTag" or prefixes == {"BerTLV"}:
        return {
            "form": "tlv",
            "parts": [{"id": k, "desc": str(f.get("description", ""))} for k, f in inside.items()],
        }, ""
    if "b" in encs or len(encs) != 1:
        if deep:
            return None, _of_their_own(deep, "not all of which are text in the encoding of the others")
        return None, "not all of them are text in one encoding"
    if _charset(given) == "b":
        return None, "lengths or tags are in another encoding than what they lead"
    digits = {p.partition(".")[2] for p in prefixes}
    if tag.get("length") and len(digits) == 1 and set("".join(digits)) == {"L"}:
        size = tag["length"]
        if not isinstance(size, int) or size > IDS_MAX:
            return None, "the length of their tags is no number, or more than any tag has"
        parts = [{"id": k.rjust(size, "0"), "desc": str(f.get("description", ""))} for k, f in inside.items()]
        return {"form": "numbered", "id_len": size, "len_len": len(digits.pop()), "parts": parts}, ""
    if tag.get("length") or not digits <= {"Fixed", "LL", "LLL"} or {"LL", "LLL"} <= digits:
        return None, "tags or lengths of different forms"
    order = sorted(inside, key=lambda k: (int(k) if k.isdecimal() else 0, k))
    parts = [
        {"id": k, "desc": str(inside[k].get("description", ""))}
        | (
            {"len": inside[k].get("length") or _sum_of_fixed(inside[k].get("subfields")) or 0}
            if str(inside[k].get("prefix")).endswith("Fixed")
            else {}
        )
        for k in order
    ]
    if digits == {"Fixed"}:
        return {"form": "positional", "parts": parts}, ""
    return {"form": "llvar", "len_len": max(len(d) for d in digits if d != "Fixed"), "parts": parts}, ""


def _of_their_own(deep: list[str], what: str) -> str:
    """Of subfields that have subfields: why no part can be made of them."""
    have, their = ("has", "its") if len(deep) == 1 else ("have", "their")
    return f"subfield {', '.join(deep)} {have} subfields of {their} own, {what}"


def _bitmapped(bitmap: Any, inside: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """Subfields that a raw bitmap announces."""
    if not isinstance(bitmap, dict) or bitmap.get("enc") != "Binary":
        return None, "their bitmap is not raw bytes (enc Binary)"
    size = bitmap.get("length")
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        return None, "their bitmap has no length"
    parts = []
    for key in sorted(inside, key=lambda k: (int(k) if k.isdecimal() else 0, k)):
        f = inside[key]
        enc, length, (family, _, form) = str(f.get("enc")), f.get("length"), str(f.get("prefix")).partition(".")
        known = {"Binary": "b", "BCD": "bcd", **_TEXTS, **dict.fromkeys(_HEX, "ascii")}
        if f.get("subfields"):
            return None, _of_their_own([key], "which no part behind a bitmap has")
        if enc not in known:
            return None, f"subfield {key}: {f.get('enc') or 'no encoding'} behind a bitmap"
        if not isinstance(length, int):
            return None, f"subfield {key}: no length, behind a bitmap"
        length *= 2 if enc in _HEX else 1
        part = {"id": key, "desc": str(f.get("description", "")), "len": length, "enc": known[enc]}
        if form != "Fixed":
            same = known[enc] == _PREFIXES.get(family) or (enc == "Binary" and family == "ASCII")
            if set(form) != {"L"} or not same or enc in ("BCD", *_HEX):
                return None, f"subfield {key}: the length {family}.{form} of {enc} behind a bitmap"
            part["len_len"] = len(form)
        parts.append(part)
    return {"form": "bitmapped", "bitmap": size, "parts": parts}, ""
