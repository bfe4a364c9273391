"""What real messages use and their dialect does not know.

`Drift` is shown messages one by one and keeps counts, never values of sensitive elements: a finding may be kept and sent on.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

import msgspec

from switch.config.mistakes import Paint, plain
from switch.wire import DecodeError, Dialect, Document
from switch.wire.element import Element
from switch.wire.framing import FramingError, make_framing
from switch.wire.printable import printable
from switch.wire.stretches import wire_order
from switch.wire.subfields import REST, Form, SubfieldError, form_of
from switch.wire.vocabulary import label_of, mask_pan

Message: TypeAlias = bytes | Document

KINDS_MAX: Final = 10_000
"""Different findings that are kept; beyond it only what is known is counted."""

_CHARACTERS: Final[dict[str, tuple[Callable[[str], bool], str]]] = {
    "a": (lambda c: c.isalpha() or c == " ", "letters"),
    "an": (lambda c: c.isalnum() or c == " ", "letters and digits"),
    "ans": (str.isprintable, "printable characters"),
}


class Finding(msgspec.Struct, frozen=True):
    """One thing the dialect does not know."""

    element: str
    """"" where the message as a whole does not decode"""
    kind: str
    """`element`, `subfield`, `content`, `divides`, `header`, `length`, `message`"""
    what: str
    """the tag, number or sentence"""
    count: int
    first: int
    """the first message it was seen in, from 1"""
    example: str
    """a value that is no secret; "" where there is none to show"""


class Drift:
    """Holds messages against a dialect. Documents that were decoded already are welcome as they are."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.count = 0
        self.dropped = 0
        """findings that were not kept, `KINDS_MAX` being reached"""
        self._found: dict[tuple[str, str, str], list[Any]] = {}
        self._forms: dict[str, Form] = {de: form_of(annotation) for de, annotation in dialect.subfields.items()}

    def see(self, message: Message) -> None:
        """One message: its bytes, or its document."""
        self.count += 1
        if isinstance(message, bytes):
            try:
                document = self.dialect.decode(message)
            except DecodeError as error:
                element = error.field if error.field in self.dialect.elements else ""
                if error.expected.startswith("a length up to ") and element:
                    self._note(element, "length", f"longer than {self.dialect.elements[element].size}", error.found)
                elif error.expected.startswith("an element of"):
                    self._note(
                        error.field, "element", f"bit {error.field} is set, and the dialect has no such element", ""
                    )
                else:
                    self._note(element, "message", f"expected {error.expected}", error.found)
                document = error.document
        else:
            document = message
        for de, value in document.items():
            if de not in ("p", "1") and isinstance(value, str):
                self._element(de, value)

    def findings(self) -> list[Finding]:
        """All of them, by element, the most frequent first."""
        found = [Finding(*key, *rest) for key, rest in self._found.items()]
        return sorted(found, key=lambda f: (wire_order(f.element) if f.element else -9, f.kind, -f.count, f.what))

    def _note(self, element: str, kind: str, what: str, example: str) -> None:
        entry = self._found.get((element, kind, what))
        if entry is not None:
            entry[0] += 1
        elif len(self._found) < KINDS_MAX:
            self._found[element, kind, what] = [1, self.count, example]
        else:
            self.dropped += 1

    def _element(self, de: str, value: str) -> None:
        e = self.dialect.elements.get(de)
        if e is None:
            self._note(de, "element", "the dialect has no such element", "")
            return
        self._content(e, value)
        if e.length_bytes and len(value) * (1 if e.text or e.nibbles else 0.5) > e.size:
            self._note(de, "length", f"longer than {e.size}", "")
        form = self._forms.get(de)
        if form is None or not value.strip():
            return
        try:
            parts = form.read(value)
        except SubfieldError as error:
            self._note(de, "divides", f"subfield {error.part or '?'}: expected {error.expected}", "")
            return
        for key, text in parts.items():
            known = key.partition("#")[0]
            if known not in form.parts:
                if known == REST and not text.strip("0 "):
                    continue
                what = "bytes behind the last subfield" if known == REST else f"{known}"
                self._note(de, "subfield", what, "")
            elif "#" in key:
                self._note(de, "subfield", f"{known} more than once", "")

    def _content(self, e: Element, value: str) -> None:
        """A value outside its content. The codec refuses some; these it lets pass, and documents may hold any."""
        at = e.odd(value)
        if at >= 0:
            self._note(e.key, "content", f"expected {e.wants()}", self._example(e, value))
            return
        rule = _CHARACTERS.get(e.content)
        if rule is not None and not all(map(rule[0], value)):
            bad = next(c for c in value if not rule[0](c))
            self._note(
                e.key, "content", f"expected {rule[1]} ({e.content}), found U+{ord(bad):04X}", self._example(e, value)
            )

    def _example(self, e: Element, value: str) -> str:
        form = self.dialect.form_of(e.key)
        if e.sensitive or (form is not None and form.may_hold_secrets):
            return ""
        # whatever a wrong length makes an element of may be a PAN: no more of it than of one
        shown = mask_pan(value) if len(value) > 10 else value
        return printable(shown)


