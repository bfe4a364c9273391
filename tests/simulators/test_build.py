"""The parties of a network file: which terminals there are, and that there are cards to pay with."""

import random

import pytest
from msgspec.structs import replace

from switch.core.network import Network
from switch.simulators.build import PAY_LETTER, TERMINALS_MAX, home_place, make_terminal
from switch.simulators.mix import NoCardsError, other_value
from switch.simulators.terminal import Load
from tests.simulators.world import morocco


def with_ports(*names: str) -> Network:
    network = morocco()
    return replace(network, listeners=tuple(replace(network.listeners[0], name=name) for name in names))


def test_no_two_listeners_have_a_terminal_in_common() -> None:
    network = with_ports("pos", "acquirers", "pos-north", "partners", "tills")
    rif = network.members[1]
    terminals = [home_place(network, rif, port, 0).terminal for port in network.listeners]
    assert len(set(terminals)) == len(terminals)
    assert [terminal[3] for terminal in terminals[:2]] == ["P", "A"], "its first letter, where that is free"
    assert PAY_LETTER not in {terminal[3] for terminal in terminals}


def test_the_last_terminal_of_a_listener_has_eight_characters() -> None:
    network = morocco()
    place = home_place(network, network.members[0], network.listeners[0], TERMINALS_MAX - 1)
    assert len(place.terminal) == 8


def test_a_network_without_cards_has_nobody_who_could_pay() -> None:
    network = replace(morocco(), bins=())
    with pytest.raises(NoCardsError, match=r"\[\[bin\]\]"):
        make_terminal(network, "atlas", "pos", Load(), random.Random(1))


@pytest.mark.parametrize(("cvv2", "other"), [("248", "249"), ("999", "000"), ("1234", "1235"), ("9999", "0000")])
def test_a_wrong_card_value_has_as_many_digits_as_the_right_one(cvv2: str, other: str) -> None:
    assert other_value(cvv2) == other
