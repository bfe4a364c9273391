"""`cmi-switch disputes`: payments that their issuers claim back, step by step."""

import getpass
import json
import re
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from switch.cli._control import ask, json_option, of_each_switch, of_switch, say_json
from switch.cli._network import spell_here
from switch.cli._not_done import NotDone
from switch.cli._numbers import asked_txn
from switch.core.operator.errors import ErrorCode

SIDES = ("issuer", "acquirer")
REQUIRED = ("txn", "step")
COLUMNS = (*REQUIRED, "reason", "amount", "currency", "side")
"""of a file of steps"""
_AMOUNT = re.compile(r"([0-9]+)(?:[.,]([0-9]+))?")
"""in the major unit, with a decimal point or comma, and nothing between thousands"""


@click.group("disputes")
def command() -> None:
    """Claim payments back, answer claims, end them: each step moves the money, and its interchange, and has a deadline.

    \b
    presented -> chargeback -> representment -> pre-arbitration -> arbitration -> closed for one side
    The issuer claims, the acquirer presents again, the issuer claims once more, the acquirer asks for a ruling.

    \b
    Examples:
      cmi-switch disputes reasons
      cmi-switch disputes open 6613f9631aa9d --reason C4
      cmi-switch disputes represent 6613f99c1f2a0 --amount 40.00
      cmi-switch disputes pre-arbitrate 6613f99c1f2a0
      cmi-switch disputes close 6613f99c1f2a0 --for acquirer
      cmi-switch disputes list
    """


by_option = click.option("--by", default="", metavar="NAME", help="Who says so (default: the user who runs this).")


