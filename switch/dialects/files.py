"""Write a dialect file as those that come with the switch are written: one element a line."""

import json
from collections.abc import Mapping
from typing import Any, Final

from switch.wire.stretches import wire_order

_FIRST: Final = ("desc", "content", "data_enc", "len_enc", "len_type", "max_len", "len_count", "left_pad", "right_pad")


def dump(head: Mapping[str, Any], elements: Mapping[str, Mapping[str, Any]], schema: str = "") -> str:
    """A dialect file's text: its "dialect" entry, then h, t, p, 1 and the elements in their order. `schema`: for "$schema"."""
    lead = f'  "$schema": {json.dumps(schema)},\n' if schema else ""
    lines = [f'  "dialect": {json.dumps(dict(head), ensure_ascii=False, indent=2).replace(chr(10), chr(10) + "  ")}']
    lines += [
        f"  {json.dumps(key)}: {json.dumps(_ordered(elements[key]), ensure_ascii=False)}"
        for key in sorted(elements, key=wire_order)
    ]
    return "{\n" + lead + ",\n".join(lines) + "\n}\n"


def _ordered(element: Mapping[str, Any]) -> dict[str, Any]:
    return {k: element[k] for k in (*_FIRST, *element) if k in element}
