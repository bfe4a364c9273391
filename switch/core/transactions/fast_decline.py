"""Refusals made of the request's own bytes: an answer without decoding what it answers, for when there is no time for more.

An answer that refuses has DE39 and elements of its request, unchanged. Where both are said in one dialect as they stand, and the
elements stand where they stood in a request that was decoded before (same MTI, bitmaps, and lengths of what is variable), the
answer is a few slices of the request. `learn` is shown a request and its answer and takes nothing for granted: what is not
found byte for byte in the request, DE39 and the head apart, is not learned.
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Any, Final

import msgspec

from switch.core.records.records import Key
from switch.wire import Dialect
from switch.wire.describe import start_of
from switch.wire.vocabulary import DE, Document

PLANS_MAX: Final = 64
KEYED: Final = (DE.STAN, DE.TRANSMISSION_TIME, DE.ACQUIRER, DE.TERMINAL)
"""Elements a request is known by, in the order of its key."""
_HEAD: Final = frozenset({DE.HEADER, DE.MTI, DE.BITMAP, DE.BITMAP_SECONDARY})


class _Plan(msgspec.Struct, frozen=True, gc=False):
    """Requests with these lengths at these places, and how they are refused."""

    lengths: Callable[[bytes], Any]
    expected: Any
    """what `lengths` gives of a request of this plan"""
    keyed: Callable[[str], tuple[str, ...]]
    """values of `KEYED`, of the message as text"""
    size: int
    """bytes such a request has at least"""
    head: bytes
    before: Callable[[bytes], tuple[bytes, ...]]
    verdict: bytes
    """DE39"""
    after: Callable[[bytes], tuple[bytes, ...]]


class FastDecline:
    """Of one dialect that is spoken as it stands (`translate.Direct`)."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        elements = dialect.elements
        self._short = slice(0, elements[DE.MTI].size + elements[DE.BITMAP].size)
        self._long = slice(0, self._short.stop + elements[DE.BITMAP_SECONDARY].size)
        plain = [elements.get(de) for de in (*KEYED, DE.RESPONSE_CODE)]
        self._able = DE.HEADER not in elements and all(e and e.text and e.text.to_latin is None for e in plain)
        self._plans: dict[bytes, _Plan] = {}

    def refuse(self, frame: bytes, source: str) -> tuple[Key, bytes] | None:
        """A request's key and the bytes of its refusal; None: there is no plan for it.

        Its contents are not looked at: a request that is none is refused all the same.
        """
        plan = self._plans.get(frame[self._long]) or self._plans.get(frame[self._short])
        if plan is None or len(frame) < plan.size or plan.lengths(frame) != plan.expected:
            return None
        stan, sent_at, acquirer, terminal = plan.keyed(frame[: plan.size].decode("latin-1"))
        key = (source, chr(frame[1]), stan, sent_at, acquirer, terminal)
        return key, b"".join((plan.head, *plan.before(frame), plan.verdict, *plan.after(frame)))

    def learn(self, frame: bytes, answer: bytes) -> None:
        """Take a plan from a request and the answer that refuses it, both without their frames. Nothing where there is none."""
        if not self._able:
            return
        request, refusal = self._dialect.decode(frame), self._dialect.decode(answer)
        if any(de not in request for de in KEYED) or DE.RESPONSE_CODE not in refusal:
            return
        wanted = [de for de in refusal if de not in _HEAD and de != DE.RESPONSE_CODE]
        if any(request.get(de) != refusal[de] for de in wanted):
            return
        places = {de: self._place(request, de) for de in request if de not in _HEAD}
        size = max(places[de].stop for de in (*wanted, *KEYED))
        lengths = [self._length(de, place) for de, place in places.items() if place.start < size]
        fixed = [place for place in lengths if place.start != place.stop] or [slice(0, 1)]
        start = self._place(refusal, next(de for de in refusal if de not in _HEAD)).start
        verdict = self._place(refusal, DE.RESPONSE_CODE)
        code = int(DE.RESPONSE_CODE)
        plan = _Plan(
            itemgetter(*fixed), itemgetter(*fixed)(frame), itemgetter(*[self._value(request, de) for de in KEYED]), size,
            answer[:start], _pieces([places[de] for de in wanted if int(de) < code]), answer[verdict],
            _pieces([places[de] for de in wanted if int(de) > code]),
        )  # fmt: skip
        if len(self._plans) >= PLANS_MAX:
            self._plans.clear()
        head = self._long if DE.BITMAP_SECONDARY in request else self._short
        self._plans[frame[head]] = plan

    def _place(self, document: Document, de: str) -> slice:
        """Where an element stands, its length included."""
        e = self._dialect.elements[de]
        value = self._value(document, de)
        return slice(value.start - e.length_bytes, value.stop)

    def _value(self, document: Document, de: str) -> slice:
        start, e = start_of(self._dialect, document, de), self._dialect.elements[de]
        return slice(start, start + (len(document[de]) if e.text else (len(document[de]) + 1) // 2))

    def _length(self, de: str, place: slice) -> slice:
        return slice(place.start, place.start + self._dialect.elements[de].length_bytes)


def _pieces(places: list[slice]) -> Callable[[bytes], tuple[bytes, ...]]:
    """Takes these out of a message, neighbours as one; always a tuple."""
    merged: list[slice] = []
    for place in places:
        if merged and merged[-1].stop == place.start:
            merged[-1] = slice(merged[-1].start, place.stop)
        else:
            merged.append(place)
    if len(merged) > 1:
        return itemgetter(*merged)
    return lambda data: tuple(data[place] for place in merged)
