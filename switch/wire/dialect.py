"""Load and check a dialect: a JSON file that is a valid pyiso8583 spec, with annotations.

Rule: a `Dialect` that exists is right. Every mistake of a file is reported at once: key, value, what was expected.
"""

import difflib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from switch.shipped import shipped
from switch.wire.annotation import Path as Place
from switch.wire.annotation import mistakes as annotation_mistakes
from switch.wire.careful import Table
from switch.wire.codec import Codec
from switch.wire.element import CONTENTS, HEX, Element, encoding
from switch.wire.errors import DialectError
from switch.wire.framing import FRAMINGS
from switch.wire.subfields import Form, form_of
from switch.wire.vocabulary import DE, Document

DIRECTORY: Final = shipped("dialects")
"""Where a dialect given by name is looked for."""

LAYOUTS: Final = 512
"""Compiled layouts kept, a dialect and direction, unless `Dialect.load` is told otherwise."""

_KEYS: Final = ("h", "t", "p", "1", *(str(n) for n in range(2, 129)))
_REQUIRED: Final = ("data_enc", "len_enc", "len_type", "max_len", "desc")
_OPTIONAL: Final = ("len_count", "left_pad", "right_pad", "content", "sensitive", "subfields")
_NO_ELEMENTS: Final = ("dialect", "$schema")
"""Entries beside the elements: who the dialect is, and the JSON Schema an editor checks the file with."""
BY_EFFECT: Final = "by-effect"
BY_KIND: Final = "by-kind"
READINGS: Final = (BY_EFFECT, BY_KIND)
"""How DE75, 77, 87, 89 are read: `by-effect`, 75 and 87 are purchases taken back, which credits the cardholder, and 77 and 89
refunds taken back; `by-kind`, 75 and 87 are credits (refunds) taken back, and 77 and 89 debits."""
_TEXTS: Final = ("name", "title", "family", "version", "framing", "header", "bitmaps", "reversals", "about")
_HEAD: Final = (*_TEXTS, "key_data", "key_sets", "assumed")
KEY_SETS: Final = re.compile("0*(?:PP|MM)0*(?:(?:PP|MM)0*)?")
"""DE53 of messages on links whose keys change by message: PP the set of the PIN's key, MM of the MAC's, the rest zeros"""
BITMAPS: Final = ("as needed", "both")
"""When a message has its second bitmap: where bit 1 says so, or always (a bitmap of 16 bytes, in which bit 1 says nothing)."""
LATIN_1: Final = "latin-1"
CHIP_DATA: Final = form_of({"form": "tlv"})
"""DE55 of bytes: in every specification BER-TLV"""
LENGTH_BYTES_MAX: Final = 6
SIZE_MAX: Final = 999_999
"""What a length of six digits can say."""


