"""What a text element may hold: a control character is a format error in a request, and costs an answer the element."""

import pytest
from msgspec.structs import replace

from switch.core.messages.internal import original_data
from switch.core.messages.texts import FREE, control_characters
from switch.core.network import Network
from switch.sim.playbook import Playbook
from switch.wire import Dialect
from tests.core.scripts import Scene, morocco, purchase

TEXTS = {"37": 12, "41": 8, "42": 15, "43": 40, "44": 25, "54": 20, "102": 20}
"""elements of text with a length they may have"""


def in_latin(*links: str) -> Network:
    """Morocco with these links in ISO 8859-1."""
    network = morocco()
    listeners, hosts = (
        [replace(x, dialect="cmi87+latin-1") if x.name in links else x for x in several]
        for several in (network.listeners, network.hosts)
    )
    return replace(network, listeners=tuple(listeners), hosts=tuple(hosts))


@pytest.mark.parametrize("de", TEXTS)
def test_a_request_with_a_control_character_in_text_is_a_format_error_that_says_where(de: str) -> None:
    scene = Scene()
    scene.rif.sends(purchase(**{f"de{de}": "12\x1b[2J".ljust(TEXTS[de])}))
    got = scene.rif.gets()
    assert got["39"] == "30"
    assert got.get(de, "").isprintable()
    assert scene.atlas.got_nothing()
    (refused,) = scene.book.logged("message.refused")
    said = [refused.fields[key] for key in ("field", "expected", "found")]
    assert said == [de, "text without control characters", "0x1B"]
    assert f"DE{de} (" in refused.fields["reason"]
    assert "at byte of its data 2: expected" in refused.fields["reason"]


@pytest.mark.parametrize("control", ["\0", "\r", "\n", "\t", "\x1b", "\x7f"])
def test_each_control_character_is_one(control: str) -> None:
    scene = Scene()
    scene.rif.sends(purchase(de43=f"EPICERIE{control}DU PORT".ljust(40)))
    assert scene.rif.gets()["39"] == "30"


@pytest.mark.parametrize("mti", ["0100", "0220", "0400", "0420"])
def test_so_is_an_authorization_an_advice_a_reversal(mti: str) -> None:
    scene = Scene()
    scene.rif.sends(purchase(t=mti, de41="TERM\x1b[2J"))
    assert scene.rif.gets()["39"] == "30"


def test_so_is_a_sign_on() -> None:
    scene = Scene()
    scene.rif.sends(
        {"t": "0800", "7": "1125120000", "11": "000001", "32": "504102", "43": "\x1b".ljust(40), "70": "001"}
    )
    assert scene.rif.gets()["39"] == "30"


@pytest.mark.parametrize("de", ["37", "38", "41", "42", "43", "44"])
def test_an_approval_stands_without_its_element_with_a_control_character(de: str) -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    size = TEXTS.get(de, 6)
    scene.atlas.answers(scene.atlas.gets(), "00", **{"de38": "A12345", f"de{de}": "\x1b[2J".ljust(size)})
    got = scene.rif.gets()
    assert got["39"] == "00"
    assert all(value.isprintable() for value in got.values())
    (dropped,) = scene.book.logged("element.dropped")
    assert dropped.fields["reason"].endswith("expected text without control characters, found 0x1B")


def test_what_two_ends_fill_as_they_agree_goes_on_as_it_came() -> None:
    scene = Scene()
    scene.rif.sends(purchase(de62="ITEM\x1c0001\x1cEND"))
    assert scene.atlas.gets()["62"] == "ITEM\x1c0001\x1cEND"


def test_controls_of_ebcdic_and_of_latin_1_are_seen_as_what_they_are() -> None:
    document = {"t": "0200", "43": "CAFE\x85\x9b", "48": "\x1b", "37": "123\x7f"}
    found = control_characters(Dialect.load("mastercard"), document)
    assert [(error.field, error.offset, error.found) for error in found] == [("43", 4, "0x85"), ("37", 3, "0x7F")]


def test_letters_of_other_alphabets_and_hard_spaces_are_text() -> None:
    assert not control_characters(Dialect.load("cmi87"), {"t": "0200", "43": "CAFÉ\xa0DU PORT"})


def test_standard_elements_are_text_and_reserved_ones_are_free() -> None:
    assert not FREE & {"37", "38", "41", "42", "43", "44", "54", "102", "103"}
    assert {"46", "47", "48", "55", "60", "63", "127"} <= FREE


@pytest.mark.parametrize("charset", ["cp1252", "utf-8", "cp1256", "iso8859-6"])
@pytest.mark.parametrize("name", ["L’ÉPICERIE “À L’UNITÉ” – 5 € …", "مقهى الدار البيضاء", "SÃO ŽIŽKOV"])
def test_whatever_charset_a_shops_name_comes_in_it_costs_no_payment(name: str, charset: str) -> None:
    scene = Scene(Playbook(in_latin("acquirers")))
    came = name.encode(charset, "replace").ljust(40)[:40].decode("latin-1")
    scene.rif.sends(purchase(de43=came, de42="CAFÉ’S".encode(charset, "replace").ljust(15).decode("latin-1")[:15]))
    asked = scene.atlas.gets()
    assert asked["43"].isascii()
    assert (len(asked["43"]), asked["43"].isprintable()) == (40, True)
    scene.atlas.answers(asked, "00")
    scene.book.journal_flushes()
    paid = scene.rif.gets()
    assert paid["39"] == "00"
    assert all(value.isprintable() for value in paid.values())
    assert scene.book.logged("text.respelled") or came.isascii()
    scene.rif.sends(
        purchase(t="0400", de11="000777", de43=came, de90=original_data("0200", "000123", "1125120000", "504102", ""))
    )
    scene.book.journal_flushes()
    assert scene.rif.gets()["39"] == "00"


def test_between_links_of_latin_1_only_what_is_no_text_is_respelled() -> None:
    scene = Scene(Playbook(in_latin("acquirers", "atlas")))
    scene.rif.sends(purchase(de43="L\x92ÉPICERIE \x80".ljust(40)))
    asked = scene.atlas.gets()
    assert asked["43"] == "L'ÉPICERIE ?".ljust(40)
    scene.atlas.answers(asked, "00", de38="A12345", de44="\x93à l\x92unité\x94")
    scene.book.journal_flushes()
    assert scene.rif.gets()["44"] == '"à l\'unité"'
    assert not scene.book.logged("element.dropped")


def test_orders_to_a_terminal_stay_refused_there() -> None:
    scene = Scene(Playbook(in_latin("acquirers")))
    scene.rif.sends(purchase(de43="\x1b[2J \x9b2J".ljust(40)))
    assert scene.rif.gets()["39"] == "30"
    assert scene.atlas.got_nothing()
