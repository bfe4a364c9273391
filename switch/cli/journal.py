"""`cmi-switch journal`: what the journal holds, read, kept and checked while the switch runs."""

import json
import sys
from datetime import UTC, datetime
from typing import Any

import click

from switch.cli._backup import (
    HEAD_COPY,
    STATE,
    accept_end_command,
    backup_command,
    in_state,
    prune_command,
    restore_command,
)
from switch.cli._days import days_command
from switch.cli._export import export_command
from switch.cli._numbers import asked_txn
from switch.cli._rebuild import rebuild_command
from switch.cli._rekey import rekey_command
from switch.cli._rows import print_rows, up_to
from switch.core.records.lifecycle import Status
from switch.counting import counted

JSON = click.option("--json", "as_json", is_flag=True, help="JSON lines instead of a table.")


@click.group("journal")
def command() -> None:
    """The journal: list transactions, show one, total the days, verify all of it, back it up, restore it, prune it,
    build again what is derived from it, give its ledger to programs of others.

    The switch may be running (but for `restore`); nothing here disturbs it. PANs are masked.

    \b
    Examples:
      cmi-switch journal list --limit 20
      cmi-switch journal list --de39 51 --since 2025-11-25T12:00
      cmi-switch journal show 1a2b
      cmi-switch journal days --by acquirer
      cmi-switch journal export --format ledger --out all.ledger
      cmi-switch journal verify
      cmi-switch journal backup /mnt/backup/morocco
    """


for _other in (
    days_command,
    export_command,
    backup_command,
    restore_command,
    prune_command,
    accept_end_command,
    rebuild_command,
    rekey_command,
):
    command.add_command(_other)


