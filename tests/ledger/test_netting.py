"""Netting: four members worked by hand to the centime, and sums that are zero whatever was moved."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from switch.ledger.entries import PAYMENT, SWITCH, Window
from switch.ledger.netting import Cell, Settlement, Sum, settle
from tests.ledger.stories import moved

MAD = "504"
WINDOW = Window("2026-11-27", 1)
MEMBERS = ("A", "N", "R", "S")
WORKED = [
    ("A", "R", 1000_00, 6_50),
    ("A", "S", 400_00, 2_60),
    ("R", "A", 750_50, 4_88),
    ("R", "N", 120_25, 78),
    ("S", "A", 310_10, 2_02),
    ("S", "R", 95_99, 62),
    ("N", "S", 2000_00, 13_00),
    ("A", "R", -50_00, -33),
]
"""issuer, acquirer, amount, interchange; the acquirer pays the switch 0.30 each"""


def settled(moves: list[tuple[str, str, str, str, int]]) -> Settlement:
    cells: dict[Cell, Sum] = defaultdict(Sum)
    for wanted in moves:
        for payer, payee, kind, currency, amount in moved(*wanted):
            cell = cells[Cell(payer, payee, kind, currency)]
            cell.count += 1
            cell.amount += amount
    return settle(WINDOW, cells, members=MEMBERS, networks={"visa", "mc"}, home=MAD)


def test_four_members_worked_by_hand() -> None:
    moves = []
    for issuer, acquirer, amount, interchange in WORKED:
        moves.append((issuer, acquirer, PAYMENT, MAD, amount))
        moves.append((acquirer, issuer, "interchange", MAD, interchange))
        moves.append((acquirer, SWITCH, "switch", MAD, 30))
    (net,) = settled(moves).net
    assert {p.party: p.net for p in net.positions} == {
        "A": -288_13,
        "N": -1867_83,
        "R": 173_21,
        "S": 1980_35,
        SWITCH: 2_40,
    }
    assert (net.moved, net.gross) == (2155_96, 4726_84)
    assert net.of("A").kinds == (("interchange", 9_10 - 33 - 6_90), ("payment", 1060_60 - 1350_00), ("switch", -60))


def test_a_window_without_traffic_settles_every_member_at_zero() -> None:
    settlement = settled([])
    (net,) = settlement.net
    assert [(p.party, p.net) for p in net.positions] == [("A", 0), ("N", 0), ("R", 0), ("S", 0), (SWITCH, 0)]
    assert (net.moved, net.gross, settlement.bilateral) == (0, 0, ())


def test_a_network_settles_with_each_member_by_itself() -> None:
    settlement = settled(
        [("visa", "A", PAYMENT, MAD, 80_00), ("R", "visa", PAYMENT, "978", 7_45), ("A", "visa", "scheme", MAD, 73)]
    )
    assert [p.net for p in settlement.net[0].positions] == [0] * 5
    assert [(b.network, b.currency, [(p.party, p.net) for p in b.positions]) for b in settlement.bilateral] == [
        ("visa", MAD, [("A", 79_27), ("visa", -79_27)]),
        ("visa", "978", [("R", -7_45), ("visa", 7_45)]),
    ]


PARTIES = st.sampled_from([*MEMBERS, SWITCH, "gateway", "visa", "mc", "merchant:M1"])
MOVES = st.tuples(
    PARTIES,
    PARTIES,
    st.sampled_from([PAYMENT, "interchange", "vat"]),
    st.sampled_from([MAD, "978"]),
    st.integers(-(10**10), 10**10),
)


@given(st.lists(MOVES, max_size=40))
def test_all_nets_come_to_zero_and_hold_all_that_was_moved(
    moves: list[tuple[str, str, str, str, int]],
) -> None:
    settlement = settled(moves)
    for netted in (*settlement.net, *settlement.bilateral):
        assert sum(p.net for p in netted.positions) == 0
        assert netted.moved == -sum(p.net for p in netted.positions if p.net < 0)
        for position in netted.positions:
            assert sum(amount for _, amount in position.kinds) == position.net
    for party in (*MEMBERS, SWITCH, "gateway"):
        for code in (MAD, "978"):
            wanted = sum(
                (payee == party) * amount - (payer == party) * amount
                for payer, payee, _, currency, amount in moves
                if currency == code and "merchant:M1" not in (payer, payee)
            )
            found = sum(
                p.net
                for n in (*settlement.net, *settlement.bilateral)
                if n.currency == code
                for p in n.positions
                if p.party == party
            )
            assert found == wanted
