"""Read a j8583 configuration (`<j8583-config>`) as a dialect.

Such a file says of each kind of message which fields it has (`parse`), what is always in those that are made (`template`), and
what stands before them (`header`); a dialect says each element once. So a field must have one form wherever it stands. Whether
numbers travel as text or in BCD is said in the program (`setUseBinaryMessages`, `setUseBinaryBitmap`) and not in the file:
`Wanted.text` and `Wanted.raw_bitmap` say it here. Types are j8583's `IsoType`, as its parsers and `IsoValue.write` have them.
"""

import re
from typing import Any, Final, NamedTuple

import iso8583.specs

from switch.config.mistakes import Mistake, did_you_mean
from switch.dialects import markup
from switch.dialects.foreign import BYTES_MAX, Brought, Wanted, finish, whole
from switch.dialects.markup import Node
from switch.wire.annotation import mistakes as annotation_mistakes

_NAMES: Final = {key: str(entry["desc"]) for key, entry in iso8583.specs.default_ascii.items()}
"""What the standard calls elements; the file has no names."""
_SIZES: Final = {
    "AMOUNT": 12,
    "TIME": 6,
    "DATE_EXP": 4,
    **{f"DATE{size}": size for size in (4, 6, 10, 12, 14)},
}
"""Types of digits whose size is their own."""
_SIZED: Final = ("NUMERIC", "ALPHA", "BINARY")
_VARIABLE: Final = re.compile(r"(?P<ls>L{2,4})(?P<kind>VAR|BIN)")
_TYPES: Final = (*_SIZED, *_SIZES, "LLVAR", "LLLVAR", "LLLLVAR", "LLBIN", "LLLBIN", "LLLLBIN")
_UNLIKE: Final = {
    "LLBCDBIN": "digits in BCD whose filling its program decides",
    "LLLBCDBIN": "digits in BCD whose filling its program decides",
    "LLLLBCDBIN": "digits in BCD whose filling its program decides",
}
_GUIDES: Final = ("parse", "template")
_TAGS: Final = (*_GUIDES, "header", "custom-field", "field")


class _Given(NamedTuple):
    """How one kind of message has a field."""

    where: str
    field: Node
    form: dict[str, Any]


def read(source: str, content: bytes, wanted: Wanted) -> Brought:
    """The dialect a j8583 configuration describes. `source` names the file in mistakes."""
    if len(content) > BYTES_MAX:
        return Brought("", (whole(source, f"more than {BYTES_MAX} bytes: no configuration"),), ())
    lines = content.decode("utf-8", "replace").split("\n")
    root = markup.read(source, content, lines, Node, "")
    if isinstance(root, Mistake):
        return Brought("", (root,), ())
    reading = _Reading(source, lines, wanted)
    reading.configuration(root)
    name = source.rpartition("/")[2]
    about = f"Brought in from the j8583 configuration {name}."
    title, found = f"j8583 configuration {name}", (reading.elements, reading.mistakes, reading.notes)
    return finish(source, wanted, title, about, *found, header=reading.header)


