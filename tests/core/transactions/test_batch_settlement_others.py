"""How terminals that others have built settle and upload: as `test_classic_others`, in the same minds."""

import pytest

from switch.core.records.batch_records import BatchClosed
from switch.core.records.records import Excepted
from switch.core.transactions.batch_settlement import ONLY_SWITCH, ONLY_TERMINAL
from switch.wire.vocabulary import Document
from tests.core.scripts import ATLAS_CARD
from tests.core.tills import Shop, UnionPay, reversal, sale, settlement, uploaded, void


@pytest.fixture
def shop() -> Shop:
    return Shop()


NOBODY: Document = {"37": "0" * 12}
"""of a payment that has no answer"""


def left_to_a_person(shop: Shop) -> list[tuple[str, int]]:
    return [(entry.kind, entry.amount) for entry in shop.book.recorded(Excepted) if isinstance(entry, Excepted)]


def trailer(shop: Shop, stan: str, *sums: int) -> str:
    return shop.till.asks(settlement(stan, *sums, code="960000"))["39"]


@pytest.mark.parametrize("form", ["DE60 and DE37", "DE60 alone", "DE37 alone"])
def test_a_payment_uploaded_again_under_another_number_counts_once(shop: Shop, form: str) -> None:
    """The answer was lost, and each message takes the next DE11, as most terminals have it."""
    kept = shop.pays(sale("000001"))
    totals = (2, 15_700, 0, 0)
    assert shop.till.asks(settlement("000010", *totals))["39"] == "95"
    more = {"DE60 and DE37": {"37": kept["37"]}, "DE60 alone": {}, "DE37 alone": {"37": kept["37"], "60": "000001"}}[
        form
    ]
    message = uploaded(sale("000001"), NOBODY, "") | {"60": "0200000001" + " " * 12} | more
    for stan in ("000012", "000013"):
        assert shop.till.asks({**message, "11": stan})["39"] == "00"
    assert shop.till.asks(uploaded(sale("000009", 700), NOBODY, "000014"))["39"] == "00"
    assert trailer(shop, "000015", *totals) == "00"
    assert left_to_a_person(shop) == [(ONLY_TERMINAL, 700)]


@pytest.mark.parametrize("crash", [False, True])
def test_an_upload_goes_on_behind_a_second_settlement_and_is_not_asked_for_again(shop: Shop, crash: bool) -> None:
    """It marks what was answered, and uploads each payment once: asked for all of it again, it would never settle."""
    first = shop.pays(sale("000001"))
    second = shop.pays(sale("000002", 2_000))
    shop.pays(sale("000003", 900))  # it has lost that one
    totals = (2, 17_000, 0, 0)
    assert shop.till.asks(settlement("000010", *totals))["39"] == "95"
    assert shop.till.asks(uploaded(sale("000001"), first, "000011"))["39"] == "00"  # then its line is cut
    if crash:
        shop.restarts()
    assert shop.till.asks(settlement("000012", *totals))["39"] == "95"
    assert shop.till.asks(uploaded(sale("000002", 2_000), second, "000013"))["39"] == "00"
    assert trailer(shop, "000014", *totals) == "00"
    assert left_to_a_person(shop) == [(ONLY_SWITCH, 900)]
    (closed,) = shop.book.recorded(BatchClosed)
    assert isinstance(closed, BatchClosed)
    assert closed.uploaded == 2


def test_a_terminal_that_has_nothing_to_upload_ends_its_batch(shop: Shop) -> None:
    """It was swapped or has lost all it had. Answered 95 for ever, it would not sell again."""
    shop.pays(sale("000001"))
    assert trailer(shop, "000002", 0, 0, 0, 0) == "95", "the end of an upload that was not begun"
    assert shop.till.asks(settlement("000003", 0, 0, 0, 0))["39"] == "95"
    shop.restarts()
    assert trailer(shop, "000004", 0, 0, 0, 0) == "00"
    assert left_to_a_person(shop) == [(ONLY_SWITCH, 15_000)]


def test_a_terminal_of_unionpays_form_that_has_nothing_to_upload_ends_its_batch() -> None:
    shop = UnionPay()
    shop.sells("000001")
    assert shop.settles("000002", 0, 0, 0, 0)["48"][30] == "2"
    assert shop.sends_batch("0320", "202", "000003", "0001")["39"] == "95", "one was lost on the way"
    assert shop.sends_batch("0320", "202", "000004", "0000")["39"] == "00"
    assert left_to_a_person(shop) == [(ONLY_SWITCH, 15_000)]


