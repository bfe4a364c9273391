"""What may be kept of a message: no PAN, track, PIN or card value, in any dialect, decodable or not; every length as it was."""

from contextlib import suppress
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.capture.masking import Mask
from switch.wire import DecodeError, Dialect
from switch.wire.describe import as_shown, describe
from switch.wire.dialect import names
from switch.wire.letters import is_lettered
from switch.wire.pans import luhn_digit, luhn_valid, mask_digits
from switch.wire.subfields import form_of
from tests.wire.oracle import OF_FILES
from tests.wire.samples import ICC, purchase

DIALECTS = {name: Dialect.load(name) for name in names()}
PAN = "504739123456789" + luhn_digit("504739123456789")
CVV2 = "927"


def secretive(dialect: Dialect) -> dict[str, str]:
    """A purchase with everything in it that must not be kept."""
    document = purchase(dialect) | {"2": PAN, "102": "00078100012345678901"}
    separator = "D" if dialect.name in ("cmi87b", "visa", "unionpay") else "="
    document["35"] = f"{PAN}{separator}28122010000098765000"
    document["45"] = f"B{PAN}^ELALAOUI/FATIMA^28122010000000098765000"
    document["52"] = "D1E2F3A4B5C6D7E8"
    tlv = form_of({"form": "tlv", "parts": []})
    secrets = {"57": f"{PAN}D2812201000009876500", "5A": PAN, "5F20": b"ELALAOUI".hex()}
    icc = tlv.build(tlv.read(ICC.removesuffix("9F4104000001")) | secrets)
    document["55"] = f"01{len(icc) // 2:04X}{icc}" if dialect.name == "visa" else icc
    if dialect.name == "visa":
        del document["45"]
        form = form_of(dialect.subfields["126"])
        document["126"] = form.build({"10": f"11 {CVV2}"})
    elif "48" in dialect.subfields and dialect.name not in OF_FILES:
        lead = "R" if dialect.name == "mastercard" else ""
        document["48"] = f"{lead}4202059203{CVV2}"
    return {de: value for de, value in document.items() if de in ("h", "t") or de in dialect.elements}


ASCII = [name for name, dialect in DIALECTS.items() if "43" in dialect.elements and is_lettered(dialect.elements["43"])]


@pytest.mark.parametrize("name", ASCII)
def test_letters_on_a_link_of_ascii_hide_nothing_of_what_stands_behind_them(name: str) -> None:
    dialect = DIALECTS[name]
    document = secretive(dialect)
    document["43"] = document["43"].replace("A", "\xc9", 1)
    data = Dialect.load(f"{name}+latin-1").encode(document)
    masked = Mask(dialect).message(data)
    assert len(masked) == len(data)
    kept = Dialect.load(f"{name}+latin-1").decode(masked)
    for de in kept.keys() & {"3", "4", "11", "41", "42", "43", "49", "90"}:
        assert kept[de] == document[de]
    everything = "|".join(value for de, value in kept.items() if de != "h")
    for secret in (PAN, PAN[6:12], "98765", "D1E2F3A4B5C6D7E8", b"ELALAOUI".hex().upper(), "ELALAOUI"):
        assert secret not in everything, secret
    assert CVV2 not in kept.get("48", "")


@pytest.mark.parametrize("name", names())
def test_a_message_keeps_its_length_and_elements_and_loses_its_secrets(name: str) -> None:
    dialect = DIALECTS[name]
    document = secretive(dialect)
    data = dialect.encode(document)
    masked = Mask(dialect).message(data)
    assert len(masked) == len(data)
    kept = dialect.decode(masked)
    assert list(kept) == list(dialect.decode(data))
    assert kept["2"][:6] + kept["2"][-4:] == PAN[:6] + PAN[-4:]
    assert luhn_valid(kept["2"])
    everything = "|".join(value for de, value in kept.items() if de != "h")
    for secret in (PAN, PAN[6:12], "98765", "D1E2F3A4B5C6D7E8", b"ELALAOUI".hex().upper(), "ELALAOUI"):
        assert secret not in everything, secret
    assert CVV2 not in kept.get("48", "") + bytes.fromhex(kept.get("126", "")).decode("cp037")
    for de in kept.keys() & {"3", "4", "7", "11", "37", "41", "42", "49"}:
        assert kept[de] == dialect.decode(data)[de]


@pytest.mark.parametrize("name", names())
def test_nothing_is_done_to_a_message_without_secrets(name: str) -> None:
    dialect = DIALECTS[name]
    document = {de: v for de, v in purchase(dialect).items() if de not in ("2", "35", "55", "102")}
    data = dialect.encode(document)
    assert Mask(dialect).message(data) == data


