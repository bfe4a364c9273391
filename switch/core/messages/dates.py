"""Dates that do not exist, in messages as a link has them: a request with one is a format error, an answer goes on without it."""

from datetime import date

from switch.wire.dates import FORMS_1987, FORMS_1993, Forms, impossible
from switch.wire.vocabulary import DE, Document


def _forms(family: str) -> Forms:
    return FORMS_1993 if family == "iso93" else FORMS_1987


def date_mistake(raw: Document, family: str, today: date) -> str:
    """Why a message that came on a link of `family` is a format error, in words; "": all of its dates exist.

    >>> date_mistake({"7": "1399996199"}, "cmi", date(2026, 11, 27))
    'DE7=1399996199 is no MMDDhhmmss: month 13'
    """
    return next(
        (f"DE{de}={raw[de]} is no {form}: {why}" for de, form, why in impossible(raw, _forms(family), today)), ""
    )


def drop_impossible(document: Document, raw: Document, family: str, today: date) -> list[str]:
    """Take out of an answer (`document`, in internal format) the dates that do not exist. Returns what was wrong, in words."""
    mistakes = []
    for de, form, why in list(impossible(raw, _forms(family), today)):
        mistakes.append(f"DE{de}={raw[de]} is no {form}: {why}")
        document.pop(de, None)
        if de == DE.LOCAL_TIME and len(form) > len("hhmmss"):
            document.pop(DE.LOCAL_DATE, None)
    return mistakes
