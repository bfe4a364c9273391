"""Simulated days with faults and crashes: what the records of a payment and of all that followed it add up to is the fee of what
stands of it."""

from collections import defaultdict

import pytest

from switch.core.limits import Limits
from switch.core.records.fold import apply
from switch.core.records.prices import Priced
from switch.core.records.records import MTI_CLASS, Answered, Forwarded, Owed, StoodIn
from switch.core.records.state import State
from switch.core.routing.fee_table import fee_table
from switch.money.fee_line import Fee
from switch.money.fees import Payment, add_up
from switch.sim.cast import Cast
from switch.sim.world import World
from switch.wire.vocabulary import MTI


@pytest.mark.parametrize("seed", [3, 8, 21])
def test_the_fees_of_the_records_are_those_of_what_stands(seed: int, cast: Cast) -> None:
    world = World(cast, seed, 250)
    assert world.run().failures == ()
    table, networks = fee_table(cast.network), {h.name for h in cast.network.hosts if h.role == "network"}
    state = State(Limits(recent_transactions=1 << 30), open={}, owed={}, stans={}, horizons={})
    lines: dict[int, list[tuple[Fee, ...]]] = defaultdict(list)
    first: dict[int, Priced] = {}
    for entry in world.switch.entries():
        apply(state, entry)
        if isinstance(entry, Answered | StoodIn) and entry.priced is not None:
            lines[entry.txn].append(entry.priced.fees)
            first[entry.txn] = entry.priced
        if isinstance(entry, Owed) and entry.original and entry.priced is not None:
            lines[entry.original].append(entry.priced.fees)
    kinds: set[str] = set()
    for outcome in state.recent.values():
        priced, request = first.get(outcome.txn), outcome.request
        if priced is None or request is None:
            continue
        left, standing = outcome.amount, add_up(*lines[outcome.txn])
        of_hold = outcome.key[MTI_CLASS] == MTI.AUTHORIZATION
        if outcome.reversed_by or (of_hold and not outcome.captured):
            assert standing == (), f"{outcome.txn:x} has fees, and nothing of it stands"
            kinds.add("hold" if of_hold and not outcome.reversed_by else "reversed")
        elif not of_hold:
            asked = selected(priced, request, networks)
            fees, why = table.price(asked, priced.day, priced.merchant, left, priced.direction)
            assert why == priced.unpriced
            assert standing == add_up(fees), f"{outcome.txn:x}: of {left}"
            kinds.add("whole")
    assert kinds >= {"whole", "reversed", "hold"}


def selected(priced: Priced, request: Forwarded, networks: set[str]) -> Payment:
    return Payment(
        scheme=priced.scheme,
        product=priced.product,
        channel=priced.channel,
        region=priced.region,
        mcc=priced.mcc,
        merchant=priced.merchant,
        acquirer=priced.acquirer,
        issuer=priced.issuer,
        out=priced.issuer if priced.issuer in networks else "",
        into=priced.acquirer if priced.acquirer in networks else "",
        currency=request.currency,
    )