@command.command("list")
@of_each_switch
@click.option("--all", "ended", is_flag=True, help="Those that are closed, too.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1_000), help="At most so many.")
@json_option
def list_command(state_dir: Path, ended: bool, limit: int, as_json: bool) -> None:
    """List disputes, newest first: what is in dispute, who has it, who must answer by when."""
    found = ask(state_dir, "disputes.list", all=ended, limit=limit)
    if as_json:
        say_json(found)
        return
    if not found["items"]:
        click.echo("No payment is in dispute.")
        return
    for row in found["items"]:
        click.echo("  ".join(_words(row)))
    if found["left_out"]:
        click.echo(f"… and {found['left_out']:,} more: --limit shows up to 1,000")


@command.command("show")
@of_each_switch
@click.argument("dispute")
@json_option
def show_command(state_dir: Path, dispute: str, as_json: bool) -> None:
    """Show one: between whom, why, who has the money, and what may come next."""
    row = ask(state_dir, "disputes.show", dispute=dispute)
    if as_json:
        say_json(row)
        return
    facts = {
        "payment": f"{row['txn']}, DE37 {row['rrn']}",
        "between": f"{row['issuer']} and {row['acquirer']}, merchant {row['merchant'] or 'none'}",
        "why": f"{row['scheme']} {row['reason']}: {row['title']}",
        "is": row["step"] + (f" for {row['side']}" if row["side"] else ""),
        "amount": _money(row["amount"], row["currency"]),
        "with the issuer": _money(row["given_back"], row["currency"]),
        "answer by": row["due"] + (" (overdue)" if row["overdue"] else ""),
        "next": ", ".join(row["next"]),
    }
    for name, value in facts.items():
        if value:
            click.echo(f"{name + ':':<17} {value}")


@command.command("reasons")
@json_option
def reasons_command(as_json: bool) -> None:
    """List the reasons that payments are claimed back for, by scheme, and in how many days."""
    from switch.config.disputes import dispute_rules

    reasons = dispute_rules().reasons
    if as_json:
        fields = ("scheme", "code", "title", "file_days", "public")
        click.echo(json.dumps([{name: getattr(one, name) for name in fields} for one in reasons]))
        return
    for one in reasons:
        click.echo(
            f"{one.scheme:<10}  {one.code:<5}  {one.file_days:>3} days  {one.title}{'' if one.public else ' (assumed)'}"
        )


@command.command("open")
@of_each_switch
@click.argument("txn")
@click.option("--reason", required=True, metavar="CODE", help="As `disputes reasons` lists them.")
@click.option("--amount", default="", help="Of the payment's currency (default: all that stands of it).")
@by_option
@json_option
def open_command(state_dir: Path, txn: str, reason: str, amount: str, by: str, as_json: bool) -> None:
    """Claim a payment back: a chargeback of its issuer."""
    row = _payment(state_dir, txn)
    minor = _minor(amount, row.currency) if amount else 0
    about = {"txn": txn, "acquirer": row.acquirer, "rrn": row.rrn, "reason": reason, "amount": minor}
    _tell(ask(state_dir, "disputes.open", **about, by=by or getpass.getuser()), as_json)


@command.command("represent")
@of_each_switch
@click.argument("dispute")
@click.option("--amount", default="", help="That goes back to the acquirer (default: all).")
@by_option
@json_option
def represent_command(state_dir: Path, dispute: str, amount: str, by: str, as_json: bool) -> None:
    """Present a payment again: its acquirer answers the claim."""
    minor = _minor(amount, ask(state_dir, "disputes.show", dispute=dispute)["currency"]) if amount else 0
    _step(state_dir, dispute, "representment", by, as_json, amount=minor)


@command.command("pre-arbitrate")
@of_each_switch
@click.argument("dispute")
@by_option
@json_option
def pre_arbitrate_command(state_dir: Path, dispute: str, by: str, as_json: bool) -> None:
    """Claim it once more: its issuer does not take the answer."""
    _step(state_dir, dispute, "pre-arbitration", by, as_json)


@command.command("arbitrate")
@of_each_switch
@click.argument("dispute")
@by_option
@json_option
def arbitrate_command(state_dir: Path, dispute: str, by: str, as_json: bool) -> None:
    """Ask for a ruling: the acquirer does not take the second claim. No money moves."""
    _step(state_dir, dispute, "arbitration", by, as_json)


@command.command("close")
@of_each_switch
@click.argument("dispute")
@click.option("--for", "side", required=True, type=click.Choice(SIDES), help="Who has the money from then on.")
@by_option
@json_option
def close_command(state_dir: Path, dispute: str, side: str, by: str, as_json: bool) -> None:
    """End it for one side: a ruling, a claim withdrawn, an answer taken, a time run out."""
    _step(state_dir, dispute, "closed", by, as_json, side=side)


@command.command("import")
@of_switch
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@by_option
def import_command(state_dir: Path, file: Path, by: str) -> None:
    """Take the steps of a CSV file: `txn`, `step`, and perhaps `reason`, `amount`, `side`, as line 1 names them.

    A line or column that cannot be read refuses the file, before any step. What the switch refuses is said line by line, and
    the others are taken; the exit code is then 1. A line that was taken before is refused, so that a file may be imported again.

    \b
    txn,step,reason,amount,side
    6613f9631aa9d,chargeback,C4,60.00,
    6613f9631aa9d,representment,,20.00,
    6613f9631aa9d,closed,,,issuer
    """
    by, refused = by or getpass.getuser(), 0
    for number, row in _records(file):
        try:
            done = _take(state_dir, row, by)
        except click.ClickException as error:
            refused += 1
            click.echo(f"line {number}: refused: {error.format_message()}")
        else:
            click.echo(f"line {number}: {'  '.join(_words(done))}")
    raise SystemExit(1 if refused else 0)


def _records(file: Path) -> list[tuple[int, dict[str, str]]]:
    """Line number and fields of each. UsageError: the file, the line, and what was expected."""
    from switch.core.records.disputes import Step
    from switch.ledger.delimited import TableError, column, read_table

    steps = [step.value for step in Step if step is not Step.PRESENTED]
    try:
        table = read_table(file.read_bytes(), REQUIRED)
        columns = {name: at for name in COLUMNS if (at := column(table, name)) is not None}
        missing = [name for name in REQUIRED if name not in columns]
        unread = [title for at, title in enumerate(table.header) if title and at not in columns.values()]
        if missing or unread:
            wrong = f"no column {', '.join(missing)}" if missing else f"column {', '.join(unread)} is none of these"
            raise TableError(f"line {table.line}: {wrong}: {', '.join(COLUMNS)}")
        found = [
            (number, {name: fields[at].strip() for name, at in columns.items()}) for number, fields in table.records
        ]
        for number, row in found:
            if row["step"] not in steps:
                raise TableError(f'line {number}: "{row["step"]}" is no step: {", ".join(steps)}')
            amount = _AMOUNT.fullmatch(row.get("amount", "") or "0")
            if amount is None:
                raise TableError(f'line {number}: "{row["amount"]}" is no amount: expected such as 1234.50, or 1234,50')
            row["amount"] = row.get("amount", "").replace(",", ".")
    except TableError as error:
        raise click.UsageError(f"{file}, {error}") from None
    return found


def _take(state_dir: Path, row: dict[str, str], by: str) -> dict[str, Any]:
    """One step. ClickException: it is refused."""
    txn, step, amount = row["txn"], row["step"], row.get("amount", "")
    if step == "chargeback":
        paid = _payment(state_dir, txn)
        about = {"txn": txn, "acquirer": paid.acquirer, "rrn": paid.rrn, "reason": row.get("reason", "")}
        minor = _minor(amount, paid.currency, row) if amount else 0
        for one in ask(state_dir, "disputes.list", all=True, limit=0)["items"]:
            if (one["txn"], one["reason"]) == (txn, about["reason"]) and minor in (0, one["amount"]):
                raise click.ClickException(f"{txn} was claimed back for that before: dispute {one['dispute']}")
        made: dict[str, Any] = ask(state_dir, "disputes.open", **about, amount=minor, by=by)
        return made
    open_ones = [one for one in ask(state_dir, "disputes.list", limit=0)["items"] if one["txn"] == txn]
    if len(open_ones) != 1:
        raise click.ClickException(
            f"payment {txn} has {len(open_ones)} open disputes: `{spell_here('disputes list')}` shows them"
        )
    (one,) = open_ones
    minor = _minor(amount, one["currency"], row) if amount else 0
    side = row.get("side", "")
    done: dict[str, Any] = ask(
        state_dir, "disputes.step", dispute=one["dispute"], step=step, by=by, amount=minor, side=side
    )
    return done


def _step(state_dir: Path, dispute: str, step: str, by: str, as_json: bool, **more: Any) -> None:
    _tell(ask(state_dir, "disputes.step", dispute=dispute, step=step, by=by or getpass.getuser(), **more), as_json)


def _payment(state_dir: Path, text: str) -> Any:
    """The journal's row of a payment. ClickException: there is none; NotDone where another shard may have it."""
    from switch.journal.log import JournalError
    from switch.journal.reports import Reports

    txn = asked_txn(text)
    try:
        with closing(Reports(state_dir)) as reports:
            found = reports.transaction(txn)
    except JournalError as error:
        raise click.ClickException(str(error)) from None
    if found is None:
        sentence = f"no transaction {text} in the journal; `cmi-switch journal list` shows the newest"
        raise NotDone(sentence, code=ErrorCode.NAME_UNKNOWN)
    return found[0]


def _minor(text: str, code: str, row: Mapping[str, str] = MappingProxyType({})) -> int:
    """Minor units of a payment's currency. UsageError: it has no such amount, or `row` says another currency."""
    from switch.money.currency import CurrencyError, currency, parse_amount

    try:
        said, paid = row.get("currency", ""), currency(code)
        if said and currency(said) != paid:
            raise click.UsageError(
                f"the payment is in {paid.alpha}, and so is what is claimed of it: {text} {said} is not"
            )
        return parse_amount(text, code)
    except CurrencyError as error:
        raise click.UsageError(str(error)) from None


def _money(minor: int, code: str) -> str:
    from switch.money.currency import format_amount

    return format_amount(minor, code)


def _words(row: dict[str, Any]) -> list[str]:
    step = row["step"] + (f" for {row['side']}" if row["side"] else "")
    due = f"answer by {row['due']}{' (overdue)' if row['overdue'] else ''}" if row["due"] else ""
    amount = (
        f"{_money(row['amount'], row['currency'])}, {_money(row['given_back'], row['currency'])} with {row['issuer']}"
    )
    words = [row["dispute"], row["txn"], f"{row['scheme']} {row['reason']}", step, amount, due]
    return [word for word in words if word]


def _tell(row: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say_json(row)
        return
    click.echo("  ".join(_words(row)))
