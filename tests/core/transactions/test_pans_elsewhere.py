"""Playbooks: a PAN where none belongs does not go into the journal, and one that was misread is not said again."""

import msgspec
import pytest

from tests.core.scripts import ATLAS_CARD, Scene, purchase, reversal

OTHER = "4761739001010119"
ELEMENTS = {"de43": f"SHOP {OTHER}".ljust(40), "de44": OTHER, "de54": OTHER, "de62": f"REF {OTHER}", "de63": OTHER}


def records(scene: Scene) -> bytes:
    return b"".join(msgspec.json.encode(entry, enc_hook=str) for entry in scene.book.entries)


def test_no_record_has_it_in_a_text() -> None:
    scene = Scene()
    sent = purchase(**ELEMENTS)
    scene.rif.sends(sent)
    asked = scene.atlas.gets()
    assert asked["43"] == ELEMENTS["de43"], "what is asked goes on as it came"
    scene.atlas.answers(asked, "00", de38="A12345", de44=OTHER, de63=OTHER)
    assert scene.rif.gets()["39"] == "00"
    scene.rif.sends(reversal(sent, **ELEMENTS))
    scene.atlas.gets()
    scene.rif.sends(purchase(stan="000778", t="0220", **ELEMENTS))
    scene.atlas.gets()
    assert b"REF 476173" in records(scene)
    assert OTHER.encode() not in records(scene)


def test_a_message_whose_bitmap_lacks_bit_2_is_a_format_error_and_its_answer_shows_no_pan() -> None:
    scene = Scene()
    wire = f"16{OTHER}0000000000010000"
    scene.rif.sends({"t": "0200", "3": wire[:6], "4": wire[6:18], "7": wire[18:28], "11": "000001", "41": "TERM0001"})
    got = scene.rif.gets()
    assert got["39"] == "30"
    assert OTHER[4:] not in "".join(got.values())
    (refused,) = scene.book.logged("message.refused")
    assert "a PAN stands in DE3, DE4: the bitmap lacks bit 2" in refused.fields["reason"]
    assert not scene.book.hops


@pytest.mark.parametrize(
    "said",
    [
        {"de37": ATLAS_CARD[:12]},
        {"de37": ATLAS_CARD[-12:]},
        {"de37": ATLAS_CARD[2:14]},
        {"de2": "", "de37": ATLAS_CARD[:12]},
    ],
    ids=["its first twelve", "its last", "those between", "of track 2"],
)
def test_a_retrieval_reference_of_the_card_number_s_digits_is_a_format_error_and_not_said_again(
    said: dict[str, str],
) -> None:
    scene = Scene()
    for sent in (purchase(**said), purchase(stan="000778", t="0220", **said)):
        scene.rif.sends({de: value for de, value in sent.items() if value})
        got = scene.rif.gets()
        assert got["39"] == "30"
        assert "37" not in got
    assert "DE37 has twelve digits of the card number" in scene.book.logged("message.refused")[0].fields["reason"]
    everything = records(scene) + repr((scene.book.hops, scene.book.logs)).encode()
    assert said["de37"].encode() not in everything


def test_an_answer_with_such_a_reference_stands_without_it() -> None:
    scene = Scene()
    sent = purchase()
    scene.rif.sends(sent)
    asked = scene.atlas.gets()
    scene.atlas.answers(asked, "00", de38="A12345", de2=sent["2"], de37=sent["2"][:12])
    got = scene.rif.gets()
    assert (got["39"], got["37"]) == ("00", sent["37"])
    assert scene.book.logged("element.dropped")
    assert sent["2"][:12].encode() not in records(scene)
