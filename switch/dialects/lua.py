"""A Wireshark dissector for a dialect: tables made of it, and `dissector.lua` behind them, which is the same for all."""

from pathlib import Path
from typing import Any, Final

from switch.wire import Dialect
from switch.wire.dialect import CHIP_DATA
from switch.wire.element import encoding
from switch.wire.stretches import wire_order
from switch.wire.tlv import CARD_TAGS
from switch.wire.vocabulary import DE

_RUNTIME: Final = Path(__file__).with_name("dissector.lua")
_LABELS: Final = {
    "h": ("header", "header"),
    "t": ("mti", "MTI"),
    "p": ("bitmap", "Bitmap"),
    "1": ("bitmap2", "Bitmap 2"),
}
_MASKED: Final = (DE.PAN, DE.ACCOUNT_FROM, DE.ACCOUNT_TO)


def protocol(dialect: Dialect) -> str:
    """The dissector's name in Wireshark's filters and in `-d tcp.port==8583,NAME`: `iso8583_visa`."""
    return "iso8583_" + "".join(c if c.isascii() and c.isalnum() else "_" for c in dialect.name.lower())


def write(dialect: Dialect, framing: str, ports: tuple[int, ...] = ()) -> str:
    """The dissector's text. `framing`: what stands around messages; `ports`: TCP ports it takes without being asked."""
    keys = sorted(dialect.elements, key=wire_order)
    head = {
        "name": dialect.name, "proto": protocol(dialect), "title": f"ISO 8583 {dialect.title}", "framing": framing,
        "label": f"ISO8583 {dialect.name}", "ports": list(ports), "order": keys,
        "both": dialect.both,
    }  # fmt: skip
    pages = {e.text.name for e in dialect.elements.values() if e.text and e.text.to_latin}
    page = encoding(min(pages)) if pages else None
    lines = [
        f"-- A Wireshark dissector for the dialect {dialect.name}, made from its dialect file. Use it with:",
        f"--   tshark -X lua_script:THIS.lua -d tcp.port==8583,{protocol(dialect)} -r FILE",
        "-- or put it into Wireshark's folder of personal Lua plugins and choose it in Decode As.",
        f"local dialect = {_lua(head)}",
        f"local ebcdic = {_lua(page.to_latin.hex() if page and page.to_latin else '')}",
        "local elements = {",
        *(f"  [{_lua(key)}] = {_lua(_element(dialect, key))}," for key in keys),
        "}",
        "for _, element in pairs(elements) do",
        "  element.by_id = {}",
        "  for _, part in ipairs(element.parts or {}) do element.by_id[part.id] = part end",
        "end",
        "",
    ]
    return "\n".join(lines) + _RUNTIME.read_text(encoding="utf-8")


def _element(dialect: Dialect, key: str) -> dict[str, Any]:
    e = dialect.elements[key]
    name, label = _LABELS.get(key, (f"de{key}", f"DE{key}"))
    made: dict[str, Any] = {
        "name": f"{label} {e.name}" if label.startswith("DE") else e.name, "filter": name, "label": label,
        "enc": _text(e.text.name) if e.text else "b", "size": e.size, "len_bytes": e.length_bytes,
        "len_enc": _text(e.length.name) if e.length else "bcd" if e.length_bcd else "b",
    }  # fmt: skip
    if e.nibbles:
        made |= {"nibbles": True, "left": bool(e.left_pad)}
    if e.sensitive:
        made["sensitive"] = True
    if key in _MASKED:
        made["mask"] = True
    annotation = dialect.subfields.get(key) or ({"form": "tlv"} if dialect.form_of(key) is CHIP_DATA else None)
    if annotation is not None:
        made |= _form(annotation)
    return made


def _text(name: str) -> str:
    return "ascii" if name in ("ascii", "iso8859-1") else "ebcdic"


def _form(annotation: dict[str, Any]) -> dict[str, Any]:
    form = annotation["form"]
    made: dict[str, Any] = {"form": form, "parts": [_part(p) for p in annotation.get("parts", [])]}
    if form in ("tlv", "bitmapped"):
        made["in_bytes"] = True
    if form == "numbered":
        made |= {"id_len": annotation.get("id_len", 2), "len_len": annotation.get("len_len", 2)}
        if "lead" in annotation:
            made["lead"] = _part(annotation["lead"])
    if form == "llvar":
        made["len_len"] = annotation.get("len_len", 2)
    if form == "bitmapped":
        made["bitmap"] = annotation["bitmap"]
    if form == "tlv":  # what names a card does so whoever wrote the annotation
        declared = {part["id"]: part for part in made["parts"]}
        cards = {tag: declared.get(tag) or _part({"id": tag}) for tag in CARD_TAGS}
        made["parts"] = [*({**declared, **{tag: {**part, "sensitive": True} for tag, part in cards.items()}}).values()]
    if any(part.get("sensitive") for part in made["parts"]):
        made["secrets"] = True
    if annotation.get("dataset"):
        made["dataset"] = annotation["dataset"]
    return made


def _part(part: dict[str, Any]) -> dict[str, Any]:
    size, enc = part.get("len", 0), part.get("enc", "")
    made = {"id": part["id"], "desc": part.get("desc", ""), "len": size}
    if enc:
        made |= {"enc": enc if enc in ("b", "bcd") else _text(encoding(enc).name)}  # type: ignore[union-attr]  # checked
        made["span"] = (size + 1) // 2 if enc == "bcd" else size
    if part.get("len_len"):
        made["len_len"] = part["len_len"]
    if part.get("sensitive"):
        made["sensitive"] = True
    return made


def _lua(value: Any) -> str:
    """A value as a Lua literal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        safe = "".join(
            c if " " <= c <= "~" and c not in '"\\' else "".join(f"\\{b:03d}" for b in c.encode()) for c in value
        )
        return f'"{safe}"'
    if isinstance(value, list):
        return "{" + ", ".join(map(_lua, value)) + "}"
    return "{" + ", ".join(f"{key} = {_lua(item)}" for key, item in value.items()) + "}"
