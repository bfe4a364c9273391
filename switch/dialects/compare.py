"""How two dialects differ, element by element and key by key."""

from typing import Any, Final, Literal

import msgspec

from switch.config.mistakes import Paint, plain
from switch.counting import counted
from switch.dialects import words
from switch.wire import Dialect
from switch.wire.dialect import BITMAPS
from switch.wire.element import Element
from switch.wire.stretches import wire_order

_SIDE: Final = {"form": words.form, "content": lambda e: e.content, "data": words.data, "length": words.length}


_COMMON: Final = 3
"""A difference in more elements than this is said once, with the elements it is in."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not the same in both."""

    element: str
    """its key; "" for the dialect as a whole"""
    name: str
    what: str
    """`form`, `content`, `data`, `length`, `sensitive`, `name`, `element`, `subfield 42`, or of a dialect: `framing` …"""
    a: str
    """what the first has; "" where it has none"""
    b: str
    touches: Literal["wire", "meaning"]
    """`wire`: the same value is other bytes, or one refuses what the other takes; `meaning`: only what is said about it"""


def differences(a: Dialect, b: Dialect) -> list[Difference]:
    """All of them, in the order of elements; names of elements and dialects are `meaning`."""
    whole: list[tuple[str, str, str, Literal["wire", "meaning"]]] = [
        ("framing", a.framing, b.framing, "wire"),
        ("version", a.version, b.version, "wire"),
        ("bitmaps", BITMAPS[a.both], BITMAPS[b.both], "wire"),
        ("header", a.header, b.header, "wire"),
        ("family", a.family, b.family, "meaning"),
        ("reversals", a.reversals, b.reversals, "meaning"),
        ("key_data", a.key_data, b.key_data, "meaning"),
        ("key_sets", a.key_sets, b.key_sets, "meaning"),
    ]
    found = [
        Difference(element="", name="", what=what, a=x, b=y, touches=touches) for what, x, y, touches in whole if x != y
    ]
    for key in sorted(a.elements.keys() | b.elements.keys(), key=wire_order):
        x, y = a.elements.get(key), b.elements.get(key)
        if x is None or y is None:
            there = x or y
            assert there is not None
            found.append(
                Difference(element=key, name=there.name, what="element", a=_whole(x), b=_whole(y), touches="wire")
            )
            continue
        found += _element(key, x, y)
        found += _subfields(key, x.name, a.subfields.get(key), b.subfields.get(key))
    return found


def _whole(e: Element | None) -> str:
    return "" if e is None else f"{words.form(e)} {e.content} {words.data(e)}"


def _element(key: str, x: Element, y: Element) -> list[Difference]:
    found = [
        Difference(element=key, name=x.name, what=what, a=say(x), b=say(y), touches="wire")
        for what, say in _SIDE.items()
        if say(x) != say(y)
    ]
    if x.sensitive != y.sensitive:
        found.append(
            Difference(
                element=key, name=x.name, what="sensitive", a=_yes(x.sensitive), b=_yes(y.sensitive), touches="meaning"
            )
        )
    if x.name != y.name:
        found.append(Difference(element=key, name=x.name, what="name", a=x.name, b=y.name, touches="meaning"))
    return found


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _subfields(key: str, name: str, x: dict[str, Any] | None, y: dict[str, Any] | None) -> list[Difference]:
    if x is None or y is None or x["form"] != y["form"]:
        one, other = (x or {}).get("form", ""), (y or {}).get("form", "")
        return (
            [Difference(element=key, name=name, what="subfields", a=one, b=other, touches="meaning")]
            if one != other
            else []
        )
    keys = sorted((x.keys() | y.keys()) - {"form", "parts", "about", "lead"})
    found = [
        Difference(
            element=key,
            name=name,
            what=f"subfields {what}",
            a=str(x.get(what, "")),
            b=str(y.get(what, "")),
            touches="meaning",
        )
        for what in keys
        if x.get(what) != y.get(what)
    ]
    xs, ys = _parts(x), _parts(y)
    for part in [*xs, *(p for p in ys if p not in xs)]:
        one, other = xs.get(part, ""), ys.get(part, "")
        if one != other:
            found.append(Difference(element=key, name=name, what=f"subfield {part}", a=one, b=other, touches="meaning"))
    return found


def _parts(annotation: dict[str, Any]) -> dict[str, str]:
    parts = ([annotation["lead"]] if "lead" in annotation else []) + annotation.get("parts", [])
    return {
        p["id"]: " ".join(
            str(word)
            for word in (*_size(p), p.get("enc", ""), p.get("desc", ""), "sensitive" * p.get("sensitive", False))
            if word
        )
        or "there"
        for p in parts
    }


def _size(part: dict[str, Any]) -> tuple[str, ...]:
    """How long a part is, and what stands before it or fills it up."""
    lead, fill = part.get("len_len"), part.get("fill")
    return str(part.get("len", "")), "L" * lead + "VAR" if lead else "", f"filled with {fill!r}" if fill else ""


def as_text(a: str, b: str, found: list[Difference], paint: Paint = plain) -> str:
    """The differences as lines, an element's together; `a` and `b` name the dialects."""
    if not found:
        return f"{a} and {b} are the same"
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    for d in found:
        groups.setdefault((d.what, d.a, d.b, d.touches), []).append(d.element)
    common = {key: elements for key, elements in groups.items() if len(elements) > _COMMON}
    single = [d for d in found if (d.what, d.a, d.b, d.touches) not in common]
    width = min(40, max(len(d.a) for d in found))
    lines = [f"{paint('place', a)} and {paint('place', b)}: {_count(found)}"]
    for (what, x, y, touches), elements in sorted(common.items(), key=lambda item: -len(item[1])):
        lines.append(_line(what, x, y, touches, width, paint))
        lines.append(paint("hint", f"      {_ranges(elements)}"))
    last = None
    for d in single:
        if d.element != last:
            last = d.element
            label = {"": "dialect", "h": "header", "t": "MTI", "p": "bitmap", "1": "secondary bitmap"}
            lines.append(paint("label", label.get(d.element, f"DE{d.element} {d.name}")))
        lines.append(_line(d.what, d.a, d.b, d.touches, width, paint))
    return "\n".join([*lines, "* other bytes on the wire, or a value one takes and the other refuses"])


def _line(what: str, x: str, y: str, touches: str, width: int, paint: Paint) -> str:
    mark = " " if touches == "meaning" else paint("error", "*")
    return f"  {mark} {what:<14} {x or '–':<{width}}  {y or '–'}"


def _ranges(elements: list[str]) -> str:
    """`MTI, DE3–18, 24`: elements in their order, neighbours together."""
    words = [
        {"h": "header", "t": "MTI", "p": "bitmap", "1": "bitmap 2"}[e] for e in elements if e in ("h", "t", "p", "1")
    ]
    numbers = [int(e) for e in elements if e.isdecimal() and e != "1"]
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][-1] + 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    spans = [str(r[0]) if len(r) == 1 else f"{r[0]}–{r[-1]}" for r in runs]
    return ", ".join([*words, *(["DE" + spans[0], *spans[1:]] if spans else [])])


def _count(found: list[Difference]) -> str:
    wire = sum(d.touches == "wire" for d in found)
    elements = len({d.element for d in found if d.element})
    return f"{counted(len(found), 'difference')} in {counted(elements, 'element')}, {wire} of them on the wire"
