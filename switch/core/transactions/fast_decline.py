"""Refusals made of the request's own bytes: an answer without decoding what it answers, for when there is no time for more.

An answer that refuses has elements of its request, unchanged, and what the switch says itself: DE39, and the business day and
its window (DE15, DE48). Where both are said in one dialect as they stand, and the elements stand where they stood in a request
that was decoded before (same MTI, bitmaps, and lengths of what is variable), the answer is a few slices of the request in a
form that stays the same while the window does. `learn` is shown a request and its answer and takes nothing for granted: what is
not found byte for byte in the request, the head and the switch's own elements apart, is not learned.
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Any, Final

import msgspec

from switch.core.records.records import Key
from switch.wire import DecodeError, Dialect
from switch.wire.describe import start_of
from switch.wire.vocabulary import DE, Document

PLANS_MAX: Final = 64
KEYED: Final = (DE.STAN, DE.TRANSMISSION_TIME, DE.ACQUIRER, DE.TERMINAL)
"""Elements a request is known by, in the order of its key."""
_HEAD: Final = frozenset({DE.HEADER, DE.MTI, DE.BITMAP, DE.BITMAP_SECONDARY})
_OWN: Final = frozenset({DE.RESPONSE_CODE, DE.SETTLEMENT_DATE, DE.PRIVATE_48})
"""what an answer has from the switch alone, whatever its request says there"""


class _Plan(msgspec.Struct, frozen=True, gc=False):
    """Requests with these lengths at these places, and how they are refused."""

    begins: bytes
    """MTI and bitmaps"""
    lengths: Callable[[bytes], Any]
    expected: Any
    """what `lengths` gives of a request of this plan"""
    keyed: Callable[[str], tuple[str, ...]]
    """values of `KEYED`, of the message as text"""
    size: int
    """bytes such a request has at least"""
    taken: Callable[[bytes], tuple[bytes, ...]]
    """slices of the request that its refusal has"""
    form: bytes
    """the refusal, with `%b` for each of them"""


class FastDecline:
    """Of one dialect that is spoken as it stands (`translator.Direct`), in one window, on links that say as much of it."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        elements = dialect.elements
        self._short = slice(0, elements[DE.MTI].size + elements[DE.BITMAP].size)
        self._long = slice(0, self._short.stop + elements[DE.BITMAP_SECONDARY].size)
        plain = [elements.get(de) for de in (*KEYED, DE.RESPONSE_CODE)]
        self._able = DE.HEADER not in elements and all(e and e.text and e.text.to_latin is None for e in plain)
        self._ascii = all(e.text is not None and e.text.ascii for e in elements.values())
        """a message with other bytes has letters, and may be longer than its lengths say (`wire.letters`)"""
        self._plans: dict[bytes, _Plan] = {}
        self._same = "", ""
        """DE7 and DE32 of the last request"""
        self._last: _Plan | None = None
        """the one that was used last: most requests of a link are alike"""

    def refuse(self, frame: bytes, source: str) -> tuple[Key, bytes] | None:
        """A request's key and the bytes of its refusal; None: there is no plan for it.

        Its contents are not looked at: a request that is none is refused all the same.
        """
        plan = self._last
        if plan is None or not frame.startswith(plan.begins):
            self._last = plan = self._plans.get(frame[self._long]) or self._plans.get(frame[self._short])
        if plan is None or len(frame) < plan.size or plan.lengths(frame) != plan.expected:
            return None
        if self._ascii and not frame.isascii():
            return None  # its lengths may count characters
        stan, sent_at, acquirer, terminal = plan.keyed(frame[: plan.size].decode("latin-1"))
        if sent_at == self._same[0] and acquirer == self._same[1]:  # what is kept of thousands is kept once
            sent_at, acquirer = self._same
        else:
            self._same = sent_at, acquirer
        key = (source, chr(frame[1]), stan, sent_at, acquirer, terminal)
        return key, plan.form % plan.taken(frame)

    def learn(self, frame: bytes, answer: bytes) -> None:
        """Take a plan from a request and the answer that refuses it, both without their frames. Nothing where there is none."""
        if not self._able:
            return
        try:
            request, refusal = self._dialect.decode(frame), self._dialect.decode(answer)
        except DecodeError:
            return  # it has letters (`wire.letters`)
        if any(de not in request for de in KEYED) or DE.RESPONSE_CODE not in refusal:
            return
        wanted = [de for de in refusal if de not in _HEAD]
        if any(request.get(de) != refusal[de] for de in wanted if de not in _OWN):
            return
        places = {de: self._place(request, de) for de in request if de not in _HEAD}
        taken = [places[de] for de in wanted if de not in _OWN]
        size = max(place.stop for place in (*taken, *[places[de] for de in KEYED]))
        lengths = [self._length(de, place) for de, place in places.items() if place.start < size]
        fixed = [place for place in lengths if place.start != place.stop] or [slice(0, 1)]
        head = answer[: self._place(refusal, wanted[0]).start]
        parts = _merged([head, *[answer[self._place(refusal, de)] if de in _OWN else places[de] for de in wanted]])
        begins = frame[self._long if DE.BITMAP_SECONDARY in request else self._short]
        plan = _Plan(
            begins=begins,
            lengths=itemgetter(*fixed),
            expected=itemgetter(*fixed)(frame),
            keyed=itemgetter(*[self._value(request, de) for de in KEYED]),
            size=size,
            taken=itemgetter(*[part for part in parts if isinstance(part, slice)]),
            form=b"".join(b"%b" if isinstance(part, slice) else part.replace(b"%", b"%%") for part in parts),
        )
        if len(self._plans) >= PLANS_MAX:
            self._plans.clear()
        self._plans[begins] = self._last = plan

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


def _merged(parts: list[bytes | slice]) -> list[bytes | slice]:
    """Neighbours as one. Two slices at least are left: DE39 stands between elements of the request."""
    merged: list[bytes | slice] = []
    for part in parts:
        last = merged[-1] if merged else None
        if isinstance(last, bytes) and isinstance(part, bytes):
            merged[-1] = last + part
        elif isinstance(last, slice) and isinstance(part, slice) and last.stop == part.start:
            merged[-1] = slice(last.start, part.stop)
        else:
            merged.append(part)
    return merged
