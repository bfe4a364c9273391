"""Refusals made of the request's own bytes: an answer without decoding what it answers, for when there is no time for more.

An answer that refuses has elements of its request, unchanged, and what the switch says itself: DE39, and the business day and
its window (DE15, DE48). Where both are said in one dialect as they stand, and the elements stand where they stood in a request
that was decoded before (same MTI, bitmaps, and lengths of what is variable), the answer is a few slices of the request in a
form that stays the same while the window does. `learn` is shown a request and its answer and takes nothing for granted: what is
not found byte for byte in the request, the head and the switch's own elements apart, is not learned.

What is learned is a tree: by MTI and bitmaps, then by the lengths of what is variable, in the order in which they stand (where
the second stands depends on the first). So cards of 16 and of 19 digits on one link are two plans, and neither forgets the other.
"""

from collections.abc import Callable, Container, Iterable
from itertools import pairwise
from operator import itemgetter
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from switch.core.records.records import Key
from switch.core.records.refusals import BETWEEN, Alike, Shared
from switch.wire import DecodeError, Dialect
from switch.wire.describe import start_of
from switch.wire.vocabulary import DE, Document

PLANS_MAX: Final = 256
KEYED: Final = (DE.STAN, DE.TRANSMISSION_TIME, DE.ACQUIRER, DE.TERMINAL)
"""Elements a request is known by, in the order of its key."""
_HEAD: Final = frozenset({DE.HEADER, DE.MTI, DE.BITMAP, DE.BITMAP_SECONDARY})
_OWN: Final = frozenset({DE.RESPONSE_CODE, DE.SETTLEMENT_DATE, DE.PRIVATE_48})
"""what an answer has from the switch alone, whatever its request says there"""


class _Plan(NamedTuple):
    """Requests with these lengths at these places, and how they are refused."""

    fixed: Callable[[bytes], Any]
    """MTI and bitmaps, and each length"""
    expected: Any
    """what `fixed` gives of a request of this plan"""
    mti_class: str
    keyed: Callable[[str], tuple[str, ...]]
    """values of `KEYED`, of the message as text"""
    size: int
    """bytes such a request has at least"""
    taken: Callable[[bytes], tuple[bytes, ...]]
    """slices of the request that its refusal has"""
    form: bytes
    """the refusal, in its frame where there is one, with `%b` for each of them"""


_NONE: Final = _Plan(len, -1, "", itemgetter(0, 0), 0, itemgetter(0, 0), b"")
"""is no frame's"""


class _Fork(msgspec.Struct):
    """Plans that differ in a length."""

    at: slice
    by: "dict[bytes, _Fork | _Plan]"


class Group(msgspec.Struct):
    """What is known of messages that share all of their keys but DE11 and DE41."""

    refused: Alike
    """those that were refused before, and where those are put that are refused now"""
    forgotten: bool
    """memory has nothing of their acquirer from their second any more: they are not even declined"""


class Known(Protocol):
    """What may be known of messages that come."""

    @property
    def keys(self) -> tuple[Container[Key], Container[Key]]:
        """Those that wait, and those that were dealt with."""

    def group_of(self, shared: Shared) -> Group | None:
        """None: any of these may be from before what memory has."""


