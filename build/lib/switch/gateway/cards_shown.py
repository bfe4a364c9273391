"""Test cards as a demo shop and the payment page of a test network show them: one of each kind that there is.

In: a network file. Out: cards, each with its kind and what it shows. The one rule: only cards that the network file itself makes;
the payment page offers them where it says `test = true`, and nowhere else.
"""

from typing import Final, NamedTuple

from switch.core.network import Network
from switch.simulators.cards import demo_cards

_SHOWN: Final = {
    "approved": ("domestic", "Cmi card: approved; its bank asks for nothing up to 2000.00"),
    "atlas-visa": ("challenged", "a Moroccan bank's Visa: its bank asks for a code by SMS"),
    "souss-approved": ("unenrolled", "not enrolled in 3-D Secure: approved, at the shop's risk"),
    "fr-visa": ("foreign", "French Visa: slower, and dearer for the shop"),
    "us-mastercard": ("foreign", "American Mastercard: likewise"),
    "51": ("refused", "not enough money"),
    "rif-visa": ("rejected", "rejected by its bank's 3-D Secure"),
}
"""name of a card, or its end -> kind, what it shows"""


class CardShown(NamedTuple):
    """A card to try."""

    kind: str
    """`domestic`, `challenged`, `unenrolled`, `foreign`, `refused` or `rejected`"""
    what: str
    pan: str
    expiry: str
    """MM/YY, as it is typed"""
    cvv2: str
    scheme: str


def cards_shown(network: Network) -> list[CardShown]:
    """One of each kind that the network has."""
    cards, found = demo_cards(network), []
    for end, (kind, what) in _SHOWN.items():
        card = next((c for c in cards if c.name == end or c.name.endswith(f"-{end}")), None)
        if card is not None:
            expiry = f"{card.expiry[2:]}/{card.expiry[:2]}"
            found.append(CardShown(kind, what, card.pan, expiry, card.cvv2, card.scheme))
    return found
