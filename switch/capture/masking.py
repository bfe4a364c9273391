"""Messages made fit to be kept: sensitive elements overwritten, every length as it was.

A masked message is a message still: it decodes, routes and passes a check of the PAN's last digit. Of the PAN, the first 6 and
last 4 digits stay; between them are zeros and one digit that makes the Luhn sum come out. Track data, PIN, card values, accounts
and whatever the dialect marks sensitive, subfields too, become zeros. A PAN that stands once more elsewhere is masked there too,
as is what looks like one in an element of text (`wire.pans`), or in the numbers a message begins with if its bitmap lacks bit 2.

What cannot be decoded is masked without being understood: header, MTI and bitmaps stay, but for what looks like a PAN in them;
what was read before the error is masked as above, and runs of 12 digits or more besides, in whichever encoding (a message in
EBCDIC has its chip data in halves of bytes), since it may have been misread; behind the error goes everything where the bitmap
announces a sensitive element there, else such runs.
"""

import re
from typing import Final

from switch.wire import DecodeError, Dialect, Document, EncodeError
from switch.wire.element import Element
from switch.wire.letters import read_with_letters
from switch.wire.pans import (
    PAN_LONGEST,
    is_like_a_pan,
    is_text,
    mask_digits,
    mask_element,
    mask_pans,
    misread_pan,
    names_card,
)
from switch.wire.stretches import stretches
from switch.wire.subfields import Form, SubfieldError
from switch.wire.vocabulary import ACCOUNTS, DE, SENSITIVE

CLEAR_PREFIX_MIN: Final = 6
"""digits: fewer would name more than one issuer's test cards"""
RUN_MIN: Final = 12
"""digits: the shortest PAN"""

_TRACKS: Final = frozenset({DE.TRACK1, DE.TRACK2, DE.TRACK3})
_NO_STRUCTURE: Final = re.compile("[^=^D]", re.DOTALL)
"""What is no divider of a track; dividers stay, so that the element still reads as one."""
_TRACK_PAN: Final = re.compile(r"[%;]?B?(\d{12,19})(?=[=^D])", re.ASCII)
_HEAD: Final = frozenset({DE.HEADER, DE.MTI, DE.BITMAP, DE.BITMAP_SECONDARY})
_BITMAPS: Final = frozenset({DE.BITMAP, DE.BITMAP_SECONDARY})
_EBCDIC_RUN: Final = re.compile(rb"[\xf0-\xf9]{12,}")
_DIGIT_RUN: Final = re.compile(rb"[0-9]{12,}")
_EDGES: Final = re.compile(rb"\A[0-9\xf0-\xf9]+|[0-9\xf0-\xf9]+\Z")
_NIBBLE_EDGES: Final = re.compile(rb"\A[0-9]+|[0-9]+\Z")
_HEX_RUN: Final = re.compile(rb"[0-9A-Fa-f]{16,}")
PAN_SOUGHT: Final = 13
"""digits: the shortest PAN that is sought where none is expected"""
_WHOLE_RUN: Final = re.compile(r"(?<![0-9])[0-9]{13,19}(?![0-9])")
_RUNS: Final = ((_EBCDIC_RUN, b"\xf0"), (_DIGIT_RUN, b"0"), (_HEX_RUN, b"0"))
_PRINTABLE: Final = b"\0" + bytes(range(0x20, 0x7F))
_EBCDIC_BLANK: Final = b"\0\x40"
_TRACK_IN_TEXT: Final = re.compile(r"(?<=\d=)\d{7,}|(?<=\^)\d{7,}", re.ASCII)
_TRACK_IN_HEX: Final = re.compile(r"(?<=\d{12}D)\d{7,}", re.ASCII)
"""what stands behind the divider of a track whose element, or tag, is another one's: expiry, service code, and more"""


def _zeros(value: str) -> str:
    return "0" * len(value)


def _track(value: str, pan: str, hidden: str) -> str:
    """A track with its PAN masked, its dividers kept, all else zeros. `pan`, `hidden`: one that is masked already."""
    match = _TRACK_PAN.match(value)
    rest = _NO_STRUCTURE.sub("0", value)
    if match is None:
        return rest
    start, end = match.span(1)
    masked = hidden if match[1] == pan else mask_digits(match[1])
    return value[:start] + masked + rest[end:]


