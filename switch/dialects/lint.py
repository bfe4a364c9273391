"""Every mistake of a dialect file at once, each with its line, its column and a caret under what is wrong."""

import json
from collections.abc import Iterator
from typing import Final

from switch.config.mistakes import Mistake, nearest
from switch.config.positions import Index, Path
from switch.dialects.positions import scan
from switch.wire import Dialect, DialectError
from switch.wire.vocabulary import SENSITIVE


def lint(file: str, content: bytes) -> list[Mistake]:
    """All that is wrong with a dialect file, in the order of its lines; none: `Dialect.load` takes it. `file` names it."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"not UTF-8: byte {content[error.start]:02X} at offset {error.start}, line {line}"
        return [_whole(file, what, "save it as UTF-8; JSON knows no other encoding")]
    try:
        raw = json.loads(text)
        index, twice = scan(text)
    except json.JSONDecodeError as error:
        snippet = Index(text, {}).line_text(error.lineno)
        return [
            Mistake(file=file, line=error.lineno, column=error.colno, width=1, message=f"no JSON: {error.msg}",
                    snippet=snippet, hint=_json_hint(text, error.pos))
        ]  # fmt: skip
    except (RecursionError, ValueError) as error:
        deep = isinstance(error, RecursionError)
        return [_whole(file, "nested too deeply to be a dialect" if deep else f"no JSON: {error}")]
    found = [
        _at(file, index, start, end, f"{_name(path)} is given twice", "keep one of the two")
        for path, start, end in twice
    ]
    try:
        dialect = Dialect.from_spec(raw, file)
    except DialectError as error:
        for place, sentence in zip(error.places, error.mistakes, strict=True):
            found.append(_placed(file, index, place, sentence))
    else:
        found += _warnings(file, index, dialect)
    return sorted(found, key=lambda m: (m.line, m.column))


def _warnings(file: str, index: Index, dialect: Dialect) -> list[Mistake]:
    """What loads, and yet cannot be meant."""
    found = []
    for de in sorted(SENSITIVE & dialect.elements.keys()):
        if not dialect.elements[de].sensitive:
            start, end = index.key((de,))
            found.append(
                _at(
                    file,
                    index,
                    start,
                    end,
                    f"{de} ({dialect.names[de]}) is not marked sensitive",
                    'add "sensitive": true',
                )
            )
    for de, total, size in overfull(dialect):
        start, end = index.key((de, "subfields"))
        said = f"{de}.subfields: its parts take {total} characters, {de} has {size}"
        found.append(_at(file, index, start, end, said, ""))
    return found


def overfull(dialect: Dialect) -> Iterator[tuple[str, int, int]]:
    """The elements whose parts take more characters than they have: element, characters of its parts, its own."""
    for de, annotation in dialect.subfields.items():
        if annotation["form"] == "positional":
            total, size = sum(part["len"] for part in annotation["parts"]), dialect.elements[de].digits
            if total > size:
                yield de, total, size


def _whole(file: str, message: str, hint: str = "") -> Mistake:
    return Mistake(file=file, line=0, column=0, width=1, message=message, hint=hint)


def _name(path: Path) -> str:
    return ".".join(map(str, path))


def _placed(file: str, index: Index, place: Path, sentence: str) -> Mistake:
    if not place:
        return _whole(file, sentence)
    _, _, said = sentence.partition(": ")
    if place not in index.spans:  # a key that is missing: said of what lacks it
        start, end = index.key(place)
        return _at(file, index, start, end, f"{_name(place)}: {said}", "") if place[:-1] else _whole(file, sentence)
    start, end = index.value(place)
    if "unknown key" in said or "no key of" in said or "no such element" in said:
        start, end = index.key(place)
        said, _, hint = said.partition("; ")
        return _at(file, index, start, end, f"{_name(place)}: {said}", hint)
    return _at(file, index, start, end, f"{_name(place)}: {said}", _hint(index, place, said))


def _hint(index: Index, place: Path, said: str) -> str:
    """The word that was meant, where a list of words is expected."""
    _, expected, rest = said.partition("expected one of ")
    words = rest.partition(", found ")[0].split(", ") if expected else []
    found = index.text[slice(*index.value(place))].strip('"')
    near = nearest(found, words) if words else ""
    return f"did you mean {near}?" if near else ""


def _at(file: str, index: Index, start: int, end: int, message: str, hint: str) -> Mistake:
    line, column = index.line_column(start)
    snippet = index.line_text(line)
    width = max(1, min(end - start, len(snippet) - column + 1))
    snippet, shown = _around(snippet, column, width)
    return Mistake(file=file, line=line, column=column, width=min(width, _SHOWN), message=message, hint=hint,
                   snippet=snippet, shown=shown)  # fmt: skip


_SHOWN: Final = 120
"""Characters of a line that are shown: an element with its subfields may take thousands."""


def _around(snippet: str, column: int, width: int) -> tuple[str, int]:
    """A line cut to what surrounds the mistake, and the column of the mistake in what is left."""
    if len(snippet) <= _SHOWN:
        return snippet, column
    start = max(0, min(column - 1 - _SHOWN // 3, len(snippet) - _SHOWN))
    end = max(start + _SHOWN, column - 1 + min(width, _SHOWN))
    lead = "…" if start else ""
    return lead + snippet[start:end] + ("…" if end < len(snippet) else ""), column - start + len(lead)


def _json_hint(text: str, at: int) -> str:
    before = text[:at].rstrip()
    if text[at : at + 1] in "}]" and before.endswith(","):
        return "no comma behind the last one"
    if text[at : at + 1] == '"' and before[-1:] in ('"', "}", "]"):
        return "is a comma missing before it?"
    if text[at : at + 1] in ("'", "#", "/"):
        return "JSON has no comments, and strings stand in double quotes"
    return ""
