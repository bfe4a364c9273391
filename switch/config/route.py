"""Where a payment would go, by which rule and line of the network file, and what the hop costs: for whoever asks before it is
made.

In: a network, a card's number, an amount, who sends it. Out: plain values, amounts in minor units, or a `RouteError`. Nothing is
sent, and the PAN is masked in what comes out.
"""

from datetime import UTC, datetime
from typing import Any

from switch.config.mistakes import did_you_mean
from switch.core.network import HostLink, Network
from switch.core.routing.decision import Decision
from switch.core.routing.fee_table import fee_table, payment_of
from switch.core.routing.routing import KEY_DIGITS, MEMBER, NETWORK, Router
from switch.money import CurrencyError, format_amount, parse_money
from switch.money import fees as money_fees
from switch.money.convert import rates_on
from switch.money.country import BY_THREE, NUMERIC
from switch.wire.pans import PAN_LONGEST, luhn_digit
from switch.wire.vocabulary import ANSWER_NAMES, Answer, mask_pan


class RouteError(ValueError):
    """A question that cannot be answered: why. `about`: `amount`, `from` or `merchant-country`."""

    def __init__(self, sentence: str, about: str) -> None:
        super().__init__(sentence)
        self.about = about


def explain_route(network: Network, pan: str, amount: str, sender: str = "", merchant: str = "") -> dict[str, Any]:
    """Everything there is to say. `amount`: home currency unless it names one; `sender`: a member or network, "": the first
    member; `merchant`: the merchant's country, "": home. Raises RouteError.
    """
    try:
        minor, currency = parse_money(amount, network.currency)
    except CurrencyError as error:
        raise RouteError(str(error), "amount") from None
    if minor < 0:
        raise RouteError("a payment's amount is not below 0", "amount")
    merchant = BY_THREE.get(merchant.upper(), merchant.upper())
    if merchant and merchant not in NUMERIC:
        raise RouteError(f"{merchant!r} is no ISO 3166 country: two letters or three", "merchant-country")
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


def _sender(network: Network, sender: str) -> tuple[str, bool, str]:
    """Name, whether it is a card network, and the acquirer's country ("": unknown, abroad behind a network)."""
    members = {m.name: m for m in network.members}
    networks = [h.name for h in network.card_networks]
    sender = sender or network.members[0].name
    if sender in members:
        return sender, False, members[sender].country
    if sender in networks:
        return sender, True, ""
    hint = did_you_mean(sender, [*members, *networks])
    raise RouteError(f"{sender!r} is no member or network of {network.name}; {hint}", "from")


def _check_digit(pan: str, de39: str) -> str:
    """What a mistyped PAN should have ended in."""
    if de39 != Answer.INVALID_CARD or not (KEY_DIGITS <= len(pan) <= PAN_LONGEST and pan.isascii() and pan.isdigit()):
        return ""
    return f"; for this one it would be {luhn_digit(pan[:-1])}"


def _where(host: HostLink) -> str:
    address = str(host.connect) if host.connect else "it connects in"
    return f"{host.role} link {host.name} ({address}, dialect {host.dialect}, {host.timeout_ms / 1000:g} s to answer)"


def _cost(network: Network, decision: Decision, minor: int, currency: str, acquirer: str) -> tuple[int, str]:
    """Minor units of the home currency that are owed to a network, and its terms as a sentence's end."""
    card, networks = decision.bin, {host.name for host in network.card_networks}
    if card is None or decision.host not in networks:
        return 0, ""
    today = datetime.now(UTC).date().isoformat()
    if currency not in rates_on(today, network.rates, network.dated_rates):
        raise RouteError(f"no rate for {format_amount(minor, currency)[-3:]} in [rates] of {network.source}", "amount")
    payment = payment_of(network, card, acquirer=acquirer, channel="pos", currency=currency)
    fees = fee_table(network)
    owed = (money_fees.NETWORK, money_fees.ISSUER)
    rules = [rule for rule in fees.fitting(payment, today) if rule.payee in owed]
    parts = [f"{format_amount(rule.fixed, network.currency)} {rule.kind}" for rule in rules if rule.fixed]
    parts += [f"{rule.percent * 100:.2f} % {rule.kind}" for rule in rules if rule.percent]
    lines, _ = fees.price(payment, today, "", minor, 1)
    return money_fees.owed_to(decision.host, lines), f" ({' + '.join(parts)})" if parts else ""
