"""Positions of a window -> who owes, who is owed. Knows no record: cells in, a settlement out.

Which party is what is no matter of the journal: the network file says it, of parties that have left, too (`settle_by`).

The rule. Members, the switch and whoever else is paid a fee settle multilaterally: each pays or gets one amount a currency, which
is all that it was owed less all that it owed, and these come to zero. A network is outside of that: each member settles with each
network by itself. Merchants are paid by their acquirers, and are in no settlement.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import msgspec

from switch.core.network import Network
from switch.ledger.entries import PAYMENT, SWITCH, Window, is_inner


class Cell(NamedTuple):
    """What a position is summed up by."""

    payer: str
    payee: str
    kind: str
    currency: str


class Sum(msgspec.Struct, gc=False):
    """What one party owes another of one kind, in one currency."""

    count: int = 0
    amount: int = 0
    """minor units, never below zero: what is given back is a cell of the other direction"""


Cells = Mapping[Cell, Sum]


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What one party owes and is owed in one currency."""

    party: str
    currency: str
    owes: int
    """all that it is to pay, minor units"""
    owed: int
    """all that it is to get"""
    kinds: tuple[tuple[str, int], ...]
    """the net by kind, `payment` and those of fees, in alphabetical order"""

    @property
    def net(self) -> int:
        """What it gets (above zero) or pays."""
        return self.owed - self.owes


class Netted(msgspec.Struct, frozen=True, kw_only=True):
    """Positions in one currency whose nets come to zero: those of the multilateral net, or of a member and a network."""

    currency: str
    network: str = ""
    """"": the multilateral net"""
    positions: tuple[Position, ...]
    gross: int
    """payments as they were posted, both ways"""

    @property
    def moved(self) -> int:
        """What is paid in place of all payments."""
        return sum(p.net for p in self.positions if p.net > 0)

    def of(self, party: str) -> Position:
        """The position of a party. KeyError: it has none here."""
        for position in self.positions:
            if position.party == party:
                return position
        raise KeyError(party)


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """A window as it is settled."""

    window: Window
    net: tuple[Netted, ...]
    """multilateral, one a currency; the home currency first, and there even where nothing was moved"""
    bilateral: tuple[Netted, ...]
    """a member and a network, in one currency"""


class UnknownPartyError(ValueError):
    """A window has a position of somebody of whom the network file says nothing. The message says whose, and what to do."""


def settle_by(network: Network, window: Window, cells: Cells) -> Settlement:
    """A window by what the network file says of its parties.

    UnknownPartyError: it says of one neither that it settles with all others nor that it is a network, and which of the two it is
    decides what everybody gets.
    """
    networks = network.networks
    known = {SWITCH, *networks, *network.payees, *(m.name for m in network.members), *(h.name for h in network.hosts)}
    for cell in cells:
        for party in cell[:2]:
            if party not in known and not is_inner(party):
                raise UnknownPartyError(
                    f"{party} has a position in {window}, and {network.source} does not say what it is. A bank or payee that "
                    "has left, or has another name now, goes into [payees]; a network into [former_networks], as "
                    f'{party} = "its scheme"'
                )
    members = [member.name for member in network.issuing]
    return settle(window, cells, members=members, networks=networks, home=network.currency)


def settle(
    window: Window, cells: Cells, *, members: Collection[str], networks: Collection[str], home: str
) -> Settlement:
    """`members`: those that have a position in the home currency (numeric), whether or not they had traffic."""
    inside: dict[str, list[tuple[Cell, Sum]]] = {home: []}
    outside: dict[tuple[str, str, str], list[tuple[Cell, Sum]]] = {}
    for cell, found in cells.items():
        if is_inner(cell.payer) or is_inner(cell.payee):
            continue
        network = cell.payer if cell.payer in networks else cell.payee if cell.payee in networks else ""
        if network:
            member = cell.payee if network == cell.payer else cell.payer
            outside.setdefault((network, member, cell.currency), []).append((cell, found))
        else:
            inside.setdefault(cell.currency, []).append((cell, found))
    everybody = {*members, SWITCH}
    currencies = [home, *sorted(inside.keys() - {home})]
    return Settlement(
        window=window,
        net=tuple(_netted(inside[code], code, everybody if code == home else ()) for code in currencies),
        bilateral=tuple(
            _netted(found, code, (network, member), network)
            for (network, member, code), found in sorted(outside.items())
        ),
    )


def together(several: Iterable[Cells]) -> dict[Cell, Sum]:
    """What several windows came to, as one."""
    cells: dict[Cell, Sum] = {}
    for each in several:
        for cell, found in each.items():
            at = cells.setdefault(cell, Sum())
            at.count, at.amount = at.count + found.count, at.amount + found.amount
    return cells


def _netted(found: Iterable[tuple[Cell, Sum]], currency: str, parties: Collection[str], network: str = "") -> Netted:
    owes = dict.fromkeys(parties, 0)
    owed = dict.fromkeys(parties, 0)
    kinds: dict[str, dict[str, int]] = {party: {} for party in parties}
    gross = 0
    for (payer, payee, kind, _), cell in found:
        owes[payer] = owes.get(payer, 0) + cell.amount
        owed[payee] = owed.get(payee, 0) + cell.amount
        gross += cell.amount if kind == PAYMENT else 0
        for party, amount in ((payer, -cell.amount), (payee, cell.amount)):
            of = kinds.setdefault(party, {})
            of[kind] = of.get(kind, 0) + amount
    positions = tuple(
        Position(
            party=party,
            currency=currency,
            owes=owes.get(party, 0),
            owed=owed.get(party, 0),
            kinds=tuple(sorted(kinds[party].items())),
        )
        for party in sorted(kinds, key=lambda name: (name == SWITCH, name))
    )
    if sum(position.net for position in positions):
        raise AssertionError(f"nets in {currency} do not come to zero: {positions}")
    return Netted(currency=currency, network=network, positions=positions, gross=gross)
