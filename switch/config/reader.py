"""Read a TOML text key by key, noting every mistake instead of stopping at the first.

A getter returns the value, or a stand-in of the right type after it has noted what is wrong; nobody sees stand-ins, because a
file with mistakes yields no `Network`. Checks across keys skip blanks, so that one mistake is reported once.
"""

import re
import tomllib
from collections.abc import Callable, Collection, Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final, TypeVar, cast
from urllib.parse import SplitResult, urlsplit

from switch.config.hiding import hide, secrets_in
from switch.config.mistakes import ConfigErrors, Mistake, did_you_mean, nearest
from switch.config.positions import Index, Path, scan, too_deep
from switch.core.addresses import AddressError, parse_address
from switch.core.network import Address

Word = TypeVar("Word", bound=str)

DEPTH_MAX: Final = 32
"""tables in tables, as dotted keys, arrays or inline tables; what a network file says needs three"""
MISTAKES_MAX: Final = 500
"""A file that has so many is another kind of file; the rest of it is not looked at."""
SNIPPET_MAX: Final = 400
"""characters of a line that are shown; of a longer one, those around the mistake"""
SNIPPET_BEFORE: Final = 60
MESSAGE_MAX: Final = 400
"""characters of a sentence, which may quote a value; of a longer one the middle is left out"""

_TOML_PLACE: Final = re.compile(r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_BARE_WORD: Final = re.compile(r"[A-Za-z][\w.-]*")
_LINE_KEY: Final = re.compile(r"\s*(\[+[^\]]*\]+|[^=\s]+)")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]*")
NAME_FORM: Final = "lower-case letters, digits, - and _"
_PERCENT: Final = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)\s*%")
_SEEN: Final = "\u00a0\u202f\u200c\u200d\u200e\u200f"
"""what Python calls unprintable and titles have: no-break spaces of French, joiners and direction marks of Arabic"""
_CURLY: Final = "\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb"
"""quotation marks that word processors put in the place of TOML's"""
_TYPES: Final[dict[type, str]] = {
    str: "a string", bool: "true or false", int: "a whole number", Decimal: "a number", list: "an array", dict: "a table",
}  # fmt: skip


def _kind(value: object) -> str:
    """A value's type as TOML's reader calls it."""
    return _TYPES.get(type(value), "a date or time")


def split_url(text: str) -> SplitResult:
    """A URL's parts; all of them empty where `urlsplit` refuses it, as an IPv6 address without its last bracket."""
    try:
        return urlsplit(text)
    except ValueError:
        return urlsplit("")


def has_port(parts: SplitResult) -> bool:
    """False where the URL names a port, and it is none."""
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def clipped(message: str) -> str:
    """A sentence no longer than `MESSAGE_MAX`: of a longer one its two ends, for what is wrong stands at one of them."""
    half = MESSAGE_MAX // 2
    return message if len(message) <= MESSAGE_MAX else f"{message[:half]} … {message[-half:]}"


