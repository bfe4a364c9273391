"""jPOS's field packager classes as elements of a dialect, and elements as classes.

A class is a text encoding or BCD or bytes, a length prefix, and a rule for odd numbers of digits; `describe` says which, from its
name, as `org.jpos.iso` has them. What no element of a dialect can be is `UnlikeError`, with the reason.
"""

import re
from typing import Any, Final, Literal

import msgspec

from switch.wire.dialect import SIZE_MAX

EBCDIC: Final = "cp037"
"""jPOS translates EBCDIC by code page 1047, which Python lacks; letters, digits and most signs stand in the same places."""

Element = dict[str, Any]


class UnlikeError(Exception):
    """A class that no element of a dialect can be. `str()`: why."""


class Kind(msgspec.Struct, frozen=True):
    """What a class does with a value and its length."""

    data: Literal["ascii", "ebcdic", "latin", "bcd", "raw", "hex", "ebcdic-hex", "amount"]
    prefix: Literal["", "ascii", "ebcdic", "bcd", "binary"] = ""
    digits: int = 0
    """of the prefix, as its L's say; bytes of a binary one"""
    numeric: bool = False
    pad: str = ""
    """BCD: the half byte that fills odd numbers, where `pad` is false; where it is true a 0 stands in front"""
    note: str = ""
    """what a value looks like that differs from jPOS's"""


_F: Final = "F"
_CLASSES: Final[dict[str, Kind]] = {
    "IF_CHAR": Kind("latin"), "IF_ECHAR": Kind("ebcdic"),
    "IFA_NUMERIC": Kind("ascii", numeric=True), "IFA_AMOUNT": Kind("latin"), "IFA_AMOUNT2003": Kind("ascii", numeric=True),
    "IFA_BINARY": Kind("hex"), "IFA_BITMAP": Kind("hex"),
    "IFE_NUMERIC": Kind("ebcdic", numeric=True), "IFE_CHAR": Kind("ebcdic"), "IFE_AMOUNT": Kind("ebcdic"),
    "IFE_SIGNED_NUMERIC": Kind("ebcdic"), "IFE_BINARY": Kind("ebcdic-hex"), "IFE_BITMAP": Kind("ebcdic-hex"),
    "IFB_NUMERIC": Kind("bcd", numeric=True, pad="0"), "IFB_FNUMERIC": Kind("bcd", numeric=True, pad=_F),
    "IFB_HEX": Kind("bcd", pad=_F), "IFB_AMOUNT": Kind("amount"), "IFB_AMOUNT2003": Kind("bcd", numeric=True, pad="0"),
    "IFB_BINARY": Kind("raw"), "IFB_BITMAP": Kind("raw"),
    "IFB_LLHEX": Kind("raw", "bcd", 2, note="nibbles"), "IFB_LLLHEX": Kind("raw", "bcd", 3, note="nibbles"),
    "IFB_FLLNUM": Kind("bcd", "bcd", 2, numeric=True, pad=_F), "IFB_FLLLNUM": Kind("bcd", "bcd", 3, numeric=True, pad=_F),
    "IFA_LLBNUM": Kind("bcd", "ascii", 2, numeric=True, pad="", note="an odd number keeps the 0 that fills its half byte"),
    "IFEA_LLCHAR": Kind("latin", "ebcdic", 2), "IFAE_LLCHAR": Kind("ebcdic", "ascii", 2),
    "IFE_LLLEBINARY": Kind("ebcdic", "ebcdic", 3), "IFEB_LLNUM": Kind("raw", "ebcdic", 2, note="an odd number keeps its F"),
    "IFEB_LLLNUM": Kind("raw", "ebcdic", 3, note="an odd number keeps its F"),
    "IFB_LLHECHAR": Kind("ebcdic", "binary", 1), "IFB_LLLHECHAR": Kind("ebcdic", "binary", 2),
}  # fmt: skip
"""Classes whose names say less than they do; the others are read by `_NAMED`."""

_NAMED: Final = re.compile(r"IF(?P<room>[ABE])_(?P<ls>L{1,6})(?P<binary>H?)(?P<kind>CHAR|NUM|BINARY)")
"""`IFA_LLLCHAR`, `IFB_LLHNUM`, `IFE_LLBINARY`: encoding, as many L's as the length has digits, H for a binary length, content."""

