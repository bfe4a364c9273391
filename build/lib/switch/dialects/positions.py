"""Where in a JSON text each key and value stands, and the keys given twice. `json` reads the values and tells no positions.

Rule: the text has passed `json.loads`, so this scanner need not refuse anything, only keep its place.
"""

import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # public in the standard library, missing in its stubs
from typing import Final

from switch.config.positions import Index, Path, Span

_SKIP: Final = re.compile(r"[ \t\r\n]*")
_BARE: Final = re.compile(r"[^,\]}\s]+")


class _Scanner:
    """One pass over the text; `at` is the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.spans: dict[Path, Span] = {}
        self.twice: list[tuple[Path, int, int]] = []

    def skip(self) -> str:
        """Blanks; the character behind them."""
        match = _SKIP.match(self.text, self.at)
        assert match is not None
        self.at = match.end()
        return self.text[self.at : self.at + 1]

    def string(self) -> str:
        value, self.at = scanstring(self.text, self.at + 1, False)
        return str(value)

    def value(self, path: Path) -> None:
        """A value of any kind and all below it. The span's key is the value's own until `members` knows better."""
        first = self.skip()
        start = self.at
        if first == "{":
            self.members(path)
        elif first == "[":
            self.items(path)
        elif first == '"':
            self.string()
        else:
            match = _BARE.match(self.text, self.at)
            self.at = match.end() if match else self.at + 1
        if path not in self.spans:
            self.spans[path] = Span(start, self.at, start, self.at)

    def members(self, path: Path) -> None:
        self.at += 1
        while self.skip() not in ("}", ""):
            if self.text[self.at] == ",":
                self.at += 1
                continue
            key_start = self.at
            here = (*path, self.string())
            key_end = self.at
            if here in self.spans:
                self.twice.append((here, key_start, key_end))
                self.spans = {k: v for k, v in self.spans.items() if k[: len(here)] != here}
            self.skip()
            self.at += 1
            self.skip()
            value_start = self.at
            self.value(here)
            self.spans[here] = Span(key_start, key_end, value_start, self.at)
        self.at += 1

    def items(self, path: Path) -> None:
        self.at += 1
        n = 0
        while self.skip() not in ("]", ""):
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self.value((*path, n))
            n += 1
        self.at += 1


def scan(text: str) -> tuple[Index, list[tuple[Path, int, int]]]:
    """Positions of all in a JSON text, and the keys given twice with start and end of the second."""
    scanner = _Scanner(text)
    scanner.value(())
    return Index(text, scanner.spans), scanner.twice
