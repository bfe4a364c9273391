"""Playbooks: letters that come on a link of ASCII never cost a payment, and never change what a payment is known or proved by.

The other ends write as others' libraries do (`tests.wire.letters`): jPOS in ISO 8859-1, j8583 in UTF-8 whose lengths count
characters; what both should come to stands in the docs (docs/translate.md).
"""

import pytest
from msgspec.structs import replace

from switch.core.links.sealing import whole
from switch.core.messages.internal import answer, original_data
from switch.core.messages.texts import SPELLED
from switch.core.network import Network
from switch.core.records.records import Owed
from switch.security.simulated import SimulatedModule
from switch.sim.playbook import Peer, Playbook
from switch.wire import Dialect
from switch.wire.describe import start_of
from switch.wire.framing import make_framing
from switch.wire.spelling import in_ascii
from tests.core.link_control.test_macs import keys, sealed
from tests.core.scripts import Scene, morocco, purchase, reversal
from tests.wire.letters import Writer, latin, utf8_in_bytes, utf8_in_characters

WRITERS = [latin, utf8_in_bytes, utf8_in_characters]
CMI87 = Dialect.load("cmi87")
TEXTS = [de for de, e in CMI87.elements.items() if e.content in ("a", "an", "ans")]
FEW = ["34", "37", "38", "41", "42", "43", "44", "45", "46", "48", "54", "62", "98", "102", "127"]
"""of each kind one or more"""


def writes(peer: Peer, writer: Writer) -> None:
    """From here on this end writes its letters so."""
    dialect = Dialect.load(peer.dialect.name)
    dialect.encode = lambda document: writer(peer.dialect, document)
    plain, peer.dialect = peer.dialect, dialect
    peer.dialect.encode = lambda document: writer(plain, document)


def valued(de: str, letter: str = "é", bytes_of: Writer = latin) -> str:
    """A value with a letter in it, as long as the element is, as this writer counts."""
    e = CMI87.elements[de]
    size = e.size if not e.length_bytes else 9
    if bytes_of is utf8_in_bytes:
        size -= len(letter.encode()) - len(letter)
    if de == "48":
        return f"99{size - 4:02d}".replace(f"{size - 4:02d}", f"{5:02d}") + ("t" + letter).ljust(size - 4, "t")
    return (letter + "t").ljust(size, "x")[:size]


def spelled(value: str, writer: Writer) -> str:
    """What the stated rule makes of it."""
    return in_ascii(value.encode().decode("latin-1") if writer is utf8_in_bytes else value)


@pytest.mark.parametrize(
    ("de", "writer"), [*((de, latin) for de in TEXTS), *((de, writer) for de in FEW for writer in WRITERS[1:])]
)
def test_an_approval_with_a_letter_stands(de: str, writer: Writer) -> None:
    scene = Scene()
    writes(scene.atlas, writer)
    scene.rif.sends(purchase())
    asked = scene.atlas.gets()
    value = valued(de, bytes_of=writer)
    scene.atlas.sends(answer(asked, "00") | {"38": "A12345", "49": "504", de: value})
    scene.book.journal_flushes()
    got = scene.rif.gets()
    assert not scene.book.logged("message.unreadable")
    if de == "39":
        assert got["39"] == "91", "an answer that does not say what it is approves nothing"
        assert scene.book.recorded(Owed)
        return
    assert got["39"] == "00"
    assert not scene.book.recorded(Owed), "and nothing is reversed"
    if de in SPELLED:
        assert got[de] == (spelled(value, writer) if de != "42" else purchase()["42"])
        (event,) = scene.book.logged("text.respelled")
        assert event.fields["elements"] == [f"DE{de}"]
        assert ('charset = "latin-1"' in event.fields["hint"]) == (writer is not utf8_in_characters)
    else:
        assert got.get(de) in (None, asked.get(de)), "what it is known by is not what came"
        (event,) = scene.book.logged("element.dropped")
        assert f"DE{de} " in event.fields["reason"]


