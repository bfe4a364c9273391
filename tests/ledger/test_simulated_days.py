"""Simulated days, with faults and without: the ledger, the journal's books and the banks' own come to the same.

A day passes only if what terminals, issuers and networks have in their own books agrees with what the records say
(`switch.sim.audit`), payment by payment. Here the ledger is held to the records as that comparison reads them.
"""

import pytest

from switch.config import load_network
from switch.core.records.disputes import Step
from switch.core.records.fold import apply
from switch.core.records.lifecycle import Status
from switch.core.records.state import State
from switch.core.records.totals import AS_ACQUIRER, net_of
from switch.journal.projections import STANDARD
from switch.journal.projections.days import DayFold
from switch.journal.projections.effects import Effect
from switch.journal.projections.projection import Folding, begin
from switch.ledger.entries import PAYMENT, Entry, is_inner
from switch.ledger.fold import LedgerFold
from switch.ledger.netting import settle
from switch.sim.cast import Cast
from switch.sim.world import World
from switch.simulators.network import SETTLEMENT
from switch.simulators.reconciliation import journal_rows
from tests.ledger.balance import check_balance
from tests.ledger.stories import MAD

NETWORKS = {"visa", "mastercard"}


@pytest.mark.parametrize(("seed", "faults"), [(3, True), (26, True), (49, True), (5, False), (11, True)])
def test_the_ledger_agrees_with_the_books_of_a_simulated_day(seed: int, faults: bool) -> None:
    cast = Cast(load_network("morocco"))
    world = World(cast, seed, 300, faults=None if faults else ())
    assert world.run().failures == ()
    records = world.switch.disk.entries[: world.switch.disk.durable]
    every: list[Entry] = []
    ledger = LedgerFold(MAD, every.append)
    for sequence, record in enumerate(records, 1):
        ledger.fold(sequence, record)
    steps = {step.value for step in Step}
    posted = [entry for entry in every if entry.what not in steps]
    state = State(cast.network.limits)
    for record in records:
        apply(state, record)
    given_back = sum(dispute.given_back for dispute in state.disputes.last.values())
    assert sum(entry.amount for entry in every if entry.what in steps) == -given_back

    stands: dict[str, int] = {}
    for payment in {payment.txn: payment for payment in ledger.payments.known.values()}.values():
        stands[payment.currency] = stands.get(payment.currency, 0) + payment.stands + payment.held
    books: dict[str, int] = {}
    for row in journal_rows(records):
        books[row.currency] = books.get(row.currency, 0) + (row.amount if row.status is Status.APPROVED else 0)
    assert {code: amount for code, amount in stands.items() if amount} == {c: a for c, a in books.items() if a}

    assert posted
    by_currency: dict[str, int] = {}
    for entry in posted:
        check_balance(entry.lines)
        by_currency[entry.currency] = by_currency.get(entry.currency, 0) + entry.amount
    held = sum(holds.amount for holds in ledger.holds.values())
    assert sum(by_currency.values()) + held == sum(stands.values())
    assert held == sum(p.held for p in {p.txn: p for p in ledger.payments.known.values()}.values())

    brought = [
        move
        for entry in posted
        if entry.acquirer in NETWORKS
        for move in entry.moves
        if move.kind == PAYMENT and not is_inner(move.payer) and not is_inner(move.payee)
    ]
    assert {move.currency for move in brought} <= {SETTLEMENT}, "a network's requests say what it settles in"
    assert brought

    posted_by: dict[tuple[str, str, str], int] = {}
    for entry in posted:
        at = str(entry.window), entry.acquirer, entry.currency
        posted_by[at] = posted_by.get(at, 0) + entry.amount
    totals = {
        (window, party, currency): -net_of(sums)
        for window, cells in state.totals.windows.items()
        for (role, party, currency), sums in cells.items()
        if role == AS_ACQUIRER
    }
    assert {at: n for at, n in totals.items() if n} == {at: n for at, n in posted_by.items() if n}

    days = begin(STANDARD)
    add = Folding(days.values()).add
    for sequence, record in enumerate(records, 1):
        add(record, sequence, 0, 0)
    counted = days["days"]
    assert isinstance(counted, DayFold)
    moved = sum(one.amount for cell, one in counted.sums.items() if cell.effect != Effect.HELD)
    assert (moved, sum(one.amount for one in counted.sums.values()) - moved) == (sum(by_currency.values()), held)

    members = [member.name for member in cast.network.members]
    for window, cells in ledger.positions.items():
        settlement = settle(window, cells, members=members, networks=NETWORKS, home=MAD)
        for netted in (*settlement.net, *settlement.bilateral):
            assert sum(position.net for position in netted.positions) == 0
    assert sum(s.count for cells in ledger.positions.values() for s in cells.values()) == sum(
        not (is_inner(m.payer) or is_inner(m.payee)) for e in every for m in e.moves
    )
