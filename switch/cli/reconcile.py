"""`cmi-switch reconcile`: a member's own list of a window held against the ledger, or what parties have said by message."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from switch.cli._control import json_option
from switch.cli._network import load
from switch.cli._windows import all_of, choose

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
    type=click.Choice(["acquirer", "issuer"]),
    default="acquirer",
    show_default=True,
    help="In which role.",
)
@click.option("--window", default="", metavar="DAY/N", help="As 2026-11-27/1. [default: the last one that is closed]")
@click.option("--network", default="morocco", show_default=True, help="Network file, or a shipped network's name.")
@click.option("--state", "state_dir", metavar="DIR", default="", help="State directory. [default: the network's]")
@json_option
def command(file: str, member: str, role: str, window: str, network: str, state_dir: str, as_json: bool) -> None:
    """Compare a member's list of a window with the ledger: each difference with its likely cause.

    FILE is a CSV with a header: `rrn` (DE37) and `amount` (major units; above zero where the cardholder pays, below where it is
    given back), and perhaps `currency`, `day` and `window`. A clearing file that `settle --as clearing` wrote is read, too, and
    compared move by move. `-` is standard input.

    Without FILE it lists what parties have said by message (0500, 0502 …), and what differed.

    Exit code 0: all agree. 1: something differs. 2: it cannot be compared.

    \b
    Examples:
      cmi-switch reconcile rif.csv --member rif
      cmi-switch reconcile atlas.csv --member atlas --as issuer --window 2026-11-27/1
      cmi-switch reconcile settled/2026-11-27-1.atlas.MAD.clearing.csv --json
      cmi-switch reconcile
    """
    from switch.journal.log import JournalError

    found = load(network)
    state = Path(state_dir or found.state_dir)
    try:
        differ = _compare(found, state, file, member, role, window, as_json) if file else _said(state, as_json)
    except JournalError as error:
        raise _Failed(str(error)) from None
    raise SystemExit(DIFFER if differ else 0)


class _Failed(click.ClickException):
    """It cannot be compared."""

    exit_code = FAILED


# -- a file


def _compare(network: "Network", state: Path, file: str, member: str, role: str, window: str, as_json: bool) -> bool:
    from switch.cli._rebuild import watched
    from switch.journal.ledgers import open_ledger
    from switch.journal.shards import check_whole
    from switch.ledger.comparison import Unreadable, compare, is_clearing, read_clearing, read_csv

    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise _Failed(f"{file}: {error.strerror}") from None
    try:
        said = read_clearing(data) if is_clearing(data) else None
        theirs = said[2] if said else read_csv(data.decode("utf-8-sig"), network.currency)
    except UnicodeDecodeError as error:
        raise _Failed(f"{file}: byte {error.start} is no UTF-8") from None
    except Unreadable as error:
        raise _Failed(f"{file}: {error}") from None
    member, window = (said[1], said[0]) if said else (member, window)
    if member not in {m.name for m in network.members}:
        names = ", ".join(m.name for m in network.members)
        raise click.UsageError(f"--member names whose list it is: {member or 'none'} is not one of {names}")
    check_whole(state, [shard.name for shard in network.shards])
    with watched("ledger") as watch, open_ledger(state, network.currency, watch) as ledger:
        chosen = choose(ledger, window)
        ours, elsewhere = _ours(ledger, state, chosen, member, role, clearing=theirs if said else None)
        theirs = [line for line in theirs if line.window in ("", str(chosen), chosen.day)]
        differing = compare(theirs, ours, elsewhere)
    _print(differing, chosen, member, "" if said else role, len(theirs), len(ours), as_json)
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


def _print(
    differing: "list[Difference]", window: "Window", member: str, role: str, theirs: int, ours: int, as_json: bool
) -> None:
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
        about = {"window": str(window), "member": member, "role": role, "lines_there": theirs, "lines_here": ours}
        click.echo(json.dumps({**about, "agree": not differing, "differences": listed}))
        return
    as_role = f" as {role}" if role else ""
    click.echo(f"Window {window}, {member}{as_role}: {theirs} lines there, {ours} here")
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
    from switch.journal.log import Log
    from switch.journal.recovery import decode, journal_directory
    from switch.journal.shards import journals_of

    last: dict[tuple[Any, ...], bool] = {}
    rows: list[dict[str, Any]] = []
    journals = journals_of(state)
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