@pytest.mark.parametrize("name", names())
@given(data=st.data())
def test_a_message_cut_short_anywhere_shows_no_pan(name: str, data: st.DataObject) -> None:
    dialect = DIALECTS[name]
    whole = dialect.encode(secretive(dialect))
    cut = data.draw(st.integers(1, len(whole) - 1))
    masked = Mask(dialect).message(whole[:cut])
    assert len(masked) == cut
    for form in (PAN[:13].encode(), PAN[:13].encode("cp037"), bytes.fromhex(PAN[:12])):
        assert form not in masked
    assert PAN[:13] not in masked.hex()


@pytest.mark.parametrize("name", names())
@given(data=st.data())
def test_a_message_with_a_byte_changed_shows_no_pan_unless_it_reads_as_one_without(
    name: str, data: st.DataObject
) -> None:
    dialect = DIALECTS[name]
    document = purchase(dialect) | {"2": PAN}
    document.pop("35", None)
    whole = bytearray(dialect.encode(document))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    masked = Mask(dialect).message(bytes(whole))
    assert len(masked) == len(whole)
    with suppress(DecodeError):
        if "2" not in dialect.decode(bytes(whole)):
            return  # another message, whole and without a PAN, as far as anyone can tell
    assert PAN.encode() not in masked
    assert PAN not in masked.hex()
    assert PAN.encode("cp037") not in masked


def spoiled(whole: bytes, random: Random) -> bytes:
    """With a byte changed, some lost or some put in, once or twice."""
    data = bytearray(whole)
    for _ in range(random.randint(1, 2)):
        at, lost = random.randrange(len(data)), random.randint(0, 6)
        data[at : at + lost] = random.choice((bytes([random.randrange(256)]), b"", b"0", b"159="[: lost + 1]))
    return bytes(data)


@pytest.mark.parametrize("name", names())
def test_a_spoiled_message_that_does_not_decode_shows_neither_pan_nor_track_in_whatever_encoding(name: str) -> None:
    """Chip data in halves of bytes among EBCDIC, a track in EBCDIC among halves of bytes, a PAN read as a bitmap, or on both
    sides of where it breaks off."""
    dialect, random = DIALECTS[name], Random(name)
    whole, mask = dialect.encode(secretive(dialect)), Mask(dialect)
    sought = [PAN[:14], "28122010000098765"]
    packed = [each.encode().hex() for each in sought] + [each.encode("cp037").hex() for each in sought]
    undecoded = 0
    for _ in range(150):
        data = spoiled(whole, random)
        with suppress(DecodeError):
            dialect.decode(data)
            continue
        undecoded += 1
        kept = mask.message(data)
        assert len(kept) == len(data)
        assert not [each for each in (*sought, *packed) if each in kept.hex()], data
    assert undecoded > 30


@pytest.mark.parametrize("tag", ["5F57", "DF01", "9F5C"])
def test_a_card_and_a_track_under_another_tag_are_masked_too(tag: str) -> None:
    dialect = DIALECTS["cmi87"]
    tlv = form_of({"form": "tlv"})
    for value in (f"{PAN}D28122010000098765000F", PAN):
        data = dialect.encode(
            {"t": "0200", "55": tlv.build({"9F02": "000000012345", tag: value, "9F26": "8123456789012345"})}
        )
        kept = tlv.read(dialect.decode(Mask(dialect).message(data))["55"])
        assert (kept["9F02"], kept["9F26"]) == ("000000012345", "8123456789012345"), "what is no card stays"
        assert (kept[tag][:6], PAN[6:12] in kept[tag], "98765" in kept[tag]) == (PAN[:6], False, False)


def test_the_end_of_a_track_in_an_element_of_text_is_masked_too() -> None:
    dialect = DIALECTS["cmi87"]
    for text in (f"{PAN[3:]}=28122010000098765000", "B5047^ELALAOUI/FATIMA^28122010000098765000"):
        data = dialect.encode({"t": "0200", "43": text.ljust(40)[:40], "63": text})
        kept = dialect.decode(Mask(dialect).message(data))
        assert "98765" not in kept["43"] + kept["63"]


@given(data=st.binary(max_size=200), name=st.sampled_from(names()))
def test_any_bytes_are_masked_to_as_many(data: bytes, name: str) -> None:
    assert len(Mask(DIALECTS[name]).message(data)) == len(data)
    assert len(Mask(DIALECTS[name]).raw(data)) == len(data)


def test_a_pan_that_stands_once_more_elsewhere_is_masked_there_too() -> None:
    dialect = DIALECTS["cmi87"]
    data = dialect.encode({"t": "0200", "2": PAN, "60": f"REF {PAN} END"})
    assert dialect.decode(Mask(dialect).message(data))["60"] == f"REF {mask_digits(PAN)} END"


