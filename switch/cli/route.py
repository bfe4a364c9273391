"""`cmi-switch route`: where a payment would go, by which rule, at what cost."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from switch.cli._network import load, paint

if TYPE_CHECKING:
    from switch.core.network import HostLink, Network
    from switch.core.routing.decision import Decision


@click.command
@click.argument("card")
@click.option(
    "--amount", default="100.00", show_default=True, help="Of the payment; home currency unless it names one."
)
@click.option(
    "--from", "sender", default="", help="Acquiring member or network it comes from (default: the first member)."
)
@click.option(
    "--merchant-country", default="", metavar="XX", help="Two letters or three, as at the end of DE43 (default: home)."
)
@click.option("--network", default="morocco", show_default=True, help="Network file, or a shipped network's name.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def command(card: str, amount: str, sender: str, merchant_country: str, network: str, as_json: bool) -> None:
    """Say where a payment with CARD would go, by which rule, and what the hop costs.

    CARD is the name of a test card (`cmi-switch cards`), a number, or - for one on standard input: what stands on a command line
    anybody on the machine can read, and the shell keeps. Nothing is sent. Spaces are allowed; it is shown masked. A refusal
    names its DE39.

    \b
    Examples:
      cmi-switch route fr-visa
      cmi-switch route 9504010000000001
      cmi-switch route - <number.txt
      cmi-switch route '4970 0000 0000 0005' --amount '250.00 EUR'
      cmi-switch route 9504010000000001 --from visa --merchant-country FR
    """
    found = load(network)
    from switch.cli._network import card_number

    answer = _answer(found, card_number(card, found), amount, sender, merchant_country.upper())
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(answer))
    else:
        _show(answer)


def _answer(network: "Network", pan: str, amount: str, sender: str, merchant: str) -> dict[str, Any]:
    """Everything there is to say, as plain values; amounts in minor units."""
    from switch.core.routing.routing import MEMBER, NETWORK, Router
    from switch.money import CurrencyError, format_amount, parse_money
    from switch.money.country import BY_THREE, NUMERIC
    from switch.wire.vocabulary import ANSWER_NAMES, mask_pan

    try:
        minor, currency = parse_money(amount, network.currency)
    except CurrencyError as error:
        raise click.BadParameter(str(error), param_hint="--amount") from None
    if minor < 0:
        raise click.BadParameter("a payment's amount is not below 0", param_hint="--amount")
    merchant = BY_THREE.get(merchant, merchant)
    if merchant and merchant not in NUMERIC:
        raise click.BadParameter(
            f"{merchant!r} is no ISO 3166 country: two letters or three", param_hint="--merchant-country"
        )
    name, is_network, acquirer_country = _sender(network, sender)
    decision = Router(network).route(
        pan,
        source=NETWORK if is_network else MEMBER,
        source_host=name if is_network else "",
        acquirer_country=acquirer_country,
        merchant_country=merchant or ("" if is_network else network.country_alpha),
    )
    host = next((h for h in network.hosts if h.name == decision.host), None)
    b = decision.bin
    answer: dict[str, Any] = {
        "pan": mask_pan(pan),
        "scheme": b.scheme if b else "",
        "product": b.product if b else "",
        "issuer": b.issuer if b else "",
        "issuer_country": b.country if b else "",
        "from": name,
        "from_role": "network" if is_network else "acquirer",
        "amount": minor,
        "currency": currency,
        "route": decision.route,
        "host": decision.host,
        "to": _where(host) if host else "",
        "de39": decision.de39,
        "meaning": ANSWER_NAMES.get(decision.de39, ""),
        "rule": decision.rule + _check_digit(pan, decision.de39),
    }
    cost, terms = _cost(network, decision, minor, currency, name)
    return answer | {
        "cost": cost,
        "cost_currency": network.currency,
        "cost_text": f"{format_amount(cost, network.currency)} for {format_amount(minor, currency)}{terms}",
    }


def _sender(network: "Network", sender: str) -> tuple[str, bool, str]:
    """Name, whether it is a card network, and the acquirer's country ("": unknown, abroad behind a network)."""
    from switch.config.mistakes import did_you_mean

    members = {m.name: m for m in network.members}
    networks = [h.name for h in network.hosts if h.role == "network"]
    sender = sender or network.members[0].name
    if sender in members:
        return sender, False, members[sender].country
    if sender in networks:
        return sender, True, ""
    hint = did_you_mean(sender, [*members, *networks])
    raise click.BadParameter(f"{sender!r} is no member or network of {network.name}; {hint}", param_hint="--from")


def _check_digit(pan: str, de39: str) -> str:
    """What a mistyped PAN should have ended in."""
    from switch.core.routing.routing import luhn_digit
    from switch.wire.vocabulary import Answer

    if de39 != Answer.INVALID_CARD or not (12 <= len(pan) <= 19 and pan.isascii() and pan.isdigit()):
        return ""
    return f"; for this one it would be {luhn_digit(pan[:-1])}"


def _where(host: "HostLink") -> str:
    address = str(host.connect) if host.connect else "it connects in"
    return f"{host.role} link {host.name} ({address}, dialect {host.dialect}, {host.timeout_ms / 1000:g} s to answer)"


def _cost(network: "Network", decision: "Decision", minor: int, currency: str, acquirer: str) -> tuple[int, str]:
    """Minor units of the home currency that are owed to a network, and its terms as a sentence's end."""
    from switch.core.routing.fee_table import fee_table, payment_of
    from switch.money import format_amount
    from switch.money.convert import rates_on
    from switch.money.fees import ISSUER, NETWORK, owed_to

    card, networks = decision.bin, {host.name for host in network.hosts if host.role == "network"}
    if card is None or decision.host not in networks:
        return 0, ""
    today = datetime.now(UTC).date().isoformat()
    if currency not in rates_on(today, network.rates, network.dated_rates):
        raise click.BadParameter(
            f"no rate for {format_amount(minor, currency)[-3:]} in [rates] of {network.source}", param_hint="--amount"
        )
    payment = payment_of(network, card, acquirer=acquirer, channel="pos", currency=currency)
    today = datetime.now(UTC).date().isoformat()
    fees = fee_table(network)
    rules = [rule for rule in fees.fitting(payment, today) if rule.payee in (NETWORK, ISSUER)]
    parts = [f"{format_amount(rule.fixed, network.currency)} {rule.kind}" for rule in rules if rule.fixed]
    parts += [f"{rule.percent * 100:.2f} % {rule.kind}" for rule in rules if rule.percent]
    lines, _ = fees.price(payment, today, "", minor, 1)
    return owed_to(decision.host, lines), f" ({' + '.join(parts)})" if parts else ""


def _show(answer: dict[str, Any]) -> None:
    card = answer["pan"]
    if answer["scheme"]:
        whose = answer["issuer"] or f"a foreign issuer (country {answer['issuer_country']})"
        card += f"  {answer['scheme']} {answer['product']}, of {whose}"
    if answer["de39"]:
        outcome = paint("error", f"refused, DE39={answer['de39']} ({answer['meaning']})")
    else:
        outcome = f"{paint('good', answer['route'])}, to {answer['to']}"
    rows = [
        ("card", card),
        ("from", f"{answer['from']}, {answer['from_role']}"),
        ("route", outcome),
        ("rule", answer["rule"]),
    ]
    if not answer["de39"]:
        rows.append(("cost", answer["cost_text"]))
    for label, text in rows:
        click.echo(f"{paint('label', label.ljust(6))} {text}")
