"""`cmi-switch cards hot`: the stop list of a running switch."""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import click

from switch.cli._control import ask, json_option, of_each_switch, say_json
from switch.counting import counted

_REASONS = {"lost": "41", "stolen": "43", "41": "41", "43": "43"}
_REASON = click.option(
    "--reason", type=click.Choice(["lost", "stolen"]), default="lost", show_default=True, help="Why."
)
_MISTAKES_SHOWN = 10


@click.group("hot")
def hot() -> None:
    """Look at the stop list and change it: cards that their issuers have reported lost (41) or stolen (43).

    While a card's issuer is away, the switch answers a payment with it so, and never approves it itself. While the issuer is
    there it decides itself. Issuers' hosts send their own list (0302); what is here is for those that send a file instead.

    \b
    Examples:
      cmi-switch cards hot list --issuer atlas
      cmi-switch cards hot import atlas-stop-list.csv --issuer atlas
      cmi-switch cards hot add 9504010000000001 --reason stolen
      cmi-switch cards hot remove 9504010000000001
    """


@hot.command("list")
@of_each_switch
@click.option("--issuer", default="", metavar="NAME", help="Only this member's.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1_000), help="At most so many.")
@json_option
def list_command(state_dir: Path, issuer: str, limit: int, as_json: bool) -> None:
    """List what is on it, the newest first; PANs are masked."""
    found = ask(state_dir, "cards.hot_list", issuer=issuer, limit=limit)
    if as_json:
        say_json(found)
        return
    if not found["cards"]:
        click.echo("No card is on the stop list.")
        return
    words = {code: word for word, code in _REASONS.items() if word.isalpha()}
    for row in found["cards"]:
        click.echo(
            f"{row['pan']:<19}  {row['issuer']:<12}  {words[row['reason']]:<6}  by {row['by']}, {row['age_s']:,} s ago"
        )
    if found["left_out"]:
        click.echo(f"… and {found['left_out']:,} more: --limit shows up to 1,000")


@hot.command("add")
@of_each_switch
@click.argument("pan")
@_REASON
@json_option
def add_command(state_dir: Path, pan: str, reason: str, as_json: bool) -> None:
    """List one card. PAN `-` is read from standard input, so that it stands in no shell's history."""
    card = {"pan": _pan(pan), "reason": _REASONS[reason]}
    _say(ask(state_dir, "cards.hot_add", cards=[card]), "listed", as_json=as_json)


@hot.command("remove")
@of_each_switch
@click.argument("pan")
@json_option
def remove_command(state_dir: Path, pan: str, as_json: bool) -> None:
    """Take one card off the list. PAN `-` is read from standard input."""
    _say(ask(state_dir, "cards.hot_remove", pans=[_pan(pan)]), "taken off", as_json=as_json)


@hot.command("import")
@of_each_switch
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--issuer", default="", metavar="NAME", help="All cards must be this member's.")
@_REASON
@json_option
def import_command(state_dir: Path, file: Path, issuer: str, reason: str, as_json: bool) -> None:
    """List the cards of a CSV: a PAN a line, and in a second column 41, 43, lost or stolen (default: --reason).

    Columns are parted by a comma, a semicolon, a tab or a bar. A first line that has no digit is a heading; empty lines and
    those that begin with # are left out. A file with a mistake in it changes nothing. What it lists already stays; what it does
    not list stays, too: `remove` takes it off.
    """
    # What counts is ASCII: a heading in whatever a bank writes is left out, and anything else that is no UTF-8 is a mistake.
    with file.open(newline="", encoding="utf-8-sig", errors="replace") as text:
        cards, mistakes = _read(text, _REASONS[reason])
    if mistakes:
        more = f"\n… and {len(mistakes) - _MISTAKES_SHOWN:,} more" if len(mistakes) > _MISTAKES_SHOWN else ""
        shown = "\n".join(f"{file}:{mistake}" for mistake in mistakes[:_MISTAKES_SHOWN])
        raise click.ClickException(f"{shown}{more}\nnothing was imported")
    total = {"changed": 0, "unchanged": 0, "listed": 0}
    for check in (True, False):
        for first, part in _parts(cards):
            done = ask(state_dir, "cards.hot_add", cards=part, issuer=issuer, first=first, check=check)
            if not check:
                total = {key: value if key == "listed" else total[key] + value for key, value in done.items()}
    _say(total, "listed", as_json=as_json)


def _read(text: TextIO, reason: str) -> tuple[list[dict[str, str]], list[str]]:
    """The cards of a CSV, and its mistakes, each with its line; no mistake shows a PAN."""
    from switch.ledger.delimited import SEPARATORS
    from switch.wire.pans import luhn_valid

    cards: list[dict[str, str]] = []
    mistakes: list[str] = []
    first = text.readline()
    text.seek(0)
    rows = csv.reader(text, delimiter=max(SEPARATORS, key=first.count))
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            return [], [f"{rows.line_num}: {error}"]
        if row is None:
            return cards, mistakes
        if not row or not row[0].strip() or row[0].lstrip().startswith("#"):
            continue
        pan = row[0].replace(" ", "").replace("-", "")
        if rows.line_num == 1 and not any(c.isdigit() for c in pan):
            continue
        word = row[1].strip().lower() if len(row) > 1 and row[1].strip() else reason
        if not luhn_valid(pan):
            mistakes.append(f"{rows.line_num}: the PAN is not 12 to 19 digits with a right check digit")
        elif word not in _REASONS:
            mistakes.append(f"{rows.line_num}: expected 41, 43, lost or stolen, found {word[:20]!r}")
        else:
            cards.append({"pan": pan, "reason": _REASONS[word]})


def _parts(cards: list[dict[str, str]]) -> Iterator[tuple[int, list[dict[str, str]]]]:
    """As many at once as one command takes, and which card of the file, from 1, the first of them is."""
    from switch.core.operator.cards import CARDS_MAX

    for at in range(0, len(cards), CARDS_MAX):
        yield at + 1, cards[at : at + CARDS_MAX]


def _pan(text: str) -> str:
    pan = sys.stdin.readline() if text == "-" else text
    return "".join(pan.split()).replace("-", "")


def _say(done: dict[str, Any], what: str, *, as_json: bool) -> None:
    if as_json:
        say_json(done)
        return
    so = f", {done['unchanged']:,} were so already" if done["unchanged"] else ""
    click.echo(f"{counted(done['changed'], 'card')} {what}{so}; {done['listed']:,} on the stop list")
