"""What a payment costs, in a sentence, by the network file: for who pays, before any report is made."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from switch.core.network import Network
    from switch.wire.vocabulary import Document


def costs_sentence(network: "Network", request: "Document", amount: int, acquirer: str) -> str:
    """Of a request that was approved with `amount` minor units: what its merchant pays, and who gets it, by today's rows.

    `acquirer`: the member that brought it. An unknown card, or a payment without a row, is said as such.
    """
    from switch.core.messages.meaning import channel_of, direction_of
    from switch.core.routing.fee_table import fee_table, payment_of
    from switch.core.routing.routing import Router
    from switch.money.currency import format_amount
    from switch.money.fee_line import MERCHANT_ACCOUNT
    from switch.wire.vocabulary import DE

    range_ = Router(network).lookup(request[DE.PAN])
    if range_ is None:
        return f"Costs: not known, since no BIN range of {network.source} holds this card."
    merchant, currency = request.get(DE.MERCHANT, "").rstrip(), request[DE.CURRENCY]
    payment = payment_of(
        network,
        range_,
        acquirer=acquirer,
        channel=channel_of(request),
        currency=currency,
        mcc=request.get(DE.MERCHANT_TYPE, ""),
        merchant=merchant,
    )
    day = datetime.now(UTC).date().isoformat()
    fees, why = fee_table(network).price(payment, day, merchant, amount, direction_of(request))
    if why:
        return f"Costs: none, since {why}."
    if not fees:
        return "Costs: none, since no money has moved."

    def money(minor: int) -> str:
        return format_amount(minor, network.currency)

    pays = sum(fee.amount for fee in fees if fee.payer.startswith(MERCHANT_ACCOUNT))
    tax = sum(fee.vat for fee in fees if fee.payer.startswith(MERCHANT_ACCOUNT))
    gets: dict[str, int] = {}
    for fee in fees:
        if fee.payee != acquirer:
            gets[fee.payee] = gets.get(fee.payee, 0) + fee.amount
    kept = sum(fee.amount * ((fee.payee == acquirer) - (fee.payer == acquirer)) for fee in fees)
    shares = ", ".join(f"{party} {money(minor)}" for party, minor in gets.items())
    return f"Costs: merchant {money(pays)} and {money(tax)} VAT; of that {shares}; {acquirer} keeps {money(kept)}."
