"""Playbooks: accents of a link in Latin-1 never cost a payment on one in ASCII."""

from datetime import date
from pathlib import Path

import msgspec
import pytest

from switch.config import parse_network
from switch.config.load import SHIPPED
from switch.core.messages.internal import answer, private_elements
from switch.core.network import Network
from switch.core.party import Effect, Log, Send
from switch.dialects.files import dump
from switch.sim.playbook import Playbook
from switch.simulators.endpoint import Line, Speech
from switch.wire import Dialect
from switch.wire.spelling import in_ascii
from tests.core.scripts import Scene, morocco, purchase, reversal

NAME = "CAFÉ D'ÉTÉ             CASABLANCA    MA"


def latin(tmp_path: Path) -> str:
    """A dialect file: cmi87 with its text in ISO 8859-1."""
    spec = {
        key: e | {"data_enc": "latin-1"} if e.get("content") in ("an", "ans") else e
        for key, e in Dialect.load("cmi87").spec.items()
    }
    path = tmp_path / "latin.json"
    path.write_text(dump({"name": "latin", "family": "cmi"}, spec))
    return str(path)


def with_latin(tmp_path: Path, *, host: bool) -> Network:
    network, dialect = morocco(), latin(tmp_path)
    if host:
        hosts = [msgspec.structs.replace(h, dialect=dialect) if h.name == "atlas" else h for h in network.hosts]
        return msgspec.structs.replace(network, hosts=tuple(hosts))
    listeners = [msgspec.structs.replace(x, dialect=dialect) if x.name == "acquirers" else x for x in network.listeners]
    return msgspec.structs.replace(network, listeners=tuple(listeners))


def test_a_merchants_accents_are_left_out_towards_a_host_in_ascii(tmp_path: Path) -> None:
    scene = Scene(Playbook(with_latin(tmp_path, host=False)))
    name = NAME.ljust(40)[:40]
    scene.rif.sends(purchase() | {"43": name})
    asked = scene.atlas.gets()
    assert asked["43"] == in_ascii(name)
    assert asked["43"].startswith("CAFE D'ETE ")
    (event,) = scene.book.logged("text.respelled")
    assert event.fields["txn"]
    assert event.fields["elements"] == ["DE43"]
    assert "latin-1" in event.fields["hint"]
    scene.atlas.answers(asked)
    scene.book.journal_flushes()
    assert scene.rif.gets()["39"] == "00"


def test_an_accent_in_a_hosts_answer_is_left_out_towards_an_acquirer_in_ascii(tmp_path: Path) -> None:
    scene = Scene(Playbook(with_latin(tmp_path, host=True)))
    scene.rif.sends(purchase())
    asked = scene.atlas.gets()
    scene.atlas.sends(answer(asked, "00") | {"38": "A12345", "44": "à l'unité"})
    scene.book.journal_flushes()
    got = scene.rif.gets()
    assert (got["39"], got["44"]) == ("00", "a l'unite")
    assert scene.book.logged("text.respelled")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("ÀÉÎÕÜÇñ", "AEIOUCn"),
        ("œuvre Æ ß", "ouvre A s"),
        ("«5 €»", '"5 ?"'),
        ("a\u00a0b", "a b"),
        ("½¥", "??"),
        ("plain", "plain"),
    ],
)
def test_each_character_becomes_one(text: str, plain: str) -> None:
    assert in_ascii(text) == plain
    assert len(plain) == len(text)


@pytest.mark.parametrize("code", range(0x80, 0x100))
def test_no_character_of_latin_1_is_refused(code: int) -> None:
    spelled = in_ascii(chr(code))
    assert spelled.isascii()
    assert len(spelled) == 1


def test_a_link_whose_section_says_latin_1_keeps_accents() -> None:
    text = (SHIPPED / "morocco.toml").read_text()
    for name, value in (("acquirers", 'dialect = "cmi87"                  # ISO'), ("atlas", 'dialect = "cmi87"\n')):
        at = text.index(
            value, text.index(f'name = "{name}"\nrole = "issuer"' if name == "atlas" else f'name = "{name}"')
        )
        text = f'{text[:at]}charset = "latin-1"\n{text[at:]}'
    network = parse_network(text, "m.toml")
    assert [h.dialect for h in network.hosts if h.name == "atlas"] == ["cmi87+latin-1"]
    scene = Scene(Playbook(network))
    name = NAME.ljust(40)[:40]
    scene.rif.sends(purchase() | {"43": name})
    asked = scene.atlas.gets()
    assert asked["43"] == name
    scene.atlas.sends(answer(asked, "00") | {"38": "A12345", "44": "à l'unité"})
    scene.book.journal_flushes()
    assert scene.rif.gets()["44"] == "à l'unité"
    assert not scene.book.logged("text.respelled")


