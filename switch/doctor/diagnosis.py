"""What the doctor says: values, and the words of one setting.

Rule: everything in a `Diagnosis` is fit for a log. The bytes it shows are the length header, the message header, MTI and
bitmaps, or those of an element that holds no secret; all others are dots.
"""

from enum import Enum
from typing import Final

import msgspec

from switch.wire import Dialect

HIDDEN: Final = "··"
"""a byte that is not shown"""


class Cause(Enum):
    """What kind of thing disagrees."""

    PROTOCOL = "protocol"
    """no ISO 8583: TLS, HTTP, SSH …"""
    FRAMING = "framing"
    """what stands around each message"""
    HEADER = "header"
    """what stands before the MTI"""
    DIALECT = "dialect"
    """another dialect as a whole"""
    BITMAP = "bitmap"
    """raw bytes or hex digits"""
    CHARSET = "charset"
    """ASCII or EBCDIC"""
    DIGITS = "digits"
    """numbers packed two a byte, or a character a digit"""
    BINARY = "binary"
    """binary elements raw, or as hex digits"""
    FIELD = "field"
    """one element has another form than the dialect says"""
    MATCHING = "matching"
    """an answer that finds no request"""


class Setting(msgspec.Struct, frozen=True):
    """One thing to change."""

    where: str
    """`network file`, `dialect file` or `peer`"""
    text: str
    """as it stands in the file, `framing = "ascii4"`; for a peer, what to set there in words"""

    def __str__(self) -> str:
        return self.text if self.where == "network file" else f"{self.where}: {self.text}"


class Mark(msgspec.Struct, frozen=True):
    """Some of the bytes shown, and what they are."""

    at: int
    size: int
    words: str


class Evidence(msgspec.Struct, frozen=True):
    """The bytes that show it. `at` is where `cells` begins in what was looked at; a cell is two hex digits or `HIDDEN`."""

    at: int
    cells: tuple[str, ...]
    marks: tuple[Mark, ...]


class Diagnosis(msgspec.Struct, frozen=True):
    """One possible cause: the sentence, what to change, how sure."""

    cause: Cause
    sentence: str
    """what the peer sends, what is configured"""
    settings: tuple[Setting, ...]
    """what to change, all of it; mostly one. Empty where nothing of ours can help"""
    confidence: float
    """0 to 1"""
    framing: str = ""
    """what the peer sends, as a network file names it; "" where there is no such framing"""
    dialect: str = ""
    evidence: Evidence | None = None

    @property
    def change(self) -> str:
        """The settings in one line."""
        return " and ".join(map(str, self.settings))


class Configured(msgspec.Struct, frozen=True):
    """What a link is set to. `framing` "": not said; `dialect` None: not said."""

    framing: str = ""
    dialect: Dialect | None = None


class Verdict(Enum):
    """What the doctor makes of the bytes."""

    HEALTHY = "healthy"
    READS = "reads"
    """as configured, and has values to ask about"""
    UNFINISHED = "unfinished"
    """nothing is wrong so far, and no message is whole"""
    ADVICE = "advice"
    UNKNOWN = "unknown"
    """nothing it knows"""


class Findings(msgspec.Struct, frozen=True):
    """The doctor's answer: the likeliest cause first."""

    verdict: Verdict
    diagnoses: tuple[Diagnosis, ...] = ()
    summary: str = ""
    """what the bytes are, in one sentence"""
    framing: str = ""
    """of the likeliest reading, as a network file names it; "" where there is none"""
    dialect: str = ""
    doubts: tuple[str, ...] = ()
    """what is odd in messages that read; shown with `READS`"""
