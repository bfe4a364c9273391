"""`cmi-switch capture`: what is in a capture, for people and for tests."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from switch.capture.talks import Talk


@click.group("capture")
def command() -> None:
    """Show what is in a capture, or export it.

    A capture is a pcapng or pcap file (Wireshark's, tcpdump's, or one of `cmi-switch serve --capture`), JSON lines as
    `export --jsonl` writes them, or a hex dump. The switch's own captures say how its links speak; for others give --dialect.

    \b
    Examples:
      cmi-switch capture show today.pcapng --port 8583
      cmi-switch capture show theirs.pcap --dialect cmi87 --where mti=0210 --where 'de39!=00'
      cmi-switch capture export today.pcapng --jsonl > today.jsonl
      cmi-switch capture export today.pcapng --pytest test_today.py --network morocco
    """


def _how(function: Callable[..., None]) -> Callable[..., None]:
    """The options that say what to read, and how it speaks."""
    for option in (
        click.option("--port", type=click.IntRange(1, 65_535), help="Only conversations with this port."),
        click.option(
            "--framing", metavar="NAME", help="What stands around each message. [default: as the file or dialect says]"
        ),
        click.option(
            "--dialect", metavar="NAME", help="A shipped dialect (`dialect --help` lists them), or a file's path."
        ),
        click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path)),
    ):
        function = option(function)
    return function


@command.command("show")
@_how
@click.option(
    "--where", "conditions", multiple=True, metavar="COND", help="Only messages with mti=0210, de39!=00, bin=950401 …"
)
@click.option("--full", is_flag=True, help="Every element of every message, as `decode` shows it.")
def show(
    file: Path, dialect: str | None, framing: str | None, port: int | None, conditions: tuple[str, ...], full: bool
) -> None:
    """Print the messages of a capture, a line each, secrets masked.

    Exit code 1 where something could not be read: a hole in a stream, a message that does not decode.

    \b
    Examples:
      cmi-switch capture show today.pcapng
      cmi-switch capture show theirs.pcap --dialect visa --port 5000 --full
    """
    from switch.capture.lines import Pairs, facts, line_of
    from switch.capture.talks import why_not
    from switch.cli._capture import talks_of
    from switch.cli._network import paint
    from switch.observe.where import WhereError, meets_all, parse_condition
    from switch.wire.describe import describe

    try:
        asked = [parse_condition(text) for text in conditions]
    except WhereError as error:
        raise click.UsageError(str(error)) from None
    wrong = False
    for talk in talks_of(file, dialect, framing, port):
        about = f"{talk.dialect.name}, {talk.framing}"
        click.echo(paint("place", f"{talk.link + '  ' if talk.link else ''}{talk.name}  ({about})"))
        pairs = Pairs()
        for message in talk.said:
            took_ns = pairs.response_time(message)
            wrong = wrong or bool(message.wrong)
            if not meets_all(asked, facts(talk.dialect, message, talk.link or talk.name, took_ns)):
                continue
            click.echo(line_of(talk.dialect, message, took_ns, paint))
            if message.wrong:
                click.echo(_indented(why_not(talk.dialect, message)))
            elif full:
                click.echo(_indented(describe(talk.dialect, message.document, paint)))
        for trouble in talk.troubles:
            wrong = True
            click.echo(paint("error", f"  {trouble}"))
    if wrong:
        raise SystemExit(1)


def _indented(text: str) -> str:
    return "\n".join(f"      {line}" for line in text.splitlines())


@command.command("export")
@_how
@click.option("--jsonl", "kind", flag_value="jsonl", help="A JSON object a message: time, side, hex, document.")
@click.option("--hex", "kind", flag_value="hex", help="A line of hex a message: > the client's, < the server's.")
@click.option("--pytest", "target", type=click.Path(dir_okay=False, path_type=Path), metavar="test_X.py",
              help="A test that replays it, and its messages beside it.")  # fmt: skip
@click.option("--network", default="", help="With --pytest: replay around the switch of this network file.")
@click.option("--to", default="", metavar="HOST:PORT", help="With --pytest: replay against this host.")
@click.option(
    "--clear", multiple=True, metavar="PREFIX", help="Keep messages of test cards that begin so (6 digits or more)."
)
def export(file: Path, dialect: str | None, framing: str | None, port: int | None, kind: str | None, target: Path | None,
           network: str, to: str, clear: tuple[str, ...]) -> None:  # fmt: skip
    """Write a capture's messages as JSON lines, hex, or a pytest file. Secrets are masked, lengths kept.

    \b
    Examples:
      cmi-switch capture export today.pcapng --jsonl | jq -c 'select(.document["39"] == "51")'
      cmi-switch capture export today.pcapng --hex --port 8583 > today.hex
      cmi-switch capture export today.pcapng --pytest tests/test_today.py --network morocco
    """
    from switch.capture.export import as_test, masked
    from switch.capture.talks import as_hex, as_lines
    from switch.cli._capture import clear_prefixes, talks_of

    if (kind is None) == (target is None):
        raise click.UsageError("say what to write: one of --jsonl, --hex, --pytest test_X.py")
    prefixes = clear_prefixes(clear)
    talks = masked(talks_of(file, dialect, framing, port), prefixes)
    if prefixes:
        click.echo(f"note: messages of test cards {', '.join(prefixes)} are written as they came", err=True)
    _say_troubles(talks)
    if target is not None:
        if not target.name.startswith("test_") or target.suffix != ".py":
            raise click.UsageError(f"pytest finds files called test_….py, not {target.name}")
        try:
            written = as_test(talks, target, file.name, network, to)
        except OSError as error:
            raise click.ClickException(f"{target}: {error.strerror}") from None
        click.echo(f"written: {', '.join(map(str, written))}; run it with `pytest {target}`")
        return
    for line in as_lines(talks) if kind == "jsonl" else as_hex(talks):
        click.echo(line)


def _say_troubles(talks: "list[Talk]") -> None:
    for talk in talks:
        for trouble in talk.troubles:
            click.echo(f"note: {talk.name}: {trouble}", err=True)
