"""One connection of a certification: bytes -> messages in the plan's elements, and back; each kept as it may be shown. Pure.

Everything that passes is handed to `Wire` with its time, and comes out beside its `Passage`: hex with sensitive elements
overwritten, and the fields as people read them.
"""

from collections.abc import Callable
from datetime import date
from typing import Final, NamedTuple

import msgspec

from switch.capture.masking import Mask
from switch.certify.findings import OURS, THEIRS, Passage
from switch.core.links.sealing import Sealing, whole
from switch.core.messages.translator import translator_for
from switch.doctor.explain import Explainer, Explanation
from switch.wire import DecodeError, Dialect, Document
from switch.wire.describe import describe, describe_error
from switch.wire.framing import FramingError, make_framing
from switch.wire.vocabulary import DE, MACS

FIRST_BYTES: Final = 4_096
"""kept of what came first on a connection, for the doctor"""
EXPLAINED_MAX: Final = 3
"""unreadable messages of a connection that the doctor looks at, some tenths of a second each; more of them say nothing new"""


class Manner(NamedTuple):
    """How an end of a link speaks."""

    dialect: Dialect
    framing: str
    own: str
    """institution of this end, for headers that name it; "" for none"""
    internal: bool
    """the plan's elements are those of the internal format; False: the dialect's own"""
    sealing: Sealing | None = None
    """what messages are proved by, where the link has MACs"""


class Came(NamedTuple):
    """One message of the other side."""

    document: Document
    """in the plan's elements; of one that does not decode, what was read"""
    raw: Document
    """as the link has it"""
    passage: Passage
    data: bytes
    """as it came, for the doctor: never kept"""
    unproved: str = ""
    """why its MAC does not hold; "": it does, or the link has none"""


class Wire:
    """A connection."""

    def __init__(self, manner: Manner, today: Callable[[], date]) -> None:
        """ValueError: no such framing; or the dialect's family has no translator, which a plan in internal format needs."""
        self.manner = manner
        self.first = b""
        """what came first, for the doctor"""
        self.frames = 0
        """messages cut from what came"""
        self._explained = 0
        self._framing = make_framing(manner.framing)
        self._mask = Mask(manner.dialect)
        self._translator = translator_for(manner.dialect, manner.own, "", today) if manner.internal else None

    def feed(self, data: bytes, at_ms: float) -> tuple[list[Came], str]:
        """The messages that `data` completes, and why the stream cannot be cut any further; "" where it can."""
        self.first = (self.first + data)[:FIRST_BYTES]
        broken = ""
        try:
            frames = self._framing.feed(data)
        except FramingError as error:
            frames, broken = error.frames, str(error)
        self.frames += len(frames)
        return [
            self._came(frame, at_ms, why) for frame, why in zip(frames, self._unproved(frames), strict=True)
        ], broken

    def explain(self, explainer: Explainer, came: Came) -> str:
        """What the doctor says of a message that cannot be read, and what to change; of so many of a connection."""
        self._explained += 1
        if self._explained > EXPLAINED_MAX:
            return explained(None)
        return explained(explainer.explain_message(came.data, self.manner.dialect))

    def _unproved(self, frames: list[bytes]) -> list[str]:
        """Of each message, why it is not proved."""
        sealing = self.manner.sealing
        if sealing is None:
            return [""] * len(frames)
        return ["" if verdict.good else verdict.reason for verdict in sealing.check(frames)]

    def _came(self, frame: bytes, at_ms: float, unproved: str) -> Came:
        dialect, wrong = self.manner.dialect, ""
        try:
            raw = dialect.decode(frame)
            document = self._inward(raw)
        except DecodeError as error:
            raw = document = dict(error.document)
            wrong = describe_error(dialect, frame, error)
        return Came(document, raw, self._passage(THEIRS, frame, raw, at_ms, wrong), frame, unproved)

    def made(
        self, document: Document, at_ms: float, reference: Document | None = None
    ) -> tuple[bytes, Document, Passage]:
        """A message to send: its framed bytes, what the other side reads in it (in the plan's elements), its passage.

        `reference`: the request that it answers, as the link had it. EncodeError: the dialect cannot say it; ValueError: no MAC
        can be made.
        """
        link = document if self._translator is None else self._translator.outward(document, reference)
        sealing, made = self.manner.sealing, list[bytes]()

        def frame(message: bytes) -> bytes:
            made.append(message)
            return self._framing.frame(message)

        if sealing is None:
            framed = frame(self.manner.dialect.encode(link))
        else:
            framed = whole(sealing.seal(self.manner.dialect, link, frame))
        raw = self.manner.dialect.decode(made[-1])
        return framed, self._inward(raw), self._passage(OURS, made[-1], raw, at_ms, "")

    def _inward(self, raw: Document) -> Document:
        document = raw if self._translator is None else self._translator.inward(raw)
        outer = (DE.BITMAP, DE.BITMAP_SECONDARY, *(MACS if self.manner.sealing is not None else ()))
        return {de: value for de, value in document.items() if de not in outer}

    def _passage(self, way: str, data: bytes, raw: Document, at_ms: float, wrong: str) -> Passage:
        return Passage(
            way=way,
            at_ms=round(at_ms, 3),
            mti=raw.get(DE.MTI, "????"),
            stan=raw.get(DE.STAN, ""),
            bytes=self._mask.message(data).hex(" ").upper(),
            fields=describe(self.manner.dialect, raw),
            wrong=wrong,
        )


def of_step(passage: Passage, step: str) -> Passage:
    """The passage, as part of a step."""
    return msgspec.structs.replace(passage, step=step)


def explained(found: Explanation | None) -> str:
    """What the doctor says of bytes that cannot be read."""
    return f"{found.sentence} Change: {found.change}" if found is not None else "`cmi-switch doctor` of a capture"
