"""Manual pages in roff, made of what the commands say of themselves: their help, arguments and options."""

import re
from collections.abc import Iterator
from inspect import cleandoc
from typing import Final

import click

SECTION: Final = "1"


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Context]]:
    """A command and all below it: `cmi-switch keys list`, with its context."""
    context = click.Context(command, info_name=name.rpartition(" ")[2])
    yield name, context
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None and not found.hidden:
                yield from commands(found, f"{name} {below}")


def page(name: str, context: click.Context, version: str, beside: list[str]) -> str:
    """The page of one command. `beside`: pages to look at, too."""
    command = context.command
    title = name.replace(" ", "-")
    lines = [
        f'.TH "{title.upper()}" "{SECTION}" "" "cmi-switch {version}" "User Commands"',
        ".ad l",
        ".SH NAME",
        f"{_text(title)} \\- {_text(_first_sentence(command))}",
        ".SH SYNOPSIS",
        f".B {_text(name)}",
        _text(" ".join(command.collect_usage_pieces(context))),
        ".SH DESCRIPTION",
        *_paragraphs(command.help or ""),
    ]
    records = (parameter.get_help_record(context) for parameter in command.get_params(context))
    options = [record for record in records if record and record[1]]
    if options:
        lines.append(".SH OPTIONS")
        for names, said in options:
            lines += [".TP", f"\\fB{_text(names)}\\fR", *_lines(said)]
    if isinstance(command, click.Group):
        lines.append(".SH COMMANDS")
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None and not found.hidden:
                lines += [".TP", f"\\fB{_text(title)}-{_text(below)}\\fR(1)", *_lines(_first_sentence(found))]
    if beside:
        lines += [".SH SEE ALSO", ",\n".join(f".BR {_text(other)} (1)" for other in beside)]
    return "\n".join(lines) + "\n"


def _first_sentence(command: click.Command) -> str:
    return command.get_short_help_str(limit=200).rstrip(".")


def _paragraphs(help_text: str) -> Iterator[str]:
    """Paragraphs are filled; one that begins with a backspace mark stays as it is laid out."""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", cleandoc(help_text))):
        if number:
            yield ".PP"
        laid_out = paragraph.lstrip().startswith("\b")
        if laid_out:
            yield ".nf"
        yield from _lines(paragraph.replace("\b\n", "").replace("\b", ""))
        if laid_out:
            yield ".fi"


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        said = _text(line.rstrip())
        yield f"\\&{said}" if said.startswith((".", "'")) else said


def _text(text: str) -> str:
    """A text in which nothing is a request of roff's: a hyphen is the keyboard's, a long choice may be broken, what is not ASCII
    is named by its code point."""
    plain = text.replace("\\", "\\(rs").replace("-", "\\-").replace("|", "|\\:")
    return "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in plain)
