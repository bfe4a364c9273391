"""Playbooks: what is made with one link's keys never travels to another: MACs not at all, PIN data where the link says so."""

import msgspec
import pytest

from switch.core.network import Network
from switch.core.records.records import Declined, Forwarded
from switch.sim.playbook import Playbook
from tests.core.scripts import Scene, morocco, purchase, reversal

MACS = {"de64": "1122334455667788", "de128": "8877665544332211"}


def without_pins() -> Network:
    """Morocco, where no host's link carries PIN data."""
    network = morocco()
    hosts = tuple(msgspec.structs.replace(host, pass_pin=False) for host in network.hosts)
    return msgspec.structs.replace(network, hosts=hosts)


def test_a_mac_stays_on_its_link_either_way() -> None:
    scene = Scene()
    scene.rif.sends(purchase(**MACS))
    request = scene.atlas.gets()
    assert not {"64", "128"} & request.keys()
    scene.atlas.answers(request, "00", **MACS)
    answer = scene.rif.gets()
    assert answer["39"] == "00"
    assert not {"64", "128"} & answer.keys()


def test_neither_a_reversal_nor_an_advice_carries_a_mac_or_pin_data_on() -> None:
    scene = Scene()
    sent = purchase()
    scene.rif.sends(sent)
    scene.atlas.answers(scene.atlas.gets(), "00")
    scene.rif.gets()
    scene.rif.sends(reversal(sent, **MACS, de53="1234567890123456"))
    scene.rif.sends(purchase(stan="000777", t="0220", **MACS, de53="1234567890123456"))
    for told in (scene.atlas.gets(), scene.atlas.gets()):
        assert not {"52", "53", "64", "128"} & told.keys()


def test_a_pin_goes_where_the_link_says_that_it_carries_pins() -> None:
    scene = Scene()
    scene.rif.sends(purchase(de53="1234567890123456"))
    request = scene.atlas.gets()
    assert (request["52"], request["53"]) == ("0123456789ABCDEF", "1234567890123456")


def test_an_answer_brings_no_pin_data_back() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00", de52="FEDCBA9876543210", de53="1234567890123456")
    assert not {"52", "53"} & scene.rif.gets().keys()


def test_a_request_is_never_sent_without_its_pin() -> None:
    scene = Scene(Playbook(without_pins()))
    scene.rif.sends(purchase())
    assert scene.rif.gets()["39"] == "96"
    assert scene.atlas.got_nothing()
    assert not scene.book.recorded(Forwarded)
    (declined,) = scene.book.recorded(Declined)
    assert isinstance(declined, Declined)
    assert declined.reason == "it has a PIN (DE52), and the link of host atlas carries none"
    (event,) = scene.book.logged("pin.not_carried")
    assert (event.fields["host"], event.fields["link"]) == ("atlas", scene.rif.link)


@pytest.mark.parametrize("de53", ["", "1234567890123456"])
def test_one_without_a_pin_goes_on_without_what_would_say_how_it_was_made(de53: str) -> None:
    scene = Scene(Playbook(without_pins()))
    scene.rif.sends(purchase(de52="", de53=de53))
    assert "53" not in scene.atlas.gets()


def test_a_request_sent_again_on_another_connection_carries_no_more() -> None:
    scene = Scene()
    second = scene.book.host("atlas")
    scene.rif.sends(purchase(**MACS))
    first, other = (scene.atlas, second) if not scene.atlas.got_nothing() else (second, scene.atlas)
    assert "64" not in first.gets()
    first.hangs_up()
    again = other.gets()
    assert (again["t"], again["52"]) == ("0201", "0123456789ABCDEF")
    assert not {"64", "128"} & again.keys()


def test_nor_without_its_pin_where_a_reload_has_taken_it_from_the_link() -> None:
    scene = Scene()
    second = scene.book.host("atlas")
    scene.rif.sends(purchase())
    first, other = (scene.atlas, second) if not scene.atlas.got_nothing() else (second, scene.atlas)
    scene.book.reloads(without_pins())
    first.hangs_up()
    assert scene.rif.gets()["39"] == "91"
    assert other.gets()["t"] == "0420"