class Mask:
    """Masks the messages of one dialect."""

    def __init__(self, dialect: Dialect, clear: tuple[str, ...] = ()) -> None:
        """`clear`: messages whose PAN begins with one of these stay as they are. ValueError: one is under 6 digits."""
        for prefix in clear:
            if not (prefix.isascii() and prefix.isdecimal() and len(prefix) >= CLEAR_PREFIX_MIN):
                raise ValueError(
                    f"{prefix!r} names no test cards: at least the first {CLEAR_PREFIX_MIN} digits of a PAN"
                )
        self._dialect = dialect
        self._clear = clear
        self._forms: dict[str, Form] = {}
        """elements that may have secret parts"""
        for de in dialect.elements:
            form = dialect.form_of(de)
            if form is not None and form.may_hold_secrets:
                self._forms[de] = form
        self._touched = (
            frozenset({DE.PAN}) | _TRACKS | SENSITIVE | dialect.sensitive | ACCOUNTS | frozenset(self._forms)
        )
        self._texts = frozenset(
            de for de, e in dialect.elements.items() if is_text(e) and de not in self._touched and de not in _HEAD
        )
        pan = dialect.elements.get(DE.PAN)
        self._nibbles = pan is None or pan.text is None
        self._ebcdic = pan is not None and pan.text is not None and pan.text.to_latin is not None

    def message(self, data: bytes) -> bytes:
        """`data`, one message without its frame, fit to be kept; as long as it was. Raises nothing, whatever the bytes."""
        return self.kept(data)[0]

    def kept(self, data: bytes) -> tuple[bytes, Document]:
        """As `message`, and beside it what was decoded, unmasked."""
        try:
            document = self._dialect.decode(data)
        except DecodeError as error:
            found = read_with_letters(self._dialect, data, error)
            if found is None or found.by_character:  # whose bytes are more than its characters
                return self._undecoded(data, error), error.document
            document = found.document
        return self._decoded(data, document), document

    def _decoded(self, data: bytes, document: Document) -> bytes:
        if self._is_clear(document):
            return data
        hidden = self.document(document)
        if hidden == document:
            return data
        try:
            masked = self._dialect.encode(hidden)
        except EncodeError:
            masked = b""
        if len(masked) == len(data):
            return masked
        return self._overwritten(data, document)  # not as this dialect would have written it

    def document(self, document: Document) -> Document:
        """A document with its sensitive values masked, lengths kept. A partial one will do."""
        if self._is_clear(document):
            return document
        pan = document.get(DE.PAN, "").strip()
        hidden = mask_digits(pan)
        masked = {de: _text(de, value) if de in self._texts else value for de, value in document.items()}
        for de in self._touched.intersection(document):
            masked[de] = self._value(de, document[de], pan, hidden)
        for de in (*misread_pan(document), *((DE.RRN,) if names_card(document) else ())):
            masked[de] = _zeros(document[de])
        if len(pan) >= RUN_MIN:
            in_hex, all_of_it = pan.encode().hex().upper(), "\n".join(masked.values())
            if pan in all_of_it or in_hex in all_of_it:
                again = hidden.encode().hex().upper()
                for de, value in masked.items():
                    masked[de] = value.replace(pan, hidden) if pan in value else value.replace(in_hex, again)
        return masked

    def raw(self, data: bytes, *, edges: bool = False) -> bytes:
        """Bytes nobody could cut into messages: their runs of digits masked. `edges`: those at either end however short, for
        they may go on in what stands before or behind."""
        out = bytearray(data)
        for run, zero in _RUNS:
            for found in run.finditer(data):
                out[slice(*found.span())] = zero * len(found[0])
        if edges:
            for found in _EDGES.finditer(data):
                out[slice(*found.span())] = bytes(len(found[0]))
        if self._nibbles:
            return _nibble_runs(bytes(out), edges=edges)
        return _nibble_runs(bytes(out), text=_EBCDIC_BLANK if self._ebcdic else _PRINTABLE)

    def unfinished(self, data: bytes) -> bytes:
        """A message whose end has not come: what could be decoded of it masked, and zeros for the rest, in which an element that
        nobody can tell may have begun."""
        masked, document = self.kept(data)
        end = self._end_of(document, len(data))
        return masked[:end] + bytes(len(data) - end)

    def _is_clear(self, document: Document) -> bool:
        return bool(self._clear) and document.get(DE.PAN, "").lstrip().startswith(self._clear)

    def _value(self, de: str, value: str, pan: str, hidden: str) -> str:
        """A value masked; `pan` and `hidden`: the message's PAN, and what it becomes."""
        if de == DE.PAN:
            return hidden if value == pan else mask_digits(value)
        if de in _TRACKS:
            return _track(value, pan, hidden)
        if de in SENSITIVE or de in self._dialect.sensitive:
            return self._parts(de, value) if de in self._forms else _zeros(value)
        if de in ACCOUNTS:
            return mask_digits(value) if value.isdecimal() else _zeros(value)
        if de in self._forms:
            return self._parts(de, value)
        return value

    def _parts(self, de: str, value: str) -> str:
        """An element with its sensitive parts masked; zeros where it does not divide. A bitmap before the parts stays."""
        form = self._forms[de]
        try:
            parts = form.read(value)
            hidden = {key: _zeros(parts[key]) for key in form.secrets(parts)}
            for key, part in parts.items():
                if len(part) >= PAN_SOUGHT and key not in hidden and (shown := _part(part)) != part:
                    hidden[key] = shown
            masked = form.build({**parts, **hidden}) if hidden else value
        except (SubfieldError, ValueError):
            return _zeros(value)
        return masked if len(masked) == len(value) else _zeros(value)

    def _undecoded(self, data: bytes, error: DecodeError) -> bytes:
        """A message that broke off: what was decoded is masked in place, the rest as far as it may hold a secret."""
        document = error.document
        following = "".join(
            format(int(document.get(de) or "0", 16), "064b") for de in ("p", "1") if _is_hex(document, de)
        )
        announced = {str(n) for n, bit in enumerate(following, 1) if bit == "1"} - set(document)
        secret = announced & self._touched
        start = self._end_of({de: value for de, value in document.items() if de in _HEAD}, len(data))
        end = self._end_of(document, len(data))
        rest = self.raw(
            self._overwritten(data[:end], document)[start:] + data[end:]
        )  # a run may go on behind the error
        return self._head(data, start) + (rest[: end - start] + bytes(len(data) - end) if secret else rest)

    def _head(self, data: bytes, end: int) -> bytes:
        """Header, MTI and bitmaps of a message that broke off; with the middle of a PAN masked that was read as part of them."""
        reach = data[: end + PAN_LONGEST]
        if self._nibbles:
            return bytes.fromhex(mask_pans(reach.hex()))[:end]
        encoding = "cp037" if self._ebcdic else "latin-1"
        return mask_pans(reach.decode(encoding)).encode(encoding)[:end]

    def _end_of(self, document: Document, length: int) -> int:
        return min(length, max((stretch.end for stretch in stretches(self._dialect, document)), default=0))

    def _overwritten(self, data: bytes, document: Document) -> bytes:
        """`data` with the bytes of each sensitive element replaced where they stand; where that cannot be said, by zeros."""
        masked, out = self.document(document), bytearray(data)
        for de, element, start, end in stretches(self._dialect, document):
            if masked[de] != document[de]:
                out[start:end] = _written(element, masked[de], end - start)
        return bytes(out[: len(data)])


