"""Conditions on lines of a hop log: `de39=51`, `route!=domestic`, `elapsed_us>1000`, `note~timeout`; several hold together."""

import operator
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

_CONDITION: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*)\s*(!=|>=|<=|!~|=|>|<|~)\s*(.*)", re.DOTALL)

_NUMERIC: Final[dict[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


class WhereError(ValueError):
    """A condition that cannot be read. The message says what one looks like."""


class Condition(msgspec.Struct, frozen=True):
    """One condition. An event without its key meets `!=` and `!~` only."""

    key: str
    op: str
    value: str

    def meets(self, event: dict[str, Any]) -> bool:
        """True where `event` meets it. Numbers are compared as numbers, all else as text, exactly or (`~`) by pattern."""
        found = event.get(self.key)
        if self.op in _NUMERIC:
            try:
                return found is not None and _NUMERIC[self.op](float(found), float(self.value))
            except (TypeError, ValueError):
                return False
        text = "" if found is None else str(found)
        if self.op in ("=", "!="):
            return (found is not None and text == self.value) == (self.op == "=")
        return (found is not None and re.search(self.value, text) is not None) == (self.op == "~")


def parse_condition(text: str) -> Condition:
    """`"de39!=00"` -> Condition. WhereError: no key, no operator, no number after `>`, no pattern after `~`."""
    match = _CONDITION.fullmatch(text.strip())
    if match is None:
        raise WhereError(f"{text!r} is no condition: key=value, key!=value, key>number, key<number or key~pattern")
    condition = Condition(*match.groups())
    if condition.op in _NUMERIC:
        try:
            float(condition.value)
        except ValueError:
            raise WhereError(f"{text!r}: {condition.op} compares with a number, {condition.value!r} is none") from None
    if "~" in condition.op:
        try:
            re.compile(condition.value)
        except re.error as error:
            raise WhereError(f"{text!r}: {condition.value!r} is no regular expression: {error}") from None
    return condition


def meets_all(conditions: Iterable[Condition], event: dict[str, Any]) -> bool:
    """True where `event` meets each of them; of none, all do."""
    return all(condition.meets(event) for condition in conditions)