class _Reading:
    """Elements made of fields, and what was found on the way."""

    def __init__(self, source: str, lines: list[str], wanted: Wanted) -> None:
        self.source = source
        self.lines = lines
        self.text = wanted.text is not False
        self.wanted = wanted
        self.elements: dict[str, dict[str, Any]] = {}
        self.given: dict[int, list[_Given]] = {}
        self.mistakes: list[Mistake] = []
        self.notes: list[Mistake] = []
        self.header = ""

    def mistake(self, node: Node, message: str, hint: str = "") -> None:
        self.mistakes.append(markup.at(self.source, self.lines, node.line, node.column, message, hint))

    def note(self, node: Node, message: str) -> None:
        self.notes.append(markup.at(self.source, self.lines, node.line, node.column, message))

    def configuration(self, root: Node) -> None:
        """All that the file says."""
        if self.wanted.text is None:
            said = "whether numbers are text or BCD is not in the file: read as text"
            self.note(root, f"{said} (--wire binary where the program calls setUseBinaryMessages)")
        guides = {(n.tag, _type(n.said("type"))) for n in root.inside if n.tag in _GUIDES}
        for node in root.inside:
            if node.tag not in _TAGS:
                self.mistake(node, f"<{node.tag}> is no part of a j8583 configuration", did_you_mean(node.tag, _TAGS))
            elif node.tag == "custom-field":
                self.note(
                    node, f"custom-field {node.said('num')}: what its class makes of the value is code; kept whole"
                )
            elif node.tag in _GUIDES:
                self._guide(node, guides)
        self._headers([n for n in root.inside if n.tag == "header"])
        mti = _fixed("ascii", 4) if self.text else _fixed("b", 2)
        self.elements["t"] = {"desc": "Message Type Indicator", "content": "n", **mti}
        raw = not self.text or self.wanted.raw_bitmap
        for key, desc in (("p", "Bitmap, Primary"), ("1", "Bitmap, Secondary")):
            self.elements[key] = {"desc": desc, "content": "b", **_fixed("b" if raw else "ascii", 8 if raw else 16)}
        for number in sorted(self.given):
            self._settle(number, self.given[number])

    # -- what stands before messages

    def _headers(self, nodes: list[Node]) -> None:
        for node in nodes:
            if not node.text.strip() and not node.said("ref"):
                self.note(node, "header: it has no text, so nothing stands before messages")
        nodes = [n for n in nodes if n.text.strip()]
        texts = {n.text.strip() for n in nodes}
        if not texts:
            return
        node = nodes[0]
        if any(n.said("binary").lower() == "true" for n in nodes):
            sizes = {len(text) // 2 for text in texts}
            form = {"content": "b", **_fixed("b", 0)}
        else:
            sizes = {len(text) for text in texts}
            form = {"content": "ans", **_fixed("ascii", 0)}
        if len(sizes) > 1:
            self.mistake(node, "header: they are of different lengths; a dialect has one header for all messages")
            return
        self.elements["h"] = {"desc": "Header", **form, "max_len": sizes.pop()}
        self.header = min(texts)
        if len(texts) > 1:
            self.note(node, f"header: kinds of messages have {len(texts)} of them; {self.header} is what is sent here")

    # -- fields

    def _guide(self, guide: Node, guides: set[tuple[str, str]]) -> None:
        kind = guide.said("type")
        if re.fullmatch(r"[0-9A-Fa-f]{3,4}", kind) is None:
            self.mistake(guide, f'{guide.tag}: type: expected an MTI, found "{kind}"')
        of = guide.said("extends")
        if of and (guide.tag, _type(of)) not in guides:
            self.mistake(guide, f'{guide.tag} {kind}: extends: there is no {guide.tag} of type "{of}"')
        for field in guide.inside:
            self._field(f"{guide.tag} {kind}", field)

    def _field(self, where: str, field: Node) -> None:
        number, kind = field.number("num"), field.said("type")
        if field.tag != "field":
            self.mistake(field, f"{where}: <{field.tag}> is no field", did_you_mean(field.tag, ("field",)))
            return
        if kind == "exclude":
            return
        if not 2 <= number <= 128 or number == 65:
            self.mistake(field, f'{where}: num: expected 2 to 128, found "{field.attributes.get("num", "")}"')
            return
        for key in field.attributes.keys() - {"num", "type", "length"}:
            self.note(field, f"{where}, field {number}: {key}: no attribute that j8583 reads")
        if kind in _SIZES and field.number("length", 0) not in (0, _SIZES[kind]):
            said = f"{kind} has {_SIZES[kind]} digits whatever its length says ({field.said('length')})"
            self.note(field, f"{where}, field {number}: {said}")
        form = self._form(field)
        if isinstance(form, str):
            hint = "" if kind in (*_TYPES, *_UNLIKE) else did_you_mean(kind, _TYPES)
            self.mistake(field, f"{where}, field {number}: {form}", hint)
            return
        self.given.setdefault(number, []).append(_Given(where, field, form))

    def _annotated(self, composite: Node) -> tuple[dict[str, Any] | None, str]:
        plain = all(inner.said("type") == "ALPHA" for inner in composite.inside)
        if not self.text and not plain:
            return None, "numbers and lengths in BCD between text"
        return _annotation(composite)

    def _form(self, field: Node) -> dict[str, Any] | str:
        """An element's entry without its name, or why there is none."""
        kind = field.said("type")
        if kind in _UNLIKE:
            return f"type {kind}: {_UNLIKE[kind]}"
        variable = _VARIABLE.fullmatch(kind)
        if variable:
            return self._variable(len(variable["ls"]), variable["kind"], field.number("length", 0))
        size = _SIZES.get(kind, field.number("length"))
        if kind not in (*_SIZED, *_SIZES):
            return f'type "{kind}" is not known here'
        if size < 1:
            return f"{kind} without a length; j8583 takes none either"
        if kind == "ALPHA":
            return {"content": "ans", **_fixed("latin-1", size)}
        if kind == "BINARY":
            return {"content": "b", **_fixed("ascii" if self.text else "b", size * 2 if self.text else size)}
        return {"content": "n", **self._digits(size)}

    def _variable(self, digits: int, kind: str, most: int) -> dict[str, Any]:
        binary = kind == "BIN"
        data = "latin-1" if not binary else "ascii" if self.text else "b"
        prefix = (
            {"len_enc": "ascii", "len_type": digits} if self.text else {"len_enc": "bcd", "len_type": (digits + 1) // 2}
        )
        size = min(most * (2 if binary and self.text else 1) or 10**digits - 1, 10**digits - 1)
        if binary and self.text:
            size -= size % 2
        return {"content": "b" if binary else "ans", "data_enc": data, **prefix, "max_len": size}

    def _digits(self, size: int) -> dict[str, Any]:
        if self.text:
            return _fixed("ascii", size)
        return {**_fixed("b", size), "len_count": "nibbles"} | ({"left_pad": "0"} if size % 2 else {})

    def _settle(self, number: int, given: list[_Given]) -> None:
        """One form of all that a field has; told where they differ."""
        first = given[0]
        forms = {tuple(sorted(_on_the_wire(g.form).items())) for g in given}
        if len(forms) > 1:
            other = next(g for g in given if _on_the_wire(g.form) != _on_the_wire(first.form))
            said = (
                f"field {number}: {_said(first.field)} in {first.where}, {_said(other.field)} in {other.where} (line "
                f"{other.field.line}): an element has one form in a dialect"
            )
            self.mistake(first.field, said, "leave one of them in the file, for one kind of link")
            return
        form = max((g.form for g in given), key=lambda f: (f["content"] != "n", f["max_len"]))
        made = {"desc": _NAMES.get(str(number), f"Field {number}"), **form}
        composite = next((g.field for g in given if g.field.inside), None)
        if composite is not None:
            found, why = self._annotated(composite)
            if found is None:
                self.note(composite, f"field {number}: its subfields are left out: {why}")
            else:
                made["subfields"] = found
        self.elements[str(number)] = made


def _type(text: str) -> str:
    """An MTI as j8583 reads it: `200` is 0200."""
    return text.rjust(4, "0").upper()


def _fixed(data: str, size: int) -> dict[str, Any]:
    return {"data_enc": data, "len_enc": "ascii", "len_type": 0, "max_len": size}


def _on_the_wire(form: dict[str, Any]) -> dict[str, Any]:
    """What of a form is seen: digits, text and bytes in hex are all text; how much a variable one may have is not seen."""
    text = form["data_enc"] in ("ascii", "latin-1")
    seen = {k: v for k, v in form.items() if k != "content" and (k != "max_len" or not form["len_type"])}
    return {**seen, "data_enc": "text"} if text else seen


def _said(field: Node) -> str:
    size = f" of {field.said('length')}" if field.said("length") else ""
    return f"{field.said('type')}{size}"


def _annotation(field: Node) -> tuple[dict[str, Any] | None, str]:
    """The fields of a composite one behind the other, or why they cannot be said."""
    parts: list[dict[str, Any]] = []
    lengths = set()
    for n, inner in enumerate(field.inside, 1):
        kind = inner.said("type")
        part: dict[str, Any] = {"id": inner.said("num") or str(n)}
        variable = _VARIABLE.fullmatch(kind)
        if inner.inside:
            return None, f"subfield {part['id']} has subfields of its own"
        if variable and variable["kind"] == "VAR":
            lengths.add(len(variable["ls"]))
        elif kind in (*_SIZES, "NUMERIC", "ALPHA"):
            part["len"] = _SIZES.get(kind, inner.number("length"))
        else:
            return (
                None,
                f"subfield {part['id']}: bytes within text" if "BIN" in kind else f"subfield {part['id']}: type {kind}",
            )
        parts.append(part)
    if len(lengths) > 1:
        return None, "lengths of different sizes"
    made = (
        {"form": "llvar", "len_len": lengths.pop(), "parts": parts}
        if lengths
        else {"form": "positional", "parts": parts}
    )
    wrong = next(annotation_mistakes(made), None)
    return (made, "") if wrong is None else (None, ".".join(map(str, wrong[0])) + ": " + wrong[1])