class Dialect:
    """How one kind of link writes its messages.

    `decode(data: bytes) -> dict[str, str]` reads one message, header included, without the frame around it; raises
    `DecodeError` and nothing else, whatever the bytes. `encode(document) -> bytes` is its inverse; raises `EncodeError`. Bitmaps
    come from the elements a document has: "p" and "1" in it are ignored, and it is not changed (pyiso8583 writes both into it).

    >>> from switch.wire import Dialect
    >>> cmi87 = Dialect.load("cmi87")
    >>> cmi87.encode({"t": "0800", "11": "000001", "70": "301"})
    b'080080200000000000000400000000000000000001301'
    >>> cmi87.decode(b"08000020000000000000" + b"000007")
    {'t': '0800', 'p': '0020000000000000', '11': '000007'}
    """

    def __init__(self, head: dict[str, Any], spec: dict[str, dict[str, Any]], table: Table, layouts: int) -> None:
        self.head = head
        """the entry `dialect` of its file"""
        self.name: str = head["name"]
        self.title: str = head.get("title", self.name)
        self.family: str = head.get("family", self.name)
        """what its private elements mean: `cmi`, `iso93`, `visa`, `mastercard`, or another of the file's own"""
        self.version: str = head.get("version", "0")
        """first digit of its MTIs: "0" 1987, "1" 1993"""
        self.framing: str = head.get("framing", "length2")
        """what its links are framed with unless a network file says otherwise"""
        self.reversals: str = head.get("reversals", BY_EFFECT)
        """how totals of what was taken back are read: one of `READINGS`"""
        self.header: str = head.get("header", "")
        """the header of what is not an answer, as a document has it; "": its family knows, or there is none"""
        self.both: bool = table.both
        """both bitmaps in every message, whatever bit 1 says"""
        self.key_data: str = head.get("key_data", "")
        """which element of an 0800 carries a new key; "": keys do not change by message here"""
        self.key_sets: str = head.get("key_sets", "")
        """how DE53 says which set of its keys a message is under (`KEY_SETS`); "": it says nothing"""
        self.about: str = head.get("about", "")
        self.assumed: tuple[str, ...] = tuple(head.get("assumed", ()))
        """what no public source settles, and the choice made"""
        self.spec = spec
        """for `iso8583.decode(data, dialect.spec)`"""
        self.sensitive = frozenset(k for k, e in table.elements.items() if e.sensitive)
        """elements that leave no trace outside the wire"""
        self.names = {k: e.name for k, e in table.elements.items()}
        self.subfields: dict[str, Any] = {k: e["subfields"] for k, e in spec.items() if "subfields" in e}
        """annotation of elements made of subfields, as the file has it"""
        self.elements = table.elements
        self.latin = all(e.text is None or e.text.to_latin is None for e in self.elements.values())
        """its text is ASCII or Latin-1: each character stands as itself in a message's bytes"""
        self._forms: dict[str, Form] = {}
        self.codec = Codec(table, layouts)
        self.decode: Callable[[bytes], Document] = self.codec.decode
        self.encode: Callable[[Document], bytes] = self.codec.encode

    @property
    def forms(self) -> Mapping[str, Form]:
        """The compiled `subfields` of its elements; made when first asked for."""
        if len(self._forms) < len(self.subfields):
            self._forms = {de: form_of(annotation) for de, annotation in self.subfields.items()}
        return self._forms

    def form_of(self, de: str) -> Form | None:
        """How an element divides, for who shows or keeps it: as the file says, and chip data where that says nothing."""
        form = self.forms.get(de)
        if form is None and de == DE.ICC and de in self.elements and self.elements[de].in_hex:
            return CHIP_DATA
        return form

    def __repr__(self) -> str:
        return f"Dialect({self.name!r})"

    @classmethod
    def load(cls, name_or_path: str, layouts: int = LAYOUTS) -> "Dialect":
        """The dialect called so in `specs/dialects`, or the file at a path (it has a slash, or ends in .json).

        `NAME+latin-1` is that dialect with ISO 8859-1 where it has ASCII text. `layouts` bounds the compiled layouts kept a
        direction. Raises DialectError.
        """
        latin = name_or_path.endswith(f"+{LATIN_1}")
        name_or_path = name_or_path.removesuffix(f"+{LATIN_1}")
        if name_or_path.endswith(".json") or "/" in name_or_path:
            path = Path(name_or_path)
        else:
            path = DIRECTORY / f"{name_or_path}.json"
            there = names()
            if name_or_path not in there:
                near = difflib.get_close_matches(name_or_path, there, 1)
                hint = f"; did you mean {near[0]}?" if near else f" (there are {', '.join(there)}; or give a path)"
                raise DialectError(name_or_path, (f"no dialect of this name{hint}",))
        try:
            raw = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_unique)
        except OSError as error:
            raise DialectError(str(path), (f"cannot be read: {error.strerror}",)) from None
        except json.JSONDecodeError as error:
            raise DialectError(str(path), (f"line {error.lineno}, column {error.colno}: {error.msg}",)) from None
        except ValueError as error:
            raise DialectError(str(path), (str(error),)) from None
        except RecursionError:
            raise DialectError(str(path), ("nested too deeply to be a dialect",)) from None
        return cls.from_spec(_in_latin(raw, name_or_path) if latin else raw, str(path), layouts)

    @classmethod
    def from_spec(cls, raw: Any, source: str = "spec", layouts: int = LAYOUTS) -> "Dialect":
        """A dialect from a pyiso8583 spec, annotated or not. `source` names it in errors. Raises DialectError."""
        checker = _Checker()
        if not isinstance(raw, dict):
            raise DialectError(source, (f"expected an object of data elements, found {_json(raw)}",))
        head = checker.head(raw.get("dialect", {"name": source}))
        elements = {}
        for key, value in raw.items():
            if key in _NO_ELEMENTS:
                continue
            if key not in _KEYS:
                checker.note((key,), "no such element: expected h, t, p, 1 or 2 to 128")
            elif (element := checker.element(key, value)) is not None:
                elements[key] = element
        for key in ("h", "t", "p", "1"):
            if key not in raw:
                checker.note((key,), "missing")
        checker.header(head.get("header"), elements.get("h"))
        if checker.mistakes:
            raise DialectError(source, tuple(checker.mistakes), tuple(checker.places))
        if not elements["h"].size:
            del elements["h"]
        spec = {k: v for k, v in raw.items() if k not in _NO_ELEMENTS}
        return cls(head, spec, Table(head["name"], elements, head.get("bitmaps") == "both"), layouts)