def messages(content: bytes, framing: str | None = None) -> Iterator[Message]:
    """The messages of a file: frames of a stream, hex lines, or JSON lines. ValueError: which line or byte is none."""
    if framing is not None:
        digits = bytes(content).translate(None, b" \t\r\n:")
        stream = bytes.fromhex(digits.decode()) if digits and len(digits) % 2 == 0 and _is_hex(digits) else content
        cutter = make_framing(framing)
        try:
            yield from cutter.feed(stream)
        except FramingError as error:
            yield from error.frames
            raise ValueError(f"the stream breaks at byte {error.offset}: {error}") from None
        if cutter.waiting:
            raise ValueError(f"{cutter.waiting} bytes of an unfinished {framing} frame at the end")
        return
    for number, line in enumerate(content.splitlines(), 1):
        text = line.strip()
        if not text or text.startswith(b"#"):
            continue
        yield _message(number, text)


def _is_hex(digits: bytes) -> bool:
    return all(b in b"0123456789abcdefABCDEF" for b in digits)


def _message(number: int, text: bytes) -> Message:
    if text.startswith(b"{"):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError(f"line {number} is no JSON") from None
        for key in ("hex", "message", "document"):
            if isinstance(value, dict) and key in value:
                value = value[key]
                break
        if isinstance(value, str):
            text = value.encode("utf-8", "replace")
        elif isinstance(value, dict) and "t" in value:
            return {str(k): v for k, v in value.items()}
        else:
            raise ValueError(f'line {number}: expected a document with "t", or an object with "hex" or "message"')
    digits = text.translate(None, b" \t:-")
    if len(digits) % 2 or not _is_hex(digits):
        raise ValueError(f"line {number} is neither hex nor JSON (a stream of frames needs --framing)")
    return bytes.fromhex(digits.decode())


def as_text(dialect: Dialect, count: int, findings: list[Finding], paint: Paint = plain) -> str:
    """The findings as lines, an element's together."""
    told = f"{count} message{'s' * (count != 1)} held against {paint('place', dialect.name)}"
    if not findings:
        return f"{told}: no drift"
    lines, last = [f"{told}: {len(findings)} finding{'s' * (len(findings) != 1)}"], None
    for f in findings:
        if f.element != last:
            last = f.element
            name = dialect.names.get(f.element, "")
            label = label_of(f.element) if f.element else "message"
            lines.append(paint("label", f"{label} {name}".rstrip()))
        example = f'  for instance "{f.example}"' if f.example else ""
        seen = f"{f.count}×, first in message {f.first}"
        kind = {"divides": "does not divide", "message": "does not decode"}.get(f.kind, f.kind)
        lines.append(f"  {paint('error', kind)}: {f.what}  {paint('hint', seen)}{example}")
    return "\n".join(lines)
