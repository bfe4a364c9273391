"""A classic terminal settles: totals that agree, and totals that differ."""

import pytest

from switch.core.records.batch_records import BatchClosed
from switch.core.records.records import Excepted
from switch.core.transactions.batch_settlement import ONLY_SWITCH, ONLY_TERMINAL
from tests.core.tills import Shop, sale, settlement, uploaded, void


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_batch_that_agrees_ends(shop: Shop) -> None:
    shop.pays(sale("000001"))
    answer = shop.pays(sale("000002", 2_000))
    shop.pays(sale("000003", 333), "51")
    shop.till.asks(void(sale("000002", 2_000), answer, "000004"))
    assert shop.atlas.gets()["t"] == "0420"
    shop.pays(sale("000005", 500, de3="200000"))
    closing = settlement("000006", 1, 15_000, 1, 500)
    heard = shop.till.asks(closing)
    assert (heard["t"], heard["39"]) == ("0510", "00")
    assert shop.till.asks(closing)["39"] == "00", "the answer was lost: the same again"
    (closed,) = shop.book.recorded(BatchClosed)
    assert (closed.terminal, closed.number, closed.ours) == ("TILL0001", "000001", (1, 15_000, 1, 500))
    assert shop.till.asks(void(sale("000001"), {"37": "0" * 12}, "000007"))["39"] == "25", "settled is settled"
    assert shop.till.asks(settlement("000008", 0, 0, 0, 0, batch="000002"))["39"] == "00"


def test_a_batch_that_differs_is_uploaded_and_what_differs_is_a_persons(shop: Shop) -> None:
    kept = shop.pays(sale("000001"))
    shop.pays(sale("000002", 2_000))  # the terminal has lost it
    foreign = sale("000009", 700)  # and has one that never came
    totals = (2, 15_700, 0, 0)
    assert shop.till.asks(settlement("000010", *totals))["39"] == "95"
    assert shop.till.asks(settlement("000011", *totals, code="960000"))["39"] == "95", "nothing has been uploaded"
    for _ in range(2):  # the second time, the first answer was lost
        assert shop.till.asks(uploaded(sale("000001"), kept, "000012"))["t"] == "0330"
    assert shop.till.asks(uploaded(foreign, {"37": "0" * 12}, "000013"))["39"] == "00"
    assert shop.till.asks(settlement("000014", *totals, code="960000"))["39"] == "00"
    (closed,) = shop.book.recorded(BatchClosed)
    assert (closed.result, closed.theirs, closed.ours) == ("2", totals, (2, 17_000, 0, 0))
    excepted = [entry for entry in shop.book.recorded(Excepted) if isinstance(entry, Excepted)]
    assert [(e.kind, e.amount) for e in excepted] == [(ONLY_SWITCH, 2_000), (ONLY_TERMINAL, 700)]
    assert shop.book.logged("batch.settled_differing")
