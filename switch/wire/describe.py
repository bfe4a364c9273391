"""A message, or what is wrong with one, as people read it.

Plain text, a line an element. `paint(style, text)` may colour it: styles are `label` (element numbers, offsets), `hint` (what is
hidden, what a code means), `good`, `error` and `caret`.

Rule: what is printed may be kept. The PAN is masked; track data, PIN, card values are named and counted, never shown; in a
hex dump their bytes are `**`, and bytes nobody has decoded yet are `··`.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

from switch.wire.dialect import Dialect
from switch.wire.errors import CodecError, DecodeError
from switch.wire.pans import is_text, mask_element, mask_pans, misread_pan, names_card
from switch.wire.printable import printable
from switch.wire.stretches import stretches, wire_order
from switch.wire.subfields import Form, SubfieldError
from switch.wire.tlv import Tlv
from switch.wire.vocabulary import (
    APPROVALS,
    DE,
    DE_NAMES,
    SENSITIVE,
    Document,
    NetworkCode,
    Processing,
    answer_1987,
    answer_name,
    mask_pan,
)

Paint: TypeAlias = Callable[[str, str], str]

_CLASSES: Final = {
    "1": "authorization", "2": "financial", "3": "file action", "4": "reversal", "5": "reconciliation",
    "6": "administrative", "8": "network management",
}  # fmt: skip
_FUNCTIONS: Final = {"0": "request", "1": "response", "2": "advice", "3": "advice response", "4": "notification"}
_ORIGINS: Final = {
    "1": ", repeat", "2": ", from the issuer", "3": ", issuer's repeat", "4": ", from neither side", "5": ", repeat",
}  # fmt: skip
_PROCESSING: Final = {
    Processing.PURCHASE: "purchase", Processing.CASH: "cash withdrawal", Processing.CASH_BACK: "purchase with cash back",
    Processing.REFUND: "refund", Processing.BALANCE: "balance inquiry", Processing.VERIFICATION: "card verification",
}  # fmt: skip
_NETWORK_CODES: Final = {
    NetworkCode.SIGN_ON: "sign-on", NetworkCode.SIGN_OFF: "sign-off", NetworkCode.KEY_CHANGE: "key change",
    NetworkCode.KEY_EXCHANGE: "key exchange", NetworkCode.KEY_REQUEST: "key request", NetworkCode.CUTOVER: "cutover",
    NetworkCode.ECHO: "echo test",
}  # fmt: skip
_MASKED: Final = frozenset({DE.PAN, DE.ACCOUNT_FROM, DE.ACCOUNT_TO})
"""Shown with their middle as `*`."""
_BITMAPS: Final = frozenset({DE.BITMAP, DE.BITMAP_SECONDARY})
NO_CODE: Final = "not a code of the standard"
_NAME_MAX: Final = 44
_ROW: Final = 16
_ROWS_AROUND: Final = 2
_UNDECODED_SHOWN: Final = 4
_BEFORE, _BEHIND = 6, 3
"""Bytes around a wrong one in a line of a log; half as many where digits are half bytes. Ten characters in all: where a peer's
bitmap is wrong, they may be a PAN's."""


class Line(NamedTuple):
    """One line of the table, before it is laid out."""

    key: str
    """`DE39`; "" of a part of the element above"""
    name: str
    value: str
    note: str = ""
    hidden: bool = False
    style: str = "hint"
    """of the note"""


def _plain(style: str, text: str) -> str:
    del style
    return text


def describe(dialect: Dialect, document: Document, paint: Paint = _plain) -> str:
    """A document of `dialect` as a table: number, name, value, the parts of an element below it, what a code means.

    Any document will do, also a partial one. Lines are separated by newlines; there is none at the end.
    """
    lines = described(dialect, document)
    width = min(_NAME_MAX, max((len(line.name) for line in lines), default=0))
    return "\n".join(_laid_out(line, width, paint) for line in lines)


def described(dialect: Dialect, document: Document) -> list[Line]:
    """The same as lines, for who lays them out otherwise. What peers said in them is not made fit for a terminal."""
    order = sorted((de for de in document if de not in _BITMAPS), key=wire_order)
    return [line for de in order for line in _element(dialect, de, document)]


def _laid_out(line: Line, width: int, paint: Paint) -> str:
    name, value = printable(line.name), printable(line.value)
    text = f"{paint('label', f'{line.key:<6}')}{name:<{width}}  {paint('hint', value) if line.hidden else value}"
    return (f"{text}  {paint(line.style, printable(line.note))}" if line.note else text).rstrip()


def _label(de: str) -> str:
    return {"t": "MTI", "h": "head"}.get(de, f"DE{de}")


def name_of(dialect: Dialect, de: str) -> str:
    """An element's name in the dialect; "" where nobody has one."""
    return dialect.names.get(de) or DE_NAMES.get(de, "")


