"""What each acquirer and host has counted by itself, held against what the switch has counted of it, over all windows.

Money is money, whatever a host puts where; who counts what was asked is off by that, and by nothing else.
"""

from collections import Counter
from collections.abc import Iterator

from switch.core.records.totals import AS_ACQUIRER, AS_ISSUER, Totals, net_of
from switch.sim.ports import Surroundings
from switch.simulators.issuer import Issuer

Nets = Counter[tuple[str, str, str]]
"""By role, party and currency: minor units."""


def disagreements(world: Surroundings, totals: Totals) -> Iterator[str]:
    """Sentences about nets that are not the same. `totals`: the switch's; nothing is said where a day has made room."""
    if totals.dropped:
        return
    own, there = _own(world), _counted(world, totals)
    for role, party, currency in sorted(own.keys() | there.keys()):
        here, switchs = own[role, party, currency], there[role, party, currency]
        if here != switchs:
            yield f"{party} has counted a net of {here} in {currency} as {role}, the switch {switchs}"


def _own(world: Surroundings) -> Nets:
    """Issuers and networks by their postings, acquirers by what their terminals' answers have said."""
    own = Nets()
    for name in world.hosts:
        party = world.nodes[name].party
        if isinstance(party, Issuer):
            totals = party.ledger.holdings.totals
            for (_, currency), sums in totals.days.items():
                own[AS_ISSUER, name, currency] += sums.net
            for currency, beyond in totals.beyond.items():
                own[AS_ISSUER, name, currency] += beyond
    for terminal in world.terminals:
        for (_, currency), sums in terminal.totals.days.items():
            own[AS_ACQUIRER, terminal.name.partition("-")[0], currency] += sums.net
    return own


def _counted(world: Surroundings, totals: Totals) -> Nets:
    """The switch's; not of payments from abroad, whose networks may have forgotten what they were answered."""
    networks, there = {network.name for network in world.networks}, Nets()
    for cells in totals.windows.values():
        for (role, party, currency), sums in cells.items():
            if role == AS_ISSUER or party not in networks:
                there[role, party, currency] += net_of(sums)
    return there
