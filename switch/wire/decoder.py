"""Source of decoders: the bytes of messages of one layout as documents (`layout_source.py` says what one promises)."""

from collections.abc import Iterator
from operator import itemgetter

from switch.wire.careful import Table
from switch.wire.element import Element, Encoding
from switch.wire.layout_source import Decode, Names, compile_layout, content_check
from switch.wire.lengths import lengths_of
from switch.wire.vocabulary import Document


def _plus(base: str, n: int) -> str:
    """Source of `base + n`; no base: a constant."""
    if not base:
        return str(n)
    return f"{base}+{n}" if n else base


def _split(position: str) -> tuple[str, int]:
    """What `_plus` put together."""
    base, _, constant = position.rpartition("+")
    if not base and not constant.isdecimal():
        return constant, 0
    return base, int(constant)


def _shift(position: str, n: int) -> str:
    """Source of a position, `n` later."""
    base, constant = _split(position)
    return _plus(base, constant + n)


def _twice(position: str) -> str:
    """Source of a position in bytes, in hex digits."""
    base, constant = _split(position)
    return _plus(base and f"{base}*2", constant * 2)


class _Span:
    """A stretch of a view that has to be digits (or ASCII). `sure`: it cannot be empty. `key`: the fixed element it is all of."""

    def __init__(self, view: str, start: str, end: str, sure: bool, key: str = "") -> None:
        self.view, self.start, self.end, self.sure, self.key = view, start, end, sure, key

    def check(self, method: str) -> str:
        """Source of its check. Bytes are asked, not text: their methods know no Unicode and take a quarter of the time."""
        if self.key and method == "isdigit":
            return f"d[{self.key!r}].isdecimal()"
        text = f"{self.view}[{self.start}:{self.end}]"
        return f"{text}.{method}()" if self.sure or method == "isascii" else f"({text} or b'0').{method}()"


