"""Terminals of UnionPay's form: what they ask by DE60 of an 0800 or 0820, and what they complete."""

import pytest

from switch.core.records.records import Owed
from switch.wire.vocabulary import Document
from tests.core.tills import UnionPay, sale


@pytest.fixture
def shop() -> UnionPay:
    return UnionPay()


@pytest.mark.parametrize(
    ("mti", "code", "answered", "event"),
    [
        ("0800", "001", "00", "terminal.asked_keys"),
        ("0800", "003", "00", "terminal.asked_keys"),
        ("0800", "004", "00", "terminal.asked_keys"),
        ("0820", "002", "00", ""),
        ("0820", "301", "00", ""),
        ("0800", "360", "40", "terminal.refused"),
        ("0800", "370", "40", "terminal.refused"),
        ("0820", "372", "40", "terminal.refused"),
    ],
)
def test_what_a_terminal_asks_of_its_acquirer_is_answered_or_refused_by_name(
    shop: UnionPay, mti: str, code: str, answered: str, event: str
) -> None:
    """It takes the number of its batch from the answer; keys are never sent."""
    asked = {"t": mti, "11": "000001", "60": f"00000007{code}", "62": b"Sequence No12123".hex(), "63": "001"}
    heard = shop.till.asks({**asked, "h": shop.header})
    assert (heard["t"], heard["39"], heard["60"]) == (f"08{int(mti[2]) + 1}0", answered, f"00000007{code}")
    assert "62" not in heard
    for name in ("terminal.asked_keys", "terminal.refused"):
        assert bool(shop.book.logged(name)) == (name == event)


def hold(shop: UnionPay, amount: int = 10_000) -> Document:
    asked = sale("000002", amount, t="0100", de3="030000", de24="", de25="06", de60="10000001000", de62="")
    return shop.pays({**asked, "h": shop.header})


def completion(mti: str, amount: int, code: str, **more: str) -> Document:
    kind = "20" if mti == "0200" else "24"
    given = {"de24": "", "de25": "06", "de38": code, "de60": f"{kind}000001000", "de61": "0000010000021127", "de62": ""}
    return {**sale("000003", amount, t=mti, **{**given, **more}), "h": UnionPay.header}


@pytest.mark.parametrize("mti", ["0200", "0220"])
def test_a_completion_takes_the_hold_that_it_names(shop: UnionPay, mti: str) -> None:
    held = hold(shop)
    assert held["3"] == "030000", "as it was sent"
    asked = completion(mti, 9_000, held["38"])
    for _ in range(2):  # the second time its answer was lost
        heard = shop.till.asks(asked)
        assert (heard["t"], heard["39"], heard["11"]) == (f"02{int(mti[2]) + 1}0", "00", "000003")
    told = shop.atlas.gets()
    assert told["3"] == "000000"
    assert (told["t"], told["4"], told["90"][:10]) == ("0220", "000000009000", "0100000001"), (
        "under the name its host knows it by"
    )
    shop.atlas.answers(told)
    (owed,) = shop.book.recorded(Owed)
    assert isinstance(owed, Owed)
    assert owed.undoes is not None
    assert owed.undoes[1] == "1"
    assert shop.settles("000004", 1, 9_000, 0, 0)["48"][30] == "1", "it stands in the batch, and the hold does not"


@pytest.mark.parametrize(
    "undo", [{"t": "0400"}, {"3": "200000", "11": "000004", "60": "21000001000", "61": "0000010000031127"}]
)
def test_a_completion_is_taken_back_with_its_hold(shop: UnionPay, undo: Document) -> None:
    held = hold(shop)
    asked = completion("0200", 9_000, held["38"])
    assert shop.till.asks(asked)["39"] == "00"
    shop.atlas.answers(shop.atlas.gets())
    assert shop.till.asks({**asked, **undo})["39"] == "00"
    told = shop.atlas.gets()
    assert told["3"] == "000000", "DE3 03 is UnionPay's, and no issuer's"
    assert (told["t"], told["4"], told["90"][:4]) == ("0420", "000000010000", "0100")
    assert shop.settles("000005", 0, 0, 0, 0)["48"][30] == "1"


@pytest.mark.parametrize(
    ("code", "more"),
    [("999999", {}), ("123456", {"de61": "0000010000991127"}), ("123456", {"de61": ""})],
    ids=["another code", "another number", "no name"],
)
def test_a_completion_of_a_hold_that_is_not_known_is_no_payment_of_its_own(
    shop: UnionPay, code: str, more: dict[str, str]
) -> None:
    hold(shop)
    assert shop.till.asks(completion("0200", 9_000, code, **more))["39"] == "25"
    assert not shop.book.recorded(Owed)
    assert shop.till.asks(completion("0220", 9_000, code, **more) | {"11": "000007"})["39"] == "00"
    told = shop.atlas.gets()
    assert (told["t"], told["38"], "90" in told) == ("0220", code, False)
