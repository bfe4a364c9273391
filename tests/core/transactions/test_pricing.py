"""What is recorded beside an approval, so that nobody can price it otherwise later."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.core.network import Network
from switch.core.records.prices import Priced
from switch.core.records.records import ENCODER, Answered, Owed, StoodIn
from switch.core.routing.fee_table import fee_table, payment_of
from switch.core.routing.routing import Router
from switch.money.fee_line import Fee
from switch.money.fees import add_up, given_back, owed_to
from switch.sim.playbook import Playbook
from switch.wire.vocabulary import Document
from tests.core.scripts import ATLAS_CARD, VISA_ABROAD, Scene, morocco, purchase, reversal
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
        fees=(
            Fee(rule="service-cmi", kind="service", payer="merchant:MERCHANT0000001", payee="rif", amount=120, vat=12),
            Fee(rule="interchange-cmi", kind="interchange", payer="rif", payee="atlas", amount=75),
            Fee(rule="switch", kind="switch", payer="rif", payee="switch", amount=30),
        ),
        region="domestic",
    )


def test_a_decline_and_an_inquiry_have_no_price() -> None:
    assert pays(Scene(), purchase(), "51") is None
    assert pays(Scene(), purchase(t="0100", de3="310000", de4="000000000000")) is None


@pytest.mark.parametrize(
    ("changes", "channel", "direction"),
    [
        ({"de3": "010000"}, "atm", 1),
        ({"de22": "812", "de25": "59"}, "web", 1),
        ({"de22": "812"}, "web", 1),
        ({"de25": "59"}, "web", 1),
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


def test_a_pan_in_the_merchants_number_is_masked_as_in_every_record() -> None:
    scene = Scene()
    priced = pays(scene, purchase(de42="371449635398431"))
    assert priced is not None
    assert "449635" not in repr(priced)


def test_cards_used_abroad_are_so_though_their_network_does_not_say_where() -> None:
    scene = Scene()
    visa = scene.book.host("visa")
    visa.sends({**purchase(de2="4550410100000006", de19="", de43="", de32="400999"), "35": ""})
    scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345")
    priced = scene.book.recorded(Answered)[-1].priced
    assert priced is not None
    assert (priced.acquirer, priced.issuer, priced.region) == ("visa", "atlas", "inter")
    assert {fee.kind: (fee.payer, fee.payee) for fee in priced.fees} == {
        "interchange": ("visa", "atlas"),
        "switch": ("visa", "switch"),
    }


# -- fees


def fees(priced: Priced | None) -> dict[str, int]:
    assert priced is not None
    return {fee.kind: fee.amount for fee in priced.fees}


def standing(scene: Scene) -> dict[str, int]:
    """What the records of a payment and of all that followed it add up to."""
    recorded = (entry for entry in scene.book.entries if isinstance(entry, Answered | Owed))
    lines = [entry.priced.fees for entry in recorded if entry.priced is not None]
    return {fee.kind: fee.amount for fee in add_up(*lines)}


def test_a_reversal_in_part_posts_the_difference_of_two_fees_and_the_next_one_the_rest() -> None:
    """150.00, cut to 50.00, then taken back whole: 0.8 %, 0.5 %, and 0.30 for the switch while anything stands."""
    scene = Scene()
    sent = purchase()
    assert fees(pays(scene, sent, de38="A12345")) == {"service": 120, "interchange": 75, "switch": 30}
    left = f"{5_000:012d}{0:012d}C{0:08d}C{0:08d}"
    assert fees(follows(scene, reversal(sent, de95=left))) == {"service": -80, "interchange": -50}
    assert standing(scene) == {"service": 40, "interchange": 25, "switch": 30}
    assert fees(follows(scene, reversal(sent, stan="000901"))) == {"service": -40, "interchange": -25, "switch": -30}
    assert standing(scene) == {}


@given(st.integers(1, 999_999), st.lists(st.integers(1, 999_999), max_size=4, unique=True))
@settings(max_examples=20, deadline=None)
def test_however_often_less_is_left_the_fees_are_those_of_what_stands(asked: int, lefts: list[int]) -> None:
    """Reversals in part, each of what the one before has left, and one of all the rest."""
    scene, sent = Scene(), purchase(de4=f"{asked:012d}")
    priced = pays(scene, sent, de38="A12345")
    assert priced is not None
    table, network = fee_table(morocco()), morocco()
    card = Router(network).lookup(ATLAS_CARD)
    assert card is not None
    selected = payment_of(network, card, acquirer="rif", channel="pos", currency="504", mcc="5411")
    for n, left in enumerate(sorted((left for left in lefts if left < asked), reverse=True)):
        follows(scene, reversal(sent, f"{700 + n:06d}", de95=f"{left:012d}{0:012d}C{0:08d}C{0:08d}"))
        fees_left, _ = table.price(selected, DAY, "MERCHANT0000001", left, 1)
        assert standing(scene) == {fee.kind: fee.amount for fee in fees_left if fee.amount or fee.vat}
    follows(scene, reversal(sent, "000799"))
    assert standing(scene) == {}


def test_a_partial_approval_costs_what_was_approved() -> None:
    priced = pays(Scene(), purchase(de48="61011"), "10", de4="000000010000", de38="A12345")
    assert fees(priced) == {"service": 80, "interchange": 50, "switch": 30}


def test_a_refund_mirrors_percentages_and_is_charged_the_switchs_fee_again() -> None:
    assert fees(pays(Scene(), purchase(de3="200000"))) == {"service": -120, "interchange": -75, "switch": 30}


def test_a_hold_costs_nothing_and_each_completion_its_amount() -> None:
    scene = Scene()
    hold = purchase(t="0100", de25="06")
    assert fees(pays(scene, hold, de38="A12345")) == {}
    for stan, amount, service in (("000801", 5_000, 40), ("000802", 10_000, 80)):
        completion = {**reversal(hold, stan), "t": "0220", "4": f"{amount:012d}", "38": "A12345"}
        assert fees(follows(scene, completion)) == {"service": service, "interchange": amount // 200, "switch": 30}
    assert fees(follows(scene, reversal(hold, "000803"))) == {"service": -120, "interchange": -75, "switch": -60}
    assert standing(scene) == {}


def test_a_tip_posts_what_it_changes() -> None:
    scene = Scene()
    sent = purchase()
    pays(scene, sent, de38="A12345")
    tip = {**reversal(sent), "t": "0220", "4": "000000016500", "38": "A12345"}
    assert fees(follows(scene, tip)) == {"service": 12, "interchange": 8}
    assert standing(scene) == {"service": 132, "interchange": 83, "switch": 30}


def test_the_cost_in_the_hop_log_is_what_the_network_is_owed_and_a_reversal_gives_it_back() -> None:
    scene = Scene()
    visa = scene.book.host("visa")
    sent = purchase(de2=VISA_ABROAD)
    scene.rif.sends(sent)
    visa.answers(visa.gets(), "00", de38="A12345")
    scene.rif.gets()
    answered = scene.book.recorded(Answered)[-1]
    assert answered.priced is not None
    assert answered.cost == owed_to("visa", answered.priced.fees) == 55 + 362  # 1.50 + 0.11 + 0.80 % of 150.00
    scene.rif.sends(reversal(sent))
    visa.answers(visa.gets(), "00")
    costs = [hop.cost for hop in scene.book.hops if hop.cost]
    assert costs == [417, -417]


def test_a_declined_payment_costs_nothing() -> None:
    scene = Scene()
    visa = scene.book.host("visa")
    scene.rif.sends(purchase(de2=VISA_ABROAD))
    visa.answers(visa.gets(), "51")
    assert scene.book.recorded(Answered)[-1].cost == 0
    assert not any(hop.cost for hop in scene.book.hops)


def test_a_currency_without_a_rate_is_an_unpriced_item_and_costs_nothing() -> None:
    scene = Scene()
    visa = scene.book.host("visa")
    scene.rif.sends(purchase(de2=VISA_ABROAD, de49="414"))
    visa.answers(visa.gets(), "00", de38="A12345")
    answered = scene.book.recorded(Answered)[-1]
    assert answered.priced is not None
    assert (answered.priced.fees, answered.priced.unpriced, answered.cost) == ((), "no rate for currency KWD", 0)


def test_neither_a_new_tariff_nor_a_new_bin_table_alters_yesterday() -> None:
    """Both are changed and reloaded: what is recorded stays to the byte, and a reversal gives back what was charged, not what
    would be."""
    scene = Scene()
    sent = purchase()
    priced = pays(scene, sent, de38="A12345")
    before = [ENCODER.encode(entry) for entry in scene.book.entries]
    scene.book.asks("day.close")
    assert scene.rif.gets()["70"] == scene.atlas.gets()["70"] == "201"
    network = morocco()
    dearer = tuple(msgspec.structs.replace(fee, id=f"{fee.id}-2", percent=fee.percent * 3) for fee in network.fees)
    bins = tuple(msgspec.structs.replace(b, product="credit", scheme="visa") for b in network.bins)
    scene.book.reloads(msgspec.structs.replace(network, fees=dearer, bins=bins))
    assert [ENCODER.encode(entry) for entry in scene.book.entries[: len(before)]] == before
    assert scene.book.recorded(Answered)[0].priced == priced
    assert fees(pays(scene, purchase(stan="000124"), de38="A12346"))["service"] == 3 * 150, (
        "today's payment has today's price"
    )
    taken_back = follows(scene, reversal(sent))
    assert priced is not None
    assert taken_back is not None
    assert taken_back.fees == given_back(priced.fees)
    assert (taken_back.scheme, taken_back.product, taken_back.of_day) == ("cmi", "debit", DAY)


# -- a network that leaves the file


def without_visa(*, tariff: bool, named: bool) -> Network:
    """`tariff`: it stays; `named`: as a former network."""
    network = morocco()
    return msgspec.structs.replace(
        network,
        hosts=tuple(host for host in network.hosts if host.name != "visa"),
        bins=tuple(b for b in network.bins if b.scheme != "visa"),
        tariffs=tuple(each for each in network.tariffs if tariff or each.network != "visa"),
        former_networks={"visa": "visa"} if named else {},
    )


def abroad(kind: str, then: Network | None, *, cold: bool = False) -> tuple[Priced | None, Priced | None]:
    """A payment of Visa's, or a hold; the file becomes another, at a `cold` start or else by a reload; and what follows: the two
    prices."""
    scene = Scene()
    visa = scene.book.host("visa")
    hold = {"t": "0100", "de25": "06"} if kind == "completion" else {}
    sent = purchase(de2=VISA_ABROAD, de52="", **hold)
    scene.rif.sends(sent)
    visa.answers(visa.gets(), "00", de38="A12345")
    assert scene.rif.gets()["39"] == "00"
    if then is not None and cold:
        scene = Scene(Playbook(then, scene.book.entries, scene.book.now))
    elif then is not None:
        scene.book.reloads(then)
    left = f"{5_000:012d}{0:012d}C{0:08d}C{0:08d}"
    after = {
        "completion": purchase("000200", t="0220", de2=VISA_ABROAD, de37=sent["37"], de38="A12345", de52=""),
        "part": reversal(sent, de95=left),
        "whole": reversal(sent),
    }
    return scene.book.recorded(Answered)[-1].priced, follows(scene, after[kind])


@pytest.mark.parametrize("kind", ["completion", "part", "whole"])
@pytest.mark.parametrize("named", [True, False], ids=["former network", "leaving"])
def test_what_follows_a_payment_of_a_network_that_left_costs_what_it_would_have(kind: str, named: bool) -> None:
    """Its tariff stays in the file until nothing can come back to it."""
    priced, follow = abroad(kind, None)
    assert "processing" in fees(priced if kind != "completion" else follow)
    assert abroad(kind, without_visa(tariff=True, named=named)) == (priced, follow)
    if named and kind != "completion":  # no card leads there after a cold start
        assert abroad(kind, without_visa(tariff=True, named=True), cold=True) == (priced, follow)


@pytest.mark.parametrize("kind", ["completion", "part", "whole"])
def test_where_its_tariff_went_with_it_nothing_wrong_is_charged_or_given_back(kind: str) -> None:
    priced, follow = abroad(kind, without_visa(tariff=False, named=True))
    assert priced is not None
    assert follow is not None
    if kind == "whole":
        assert (follow.fees, follow.unpriced) == (given_back(priced.fees), "")
    else:
        why = "no [[tariff]] is of visa, which has left"
        assert (follow.fees, follow.unpriced) == ((), why)