_UNLIKE: Final = {
    "IFA_LLABINARY": "its length counts bytes where the data is two hex digits a byte",
    "IFA_LLLABINARY": "its length counts bytes where the data is two hex digits a byte",
    "IFA_FLLCHAR": "a length and then always the full size, blanks behind the value",
    "IFA_FLLNUM": "a length and then always the full size, zeros before the value",
    "IFB_LLHFBINARY": "a length and then always the full size",
    "IF_TCHAR": "it ends at a token, and has no length",
    "IF_TBASE": "it ends at a token, and has no length",
    "IFMC_TCC": "it may be missing though its bit is set",
    "IF_NOP": "it is no field",
    "IFA_BITMAPStandalone": "a bitmap that no bit continues",
}
_TAGGED: Final = re.compile(r"IF(A_T|EP_|EPE_|EMC_|MC_|ELPE_|IPM_)")


def describe(name: str) -> Kind:
    """The kind of a class, given by its name without the package. UnlikeError: no element of a dialect is like it."""
    if name in _CLASSES:
        return _CLASSES[name]
    if name in _UNLIKE:
        raise UnlikeError(_UNLIKE[name])
    match = _NAMED.fullmatch(name)
    if match is None:
        if _TAGGED.match(name):
            raise UnlikeError("it is a subfield with a tag, which stands inside an element")
        raise UnlikeError("no field packager class of jPOS that is known here")
    room, digits, kind = match["room"], len(match["ls"]), match["kind"]
    if room == "B":
        prefix: Literal["bcd", "binary"] = "binary" if match["binary"] else "bcd"
        if prefix == "binary":
            digits -= 1  # LLH is one byte, LLLH two
        if kind == "NUM":
            return Kind("bcd", prefix, digits, numeric=True, pad="0")
        return Kind("raw" if kind == "BINARY" else "latin", prefix, digits)
    if match["binary"]:
        raise UnlikeError("no field packager class of jPOS that is known here")
    length: Literal["ascii", "ebcdic"] = "ascii" if room == "A" else "ebcdic"
    if kind == "BINARY":
        return Kind("raw", length, digits)
    text: Literal["ascii", "latin", "ebcdic"] = length if length == "ebcdic" or kind == "NUM" else "latin"
    return Kind(text, length, digits, numeric=kind == "NUM")


def element(key: str, kind: Kind, size: int, *, pad: bool, desc: str) -> Element:
    """A dialect's entry for a field of this kind and length. `key`: 2 to 128, or t, p, 1 (whose sizes are the dialect's own)."""
    made: Element = {"desc": desc, "content": _content(key, kind), "data_enc": "b", "len_enc": "ascii", "len_type": 0}
    made["max_len"] = size
    texts = {"ascii": "ascii", "latin": "latin-1", "ebcdic": EBCDIC, "hex": "ascii", "ebcdic-hex": EBCDIC}
    if kind.data in texts:
        made["data_enc"] = texts[kind.data]
    if kind.data in ("hex", "ebcdic-hex"):
        made["max_len"] = size * 2
    elif kind.data == "amount":
        made["max_len"] = 1 + size // 2
    elif kind.data == "bcd":
        made["len_count"] = "nibbles"
        if pad and kind.numeric:
            made["left_pad"] = "0"
        elif kind.pad:
            made["right_pad"] = kind.pad
        elif size % 2:
            made["max_len"] = size + 1
    elif kind.note == "nibbles":
        made["len_count"], made["max_len"] = "nibbles", size * 2
    elif kind.note:
        made["max_len"] = (size + 1) // 2
    if kind.prefix:
        made["len_enc"] = {"ascii": "ascii", "ebcdic": EBCDIC, "bcd": "bcd", "binary": "b"}[kind.prefix]
        made["len_type"] = (kind.digits + 1) // 2 if kind.prefix == "bcd" else kind.digits
    if key in ("t", "p", "1"):
        made.pop("left_pad", None), made.pop("right_pad", None), made.pop("len_count", None)
        whole = 4 if key == "t" else 16
        made["max_len"] = whole if made["data_enc"] != "b" else whole // 2
    elif made.get("len_count") == "nibbles" and made["max_len"] % 2 == 0 and not kind.prefix:
        made.pop("left_pad", None), made.pop("right_pad", None)
    return made


