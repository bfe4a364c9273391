"""Messages with a fault planted: one element in another form, one that is announced and absent, and so on; bare and framed.

`python -m tests.doctor.planted` runs them all, and prints for each kind of fault how many of them are named first, or at all.
"""

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

import msgspec

from switch.doctor.diagnosis import Configured, Findings
from switch.doctor.tables import Spoken, variants
from switch.wire import Dialect, Document, EncodeError
from switch.wire.careful import Table, encode
from switch.wire.element import Element, encoding
from tests.doctor.sent import ALL_KNOWN, SHIPPED, body, documents, framed

SEED = 20
ASCII, LATIN = encoding("ascii"), encoding("latin-1")
Bend = Callable[[Element, Dialect], Element | None]


class Planted(NamedTuple):
    """A message and what is wrong with it."""

    kind: str
    dialect: Dialect
    keys: tuple[str, ...]
    """the elements to name"""
    message: bytes
    """with the header that the dialect has"""
    header: bytes = b""
    """one that stands before it besides"""


def _length(size: int, length: str) -> Bend:
    def bend(e: Element, dialect: Dialect) -> Element | None:
        if not e.length_bytes or dialect.elements["2"].length is None:
            return None
        text = e.length if length == "text" else None
        most = {"text": 10**size, "bcd": 100**size, "binary": 256**size}[length] - 1
        made = msgspec.structs.replace(
            e, length=text, length_bcd=length == "bcd", length_bytes=size, size=min(e.size, most)
        )
        same = (made.length, made.length_bcd, made.length_bytes) == (e.length, e.length_bcd, e.length_bytes)
        return None if same or (size == 1 and length == "text") else made

    return bend


def _size(by: int) -> Bend:
    def bend(e: Element, dialect: Dialect) -> Element | None:
        fixed = not e.length_bytes and not e.nibbles and e.content in ("an", "ans", "n") and e.size > 2
        return msgspec.structs.replace(e, size=e.size + by) if fixed else None

    return bend


BENDS: dict[str, Bend] = {
    "one longer": _size(1),
    "three longer": _size(3),
    "LLL for LLLL": _length(4, "text"),
    "LL or LLL": lambda e, d: _length(5 - e.length_bytes, "text")(e, d) if e.length_bytes in (2, 3) else None,
    "BCD length": _length(1, "bcd"),
    "binary length": _length(1, "binary"),
    "binary length of two": _length(2, "binary"),
}


def _value(e: Element, value: str) -> str:
    """A value of an element's new size."""
    return (
        value
        if e.length_bytes or len(value) >= e.digits
        else value + ("7" if e.content == "n" else "X") * (e.digits - len(value))
    )


def one_bent() -> Iterator[Planted]:
    """One element in another form."""
    for kind, bend in BENDS.items():
        for dialect in SHIPPED.values():
            for document in documents(dialect):
                for key in _keys(document):
                    made = bend(dialect.elements[key], dialect)
                    if made is not None:
                        yield from written(kind, dialect, document, {key: made})


def two_bent() -> Iterator[Planted]:
    """Two elements that are not neighbours, each in another form."""
    rng = Random(SEED)
    for dialect in SHIPPED.values():
        for document in documents(dialect):
            for _ in range(6):
                made: dict[str, Element] = {}
                for key in rng.sample(_keys(document), len(_keys(document))):
                    bent = rng.choice(list(BENDS.values()))(dialect.elements[key], dialect)
                    if bent is not None and all(abs(int(key) - int(other)) > 3 for other in made):
                        made[key] = bent
                    if len(made) == 2:
                        yield from written("two faults", dialect, document, made)
                        break


def habit_and_one() -> Iterator[Planted]:
    """The whole dialect with another habit (bitmaps, character set, digits), and one element in another form besides."""
    for dialect in SHIPPED.values():
        for spoken in variants(dialect):
            if len(spoken.changed) != 1 or spoken.changed[0] == "binary":
                continue
            for document in documents(dialect)[1:4]:
                values = _in_habit(spoken, document)
                for key in _keys(values):
                    for kind in ("one longer", "LLL for LLLL", "LL or LLL"):
                        made = BENDS[kind](spoken.table.elements[key], dialect)
                        if made is not None:
                            elements = {**spoken.table.elements, key: made}
                            changed = values | {key: _value(made, values[key])}
                            try:
                                message = encode(Table("x", elements), _bare(changed))
                            except EncodeError:
                                continue
                            yield Planted("habit and one", dialect, (key,), _header(document) + message)


def _in_habit(spoken: Spoken, document: Document) -> Document:
    packed = spoken.table.elements["35"].nibbles
    values = {k: v for k, v in document.items() if k != "55"}
    if "35" in values:
        values["35"] = values["35"].replace("=", "D") if packed else values["35"].replace("D", "=")
    return values


def absent() -> Iterator[Planted]:
    """A bit is set, and its element is not there."""
    for dialect in SHIPPED.values():
        for document in documents(dialect):
            for key in _keys(document):
                if key not in ("2", "3", "11"):
                    elements = {k: e for k, e in dialect.elements.items() if k != "h"}
                    elements[key] = _nothing(elements[key])
                    yield Planted(
                        "absent",
                        dialect,
                        (key,),
                        _header(document) + encode(Table("x", elements), _bare(document) | {key: ""}),
                    )


