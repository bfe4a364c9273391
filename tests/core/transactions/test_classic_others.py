"""Classic terminals as others have built them: each test has the mind of one, and the issuer's side and the journal judge.

The minds are those of terminals' public source code, and of public lists of what hosts take: MTI, DE3 and elements of each
message.
"""

import pytest

from switch.wire.vocabulary import Document
from tests.core.tills import Shop, sale, settlement


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.parametrize(
    ("de3", "answered", "event"),
    [
        ("", "00", ""),
        ("000000", "00", ""),
        ("990000", "00", ""),
        ("920000", "00", "terminal.asked_keys"),
        ("930000", "40", "terminal.refused"),
        ("940000", "40", "terminal.refused"),
        ("950000", "40", "terminal.refused"),
        ("960000", "40", "terminal.refused"),
        ("970000", "40", "terminal.refused"),
        ("510000", "40", "terminal.refused"),
    ],
)
def test_what_an_0800_asks_by_de3_is_answered_or_refused_by_name(
    shop: Shop, de3: str, answered: str, event: str
) -> None:
    """A terminal that is told 00 loads what is not there."""
    asked: Document = {"t": "0800", "3": de3, "11": "000001", "24": "003"}
    heard = shop.till.asks({de: value for de, value in asked.items() if value})
    assert (heard["t"], heard["39"]) == ("0810", answered)
    for name in ("terminal.asked_keys", "terminal.refused"):
        assert [line.fields["de3"] for line in shop.book.logged(name)] == ([de3[:2]] if name == event else [])


def settled(shop: Shop, *sums: int) -> bool:
    """Whether the switch counts as the terminal does."""
    return shop.till.asks(settlement("000090", *sums))["39"] == "00"


def told(shop: Shop) -> Document:
    """What its issuer is told next, which it takes."""
    message = shop.atlas.gets()
    shop.atlas.answers(message)
    return message


@pytest.mark.parametrize("offline", [False, True])
@pytest.mark.parametrize("named", ["DE37", "own number"])
@pytest.mark.parametrize("kind", ["sale", "refund", "sale, as it was sent", "sale without DE4"])
def test_a_void_that_is_told_as_an_advice_of_nothing_takes_the_payment_back(
    shop: Shop, offline: bool, named: str, kind: str
) -> None:
    """It voids on paper, and sends what it has so done before it settles: 0220, DE3 02 (or still 00), DE4 zeros, DE60 what was.
    Taken for a tip, it would leave the whole amount with the cardholder."""
    de3 = "200000" if kind == "refund" else "000000"
    if offline:
        paid = shop.till.asks(sale("000001", t="0220", de3=de3, de38="OFF001"))
        told(shop)
    else:
        paid = shop.pays(sale("000001", de3=de3))
    stan, rrn = ("000002", paid["37"]) if named == "DE37" else ("000001", "")
    code = {"refund": "220000", "sale, as it was sent": "000000"}.get(kind, "020000")
    void = sale(stan, 0, t="0220", de3=code, de37=rrn, de60="000000015000")
    if kind == "sale without DE4":
        del void["4"]
    for _ in range(2):  # the second time its answer was lost
        heard = shop.till.asks(void)
        assert (heard["t"], heard["39"], heard["3"]) == ("0230", "00", code)
    back = told(shop)
    assert (back["t"], back["4"], back["90"][4:10]) == ("0420", "000000015000", "000001")
    assert shop.atlas.got_nothing()
    assert settled(shop, 0, 0, 0, 0)


def test_an_advice_of_nothing_about_a_payment_with_a_tip_takes_back_all_of_it(shop: Shop) -> None:
    paid = shop.pays(sale("000001"))
    assert shop.till.asks(sale("000002", 16_000, t="0220", de3="020000", de37=paid["37"]))["39"] == "00"
    assert told(shop)["4"] == "000000016000"
    assert shop.till.asks(sale("000003", 0, t="0220", de3="020000", de37=paid["37"]))["39"] == "00"
    back = told(shop)
    assert (back["t"], "95" in back) == ("0420", False), "and nothing of it is to stand"
    assert settled(shop, 0, 0, 0, 0)


def test_an_advice_of_nothing_about_what_is_not_there_is_refused(shop: Shop) -> None:
    assert shop.till.asks(sale("000002", 0, t="0220", de3="020000", de60="000000015000"))["39"] == "25"
    assert shop.atlas.got_nothing()
