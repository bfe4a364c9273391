"""The price of a payment, as records keep it."""

from typing import Final

import msgspec

from switch.money.fee_line import Fee
from switch.money.fees import owed_to

UNPRICED: Final = "unpriced"
"""Kind of the exceptions that are approvals without a price."""


class Priced(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What decides the price of a payment, and the price, as they were when it was decided: no later tariff or BIN table alters
    it. Beside an approval, or an advice or a reversal of one."""

    day: str
    """business day in force then (YYYY-MM-DD)"""
    scheme: str
    product: str
    """of the card's BIN range"""
    channel: str
    """`pos`, `atm`, `web` or `moto`"""
    acquirer: str
    """member or network that brought it"""
    issuer: str
    """member or network that answers for the card"""
    merchant: str
    """DE42"""
    mcc: str
    """DE18"""
    direction: int
    """1: the cardholder pays; -1: a refund; 0: a hold, which moves no money until it is completed. Of a reversal: that of what it
    undoes"""
    fees: tuple[Fee, ...] = ()
    """of a reversal or a correction: what they change by"""
    unpriced: str = ""
    """why no price could be found: an unpriced item"""
    of_day: str = ""
    """of what follows another payment: the business day that one was decided in; "": not known, or it follows none"""
    region: str = ""
    """`domestic`, `intra` or `inter`: countries of card and acquirer"""
    rate: str = ""
    """at which another currency was taken: what one unit of it buys of the home currency, for all that follows the payment; "":
    it is the home currency, or an older release priced it"""


def hop_cost(priced: Priced | None, network: str) -> int:
    """What a hop to a network costs: what is owed to it for the payment, interchange included. Minor units of the home currency,
    before tax; 0 where nothing is known of a price, or `network` is "": the host is a member's."""
    return owed_to(network, priced.fees) if network and priced is not None and priced.issuer == network else 0
