"""What a network settles in its own currency: nothing is made or lost, in any currency, however a payment is taken back."""

import os
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.core.records.disputes import Disputed
from switch.core.records.records import Answered, AnyEntry, Forwarded, Owed
from switch.ledger.entries import Entry, Move, Window
from switch.ledger.netting import settle
from switch.money.convert import apply_rate, decode_rate, encode_rate
from switch.money.currency import CURRENCIES, format_amount
from switch.money.fee_line import Fee
from tests.ledger.balance import check_balance
from tests.ledger.stories import DAY, MAD, Sides, fold, records
from tests.ledger.test_fold import PAGE

USD, EUR = "840", "978"
ABROAD = Sides(issuer="visa", acquirer="atlas")
SPLITS = int(os.environ.get("CMI_SWITCH_SPLITS", "60"))
"""random payments; CMI_SWITCH_SPLITS=1000000 tries a million"""


def through(story: str, said: dict[str, str], sides: Sides = ABROAD, code: str = MAD) -> Iterator[AnyEntry]:
    """A story of a payment in `code` that goes to a network, which says this with its approval."""
    for entry in records(story, sides):
        if isinstance(entry, Forwarded):
            yield msgspec.structs.replace(entry, route="visa", currency=code)
        elif isinstance(entry, Answered):
            yield msgspec.structs.replace(entry, elements=entry.elements | said)
        elif isinstance(entry, Owed):
            yield msgspec.structs.replace(entry, currency=code)
        else:
            yield entry


SAID = {"5": "000000000802", "9": "71003009", "50": USD}
"""80.00 MAD at 9.97 MAD a dollar: 8.0240720"""


def test_the_worked_example_to_the_centime() -> None:
    ledger, (entry,) = fold(through("0200 80.00", SAID))
    assert entry.moves == (
        Move("visa", "atlas", "payment", USD, 8_02),
        Move("atlas", "fx:atlas", "fx", USD, 8_02),
        Move("fx:atlas", "atlas", "fx", MAD, 79_96),
        Move("fx-difference:atlas", "atlas", "fx", MAD, 4),
        Move("atlas", "merchant:M1", "payment", MAD, 80_00),
    )
    told = [
        f"| {m.payer} | {m.payee.removesuffix(':M1')} | {m.kind} | {format_amount(m.amount, m.currency)} |"
        for m in entry.moves
    ]
    assert "\n".join(told) in PAGE, "the page shows it"
    check_balance(entry.lines)
    made = settle(Window(DAY, 1), ledger.positions[Window(DAY, 1)], members=("atlas",), networks={"visa"}, home=MAD)
    (visa,) = made.bilateral
    assert (visa.currency, {p.party: p.net for p in visa.positions}) == (USD, {"atlas": 8_02, "visa": -8_02})
    assert [p.net for p in made.net[0].positions] == [0, 0], "no network is in the multilateral net"


def test_what_is_owed_to_the_network_is_in_its_currency_too() -> None:
    fee = Fee(rule="s", kind="scheme", payer="atlas", payee="visa", amount=1_30)
    _, (entry,) = fold(through("0200 80.00", SAID, Sides(issuer="visa", acquirer="atlas", fees=(fee,))))
    assert [m for m in entry.moves if m.kind == "scheme"] == [Move("atlas", "visa", "scheme", USD, 13)]
    check_balance(entry.lines)
    assert sum(line.amount for line in entry.lines if line.account.owner == "atlas" and line.currency == USD) == 0


@pytest.mark.parametrize("other", [EUR, USD])
def test_an_advice_in_another_currency_takes_back_what_was_exchanged_and_is_settled_as_it_says(other: str) -> None:
    """USD: also where that is the network's own. What stood went back in MAD, 80.98 USD were owed for 9.00."""
    told = through("0200 80.00, 0220 9.00, 0420", SAID)
    changed = [msgspec.structs.replace(one, currency=other) if isinstance(one, Owed) else one for one in told]
    _, (purchase, correction, reversal) = fold(changed)
    taken_back = sums([purchase, correction])
    assert {(str(of), code): amount for (of, code), amount in taken_back.items() if amount} == {
        ("atlas:visa:payment", other): 9_00,
        ("visa:atlas:payment", other): -9_00,
        ("atlas:merchant:M1:payment", other): -9_00,
        ("merchant:M1:atlas:payment", other): 9_00,
    }
    assert set(sums([purchase, correction, reversal]).values()) == {0}


