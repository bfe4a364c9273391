"""One end of one connection: bytes <-> documents in internal format, whatever the dialect and framing."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import NamedTuple

from switch.core.limits import Limits
from switch.core.links.sealing import Sealing
from switch.core.links.valid_sets import LinkSets
from switch.core.messages.family import UnreadableError
from switch.core.messages.internal import answer
from switch.core.messages.translator import translator_for
from switch.core.party import Close, Effect, LinkId, Log, Send
from switch.simulators.lettering import writer
from switch.wire import DecodeError, Dialect, EncodeError
from switch.wire.describe import error_fields
from switch.wire.framing import FramingError, make_framing
from switch.wire.spelling import respelled
from switch.wire.vocabulary import DE, REQUESTS, Answer, Document


class Speech(NamedTuple):
    """How an end of a link speaks."""

    dialect: Dialect
    framing: str
    own: str
    """institution of this end"""
    peer: str
    """institution of the other end"""
    sealing: Sealing | None = None
    """what messages are proved by, where they have MACs"""
    sets: LinkSets | None = None
    """what they say of their keys, where these change by message"""
    frame_bytes_max: int = Limits().frame_bytes
    """of a message that comes: rubbish is known by its length"""


class Heard(NamedTuple):
    """One message that came."""

    internal: Document
    """in internal format (1987)"""
    raw: Document
    """as the link's dialect has it: what an answer's header is made from"""


class Line:
    """A connection and how it speaks. What cannot be read is logged, answered DE39=30 if it can be, never raised."""

    def __init__(
        self,
        link: LinkId,
        speech: Speech,
        emit: Callable[[Effect], None],
        today: Callable[[], date],
        letters: str = "",
    ) -> None:
        """`letters`: what it writes letters in where the dialect has ASCII (`lettering`); links with MACs have none."""
        self.link = link
        self.signed_on = False
        self._emit = emit
        self._dialect = speech.dialect
        self._encode = writer(speech.dialect, letters)
        self._sealing, self._sets = speech.sealing, speech.sets
        self._framing = make_framing(speech.framing, speech.frame_bytes_max)
        self._translator = translator_for(speech.dialect, speech.own, speech.peer, today)

    def hear(self, data: bytes) -> Iterator[Heard]:
        """Messages that `data` completes. A stream that cannot be cut any further is closed."""
        broken = None
        try:
            frames = self._framing.feed(data)
        except FramingError as error:
            frames, broken = error.frames, error
        for frame in self._proved(frames):
            try:
                raw = self._dialect.decode(frame)
                internal = self._translator.inward(raw)
            except DecodeError as error:
                self._unreadable(frame, error)
                continue
            yield Heard(internal, raw)
        if broken is not None:
            self._emit(Close(self.link, str(broken)))

    def _proved(self, frames: list[bytes]) -> list[bytes]:
        """Those whose MAC holds, where there are MACs; of the others it is said that they are not dealt with."""
        if self._sealing is None:
            return frames
        proved = []
        for frame, verdict in zip(frames, self._sealing.check(frames), strict=True):
            if verdict.good:
                proved.append(frame)
                if verdict.key and self._sets is not None:
                    self._sets.valid.seen(verdict.key)
            else:
                self._emit(
                    Log(
                        "warning",
                        "mac.missing" if verdict.missing else "mac.wrong",
                        {"link": self.link, "reason": verdict.reason, "hint": "not dealt with"},
                    )
                )
        return proved

    def say(self, internal: Document, reference: Document | None = None, after: int = 0) -> None:
        """Send a message; `reference` is the request it answers, as it came. EncodeError: the dialect cannot say it."""
        self._emit(self.message(internal, reference, after=after))

    def message(self, internal: Document, reference: Document | None = None, code: str = "", after: int = 0) -> Send:
        """The send of a message. `code`: DE39 by the link's own codes, whatever the internal one says.

        Text that the dialect cannot say is spelled in ASCII (`switch.wire.spelling`), and the log says so.
        """
        try:
            return self._message(internal, reference, code, after)
        except EncodeError as error:
            plain, changed = respelled(internal)
            if error.field not in changed:
                raise
            self._emit(Log("info", "text.respelled", {"link": self.link, "elements": [f"DE{de}" for de in changed]}))
            return self._message(plain, reference, code, after)

    def _message(self, internal: Document, reference: Document | None, code: str, after: int) -> Send:
        link = self._translator.outward(internal, reference)
        if code:
            link = {**link, DE.RESPONSE_CODE: code}
        if self._sealing is not None:
            seal = self._sealing.seal(self._dialect, link, self._framing.frame)
            return Send(self.link, b"", after, seal=seal)
        if self._sets is not None:
            link = self._sets.with_sets(link)
        return Send(self.link, self._framing.frame(self._encode(link)), after)

    def _unreadable(self, frame: bytes, error: DecodeError) -> None:
        at = error.byte(self._dialect) if isinstance(error, UnreadableError) else None
        fields = error_fields(self._dialect, frame, error, at)
        self._emit(Log("warning", "message.unreadable", {"link": self.link, **fields}))
        partial = error.document
        try:
            internal = self._translator.inward(dict(partial))
        except (KeyError, ValueError):
            return
        if internal.get(DE.MTI) in REQUESTS and DE.STAN in internal:
            self.say(answer(internal, Answer.FORMAT_ERROR), partial)
