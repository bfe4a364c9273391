"""A dialect as a table that people read."""

from collections.abc import Callable, Mapping
from typing import Any

from switch.config.mistakes import Paint, plain
from switch.dialects import words
from switch.wire import Dialect
from switch.wire.stretches import wire_order
from switch.wire.vocabulary import EDITIONS

_NAME_MAX = 44
_LABELS = {"h": "head", "t": "MTI", "p": "map", "1": "map 2"}


def show(dialect: Dialect, paint: Paint = plain, wanted: Callable[[str], bool] = lambda _: True) -> str:
    """The dialect's head and a line an element: number, name, form, content, encoding; its subfields below it.

    `wanted(key)` chooses elements.
    """
    lines = [f"{paint('place', dialect.name)}: {dialect.title}"]
    lines.append(f"ISO 8583:{EDITIONS[dialect.version]}, family {dialect.family}, framing {dialect.framing}")
    lines += [dialect.about] * bool(dialect.about)
    lines += [f"assumed: {said}" for said in dialect.assumed]
    rows = [(key, dialect.elements[key]) for key in sorted(dialect.elements, key=wire_order) if wanted(key)]
    width = min(_NAME_MAX, max((len(e.name) for _, e in rows), default=0))
    lines.append("")
    for key, e in rows:
        form = words.form(e) + (f" {words.unit(e)}" if words.unit(e) != "characters" else "")
        wire = f"{words.data(e)}{', length ' + words.length(e) if e.length_bytes else ''}"
        secret = f"  {paint('hint', 'sensitive')}" if e.sensitive else ""
        label = _LABELS.get(key, f"DE{key}")
        name = e.name if len(e.name) <= _NAME_MAX else e.name[: _NAME_MAX - 1] + "…"
        lines.append(f"{paint('label', f'{label:<6}')}{name:<{width}}  {form:<17} {e.content:<4} {wire}{secret}")
        if key in dialect.subfields:
            lines += [f"{'':6}  {line}" for line in subfields(dialect.subfields[key], paint)]
    return "\n".join(lines)


def subfields(annotation: Mapping[str, Any], paint: Paint = plain) -> list[str]:
    """An annotation as lines: what form, then a line a part."""
    kind = annotation["form"]
    details = {k: v for k, v in annotation.items() if k not in ("form", "parts", "about", "lead")}
    said = ", ".join(f"{k} {v!r}" for k, v in details.items())
    lines = [paint("hint", f"{kind}{': ' + said if said else ''}")]
    parts = ([annotation["lead"]] if "lead" in annotation else []) + annotation.get("parts", [])
    for part in parts:
        size = f" {part['len']}" if part.get("len") else ""
        enc = f" {part['enc']}" if part.get("enc") else ""
        secret = f"  {paint('hint', 'sensitive')}" if part.get("sensitive") else ""
        lines.append(
            f"  {part['id']:<6} {part.get('desc', '')}{f' ({(size + enc).strip()})' if size or enc else ''}{secret}"
        )
    return lines
