"""Source of encoders: documents of one layout as a message's bytes (`layout_source.py` says what one promises)."""

from collections.abc import Iterator
from operator import itemgetter

from switch.wire import careful
from switch.wire.careful import Table
from switch.wire.element import Element, Encoding
from switch.wire.layout_source import Encode, Names, compile_layout, content_check
from switch.wire.lengths import prefixes_of
from switch.wire.vocabulary import Document


class _Part:
    """A piece of a message: source of a str (or, kind "raw", of bytes). Kinds: an encoding's name, "hex", "raw"."""

    def __init__(self, kind: str, source: str, digits: bool = False, sure: bool = True) -> None:
        self.kind, self.source, self.digits, self.sure = kind, source, digits, sure


class _EncodeWriter:
    """Source of an encoder."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.names = Names()
        self.encodings: dict[str, Encoding] = {}
        self.parts: list[_Part] = []
        self.checks: list[str] = []
        self.runs: list[str] = []

    def kind(self, encoding: Encoding | None) -> str:
        if encoding is None:
            return "hex"
        self.encodings[encoding.name] = encoding
        return encoding.name

    def constant(self, e: Element, value: str) -> None:
        """The MTI or a bitmap, the same in every message of the layout."""
        self.parts.append(_Part(self.kind(e.text), repr(value)))

    def element(self, e: Element) -> None:
        name, kind = f"v{e.key}", self.kind(e.text)
        if e.length_bytes:
            prefix_kind = self.kind(e.length) if e.length else "raw" if e.text else "hex"
            digits = bool(e.length) or (prefix_kind == "hex" and e.length_bcd and (e.left_pad or "0").isdecimal())
            self.parts.append(_Part(prefix_kind, f"{self.names.of(prefixes_of(e))}[len({name})]", digits))
            if e.length and e.left_pad:
                self.parts.append(_Part(kind, f"{('', e.left_pad)!r}[len({name}) & 1]"))
        else:
            self.checks.append(f"len({name}) == {e.digits}")
            if e.nibbles and e.size & 1 and e.left_pad:
                self.parts.append(_Part(kind, repr(e.left_pad), e.left_pad.isdecimal()))
        self.parts.append(_Part(kind, name, e.content == "n", sure=not e.length_bytes))
        if e.nibbles and e.right_pad:
            pad = f"{('', e.right_pad)!r}[len({name}) & 1]" if e.length_bytes else repr(e.right_pad * (e.size & 1))
            self.parts.append(_Part(kind, pad))
        if e.content in ("z", "x+n") or (e.content == "b" and e.text):
            self.checks.append(content_check(e, name))

    def segments(self) -> Iterator[str]:
        """Sources of bytes: neighbours of one kind joined, in them runs of digits joined first and checked as one."""
        i = 0
        while i < len(self.parts):
            j = i
            while j < len(self.parts) and self.parts[j].kind == self.parts[i].kind:
                j += 1
            if self.parts[i].kind == "raw":
                yield from (part.source for part in self.parts[i:j])
            else:
                yield self.segment(self.parts[i:j])
            i = j

    def segment(self, parts: list[_Part]) -> str:
        sources: list[str] = []
        i = 0
        while i < len(parts):
            j = i
            while j < len(parts) and parts[j].digits:
                j += 1
            if not any(part.source.startswith("v") for part in parts[i:j]):
                sources.append(parts[i].source)
                i += 1
                continue
            if j - i == 1:
                run = parts[i].source
            else:
                run = f"r{len(self.runs)}"
                self.runs.append(f" {run} = {_joined([part.source for part in parts[i:j]])}")
            sure = any(part.sure for part in parts[i:j])
            method = "encode().isdigit" if j - i > 2 else "isdecimal"  # bytes are asked faster, but have to be made
            self.checks.append(f"{run}.{method}()" if sure else f"({run} or '0').{method}()")
            sources.append(run)
            i = j
        kind = parts[0].kind
        text = sources[0] if len(sources) == 1 and kind != "hex" else _joined(sources)
        if kind == "hex":
            return f"A2B({text})"
        encoding = self.encodings[kind]
        translate = f".translate({self.names.of(encoding.from_latin)})" if encoding.from_latin else ""
        return f"{text}.encode({'ascii' if encoding.ascii else 'latin-1'!r}){translate}"

    def source(self, keys: list[str], mti: str) -> list[str]:
        """The whole function, for a document with these keys."""
        elements = self.table.elements
        numbers = sorted(int(k) for k in keys if k not in ("h", "t", "p", "1"))
        taken = ["h"] * ("h" in elements) + [str(n) for n in numbers]
        ignored = [k for k in keys if k not in taken and k != "t"]
        if "h" in elements:
            self.element(elements["h"])
        primary, secondary = careful.bitmaps_of(numbers, self.table.both)
        self.constant(elements["t"], mti)
        self.constant(elements["p"], primary)
        if secondary:
            self.constant(elements["1"], secondary)
        for n in numbers:
            self.element(elements[str(n)])
        segments = list(self.segments())
        targets = [f"v{k}" for k in taken] + ["_"] * len(ignored)
        get = self.names.of(itemgetter(*taken, *ignored))
        whole = segments[0] if len(segments) == 1 else f"JB(({', '.join(segments)}))"
        checks = " and ".join(self.checks) or "True"
        return [
            "def layout(document):",
            f" {', '.join(targets)} = {get}(document)",
            *self.runs,
            f" if {checks}:",
            f"  return {whole}",
            " raise ValueError",
        ]


def _joined(sources: list[str]) -> str:
    """Source of the strings put together; anything in them that is no str raises TypeError."""
    merged: list[str] = []
    for source in sources:
        if merged and merged[-1][0] == source[0] == "'":
            merged[-1] = merged[-1][:-1] + source[1:]
        elif source != "''":
            merged.append(source)
    return f"J(({', '.join(merged)},))" if merged else "''"


def encoder(table: Table, document: Document) -> Encode | None:
    """An encoder of documents with `document`'s keys and MTI; None where there is nothing in them to compile."""
    keys = list(document)
    if len(keys) < 3:
        return None
    writer = _EncodeWriter(table)
    made: Encode = compile_layout(
        writer.source(keys, document["t"]), f"{table.dialect} encode {document['t']}", writer.names
    )
    return made
