"""What banks' own books say they are owed, beside the settlement: planted differences, and whole simulated days."""

import pytest
from msgspec.structs import replace

from switch.config import load_network
from switch.core.records.prices import hop_cost
from switch.ledger.entries import Entry, Window
from switch.ledger.exchange import EXCHANGE
from switch.ledger.fold import LedgerFold
from switch.ledger.levels import Level, by_level, network_cost
from switch.ledger.netting import settle, together
from switch.sim.cast import Cast
from switch.sim.world import World
from switch.simulators.reconciliation import Books, Debit, money
from switch.simulators.settled import OwnPosition, compare_settled, own_positions, posted, settled
from tests.ledger.stories import MAD, Sides, fold, records
from tests.simulators.test_reconciliation import KEY, acquirer, issuer, payment

SCHEMES = {"visa": "visa", "mastercard": "mastercard"}
MEMBERS = {"504101": "atlas", "504102": "rif", "504103": "souss"}


def debit(amount: int = 100_00, held: bool = False, key: str = KEY) -> Debit:
    return Debit(key=key, amount=amount, currency=MAD, billed=amount, billing=MAD, held=held)


def nets(amount: int) -> dict[tuple[str, str], int]:
    _, entries = fold(records(f"0200 {amount // 100}.{amount % 100:02d}", Sides(issuer="atlas", acquirer="rif")))
    return posted(entries)


def test_what_terminals_took_less_what_cards_paid_is_what_the_ledger_posts() -> None:
    books = Books(terminals=(acquirer(payment()),), issuers=(issuer(debit()),))
    own = own_positions(books, MEMBERS)
    assert own == {("rif", MAD): OwnPosition(took=100_00), ("atlas", MAD): OwnPosition(paid=100_00)}
    assert compare_settled(own, nets(100_00)) == []


def test_a_centime_is_a_difference_at_both_banks() -> None:
    own = own_positions(Books(terminals=(acquirer(payment()),), issuers=(issuer(debit()),)), MEMBERS)
    assert [d.sentence for d in compare_settled(own, nets(100_01))] == [
        "by its own books atlas is to get -100.00 MAD for its payments, by the ledger -100.01 MAD",
        "by its own books rif is to get 100.00 MAD for its payments, by the ledger 100.01 MAD",
    ]


def test_what_is_held_is_no_money_yet_and_abroad_a_network_took_it() -> None:
    other = KEY.replace("000001", "000002")
    books = Books(
        terminals=(acquirer(payment(), payment(key=other, amount=7_00)),),
        networks=(replace(acquirer(payment(key="400250/FR/1", amount=5_00)), name="visa-abroad"),),
        issuers=(issuer(debit(held=True), debit(7_00, key=other), debit(5_00, key="400250/FR/1")),),
    )
    own = own_positions(books, MEMBERS)
    assert {key: (o.took, o.paid) for key, o in own.items()} == {
        ("rif", MAD): (7_00, 0),
        ("visa", MAD): (5_00, 0),
        ("atlas", MAD): (0, 12_00),
    }


@pytest.mark.parametrize("seed", [5, 12])
def test_a_simulated_day_settles_as_the_banks_own_books_say(seed: int) -> None:
    world = World(Cast(load_network("morocco")), seed, 300, faults=())
    assert world.run().failures == ()
    entries: list[Entry] = []
    ledger = LedgerFold(MAD, entries.append)
    journal = world.switch.disk.entries[: world.switch.disk.durable]
    for sequence, record in enumerate(journal, 1):
        ledger.fold(sequence, record)
    networks = [n.abroad_book() for n in world.networks]
    issuers = [n.party.book() for n in map(world.nodes.__getitem__, world.hosts) if n.party is not None]  # type: ignore[attr-defined]  # hosts are Issuers
    books = Books(terminals=tuple(t.book() for t in world.terminals), networks=tuple(networks), issuers=tuple(issuers))
    own = own_positions(books, MEMBERS)
    assert any(o.took and o.paid for o in own.values())
    assert compare_settled(own, posted(entries)) == []

    cells = together(ledger.positions.values())
    paid = settled(settle(Window("2026-11-27", 1), cells, members=list(MEMBERS.values()), networks=SCHEMES, home=MAD))
    for code in {code for _, code in paid}:
        assert sum(amount for (_, of), kinds in paid.items() if of == code for amount in kinds.values()) == 0

    levels = by_level(entries, SCHEMES, MAD)
    shares = [of.charge / of.amount for of in levels.values()]
    assert shares[0] < shares[1] < shares[2]
    assert levels[Level.NATIONAL].network == levels[Level.LOCAL].network == 0 < levels[Level.FOREIGN].network

    exchanged = 0
    for entry in entries:
        priced = getattr(journal[entry.sequence - 1], "priced", None)
        assert network_cost(entry, SCHEMES) == (hop_cost(priced, entry.issuer) if entry.issuer in SCHEMES else 0)
        exchanged += any(one.kind == EXCHANGE for one in entry.moves)
    assert exchanged > 20


def test_an_amount_is_shown_with_its_own_decimals() -> None:
    told = [money(1234, code) for code in ("392", "788", "504", "")]
    assert told == ["1234 JPY", "1.234 TND", "12.34 MAD", "1234 (of no currency)"]
