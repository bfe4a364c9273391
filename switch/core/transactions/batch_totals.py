"""What a classic terminal says of its batch: totals of a 0500, payments of a 0320, in the two forms that terminals have.

Pairs: DE63 has a number (3 digits) and an amount (12) of sales, then of refunds, and the same again for debit cards and others;
what was voided is in neither. Debits and credits (UnionPay): DE48 has, of cards of the country and then of others, an amount (12)
and a number (3) of debits, the same of credits, and a digit that the answer fills in: 1 they agree, 2 they do not, 3 there is an
error. There a voided sale stands among the debits, and its void among the credits. Payments are uploaded up to eight a message:
their number (2), then of each a kind of card (2), DE11, the card (20, zeros before it) and the amount (12). DE60 has the kind of
message, the batch and what it is about: 201 payments, 202 and 207 the end.

Sources: as `classic` says; terminals' published source code.
"""

import re
from typing import Final, NamedTuple

from switch.core.records.batch_records import Sums
from switch.core.transactions.transaction import Refusal
from switch.wire.vocabulary import DE, MTI, Answer, Document

_NUMBER, _PAIR, _PAIRS_MIN = 3, 15, 2
_SIDE: Final = 31
"""digits of DE48 for one kind of cards: two amounts, two numbers, the answer's digit"""
_AMOUNT: Final = 12
AGREE, DIFFER, ERROR = "1", "2", "3"
_ABOUT: Final = re.compile(r"\d{2}(\d{6})(\d{3})\d*")
"""DE60: kind of message, batch, what it is about"""
_PAYMENTS, _ENDS = "201", ("202", "207")
_ROW: Final = re.compile(r"\d{2}(\d{6})(\d{20})(\d{12})")
_ROW_DIGITS: Final = 40


class Row(NamedTuple):
    """One payment that a terminal uploads."""

    stan: str
    pan: str
    amount: int


def has_both_sides(document: Document) -> bool:
    """True for debits and credits in DE48, of which a voided sale is one each."""
    return DE.PRIVATE_48 in document and _ABOUT.fullmatch(document.get(DE.PRIVATE_60, "").strip()) is not None


def totals(document: Document) -> Sums:
    """What a 0500 says. Raises Refusal where it has neither form."""
    if has_both_sides(document):
        return _sides(document[DE.PRIVATE_48].strip())
    return _pairs(document.get(DE.PRIVATE_63, "").strip())


def without_voids(theirs: Sums, ours: Sums, voids: int) -> Sums:
    """`ours`, where no more is in `theirs` than up to so many voided sales, on both sides; else `theirs`."""
    sales, sold, refunds, refunded = (a - b for a, b in zip(theirs, ours, strict=True))
    return ours if (sales, sold) == (refunds, refunded) and 0 <= sales <= voids and sold >= 0 else theirs


def batch_number(document: Document) -> str:
    """Of the batch that a 0500 is about: DE60, or the middle of it."""
    said = document.get(DE.PRIVATE_60, "").strip()
    about = _ABOUT.fullmatch(said)
    return about[1] if about else said


def judged(document: Document, de39: str) -> Document:
    """What the answer to debits and credits has beside the usual: the verdict is in DE48, and DE39 is 00 where there is one."""
    verdict = {Answer.APPROVED: AGREE, Answer.RECONCILE_ERROR: DIFFER}.get(de39, ERROR)
    text = document[DE.PRIVATE_48]
    sides = [text[at : at + _SIDE] for at in range(0, len(text), _SIDE)]
    said = "".join(side[:-1] + verdict if len(side) == _SIDE else side for side in sides)
    return {DE.PRIVATE_48: said, DE.RESPONSE_CODE: de39 if verdict == ERROR else Answer.APPROVED}


def rows(document: Document) -> list[Row] | None:
    """The payments in DE48 of a 0320, none of any other 0320 of that form; None: it is of the other. Raises Refusal."""
    about = _about(document)
    if about is None:
        return None
    if about != _PAYMENTS:
        return []
    text = document.get(DE.PRIVATE_48, "")
    count = int(text[:2]) if text[:2].isdecimal() else 0
    found = [_ROW.match(text, 2 + n * _ROW_DIGITS) for n in range(count)]
    read = [Row(row[1], row[2].lstrip("0"), int(row[3])) for row in found if row is not None]
    if not read or len(read) != count:
        raise Refusal(
            Answer.FORMAT_ERROR, f"DE48 of a 0320 says {count} payments of 40 digits, and has {len(text) - 2} digits"
        )
    return read


def ends_upload(document: Document) -> bool:
    """True for the 0320 behind the last payment."""
    return _about(document) in _ENDS


def has_none(document: Document) -> bool:
    """True where the end of an upload says that it had no payment: DE48 is their number."""
    return document.get(DE.PRIVATE_48, "").strip("0 ") == "" and DE.PRIVATE_48 in document


def _about(document: Document) -> str | None:
    """What a 0320 of the form with rows is about; None: it is of the other form, in which DE60 names one payment."""
    said = document.get(DE.PRIVATE_60, "").strip()
    about = _ABOUT.fullmatch(said)
    is_name = said[:1] == "0" and said[1:2] in (MTI.AUTHORIZATION, MTI.FINANCIAL)
    return about[2] if about and not is_name else None


def _pairs(text: str) -> Sums:
    pairs, rest = divmod(len(text), _PAIR)
    if rest or pairs < _PAIRS_MIN or not (text.isascii() and text.isdecimal()):
        why = f"DE63 of a 0500 has a number (3 digits) and an amount (12) of sales, then of refunds: {len(text)} characters came"
        raise Refusal(Answer.FORMAT_ERROR, why)
    sums = [0, 0, 0, 0]
    for pair in range(pairs):
        at, of = pair * _PAIR, pair % 2 * 2
        sums[of] += int(text[at : at + _NUMBER])
        sums[of + 1] += int(text[at + _NUMBER : at + _PAIR])
    return sums[0], sums[1], sums[2], sums[3]


def _sides(text: str) -> Sums:
    if len(text) not in (_SIDE, 2 * _SIDE) or not (text.isascii() and text.isdecimal()):
        why = f"DE48 of a 0500 has 31 digits of debits and credits for each kind of cards: {len(text)} characters came"
        raise Refusal(Answer.FORMAT_ERROR, why)
    sums = [0, 0, 0, 0]
    for side in range(0, len(text), _SIDE):
        for of in (0, 2):
            at = side + of // 2 * _PAIR
            sums[of + 1] += int(text[at : at + _AMOUNT])
            sums[of] += int(text[at + _AMOUNT : at + _PAIR])
    return sums[0], sums[1], sums[2], sums[3]