def _hidden(what: str, value: str, in_hex: bool) -> str:
    """`<track 2 data, 37 characters>`."""
    count = f"{len(value) // 2} bytes" if in_hex else f"{len(value)} characters"
    name = " ".join(w if w.isupper() else w.lower() for w in what.split())
    return f"<{name}, {count}>" if name else f"<{count}>"


def _secret(dialect: Dialect, de: str) -> bool:
    return de in dialect.sensitive or de in SENSITIVE


def _in_hex(dialect: Dialect, de: str) -> bool:
    element = dialect.elements.get(de)
    return element is not None and element.in_hex


def _element(dialect: Dialect, de: str, document: Document) -> Iterator[Line]:
    """An element's line, then those of its parts."""
    value, name, secret, form = document[de], name_of(dialect, de), _secret(dialect, de), dialect.form_of(de)
    in_hex = _in_hex(dialect, de)
    parts: dict[str, str] = {}
    trouble = ""
    if form is not None:
        try:
            parts = form.read(value)
        except SubfieldError as error:
            trouble = f"does not divide at {error.offset}, subfield {error.part or '?'}: expected {error.expected}"
    hidden = form.secrets(parts) if form is not None else frozenset()
    if secret:
        yield Line(_label(de), name, _hidden(name, value, in_hex), trouble, hidden=True)
    elif hidden or (trouble and form is not None and form.may_hold_secrets):
        yield Line(_label(de), name, _hidden("", value, in_hex), trouble, hidden=True)
    elif de in _MASKED:
        yield Line(_label(de), name, mask_pan(value.strip()))
    else:
        note, style = _meaning(dialect, de, value)
        element = dialect.elements.get(de)
        if de == DE.RRN and names_card(document):
            value = "*" * len(value)
        elif element is not None and is_text(element):
            value = mask_element(de, value)
        elif de in misread_pan(document):
            value = "*" * len(value)
        yield Line(_label(de), name, value, trouble or note, style="error" if trouble else style)
    if form is not None:
        yield from _parts(form, parts, hidden, secret, in_hex)


def as_shown(dialect: Dialect, document: Document) -> Document:
    """A document with its secrets replaced as `describe` replaces them, for JSON. Bitmaps stay."""
    shown = {}
    for de, value in document.items():
        shown[de] = value if de in _BITMAPS else next(_element(dialect, de, document)).value
    return shown


def _parts(form: Form, parts: dict[str, str], hidden: frozenset[str], secret: bool, in_hex: bool) -> Iterator[Line]:
    for key, value in parts.items():
        part = form.declared(key)
        label = f".{key}" if key[:1].isdecimal() and not isinstance(form, Tlv) else key
        name = f"  {label} {part.desc if part else ''}".rstrip()
        if key in hidden or (secret and part is None):
            yield Line("", name, _hidden("", value, in_hex and (part is None or part.enc in ("", "b"))), hidden=True)
        else:
            yield Line("", name, mask_pans(value) if not in_hex else value)


def _meaning(dialect: Dialect, de: str, value: str) -> tuple[str, str]:
    """What a code says, and the style to say it in."""
    if de == DE.MTI and len(value) == 4:
        return describe_mti(value), "hint"
    if de == DE.RESPONSE_CODE:
        approved = answer_1987(value, dialect.version) in APPROVALS
        return answer_name(value, dialect.version) or NO_CODE, "good" if approved else "error"
    if de == DE.PROCESSING_CODE:
        return _PROCESSING.get(value[:2], ""), "hint"
    if de == DE.NETWORK_CODE:
        return _NETWORK_CODES.get(value, ""), "hint"
    return "", "hint"


def describe_mti(mti: str) -> str:
    """`0421` -> `reversal advice, repeat`; "" where it is no MTI."""
    if len(mti) != 4:
        return ""
    words = f"{_CLASSES.get(mti[1], 'unknown class')} {_FUNCTIONS.get(mti[2], 'of unknown function')}"
    return words + _ORIGINS.get(mti[3], "")


class _Spans(NamedTuple):
    """Where decoded elements stand in the bytes: hidden byte offsets, and where decoding stopped."""

    hidden: frozenset[int]
    end: int