class Source:
    """One network file: its text, its positions, and the mistakes noted so far."""

    def __init__(self, file: str, text: str) -> None:
        """`file` is what mistakes call it. ConfigErrors: the text is no TOML."""
        self.file = file
        self.mistakes: list[Mistake] = []
        self.index = Index(text, {})
        deep = too_deep(text, DEPTH_MAX)
        if deep is not None:
            self.note(
                (deep, deep + 1), f"nested deeper than {DEPTH_MAX} tables or arrays", "a network file needs three"
            )
            raise ConfigErrors(self.mistakes)
        try:
            data = tomllib.loads(text, parse_float=Decimal)
            self.index = scan(text)
        except RecursionError:
            self.missing("values are nested too deeply to be read")
            raise ConfigErrors(self.mistakes) from None
        except ValueError as error:  # tomllib's own, or a number of thousands of digits
            self._syntax(str(error))
            raise ConfigErrors(self.mistakes) from None
        self.root = Section(self, (), data)

    def _syntax(self, error: str) -> None:
        """Note what `tomllib` says, at the place it names in words."""
        found = _TOML_PLACE.match(error)
        what = found["what"] if found else error
        line = self.index.text.rstrip().count("\n") + 1
        column = len(self.index.line_text(line)) + 1
        if found and found["line"]:
            line, column = int(found["line"]), int(found["column"])
        text = self.index.line_text(line)
        column, width, hint = min(column, len(text) + 1), 1, ""
        word = _BARE_WORD.match(text, column - 1)
        key = _LINE_KEY.match(text)
        if what.startswith(("Cannot overwrite", "Cannot declare")) and key is not None:
            what, column, width = "this is set already, further up", key.start(1) + 1, len(key[1])
        elif what == "Invalid value" and word is not None:
            width, hint = len(word[0]), f'a string stands in quotes: "{word[0]}"'
        elif what == "Invalid value" and text[column - 1 : column] in tuple(_CURLY):
            hint = "a string stands in straight quotes"
        what = f"not TOML: {what[:1].lower()}{what[1:]}"
        self._add(line, column, width, what, hint)

    def _add(self, line: int, column: int, width: int, message: str, hint: str) -> None:
        whole = self.index.line_text(line)
        start = max(0, column - SNIPPET_BEFORE) if len(whole) > SNIPPET_MAX else 0
        seen = max(0, start - SNIPPET_MAX)  # what says that a value is secret may stand before what is shown
        around = whole[seen : start + 2 * SNIPPET_MAX]
        secrets = secrets_in(around)
        cut = hide(around)[start - seen :][:SNIPPET_MAX]
        self.mistakes.append(
            Mistake(
                file=self.file,
                line=line,
                column=column,
                width=min(width, max(1, len(cut) - (column - start) + 1)),
                message=clipped(hide(message, secrets)),
                hint=hide(hint, secrets),
                snippet=cut,
                shown=column - start if start else 0,
            )
        )
        if len(self.mistakes) >= MISTAKES_MAX:
            raise ConfigErrors(self.mistakes, more=True)

    def note(self, span: tuple[int, int], message: str, hint: str = "") -> None:
        """A mistake at `span`, cut at the end of its line."""
        line, column = self.index.line_column(span[0])
        width = max(1, min(span[1] - span[0], len(self.index.line_text(line)) - column + 1))
        self._add(line, column, width, message, hint)

    def missing(self, message: str, hint: str = "") -> None:
        """A mistake of the file as a whole: something is not in it."""
        self._add(0, 0, 0, message, hint)