def test_what_is_taken_back_in_parts_comes_back_to_zero_everywhere() -> None:
    _, posted = fold(through("0200 80.00, 0420 left 79.95, 0420 left 79.90, 0420", SAID))
    assert [entry.amount for entry in posted] == [80_00, -5, -5, -79_90]
    assert set(sums(posted).values()) == {0}


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"5": "000000000802", "9": "71003009"},
        {"5": "8.02", "9": "71003009", "50": USD},
        {"5": "000000000802", "9": "70000000", "50": USD},
        {"5": "000000000802", "9": "7100300", "50": USD},
        {"5": "000000000802", "9": "71003009", "50": "999"},
        {"5": "000000008000", "9": "61000000", "50": MAD},
    ],
    ids=["nothing", "no DE50", "DE5 no number", "a rate of 0", "a short rate", "no such currency", "the same currency"],
)
def test_without_a_settlement_that_can_be_used_it_stays_in_the_payments_currency(said: dict[str, str]) -> None:
    _, (entry,) = fold(through("0200 80.00", said))
    assert entry.moves[0] == Move("visa", "atlas", "payment", MAD, 80_00)
    assert {m.currency for m in entry.moves} == {MAD}


def test_a_members_own_card_is_never_exchanged() -> None:
    story = [
        msgspec.structs.replace(e, elements=e.elements | SAID) if isinstance(e, Answered) else e
        for e in records("0200 80.00")
    ]
    _, (entry,) = fold(story)
    assert {m.currency for m in entry.moves} == {MAD}


def brought(story: str, said: dict[str, str], link: str = "visa") -> Iterator[AnyEntry]:
    """A story of a payment in EUR of atlas's card abroad, which visa brings with this."""
    for entry in records(story, Sides(issuer="atlas", acquirer="visa")):
        if isinstance(entry, Forwarded):
            yield msgspec.structs.replace(entry, link=link, currency=EUR, elements=entry.elements | said)
        elif isinstance(entry, Owed):
            yield msgspec.structs.replace(entry, link=link, currency=EUR, message=entry.message | said)
        elif isinstance(entry, Disputed):
            yield msgspec.structs.replace(entry, currency=EUR)
        else:
            yield entry


BROUGHT = {"5": "000000008699", "9": "61087349", "50": USD}
"""80.00 EUR at 1.087349 dollars a euro: 86.98792"""


def test_what_a_network_brings_is_settled_in_its_currency_and_its_merchant_is_its_own_business() -> None:
    ledger, (entry,) = fold(brought("0200 80.00", BROUGHT))
    assert entry.moves == (
        Move("atlas", "visa", "payment", USD, 86_99),
        Move("fx:atlas", "atlas", "fx", USD, 86_99),
        Move("atlas", "fx:atlas", "fx", EUR, 80_00),
        Move("visa", "merchant:M1", "payment", EUR, 80_00),
    )
    made = settle(Window(DAY, 1), ledger.positions[Window(DAY, 1)], members=("atlas",), networks={"visa"}, home=MAD)
    (visa,) = made.bilateral
    assert (visa.currency, {p.party: p.net for p in visa.positions}) == (USD, {"atlas": -86_99, "visa": 86_99})
    _, posted = fold(brought("0200 80.00, 0420 left 30.00, 0420", BROUGHT))
    assert set(sums(posted).values()) == {0}
    _, (entry,) = fold(brought("0220 80.00 alone", BROUGHT))
    assert entry.moves[0] == Move("atlas", "visa", "payment", USD, 86_99), (
        "an advice of what it has approved itself, too"
    )


def test_who_is_no_network_settles_in_the_currency_of_the_payment_whatever_its_requests_say() -> None:
    _, (entry,) = fold(brought("0200 80.00", BROUGHT, "acquirers"))
    assert {m.currency for m in entry.moves} == {EUR}