class FastDecline:
    """Of one dialect that is spoken as it stands (`translator.Direct`), in one window, on links that say as much of it and frame
    messages alike."""

    def __init__(self, dialect: Dialect, framed: Callable[[bytes], bytes] | None = None) -> None:
        """`framed`: puts a message behind a header, which is the same for all of one length; None: refusals have no frame."""
        self._dialect, self._framed = dialect, framed
        elements = dialect.elements
        self._short = slice(0, elements[DE.MTI].size + elements[DE.BITMAP].size)
        self._long = slice(0, self._short.stop + elements[DE.BITMAP_SECONDARY].size)
        plain = [elements.get(de) for de in (*KEYED, DE.RESPONSE_CODE)]
        self._able = DE.HEADER not in elements and all(e and e.text and e.text.to_latin is None for e in plain)
        self._ascii = all(e.text is not None and e.text.ascii for e in elements.values())
        """a message with other bytes has letters, and may be longer than its lengths say (`wire.letters`)"""
        self._plans: dict[bytes, _Fork | _Plan] = {}
        self._learned = 0
        self._last = _NONE
        """the one that was used last: most requests of a link are alike"""

    def refuse(self, frames: Iterable[bytes], source: str, known: Known) -> tuple[int, list[bytes]]:
        """How many of these requests could be refused by their bytes, up to the first that could not (there is no plan for it, or
        it may be known), and the refusals; those that are forgotten have none. Names of the others are put where `known` says.

        Their contents are not looked at: a request that is none is refused all the same.
        """
        (pending, recent), ascii_only = known.keys, self._ascii
        fixed, expected, mti_class, keyed, size, taken, form = self._last
        done, answers = 0, []
        shared: Shared = ("", "", "", "")
        for frame in frames:
            if fixed(frame) != expected:
                plan = self._plan_of(frame)
                if plan is None:
                    break
                fixed, expected, mti_class, keyed, size, taken, form = self._last = plan
            if len(frame) < size or (ascii_only and not frame.isascii()):  # then its lengths may count characters
                break
            stan, sent_at, acquirer, terminal = keyed(frame[:size].decode("latin-1"))
            if sent_at != shared[2] or acquirer != shared[3] or mti_class != shared[1]:
                shared = source, mti_class, sent_at, acquirer
                group = known.group_of(shared)
                if group is None:
                    break
                refused, older, forgotten = group.refused.names, group.refused.older, group.forgotten
            key, name = (source, mti_class, stan, sent_at, acquirer, terminal), stan + BETWEEN + terminal
            if key in pending or key in recent or name in refused or name in older:
                break
            done += 1
            if not forgotten:
                refused.add(name)
                answers.append(form % taken(frame))
        return done, answers

    def _plan_of(self, frame: bytes) -> _Plan | None:
        step = self._plans.get(frame[self._long]) or self._plans.get(frame[self._short])
        while isinstance(step, _Fork):
            step = step.by.get(frame[step.at])
        return step

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
        lengths = [place for place in lengths if place.start != place.stop]
        begins = self._long if DE.BITMAP_SECONDARY in request else self._short
        fixed = itemgetter(begins, *(lengths or [begins]))
        head = answer[: self._place(refusal, wanted[0]).start]
        header = self._framed(answer)[: -len(answer)] if self._framed is not None else b""
        parts = [header + head, *[answer[self._place(refusal, de)] if de in _OWN else places[de] for de in wanted]]
        merged = _merged(parts)
        plan = _Plan(
            fixed=fixed,
            expected=fixed(frame),
            mti_class=request[DE.MTI][1],
            keyed=itemgetter(*[self._value(request, de) for de in KEYED]),
            size=size,
            taken=itemgetter(*[part for part in merged if isinstance(part, slice)]),
            form=b"".join(b"%b" if isinstance(part, slice) else part.replace(b"%", b"%%") for part in merged),
        )
        self._keep(plan, [begins, *sorted(lengths, key=lambda place: place.start)], frame)

    def _keep(self, plan: _Plan, steps: list[slice], frame: bytes) -> None:
        """Put a plan where `_plan_of` finds it: by what the frame has at each of these places."""
        if self._learned >= PLANS_MAX:
            self._plans.clear()
            self._learned = 0
        self._learned += 1
        self._last, by = plan, self._plans
        for place, following in pairwise(steps):
            step = by.get(frame[place])
            if not isinstance(step, _Fork) or step.at != following:
                step = by[frame[place]] = _Fork(at=following, by={})
            by = step.by
        by[frame[steps[-1]]] = plan

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
