"""A classic terminal settles: totals that agree, and totals that differ."""

import msgspec
import pytest

from switch.core.records.batch_records import BatchClosed, BatchUploaded, Uploaded
from switch.core.records.batches import UPLOADED_MAX, UPLOADS_MAX, Batches
from switch.core.records.records import Excepted
from switch.core.transactions.batch_settlement import ONLY_SWITCH, ONLY_TERMINAL
from tests.core.scripts import ATLAS_CARD
from tests.core.tills import Shop, UnionPay, sale, settlement, uploaded, void


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


def row(stan: str, amount: int, card: str = ATLAS_CARD) -> str:
    return f"00{stan}{card:0>20}{amount:012d}"


def test_debits_and_credits_of_unionpays_form_are_answered_in_de48() -> None:
    shop = UnionPay()
    shop.sells("000001")
    shop.sells("000002", 2_000)
    shop.voids("000003", "000002", 2_000)
    for _ in range(2):  # the second time, the answer was lost
        heard = shop.settles(
            "000004", 2, 17_000, 1, 2_000
        )  # the voided sale stands among the debits, its void among the credits
        assert (heard["t"], heard["39"]) == ("0510", "00")
        assert heard["48"] == "000000017000002000000002000001" + "1" + "0" * 30 + "1"
    (closed,) = shop.book.recorded(BatchClosed)
    assert (closed.number, closed.result, closed.theirs) == ("000001", "1", (1, 15_000, 0, 0))
    assert shop.sends_batch("0320", "207", "000005", "0002")["39"] == "00"


def test_what_differs_in_unionpays_form_is_uploaded_row_by_row() -> None:
    shop = UnionPay()
    shop.sells("000001")
    shop.sells("000002", 2_000)  # the terminal has lost it
    shop.sells("000003", 900)
    shop.voids("000004", "000003", 900)
    heard = shop.settles("000005", 3, 16_600, 1, 900)
    assert (heard["39"], heard["48"][30], heard["48"][61]) == ("00", "2", "2")
    assert shop.sends_batch("0320", "201", "000006", "0200" + "1" * 10)["39"] == "30", "two rows are announced"
    kept = "04" + row("000001", 15_000) + row("000003", 900) + row("000004", 900) + row("000009", 700)
    for _ in range(2):
        assert shop.sends_batch("0320", "201", "000007", kept)["39"] == "00"
    assert shop.sends_batch("0320", "203", "000008", "00")["39"] == "00", "a certificate of a chip"
    assert shop.sends_batch("0320", "202", "000009", "0004")["39"] == "00"
    (closed,) = shop.book.recorded(BatchClosed)
    assert (closed.result, closed.theirs, closed.ours) == ("2", (2, 15_700, 0, 0), (2, 17_000, 0, 0))
    excepted = [entry for entry in shop.book.recorded(Excepted) if isinstance(entry, Excepted)]
    assert [(e.kind, e.amount) for e in excepted] == [(ONLY_SWITCH, 2_000), (ONLY_TERMINAL, 700)]


def test_several_that_never_came_are_an_exception_each() -> None:
    shop = UnionPay()
    assert shop.settles("000001", 2, 1_500, 0, 0)["48"][30] == "2"
    rows = "02" + row("000008", 800) + row("000009", 700)
    assert shop.sends_batch("0320", "201", "000002", rows)["39"] == "00"
    assert shop.sends_batch("0320", "202", "000003", "0002")["39"] == "00"
    excepted = [entry for entry in shop.book.recorded(Excepted) if isinstance(entry, Excepted)]
    assert [(e.kind, e.amount) for e in excepted] == [(ONLY_TERMINAL, 800), (ONLY_TERMINAL, 700)]


def test_an_upload_goes_on_where_a_crash_has_cut_it_short() -> None:
    shop = UnionPay()
    shop.sells("000001")
    assert shop.settles("000002", 2, 15_700, 0, 0)["48"][30] == "2"
    shop.sends_batch("0320", "201", "000003", "01" + row("000001", 15_000))
    shop.restarts()
    for _ in range(2):  # the second time, the answer was lost
        shop.sends_batch("0320", "201", "000004", "01" + row("000009", 700))
    shop.restarts()
    assert shop.sends_batch("0320", "202", "000005", "0002")["39"] == "00"
    (closed,) = shop.book.recorded(BatchClosed)
    assert (closed.result, closed.theirs, closed.ours, closed.uploaded) == (
        "2",
        (2, 15_700, 0, 0),
        (1, 15_000, 0, 0),
        2,
    )


@pytest.mark.parametrize("at", range(5))
def test_a_crash_at_any_step_of_an_upload_changes_nothing_of_how_it_ends(shop: Shop, at: int) -> None:
    kept = shop.pays(sale("000001"))
    shop.pays(sale("000002", 2_000))
    totals = (2, 15_700, 0, 0)
    steps = [
        (settlement("000010", *totals), "95"),
        (uploaded(sale("000001"), kept, "000012"), "00"),
        (uploaded(sale("000009", 700), {"37": "0" * 12}, "000013"), "00"),
        (settlement("000014", *totals, code="960000"), "00"),
        (settlement("000014", *totals, code="960000"), "00"),
    ]
    for step, (message, de39) in enumerate(steps):
        assert shop.till.asks(message)["39"] == de39
        if step == at:
            shop.restarts()
    assert len(shop.book.recorded(BatchClosed)) == 1
    assert [(e.kind, e.amount) for e in shop.book.recorded(Excepted) if isinstance(e, Excepted)] == [
        (ONLY_SWITCH, 2_000),
        (ONLY_TERMINAL, 700),
    ]


def test_an_upload_begun_anew_counts_from_there() -> None:
    """Also where a crash comes between: what was uploaded before the second 0500 is not counted twice."""
    shop = Shop()
    kept = shop.pays(sale("000001"))
    totals = (2, 15_700, 0, 0)
    for stans in (("000010", "000011"), ("000020", "000021")):
        assert shop.till.asks(settlement(stans[0], *totals))["39"] == "95"
        shop.restarts()
        assert shop.till.asks(uploaded(sale("000001"), kept, stans[1]))["39"] == "00"
    assert shop.till.asks(uploaded(sale("000009", 700), {"37": "0" * 12}, "000022"))["39"] == "00"
    shop.restarts()
    assert shop.till.asks(settlement("000023", *totals, code="960000"))["39"] == "00"
    (closed,) = shop.book.recorded(BatchClosed)
    assert (closed.theirs, closed.uploaded) == (totals, 2)


def test_what_terminals_upload_is_bounded() -> None:
    batches = Batches()
    for number in range(UPLOADS_MAX + 1):
        batches.upload(BatchUploaded(at_us=0, acquirer="rif", terminal=f"{number:08d}", anew=True))
    assert len(batches.uploads) == UPLOADS_MAX
    assert ("rif", "00000000") not in batches.uploads
    one = Uploaded(stan="", txn=1, key=None, amount=1, direction=1, pan="", link="")
    payments = tuple(msgspec.structs.replace(one, stan=f"{number:06d}") for number in range(UPLOADED_MAX + 1))
    batches.upload(BatchUploaded(at_us=0, acquirer="rif", terminal="TILL0001", anew=False, payments=payments))
    assert next(iter(batches.uploads["rif", "TILL0001"])) == "000001"


@pytest.mark.parametrize("de48", ["0" * 30, "0" * 61, ""])
def test_totals_of_neither_form_are_refused(de48: str) -> None:
    shop = UnionPay()
    shop.sells("000001")
    assert shop.sends_batch("0500", "201", "000002", de48 or "0")["39"] == "30"
