"""Chips read without contact by the rules of stripes (dCVV, CVC3): at the issuer, on its behalf, and while it is away."""

import pytest
from msgspec.structs import replace

from switch.core.messages.internal import private_elements
from switch.core.messages.stripe import whole_counter
from switch.core.records.devices import ChipCounted
from switch.core.transactions.card_proofs import STRIPE
from switch.security import card_values, emv
from switch.simulators.personalized import Chips, PersonalizationError
from switch.wire.vocabulary import Document
from tests.core.transactions.test_card_proofs import Till, with_card_keys
from tests.core.transactions.test_on_behalf import There
from tests.simulators.test_card_desk import BOTH, KEYS, MODULE, Bank

MAKES = replace(BOTH, dynamic_key="changes")
CHECKS = replace(BOTH, dynamic_key="changes-checked-only")


class Tapped(Bank):
    """Atlas, whose chips a terminal reads by the rules of stripes."""

    def __init__(self) -> None:
        super().__init__(CHECKS)
        self.chips = Chips(with_card_keys(MAKES), MODULE, {})

    def taps(self, wrong: str = "", digit: str = "7") -> Document:
        return self.chips.tap(self.asks(), self.card, digit, wrong)

    def answers(self, document: Document) -> str:
        return self.takes(document).de39


def test_a_value_holds_once() -> None:
    bank = Tapped()
    first = bank.taps()
    assert (first["22"], len(first["35"])) == ("911", 37)
    assert bank.answers(first) == "00"
    assert bank.answers(bank.asks() | {de: first[de] for de in ("22", "23", "35")}) == "63", "the same once more"
    assert bank.answers(bank.taps()) == "00"


@pytest.mark.parametrize("wrong", ["counter", "stripe"])
def test_what_is_wrong_is_declined(wrong: str) -> None:
    bank = Tapped()
    assert bank.answers(bank.taps()) == "00"
    assert bank.answers(bank.taps(wrong)) == "63"


def test_a_skimmed_track_is_no_stripe_and_no_other_counter_s() -> None:
    bank = Tapped()
    made = bank.taps()
    track = made["35"]
    later = f"{track[:-5]}{int(track[-5:-1]) + 1:04d}{track[-1]}"

    def says(entry: str, said: str) -> str:
        return bank.answers(bank.asks() | {"22": entry, "23": made["23"], "35": said})

    assert says("911", later) == "63"
    assert says("021", track) == "63"
    assert says("911", track[:-5]) == "63", "without its counter"
    assert says("911", track) == "00", "none of these has used it up"


def test_a_key_that_checks_makes_none() -> None:
    bank = Tapped()
    bank.chips = Chips(with_card_keys(CHECKS), MODULE, {})
    with pytest.raises(PersonalizationError, match="mode X: it does not make values of stripes that change"):
        bank.taps()


def test_cvc3_is_of_the_terminal_s_number_too_and_as_published() -> None:
    """The published value of pyemv's documentation, of which a track has the last three digits."""
    card = emv.card_key(bytes.fromhex("01234567899876543210012345678998"), "5123456789012345")
    track = "5123456789012345D3512101" + "0" * 13
    assert card_values.value_of_track(card, "mastercard", track, 0x5E, "899") == "488"
    assert card_values.value_of_track(card, "mastercard", track, 0x5E, "898") != "488"
    found = KEYS.find("changes")
    assert found is not None
    visa = {card_values.value_of_track(found.key, "visa", track, 7, digit) for digit in "0123456789"}
    assert len(visa) == 1, "dCVV has no number of the terminal in it"
    for bad in ("5123456789012345=35121010", "D", ""):
        with pytest.raises(ValueError, match="track 2"):
            card_values.value_of_track(card, "mastercard", bad, 1, "1")


@pytest.mark.parametrize(
    ("digits", "last", "whole"),
    [
        ("0001", -1, 1),
        ("0000", -1, 0),
        ("0002", 1, 2),
        ("0001", 1, 10_001),
        ("0003", 9_998, 10_003),
        ("9999", 0, 9_999),
    ],
)
def test_the_whole_counter_is_the_first_above_the_last(digits: str, last: int, whole: int) -> None:
    assert whole_counter(digits, last) == whole


def test_on_behalf_its_issuer_sees_what_was_found_and_the_counter_is_durable() -> None:
    there = There(replace(CHECKS, on_behalf=(STRIPE,)))
    there.chips = Chips(with_card_keys(MAKES), MODULE, {})

    def taps(wrong: str = "") -> Document:
        plain = {de: value for de, value in there.asks().items() if de not in ("55", "35", "23")}
        return there.chips.tap(plain, there.card, "3", wrong)

    first = taps()
    request = there.arrives(first)
    assert private_elements(request) == {}, "the words of DE48.87 are of a value that is wrong"
    there.atlas.answers(request, "00", de38="123456")
    assert there.rif.gets()["39"] == "00"
    assert [entry.counter for entry in there.book.recorded(ChipCounted) if isinstance(entry, ChipCounted)] == [2]
    assert there.declines({**first, "11": "000999", "37": "532912000999"}) == "63"
    assert there.declines(taps("stripe")) == "63"


def test_by_stand_in_a_value_holds_once_too() -> None:
    till = Till(CHECKS)
    till.chips = Chips(with_card_keys(MAKES), MODULE, {})
    answers = []
    for stan, digit in (("000901", "3"), ("000902", "4")):
        plain = {de: value for de, value in till.asks().items() if de not in ("55", "35", "23")}
        tapped = till.chips.tap(plain, till.card, digit)
        answers.append(till.away.pays(tapped)["39"])
        again = {**tapped, "11": stan, "37": f"532912{stan}"}
        answers.append(till.away.pays(again)["39"])
    assert answers == ["00", "63", "00", "63"]
