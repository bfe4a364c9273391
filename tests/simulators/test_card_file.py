"""A country's cards at an issuer: each is made from its number, and of its account only what differs is kept."""

import random
import tracemalloc

import pytest

from switch.bench.messages import CardRange
from switch.config import load_network
from switch.simulators.accounts import Ledger
from switch.simulators.build import make_issuer
from switch.simulators.card_file import CardFile
from switch.simulators.cards import Population, demo_cards, population_of
from tests.simulators.samples import at, pay

MOROCCO = load_network("morocco")
COUNTRY = 3_200_000
BYTES_A_CARD = 200


@pytest.fixture(scope="module")
def population() -> Population:
    return population_of(MOROCCO, "atlas", COUNTRY)


def test_every_card_of_the_range_is_on_file_and_no_other(population: Population) -> None:
    """The load's cards (`bench --bin`) are the same ones."""
    load = CardRange("950401", COUNTRY)
    cards = CardFile((), population)
    for number in (0, 1, 41, 12_345, COUNTRY - 1):
        account = cards[load[number].pan]
        assert account.card.pan == load[number].pan
        assert (account.card.expiry, account.balance) == (load[number].expiry, account.card.balance)
        assert cards.named(account.card.name).card == account.card
    beyond, other = CardRange("950401", COUNTRY + 1)[COUNTRY].pan, CardRange("950402", 10)[3].pan
    wrong_digit = load[7].pan[:-1] + str((int(load[7].pan[-1]) + 1) % 10)
    for pan in (beyond, other, wrong_digit, "", "9504", load[7].pan + "0", "95040100000000x7"):
        assert pan not in cards
    for name in (f"atlas#{COUNTRY}", "atlas#x", "rif#1", "atlas-1", ""):
        with pytest.raises(KeyError):
            cards.named(name)


def test_test_cards_stay_what_they_are_in_the_midst_of_them(population: Population) -> None:
    shown = [card for card in demo_cards(MOROCCO) if card.issuer == "atlas"]
    cards = CardFile(shown, population)
    for card in shown:
        assert (card.pan in cards) == card.on_file
        if card.on_file:
            assert cards[card.pan].card is card


def test_what_has_moved_is_kept_and_a_journal_names_it(population: Population) -> None:
    pan = CardRange("950401", COUNTRY)[54_321].pan
    ledger, again = (Ledger("atlas", (), population=population) for _ in range(2))
    opened = ledger.accounts[pan].balance
    assert ledger.authorize({**pay(amount=50_00), "2": pan}, at()).de39 == "00"
    assert ledger.authorize({**pay(amount=20_00, number=2), "2": pan, "t": "0100"}, at()).de39 == "00"
    account = ledger.accounts[pan]
    assert (account.balance, account.held, account.spent) == (opened - 50_00, 20_00, 70_00)
    for entry in ledger.fresh:
        assert pan not in repr(entry)
        again.holdings.apply(entry)
    assert again.accounts[pan] == account
    assert [moved.card.name for moved in again.accounts.moved()] == ["atlas#54321"]


def test_an_account_that_has_moved_takes_no_more_than_is_stated(population: Population) -> None:
    cards, count = CardFile((), population), 3_000
    account = cards.named("atlas#0")
    tracemalloc.start()
    try:
        for number in range(1_000_000, 1_000_000 + count):
            account.card = population.card(number)
            account.balance, account.day = 99_000_000_00 - number, "261128"
            cards.keep(account)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / count < BYTES_A_CARD


def test_an_issuer_s_file_has_them_where_it_is_asked_to_and_says_where_there_is_no_room() -> None:
    pan = CardRange("950401", COUNTRY)[123_456].pan
    assert pan in make_issuer(MOROCCO, "atlas", random.Random(1), population=COUNTRY).ledger.accounts
    assert pan not in make_issuer(MOROCCO, "atlas", random.Random(1)).ledger.accounts
    with pytest.raises(ValueError, match="has no room for 10,000,000,000 cards"):
        population_of(MOROCCO, "atlas", 10**10)
    with pytest.raises(ValueError, match="visa has no range"):
        population_of(MOROCCO, "visa", 1)
