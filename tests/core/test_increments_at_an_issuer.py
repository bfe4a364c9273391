"""Playbooks of increments between an acquirer and a real (simulated) issuer: what stands in the journal and on the accounts."""

import pytest

from tests.core.test_mechanisms import Counter


@pytest.fixture
def shop() -> Counter:
    return Counter()


def test_an_increment_is_held_with_its_pre_authorization_and_completed_with_it(shop: Counter) -> None:
    asked, said = shop.asks("preauth", "atlas-approved", 300_00)
    assert shop.adds(asked, said, 50_00)[1]["39"] == "00"
    assert shop.bank.balance(shop.card("atlas-approved")) == (0, 350_00)
    shop.agree(350_00)
    assert shop.completes(asked, said, 402_51)["39"] == "61"
    assert shop.completes(asked, said, 402_50)["39"] == "00"
    shop.agree(402_50)
    assert shop.bank.balance(shop.card("atlas-approved")) == (402_50, 0)


def test_an_increment_alone_is_declined_and_alone_taken_back(shop: Counter) -> None:
    asked, said = shop.asks("preauth", "atlas-approved", 300_00)
    assert shop.adds(asked, said, 90_000_00)[1]["39"] == "51"
    shop.agree(300_00)
    more, _ = shop.adds(asked, said, 50_00)
    assert shop.takes_back(more)["39"] == "00"
    shop.agree(300_00)
    assert shop.takes_back(more)["39"] == "00"
    shop.agree(300_00)
    assert shop.bank.balance(shop.card("atlas-approved")) == (0, 300_00)


def test_the_reversal_of_a_pre_authorization_takes_its_increments_with_it(shop: Counter) -> None:
    asked, said = shop.asks("preauth", "atlas-approved", 300_00)
    more, _ = shop.adds(asked, said, 50_00)
    assert shop.takes_back(asked)["39"] == "00"
    shop.agree()
    assert shop.takes_back(more)["39"] == "00"
    assert shop.adds(asked, said, 20_00)[1]["39"] == "77"
    shop.agree()
    assert shop.bank.balance(shop.card("atlas-approved")) == (0, 0)


def test_an_increment_taken_back_after_the_completion_changes_nothing_of_that(shop: Counter) -> None:
    asked, said = shop.asks("preauth", "atlas-approved", 300_00)
    more, _ = shop.adds(asked, said, 50_00)
    shop.completes(asked, said, 340_00)
    assert shop.takes_back(more)["39"] == "00"
    shop.agree(340_00)
    assert shop.bank.balance(shop.card("atlas-approved")) == (340_00, 0)
