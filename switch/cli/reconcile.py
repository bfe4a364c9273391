"""`cmi-switch reconcile`: a member's own list of a window held against the ledger, or what parties have said by message."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from switch.cli._control import json_option
from switch.cli._network import load, network_option
from switch.cli._windows import all_of, choose
from switch.counting import counted

if TYPE_CHECKING:
    from switch.core.network import Network
    from switch.journal.ledgers import LedgerView
    from switch.ledger.comparison import Difference, Line
    from switch.ledger.entries import Window

ROLES = ("acquirer", "issuer")
DIFFER = 1
FAILED = 2


@click.command
@click.argument("file", required=False, default="", metavar="[FILE]")
@click.option("--member", default="", metavar="NAME", help="Whose list it is; of a clearing file, it says so itself.")
@click.option(
    "--as",
    "role",
    type=click.Choice(ROLES),
    default="acquirer",
    show_default=True,
    help="In which role.",
)
@click.option("--window", default="", metavar="DAY/N", help="As 2026-11-27/1. [default: the last one that is closed]")
@click.option(
    "--column",
    "titles",
    multiple=True,
    metavar="NAME=TITLE",
    help="What FILE calls rrn, amount, currency, day or window, where it is something else.",
)
@click.option("--decimal", type=click.Choice([".", ","]), help="FILE's decimal mark, where it leaves that open.")
@network_option
@click.option("--state", "state_dir", metavar="DIR", default="", help="State directory. [default: the network's]")
@json_option
def command(
    file: str,
    member: str,
    role: str,
    window: str,
    titles: tuple[str, ...],
    decimal: str | None,
    network: str,
    state_dir: str,
    as_json: bool,
) -> None:
    """Compare a member's list of a window with the ledger: each difference with its likely cause.

    FILE is a CSV with a header: `rrn` (DE37) and `amount` (major units; above zero where the cardholder pays, below where it is
    given back), and perhaps `currency`, `day` and `window`. Separators, decimal marks and encodings are those of the bank; how it
    was read is said. A clearing file that `settle --as clearing` wrote is read, too, and compared move by move. `-` is standard
    input.

    Without FILE it lists what parties have said by message (0500, 0502 …), and what differed.

    Exit code 0: all agree. 1: something differs. 2: it cannot be compared.

    \b
    Examples:
      cmi-switch reconcile rif.csv --member rif
      cmi-switch reconcile atlas.csv --member atlas --as issuer --window 2026-11-27/1
      cmi-switch reconcile rif.csv --member rif --column rrn=Référence --column amount=Montant --decimal ,
      cmi-switch reconcile settled/2026-11-27-1.atlas.MAD.clearing.csv --json
      cmi-switch reconcile
    """
    from switch.journal.log import JournalError

    found = load(network)
    state = Path(state_dir or found.state_dir)
    try:
        read = _Read(file=file, titles=_titles(titles), decimal=decimal or "")
        differ = _compare(found, state, read, member, role, window, as_json) if file else _said(state, as_json)
    except JournalError as error:
        raise _Failed(str(error)) from None
    raise SystemExit(DIFFER if differ else 0)


class _Failed(click.ClickException):
    """It cannot be compared."""

    exit_code = FAILED


# -- a file


class _Read(msgspec.Struct, frozen=True, kw_only=True):
    """Which file, and how it is to be read."""

    file: str
    titles: dict[str, str]
    decimal: str


def _titles(given: tuple[str, ...]) -> dict[str, str]:
    """`rrn=Référence` … by our names. UsageError: no such name."""
    from switch.ledger.member_list import COLUMNS

    titles = {}
    for one in given:
        name, equals, title = (part.strip() for part in one.partition("="))
        if name not in COLUMNS or not equals or not title:
            raise click.UsageError(f'--column "{one}": expected NAME=TITLE, with one of {", ".join(COLUMNS)} as NAME')
        titles[name] = title
    return titles


def _compare(network: "Network", state: Path, read: _Read, member: str, role: str, window: str, as_json: bool) -> bool:
    from switch.cli._rebuild import watched
    from switch.journal.ledgers import open_ledger
    from switch.journal.shards import check_whole
    from switch.ledger.comparison import Unreadable, compare, is_clearing, read_clearing
    from switch.ledger.member_list import read_member_list

    try:
        data = sys.stdin.buffer.read() if read.file == "-" else Path(read.file).read_bytes()
    except OSError as error:
        raise _Failed(f"{read.file}: {error.strerror}") from None
    notes: tuple[str, ...] = ()
    try:
        said = read_clearing(data) if is_clearing(data) else None
        if said is not None:
            window, member, theirs = said
        else:
            listed = read_member_list(data, network.currency, read.titles, read.decimal)
            theirs, notes = list(listed.lines), listed.notes
    except Unreadable as error:
        raise _Failed(f"{read.file}: {error}") from None
    if member not in {m.name for m in network.members}:
        names = ", ".join(m.name for m in network.members)
        raise click.UsageError(f"--member names whose list it is: {member or 'none'} is not one of {names}")
    check_whole(state, network)
    with watched("ledger") as watch, open_ledger(state, network.currency, watch) as ledger:
        chosen = choose(ledger, window)
        ours, elsewhere = _ours(ledger, state, chosen, member, role, clearing=theirs if said else None)
    of_it = [line for line in theirs if line.window in ("", str(chosen), chosen.day)]
    booked = [line for line in theirs if line.window not in ("", str(chosen), chosen.day)]
    if booked:
        others = ", ".join(sorted({line.window for line in booked}))
        notes += (f"lines of other windows, which are left out: {len(booked)} ({others})",)
    differing = compare(of_it, ours, elsewhere, booked)
    about = _About(window=str(chosen), member=member, role="" if said else role, notes=notes)
    _print(differing, about, len(of_it), len(ours), as_json)
    return bool(differing)


def _ours(
    ledger: "LedgerView", state: Path, chosen: "Window", member: str, role: str, clearing: "list[Line] | None"
) -> "tuple[list[Line], dict[tuple[str, str], list[Line]]]":
    """Our lines of the window, and those of all others by name."""
    from switch.journal.reports import Filters, Reports
    from switch.ledger.comparison import clearing_lines, payment_lines

    names: dict[int, str] = {}
    if clearing is None:
        reports = Reports(state)
        rows = {row.txn: row for row in reports.transactions(Filters())}
        reports.close()
        for row in rows.values():  # what follows a payment has its name, also where its message did not say it
            original = rows.get(row.original)
            names[row.txn] = original.rrn if original is not None else row.rrn
    code = clearing[0].currency if clearing else ""
    ours: list[Line] = []
    elsewhere: dict[tuple[str, str], list[Line]] = {}
    for window in all_of(ledger):
        entries = ledger.entries(window)
        lines = (
            payment_lines(entries, member, role, names) if clearing is None else clearing_lines(entries, member, code)
        )
        if window == chosen:
            ours = lines
        else:
            for line in lines:
                elsewhere.setdefault((line.name, line.currency), []).append(line)
    return ours, elsewhere


class _About(msgspec.Struct, frozen=True, kw_only=True):
    """What was compared."""

    window: str
    member: str
    role: str
    notes: tuple[str, ...]
    """how the list was read, and what was left out"""


def _print(differing: "list[Difference]", about: _About, theirs: int, ours: int, as_json: bool) -> None:
    from switch.money.currency import currency, format_amount

    if as_json:
        listed = [
            {
                "name": d.name,
                "currency": currency(d.currency).alpha,
                "here": d.here,
                "there": d.there,
                "cause": d.cause,
                "note": d.note,
                "txn": f"{d.txn:x}" if d.txn else "",
            }
            for d in differing
        ]
        lines = {"lines_there": theirs, "lines_here": ours}
        click.echo(json.dumps({**msgspec.to_builtins(about), **lines, "agree": not differing, "differences": listed}))
        return
    as_role = f" as {about.role}" if about.role else ""
    click.echo(f"Window {about.window}, {about.member}{as_role}: {counted(theirs, 'line')} there, {ours} here")
    for note in about.notes:
        click.echo(f"  {note}")
    for d in differing:
        here, there = (format_amount(a, d.currency) if a is not None else "nothing" for a in (d.here, d.there))
        note = f": {d.note}" if d.note else ""
        txn = f" (txn {d.txn:x})" if d.txn else ""
        click.echo(f"{d.name}{txn}  here {here}  there {there}  {d.cause}{note}")
    click.echo(f"{len(differing)} differ" if differing else "all agree")


# -- messages


def _said(state: Path, as_json: bool) -> bool:
    """What parties have said; True where something in the last word about a period and currency differs."""
    from switch.core.records.day_records import Reconciled
    from switch.core.records.records import SCHEMA
    from switch.core.transactions.reconciliation import DIFFER as SAID_DIFFER
    from switch.core.transactions.reconciliation import SAID, differences
    from switch.journal.log import Log, NoJournalError, segments
    from switch.journal.recovery import decode, journal_directory
    from switch.journal.shards import journals_of

    last: dict[tuple[Any, ...], bool] = {}
    rows: list[dict[str, Any]] = []
    journals = journals_of(state)
    if not any(segments(journal_directory(one)) for one in journals):
        raise NoJournalError(journal_directory(state))
    for shard, segment, record in ((one, *found) for one in journals for found in Log(journal_directory(one), SCHEMA)):
        entry = decode(segment, record)
        if not isinstance(entry, Reconciled):
            continue
        period = f"{entry.day}/{entry.window}" if entry.window else entry.day
        about = {"period": period, "party": entry.party, "role": entry.role, "currency": entry.currency}
        about |= {"shard": shard.name} if len(journals) > 1 else {}  # a party counts with each that it speaks to
        last[tuple(about.values())] = entry.result == SAID_DIFFER
        found = differences(entry.theirs, entry.ours) if entry.ours else []
        listed = [{"element": f"DE{SAID[at]}", "there": there, "here": here} for at, there, here in found]
        rows.append({**about, "mti": entry.mti, "de66": entry.result, "reason": entry.reason, "differences": listed})
    if as_json:
        click.echo(json.dumps(rows))
        return any(last.values())
    for row in rows:
        click.echo(
            f"{row['period']}  {row['party']} as {row['role']}  {row['currency']}  {row['mti']}  {row['reason']}"
        )
        for d in row["differences"]:
            click.echo(f"    {d['element']}  here {d['here']}  there {d['there']}")
    if not rows:
        click.echo("nobody has reconciled by message yet (0500, 0502)")
    return any(last.values())