@command.command("list")
@STATE
@click.option("--acquirer", default="", metavar="NAME", help="Only those of this acquirer.")
@click.option("--issuer", "--host", "host", default="", metavar="NAME", help="Only those that went to this host link.")
@click.option("--de39", default="", metavar="CODE", help="Only those answered so, as 00 or 51.")
@click.option(
    "--status",
    default="",
    type=click.Choice(["", *(status.value for status in Status if status is not Status.RECEIVED)]),
    help="Only those in this state.",
)
@click.option("--since", metavar="TIME", help="Only those begun at TIME (ISO 8601; UTC unless it says) or later.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(0), help="At most so many; 0: all.")
@JSON
def list_command(
    state_dir: str, acquirer: str, host: str, de39: str, status: str, since: str | None, limit: int, as_json: bool
) -> None:
    """List transactions, newest first.

    \b
    Examples:
      cmi-switch journal list --acquirer atlas --de39 91
      cmi-switch journal list --json --limit 0 | jq .amount
    """
    from switch.journal.log import JournalError
    from switch.journal.reports import Filters, Reports
    from switch.journal.views import row_fields

    filters = Filters(acquirer=acquirer, host=host, de39=de39, status=status, since_us=_since_us(since))
    try:
        reports = Reports(state_dir)
        rows = reports.transactions(filters, limit)
        reports.close()
    except JournalError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        for row in rows:
            click.echo(json.dumps(row_fields(row)))
        return
    print_rows(rows)
    if limit and len(rows) == limit:
        click.echo(f"({limit} shown; --limit 0 shows all)", err=True)


@command.command("show")
@STATE
@click.argument("txn")
@JSON
def show_command(state_dir: str, txn: str, as_json: bool) -> None:
    """Show every record of transaction TXN (hexadecimal, as listed), or what a merchant was charged under that number.

    \b
    Example:
      cmi-switch journal show 1a2b
    """
    from switch.journal.log import JournalError
    from switch.journal.reports import Reports
    from switch.journal.views import entry_fields

    number = asked_txn(txn)
    try:
        reports = Reports(state_dir)
        found = reports.transaction(number)
        charge = reports.charge(number) if found is None else None
        until = up_to(reports.last_at_us()) if found is None else ""
        home = reports.home_currency()
        reports.close()
    except JournalError as error:
        raise click.ClickException(str(error)) from None
    if found is None and charge is None:
        raise click.ClickException(
            f"no transaction {number:x} in the journal{until}; `{in_state('journal list', state_dir)}` shows them"
        )
    row, entries = found or (None, [charge] if charge is not None else [])
    for sequence, entry in entries:
        fields = entry_fields(sequence, entry)
        if as_json:
            click.echo(json.dumps(fields))
        else:
            _block(fields, home)
    if row is not None and not as_json:
        ending = f"{row.status}{f' by {row.reversed_by:x}' if row.reversed_by else ''}"
        click.echo(f"Transaction {number:x}: {ending}{f', DE39={row.de39}' if row.de39 else ''}")


@command.command("verify")
@STATE
@HEAD_COPY
@JSON
def verify_command(state_dir: str, head_copy: str, as_json: bool) -> None:
    """Check every record: nothing changed, nothing missing. Exit code 1 where something is.

    Keep the chain hash it prints somewhere else: the same journal gives the same hash at the same record.

    \b
    Example:
      cmi-switch journal verify --state var/morocco
    """
    from switch.journal.log import JournalError
    from switch.journal.verify import verify

    try:
        result = verify(state_dir, head_copy)
    except JournalError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        fields = {name: getattr(result, name) for name in result.__struct_fields__}
        click.echo(json.dumps({"sound": not result.damage, **fields, "chain": result.chain.hex()}))
    else:
        for note in result.notes:
            click.echo(f"note: {note}")
        for damage in result.damage:
            click.echo(f"damage: {damage}", err=True)
        span = f"{counted(result.records, 'record')} ({result.first} to {result.last}) in {counted(result.segments, 'segment')}"
        click.echo(f"{span}: {'DAMAGED' if result.damage else 'sound'}; chain {result.chain.hex()} at {result.last}")
    if result.damage:
        sys.exit(1)


def _since_us(text: str | None) -> int:
    """--since as wall-clock µs; 0 where it is not given."""
    if text is None:
        return 0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"--since {text!r} is no time like 2025-11-25T12:00 or 2025-11-25T12:00+01:00") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def _block(fields: dict[str, Any], home: str) -> None:
    """A record as a paragraph: a heading, a line a member, then its data elements by name (in 1987 form). `home`: currency of
    fees; "": not known."""
    from switch.journal.views import FACTS
    from switch.money.currency import format_amount
    from switch.wire import Dialect
    from switch.wire.describe import describe
    from switch.wire.printable import printable
    from switch.wire.vocabulary import ANSWER_NAMES

    fact = fields.pop("fact")
    click.echo(f"record {fields.pop('record')}  {fields.pop('at')}  {FACTS.get(fact, fact)}")
    if "amount" in fields:
        fields["amount"] = format_amount(fields["amount"], fields.pop("currency"))
    for name, value in fields.items():
        if value in ("", None) or value == {}:
            continue
        if name == "posts":
            sums = ", ".join(format_amount(minor, code) for code, minor in value.items())
            click.echo(printable(f"    {name:<9} {sums}"))
        elif name == "fee":
            click.echo(printable(f"    {name:<9} {_fee_line(value, home)}"))
        elif name == "priced":
            for line in _price_lines(value, home):
                click.echo(printable(line))
        elif isinstance(value, dict):
            for line in describe(Dialect.load("cmi87"), value).splitlines():
                click.echo(f"    {line.rstrip()}")
        elif name in ("key", "undoes"):
            parts = zip(("acquirer", "class", "DE11", "DE7", "DE32", "DE41"), value, strict=True)
            click.echo(printable(f"    {name:<9} {' '.join(f'{n}={v}' for n, v in parts if v)}"))
        else:
            meaning = f"  {ANSWER_NAMES[value]}" if name == "de39" and value in ANSWER_NAMES else ""
            click.echo(printable(f"    {name:<9} {value}{meaning}"))
    click.echo()


def _price_lines(value: Any, home: str) -> list[str]:
    """What decided a price, and each fee of it, as `Priced` has them."""
    from switch.core.records.prices import Priced

    fees = value.pop("fees")
    priced = Priced(**value)
    kinds = {1: "payment", -1: "refund", 0: "hold"}
    decided = [
        f"{kinds.get(priced.direction, 'payment')} of {priced.day}{f', of one of {priced.of_day}' * bool(priced.of_day)}",
        f"{priced.acquirer} -> {priced.issuer}",
        *filter(None, (priced.scheme, priced.product, priced.channel, priced.region)),
        *(f"{name} {what}" for name, what in (("merchant", priced.merchant), ("MCC", priced.mcc)) if what.strip()),
        *([f"one unit at {priced.rate}"] if priced.rate else []),
    ]
    lines = [f"    priced    {', '.join(decided)}"]
    lines += [f"              {_fee_line(fee, home)}" for fee in fees]
    if priced.unpriced:
        lines.append(f"              no price: {priced.unpriced}")
    return lines


def _fee_line(value: Any, home: str) -> str:
    from switch.money.currency import format_amount
    from switch.money.fee_line import Fee

    fee = Fee(**value)

    def amount(minor: int) -> str:
        return format_amount(minor, home) if home else f"{minor} (minor units)"

    vat = f" and {amount(fee.vat)} VAT" if fee.vat else ""
    return f"{fee.kind} (rule {fee.rule}), {fee.payer} -> {fee.payee}: {amount(fee.amount)}{vat}"
