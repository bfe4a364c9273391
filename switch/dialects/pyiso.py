"""Read a pyiso8583 spec as a dialect: a dict in a Python file, or the same written by `json.dump`.

A dialect *is* such a spec, with more said. Python is not run: a dict that is written out, one copied from pyiso8583's own, and
assignments of constants to its entries are read; what else changes it is refused by its line. What a spec does not say, the
content of elements, is the standard's.
"""

import ast
import copy
import json
from typing import Any, Final

import iso8583.specs

from switch.config.mistakes import Mistake
from switch.dialects import markup
from switch.dialects.foreign import BYTES_MAX, Brought, Wanted, finish, whole

_OWN: Final[dict[str, dict[str, Any]]] = {
    name: getattr(iso8583.specs, name) for name in ("default", "default_ascii") if hasattr(iso8583.specs, name)
}
_KEYS: Final = ("data_enc", "len_enc", "len_type", "max_len", "len_count", "left_pad", "right_pad", "desc")
_NUMBERS: Final = frozenset(map(str, (*range(2, 34), 53, *range(66, 91), 99, 100))) - {"28", "29", "30", "31", "34"}
_SIGNED: Final = ("28", "29", "30", "31", "97")
_BYTES: Final = ("p", "1", "52", "64", "96", "128")
_CHANGES: Final = ("update", "pop", "setdefault", "clear", "popitem")
_ELSE: Final = "run the file, write the spec with json.dump(spec, open('spec.json', 'w')), and import that"


class _UnreadError(Exception):
    """An expression that is not read."""


def is_spec(value: object) -> bool:
    """True for a dict whose entries are pyiso8583's."""
    return isinstance(value, dict) and all(
        isinstance(value.get(k), dict) and "data_enc" in value[k] for k in ("t", "p")
    )


def read(source: str, content: bytes, wanted: Wanted) -> Brought:
    """The dialect a spec describes. `source` names the file in mistakes."""
    if len(content) > BYTES_MAX:
        return Brought("", (whole(source, f"more than {BYTES_MAX} bytes: no spec"),), ())
    text = content.decode("utf-8", "replace")
    lines = text.split("\n")
    mistakes: list[Mistake] = []
    notes: list[Mistake] = []
    spec: object = None
    try:
        spec = json.loads(text) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        spec = None
    if spec is None:
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", 0) or 1
            why = getattr(error, "msg", None) or str(error) or "nested too deeply"
            return Brought("", (markup.at(source, lines, line, 1, f"neither JSON nor Python: {why}"),), ())
        file = _File(source, lines)
        file.statements(tree.body)
        spec, mistakes, notes = file.result(), file.mistakes, file.notes
    if not is_spec(spec):
        said = "no pyiso8583 spec: expected a dict of entries with data_enc, len_enc, len_type, max_len"
        return Brought("", (*mistakes, whole(source, said, _ELSE)), tuple(notes))
    assert isinstance(spec, dict)
    elements: dict[str, dict[str, Any]] = {}
    for key, entry in spec.items():
        _element(source, str(key), entry, elements, mistakes, notes)
    name = source.rpartition("/")[2]
    about = f"Brought in from the pyiso8583 spec {name}."
    return finish(source, wanted, f"pyiso8583 spec {name}", about, elements, mistakes, notes)


def _element(
    source: str,
    key: str,
    entry: object,
    elements: dict[str, dict[str, Any]],
    mistakes: list[Mistake],
    notes: list[Mistake],
) -> None:
    if key == "dialect" or key.startswith("$"):
        return
    if not (key in ("h", "t", "p") or (key.isascii() and key.isdecimal() and len(key) <= 3 and 1 <= int(key) <= 128)):
        mistakes.append(whole(source, f'element "{key[:40]}": expected h, t, p, or 1 to 128'))
        return
    if not isinstance(entry, dict):
        mistakes.append(whole(source, f"element {key}: expected a dict"))
        return
    made = {k: entry[k] for k in _KEYS if k in entry}
    left = sorted(str(k) for k in entry if k not in (*_KEYS, "content", "sensitive", "subfields"))
    if left:
        notes.append(whole(source, f"element {key}: {', '.join(left)}: no key of a spec, and left out"))
    for k, default in (("len_enc", "ascii"), ("len_type", 0), ("max_len", 0)):
        made.setdefault(k, default)
    made["desc"] = str(made.get("desc") or f"Field {key}")
    if key == "h" and not made["max_len"]:
        return  # there is none, or `Wanted` says how long it is
    made["content"] = _content(key, made)
    elements[key] = made


def _content(key: str, made: dict[str, Any]) -> str:
    nibbles = made.get("len_count") == "nibbles"
    if made.get("data_enc") == "b" and not nibbles and key != "t":
        return "b"
    if key in ("35", "36"):
        return "z"
    if key == "t" or key in _NUMBERS:
        return "n"
    if nibbles or (key in _BYTES and isinstance(made["max_len"], int) and made["max_len"] % 2 == 0):
        return "b"
    return "x+n" if key in _SIGNED else "ans"