def _is_hex(document: Document, de: str) -> bool:
    value = document.get(de, "")
    return de in _BITMAPS and len(value) == 16 and all(c in "0123456789abcdefABCDEF" for c in value)


def _written(element: Element, value: str, size: int) -> bytes:
    """A masked value as so many bytes of its element."""
    if element.text is None:
        digits = value if len(value) % 2 == 0 else (f"{value}F" if element.right_pad else f"0{value}")
        data = bytes.fromhex(digits) if all(c in "0123456789ABCDEFabcdef" for c in digits) else b""
    else:
        data = value.encode("latin-1", "replace")
        if element.text.from_latin is not None:
            data = data.translate(element.text.from_latin)
    return data if len(data) == size else b"\0" * size


def _text(de: str, value: str) -> str:
    """An element of text with what looks like a PAN, or the end of a track, masked."""
    return _TRACK_IN_TEXT.sub(lambda found: _zeros(found[0]), mask_element(de, value))


def _part(value: str) -> str:
    """A part of an element, or a tag's value in hex: digits that are a PAN masked, and the end of a track."""
    shown = _WHOLE_RUN.sub(lambda found: mask_digits(found[0]) if is_like_a_pan(found[0]) else found[0], value)
    return _TRACK_IN_HEX.sub(lambda found: _zeros(found[0]), shown)


def _nibble_runs(data: bytes, *, edges: bool = False, text: bytes = b"") -> bytes:
    """Bytes whose nibbles are 12 or more decimal digits one after another, zeroed; with `edges`, fewer at either end.
    `text`: a run of nothing but these bytes stays."""
    digits = data.hex().encode()
    masked = bytearray(digits)
    for run in (_DIGIT_RUN, _NIBBLE_EDGES) if edges else (_DIGIT_RUN,):
        for found in run.finditer(digits):
            start, end = found.span()
            if data[start // 2 : (end + 1) // 2].strip(text) or not text:
                masked[start:end] = b"0" * (end - start)
    return bytes.fromhex(masked.decode())