@pytest.mark.parametrize("de", FEW)
@pytest.mark.parametrize(
    ("mti", "writer"),
    [("0100", latin), ("0200", utf8_in_characters), ("0220", latin), ("0400", latin), ("0420", utf8_in_characters)],
)
def test_a_request_an_advice_a_reversal_goes_on_unless_what_it_is_known_by_has_a_letter(
    mti: str, de: str, writer: Writer
) -> None:
    scene = Scene()
    sale = purchase(de38="A12345") if mti == "0220" else purchase()
    if mti[1] == "4":
        scene.rif.sends(sale)
        scene.atlas.answers(scene.atlas.gets())
        scene.book.journal_flushes()
        assert scene.rif.gets()["39"] == "00"
        sale = reversal(sale) | {"43": sale["43"]}
    writes(scene.rif, writer)
    value = valued(de)
    scene.rif.sends(sale | {"t": mti, de: value})
    scene.book.journal_flushes()
    if de in SPELLED:
        sent = scene.atlas.gets()
        assert sent["t"] == {"0400": "0420"}.get(mti, mti)
        if mti == "0220" and de == "48":
            assert "48" not in sent, "an advice keeps of DE48 what the journal may hold, and knows"
        elif mti[1] != "4":
            assert sent[de] == in_ascii(value)
        elif de == "43":
            assert sent[de] == in_ascii(value), "a reversal has its own, and what else it says is of what it takes back"
        assert scene.book.logged("text.respelled")
    else:
        assert scene.rif.gets()["39"] == "30"
        assert scene.atlas.got_nothing()
        (event,) = scene.book.logged("message.unreadable")
        assert (event.fields["field"], event.fields["expected"]) == (de, "an ASCII character")


@pytest.mark.parametrize("name", ["ascii87", "base24", "cmi87b", "iso93", "iso2003"])
@pytest.mark.parametrize("writer", [latin, utf8_in_characters])
def test_so_does_one_of_each_dialect_of_ascii(name: str, writer: Writer) -> None:
    scene = Scene(Playbook(atlas_speaks(name)))
    writes(scene.atlas, writer)
    scene.rif.sends(purchase())
    asked = scene.atlas.gets()
    scene.atlas.sends(answer(asked, "00") | {"38": "A12345", "44": "à l'unité"})
    scene.book.journal_flushes()
    got = scene.rif.gets()
    assert (got["39"], got["44"]) == ("00", "a l'unite")


def atlas_speaks(name: str) -> Network:
    network = morocco()
    hosts = [replace(h, dialect=name, framing="length2") if h.name == "atlas" else h for h in network.hosts]
    return replace(network, hosts=tuple(hosts))


def test_every_byte_of_an_ebcdic_text_is_a_character_and_no_approval_is_lost_for_one() -> None:
    scene = Scene(Playbook(atlas_speaks("mastercard")))
    for byte in range(256):
        scene.rif.sends(purchase(f"{byte + 1:06d}"))
        asked = scene.atlas.gets()
        scene.atlas.sends(answer(asked, "00") | {"38": "A12345", "44": bytes([byte]).decode("cp037") + "x"})
        scene.book.journal_flushes()
        assert scene.rif.gets()["39"] == "00", byte


@pytest.mark.parametrize("writer", WRITERS)
def test_a_mac_is_over_the_bytes_as_they_came(writer: Writer) -> None:
    scene = Scene(Playbook(sealed(morocco(), "atlas"), module=SimulatedModule.of(keys(), 1)))
    writes(scene.atlas, writer)
    writes(scene.rif, writer)
    name = valued("43", bytes_of=writer)
    scene.rif.sends(purchase(de43=name))
    asked = scene.atlas.gets()
    assert asked["43"] == spelled(name, writer)
    scene.atlas.sends(answer(asked, "00") | {"38": "A12345", "44": "à l'unité"})
    scene.book.journal_flushes()
    got = scene.rif.gets()
    assert (got["39"], got["44"]) == ("00", spelled("à l'unité", writer))
    assert not scene.book.logged("mac.wrong")


def test_a_mac_over_what_a_letter_is_spelled_as_proves_nothing() -> None:
    scene = Scene(Playbook(sealed(morocco(), "atlas"), module=SimulatedModule.of(keys(), 1)))
    scene.rif.sends(purchase())
    asked = scene.atlas.gets()
    assert scene.atlas.sealing is not None
    plain = answer(asked, "00") | {"38": "A12345", "44": "a l'unite"}
    data = whole(scene.atlas.sealing.seal(CMI87, plain, make_framing("length2", 9_999).frame))
    scene.atlas.sends_bytes(data.replace(b"unite", b"unit\xe9"))
    assert scene.book.logged("mac.wrong")
    assert scene.rif.got_nothing()


def test_it_is_said_once_a_minute_a_host_with_how_often() -> None:
    scene = Scene()
    writes(scene.atlas, latin)
    for stan in range(1, 8):
        scene.rif.sends(purchase(f"{stan:06d}"))
        scene.atlas.answers(scene.atlas.gets(), de38="A12345", de44="été")
        scene.book.journal_flushes()
        assert scene.rif.gets()["44"] == "ete"
        scene.book.passes(11)
        while not scene.atlas.got_nothing():
            scene.atlas.answers(scene.atlas.gets())
    said = scene.book.logged("text.respelled")
    assert [event.fields["times"] for event in said] == [1, 6]
    fields = said[0].fields
    assert (fields["link"], fields["elements"], fields["bytes"]) == (scene.atlas.link, ["DE44"], "E9")
    assert fields["offsets"] == [CMI87.encode(answer(purchase(), "00") | {"38": "A12345", "44": "Xte"}).index(b"Xte")]


