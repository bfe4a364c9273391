"""As much of JSON Schema (draft 2020-12) as the dialect's schema uses, for tests: an editor has the whole of it."""

import re
from typing import Any

SAYING_NOTHING = {"$schema", "$defs", "title", "description"}


def wrong(schema: Any, value: Any, root: Any) -> str:
    """The first thing wrong with a value, or "". AssertionError: the schema has a keyword that is not known here."""
    if isinstance(schema, bool):
        return "" if schema else "nothing may be here"
    for keyword, said in schema.items():
        if keyword in SAYING_NOTHING or keyword in ("then", "else", "additionalProperties"):
            continue
        found: str = _KEYWORDS[keyword](said, value, root, schema)
        if found:
            return found
    return _additional(schema, value, root) if "additionalProperties" in schema else ""


def _type(said: str, value: Any, *_: Any) -> str:
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
    right = isinstance(value, kinds[said]) and not (said == "integer" and isinstance(value, bool))
    return "" if right else f"{value!r} is no {said}"


def _ref(said: str, value: Any, root: Any, _: Any) -> str:
    assert said.startswith("#/$defs/")
    return wrong(root["$defs"][said[8:]], value, root)


def _properties(said: dict[str, Any], value: Any, root: Any, _: Any) -> str:
    if not isinstance(value, dict):
        return ""
    return next((f"{k}: {w}" for k, s in said.items() if k in value and (w := wrong(s, value[k], root))), "")


def _patterns(said: dict[str, Any], value: Any, root: Any, _: Any) -> str:
    if not isinstance(value, dict):
        return ""
    for pattern, schema in said.items():
        for key, item in value.items():
            if re.search(pattern, key) and (found := wrong(schema, item, root)):
                return f"{key}: {found}"
    return ""


def _additional(schema: Any, value: Any, root: Any) -> str:
    assert schema["additionalProperties"] is False
    patterns = schema.get("patternProperties", {})
    for key in value if isinstance(value, dict) else ():
        if key not in schema.get("properties", {}) and not any(re.search(p, key) for p in patterns):
            return f"{key} may not be here"
    return ""


def _if(said: Any, value: Any, root: Any, schema: Any) -> str:
    return wrong(schema.get("else" if wrong(said, value, root) else "then", True), value, root)


def _same(a: Any, b: Any) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_KEYWORDS: dict[str, Any] = {
    "type": _type,
    "$ref": _ref,
    "properties": _properties,
    "patternProperties": _patterns,
    "required": lambda s, v, *_: next((f"{k} is missing" for k in s if isinstance(v, dict) and k not in v), ""),
    "enum": lambda s, v, *_: "" if any(_same(v, x) for x in s) else f"{v!r} is none of {s}",
    "const": lambda s, v, *_: "" if _same(v, s) else f"{v!r} is not {s!r}",
    "minimum": lambda s, v, *_: f"{v} is below {s}" if _number(v) and v < s else "",
    "maximum": lambda s, v, *_: f"{v} is above {s}" if _number(v) and v > s else "",
    "minLength": lambda s, v, *_: "too short" if isinstance(v, str) and len(v) < s else "",
    "maxLength": lambda s, v, *_: "too long" if isinstance(v, str) and len(v) > s else "",
    "pattern": lambda s, v, *_: f"{v!r} is not {s}" if isinstance(v, str) and not re.search(s, v) else "",
    "items": lambda s, v, r, _: next((w for x in v if (w := wrong(s, x, r))), "") if isinstance(v, list) else "",
    "allOf": lambda s, v, r, _: next((w for x in s if (w := wrong(x, v, r))), ""),
    "anyOf": lambda s, v, r, _: "" if any(not wrong(x, v, r) for x in s) else "fits none of anyOf",
    "not": lambda s, v, r, _: "" if wrong(s, v, r) else "it may not be so",
    "if": _if,
}
