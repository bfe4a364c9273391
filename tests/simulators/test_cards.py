"""Test cards: the same each time, well formed, and each in the range it was made from."""

from switch.core.routing.routing import Router
from switch.security.card_values import CVV2_SERVICE_CODE, card_value
from switch.simulators.cards import SCENARIOS, TEST_CVK, demo_cards, find_card
from switch.wire.pans import luhn_valid
from tests.simulators.world import morocco


def test_the_same_network_gives_the_same_cards() -> None:
    assert demo_cards(morocco()) == demo_cards(morocco())


def test_each_card_is_routed_to_its_own_issuer_and_has_a_right_check_digit() -> None:
    network = morocco()
    router = Router(network)
    for card in demo_cards(network):
        assert luhn_valid(card.pan)
        decision = router.route(
            card.pan, source="member", source_host="", acquirer_country="504", merchant_country="MA"
        )
        assert decision.host == card.issuer, card.name


def test_pans_and_names_are_unique() -> None:
    cards = demo_cards(morocco())
    assert len({c.pan for c in cards}) == len({c.name for c in cards}) == len(cards)


def test_each_bank_shows_every_scenario_and_has_forty_plain_cards_over_all_its_schemes() -> None:
    cards = demo_cards(morocco())
    for bank in ("atlas", "rif", "souss"):
        own = [c for c in cards if c.issuer == bank]
        assert {f"{bank}-{s.name}" for s in SCENARIOS} <= {c.name for c in own}
        plain = [c for c in own if c.plain]
        assert len(plain) == 40
        assert {c.scheme for c in plain} == {"cmi", "visa", "mastercard"}


def test_four_foreign_countries_are_there_in_both_schemes() -> None:
    foreign = {(c.scheme, c.country) for c in demo_cards(morocco()) if c.issuer in ("visa", "mastercard")}
    assert foreign == {(s, c) for s in ("visa", "mastercard") for c in ("250", "724", "826", "840")}


def test_a_card_of_an_issuer_that_speaks_the_1993_edition_shows_the_answer_that_edition_can_give() -> None:
    cards = {c.name: c for c in demo_cards(morocco())}
    assert cards["atlas-n7"].de39 == "N7"
    assert cards["souss-n7"].de39 == "63"
    assert "63" in cards["souss-n7"].shows


def test_the_card_value_depends_on_pan_and_expiry_only() -> None:
    card = demo_cards(morocco())[0]
    assert card.cvv2 == card_value(TEST_CVK, card.pan, card.expiry, CVV2_SERVICE_CODE)
    mastercard = next(c for c in demo_cards(morocco()) if c.scheme == "mastercard")
    assert mastercard.cvv2 == card_value(TEST_CVK, mastercard.pan, "1231", CVV2_SERVICE_CODE), "MMYY"


def test_a_card_is_found_by_name_pan_scenario_or_place() -> None:
    cards = demo_cards(morocco())
    first = cards[0]
    assert find_card(cards, "atlas-approved") is first
    assert find_card(cards, first.pan) is first
    assert find_card(cards, " ".join(first.pan[i : i + 4] for i in range(0, 16, 4))) is first
    assert find_card(cards, "1") is first
    found = find_card(cards, "51")
    assert found is not None
    assert found.name == "atlas-51"
    assert find_card(cards, "998") is None
    assert find_card(cards, "9504010000000000") is None