def describe_error(dialect: Dialect, data: bytes, error: DecodeError, paint: Paint = _plain) -> str:
    """Why `data` is no message of `dialect`: the sentence, the bytes around the place with a caret under it, what was decoded.

    `data`: one message without the frame around it, as it was given to `dialect.decode`; `error`: what that raised.
    """
    spans = _spans(dialect, error.document, data)
    shown = spans.end + _shown_of_failing(dialect, error, spans, len(data))
    at = min(error.offset, len(data))
    first = max(0, at // _ROW - _ROWS_AROUND)
    last = min(len(data) // _ROW, at // _ROW + _ROWS_AROUND)
    text_of = _reader(dialect)
    rows = [paint("error", str(error)), ""]
    for row in range(first, last + 1):
        start, chunk = row * _ROW, data[row * _ROW : (row + 1) * _ROW]
        hexes, texts = [], []
        for i, byte in enumerate(chunk, start):
            hidden, unknown = i in spans.hidden, i >= shown and i != error.offset
            hexes.append("**" if hidden else "··" if unknown else f"{byte:02X}")
            texts.append("*" if hidden else "·" if unknown else text_of(byte))
        if chunk or row == at // _ROW:
            label = paint("label", f"  {start:04X}  ")
            rows.append(f"{label}{' '.join(hexes):<{_ROW * 3}} {''.join(texts)}".rstrip())
        if row == at // _ROW:
            caret = " " * (8 + 3 * (at % _ROW)) + "^^"
            rows.append(paint("caret", f"{caret} byte {error.offset}: expected {error.expected}"))
    decoded = describe(dialect, error.document, paint)
    rows += ["", "Decoded before it:" if decoded else "Nothing was decoded before it.", decoded]
    return "\n".join(rows).rstrip()


def error_fields(dialect: Dialect, data: bytes, error: CodecError, offset: int | None = None) -> dict[str, Any]:
    """A message that cannot be read as a log's event has it: dialect, MTI, element and name, offset, expected, found, the bytes
    around it, and the whole as a sentence.

    `data`: the message without its frame. `offset`: which of its bytes is wrong, where the error counts from elsewhere.
    """
    return {
        "dialect": error.dialect, "mti": error.mti, "field": error.field, "name": error.name, "offset": error.offset,
        "expected": error.expected, "found": error.found,
        "bytes": _around(dialect, data, error, error.offset if offset is None else offset), "reason": str(error),
    }  # fmt: skip


def _around(dialect: Dialect, data: bytes, error: CodecError, at: int) -> str:
    """`30 30 35 [78] ·· ··`: a few bytes in hex, the wrong one in brackets, secret ones `**`, those not decoded `··`."""
    spans = _spans(dialect, error.document, data)
    shown = spans.end + _shown_of_failing(dialect, error, spans, len(data))
    pan = dialect.elements.get(DE.PAN)
    each = 1 if pan is not None and pan.text is not None else 2
    first, last = max(0, at - _BEFORE // each), min(len(data), at + _BEHIND // each + 1)
    words = ["…"] * (first > 0)
    for i in range(first, last):
        word = "**" if i in spans.hidden else "··" if i >= shown and i != at else f"{data[i]:02X}"
        words.append(f"[{word}]" if i == at else word)
    words += ["…"] * (last < len(data)) if at < len(data) else ["[end]"]
    return " ".join(words)


def start_of(dialect: Dialect, document: Document, element: str) -> int:
    """The message's byte that an element's data begins at; `document`: what was decoded, the element in it."""
    at = 0
    for stretch in stretches(dialect, document):
        if stretch.de == element:
            return stretch.start
        at = stretch.end
    return at


def _spans(dialect: Dialect, document: Document, data: bytes) -> _Spans:
    """The bytes of the decoded elements, walked in their order on the wire."""
    at, hidden = 0, set[int]()
    for de, _, start, at in stretches(dialect, document):
        if de in _MASKED or _keeps_secret(dialect, de, document[de]):
            hidden.update(range(start, at))
    return _Spans(frozenset(hidden), min(at, len(data)))


def _keeps_secret(dialect: Dialect, de: str, value: str) -> bool:
    """True where an element, or a part of it, must not be shown."""
    if _secret(dialect, de):
        return True
    form = dialect.form_of(de)
    if form is None or not form.may_hold_secrets:
        return False
    try:
        return bool(form.secrets(form.read(value)))
    except SubfieldError:
        return True


def _shown_of_failing(dialect: Dialect, error: CodecError, spans: _Spans, length: int) -> int:
    """How many bytes behind the decoded ones may be shown: the failing element's own where they cannot be a secret."""
    element = dialect.elements.get(error.field)
    if error.offset < spans.end:
        return 0
    if element is None or error.field in error.document:
        return _UNDECODED_SHOWN
    form = dialect.form_of(error.field)
    parts_secret = form is not None and form.may_hold_secrets
    if error.field in _MASKED or _secret(dialect, error.field) or parts_secret:
        return element.length_bytes
    if element.length_bytes:
        return max(element.length_bytes, min(error.offset - spans.end + 1, length))
    return (element.size + 1) // 2 if element.nibbles else element.size


def _reader(dialect: Dialect) -> Callable[[int], str]:
    """A byte as a character in the dialect's text, `.` where it is none."""
    texts = [e.text for de, e in dialect.elements.items() if e.text is not None and de in (DE.TERMINAL, DE.MTI)]
    codec = texts[-1].name if texts else "ascii"

    def read(byte: int) -> str:
        try:
            char = bytes([byte]).decode(codec)
        except UnicodeDecodeError:
            return "."
        return char if char.isprintable() and char.isascii() else "."

    return read
