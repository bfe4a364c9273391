"""Answers that find no request, and the one element that keeps them from it.

A switch matches an answer to its request by what the answer must give back unchanged. Ours takes the MTI's class, DE11 and DE7,
and refuses an answer that names another payment (DE37, DE41); others take DE11 and DE41 (`keys`).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from switch.doctor.diagnosis import Cause, Diagnosis, Setting
from switch.wire import Document
from switch.wire.vocabulary import DE, NOT_SAID, is_response

KEYS: Final = (DE.STAN, DE.TRANSMISSION_TIME)
"""What the switch matches on, beside the MTI's class."""
CONTRADICTS: Final = (DE.RRN, DE.TERMINAL)
"""Where an answer has them and they differ, it is for another payment."""
_WITNESSES: Final = (
    DE.STAN, DE.TRANSMISSION_TIME, DE.RRN, DE.TERMINAL, DE.MERCHANT, DE.AMOUNT, DE.PAN, DE.PROCESSING_CODE, DE.ACQUIRER,
    DE.LOCAL_TIME, DE.NETWORK_CODE,
)  # fmt: skip
"""What an answer usually gives back: the more are equal, the surer it is the request's."""
_REQUESTS_MAX: Final = 2_000
"""unanswered requests looked at for one answer, the newest"""


class Heard(NamedTuple):
    """One message of a conversation, decoded."""

    at_ns: int
    """0: not known"""
    document: Document

    @property
    def answers(self) -> bool:
        """True for a response."""
        return is_response(self.document.get(DE.MTI, ""))


def unmatched(heard: Sequence[Heard], keys: Sequence[str] = KEYS) -> list[Diagnosis]:
    """The answers among `heard` (one conversation in its order) that match no request, each with why."""
    waiting: dict[tuple[str, ...], Heard] = {}
    said = []
    for message in heard:
        document = message.document
        mti = document.get(DE.MTI, "")
        if len(mti) != 4:
            continue
        key = (mti[0] + mti[1], *(document.get(de, "").strip() for de in keys))
        if not message.answers:
            waiting[key] = message
            continue
        request = waiting.get(key)
        if request is not None and not _other_payment(request, message, keys):
            del waiting[key]
            continue
        why = _why(message, list(waiting.values())[-_REQUESTS_MAX:], keys)
        if why is not None:
            said.append(why)
    return said


def _other_payment(request: Heard, message: Heard, keys: Sequence[str]) -> str:
    """The element by which an answer says that it is for another payment; "" if none."""
    if tuple(keys) != KEYS:
        return ""
    for de in CONTRADICTS:
        asked, came = request.document.get(de, "").strip(), message.document.get(de, "").strip()
        if asked and came and asked != came:
            return de
    return ""


def _why(message: Heard, requests: Sequence[Heard], keys: Sequence[str]) -> Diagnosis | None:
    """The request it resembles most, and what differs."""
    document = message.document
    best, share = None, 0.0
    for request in requests:
        if request.document[DE.MTI][:1] != document[DE.MTI][:1]:
            continue
        equal = _share(request.document, document)
        if equal > share:
            best, share = request, equal
    if best is None or share < 0.5:
        return None
    differ = [de for de in keys if best.document.get(de, "").strip() != document.get(de, "").strip()]
    other_class = best.document[DE.MTI][1] != document[DE.MTI][1]
    payment = _other_payment(best, message, keys)
    reasons = []
    if other_class:
        reasons.append(f"it is of MTI class x{document[DE.MTI][1]}xx, and the request is {best.document[DE.MTI]}")
    reasons += [_difference(de, best.document, document) for de in differ]
    if payment and payment not in differ:
        reasons.append(_difference(payment, best.document, document))
    if not reasons:
        return None
    only = "only because " if len(reasons) == 1 else "because "
    after = f" came after {(message.at_ns - best.at_ns) / 1e6:.0f} ms and" if message.at_ns and best.at_ns else ""
    stan = document.get(DE.STAN) or best.document.get(DE.STAN, "")
    who = f"{document[DE.MTI]} with DE11 {stan}" if DE.STAN in document else f"{document[DE.MTI]} to DE11 {stan}"
    names = " and ".join(f"DE{de}" for de in (*differ, *([payment] if payment and payment not in differ else [])))
    change = (
        f"give {names} back in the answer as the request has it"
        if names
        else "answer with the MTI of the request's class"
    )
    return Diagnosis(Cause.MATCHING, f"{who}{after} did not match {only}{' and '.join(reasons)}.", (Setting("peer", change),),
                     round(min(0.97, 0.5 + share / 2), 2))  # fmt: skip


def _share(request: Document, answer: Document) -> float:
    """0 to 1: how much of what a request has and an answer repeats is equal."""
    both = [de for de in _WITNESSES if de in request and de in answer]
    if not both:
        return 0.0
    equal = sum(request[de].strip() == answer[de].strip() for de in both)
    return equal / len(both) * min(1.0, 0.5 + equal / 6)


def _difference(de: str, request: Document, answer: Document) -> str:
    asked, came = request.get(de), answer.get(de)
    if de in NOT_SAID and asked and came:
        return f"DE{de} is another"
    if came is None:
        return f"DE{de} is absent"
    if asked is None:
        return f"DE{de} is in it, and the request has none"
    return f"DE{de} is {came.strip()}, where the request has {asked.strip()}"
