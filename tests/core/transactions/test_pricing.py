"""What is recorded beside an approval, so that nobody can price it otherwise later."""

import pytest

from switch.core.records.prices import Priced
from switch.core.records.records import Answered, Owed, StoodIn
from switch.wire.vocabulary import Document
from tests.core.scripts import ATLAS_CARD, VISA_ABROAD, Scene, purchase, reversal
from tests.core.transactions.test_standin import Away, small

DAY = "2025-11-25"


def pays(scene: Scene, sent: Document, de39: str = "00", **said: str) -> Priced | None:
    """`sent` is forwarded to Atlas and answered; what was recorded beside the answer."""
    scene.rif.sends(sent)
    scene.atlas.answers(scene.atlas.gets(), de39, **said)
    scene.rif.gets()
    return scene.book.recorded(Answered)[-1].priced


def follows(scene: Scene, document: Document) -> Priced | None:
    """A reversal or an advice; what was recorded beside the promise."""
    scene.rif.sends(document)
    assert scene.rif.gets()["39"] == "00"
    return scene.book.recorded(Owed)[-1].priced


def test_an_approval_says_what_decides_its_price() -> None:
    priced = pays(Scene(), purchase(), de38="A12345")
    assert priced == Priced(
        day=DAY,
        scheme="cmi",
        product="debit",
        channel="pos",
        acquirer="rif",
        issuer="atlas",
        merchant="MERCHANT0000001",
        mcc="5411",
        direction=1,
    )


def test_a_decline_and_an_inquiry_have_no_price() -> None:
    assert pays(Scene(), purchase(), "51") is None
    assert pays(Scene(), purchase(t="0100", de3="310000", de4="000000000000")) is None


@pytest.mark.parametrize(
    ("changes", "channel", "direction"),
    [
        ({"de3": "010000"}, "atm", 1),
        ({"de22": "812", "de25": "59"}, "web", 1),
        ({"de22": "012", "de25": "08"}, "moto", 1),
        ({"de3": "200000"}, "pos", -1),
        ({"t": "0100", "de25": "06"}, "pos", 0),
    ],
)
def test_channel_and_direction(changes: dict[str, str], channel: str, direction: int) -> None:
    priced = pays(Scene(), purchase(**changes))
    assert priced is not None
    assert (priced.channel, priced.direction) == (channel, direction)


def test_a_foreign_card_is_answered_for_by_its_network() -> None:
    scene = Scene()
    visa = scene.book.host("visa")
    scene.rif.sends(purchase(de2=VISA_ABROAD))
    visa.answers(visa.gets(), "00", de38="A12345")
    priced = scene.book.recorded(Answered)[-1].priced
    assert priced is not None
    assert (priced.acquirer, priced.issuer, priced.scheme) == ("rif", "visa", "visa")


def test_the_day_is_the_business_day_and_a_reversal_says_of_which_day_its_original_was() -> None:
    scene = Scene()
    sent = purchase()
    pays(scene, sent, de38="A12345")
    scene.book.asks("day.close")
    assert scene.rif.gets()["70"] == "201"
    priced = follows(scene, reversal(sent))
    assert priced is not None
    assert (priced.day, priced.of_day, priced.direction, priced.merchant) == ("2025-11-26", DAY, 1, "MERCHANT0000001")


def test_a_completion_moves_the_money_of_its_hold() -> None:
    scene = Scene()
    hold = purchase(t="0100", de25="06")
    assert getattr(pays(scene, hold, de38="A12345"), "direction", None) == 0
    completion = {**reversal(hold), "t": "0220", "4": "000000012000", "38": "A12345"}
    priced = follows(scene, completion)
    assert priced is not None
    assert (priced.direction, priced.acquirer, priced.issuer, priced.of_day) == (1, "rif", "atlas", DAY)
    taken_back = follows(scene, reversal(hold, stan="000950"))
    assert taken_back is not None
    assert taken_back.direction == 1


def test_an_advice_of_a_decline_has_no_price_and_one_that_follows_nothing_has_its_own() -> None:
    scene = Scene()
    assert follows(scene, purchase(t="0220", de39="51", de35="", de52="")) is None
    priced = follows(scene, purchase(stan="000124", t="0220", de38="777777", de39="00", de35="", de52=""))
    assert priced is not None
    assert (priced.issuer, priced.scheme, priced.of_day) == ("atlas", "cmi", "")


def test_a_time_out_has_nothing_to_give_back() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    scene.book.passes(30)
    assert [owed.priced for owed in scene.book.recorded(Owed)] == [None]


def test_stand_in_is_priced_as_its_issuers_approval_would_be() -> None:
    scene = Away()
    scene.pays(small())
    (stood,) = scene.book.recorded(StoodIn)
    assert stood.priced is not None
    assert stood.answer.priced == stood.priced
    assert (stood.priced.issuer, stood.priced.direction, stood.advice.priced) == ("atlas", 1, None)


def test_an_approval_that_was_not_delivered_is_given_back_with_its_price() -> None:
    scene = Scene()
    scene.rif.sends(purchase(de2=ATLAS_CARD))
    request = scene.atlas.gets()
    scene.rif.hangs_up()
    scene.atlas.answers(request, "00")
    (owed,) = scene.book.recorded(Owed)
    assert owed.priced is not None
    assert (owed.priced.of_day, owed.priced.issuer) == (DAY, "atlas")
