"""The accounts of an issuer's cards: its test cards, and as many more as a country has, of which only what differs is kept.

In: cards, or a population of them. Out: an account by PAN, or by the name that records know a card by. A card of a population is
made again each time (`cards.Population`); its account is kept only once something has moved it, packed, in 165 bytes or so.
"""

from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Final

import msgspec

from switch.simulators.cards import Population, TestCard

SUSPENSE: Final = "suspense"
"""name of the account of unknown cards"""
_PACKED: Final = Struct("<qqqIHi")
"""balance, held, spent, day as a number, wrong PINs running, counter of the chip"""


class Account(msgspec.Struct):
    """One card's account. Amounts in minor units of its currency."""

    card: TestCard
    balance: int
    held: int = 0
    spent: int = 0
    """on `day`"""
    day: str = ""
    pin_tries: int = 0
    """wrong ones running"""
    atc: int = -1
    """the highest transaction counter that its chip has proved; -1: none yet"""

    @property
    def available(self) -> int:
        """What a debit may take."""
        return self.balance - self.held


class CardFile:
    """Accounts by PAN and by name. Whoever changes one says so (`keep`)."""

    def __init__(self, cards: Iterable[TestCard], population: Population | None = None) -> None:
        issued = tuple(cards)
        self._listed = {c.pan: Account(c, c.balance) for c in issued if c.on_file}
        self._unknown = {c.pan for c in issued if not c.on_file}
        self.suspense = _suspense(next((c.currency for c in issued), ""))
        """what the switch has approved for cards that are not on file"""
        self._named = {a.card.name: a for a in (*self._listed.values(), self.suspense)}
        self._population = population
        self._kept: dict[int, bytes] = {}
        """accounts of the population that have moved, by their cards' numbers"""

    def __getitem__(self, pan: str) -> Account:
        """KeyError: no such card is on file."""
        account = self.get(pan)
        if account is None:
            raise KeyError(pan)
        return account

    def __contains__(self, pan: str) -> bool:
        """True if a card with this PAN is on file."""
        return self.get(pan) is not None

    def get(self, pan: str) -> Account | None:
        """The account of the card with this PAN; None: it is not on file."""
        account = self._listed.get(pan)
        if account is not None or self._population is None or pan in self._unknown:
            return account
        number = self._population.number(pan)
        return self._account(self._population, number) if number is not None else None

    def named(self, name: str) -> Account:
        """The account of the card with this name. KeyError: no such card is on file."""
        account = self._named.get(name)
        if account is not None:
            return account
        if self._population is None:
            raise KeyError(name)
        return self._account(self._population, self._population.named(name))

    def keep(self, account: Account) -> None:
        """It has changed."""
        if self._population is not None and account.card.name not in self._named:
            self._kept[self._population.named(account.card.name)] = _PACKED.pack(
                account.balance, account.held, account.spent, int(account.day or 0), account.pin_tries, account.atc
            )

    def moved(self) -> Iterator[Account]:
        """Those that a payment has been on."""
        for account in self._named.values():
            if account.day:
                yield account
        for number in self._kept:
            assert self._population is not None
            account = self._account(self._population, number)
            if account.day:
                yield account

    def items(self) -> Iterable[tuple[str, Account]]:
        """PAN and account of those that were made one by one."""
        return self._listed.items()

    def _account(self, population: Population, number: int) -> Account:
        card = population.card(number)
        packed = self._kept.get(number)
        if packed is None:
            return Account(card, card.balance)
        balance, held, spent, day, pin_tries, atc = _PACKED.unpack(packed)
        return Account(card, balance, held, spent, f"{day:06d}" if day else "", pin_tries, atc)


def _suspense(currency: str) -> Account:
    """An account that belongs to no card."""
    nobody = TestCard(
        name=SUSPENSE,
        pan="",
        expiry="",
        cvv2="",
        pin="",
        issuer="",
        scheme="",
        product="",
        country="",
        currency=currency,
        balance=0,
        on_file=False,
    )
    return Account(nobody, 0)
