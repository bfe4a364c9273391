"""What the configured framing and dialect make of the bytes, by the very classes that run in the switch."""

from collections.abc import Sequence

from switch.wire import DecodeError, Dialect, Document
from switch.wire.careful import decode
from switch.wire.framing import FramingError, make_framing


class Attempt:
    """Messages cut and decoded up to the first that goes wrong."""

    def __init__(self, frames: Sequence[bytes], dialect: Dialect | None) -> None:
        self.error: FramingError | DecodeError | None = None
        self.frames = frames
        self.waiting = self.empty = 0
        self.documents: list[Document] = []
        for frame in frames:
            try:
                self.documents.append(decode(dialect.codec.table, frame) if dialect else {})
            except DecodeError as error:
                self.error = error
                break

    @classmethod
    def stream(cls, data: bytes, framing: str, dialect: Dialect | None) -> "Attempt":
        """Of a stream: cut first."""
        cutter = make_framing(framing)
        broken: FramingError | None = None
        try:
            frames = cutter.feed(data)
        except FramingError as error:
            frames, broken = error.frames, error
        made = cls(frames, dialect)
        made.error = made.error or broken
        made.waiting, made.empty = cutter.waiting, cutter.keepalives
        return made

    @property
    def healthy(self) -> bool:
        """True where all that came whole was read, or was keep-alives."""
        return self.error is None and (bool(self.documents) or (self.empty > 0 and not self.waiting))
