"""What DE39 means on one link: whether money moved, and whether what was owed has been taken.

In: DE39 as it came on a link. Out: its meaning, and the code of the internal format (ISO 8583:1987) that means the same. Each
family of dialects has its table; a link whose host has codes of its own names them in the network file (`answers`,
`receipts`). The one rule: a code that no table lists is *not known*, which is neither yes nor no.

Sources: ISO 8583:1987 table of response codes and ISO 8583:1993 action codes as processors publish them (00, 08, 11, 16 and 85
approve, 10 and 32 in part, 09 has not decided; 000 to 099 approve, 002 and 006 in part, 100 to 299 decline); Mastercard's 87
approves a purchase without its cash back. 08 and 11 approve at published gateways, too. docs/translate.md has the tables.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Final

from switch.wire.vocabulary import APPROVALS, RESPONSE_CODES, REVERSAL_ACCEPTED, Answer


class Meaning(StrEnum):
    """What the answer to a request means."""

    APPROVED = "approved"
    PARTIAL = "partial"
    """approved, for less than was asked: DE4 of the answer says how much"""
    DECLINED = "declined"
    UNKNOWN = "unknown"
    """nobody can tell: the request is reversed, and answered as one without an answer"""


class Receipt(StrEnum):
    """What the answer to a reversal or an advice means."""

    ACCEPTED = "accepted"
    NOTHING = "nothing"
    """it knows nothing that could be undone"""
    LATER = "later"
    """not now: to be repeated"""
    REFUSED = "refused"


CANONICAL: Final = {
    Meaning.APPROVED: Answer.APPROVED,
    Meaning.PARTIAL: Answer.PARTIAL,
    Meaning.DECLINED: Answer.DO_NOT_HONOUR,
}
"""The code that says a meaning in the internal format, where the link's own code says another there."""


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DECLINED_87: Final = _codes(
    "01 02 03 04 05 06 07 12 13 14 15 17 18 19 20 21 22 23 25 30 31 33 34 35 36 37 38 39 40 41 42 43 44 51 52 53 54 55 56 57 58 "
    "59 60 61 62 63 64 65 66 67 68 75 76 77 78 82 90 91 92 93 94 95 96 N7"
)
_DECLINED_VISA: Final = _DECLINED_87 | _codes("1A 6P 70 74 79 80 81 86 B1 N0 N3 N4 N5 N8 P5 P6 Q1 R0 R1 R3 Z3")
_DECLINED_MASTERCARD: Final = _DECLINED_87 | _codes("70 71 79 83 84 86 88 89")

_LATER_87: Final = (Answer.ISSUER_INOPERATIVE, Answer.MALFUNCTION, "90")
_NOTHING_87: Final = (Answer.RECORD_NOT_FOUND, Answer.ORIGINAL_NOT_FOUND)
_LATER_93: Final = ("906", "907", "909", "910", "911", "912", "923")
_NOTHING_93: Final = ("914",)
_TAKEN_93: Final = (REVERSAL_ACCEPTED, "900", "901")
"""beside 000 to 099: reversal accepted; advice acknowledged, without and with liability"""


def _table_87(declined: Iterable[str], partial: Iterable[str] = ()) -> dict[str, tuple[Meaning, str]]:
    table = {code: (Meaning.DECLINED, code) for code in declined}
    table.update({code: (Meaning.APPROVED, code) for code in APPROVALS})
    table.update(dict.fromkeys((Answer.PARTIAL, "32", *partial), (Meaning.PARTIAL, Answer.PARTIAL)))
    return table


def _table_93() -> dict[str, tuple[Meaning, str]]:
    table: dict[str, tuple[Meaning, str]] = {}
    for number in (*range(300), *range(900, 1000)):
        code = f"{number:03d}"
        approved = number < 100
        plain = RESPONSE_CODES.get(code)
        if number >= 900 and (plain is None or plain not in _DECLINED_87):
            continue
        meaning = Meaning.APPROVED if approved else Meaning.DECLINED
        if plain == Answer.PARTIAL:
            meaning = Meaning.PARTIAL
        unnamed = Answer.APPROVED if approved else Answer.PICK_UP if number >= 200 else Answer.DO_NOT_HONOUR
        table[code] = (meaning, plain or unnamed)
    return table


_ANSWERS: Final[dict[str, dict[str, tuple[Meaning, str]]]] = {
    "cmi": _table_87(_DECLINED_87),
    "visa": _table_87(_DECLINED_VISA),
    "mastercard": _table_87(_DECLINED_MASTERCARD, partial=("87",)),
    "iso93": _table_93(),
}


def _receipts(family: str) -> dict[str, Receipt]:
    approvals = (code for code, (meaning, _) in _ANSWERS[family].items() if meaning is Meaning.APPROVED)
    table = dict.fromkeys(approvals, Receipt.ACCEPTED)
    first_edition = family != "iso93"
    if not first_edition:
        table.update(dict.fromkeys(_TAKEN_93, Receipt.ACCEPTED))
    table.update(dict.fromkeys(_LATER_87 if first_edition else _LATER_93, Receipt.LATER))
    table.update(dict.fromkeys(_NOTHING_87 if first_edition else _NOTHING_93, Receipt.NOTHING))
    return table


class AnswerCodes:
    """The tables of one link."""

    def __init__(self, answers: Mapping[str, tuple[Meaning, str]], receipts: Mapping[str, Receipt]) -> None:
        self._answers = answers
        self._receipts = receipts

    def read(self, code: str | None) -> tuple[Meaning, str]:
        """What DE39 of an answer to a request means, and the internal format's code for it.

        A code that is not known, or none at all, is handed back as it came ("": none).
        """
        return self._answers.get(code or "") or (Meaning.UNKNOWN, code or "")

    def receipt(self, code: str | None) -> Receipt:
        """What DE39 of an answer to a reversal or an advice means; one that is not known says no more than a refusal."""
        return self._receipts.get(code or "", Receipt.REFUSED)


@lru_cache(maxsize=256)
def _made(family: str, answers: tuple[tuple[str, str], ...], receipts: tuple[tuple[str, str], ...]) -> AnswerCodes:
    base = _ANSWERS.get(family, _ANSWERS["cmi"])
    table = dict(base)
    for code, word in answers:
        meaning = Meaning(word)
        same = base.get(code, (None, ""))
        table[code] = same if same[0] is meaning else (meaning, CANONICAL.get(meaning, code))
        if meaning is Meaning.UNKNOWN:
            del table[code]
    own_receipts = _receipts(family if family in _ANSWERS else "cmi") | {code: Receipt(word) for code, word in receipts}
    return AnswerCodes(table, own_receipts)


def answer_codes(
    family: str, answers: Mapping[str, str] | None = None, receipts: Mapping[str, str] | None = None
) -> AnswerCodes:
    """The tables of a link of this dialect family; `answers`, `receipts`: codes that its host uses otherwise."""
    return _made(family, tuple((answers or {}).items()), tuple((receipts or {}).items()))
