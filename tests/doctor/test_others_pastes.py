"""Messages of the kinds that people paste in public when their own library says no, with cards of ours in them.

Each was met in a report of moov-io/iso8583, pyiso8583 or vikrantlabde/iso8583-Java, or on a page about UnionPay's messages.
"""

import pytest

from switch.doctor.diagnosis import Configured, Findings, Verdict
from switch.doctor.survey import Doctor
from switch.wire.framing import make_framing
from tests.doctor.sent import SHIPPED
from tests.wire.letters import Writer, utf8_in_characters, utf8_in_units
from tests.wire.samples import changed, purchase

DOCTOR = Doctor(list(SHIPPED.values()))
CARD = "169504010000000019"
BODY = "003000000000006630062418521000000118521006240510400891175180000019" + "6POS1111100000000000"
CUT = f"01360210723804010AC00008164134110000000000{BODY}"
"""Behind four digits of length, and cut off in DE42: read from the middle it is a message of BASE24, too."""
RAW_HEADED = "0100703C868120E48292F0F89504010000000019000000000000010000024386183129071219120001"
"""An MTI in BCD, a raw bitmap, and then lengths in EBCDIC that count bytes: no dialect of ours."""
HEADED = "A4M040000200323864110820800001000000000015000006301031353532821631410630601105000" + "2?" * 20
"""A header of eight letters and digits, and an element that is not as any dialect has it."""


def examine(data: bytes) -> Findings:
    return DOCTOR.examine(data, Configured())


def test_a_frame_that_was_cut_off_is_no_message_of_another_dialect_from_its_middle() -> None:
    found = examine(CUT.encode())
    assert (found.verdict, found.dialect) == (Verdict.UNFINISHED, ""), found
    assert found.summary == "begins as 1 message (0210) of cmi87 behind a length of 4 ASCII digits"


def test_an_mti_and_a_bitmap_whose_elements_nobody_reads_are_named() -> None:
    found = examine(bytes.fromhex(RAW_HEADED))
    assert found.verdict is Verdict.UNKNOWN
    assert found.summary.startswith(
        "MTI 0100 in BCD, and a bitmap that announces DE2, 3, 4, 11, 12, 13, 14, 17, 22, 23, 25, 32 …;"
    )
    behind = bytes.fromhex("6000010000" + RAW_HEADED)
    assert "MTI 0100 in BCD at byte 5" in examine(behind).summary
    assert "MTI 0100 in BCD at byte 7" in examine(len(behind).to_bytes(2, "big") + behind).summary


def test_a_list_of_elements_is_called_what_it_is() -> None:
    """From a report of s-a/iso-8583: what its `packSync` takes."""
    (found,) = examine(b'var msg =[[0,"0200"],      [2,"9504010000000019"],      [3,"321000"]];').diagnoses
    assert "a list of elements as a program has them" in found.sentence
    assert "take the bytes" in found.change
    assert found.evidence is not None
    assert "39" not in found.evidence.cells, "no digit of the card is shown"


@pytest.mark.parametrize("data", [b"\x30" + b"\0" * 60, bytes(range(200)), b"\x01\x00" + b"\xff" * 60, b"\x08\x00"])
def test_bytes_that_may_be_no_message_are_called_none(data: bytes) -> None:
    assert "MTI" not in examine(data).summary


@pytest.mark.parametrize("write", [utf8_in_characters, utf8_in_units])
def test_letters_whose_lengths_count_characters_are_told_where_nobody_says_which_dialect_it_is(write: Writer) -> None:
    dialect = SHIPPED["cmi87"]
    document = purchase(dialect) | {"43": "CAFÉ 😀 DE LA GARE".ljust(39 if write is utf8_in_units else 40)}
    message = write(dialect, document)
    for data in (message, make_framing("ascii4").frame(message) * 2):
        found = examine(data)
        assert found.summary == "cmi87, but for letters"
        assert "DE43" in found.diagnoses[0].sentence
        assert "lengths count characters, not bytes" in found.diagnoses[0].sentence


def test_a_header_of_text_that_nobody_knows_is_found_before_what_is_wrong() -> None:
    (found,) = examine(HEADED.encode()).diagnoses
    assert "reads as cmi87 behind a header of 8 bytes at first" in found.sentence


def test_text_with_a_raw_mac_is_the_dialect_of_text_and_not_the_one_of_ebcdic_with_its_text_in_ascii() -> None:
    """UnionPay's hosts send half a MAC as eight hex digits in DE128."""
    peer = changed("ascii87", de128={"data_enc": "b", "max_len": 8})
    answer = {
        "t": "0210",
        "2": CARD[2:],
        "3": "901000",
        "4": "000000001000",
        "7": "0717095440",
        "11": "480752",
        "12": "095440",
        "13": "0627",
        "37": "000000480752",
        "39": "00",
        "41": "10000088",
        "49": "156",
        "128": b"20B059A1".hex().upper(),
    }
    found = examine(peer.encode(answer))
    assert found.diagnoses[0].dialect == "ascii87"
    assert "binary elements are raw bytes" in found.diagnoses[0].sentence
