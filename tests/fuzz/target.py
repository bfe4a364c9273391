"""What a fuzzer calls: framing, decoding and subfields of any bytes. Only the declared errors may come out of what it asks.

First byte: which dialect, and whether the rest is one message or a stream; the second, of a stream: which framing, and how it
is cut. What decodes must encode again to a message of the same document, what divides must come together again.
"""

from typing import Final

from switch.wire import DecodeError, Dialect, Document
from switch.wire.careful import decode as decode_carefully
from switch.wire.describe import describe, describe_error
from switch.wire.dialect import names
from switch.wire.framing import FRAMINGS, FramingError, make_framing
from switch.wire.subfields import Form, SubfieldError, build, form_of, read

FRAME_BYTES_MAX: Final = 2_048
EXPLAINED: Final = 8
"""One message in so many is explained too, which takes longer than all else."""
DIALECTS: Final = [Dialect.load(name) for name in names()]
FORMS: Final[list[dict[str, Form]]] = [{k: form_of(a) for k, a in d.subfields.items()} for d in DIALECTS]
FRAMING_NAMES: Final = sorted(FRAMINGS)
LLVAR: Final = {"form": "llvar", "parts": [{"id": "1", "len": 1}, {"id": "2"}, {"id": "3"}]}


def one_input(data: bytes) -> None:
    """One input of a fuzzer. Any exception is a finding."""
    if not data:
        return
    which, stream = data[0] % len(DIALECTS), data[0] & 0x80
    if stream:
        _stream(which, data[1:])
    else:
        _message(which, data[1:])


def input_for(dialect: str, message: bytes, framing: str = "") -> bytes:
    """The input that leads to this message of a dialect, in a framing or bare."""
    which = names().index(dialect)
    if not framing:
        return bytes([which]) + message
    first = next(b for b in range(0x80, 0x100) if b % len(DIALECTS) == which)
    return bytes([first, FRAMING_NAMES.index(framing)]) + make_framing(framing, FRAME_BYTES_MAX).frame(message)


def _stream(which: int, data: bytes) -> None:
    if not data:
        return
    framing = make_framing(FRAMING_NAMES[data[0] % len(FRAMING_NAMES)], FRAME_BYTES_MAX)
    step = (64, 1, 7, 4_096)[data[0] >> 6]
    came: list[bytes] = []
    for at in range(1, len(data), step):
        try:
            came += framing.feed(data[at : at + step])
        except FramingError as error:
            came += error.frames
            break
        assert framing.waiting <= FRAME_BYTES_MAX + 4
    for message in came[:8]:
        _message(which, message)


def _message(which: int, data: bytes) -> None:
    dialect = DIALECTS[which]
    try:
        document = dialect.decode(data)
    except DecodeError as error:
        _refused(dialect, which, data, error)
        return
    assert document == decode_carefully(dialect.codec.table, data)
    again = dialect.encode(document)
    assert _elements_of(dialect.decode(again)) == _elements_of(document)
    if len(data) % EXPLAINED == 0:
        describe(dialect, document)
    _elements(which, document)


def _elements_of(document: Document) -> Document:
    """Without the bitmaps: a message may have a second one that announces nothing, or one in lower case; none is written so."""
    return {k: v for k, v in document.items() if k not in ("p", "1")}


def _refused(dialect: Dialect, which: int, data: bytes, error: DecodeError) -> None:
    assert 0 <= error.offset <= len(data)
    if len(data) % EXPLAINED == 0:
        describe_error(dialect, data, error)
    _elements(which, error.document)


def _elements(which: int, document: Document) -> None:
    for key, form in FORMS[which].items():
        if key not in document:
            continue
        value = document[key]
        try:
            parts = form.read(value)
        except SubfieldError:
            continue
        assert form.build(parts).upper() == value.upper(), f"DE{key}: {parts}"
    if "44" in document:
        try:
            parts = read(LLVAR, document["44"])
        except SubfieldError:
            return
        assert build(LLVAR, parts) == document["44"]
