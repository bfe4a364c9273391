"""An operator's hand on the stop list: what is on it, and cards put on it or taken off for their issuers."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import msgspec

from switch.core.kernel import Kernel
from switch.core.operator.command import OPERATOR, Arguments, Command, Unable, rows_shown
from switch.core.operator.errors import ErrorCode
from switch.core.transactions.hot_cards import HotCards
from switch.core.transactions.transaction import Refusal

CARDS_MAX = 500
"""changed by one command: it is one line to the control socket"""


class ListHot(Arguments, frozen=True):
    """Whose cards to show, the newest first, and how many."""

    issuer: str = ""
    """"": everyone's"""
    limit: int = 50
    """0: as many as one command may show"""


class HotCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A card and why it is listed: 41 lost, 43 stolen."""

    pan: str
    reason: str


class AddHot(Arguments, frozen=True):
    """Cards to list, all of them or none. `issuer`: they must be this member's; "": each is its own issuer's."""

    cards: tuple[HotCard, ...]
    issuer: str = ""
    first: int = 1
    """which card of a longer list the first one is, for what is said of one"""
    check: bool = False
    """True: nothing is changed"""


class RemoveHot(Arguments, frozen=True):
    """Cards to take off the list."""

    pans: tuple[str, ...]


class HotRow(msgspec.Struct, frozen=True, kw_only=True):
    """One card on the list."""

    pan: str
    """masked"""
    issuer: str
    reason: str
    """41 or 43"""
    by: str
    """the issuer's link, or `operator`"""
    age_s: int


class HotList(msgspec.Struct, frozen=True, kw_only=True):
    """What is on the list."""

    cards: tuple[HotRow, ...]
    left_out: int


class HotChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a command has changed."""

    changed: int
    unchanged: int
    """were so already"""
    listed: int
    """cards on the list now"""


class CardCommands:
    """Commands about hot cards, whoever's they are."""

    def __init__(self, kernel: Kernel, hot_cards: HotCards) -> None:
        self._kernel = kernel
        self._hot_cards = hot_cards

    def table(self) -> dict[str, Command]:
        """By name. No PAN of what is given is logged."""
        return {
            "cards.hot_list": Command(ListHot, self.show, changes=False),
            "cards.hot_add": Command(AddHot, self.add, private=("cards",)),
            "cards.hot_remove": Command(RemoveHot, self.remove, private=("pans",)),
        }

    def show(self, given: ListHot, now: int) -> HotList:
        """The newest first."""
        wall_us = self._kernel.wall_us(now)
        found = [e for e in reversed(self._kernel.state.hot_cards.values()) if given.issuer in ("", e.issuer)]
        rows = tuple(
            HotRow(pan=e.pan, issuer=e.issuer, reason=e.reason, by=e.by, age_s=max(0, wall_us - e.at_us) // 1_000_000)
            for e in islice(found, rows_shown(given.limit))
        )
        return HotList(cards=rows, left_out=len(found) - len(rows))

    def add(self, given: AddHot, now: int) -> HotChange:
        """List them. Raises Unable: one of them cannot be listed, and none is."""
        self._bound(len(given.cards))
        limit = self._kernel.limits.hot_cards
        if len(self._kernel.state.hot_cards) + len(given.cards) > limit:
            raise Unable(
                f"limit hot_cards={limit}: there is no room for them",
                "raise hot_cards in [limits] of the network file",
                code=ErrorCode.CARDS_FULL,
            )
        for number, card in enumerate(given.cards, given.first):
            with _of_card(number):
                self._hot_cards.check(given.issuer, card.pan, card.reason)
        added = [
            self._hot_cards.add(given.issuer, c.pan, c.reason, OPERATOR, now) for c in given.cards if not given.check
        ]
        return self._change(sum(added), len(given.cards))

    def remove(self, given: RemoveHot, now: int) -> HotChange:
        """Take them off. Raises Unable."""
        self._bound(len(given.pans))
        changed = 0
        for number, pan in enumerate(given.pans, 1):
            with _of_card(number):
                changed += self._hot_cards.remove("", pan, OPERATOR, now)
        return self._change(changed, len(given.pans))

    def _change(self, changed: int, given: int) -> HotChange:
        return HotChange(changed=changed, unchanged=given - changed, listed=len(self._kernel.state.hot_cards))

    @staticmethod
    def _bound(count: int) -> None:
        if count > CARDS_MAX:
            raise Unable(
                f"{count} cards are more than one command takes",
                f"up to {CARDS_MAX} at once",
                code=ErrorCode.CARDS_TOO_MANY,
            )


@contextmanager
def _of_card(number: int) -> Iterator[None]:
    try:
        yield
    except Refusal as refusal:
        raise Unable(
            f"card {number}: {refusal.reason}", "nothing was changed from this card on", code=ErrorCode.CARD_REFUSED
        ) from None