def _in_latin(raw: Any, name: str) -> Any:
    """A spec whose ASCII text (content a, an, ans) is ISO 8859-1. Raises DialectError where there is none."""
    if not isinstance(raw, dict):
        return raw
    called = f"{name}+{LATIN_1}"
    of_text = [
        key
        for key, e in raw.items()
        if isinstance(e, dict) and e.get("data_enc") == "ascii" and e.get("content") in ("a", "an", "ans")
    ]
    if not of_text:
        raise DialectError(called, ("it has no text in ASCII that could be in ISO 8859-1",))
    made = {**raw, **{key: {**raw[key], "data_enc": LATIN_1} for key in of_text}}
    head = raw.get("dialect")
    if isinstance(head, dict):
        made["dialect"] = {**head, "name": f"{head.get('name', name)}+{LATIN_1}"}
    return made


def names() -> list[str]:
    """Names of the dialects that come with the switch, sorted."""
    return sorted(path.stem for path in DIRECTORY.glob("*.json"))


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:39] + "…"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON's object, but a key given twice is an error."""
    made = dict(pairs)
    if len(made) != len(pairs):
        keys = [k for k, _ in pairs]
        raise ValueError(f"key {next(k for k in keys if keys.count(k) > 1)!r} is given twice")
    return made