class _DecodeWriter:
    """Source of a decoder. Position is `base` (a variable, "" before the first variable element) plus `ahead` bytes."""

    def __init__(self, table: Table, elements: list[Element], start: int) -> None:
        self.table = table
        self.elements = elements
        self.names = Names()
        self.lines: list[str] = []
        self.views: dict[str, str] = {}
        self.encodings: dict[str, Encoding | None] = {}
        self.digits: list[_Span] = []
        self.ascii: list[_Span] = []
        self.checks: list[str] = []
        self.base, self.ahead, self.variables = "", start, 0
        header = [table.elements["h"]] if "h" in table.elements else []
        used = [e.text for e in header + elements] + [e.length for e in elements if e.length_bytes]
        self.hexed = any(e.nibbles for e in header + elements)
        self.all_ascii = all(x is not None and x.ascii for x in used) and self._plain_bitmaps()

    def _plain_bitmaps(self) -> bool:
        return all((x := self.table.elements[k].text) is not None and x.ascii for k in ("t", "p", "1"))

    def view(self, encoding: Encoding | None) -> str:
        """Name of the whole message as text in an encoding, or (None) as hex digits, lower case."""
        key = encoding.name if encoding else "hex"
        if key not in self.views:
            self.views[key] = f"s{len(self.views)}"
            self.encodings[key] = encoding
        return self.views[key]

    def bytes_of(self, view: str) -> str:
        """Name of the bytes that are ASCII digits where the view has digits."""
        key = next(key for key, name in self.views.items() if name == view)
        encoding = self.encodings[key]
        return "data" if encoding and not encoding.to_latin else f"b{view[1:]}"

    def _view_lines(self) -> Iterator[str]:
        for key, name in self.views.items():
            encoding, raw = self.encodings[key], self.bytes_of(name)
            if encoding is None:
                yield f" {raw} = B2A(data)"
            elif encoding.to_latin:
                yield f" {raw} = data.translate({self.names.of(encoding.to_latin)})"
            ascii_only = encoding is None or (encoding.ascii and self.all_ascii)
            yield f" {name} = {raw}.decode({'ascii' if ascii_only else 'latin-1'!r})"

    def at(self, e: Element, n: int = 0) -> str:
        """Source of where an element's view stands `n` characters of it from here."""
        if not e.nibbles:
            return _plus(self.base, self.ahead + n)
        return _plus(self.base and f"{self.base}*2", self.ahead * 2 + n)

    def span(self, spans: list[_Span], new: _Span) -> None:
        """Note a stretch, joined to the one before where they touch."""
        last = spans[-1] if spans else None
        if last and last.view == new.view and last.end == new.start:
            last.end, last.sure, last.key = new.end, last.sure or new.sure, ""
        else:
            spans.append(new)

    # ---- fixed elements

    def fixed(self, run: list[Element]) -> None:
        """Consecutive fixed elements that share a view: taken in one go where there are several."""
        first = run[0]
        if first.text is None and not first.nibbles:
            for e in run:
                start = _plus(self.base, self.ahead)
                self.ahead += e.size
                self.value(e, self.raw(start, _plus(self.base, self.ahead)))
            return
        view = self.view(first.text)
        origin, offset, slices = self.at(first), 0, []
        for e in run:
            start = self.at(e)
            left = e.size & 1 if e.nibbles and e.left_pad else 0
            right = e.size & 1 if e.nibbles and e.right_pad else 0
            if left:
                self.pad(view, self.at(e), e.left_pad)
            if right:
                self.pad(view, self.at(e, e.size), e.right_pad)
            slices.append((offset + left, offset + left + e.size))
            offset += left + e.size + right
            self.ahead += (e.size + 1) // 2 if e.nibbles else e.size
            self.note(e, view, start, left, right, sure=True)
        if len(run) == 1 or any(e.nibbles and e.content != "n" for e in run):
            for e, (a, b) in zip(run, slices, strict=True):
                self.value(e, f"{view}[{_shift(origin, a)}:{_shift(origin, b)}]")
            return
        if not self.base:
            get = itemgetter(*(slice(int(origin) + a, int(origin) + b) for a, b in slices))
            source = view
        else:
            get = itemgetter(*(slice(a, b) for a, b in slices))
            source = f"{view}[{origin}:{_shift(origin, offset)}]"
        self.lines.append(f" {', '.join(f'd[{e.key!r}]' for e in run)} = {self.names.of(get)}({source})")
        self.checks.extend(content_check(e, f"d[{e.key!r}]") for e in run if _checked_alone(e))

    def pad(self, view: str, at: str, pad: str) -> None:
        self.checks.append(f"{view}[{at}] == {pad.lower()!r}")

    def note(self, e: Element, view: str, start: str, left: int, right: int, sure: bool) -> None:
        """An element that ends here: what is to be checked of the stretch it takes, pads included where they are digits."""
        end = self.at(e, -right if right and not e.right_pad.isdecimal() else 0)
        if e.content == "n":
            start = start if not left or e.left_pad.isdecimal() else f"{start}+1"
            alone = "" if left or right or e.length_bytes else e.key
            self.span(self.digits, _Span(self.bytes_of(view), start, end, sure, alone))
        elif e.text and e.text.ascii and not self.all_ascii and e.content not in ("z", "x+n", "b"):
            self.span(self.ascii, _Span(self.bytes_of(view), start, end, sure))

    def raw(self, start: str, end: str) -> str:
        """Source of bytes as upper-case hex: taken from the hex view where the layout has one."""
        if not self.hexed:
            return f"data[{start}:{end}].hex().upper()"
        return f"{self.view(None)}[{_twice(start)}:{_twice(end)}].upper()"

    # ---- variable elements

    def variable(self, e: Element) -> None:
        """A variable element: its length, its value; from its end on, offsets count from there."""
        n, view = "n", ""
        start, body = _plus(self.base, self.ahead), _plus(self.base, self.ahead + e.length_bytes)
        known = self.names.of(lengths_of(e))
        if e.length:
            view = self.view(e.length)
            self.lines.append(f" {n} = {known}[{view}[{start}:{body}]]")
        else:
            self.lines.append(f" {n} = {known}[data[{start if e.length_bytes == 1 else f'{start}:{body}'}]]")
        decimal_prefix = bool(e.length) or e.length_bcd
        here = self.at(e)
        self.ahead += e.length_bytes
        before = self.at(e)
        self.variables += 1
        end = f"i{self.variables}"
        self.lines.append(f" {end} = {body}+{'(n+1 >> 1)' if e.nibbles else n}")
        if e.content == "n" and (e.text or e.nibbles) and decimal_prefix and e.length == e.text:
            before = here
        self._variable_value(e, body, before, here, end)

    def _variable_value(self, e: Element, body: str, before: str, here: str, end: str) -> None:
        inner = self.at(e)
        self.base, self.ahead = end, 0
        if e.text:
            view = self.view(e.text)
            self.value(e, f"{view}[{body}:{end}]")
        elif not e.nibbles:
            self.value(e, self.raw(body, end))
            return
        else:
            view = self.view(None)
            if e.left_pad:
                self.lines.append(f" if n & 1 and {view}[{inner}] != {e.left_pad.lower()!r}: raise ValueError")
                self.value(e, f"{view}[{end}*2-n:{end}*2]")
            else:
                pad = f"{view}[{end}*2-1] != {e.right_pad.lower()!r}" if e.right_pad else "True"
                self.lines.append(f" if n & 1 and {pad}: raise ValueError")
                self.value(e, f"{view}[{inner}:{inner}+n]")
        if e.content == "n" and e.nibbles and (e.left_pad or e.right_pad or "0") not in "0123456789":
            self.checks.append(f"(d[{e.key!r}] or '0').isdecimal()")
        else:
            self.note(e, view, before, 0, 0, sure=before == here)

    # ---- any element

    def value(self, e: Element, source: str) -> None:
        """Store one value, and note what its content asks for beyond runs of digits."""
        if e.nibbles and e.content != "n":
            source += ".upper()"
        if not _checked_alone(e):
            self.lines.append(f" d[{e.key!r}] = {source}")
            return
        name = f"v{e.key}"
        self.lines.append(f" d[{e.key!r}] = {name} = {source}")
        self.checks.append(content_check(e, name))

    def source(self, constants: Document) -> list[str]:
        """The whole function."""
        if "h" in self.table.elements:
            body, self.base, self.ahead = self.ahead, "", 0
            self.fixed([self.table.elements["h"]])
            self.ahead = body
        run: list[Element] = []
        for e in self.elements:
            if run and (e.length_bytes or (e.text, e.nibbles) != (run[0].text, run[0].nibbles)):
                self.fixed(run)
                run = []
            if e.length_bytes:
                self.variable(e)
            else:
                run.append(e)
        if run:
            self.fixed(run)
        checks = [f"len(data) == {_plus(self.base, self.ahead)}"]
        checks += [span.check("isdigit") for span in self.digits]
        checks += [span.check("isascii") for span in self.ascii]
        checks += self.checks
        order = {"h": ""} if "h" in self.table.elements else {}
        template = order | constants | {e.key: "" for e in self.elements}
        head = ["def layout(data):", *self._view_lines(), f" d = {self.names.of(template)}.copy()"]
        return [*head, *self.lines, f" if {' and '.join(checks)}:", "  return d", " raise ValueError"]


def _checked_alone(e: Element) -> bool:
    """True where an element's content is checked by itself rather than as part of a run of digits."""
    return (
        e.content in ("z", "x+n")
        or bool(e.content == "b" and e.text)
        or bool(e.content == "n" and not (e.text or e.nibbles))
    )


def decoder(table: Table, document: Document, start: int) -> Decode:
    """A decoder of messages with `document`'s MTI and bitmaps, whose elements begin at byte `start`."""
    numbers = sorted(int(k) for k in document if k not in ("h", "t", "p", "1"))
    constants = {k: v for k, v in document.items() if k in ("t", "p", "1")}
    writer = _DecodeWriter(table, [table.elements[str(n)] for n in numbers], start)
    made: Decode = compile_layout(writer.source(constants), f"{table.dialect} decode {document['t']}", writer.names)
    return made
