"""A terminal hangs up before it is answered: whether something is reversed, by whom, how often, and what its next call hears.

The switch reverses an approval that it could not hand over; the terminal, which does not know, reverses what it has not heard of.
One of both is enough, and both together are one.
"""

import pytest

from switch.core.records.records import Owed
from switch.wire.vocabulary import Document
from tests.core.scripts import ATLAS_CARD
from tests.core.tills import Shop, reversal, sale

MONEY = {"sale": "000000", "refund": "200000", "cash": "010000"}


@pytest.fixture
def shop() -> Shop:
    return Shop()


def owed(shop: Shop) -> list[tuple[str, str]]:
    """Kind and reason of all that the switch owes, or has owed."""
    return [(entry.kind, entry.reason) for entry in shop.book.recorded(Owed) if isinstance(entry, Owed)]


def unheard(shop: Shop, message: Document, de39: str = "00") -> None:
    """It asks, and is gone when its issuer answers."""
    line = shop.till.sends(message)
    asked = shop.atlas.gets()
    line.hangs_up()
    shop.atlas.answers(asked, de39, **({"de38": "123456"} if de39 == "00" else {}))


@pytest.mark.parametrize("kind", MONEY)
@pytest.mark.parametrize(
    "then", ["nothing", "its own reversal", "the same again", "the same again, marked", "the next"]
)
def test_an_approval_nobody_heard_is_reversed_once_whoever_asks_for_it(shop: Shop, kind: str, then: str) -> None:
    paid = sale("000001", de3=MONEY[kind])
    unheard(shop, paid)
    told = shop.atlas.gets()
    assert (told["t"], told["90"][:4], told["4"]) == ("0420", "0200", paid["4"])
    assert owed(shop) == [("reversal", "undelivered")]
    shop.atlas.answers(told)
    if then == "its own reversal":
        assert [shop.till.asks(reversal(paid))["39"] for _ in range(2)] == ["00", "00"]
    elif then.startswith("the same again"):
        assert shop.till.asks({**paid, "t": "0201"} if then.endswith("marked") else paid)["39"] == "91"
    elif then == "the next":
        assert shop.pays(sale("000002", 700))["39"] == "00"
    assert shop.atlas.got_nothing()
    assert owed(shop) == [("reversal", "undelivered")]


@pytest.mark.parametrize("then", ["its own reversal", "nothing"])
def test_a_hold_nobody_heard_of_is_released(shop: Shop, then: str) -> None:
    held = sale("000001", t="0100", de25="06")
    unheard(shop, held)
    told = shop.atlas.gets()
    assert (told["t"], told["90"][:4]) == ("0420", "0100")
    shop.atlas.answers(told)
    if then == "its own reversal":
        assert shop.till.asks(reversal(held))["39"] == "00"
    assert shop.atlas.got_nothing()


@pytest.mark.parametrize(("changes", "de39"), [({"de3": "000000"}, "51"), ({"de3": "310000", "de4": ""}, "00")])
def test_where_no_money_has_moved_nothing_is_owed(shop: Shop, changes: dict[str, str], de39: str) -> None:
    """A decline, and an inquiry of the balance: the terminal's own reversal is taken, and goes no further."""
    asked = sale("000001", 15_000, ATLAS_CARD, **changes)
    unheard(shop, asked, de39)
    assert shop.atlas.got_nothing()
    assert shop.till.asks(reversal(asked))["39"] == "00"
    assert shop.atlas.got_nothing()
    assert owed(shop) == []


def test_a_reversal_that_overtakes_the_approval_is_said_again_behind_it(shop: Shop) -> None:
    """Its host may have taken the reversal for one of nothing: it names the same payment twice, and so takes it back once."""
    paid = sale("000001")
    line = shop.till.sends(paid)
    asked = shop.atlas.gets()
    line.hangs_up()
    assert shop.till.asks(reversal(paid))["39"] == "00"
    first = shop.atlas.gets()
    shop.atlas.answers(first)
    shop.atlas.answers(asked, de38="123456")
    again = shop.atlas.gets()
    assert [one["t"][:3] for one in (first, again)] == ["042", "042"]
    assert first["90"] == again["90"]
    shop.atlas.answers(again)
    assert shop.till.asks(reversal(paid))["39"] == "00"
    assert shop.atlas.got_nothing()


@pytest.mark.parametrize("then", ["again", "undone"])
def test_a_void_nobody_heard_of_stands_until_it_is_undone(shop: Shop, then: str) -> None:
    """It is owed to the issuer before the terminal hears of it: its repeat is answered 00, and its reversal takes it back."""
    paid = sale("000001")
    answer = shop.pays(paid)
    void = {**paid, "3": "020000", "11": "000002", "37": answer["37"]}
    shop.till.sends(void).hangs_up()
    told = shop.atlas.gets()
    assert told["t"] == "0420"
    shop.atlas.answers(told)
    heard = shop.till.asks(void if then == "again" else reversal(void))
    assert heard["39"] == "00"
    if then == "again":
        assert shop.atlas.got_nothing()
    else:
        assert shop.atlas.gets()["t"] == "0220", "the sale stands again"


def test_an_advice_nobody_heard_the_answer_of_is_taken_once(shop: Shop) -> None:
    offline = sale("000001", t="0220", de25="06", de38="OFF001")
    shop.till.sends(offline).hangs_up()
    told = shop.atlas.gets()
    assert told["t"] == "0220"
    shop.atlas.answers(told)
    assert [shop.till.asks({**offline, "t": mti})["39"] for mti in ("0220", "0221")] == ["00", "00"]
    assert shop.atlas.got_nothing()
    assert len(owed(shop)) == 1