class _Checker:
    """Collects mistakes."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []
        self.places: list[Place] = []

    def note(self, where: Place, what: str) -> None:
        self.mistakes.append(f"{'.'.join(map(str, where))}: {what}")
        self.places.append(where)

    def wrong(self, where: Place, expected: str, found: Any) -> None:
        self.note(where, f"expected {expected}, found {_json(found)}")

    def head(self, head: Any) -> dict[str, Any]:
        """The "dialect" entry; a usable one is returned in any case."""
        if not isinstance(head, dict) or not isinstance(head.get("name"), str) or not head["name"]:
            self.wrong(("dialect",), "an object with a name", head)
            return {"name": "?"}
        self.unknown(("dialect",), head, _HEAD)
        for key in _HEAD:
            if key in head and not isinstance(head[key], list if key == "assumed" else str):
                self.wrong(("dialect", key), "a list of strings" if key == "assumed" else "a string", head[key])
        framing = head.get("framing", "length2")
        if isinstance(framing, str) and framing not in FRAMINGS:
            self.wrong(("dialect", "framing"), f"one of {', '.join(FRAMINGS)}", framing)
        reading = head.get("reversals", BY_EFFECT)
        if isinstance(reading, str) and reading not in READINGS:
            self.wrong(("dialect", "reversals"), f"one of {', '.join(READINGS)}", reading)
        sets = head.get("key_sets", "")
        if isinstance(sets, str) and sets and not KEY_SETS.fullmatch(sets):
            self.wrong(("dialect", "key_sets"), "digits of DE53: PP, MM, and zeros", sets)
        data = head.get("key_data", "")
        if isinstance(data, str) and data and data not in _KEYS[4:]:
            self.wrong(("dialect", "key_data"), "an element, 2 to 128", data)
        version = head.get("version", "0")
        if not (isinstance(version, str) and len(version) == 1 and version in "012"):
            self.wrong(("dialect", "version"), '"0" (1987), "1" (1993) or "2" (2003)', version)
        if isinstance(head.get("bitmaps", "both"), str) and head.get("bitmaps", "both") not in BITMAPS:
            self.wrong(("dialect", "bitmaps"), " or ".join(BITMAPS), head["bitmaps"])
        return head

    def header(self, header: Any, e: Element | None) -> None:
        """What is sent before the MTI must be what `h` says stands there."""
        if not isinstance(header, str) or not header or e is None:
            return
        where, count = ("dialect", "header"), e.digits
        if len(header) != count:
            self.wrong(
                where,
                f"{count} {'characters' if e.text else 'hex digits'}, as h has" if count else "none, as h has no size",
                header,
            )
        elif e.text is None and not HEX.issuperset(header):
            self.wrong(where, "hex digits, as h is bytes", header)

    def unknown(self, where: Place, given: dict[str, Any], known: tuple[str, ...]) -> None:
        for key in given:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                self.note((*where, key), f"unknown key; did you mean {near[0]}?" if near else "unknown key")

    def element(self, key: str, given: Any) -> Element | None:
        """An element, or None where its mistakes were noted."""
        before = len(self.mistakes)
        if not isinstance(given, dict):
            self.wrong((key,), "an object", given)
            return None
        self.unknown((key,), given, (*_REQUIRED, *_OPTIONAL))
        for name in _REQUIRED:
            if name not in given:
                self.note((key, name), "missing")
        for name, what in given.items():
            expected = self._expects(name, what)
            if expected:
                self.wrong((key, name), expected, what)
        if "subfields" in given:
            for path, text in annotation_mistakes(given["subfields"]):
                self.note((key, "subfields", *path), text)
        if len(self.mistakes) > before:
            return None
        element = _element(key, given)
        self._fits(element, given)
        return element if len(self.mistakes) == before else None

    @staticmethod
    def _expects(name: str, what: Any) -> str:
        """What a key's value should have been; "" if it is right."""
        if name in ("data_enc", "len_enc"):
            known = what in ("b", "bcd")[: 1 if name == "data_enc" else 2]
            if not known and not (isinstance(what, str) and encoding(what)):
                return f"b{', bcd' if name == 'len_enc' else ''}, ascii, latin-1 or an EBCDIC page of Latin-1 such as cp037"
        elif name in ("len_type", "max_len"):
            if (
                not isinstance(what, int)
                or isinstance(what, bool)
                or not 0 <= what <= (LENGTH_BYTES_MAX if name == "len_type" else SIZE_MAX)
            ):
                return f"a whole number from 0 to {LENGTH_BYTES_MAX if name == 'len_type' else SIZE_MAX}"
        elif name == "len_count":
            return "" if what in ("bytes", "nibbles") else "bytes or nibbles"
        elif name in ("left_pad", "right_pad"):
            ok = isinstance(what, str) and len(what) <= 1 and (not what or what in "0123456789ABCDEF")
            return "" if ok else "one hex digit, upper case"
        elif name == "content":
            return "" if what in CONTENTS else " or ".join(CONTENTS)
        elif name == "sensitive":
            return "" if isinstance(what, bool) else "true or false"
        elif name == "desc":
            return "" if isinstance(what, str) else "a string"
        return ""

    def _fits(self, e: Element, given: dict[str, Any]) -> None:
        """What an element's keys must be to each other."""
        if e.nibbles and e.text:
            self.wrong((e.key, "len_count"), "bytes (nibbles are for data_enc b)", "nibbles")
        if e.left_pad and e.right_pad:
            self.wrong((e.key, "right_pad"), "one pad, left or right", e.right_pad)
        if e.nibbles and not e.length_bytes and e.size & 1 and not (e.left_pad or e.right_pad):
            self.wrong((e.key, "max_len"), "an even number of nibbles, or a left_pad or right_pad", e.size)
        if e.content == "x+n" and e.nibbles:
            self.wrong((e.key, "len_count"), "bytes (a sign is a whole byte)", "nibbles")
        if e.length_bytes:
            most = 256**e.length_bytes - 1
            if e.length or e.length_bcd:
                most = 10 ** (e.length_bytes * (1 if e.length else 2)) - 1
            if e.size > most:
                self.wrong((e.key, "max_len"), f"at most {most}, what its length can say", e.size)
        fixed = {"t": 4 if e.text else 2, "p": 16 if e.text else 8, "1": 16 if e.text else 8}.get(e.key)
        if fixed is not None and (e.size != fixed or e.nibbles or e.length_bytes):
            self.wrong(
                (e.key,), f"len_type 0, max_len {fixed}, counted in bytes", {k: given[k] for k in _REQUIRED[2:4]}
            )
        if e.key == "h" and e.length_bytes:
            self.wrong(("h", "len_type"), "0 (a header of fixed size)", e.length_bytes)
        if not e.size and e.key != "h":
            self.wrong((e.key, "max_len"), "a whole number above 0", e.size)


def _element(key: str, given: dict[str, Any]) -> Element:
    content = given.get("content", "")
    if key == "t":
        content = "n"
    length = given["len_enc"]
    return Element(
        key=key,
        name=given["desc"],
        content=content,
        text=None if given["data_enc"] == "b" else encoding(given["data_enc"]),
        length=None if length in ("b", "bcd") else encoding(length),
        length_bcd=length == "bcd",
        length_bytes=given["len_type"],
        size=given["max_len"],
        nibbles=given.get("len_count") == "nibbles",
        left_pad=given.get("left_pad", ""),
        right_pad=given.get("right_pad", ""),
        sensitive=given.get("sensitive", False),
        mixed=key == DE.ICC or _has_secret_parts(given.get("subfields", {})),
    )


def _has_secret_parts(annotation: dict[str, Any]) -> bool:
    """As `Form.may_hold_secrets`, without making the form."""
    return annotation.get("form") == "tlv" or any(part.get("sensitive") for part in annotation.get("parts", ()))