@pytest.mark.parametrize("title", ["Café d'Été", "مقهى الدار"])
def test_a_shop_of_the_gateways_is_named_on_a_link_in_ascii_whatever_its_title(title: str) -> None:
    emitted: list[Effect] = []
    speech = Speech(Dialect.load("cmi87"), "length2", "504102", "504000")
    line = Line("gateway#1", speech, emitted.append, lambda: date(2026, 11, 28))
    line.say(purchase() | {"43": title.ljust(38) + "MA"})
    log, send = emitted
    assert isinstance(log, Log)
    assert (log.event, log.fields["elements"]) == ("text.respelled", ["DE43"])
    assert isinstance(send, Send)
    assert in_ascii(title).ljust(38).encode() + b"MA" in send.data


PAGES = ["cp500", "cp037", "latin-1", "ascii"]


@pytest.mark.parametrize("page", PAGES)
def test_accents_of_answers_and_reversals_reach_links_of_every_character_set(tmp_path: Path, page: str) -> None:
    """DE43 and DE48 on their way to a host, in a request and in its reversal, and DE44 and DE48 on their way back, letter for
    letter; DE48's parts are as long as they were, so that it divides."""
    scene = Scene(Playbook(with_page(tmp_path, page)))
    name, said = NAME.ljust(40)[:40], in_ascii if page == "ascii" else str
    scene.rif.sends(purchase() | {"43": name, "48": "9905été: 420205"})
    asked = scene.atlas.gets()
    assert (asked["43"], asked["48"]) == (said(name), said("9905été: 420205"))
    assert private_elements(asked) == {"99": said("été: "), "42": "05"}
    scene.atlas.sends(answer(asked, "00") | {"38": "A12345", "44": said("à l'unité"), "48": said("6305RÉF01")})
    scene.book.journal_flushes()
    paid = scene.rif.gets()
    assert (paid["39"], paid["44"], paid["48"]) == ("00", said("à l'unité"), said("6305RÉF01"))
    scene.rif.sends(reversal(purchase()) | {"43": name})
    scene.book.journal_flushes()
    back = scene.atlas.gets()
    assert (back["t"], back["43"], back["48"]) == ("0420", asked["43"], said("6305RÉF01"))
    assert bool(scene.book.logged("text.respelled")) == (page == "ascii")


@pytest.mark.parametrize("page", PAGES)
def test_accents_of_an_advice_and_of_a_reversal_of_nothing_known_reach_them_too(tmp_path: Path, page: str) -> None:
    scene = Scene(Playbook(with_page(tmp_path, page)))
    name, said = NAME.ljust(40)[:40], in_ascii if page == "ascii" else str
    for stan, document in (
        ("000801", purchase("000801", t="0220", de38="A12345")),
        ("000802", reversal(purchase(), "000802")),
    ):
        scene.rif.sends(document | {"43": name, "63": "à l'unité"})
        scene.book.journal_flushes()
        assert scene.rif.gets()["39"] == "00", stan
        sent = scene.atlas.gets()
        assert (sent["t"][1:], sent["43"], sent["63"]) == (document["t"][1:2] + "20", said(name), said("à l'unité"))
        scene.atlas.answers(sent)
    assert bool(scene.book.logged("text.respelled")) == (page == "ascii")


def with_page(tmp_path: Path, page: str) -> Network:
    """Rif's link in ISO 8859-1, Atlas's in a character set of its own."""
    network = with_latin(tmp_path, host=False)
    if page == "ascii":
        return network
    spec = {
        key: e | {"data_enc": page} if e.get("content") in ("an", "ans") else e
        for key, e in Dialect.load("cmi87").spec.items()
    }
    path = tmp_path / f"{page}.json"
    path.write_text(dump({"name": page, "family": "cmi"}, spec))
    hosts = [msgspec.structs.replace(h, dialect=str(path)) if h.name == "atlas" else h for h in network.hosts]
    return msgspec.structs.replace(network, hosts=tuple(hosts))