class Section:
    """One table of the file. `done()` at the end reports the keys nobody asked for."""

    def __init__(self, source: Source, path: Path, data: dict[str, Any]) -> None:
        """The table `data` at `path`."""
        self.source = source
        self.path = path
        self.data = data
        self._asked: set[str] = set()
        self._missing: list[str] = []
        self._refused: set[str] = set()
        """keys whose type has been noted as wrong: what asks for one again is told nothing new"""

    @property
    def line(self) -> int:
        """Where the section begins, from 1."""
        return self.source.index.line_column(self.source.index.key(self.path)[0])[0]

    def line_of(self, key: str) -> int:
        """Where `key` stands, from 1; where the section begins if it has no such key."""
        return self.source.index.line_column(self.source.index.key((*self.path, key))[0])[0]

    @property
    def title(self) -> str:
        """`[[host]] "visa"`, `[rates]`, or "the file"."""
        if not self.path:
            return "the file"
        if isinstance(self.path[-1], int):
            name = next((self.data[key] for key in ("name", "range", "network", "product") if self.data.get(key)), None)
            tables = ".".join(part for part in self.path if isinstance(part, str))
            return f"[[{tables}]]" + (f' "{name}"' if isinstance(name, str) else "")
        return f"[{self.path[-1]}]"

    def wrong(self, key: str, message: str, hint: str = "", item: int | None = None) -> None:
        """Note a mistake at the value of `key`, of an array at its `item` (from 0); at the section where it has no such key."""
        path = (*self.path, key) if item is None else (*self.path, key, item)
        self.source.note(self.source.index.value(path), message, hint)

    def wrong_item(self, key: str, value: str, message: str, hint: str = "") -> None:
        """Note a mistake at `value` in the array `key`; at `key` where that is a single string."""
        values = self.data.get(key)
        self.wrong(key, message, hint, values.index(value) if isinstance(values, list) and value in values else None)

    def wrong_key(self, key: str, message: str, hint: str = "") -> None:
        """Note a mistake at `key` itself."""
        self.source.note(self.source.index.key((*self.path, key)), message, hint)

    def has(self, key: str) -> bool:
        """True if the key is there."""
        return key in self.data

    def _take(self, key: str, kind: type, default: Any) -> Any:
        """The value of `key` if it is of type `kind`; `default`, or a mistake and None, where there is none."""
        self._asked.add(key)
        if key not in self.data:
            if default is None:
                self._missing.append(key)
            return default
        value = self.data[key]
        if type(value) is not kind:
            hint = f"write [[{key}]]" if kind is list and isinstance(value, dict) else ""
            if key not in self._refused:
                self.wrong(key, f"`{key}` is {_TYPES[kind]}, not {_kind(value)}", hint)
            self._refused.add(key)
            return None
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """A string of printable characters, not empty or blank; "" after a mistake. Without a default the key is required."""
        value: str | None = self._take(key, str, default)
        if value is None or key not in self.data:
            return value or ""
        if not value.strip():
            self.wrong(key, f"`{key}` is empty", "leave the key out instead" if default is not None else "")
            return ""
        return value if self._is_printable(key, value) else ""

    def _is_printable(self, key: str, value: str, item: int | None = None) -> bool:
        """False, and a mistake, where a string has a character that nobody sees: no name or path of this file has one."""
        unseen = next((c for c in value if not c.isprintable() and c not in _SEEN), "")
        if unseen:
            self.wrong(key, f"`{key}` has a character that cannot be seen, U+{ord(unseen):04X}", "take it out", item)
        return not unseen

    def name(self) -> str:
        """The key `name`: lower-case letters, digits, - and _, because logs and link ids are made of it."""
        value = self.text("name")
        if value and not _NAME.fullmatch(value):
            self.wrong("name", f'"{value}" is no name', f"{NAME_FORM}; it begins link ids and logs")
            return ""
        return value

    def digits(self, key: str, longest: int, default: str | None = None) -> str:
        """A string of 1 to `longest` digits; "" after a mistake."""
        value = self.text(key, default)
        if value and not (value.isascii() and value.isdigit() and len(value) <= longest):
            self.wrong(key, f'`{key}` is 1 to {longest} digits, not "{value}"')
            return ""
        return value

    def choice(self, key: str, known: Collection[Word], default: str | None = None) -> Word:
        """One of `known`; "" after a mistake, whatever `known` says."""
        value = self.text(key, default)
        if value and value not in known:
            self.wrong(key, f'"{value}" is no {key}', did_you_mean(value, known))
            value = ""
        return cast("Word", value)

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number from `low` to `high`; `low` after a mistake."""
        value: int | None = self._take(key, int, default)
        if value is None:
            return low
        if not low <= value <= high:
            self.wrong(key, f"`{key}` = {value} is out of range", f"{low} to {high}")
            return low
        return value

    def truth(self, key: str, default: bool) -> bool:
        """true or false; `default` after a mistake."""
        value = self._take(key, bool, default)
        return default if value is None else bool(value)

    def texts(self, key: str) -> list[str]:
        """An array of strings, [] where there is none; those that `text` would refuse are noted and left out."""
        found: list[str] = []
        for n, value in enumerate(self._take(key, list, []) or []):
            if not isinstance(value, str):
                self.wrong(key, f"`{key}` is an array of strings, and {value} is {_kind(value)}", item=n)
            elif not value.strip():
                self.wrong(key, f"a string of `{key}` is empty", "take it out", item=n)
            elif self._is_printable(key, value, n):
                found.append(value)
        return found

    def number(self, key: str) -> Decimal:
        """A number above 0, whole or with decimals, exact; 1 after a mistake. The key is required."""
        self._asked.add(key)
        value = self.data.get(key)
        if value is None:
            self._missing.append(key)
            return Decimal(1)
        if type(value) is int:
            value = Decimal(value)
        if not isinstance(value, Decimal):
            self.wrong(key, f"`{key}` is a number, such as 10.84, not {_kind(value)}")
        elif not value.is_finite() or value <= 0:
            self.wrong(key, f"`{key}` = {value} is not above 0 and finite")
        else:
            return value
        return Decimal(1)

    def percent(self, key: str, default: str) -> Decimal:
        """`"0.25 %"` -> 0.0025, from 0 to 100 %; 0 after a mistake."""
        value = self.text(key, default)
        share = _PERCENT.fullmatch(value)
        if share and (part := Decimal(share[1])) <= 100:
            return part / 100
        if value:
            self.wrong(key, f'`{key}` is a percentage, not "{value}"', 'such as "0.25 %", from 0 to 100')
        return Decimal(0)

    def day(self, key: str) -> str:
        """A day (`2024-10-01`, without quotes) as YYYY-MM-DD; "" where there is none, and after a mistake."""
        self._asked.add(key)
        value = self.data.get(key)
        if value is None:
            return ""
        if type(value) is not date:
            self.wrong(key, f"`{key}` is a day, not {_kind(value)}", "such as 2024-10-01, without quotes or time")
            return ""
        return value.isoformat()

    def address(self, key: str) -> Address:
        """`"127.0.0.1:8583"` (an IPv6 host in brackets); host "" after a mistake. The key is required."""
        value = self.text(key)
        try:
            return parse_address(value) if value else Address("", 0)
        except AddressError as error:
            self.wrong(key, str(error), error.hint)
            return Address("", 0)

    def lookup(self, key: str, find: Callable[[str], str], known: Collection[str], default: str | None = None) -> str:
        """A string that `find` translates, or refuses with a ValueError that becomes the mistake; "" then.

        `known` are the words a mistyped one is likely to have meant.
        """
        value = self.text(key, default)
        if not value:
            return ""
        try:
            return find(value)
        except ValueError as error:
            close = nearest(value.upper(), known)
            self.wrong(key, f"`{key}`: {error}", f'did you mean "{close}"?' if close else "")
            return ""

    def ask(self, *keys: str) -> None:
        """Take keys as known without reading them, where a mistake above leaves open which belong here."""
        self._asked.update(keys)

    def tables(self, key: str) -> Iterator["Section"]:
        """Each `[[key]]`; none where the file has none."""
        for n, data in enumerate(self._take(key, list, []) or ()):
            if isinstance(data, dict):
                yield Section(self.source, (*self.path, key, n), data)
            else:
                self.source.note(self.source.index.value((*self.path, key, n)), f"`{key}` is made of [[{key}]] tables")

    def table(self, key: str) -> "Section":
        """`[key]`; an empty one where the file has none."""
        return Section(self.source, (*self.path, key), self._take(key, dict, {}) or {})

    def done(self) -> None:
        """Report the keys nobody asked for, and those that are missing and were not meant by one of them."""
        meant: set[str] = set()
        for key in self.data:
            if key in self._asked:
                continue
            meant.add(nearest(key, self._missing))
            self.wrong_key(key, f'unknown key "{key}" in {self.title}', did_you_mean(key, self._asked))
        for key in self._missing:
            if key not in meant:
                self.source.note(self.source.index.key(self.path), f"{self.title} has no `{key}`", "it is required")


def is_name(text: str) -> bool:
    """True for what may name a party or a link: letters, digits, - and _, as `NAME_FORM` says."""
    return _NAME.fullmatch(text) is not None
