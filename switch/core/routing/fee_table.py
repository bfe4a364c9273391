"""A network file's fees as one table: its `[[fee]]` rows, and behind them what its `[[tariff]]` sections mean.

A tariff is three rules of the acquirer's towards the network: `processing`, which is charged again for a refund, `scheme` and
`cross-border`. A `[[fee]]` of the same kind comes before them.
"""

from msgspec.structs import replace

from switch.core.network import BinRange, Network, Tariff
from switch.money.fees import ACQUIRER, INTER, INTRA, NETWORK, FeeRule, Fees, Payment, Refunds, region_of


def fee_table(network: Network) -> Fees:
    """The network's fees, ready to be asked."""
    rules = (*network.fees, *(rule for tariff in network.tariffs for rule in tariff_rules(tariff)))
    return Fees(rules, network.rates, network.currency, network.dated_rates)


def tariff_rules(tariff: Tariff) -> tuple[FeeRule, ...]:
    """What a `[[tariff]]` says, as rules; parts that are 0 are none."""
    name = tariff.network
    common = FeeRule(id="", kind="", payer=ACQUIRER, payee=NETWORK, networks=(name,), line=tariff.line, listed=False)
    found = (
        replace(
            common, id=f"{name}-processing", kind="processing", fixed=tariff.per_transaction, refund=Refunds.CHARGE
        ),
        replace(common, id=f"{name}-scheme", kind="scheme", percent=tariff.ad_valorem),
        replace(
            common,
            id=f"{name}-cross-border",
            kind="cross-border",
            percent=tariff.cross_border,
            regions=(INTRA, INTER),
        ),
    )
    return tuple(each for each in found if each.fixed or each.percent)


def payment_of(
    network: Network, card: BinRange, *, acquirer: str, channel: str, currency: str, mcc: str = "", merchant: str = ""
) -> Payment:
    """What selects the rules of a payment with a card of this range. `acquirer`: a member, or the network that brings it, and is
    abroad."""
    hosts = {host.name: host for host in network.card_networks}
    out = "" if card.issuer else next((host.name for host in hosts.values() if host.scheme == card.scheme), "")
    country = next((member.country for member in network.members if member.name == acquirer), "")
    return Payment(
        scheme=card.scheme,
        product=card.product,
        channel=channel,
        region=region_of(card.country, country, network.regions),
        mcc=mcc,
        merchant=merchant,
        acquirer=acquirer,
        issuer=card.issuer or out,
        out=out,
        into=acquirer if acquirer in hosts else "",
        currency=currency,
    )
