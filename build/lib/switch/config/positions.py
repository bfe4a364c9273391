"""Where in a TOML text each key and value stands. `tomllib` reads the values and tells no positions; this tells only those.

Rule: the text has passed `tomllib`, so this scanner need not refuse anything, only keep its place: it knows strings of all
four kinds, comments, arrays, inline tables, dotted keys, tables and arrays of tables.
"""

import re
import tomllib
from bisect import bisect_right
from typing import Final, TypeAlias

import msgspec

Path: TypeAlias = tuple[str | int, ...]
"""From the root: `("host", 2, "timeout_ms")`."""


class Span(msgspec.Struct, frozen=True):
    """Offsets in characters. A table's key is its header, brackets included; its value is empty."""

    key_start: int
    key_end: int
    value_start: int
    value_end: int


class Index:
    """Positions by path, and lines by offset, of one text."""

    def __init__(self, text: str, spans: dict[Path, Span]) -> None:
        """`spans` as `scan` found them in `text`."""
        self.text = text
        self.spans = spans
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]
        """of the lines"""

    def key(self, path: Path) -> tuple[int, int]:
        """Start and end of the key; of an array of tables, its first header; of what is not there, the table above it."""
        if (*path, 0) in self.spans and path not in self.spans:
            path = (*path, 0)
        while path and path not in self.spans:
            path = path[:-1]
        span = self.spans.get(path)
        return (span.key_start, span.key_end) if span else (0, 0)

    def value(self, path: Path) -> tuple[int, int]:
        """Start and end of the value; of the key where the value is empty or there is none."""
        span = self.spans.get(path)
        if span is None or span.value_start == span.value_end:
            return self.key(path)
        return span.value_start, span.value_end

    def line_column(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1, in characters."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        """The text of a line, from 1, without its end."""
        if not 0 < line <= len(self._starts):
            return ""
        end = self._starts[line] - 1 if line < len(self._starts) else len(self.text)
        return self.text[self._starts[line - 1] : end].rstrip("\r")


_SKIP: Final = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_TURN: Final = re.compile(rf"#[^\n]*|{_STRING.pattern}|\"\"\"|'''|[\[\]{{}}=,.\n]", re.DOTALL)
"""What a text's nesting changes at; comments and strings, so that nothing in them is taken for it."""
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE: Final = re.compile(r"[^,\]}#\n]*")
_BLANK: Final = re.compile(r"[ \t]*")


def too_deep(text: str, depth_max: int) -> int | None:
    """Where `text` first nests deeper than `depth_max`: by the dots of a key, or by arrays and inline tables. None: nowhere.

    For before `tomllib`, whose cost grows with the square of a key's parts. The text need not be valid.
    """
    dots = depth = 0
    for found in _TURN.finditer(text):
        match found.group():
            case ".":
                dots += 1
            case "[" | "{":
                depth, dots = depth + 1, 0
            case "]" | "}":
                depth, dots = max(depth - 1, 0), 0
            case "=" | "," | "\n":
                dots = 0
        if dots >= depth_max or depth > depth_max:
            return found.start()
    return None


class _Scanner:
    """One pass over the text. `at` is the next character; every method leaves it behind what it has read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.spans: dict[Path, Span] = {}
        self.lengths: dict[Path, int] = {}
        """of arrays of tables, by their path without an index"""

    def skip(self, pattern: re.Pattern[str] = _SKIP) -> str:
        """Move behind `pattern`; the next character, or "" at the end."""
        found = pattern.match(self.text, self.at)
        assert found is not None
        self.at = found.end()
        return self.text[self.at : self.at + 1]

    def key(self) -> tuple[list[str], int, int]:
        """A dotted key: its parts, and where it starts and ends."""
        start = end = self.at
        parts: list[str] = []
        while True:
            quoted = _STRING.match(self.text, self.at)
            found = quoted or _BARE_KEY.match(self.text, self.at)
            assert found is not None, f"no key at offset {self.at}"
            part = found.group()
            parts.append(next(iter(tomllib.loads(f"{part}=0"))) if quoted else part)
            self.at = end = found.end()
            if self.skip(_BLANK) != ".":
                return parts, start, end
            self.at += 1
            self.skip(_BLANK)

    def header(self) -> Path:
        """`[a.b]` or `[[a.b]]`: the path that the keys below it stand under. A table above without a header stands here, too."""
        start = self.at
        array = self.text.startswith("[[", start)
        self.at += 2 if array else 1
        self.skip(_BLANK)
        parts, _, _ = self.key()
        self.at += 2 if array else 1
        path: Path = ()
        for n, part in enumerate(parts):
            if path:
                self.spans.setdefault(path, Span(start, self.at, self.at, self.at))
            path = (*path, part)
            if array and n == len(parts) - 1:
                self.lengths[path] = self.lengths.get(path, 0) + 1
            if path in self.lengths:
                path = (*path, self.lengths[path] - 1)
        self.spans[path] = Span(start, self.at, self.at, self.at)
        return path

    def pair(self, table: Path) -> None:
        """`key = value` in `table`. Of a dotted key, each part before the last is a table of that name."""
        parts, start, end = self.key()
        self.skip(_BLANK)
        self.at += 1
        self.skip(_BLANK)
        path = table
        for part in parts[:-1]:
            path = (*path, part)
            self.spans.setdefault(path, Span(start, end, end, end))
        path = (*path, parts[-1])
        begin = self.at
        self.value(path)
        self.spans[path] = Span(start, end, begin, self.at)

    def value(self, path: Path) -> None:
        """Any value: a string, an array, an inline table, or what reads to the next delimiter (number, date, boolean)."""
        quoted = _STRING.match(self.text, self.at)
        if quoted:
            self.at = quoted.end()
        elif self.text[self.at] == "[":
            self.array(path)
        elif self.text[self.at] == "{":
            self.inline(path)
        else:
            found = _BARE_VALUE.match(self.text, self.at)
            assert found is not None
            self.at += len(found.group().rstrip())

    def array(self, path: Path) -> None:
        """`[1, 2]`: each item's value is found under its number; it has no key."""
        self.at += 1
        n = 0
        while self.skip() != "]":
            begin = self.at
            self.value((*path, n))
            self.spans[(*path, n)] = Span(begin, self.at, begin, self.at)
            n += 1
            if self.skip() == ",":
                self.at += 1
        self.at += 1

    def inline(self, path: Path) -> None:
        """`{a = 1, b = 2}`."""
        self.at += 1
        while self.skip() != "}":
            self.pair(path)
            if self.skip() == ",":
                self.at += 1
        self.at += 1


def scan(text: str) -> Index:
    """The positions of all keys and values of `text`, which must be valid TOML."""
    scanner = _Scanner(text)
    table: Path = ()
    while first := scanner.skip():
        if first == "[":
            table = scanner.header()
        else:
            scanner.pair(table)
    return Index(text, scanner.spans)