def test_what_is_claimed_back_goes_the_way_that_the_payment_came() -> None:
    fee = Fee(rule="i", kind="interchange", payer="atlas", payee="visa", amount=1_20)
    story = through(
        "0200 80.00, chargeback, representment 40.00, pre-arbitration, arbitration, closed issuer",
        SAID,
        Sides(issuer="visa", acquirer="atlas", fees=(fee,)),
    )
    back = (msgspec.structs.replace(fee, amount=-1_20),)
    _, posted = fold(
        msgspec.structs.replace(one, fees=back) if isinstance(one, Disputed) and one.step == "chargeback" else one
        for one in story
    )
    moves = [m for entry in posted for m in entry.moves if "visa" in m[:2]]
    assert moves == [
        Move("visa", "atlas", "payment", USD, 8_02),
        Move("atlas", "visa", "interchange", USD, 12),
        Move("atlas", "visa", "dispute", USD, 8_02),
        Move("visa", "atlas", "interchange", USD, 12),
        Move("visa", "atlas", "dispute", USD, 4_01),
        Move("atlas", "visa", "dispute", USD, 4_01),
    ]
    found = sums(posted)
    assert {amount for (account, _), amount in found.items() if "fx" in str(account)} == {0}, "nothing is left of it"
    _, posted = fold(brought("0200 80.00, chargeback, closed acquirer", BROUGHT))
    assert [m for entry in posted[1:] for m in entry.moves if m.currency == USD and "visa" in m[:2]] == [
        Move("visa", "atlas", "dispute", USD, 86_99),
        Move("atlas", "visa", "dispute", USD, 86_99),
    ]


def test_a_completion_is_exchanged_at_the_rate_of_its_hold() -> None:
    _, (entry,) = fold(through("0100 80.00, 0220 40.00", SAID))
    assert entry.moves[0] == Move("visa", "atlas", "payment", USD, 4_01)


def sums(posted: list[Entry]) -> Counter[tuple[object, str]]:
    """By account and currency."""
    found: Counter[tuple[object, str]] = Counter()
    for entry in posted:
        check_balance(entry.lines)
        for line in entry.lines:
            found[line.account, line.currency] += line.amount
    return found


CODES = sorted(CURRENCIES)


@settings(max_examples=SPLITS, deadline=None)
@given(
    st.integers(1, 10**11),
    st.sampled_from(CODES),
    st.sampled_from(CODES),
    st.decimals("0.00001", "9999", allow_nan=False, places=5),
    st.lists(st.integers(0, 1_000), max_size=5),
    st.booleans(),
)
def test_no_split_makes_or_loses_anything(
    amount: int, code: str, settles: str, rate: Decimal, parts: list[int], refund: bool
) -> None:
    said_rate = encode_rate(rate)
    foreign = apply_rate(amount, code, settles, decode_rate(said_rate))
    said = {"5": f"{foreign:012d}", "9": said_rate, "50": settles}
    cents = f"{amount // 100}.{amount % 100:02d}"
    left = sorted({amount * part // 1_001 for part in parts} - {0, amount}, reverse=True)
    back = [f"0420 left {x // 100}.{x % 100:02d}" for x in left]
    story = ", ".join([f"0200 {cents}{' refund' if refund else ''}", *back, "0420"])
    _, posted = fold(through(story, said, code=code))
    if settles != code:
        owed = sum(
            m.amount for m in posted[0].moves if m.currency == settles and {"visa", "atlas"} == {m.payer, m.payee}
        )
        assert owed == foreign
        stands = amount
        for entry, now in zip(posted[1:], [*left, 0], strict=True):
            assert abs(entry.amount) == stands - now
            stands = now
    assert set(sums(posted).values()) <= {0}, "all of it is back"
    differences = [
        abs(m.amount) for entry in posted for m in entry.moves if "fx-difference:atlas" in (m.payer, m.payee)
    ]
    unit = decode_rate(said_rate)
    shift = CURRENCIES[code].exponent - CURRENCIES[settles].exponent
    assert all(d <= 2 + 10 ** max(shift, 0) / unit for d in differences), "what rounding leaves, and no more"
