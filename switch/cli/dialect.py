"""`cmi-switch dialect`: show, lint, compare, bring in, take out dialect files, and hold one against real traffic."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from switch.cli._dialects import check_framing
from switch.counting import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from switch.config.mistakes import Mistake
    from switch.wire import Dialect


@click.group("dialect")
def command() -> None:
    """Dialect files: how one kind of link writes its messages.

    A dialect is shipped, and given by its name: ascii87, base24, cmi87, cmi87b, ipm, ipm-ascii, iso2003, iso93, mastercard,
    unionpay, visa; or it is a file, given by its path (with a slash, or ending .json).

    \b
    Examples:
      cmi-switch dialect show visa                         a readable table
      cmi-switch dialect lint mine.json                    every mistake, with its line
      cmi-switch dialect diff cmi87 mine.json              how two differ
      cmi-switch dialect import packager.xml -o mine.json  from jPOS, moov-io, j8583, pyiso8583
      cmi-switch dialect export visa --lua -o visa.lua     a Wireshark dissector
      cmi-switch dialect drift capture.hex --dialect visa  what real messages use beyond it
    """


def _load(name: str) -> "Dialect":
    from switch.wire import Dialect, DialectError

    try:
        return Dialect.load(name)
    except DialectError as error:
        told = f"\nsee: cmi-switch dialect lint {name}" if len(error.mistakes) > 1 else ""
        raise click.UsageError(f"{error}{told}") from None


def _read(path: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}") from None


def _write(output: str, text: str) -> None:
    if output == "-":
        click.echo(text, nl=False)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}") from None


def _render(mistakes: "Iterable[Mistake]", *, err: bool = False) -> None:
    from switch.cli._network import paint

    for n, mistake in enumerate(mistakes):
        text = ("\n" if n else "") + mistake.render(paint)
        click.echo(text.encode("utf-8", "backslashreplace").decode(), err=err)


@command.command("show")
@click.argument("name", metavar="NAME|FILE")
@click.option(
    "--element", "-e", "wanted", multiple=True, metavar="N", help="Only this element: 2 to 128, h, t. May be repeated."
)
def show(name: str, wanted: tuple[str, ...]) -> None:
    """Show a dialect: number, name, form, content and encoding of every element, and its subfields.

    \b
    Examples:
      cmi-switch dialect show cmi87
      cmi-switch dialect show visa -e 62 -e 126
    """
    from switch.cli._network import paint
    from switch.dialects.table import show as table

    dialect = _load(name)
    keys = {key.removeprefix("DE") for key in wanted}
    lacking = sorted(keys - dialect.elements.keys())
    if lacking:
        raise click.UsageError(f"{dialect.name} has no element {', '.join(lacking)}")
    click.echo(table(dialect, paint, lambda key: not keys or key in keys))


@command.command("lint")
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
def lint(files: tuple[str, ...]) -> None:
    """Find every mistake in dialect files, each with file, line and column, and a caret under what is wrong.

    \b
    Examples:
      cmi-switch dialect lint mine.json
      cmi-switch dialect lint specs/dialects/*.json

    Exit code: 0 all are right, 1 a file has mistakes.
    """
    from switch.dialects.lint import lint as check

    count = 0
    for name in files:
        found = check(name, _read(name))
        if count and found:
            click.echo()
        _render(found)
        count += len(found)
        if not found:
            click.echo(f"{name}: right", err=True)
    if count > 1:
        click.echo(f"\n{counted(count, 'mistake')}")
    if count:
        sys.exit(1)


@command.command("diff")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--json", "as_json", is_flag=True, help="One difference a line, as JSON.")
def diff(a: str, b: str, as_json: bool) -> None:
    """Say how two dialects differ, element by element.

    A * marks what is seen on the wire: other bytes for the same value, or a value that one takes and the other refuses.

    \b
    Examples:
      cmi-switch dialect diff cmi87 mastercard
      cmi-switch dialect diff cmi87 mine.json --json

    Exit code: 0 they are the same, 1 they differ, 2 a wrong option or file.
    """
    import msgspec

    from switch.cli._network import paint
    from switch.dialects.compare import as_text, differences

    found = differences(_load(a), _load(b))
    if as_json:
        for difference in found:
            click.echo(json.dumps(msgspec.to_builtins(difference), ensure_ascii=False))
    else:
        click.echo(as_text(a, b, found, paint))
    if found:
        sys.exit(1)


@command.command("import")
@click.argument("file", metavar="FILE")
@click.option(
    "--from",
    "kind",
    type=click.Choice(["jpos", "jpos-class", "moov", "j8583", "pyiso8583"]),
    help="What the file is; guessed when left out.",
)
@click.option("--name", metavar="NAME", help="The dialect's name; the file's when left out.")
@click.option(
    "--wire",
    type=click.Choice(["text", "binary", "binary-bitmap"]),
    help="j8583, whose files do not say it: all is text, BCD and raw bytes, or text but for raw bitmaps.",
)
@click.option("--framing", metavar="NAME", default="length2", show_default=True, help="What its links are framed with.")
@click.option(
    "--header", metavar="BYTES", type=click.IntRange(0, 9999), default=0, help="Bytes of a header before the MTI."
)
@click.option(
    "--version", type=click.Choice(["0", "1", "2"]), default="0", show_default=True, help="0: 1987, 1: 1993, 2: 2003."
)
@click.option("--family", metavar="NAME", help="Whose forms these are, for links: cmi, iso93, visa, mastercard.")
@click.option(
    "--skip", is_flag=True, help="Leave out elements that cannot be said in a dialect, instead of refusing the file."
)
@click.option("--output", "-o", metavar="FILE", default="-", help="Where to; standard output when left out.")
def import_(file: str, output: str, **options: Any) -> None:
    """Make a dialect file of what another library has: jPOS, moov-io/iso8583, j8583, pyiso8583.

    Read are jPOS packagers (XML, Java and Kotlin classes), moov JSON specs, j8583 XML, pyiso8583 specs (Python, JSON).
    What comes along differently is told on standard error. No code is run, nothing is fetched, XML entities are refused.

    \b
    Examples:
      cmi-switch dialect import iso87ascii.xml -o mine.json
      cmi-switch dialect import packager.xml --framing tpdu --header 5 --family cmi -o mine.json
      cmi-switch dialect import spec.json --from moov --name partner -o partner.json
      cmi-switch dialect import j8583.xml --wire binary -o mine.json

    Exit code: 0 written, 1 the file says what a dialect cannot, 2 a wrong option.
    """
    import msgspec

    from switch.dialects import kinds
    from switch.dialects.foreign import Wanted

    framing = options["framing"]
    check_framing(framing)
    content = _read(file)
    family, wire, skip = options["family"], options["wire"], options["skip"]
    wanted = Wanted(
        options["name"] or Path(file).stem,
        framing,
        options["header"],
        options["version"],
        skip,
        family=_family(family),
        text=None if wire is None else wire != "binary",
        raw_bitmap=wire == "binary-bitmap",
    )
    brought = kinds.read(file, content, wanted, options["kind"])
    _render(brought.notes, err=True)
    if not brought.text:
        _render(brought.mistakes, err=True)
        left = sum(bool(m.line) for m in brought.mistakes)
        rest = msgspec.structs.replace(wanted, skip=True)
        if left and not skip and kinds.read(file, content, rest, options["kind"]).text:
            click.echo(f"\nnothing is written; --skip leaves out the {left} that cannot be said", err=True)
        sys.exit(1)
    _check_links(brought.text, family)
    _write(output, brought.text)


def _family(name: str | None) -> str:
    """The family asked for, if there is one of the name; "": none was."""
    from switch.config.mistakes import did_you_mean
    from switch.core.messages.translator import FAMILIES

    if name is not None and name not in FAMILIES:
        hint = did_you_mean(name, FAMILIES)
        raise click.UsageError(
            f"no family is called {name!r}; there are {', '.join(FAMILIES)}{f'; {hint}' if hint else ''}"
        )
    return name or ""


def _check_links(text: str, family: str | None) -> None:
    """Whether a link can speak what was brought in: refused where a family was asked for that it is not, else told."""
    from switch.config.dialects import missing_elements
    from switch.core.messages.translator import translator_for
    from switch.wire import Dialect

    if family is None:
        click.echo(
            "no link can speak it yet: --family says whose forms it has (cmi for those of the standard)", err=True
        )
        return
    dialect = Dialect.from_spec(json.loads(text))
    try:
        translator_for(dialect, "", "")
    except ValueError as error:
        raise click.ClickException(f"nothing is written: it is not of family {family}: {error}") from None
    lacking = missing_elements(dialect)
    if lacking:
        click.echo(f"no link can speak it yet: it lacks {', '.join(lacking)}, which a link needs", err=True)


@command.command("export")
@click.argument("name", metavar="NAME|FILE")
@click.option("--jpos", "kind", flag_value="jpos", help="A jPOS GenericPackager XML file.")
@click.option("--lua", "kind", flag_value="lua", help="A Wireshark dissector.")
@click.option("--framing", metavar="NAME", help="For --lua: what is around messages; the dialect's own when left out.")
@click.option("--port", "ports", metavar="N", type=click.IntRange(1, 65_535), multiple=True,
              help="For --lua: a TCP port that speaks it. May be repeated.")  # fmt: skip
@click.option("--output", "-o", metavar="FILE", default="-", help="Where to; standard output when left out.")
def export(name: str, kind: str | None, framing: str | None, ports: tuple[int, ...], output: str) -> None:
    """Write a dialect as a jPOS packager file, or as a Wireshark dissector.

    \b
    Examples:
      cmi-switch dialect export cmi87 --jpos -o cmi87.xml
      cmi-switch dialect export visa --lua -o visa.lua
      tshark -X lua_script:visa.lua -d tcp.port==8584,iso8583_visa -r capture.pcapng

    The dissector hides PIN, track data and card values unless its preference "secrets" is on.
    """
    dialect = _load(name)
    if kind is None:
        raise click.UsageError("say what to write: --jpos or --lua")
    if dialect.both:
        raise click.UsageError(f"{dialect.name} has both bitmaps in every message, which neither format can say")
    if kind == "jpos":
        from switch.dialects.jpos_write import write

        text, notes = write(dialect)
        for note in notes:
            click.echo(note, err=True)
    else:
        from switch.dialects import lua

        check_framing(framing)
        if (framing or dialect.framing) == "gzip":
            raise click.UsageError("a dissector cannot unpack gzip: name another framing with --framing")
        text = lua.write(dialect, framing or dialect.framing, ports)
    _write(output, text)


_CAPTURES = (b"\x0a\x0d\x0d\x0a", b"\xa1\xb2\xc3\xd4", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1")
"""How pcapng and pcap files begin."""


def _captured(file: str, framing: str, port: int) -> "Iterator[bytes]":
    """The messages of a capture's connections, both directions. What cannot be cut is told on standard error."""
    from switch.capture.pcapng import Reading
    from switch.capture.reassembly import conversations
    from switch.wire.framing import FramingError, make_framing

    reading = Reading(Path(file))
    for conversation in conversations(reading, port):
        for side in (True, False):
            cutter, trouble = make_framing(framing), ""
            for chunk in conversation.chunks:
                if chunk.from_client is not side or trouble:
                    continue
                try:
                    yield from cutter.feed(chunk.data)
                except FramingError as error:
                    yield from error.frames
                    trouble = str(error)
                if chunk.missing:
                    trouble = f"{chunk.missing} bytes were not captured"
            if trouble:
                who = "client" if side else "server"
                click.echo(f"{file}: {conversation.name}: the {who}'s stream is read no further: {trouble}", err=True)
    if reading.trouble:
        click.echo(f"{file}: {reading.trouble}", err=True)


@command.command("drift")
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@click.option("--dialect", "name", required=True, metavar="NAME|FILE", help="The dialect the messages should be in.")
@click.option("--framing", metavar="NAME", help="The files are streams of frames: length2, tpdu …")
@click.option(
    "--port", type=click.IntRange(1, 65_535), default=None, help="Of a capture, only connections with this port."
)
@click.option("--json", "as_json", is_flag=True, help="One finding a line, as JSON.")
def drift(files: tuple[str, ...], name: str, framing: str | None, port: int | None, as_json: bool) -> None:
    """Report what real messages use and their dialect does not know.

    Elements it lacks, subfields and tags it does not name, values of another content, values that do not divide, lengths at
    their limit. FILE is a capture (pcapng, pcap); hex, a message a line; JSON lines, each a document or an object with "hex"
    or "message"; or, with --framing, the bytes of a stream (or their hex). - is standard input.

    \b
    Examples:
      cmi-switch dialect drift monday.hex --dialect cmi87
      cmi-switch dialect drift monday.pcapng --dialect cmi87 --port 8583
      cmi-switch dialect drift stream.bin --dialect visa --framing base1

    Exit code: 0 no drift, 1 drift, 2 a file or option is wrong.
    """
    import msgspec

    from switch.cli._network import paint
    from switch.dialects.drift import Drift, as_text, messages

    dialect = _load(name)
    found = Drift(dialect)
    for file in files:
        try:
            content = _read(file)
            captured = file != "-" and content[:4] in _CAPTURES
            seen = _captured(file, framing or dialect.framing, port or 0) if captured else messages(content, framing)
            for message in seen:
                found.see(message)
        except ValueError as error:
            raise click.UsageError(f"{file}: {error}") from None
    findings = found.findings()
    if as_json:
        for finding in findings:
            click.echo(json.dumps(msgspec.to_builtins(finding), ensure_ascii=False))
    else:
        click.echo(as_text(dialect, found.count, findings, paint))
    if findings:
        sys.exit(1)