@pytest.mark.parametrize(
    ("de", "value"),
    [
        ("48", "4328" + "é".ljust(28, "A")),
        ("48", "7009été"),
        ("48", "été"),
        ("62", "ITEM\x1cété"),
        ("127", "\x00\x01\xe9\xff"),
    ],
    ids=["a part that proves", "a length too long", "no parts", "separators", "binary"],
)
def test_what_two_ends_fill_as_they_agree_is_spelled_only_where_it_is_text(de: str, value: str) -> None:
    scene = Scene()
    writes(scene.rif, latin)
    scene.rif.sends(purchase(**{f"de{de}": value}))
    assert scene.rif.gets()["39"] == "30"
    assert scene.atlas.got_nothing()
    scene.rif.sends(purchase("000777"))
    asked = scene.atlas.gets()
    writes(scene.atlas, latin)
    scene.atlas.sends(answer(asked, "00") | {"38": "A12345", de: value})
    scene.book.journal_flushes()
    got = scene.rif.gets()
    assert (got["39"], got.get(de)) == ("00", None)
    assert scene.book.logged("element.dropped")


def test_the_secret_part_that_is_refused_is_not_shown() -> None:
    scene = Scene()
    writes(scene.rif, latin)
    scene.rif.sends(purchase(de48="4328" + "SECRETOFTHECARD".ljust(27, "A") + "é"))
    assert scene.rif.gets()["39"] == "30"
    assert "SECRET" not in str(scene.book.logs)
    assert b"ECRET".hex(" ").upper() not in str(scene.book.logs)


def test_a_repeat_and_a_reversal_with_letters_are_known_for_what_they_are() -> None:
    scene = Scene()
    writes(scene.rif, latin)
    sale = purchase(de43="CAFÉ D'ÉTÉ".ljust(40))
    scene.rif.sends(sale)
    scene.atlas.answers(scene.atlas.gets(), de38="A12345")
    scene.book.journal_flushes()
    assert scene.rif.gets()["39"] == "00"
    scene.rif.sends(sale | {"t": "0201"})
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.got_nothing()
    scene.rif.sends(
        purchase(
            t="0400",
            de11="000900",
            de43=sale["43"],
            de90=original_data("0200", "000123", "1125120000", "504102"),
        )
    )
    scene.book.journal_flushes()
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.gets()["43"] == "CAFE D'ETE".ljust(40)


@pytest.mark.parametrize("writer", WRITERS)
def test_what_there_is_no_room_for_is_declined_whatever_letters_it_has(writer: Writer) -> None:
    """Refusals are made of the bytes of a request that was refused before: none of one with letters, and none for one."""
    scene = Scene()
    writes(scene.rif, writer)
    for stan in range(3):
        scene.rif.sends(purchase(f"00010{stan}", de43=valued("43", bytes_of=writer)))
        scene.atlas.answers(scene.atlas.gets())
        scene.book.journal_flushes()
        assert scene.rif.gets()["39"] == "00"
    with scene.book.turn(room=0):
        for stan in range(20):
            lettered = {} if stan % 3 else {"de43": valued("43", bytes_of=writer)}
            scene.rif.sends(purchase(f"0002{stan:02d}", **lettered))
    scene.book.journal_flushes()
    refused = [scene.rif.gets() for _ in range(20)]
    assert {answer["39"] for answer in refused} == {"96"}
    assert sorted(answer["11"] for answer in refused) == [f"0002{stan:02d}" for stan in range(20)]
    assert {answer["49"] for answer in refused} == {"504"}
    assert not scene.rif.closed


@pytest.mark.parametrize("de", ["2", "3", "4", "11", "35", "49", "52", "90"])
def test_numbers_tracks_and_pins_are_refused_as_they_always_were(de: str) -> None:
    scene = Scene()
    document = purchase(de90="0" * 42)
    data = CMI87.encode(document)
    at = start_of(CMI87, document | {"p": "0" * 16, "1": "0" * 16}, de) + 1
    scene.rif.sends_bytes(make_framing("length2", 9_999).frame(data[:at] + b"\xe9" + data[at + 1 :]))
    (event,) = scene.book.logged("message.unreadable")
    assert event.fields["field"] == de
    assert not scene.book.logged("text.respelled")
    assert scene.atlas.got_nothing()
