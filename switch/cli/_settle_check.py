"""`cmi-switch settle --check FILE`: a settlement file that somebody sends back, held against the ledger, field by field.

The file is made again, aside, from the ledger; what it should be is then known to the byte, and each field that differs is said
with both values. Nothing is moved, or kept, for a file that is checked.
"""

import csv
import re
import tempfile
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

import click

if TYPE_CHECKING:
    from switch.cli._settle_entries import SettledWindow

SHOWN: Final = 20
"""differences at most"""
XML_BYTES_MAX: Final = 64 << 20
XML_DEPTH_MAX: Final = 32
_NAME: Final = re.compile(r"(\d{4}-\d\d-\d\d)-(\d+)\..+\.(?:(pacs\.029|pacs\.009|camt\.053|camt\.054)\.xml|(\w+)\.csv)")
_FORMS: Final = {"clearing": "clearing", "bilateral": "networks"}


def form_and_window(path: Path) -> tuple[str, str]:
    """What a file is by its name: form, and window as `--window` takes it. ClickException: none that is compared."""
    if path.suffix == ".ipm":
        raise click.ClickException(
            f"{path.name} is a card network's file, and none that is compared field by field: write it again with "
            "`settle --as ipm --out DIR`, and compare the bytes (cmp); what is in it shows `cmi-switch decode`"
        )
    found = _NAME.fullmatch(path.name)
    form = (found[3] or _FORMS.get(found[4], "")) if found else ""
    if not found or not form:
        raise click.ClickException(
            f"{path.name} is no name of a settlement file: expected one as `settle --as` gives it, such as "
            "2026-11-27-1.atlas.MAD.clearing.csv"
        )
    return form, f"{found[1]}/{found[2]}"


def check(path: Path, form: str, settled: "SettledWindow") -> None:
    """Compare a file with what the ledger makes of its window. ClickException: it differs, or there is no such file."""
    from switch.cli._settle_files import make

    with tempfile.TemporaryDirectory(prefix="settle-check-") as aside:
        names = make([form], Path(aside), settled)
        if path.name not in names:
            listed = ", ".join(sorted(names)) or "none"
            raise click.ClickException(
                f"{path.name} is no file of window {settled.window} in the form {form}; there are: {listed}"
            )
        compare = _xml if path.suffix == ".xml" else _rows
        try:
            differing = list(_first(compare(path, Path(aside) / path.name)))
        except OSError as error:
            raise click.ClickException(f"{path}: {error.strerror or error}") from None
    if differing:
        shown = "\n  ".join(differing[:SHOWN])
        more = f"\n  and more: the first {SHOWN} are shown" if len(differing) > SHOWN else ""
        raise click.ClickException(f"{path} is refused whole; it is not what the ledger has:\n  {shown}{more}")
    click.echo(f"{path}: as the ledger has it, to the byte")


def _first(differing: Iterator[str]) -> Iterator[str]:
    """As many as are shown, and one more."""
    for number, said in enumerate(differing):
        if number > SHOWN:
            return
        yield said


def _rows(path: Path, wanted: Path) -> Iterator[str]:
    """Of two files of comma-separated values."""
    from switch.ledger import bilateral, clearing

    columns = {"H": clearing.HEADER, "R": clearing.ROW, "T": clearing.TRAILER}
    if wanted.name.endswith(".bilateral.csv"):
        columns = {"H": bilateral.HEADER, "R": bilateral.ROW, "N": bilateral.NET, "T": bilateral.TRAILER}
    same = True
    with path.open(encoding="utf-8", errors="replace", newline="") as one, wanted.open(newline="") as other:
        for number, said, ours in _aligned(_readable(csv.reader(one)), csv.reader(other)):
            same = False
            if said is None or ours is None:
                row = ",".join(said or ours or ())
                yield f"line {number}: {'the ledger' if said is None else 'the file'} has one more: {row}"
                continue
            names = columns.get(ours[0], ())
            for name, a, b in zip_longest(names, said, ours):
                if a != b:
                    yield f"line {number}, {name or 'a field too many'}: the file says {a}, the ledger {b}"
    if same and path.read_bytes() != wanted.read_bytes():
        yield "its fields are those of the ledger, its bytes are not: other ends of lines, or quotes"


def _readable(rows: "Iterator[list[str]]") -> Iterator[list[str]]:
    """The rows of a file, up to one that cannot be read as such: that stands there as the reason."""
    try:
        yield from rows
    except csv.Error as error:
        yield [f"({error})"]


def _aligned(
    said: Iterator[list[str]], ours: Iterator[list[str]]
) -> Iterator[tuple[int, list[str] | None, list[str] | None]]:
    """Lines that differ: the number of the file's, its fields, the ledger's; None where one of them has a line more."""
    number, a, b = 1, next(said, None), next(ours, None)
    while a is not None or b is not None:
        if a == b:
            a, b, number = next(said, None), next(ours, None), number + 1
            continue
        next_a, next_b = next(said, None), next(ours, None)
        if b is not None and a == next_b:
            yield number, None, b
            a, b, number = next_a, next(ours, None), number + 1
        elif a is not None and b == next_a:
            yield number, a, None
            a, b, number = next(said, None), next_b, number + 2
        else:
            yield number, a, b
            a, b, number = next_a, next_b, number + 1


def _xml(path: Path, wanted: Path) -> Iterator[str]:
    """Of two documents."""
    if path.stat().st_size > XML_BYTES_MAX:
        yield f"it has more than {XML_BYTES_MAX:,} bytes"
        return
    data = path.read_bytes()
    if b"<!" in data:
        yield "it has a document type, an entity or a comment, which no settlement file has"
        return
    try:
        said = dict(_flat(ET.fromstring(data)))  # noqa: S314 - without a document type there is nothing to expand
    except (ET.ParseError, ValueError, LookupError) as error:  # the latter two: an encoding that no parser knows
        yield f"it is no XML: {error}"
        return
    ours = dict(_flat(ET.fromstring(wanted.read_bytes())))  # noqa: S314 - our own
    for where in dict.fromkeys([*ours, *said]):
        if said.get(where) != ours.get(where):
            yield f"{where}: the file says {said.get(where)}, the ledger {ours.get(where)}"
    if said == ours and data != wanted.read_bytes():
        yield "its elements are those of the ledger, its bytes are not"


def _flat(element: ET.Element, above: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """(path, text) of each element; attributes behind an @. What is nested deeper than any settlement file is left out."""
    yield above or element.tag, "more within" if depth > XML_DEPTH_MAX else (element.text or "").strip()
    if depth > XML_DEPTH_MAX:
        return
    for name, value in element.attrib.items():
        yield f"{above}@{name}", value
    seen: dict[str, int] = {}
    for child in element:
        tag = child.tag.rpartition("}")[2]
        seen[tag] = seen.get(tag, 0) + 1
        yield from _flat(child, f"{above}/{tag}[{seen[tag]}]", depth + 1)