class _File:
    """The specs of a Python file, by name, as its statements make them."""

    def __init__(self, source: str, lines: list[str]) -> None:
        self.source = source
        self.lines = lines
        self.names: dict[str, Any] = {}
        self.modules: set[str] = set()
        """what pyiso8583's modules are called"""
        self.last = ""
        self.mistakes: list[Mistake] = []
        self.notes: list[Mistake] = []

    def result(self) -> object:
        """The spec that was made or changed last."""
        found = [name for name, value in self.names.items() if is_spec(value) and value not in _OWN.values()]
        if len(found) > 1:
            said = f"{len(found)} specs: {', '.join(found)}; {self.last} is read, which was made or changed last"
            self.notes.append(whole(self.source, said))
        return self.names.get(self.last)

    def statements(self, body: list[ast.stmt]) -> None:
        """What module-level statements make."""
        for statement in body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                self._import(statement)
                continue
            try:
                self._statement(statement)
            except (_UnreadError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
                if self._changes(statement):
                    said = "this changes the spec by code, which is not run"
                    self.mistakes.append(
                        markup.at(self.source, self.lines, statement.lineno, statement.col_offset + 1, said, _ELSE)
                    )

    def _import(self, statement: ast.Import | ast.ImportFrom) -> None:
        if isinstance(statement, ast.Import):
            self.modules |= {a.asname or a.name for a in statement.names if a.name in ("iso8583", "iso8583.specs")}
            return
        if not (statement.module or "").startswith("iso8583"):
            return
        for alias in statement.names:
            if alias.name == "specs":
                self.modules.add(alias.asname or alias.name)
            if alias.name in _OWN:
                self.names[alias.asname or alias.name] = copy.deepcopy(_OWN[alias.name])

    def _statement(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            self._assign(statement.targets[0], self._value(statement.value))
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            self._assign(statement.target, self._value(statement.value))
        elif isinstance(statement, ast.Delete):
            for target in statement.targets:
                if not isinstance(target, ast.Subscript):
                    raise _UnreadError
                del self._value(target.value)[self._value(target.slice)]
                self._touched(target)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            call = statement.value
            if not isinstance(call.func, ast.Attribute) or call.func.attr != "update" or len(call.args) > 1:
                raise _UnreadError
            given = self._value(call.args[0]) if call.args else {}
            if any(k.arg is None for k in call.keywords):
                raise _UnreadError
            self._value(call.func.value).update({**given, **{str(k.arg): self._value(k.value) for k in call.keywords}})
            self._touched(call.func.value)
        else:
            raise _UnreadError

    def _assign(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Name):
            self.names[target.id] = value
            if is_spec(value):
                self.last = target.id
        elif isinstance(target, ast.Subscript):
            self._value(target.value)[self._value(target.slice)] = value
            self._touched(target)
        else:
            raise _UnreadError

    def _touched(self, place: ast.expr) -> None:
        root = _root(place)
        if root in self.names and is_spec(self.names[root]):
            self.last = root

    def _value(self, node: ast.expr) -> Any:
        """A constant, a dict written out, a name, an entry of one, or a copy."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self.names[node.id]
        if isinstance(node, ast.Dict):
            made: dict[Any, Any] = {}
            for key, value in zip(node.keys, node.values, strict=True):
                made |= self._value(value) if key is None else {self._value(key): self._value(value)}
            return made
        if isinstance(node, ast.Subscript):
            return self._value(node.value)[self._value(node.slice)]
        if isinstance(node, ast.Attribute) and node.attr in _OWN and self._is_module(node.value):
            return copy.deepcopy(_OWN[node.attr])
        if isinstance(node, ast.Call) and not node.keywords:
            called = ast.unparse(node.func).rpartition(".")[2]
            if called in ("deepcopy", "copy", "dict") and len(node.args) == 1:
                return copy.deepcopy(self._value(node.args[0]))
            if called == "copy" and not node.args and isinstance(node.func, ast.Attribute):
                return copy.deepcopy(self._value(node.func.value))
        raise _UnreadError

    def _is_module(self, node: ast.expr) -> bool:
        said = ast.unparse(node)
        return said in self.modules or (said == "iso8583.specs" and "iso8583" in self.modules)

    def _changes(self, statement: ast.stmt) -> bool:
        """True where a statement that is not read writes into a spec."""
        for node in ast.walk(statement):
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
                place: ast.expr = node
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGES:
                place = node.func.value
            else:
                continue
            if is_spec(self.names.get(_root(place))):
                return True
        return False


def _root(place: ast.expr) -> str:
    while isinstance(place, ast.Subscript | ast.Attribute):
        place = place.value
    return place.id if isinstance(place, ast.Name) else ""
