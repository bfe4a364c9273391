"""Findings put together: what the bytes are in one sentence, and of the causes those that are worth saying."""

from collections.abc import Sequence
from typing import Final

from switch.counting import counted
from switch.doctor.diagnosis import Diagnosis, Findings, Verdict
from switch.doctor.doubts import doubts
from switch.doctor.envelopes import NOTHING, WHOLE
from switch.doctor.readings import Reading, is_header, lead_name
from switch.wire import Document
from switch.wire.vocabulary import DE

ADVICE_MAX: Final = 3
"""causes given at most, the likeliest first"""
GUESS: Final = 0.3
"""a cause that is no surer says no more than where it goes wrong"""
_MTIS_SHOWN: Final = 6
_NOISE: Final = 0.75
"""a cause less likely than so much of the first is not given"""


def as_it_is_to_be(said: str, framing: str, dialect: str, documents: Sequence[Document]) -> Findings:
    """The findings where all is as it is to be, but perhaps for some values."""
    odd = doubts(documents)
    return Findings(Verdict.READS if odd else Verdict.HEALTHY, (), said, framing, dialect, odd)


def of_elements(found: Sequence[Diagnosis]) -> Findings:
    """The findings where elements have other forms than the dialect says; the likeliest first."""
    first = found[0]
    said = f"{first.dialect}, but for one element" if first.confidence > GUESS else f"{first.dialect}, up to a point"
    return Findings(Verdict.ADVICE, tuple(without_noise(found)), said, first.framing, first.dialect)


def without_noise(ranked: Sequence[Diagnosis]) -> list[Diagnosis]:
    """The likeliest, and what is not much less likely and asks for no more changes."""
    if not ranked:
        return []
    first = ranked[0]
    near = [
        one
        for one in ranked[1:]
        if one.confidence >= _NOISE * first.confidence and len(one.settings) <= len(first.settings)
    ]
    return [first, *near[: ADVICE_MAX - 1]]


def mtis_of(documents: Sequence[Document]) -> str:
    """`0800, 0200 …`."""
    shown = ", ".join(document.get(DE.MTI, "?") for document in documents[:_MTIS_SHOWN])
    return shown + (" …" if len(documents) > _MTIS_SHOWN else "")


def what_is_read(reading: Reading) -> str:
    """What the bytes are, whoever is configured how."""
    count = len(reading.spans)
    mtis = mtis_of(reading.documents)
    if reading.kind is WHOLE:
        return f"a message ({mtis}) of {reading.spoken.dialect.name}"
    around = (
        f"behind {reading.kind.words}"
        if reading.kind is not NOTHING and reading.kind.head
        else f"with {reading.kind.words}"
    )
    own = "its header" if is_header(reading.lead, reading.spoken) else f"{len(reading.lead)} unknown bytes"
    header = f", {lead_name(reading.lead) or own} before the MTI" if reading.lead else ""
    return f"{counted(count, 'message')} ({mtis}) of {reading.spoken.dialect.name} {around}{header}"