def test_what_a_chip_has_signed_is_no_payment_and_neither_is_what_was_voided(shop: Shop) -> None:
    """0320 with DE3 94 has the chip's certificate of a payment, and may come at any time; a voided sale may be uploaded as void,
    or as one of nothing. DE55 and the last digit of DE3 (more follow) are in an upload alone."""
    first = shop.pays(sale("000001"))
    second = shop.pays(sale("000002", 2_000))
    third = shop.pays(sale("000003", 900))
    for number, (stan, amount, answer) in enumerate((("000002", 2_000, second), ("000003", 900, third))):
        assert shop.till.asks(void(sale(stan, amount), answer, f"00000{number + 4}"))["39"] == "00"
        shop.tells_issuer()
    certificate = uploaded(sale("000001"), first, "000010") | {"3": "940000", "55": "9F2608AABBCCDD11223344"}
    assert shop.till.asks(certificate)["39"] == "00"
    totals = (2, 15_700, 0, 0)
    assert shop.till.asks(settlement("000011", *totals))["39"] == "95"
    kept: Document = {
        "t": "0320",
        "2": ATLAS_CARD,
        "3": "000001",
        "4": f"{15_000:012d}",
        "11": "000012",
        "14": "2912",
        "37": first["37"],
        "38": "123456",
        "39": "00",
        "55": "9F2608AABBCCDD11223344",
        "60": "0200000001" + " " * 12,
        "62": "000001",
    }
    for message in (
        kept,
        {**certificate, "11": "000013"},
        uploaded(sale("000002", 2_000, de3="020001"), second, "000014"),
        uploaded(sale("000003", 0), third, "000015"),
        uploaded(sale("000009", 700), NOBODY, "000016"),
    ):
        assert shop.till.asks(message)["39"] == "00"
    assert trailer(shop, "000017", *totals) == "00"
    assert left_to_a_person(shop) == [(ONLY_TERMINAL, 700)]


@pytest.mark.parametrize("de3", ["910000", "970000"])
def test_a_0500_that_asks_for_something_else_settles_nothing(shop: Shop, de3: str) -> None:
    shop.pays(sale("000001"))
    assert shop.till.asks(settlement("000002", 1, 15_000, 0, 0, code=de3))["39"] == "40"
    assert not shop.book.recorded(BatchClosed)
    assert shop.agrees_on(1, 15_000, 0, 0)


def test_a_batch_whose_number_never_changes_or_begins_anew_settles_each_time(shop: Shop) -> None:
    """Its number is what the terminal calls it. A lost answer is given again, an empty batch is one, too."""
    for day, batch in enumerate(("999999", "000001", "000001", "000001")):
        shop.pays(sale(f"{day * 2 + 1:06d}"))
        closing = settlement(f"{day * 2 + 2:06d}", 1, 15_000, 0, 0, batch=batch)
        assert [shop.till.asks(closing)["39"] for _ in range(2)] == ["00", "00"]
    assert len(shop.book.recorded(BatchClosed)) == 4
    assert shop.agrees_on(0, 0, 0, 0)


def test_what_was_settled_already_and_is_uploaded_is_a_persons_to_look_at(shop: Shop) -> None:
    """The answer to its 0500 was lost, and it has sold on in what it takes for the same batch."""
    shop.pays(sale("000001"))
    assert shop.agrees_on(1, 15_000, 0, 0)
    more = shop.pays(sale("000003", 700))
    totals = (2, 15_700, 0, 0)
    assert shop.till.asks(settlement("000004", *totals))["39"] == "95"
    assert shop.till.asks(uploaded(sale("000001"), NOBODY, "000005"))["39"] == "00"
    assert shop.till.asks(uploaded(sale("000003", 700), more, "000006"))["39"] == "00"
    assert trailer(shop, "000007", *totals) == "00"
    assert left_to_a_person(shop) == [(ONLY_TERMINAL, 15_000)]


@pytest.mark.parametrize("forgets", [False, True])
def test_a_reversal_that_is_sent_before_the_next_request_or_forgotten_after_some_tries(
    shop: Shop, forgets: bool
) -> None:
    """It was approved, and a concentrator has taken the answer: nobody knows that the terminal has not heard it. What it forgets
    is found when it settles, and a person gives it back."""
    shop.pays(sale("000001"))
    if not forgets:
        for mti in ("0400", "0401", "0400"):  # the answers to two of them were lost as well
            assert shop.till.asks({**reversal(sale("000001")), "t": mti})["39"] == "00"
        assert shop.tells_issuer()["4"] == "000000015000"
    kept = shop.pays(sale("000002", 700))
    if forgets:
        assert shop.till.asks(settlement("000003", 1, 700, 0, 0))["39"] == "95"
        assert shop.till.asks(uploaded(sale("000002", 700), kept, "000004"))["39"] == "00"
        assert trailer(shop, "000005", 1, 700, 0, 0) == "00"
    else:
        assert shop.agrees_on(1, 700, 0, 0)
    assert shop.atlas.got_nothing()
    assert left_to_a_person(shop) == ([(ONLY_SWITCH, 15_000)] if forgets else [])


@pytest.mark.parametrize("tells", [{"12": "101010", "13": "1129"}, {"55": "9F2608AABBCCDD11223344"}])
def test_a_copy_that_comes_behind_the_settlement_is_asked_once(shop: Shop, tells: Document) -> None:
    """A queue has kept it. What has neither clock nor chip is the first payment of a terminal that counts each batch from 1."""
    paid = shop.pays(sale("000001") | tells)
    assert shop.agrees_on(1, 15_000, 0, 0)
    assert shop.agrees_on(0, 0, 0, 0)
    shop.book.switch.snapshot(shop.book.now)
    shop.book.hands_over()
    assert shop.till.asks(sale("000001") | tells)["37"] == paid["37"]
    assert shop.atlas.got_nothing()
    assert shop.agrees_on(0, 0, 0, 0)
    assert shop.pays(sale("000001"))["37"] != paid["37"]
    assert shop.agrees_on(1, 15_000, 0, 0)
    assert shop.pays(sale("000001"))["39"] == "00"
