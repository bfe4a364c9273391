"""Dates that do not exist, in messages as a link has them: a request with one is a format error, an answer goes on without it."""

from functools import lru_cache
from typing import Final

from switch.wire.dates import DAY_US, FORMS_1987, FORMS_1993, Forms, day_of, impossible
from switch.wire.vocabulary import DE, Document

_ELEMENTS: Final = tuple(sorted({de for de, _ in FORMS_1987 + FORMS_1993}, key=int))


def _forms(family: str) -> Forms:
    return FORMS_1993 if family == "iso93" else FORMS_1987


@lru_cache(maxsize=2_048)
def _exist(values: tuple[str | None, ...], family: str, day: int) -> bool:
    """True where all of them do: most messages of a second have the same ones, and need not be looked at anew."""
    document = {de: value for de, value in zip(_ELEMENTS, values, strict=True) if value is not None}
    return next(iter(impossible(document, _forms(family), day_of(day * DAY_US))), None) is None


def _mistakes(raw: Document, family: str, at_us: int) -> list[tuple[str, str]]:
    """Elements whose dates do not exist, each with what is wrong with it."""
    if _exist(tuple(map(raw.get, _ELEMENTS)), family, at_us // DAY_US):
        return []
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
