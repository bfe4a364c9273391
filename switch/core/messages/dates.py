"""Dates that do not exist, in messages as a link has them: a request with one is a format error, an answer goes on without it."""

from typing import Final

from switch.wire.dates import DAY_US, FORMS_1987, FORMS_1993, Forms, day_of, impossible
from switch.wire.vocabulary import DE, Document

KNOWN_MAX: Final = 4_096
"""dates of a link that are known at once"""
_ELEMENTS: Final = tuple(sorted({de for de, _ in FORMS_1987 + FORMS_1993}, key=int))


def _forms(family: str) -> Forms:
    return FORMS_1993 if family == "iso93" else FORMS_1987


class Dates:
    """The dates of a family's messages, on whatever link. Those of a day that were found to exist are known: most messages of a
    second have the same ones, and need not be looked at anew. In an edition, a length is one form's."""

    def __init__(self, family: str) -> None:
        self._forms = _forms(family)
        self._day = -1
        self._known: set[str | None] = set()

    def exist(self, raw: Document, at_us: int) -> bool:
        """True where all dates of a message do that came at `at_us`, wall-clock microseconds since 1970."""
        if at_us // DAY_US != self._day or len(self._known) > KNOWN_MAX:
            self._day, self._known = at_us // DAY_US, {None}
        return self._known.issuperset(map(raw.get, _ELEMENTS)) or self._look(raw)

    def _look(self, raw: Document) -> bool:
        wrong = {de for de, _, _ in impossible(raw, self._forms, day_of(self._day * DAY_US))}
        for de, form in self._forms:
            value = raw.get(de)
            if value is not None and de not in wrong and len(value) == len(form):
                self._known.add(value)
        return not wrong


def _mistakes(raw: Document, family: str, at_us: int) -> list[tuple[str, str]]:
    """Elements whose dates do not exist, each with what is wrong with it."""
    found = impossible(raw, _forms(family), day_of(at_us))
    return [(de, f"DE{de}={raw[de]} is no {form}: {why}") for de, form, why in found]


def date_mistake(raw: Document, family: str, at_us: int) -> str:
    """Why a message that came on a link of `family` is a format error, in words; "": all of its dates exist.

    `at_us`: when it came, wall-clock microseconds since 1970: whether there is a 29 February is a question of the year.

    >>> date_mistake({"7": "1399996199"}, "cmi", 1_795_737_600_000_000)
    'DE7=1399996199 is no MMDDhhmmss: month 13'
    """
    found = _mistakes(raw, family, at_us)
    return found[0][1] if found else ""


def drop_impossible(document: Document, raw: Document, family: str, at_us: int) -> list[str]:
    """Take out of an answer (`document`, in internal format) the dates that do not exist. Returns what was wrong, in words."""
    found = _mistakes(raw, family, at_us)
    for de, _ in found:
        document.pop(de, None)
        if de == DE.LOCAL_TIME and family == "iso93":
            document.pop(DE.LOCAL_DATE, None)
    return [mistake for _, mistake in found]