def _nothing(e: Element) -> Element:
    """An element of no bytes."""
    bare = msgspec.structs.replace(e, length_bytes=0, size=0, nibbles=False, text=ASCII, content="ans")
    return msgspec.structs.replace(bare, left_pad="", right_pad="")


def signless() -> Iterator[Planted]:
    """A fee without its sign."""
    for dialect in SHIPPED.values():
        e = dialect.elements.get("28")
        if e is None or e.text is None:
            continue
        for document in documents(dialect)[1:5]:
            if dialect.family == "iso93":
                continue
            for size, value in ((8, "00000150"), (9, "000000150")):
                made = msgspec.structs.replace(e, content="n", size=size)
                yield from written("no sign", dialect, document | {"28": value}, {"28": made})


def accents() -> Iterator[Planted]:
    """One Latin-1 byte in ASCII text."""
    for dialect in SHIPPED.values():
        for document in documents(dialect):
            for key in ("43", "42", "48", "44"):
                e = dialect.elements.get(key)
                if e is not None and e.text is not None and e.text.ascii and e.content != "n":
                    value = "CAFÉ DES AMIS CASABLANCA MA"
                    value = value.ljust(e.digits)[: e.digits] if not e.length_bytes else value[:20]
                    if key == "48":
                        value = "0106CAFÉ01"
                    made = msgspec.structs.replace(e, text=LATIN)
                    yield from written("Latin-1", dialect, document | {key: value}, {key: made})


def headers() -> Iterator[Planted]:
    """A header nobody configured, and one odd element behind it."""
    for header in (bytes.fromhex("6001230000"), b"ISO026000050"):
        for planted in one_bent():
            if planted.kind in ("one longer", "BCD length", "LLL for LLLL") and "h" not in planted.dialect.elements:
                yield planted._replace(kind="header and one", header=header)


def bitmaps() -> Iterator[Planted]:
    """Bit 65 set; bit 1 set and no second bitmap."""
    for dialect in SHIPPED.values():
        raw = dialect.elements["p"].text is None
        for document in documents(dialect):
            message = bytearray(body(dialect, document))
            at = dialect.elements["t"].size
            second = at + dialect.elements["p"].size
            has = any(int(k) > 64 for k in document if k.isdecimal())
            if has:
                first = message[second] if raw else int(chr(message[second]), 16) if _ascii(dialect) else None
                if first is None:
                    continue
                set_ = first | (0x80 if raw else 8)
                message[second] = set_ if raw else ord(f"{set_:X}")
                yield Planted("bit 65", dialect, ("65",), _header(document) + bytes(message))
            elif raw or _ascii(dialect):
                first = message[at] if raw else int(chr(message[at]), 16)
                set_ = first | (0x80 if raw else 8)
                message[at] = set_ if raw else ord(f"{set_:X}")
                yield Planted("bit 1", dialect, ("bit 1",), _header(document) + bytes(message))


def _ascii(dialect: Dialect) -> bool:
    text = dialect.elements["p"].text
    return text is not None and text.to_latin is None


def _keys(document: Document) -> list[str]:
    return [key for key in document if key.isdecimal()]


def _bare(document: Document) -> Document:
    return {k: v for k, v in document.items() if k != "h"}


def _header(document: Document) -> bytes:
    header = document.get("h", "")
    return header.encode() if header.startswith("ISO") else bytes.fromhex(header)


def written(kind: str, dialect: Dialect, document: Document, bent: dict[str, Element]) -> Iterator[Planted]:
    """A document with these elements in another form; none where it cannot be written so."""
    values = {k: _value(bent[k], v) if k in bent else v for k, v in document.items()}
    try:
        message = body(dialect, values, {**dialect.elements, **bent})
    except EncodeError:
        return  # too long for its length
    yield Planted(kind, dialect, tuple(bent), _header(document) + message)


ALL = (one_bent, two_bent, habit_and_one, absent, signless, accents, headers, bitmaps)


def examined(planted: Planted, how: str) -> Findings:
    """`bare`: pasted with nothing but the dialect said; `framed`: behind the framing that is configured."""
    dialect, message = planted.dialect, planted.header + planted.message
    if how == "bare":
        return ALL_KNOWN.examine(message, Configured("", dialect))
    framing = dialect.framing if not planted.header else "length2"
    return ALL_KNOWN.examine(framed(framing, [message]), Configured(framing, dialect))


def names(planted: Planted, findings: Findings) -> str:
    """`first`, `listed` or `no`: whether all that is wrong is named."""
    for n, diagnosis in enumerate(findings.diagnoses):
        said = diagnosis.sentence
        if all(
            re.search(key if key.startswith("bit") else rf"(DE|bit ){key}\b", said, re.IGNORECASE)
            for key in planted.keys
        ):
            return "listed" if n else "first"
    return "no"


def main() -> None:
    """Run them all."""
    every = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    for how in ("bare", "framed"):
        counts: dict[str, Counter[str]] = {}
        for n, planted in enumerate(p for make in ALL for p in make()):
            if n % every:
                continue
            counts.setdefault(planted.kind, Counter())[names(planted, examined(planted, how))] += 1
        for kind, found in counts.items():
            sys.stdout.write(f"{how:7}{kind:22}{found['first']:5}{found['listed']:5}{found['no']:5}\n")


if __name__ == "__main__":
    main()
