"""`cmi-switch fees`: what a payment costs, line by line, by which rule, and how it was rounded."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from switch.cli._control import json_option
from switch.cli._network import load, network_option, paint
from switch.cli._numbers import asked_txn

if TYPE_CHECKING:
    from switch.core.network import Network
    from switch.core.records.prices import Priced
    from switch.core.records.records import Owed
    from switch.money.fee_line import Fee
    from switch.money.fees import FeeRule, Fees

_SINCE_CHANGED = " by the row as it is now: it has been changed since this was recorded"
CHANNELS = ("pos", "atm", "web", "moto")


@click.group("fees")
def command() -> None:
    """Explain fees: who owes whom for a payment, by which row of the network file.

    \b
    Examples:
      cmi-switch fees explain 6613f9631aa9d
      cmi-switch fees explain --card 4970000000090017 --amount 80 --channel web
      cmi-switch fees explain --card 9504010000000019 --amount 1234.50 --on 2013-10-01
      cmi-switch fees merchant MTC000000000001 --on 2007-06-01
    """


@command.command("merchant")
@click.argument("merchant", metavar="DE42")
@click.option("--on", default="", metavar="YYYY-MM-DD", help="Business day (default: today).")
@network_option
@json_option
def merchant_fees(merchant: str, on: str, network: str, as_json: bool) -> None:
    """Say what a merchant owes without a payment on a day: set-up, a month, and the row of the file that says so.

    It is charged as a business day is closed; `cmi-switch statement merchant DE42` has what was.
    """
    from switch.money import format_amount
    from switch.money.merchant_fees import contracts

    known, day = load(network), _day(on)
    found = [rule for contract, rule in contracts(known.merchant_fees, day) if contract.merchant == merchant]
    rows = [
        {
            "kind": rule.kind,
            "every": rule.every,
            "free_months": rule.free,
            "payee": rule.account,
            "through": rule.acquirer,
            "amount": rule.amount,
            "vat": rule.fee(merchant, rule.free + 1).vat,
            "rule": rule.id,
            "place": f"{known.source}:{rule.line}",
        }
        for rule in found
    ]
    if as_json:
        click.echo(json.dumps({"merchant": merchant, "day": day, "currency": known.currency, "fees": rows}))
        return
    for row in rows:
        amount, vat = (format_amount(int(str(row[name])), known.currency) for name in ("amount", "vat"))
        free = f", the first {row['free_months']} of a contract free" if row["free_months"] else ""
        each = "once" if row["every"] == "once" else f"each month{free}"
        click.echo(f"{row['kind']:<9} {amount} and {vat} VAT, {each}, to {row['payee']} through {row['through']}")
        click.echo(f"          {row['rule']}, {row['place']}")
    if not rows:
        click.echo(
            f"{merchant} owes nothing without a payment on {day}: no [[merchant_fee]] of {known.source} is for it"
        )


def _day(on: str) -> str:
    try:
        return date.fromisoformat(on).isoformat() if on else datetime.now(UTC).date().isoformat()
    except ValueError:
        raise click.BadParameter(f"{on!r} is no date, such as 2013-10-01", param_hint="--on") from None


@command.command("explain")
@click.argument("txn", required=False, default="")
@click.option("--card", default="", metavar="PAN", help="Instead of TXN: a payment with this card.")
@click.option("--amount", default="100.00", show_default=True, help="Of it; home currency unless it names one.")
@click.option("--merchant", default="", metavar="DE42", help="Number of the merchant.")
@click.option("--mcc", default="5411", show_default=True, help="Category of the merchant (DE18).")
@click.option("--channel", default="pos", show_default=True, type=click.Choice(CHANNELS))
@click.option("--from", "sender", default="", help="Acquiring member, or network (default: the first member).")
@click.option("--refund", is_flag=True, help="A refund of the amount instead of a purchase.")
@click.option("--on", default="", metavar="YYYY-MM-DD", help="Business day (default: today).")
@network_option
@click.option("--state", "state_dir", default=None, type=click.Path(path_type=Path), help="Of the switch that has TXN.")
@json_option
def explain(txn: str, card: str, network: str, state_dir: Path | None, as_json: bool, **asked: Any) -> None:
    """Say what a payment costs: one that the journal has (TXN), or one with a card.

    Of TXN the recorded fees are shown, whatever the file says now.
    """
    if bool(txn) == bool(card):
        raise click.UsageError("name a transaction, or a payment with --card, and not both")
    known = load(network)
    answer = _recorded(known, txn, state_dir) if txn else _asked(known, card, **asked)
    if as_json:
        click.echo(json.dumps(answer))
    else:
        _show(answer)


def _recorded(network: "Network", txn: str, state_dir: Path | None) -> dict[str, Any]:
    from switch.core.records.records import Answered, Forwarded, Owed, StoodIn
    from switch.core.routing.fee_table import fee_table
    from switch.journal.log import JournalError
    from switch.journal.reports import Reports
    from switch.wire.vocabulary import DE

    number = asked_txn(txn)
    try:
        reports = Reports(state_dir or Path(network.state_dir))
        found = reports.transaction(number)
        reports.close()
    except JournalError as error:
        raise click.ClickException(str(error)) from None
    if found is None:
        raise click.ClickException(f"no transaction {txn} in the journal; `cmi-switch journal list` has them")
    amount, currency, priced, stands = 0, network.currency, None, None
    returned: dict[str, int] = {}
    for _, entry in found[1]:
        own = entry.txn == number if isinstance(entry, Forwarded | Answered | Owed | StoodIn) else False
        if own and isinstance(entry, Forwarded | Owed):
            amount, currency = entry.amount, entry.currency
        if own and isinstance(entry, StoodIn):
            amount, currency = entry.request.amount, entry.request.currency
        if own and isinstance(entry, Answered | Owed | StoodIn):
            amount = (
                int(entry.elements[DE.AMOUNT])
                if isinstance(entry, Answered) and DE.AMOUNT in entry.elements
                else amount
            )
            priced = entry.priced
        if own and isinstance(entry, Owed):
            stands, returned = _stands(entry), {fee.rule: fee.amount for fee in entry.returned}
    if priced is None:
        raise click.ClickException(f"{txn} has no price: it moved no money, or was recorded by an earlier release")
    return _answer(network, fee_table(network), priced, amount, currency, stands, returned)


def _stands(entry: "Owed") -> int | None:
    """Minor units that a partial reversal or a tip leaves of a payment: what it costs is fee(that) - fee(before). None: its fees
    are not such a difference."""
    from switch.wire.vocabulary import DE

    if entry.kind == "reversal":
        return int(entry.message.get(DE.REPLACEMENT, "")[:12] or 0) or None
    changed = abs(sum(entry.posts.values()))
    return entry.amount if entry.priced is not None and entry.priced.of_day and changed != entry.amount else None


def _asked(
    network: "Network",
    card: str,
    *,
    amount: str,
    merchant: str,
    mcc: str,
    channel: str,
    sender: str,
    refund: bool,
    on: str,
) -> dict[str, Any]:
    from switch.core.records.prices import Priced
    from switch.core.routing.fee_table import fee_table, payment_of
    from switch.core.routing.routing import Router
    from switch.money import CurrencyError
    from switch.money.currency import parse_money

    day = _day(on)
    try:
        minor, currency = parse_money(amount, network.currency)
    except CurrencyError as error:
        raise click.BadParameter(str(error), param_hint="--amount") from None
    range_ = Router(network).lookup(card.replace(" ", ""))
    if range_ is None:
        raise click.BadParameter(f"no BIN range of {network.source} holds this card", param_hint="--card")
    brought = [*(m.name for m in network.members), *(h.name for h in network.card_networks)]
    if sender and sender not in brought:
        raise click.BadParameter(f"{sender!r} is no member or network: {', '.join(brought)}", param_hint="--from")
    payment = payment_of(
        network, range_, acquirer=sender or brought[0], channel=channel, currency=currency, mcc=mcc, merchant=merchant
    )
    table = fee_table(network)
    fees, why = table.price(payment, day, merchant, minor, -1 if refund else 1)
    priced = Priced(
        day=day,
        scheme=payment.scheme,
        product=payment.product,
        channel=channel,
        acquirer=payment.acquirer,
        issuer=payment.issuer,
        merchant=merchant,
        mcc=mcc,
        direction=-1 if refund else 1,
        fees=fees,
        unpriced=why,
        region=payment.region,
    )
    return _answer(network, table, priced, minor, currency)


def _answer(
    network: "Network",
    table: "Fees",
    priced: "Priced",
    amount: int,
    currency: str,
    stands: int | None = None,
    returned: "Mapping[str, int] | None" = None,
) -> dict[str, Any]:
    """`stands`: what is left of the payment, where the fees are those of that, less those before. `returned`: by rule, what of
    the lines is of a dispute of the payment."""
    from switch.core.transactions.pricing import recorded_payment
    from switch.money import format_amount

    rules = {rule.id: rule for rule in table.rules}
    acquirer = priced.acquirer
    day = priced.of_day or priced.day
    left: dict[str, tuple[int, int]] = {}
    if stands is not None:
        networks = network.networks
        payment = recorded_payment(table, networks, priced, currency)
        fees, _ = table.price(payment, day, priced.merchant, stands, priced.direction, priced.rate)
        left = {fee.rule: (fee.amount, (returned or {}).get(fee.rule, 0)) for fee in fees}
    lines = [
        _line(
            network,
            rules.get(fee.rule),
            fee,
            _Priced(table, amount if stands is None else stands, currency, day, priced.rate),
            left,
        )
        for fee in priced.fees
    ]
    kept = sum(f.amount * ((f.payee == acquirer) - (f.payer == acquirer)) for f in priced.fees)
    return {
        "day": priced.day,
        "amount": amount,
        "currency": currency,
        "amount_text": format_amount(amount, currency),
        "stands": stands,
        "stands_text": "" if stands is None else format_amount(stands, currency),
        "card": f"{priced.scheme} {priced.product} of {priced.issuer}, {priced.region or 'region not recorded'}",
        "where": f"{priced.channel}, MCC {priced.mcc or 'absent'}, brought by {acquirer}",
        "of_day": priced.of_day,
        "unpriced": priced.unpriced,
        "lines": lines,
        "acquirer": acquirer,
        "acquirer_keeps": kept,
        "acquirer_keeps_text": format_amount(kept, network.currency),
    }


class _Priced(NamedTuple):
    """What a rule was asked about."""

    table: "Fees"
    amount: int
    currency: str
    day: str
    rate: str


def _line(
    network: "Network", rule: "FeeRule | None", fee: "Fee", of: _Priced, left: dict[str, tuple[int, int]]
) -> dict[str, Any]:
    """`left`: by rule, what is charged of what stands, where the line is the change to that; and what of it is of a dispute."""
    from switch.money import format_amount

    home = network.currency
    now, claimed = left.get(fee.rule, (None, 0))
    rounding = ""
    if rule is not None:
        rounding = _rounding(home, rule, fee, fee.amount if now is None else now, of)
        if now is not None:
            before = now + claimed - fee.amount
            rounding += f"; {format_amount(now, home)}, less {format_amount(before, home)} charged before"
        rounding += f", and {format_amount(claimed, home)} that a dispute had given back" if claimed else ""
    return {
        "kind": fee.kind,
        "payer": fee.payer,
        "payee": fee.payee,
        "amount": fee.amount,
        "amount_text": format_amount(fee.amount, home),
        "vat": fee.vat,
        "vat_text": format_amount(fee.vat, home) if fee.vat else "",
        "rule": fee.rule,
        "place": f"{network.source}:{rule.line}" if rule is not None else f"not in {network.source} any more",
        "rounding": rounding,
    }


def _rounding(home: str, rule: "FeeRule", fee: "Fee", charged: int, of: _Priced) -> str:
    """How the line came to be: its terms, what they come to, and what was done to that."""
    from decimal import Decimal

    from switch.money import format_amount

    fixed = format_amount(rule.fixed, home) if rule.fixed else ""
    bounded = rule.least >= 0 or rule.most >= 0
    if not rule.percent:
        how = "" if abs(charged) == rule.fixed else ", bounded" if bounded else _SINCE_CHANGED
        return f"fixed{how}"
    exact = of.table.exact(rule, of.amount, of.currency, of.day, of.rate) + rule.fixed
    shown = (Decimal(exact.numerator) / Decimal(exact.denominator) / 100).normalize()
    terms = f"{(rule.percent * 100).normalize():f} % of {format_amount(of.amount, of.currency)}{f' + {fixed}' if fixed else ''}"
    alone = (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
    off = abs(abs(charged) - alone)
    if not off:
        how = ""
    elif bounded:
        how = ", bounded"
    else:  # what is cut from a sum is within one minor unit of what it would be by itself
        how = f", cut from what {fee.payer} owes {fee.payee}, rounded once" if off == 1 else _SINCE_CHANGED
    return f"{terms} = {shown:f}{how}"


def _show(answer: dict[str, Any]) -> None:
    stands = f", of which {answer['stands_text']} stand" if answer["stands"] not in (None, answer["amount"]) else ""
    click.echo(f"{paint('label', 'payment')}  {answer['amount_text']}{stands}, {answer['card']}; {answer['where']}")
    of_day = f", of a payment of {answer['of_day']}" if answer["of_day"] else ""
    click.echo(f"{paint('label', 'day')}      {answer['day']}{of_day}")
    if answer["unpriced"]:
        click.echo(paint("error", f"unpriced: {answer['unpriced']}"))
    lines = answer["lines"]
    for line in lines:
        who = f"{line['payer']} -> {line['payee']}"
        tax = f" and {line['vat_text']} VAT" if line["vat_text"] else ""
        click.echo(f"\n{line['kind']:<13} {line['amount_text']}{tax}  {who}")
        click.echo(
            f"              {line['rule']}, {line['place']}" + (f": {line['rounding']}" if line["rounding"] else "")
        )
    if lines:
        click.echo(
            f"\n{answer['acquirer']} keeps {answer['acquirer_keeps_text']}: what is left of what it is owed, never rounded."
        )