def largest(made: Element) -> int:
    """The most an entry's `max_len` may be, as its length can say it."""
    if not made["len_type"]:
        return SIZE_MAX
    most = {"b": 256 ** made["len_type"] - 1, "bcd": 100 ** made["len_type"] - 1}
    return min(SIZE_MAX, int(most.get(made["len_enc"], 10 ** made["len_type"] - 1)))


def _content(key: str, kind: Kind) -> str:
    if key in ("p", "1") or kind.data in ("raw", "hex", "ebcdic-hex", "amount"):
        return "b"
    if kind.numeric:
        return "z" if key in ("35", "36") else "n"
    return "ans" if kind.data != "bcd" else "b"


def class_of(key: str, entry: Element) -> tuple[str, int, bool]:
    """The jPOS class of a dialect's entry (`dialect.spec[key]`), its length there, and its `pad`.

    It is the class whose own entry is the same on the wire; of several the one of the same content. UnlikeError: there is none.
    """
    content = {"a": "ans", "an": "ans"}.get(entry.get("content", ""), entry.get("content", ""))
    wire = _wire(entry)
    best: tuple[int, str, int, bool] | None = None
    for name in NAMES:
        kind = describe(name)
        rank = (
            4 * (_content(key, kind) == content)
            + 2 * (("AMOUNT" in name) == (content == "x+n"))
            + (kind.numeric is (content in ("n", "z")))
        )
        if best is not None and rank <= best[0]:
            continue
        if (key in ("p", "1")) != ("BITMAP" in name):
            continue
        for size in (entry["max_len"], entry["max_len"] // 2, entry["max_len"] * 2 - 1):
            for pad in (True, False):
                if _wire(element(key, kind, size, pad=pad, desc="")) == wire and (best is None or rank > best[0]):
                    best = rank, name, size, pad and kind.numeric
    if best is None:
        raise UnlikeError(_said(entry))
    _, name, size, pad = best
    return name, {"t": 4, "p": 16}.get(key, size), pad


NAMES: Final = (
    *(name for name in _CLASSES if not _CLASSES[name].note or _CLASSES[name].note == "nibbles"),
    *(
        f"IFA_{'L' * n}{kind}"
        for n in range(1, 5)
        for kind in ("CHAR", "NUM", "BINARY")
        if kind != "NUM" or n in (2, 3)
    ),
    *(f"IFE_{'L' * n}{kind}" for n in (2, 3, 4) for kind in ("CHAR", "NUM", "BINARY") if n < 4 or kind == "CHAR"),
    *(f"IFB_{'L' * n}{kind}" for n in (2, 3, 4) for kind in ("CHAR", "NUM", "BINARY") if n < 4 or kind != "NUM"),
    *(f"IFB_{'L' * n}H{kind}" for n in (2, 3) for kind in ("CHAR", "NUM", "BINARY")),
)
"""The classes of `org.jpos.iso` that elements are written as, what is likest first."""


def _encoding(name: str) -> str:
    if name in ("b", "bcd"):
        return name
    return "text" if name in ("ascii", "latin-1") else "ebcdic"


def _wire(entry: Element) -> tuple[object, ...]:
    """What of an entry is seen on the wire: two that are the same here write the same bytes."""
    nibbles = entry.get("len_count") == "nibbles"
    pads = (entry.get("left_pad", ""), entry.get("right_pad", "")) if nibbles else ("", "")
    if nibbles and not entry["len_type"] and entry["max_len"] % 2 == 0:
        pads = ("", "")
    prefix = _encoding(entry["len_enc"]) if entry["len_type"] else ""
    size = entry["max_len"]
    if nibbles and not entry["len_type"] and pads == ("", ""):
        nibbles, size = False, size // 2
    return _encoding(entry["data_enc"]), prefix, entry["len_type"], size, nibbles, pads


def _said(entry: Element) -> str:
    """An entry in words, for who looks for its class in vain."""
    data = {"b": "BCD" if entry.get("len_count") == "nibbles" else "bytes"}.get(entry["data_enc"], entry["data_enc"])
    pad = entry.get("left_pad", "") or entry.get("right_pad", "")
    odd = f", odd numbers filled with {pad}," if pad else ""
    return (
        f"{data}{odd} behind a length of {entry['len_type']} in {entry['len_enc']}"
        if entry["len_type"]
        else f"{data} of fixed size"
    )
