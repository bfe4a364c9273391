"""A message beside the one that was captured: which elements differ, by which rule they may.

A rule says how an element is compared:

- `exact`: the same value.
- `shape`: the same length, digits where digits were, letters where letters were; of bytes, the same length. For what a host makes
  anew each time: its clock, its counters, its references.
- `present`: there in both, or in neither.
- `ignore`: not compared.

Above them stands the echo: what an answer repeated of its request in the capture, it must repeat of the request now, whatever the
rule (but `ignore`). So a DE11 that is new in each run is still compared, with the one that was sent.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from switch.wire import Dialect, Document
from switch.wire.describe import NO_CODE, as_shown, name_of
from switch.wire.printable import printable
from switch.wire.stretches import wire_order
from switch.wire.vocabulary import DE, answer_name, element_of, label_of

EXACT, SHAPE, PRESENT, IGNORE = RULES = ("exact", "shape", "present", "ignore")

DEFAULT_RULES: Final[Mapping[str, str]] = {
    "h": PRESENT, "p": IGNORE, "1": IGNORE, "7": SHAPE, "11": SHAPE, "12": SHAPE, "13": SHAPE, "15": SHAPE, "16": SHAPE,
    "17": SHAPE, "37": SHAPE, "38": SHAPE, "56": SHAPE, "62": SHAPE, "63": SHAPE, "64": PRESENT, "90": SHAPE, "128": PRESENT,
}  # fmt: skip
"""Elements without an entry are compared exactly."""


class RuleError(ValueError):
    """A rule that cannot be read; a sentence."""


class Difference(NamedTuple):
    """One element that is not as it was. Values are fit to be shown: secrets are named, not given."""

    de: str
    """key of the element, "" where the message as a whole differs"""
    name: str
    expected: str
    """"" where it should not be there"""
    found: str
    """"" where it is missing"""
    rule: str

    @property
    def text(self) -> str:
        """One line."""
        if not self.de:
            return f"{self.name}: captured {self.expected or 'nothing'}, found {self.found or 'nothing'}"
        found = self.found or "nothing"
        note = "" if self.rule == EXACT or not (self.expected and self.found) else f"  ({self.rule})"
        return f"{label_of(self.de):<6}{self.name[:36]:<38}captured {self.expected or 'nothing'}, found {found}{note}"


def read_rules(ignore: str = "", rules: tuple[str, ...] = ()) -> dict[str, str]:
    """The default rules with `DE7,DE11` ignored, and `DE54=shape` said otherwise. RuleError."""
    made = dict(DEFAULT_RULES)
    for name in filter(None, (part.strip() for part in ignore.split(","))):
        made[_element(name)] = IGNORE
    for text in rules:
        name, equals, rule = (part.strip() for part in text.partition("="))
        if not equals or rule not in RULES:
            raise RuleError(f"{text!r} is no rule: DE54=shape, with one of {', '.join(RULES)}")
        made[_element(name)] = rule
    return made


def _element(name: str) -> str:
    key = element_of(name)
    if not key:
        raise RuleError(f"{name!r} is no data element: DE2 to DE128, MTI or header")
    return key


def expected_now(captured: Document, then: Document | None, now: Document | None) -> Document:
    """What a captured message says today: what it repeated of the request then, it repeats of the request now."""
    if then is None or now is None:
        return captured
    made = {}
    for de, value in captured.items():
        if de != DE.MTI and then.get(de) == value and de not in (DE.BITMAP, DE.BITMAP_SECONDARY, DE.HEADER):
            if de in now:
                made[de] = now[de]
        else:
            made[de] = value
    return made


def differences(
    dialect: Dialect, captured: Document, found: Document, rules: Mapping[str, str],
    then: Document | None = None, now: Document | None = None,
) -> list[Difference]:  # fmt: skip
    """How `found` differs from `captured`, element by element. `then`, `now`: where they are answers, the captured request and
    the one that was sent."""
    expected = expected_now(captured, then, now)
    shown_expected, shown_found = as_shown(dialect, expected), as_shown(dialect, found)
    made = []
    for de in sorted(expected.keys() | found.keys(), key=wire_order):
        rule = rules.get(de, EXACT)
        want, have = expected.get(de), found.get(de)
        if rule == IGNORE or want == have:
            continue
        echoed = then is not None and now is not None and de in captured and then.get(de) == captured[de]
        echoed = echoed and de not in (DE.MTI, DE.HEADER)
        both = want is not None and have is not None
        if (
            both
            and not echoed
            and (rule == PRESENT or (rule == SHAPE and _same_shape(dialect, de, want or "", have or "")))
        ):
            continue
        name = name_of(dialect, de)
        was, is_now = (_meant(dialect, de, shown.get(de, "")) for shown in (shown_expected, shown_found))
        made.append(Difference(de, name, was, is_now, "echo" if echoed and both else rule))
    return made


def _same_shape(dialect: Dialect, de: str, one: str, other: str) -> bool:
    if len(one) != len(other):
        return False
    element = dialect.elements.get(de)
    if element is not None and (element.content == "b" or (element.text is None and not element.nibbles)):
        return True
    return all(_kind(a) == _kind(b) for a, b in zip(one, other, strict=True))


def _kind(char: str) -> str:
    return "digit" if char.isdecimal() else "letter" if char.isalpha() else char


def _meant(dialect: Dialect, de: str, value: str) -> str:
    """A value as people read it: quoted where blanks would hide, an answer with its name."""
    if de == DE.RESPONSE_CODE and value:
        return f"{value} {answer_name(value, dialect.version) or NO_CODE}"
    shown = printable(value)
    return f"{shown!r}" if shown != shown.strip() else shown