@given(body=st.text("0123456789", min_size=11, max_size=18))
def test_a_masked_pan_keeps_first_six_and_last_four_and_its_check_digit_holds(body: str) -> None:
    pan = body + luhn_digit(body)
    masked = mask_digits(pan)
    assert len(masked) == len(pan)
    assert masked[-4:] == pan[-4:]
    assert masked != pan
    if len(pan) >= 13:
        assert masked[:6] == pan[:6]
        assert masked[6:-6].strip("0") == "" or masked[6:-6].strip("1") == "", "the middle is zeros, but for one digit"
    if len(pan) >= 12:
        assert luhn_valid(masked)


def test_test_cards_named_by_their_prefix_stay_and_others_do_not() -> None:
    dialect = DIALECTS["cmi87"]
    mask = Mask(dialect, clear=("504739",))
    own, other = ({"t": "0200", "2": pan, "52": "D1E2F3A4B5C6D7E8"} for pan in (PAN, "4111111111111111"))
    assert mask.message(dialect.encode(own)) == dialect.encode(own)
    masked = dialect.decode(mask.message(dialect.encode(other)))
    assert (masked["2"], masked["52"]) == (mask_digits("4111111111111111"), "0" * 16)


@pytest.mark.parametrize("prefix", ["", "5", "50473", "5047xx"])
def test_a_prefix_that_names_more_than_test_cards_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="at least the first 6 digits"):
        Mask(DIALECTS["cmi87"], clear=(prefix,))


def test_a_stream_that_cannot_be_cut_into_messages_loses_its_runs_of_digits() -> None:
    mask = Mask(DIALECTS["cmi87"])
    assert mask.raw(b"GET /?pan=" + PAN.encode() + b"&n=12345") == b"GET /?pan=" + b"0" * 16 + b"&n=12345"
    assert PAN not in Mask(DIALECTS["cmi87b"]).raw(b"\x01" + bytes.fromhex(PAN) + b"\xff").hex()


def test_what_looks_like_a_pan_in_a_text_is_masked_whoevers_it_is() -> None:
    dialect = DIALECTS["cmi87"]
    other = "4761739001010119"
    document = purchase(dialect) | {
        "43": f"SHOP {other}".ljust(40),
        "44": other,
        "54": other,
        "62": f"REF 0001{other}99",
    }
    data = dialect.encode(document)
    masked = Mask(dialect).message(data)
    assert len(masked) == len(data)
    assert other.encode() not in masked
    assert dialect.decode(masked)["43"].startswith("SHOP 476173")


def test_a_pan_that_reads_as_other_elements_where_bit_2_is_missing_is_masked_in_request_and_answer() -> None:
    dialect = DIALECTS["cmi87"]
    wire = "164761739001010119" + "0000000000010000"
    said = {"t": "0200", "3": wire[:6], "4": wire[6:18], "7": wire[18:28], "11": "000001"}
    for document in (said, said | {"t": "0210", "39": "30"}):
        masked = Mask(dialect).message(dialect.encode(document))
        assert b"739001010119" not in masked
        assert dialect.decode(masked)["11"] == "000001"


def without_annotation(parts: list[dict[str, object]] | None) -> Dialect:
    """`cmi87` as other systems' files bring it in: DE55 is bytes, or BER-TLV whose tags nobody names."""
    spec = {key: dict(entry) for key, entry in DIALECTS["cmi87"].spec.items()}
    del spec["55"]["subfields"]
    if parts is not None:
        spec["55"]["subfields"] = {"form": "tlv", "parts": parts}
    return Dialect.from_spec({"dialect": {"name": "brought"}, **spec})


@pytest.mark.parametrize("parts", [None, [], [{"id": "5A", "desc": "PAN"}]], ids=["bytes", "tlv", "unmarked"])
@pytest.mark.parametrize("template", ["", "70", "BF0C"])
def test_chip_data_hides_its_card_whatever_a_dialect_says_of_it(
    parts: list[dict[str, object]] | None, template: str
) -> None:
    dialect = without_annotation(parts)
    tlv = form_of({"form": "tlv"})
    inside = tlv.build({"5A": PAN, "57": f"{PAN}D28122010000098765000F", "5F20": b"ELALAOUI".hex()})
    document = {
        "t": "0200",
        "55": tlv.build({"9F02": "000000012345"} | ({template: inside} if template else tlv.read(inside))),
    }
    data = dialect.encode(document)
    masked = Mask(dialect).message(data)
    kept = dialect.decode(masked)["55"]
    assert len(masked) == len(data)
    assert tlv.read(kept)["9F02"] == "000000012345"
    for said in (kept, describe(dialect, document), str(as_shown(dialect, document))):
        assert PAN[6:12] not in said
        assert b"ELALAOUI".hex().upper() not in said.upper()


def test_chip_data_that_does_not_divide_is_kept_as_zeros_and_shown_nowhere() -> None:
    dialect = without_annotation(None)
    document = {"t": "0200", "55": f"5A09{PAN}"}
    assert set(dialect.decode(Mask(dialect).message(dialect.encode(document)))["55"]) == {"0"}
    assert PAN[6:12] not in describe(dialect, document)
