"""What looks like a PAN, and what only is a number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.capture.masking import Mask
from switch.wire import Dialect
from switch.wire.describe import as_shown, describe
from switch.wire.pans import is_like_a_pan, keepable, luhn_digit, mask_element, mask_pans, misread_pan, names_card

VISA, MASTERCARD, AMEX, DINERS, MAESTRO, LOCAL = PANS = (
    "4761739001010119", "5413330089010434", "371449635398431", "30569309025904", "6759649826438453000", "9504010000000010",
)  # fmt: skip


@pytest.mark.parametrize("pan", [*PANS[:4], LOCAL[:15] + luhn_digit(LOCAL[:15])])
@pytest.mark.parametrize("text", ["{}", "CARD {} ", "({})", "a{}b"])
def test_a_card_number_in_a_text_loses_its_middle(pan: str, text: str) -> None:
    shown = mask_pans(text.format(pan), anywhere=False)
    assert pan not in shown
    assert pan[6:-4] not in shown
    assert len(shown) == len(text.format(pan))
    assert shown.startswith(text.format(pan)[: text.index("{") + 6])


@pytest.mark.parametrize("text", ["4761 7390 0101 0119", "4761-7390-0101-0119"])
def test_so_does_one_in_groups(text: str) -> None:
    assert mask_pans(text) == text[:7] + text[7:14].translate(str.maketrans("123456789", "000000000")) + text[14:] or (
        "9001" not in mask_pans(text)
    )
    assert mask_pans(text)[-5:] == text[-5:]


def test_one_behind_its_own_length_is_one_wherever_it_stands() -> None:
    assert VISA not in mask_pans(f"4216{VISA}0101", anywhere=False)


def test_one_among_other_digits_is_looked_for_only_where_all_may_be_masked() -> None:
    text = f"000111{VISA}77"
    assert mask_pans(text, anywhere=False) == text
    assert VISA not in mask_pans(text)


@pytest.mark.parametrize(
    "text",
    [
        "633112500001",
        "504000000000012",
        "0000000000000000",
        "4761739001010118",
        "12 345 678",
        "2026-11-27 15:00:00",
        "",
    ],
)
def test_what_only_is_a_number_stays(text: str) -> None:
    assert mask_pans(text, anywhere=False) == text


def test_amounts_in_de54_stay_and_a_card_number_there_does_not() -> None:
    amounts = "0002504C000000010000" * 2
    assert mask_element("54", amounts) == amounts
    assert VISA not in mask_element("54", VISA)


@given(st.text(alphabet="0123456789 -A", max_size=60))
def test_lengths_stay_whatever_the_text(text: str) -> None:
    assert len(mask_pans(text)) == len(text)
    assert mask_pans(mask_pans(text, anywhere=False), anywhere=False).count(" ") == text.count(" ")


@given(st.sampled_from(["4", "51", "2221", "6"]), st.text(alphabet="0123456789", min_size=15, max_size=15))
def test_whatever_is_masked_stays_a_card_number_of_the_same_beginning(head: str, rest: str) -> None:
    body = (head + rest)[:15]
    pan = body + luhn_digit(body)
    assert is_like_a_pan(pan)
    assert is_like_a_pan(mask_pans(pan))


def test_what_a_record_keeps_has_no_pan_in_its_texts_and_its_numbers_as_they_came() -> None:
    document = {"3": "000000", "4": "000000010000", "90": VISA + "0" * 26}
    document |= {"43": f"SHOP {VISA}", "44": MASTERCARD, "62": f"16{VISA}"}
    kept = keepable(document)
    assert all(pan not in value for pan in PANS for de, value in kept.items() if de != "90")
    assert [kept[de] for de in ("3", "4", "90")] == [document[de] for de in ("3", "4", "90")]


@pytest.mark.parametrize("length", ["16", "10"])
def test_a_pan_read_as_other_elements_is_found_where_its_length_stands_before_it(length: str) -> None:
    wire = f"{length}{VISA}000000000000010000"
    document = {"t": "0200", "3": wire[:6], "4": wire[6:18], "7": wire[18:28], "11": "000001"}
    assert misread_pan(document) == ["3", "4"]
    assert misread_pan(document | {"2": LOCAL}) == []
    assert misread_pan({"t": "0200", "3": "000000", "4": "000000010000", "7": "1127150000"}) == []


def test_what_is_printed_of_a_message_shows_neither() -> None:
    dialect = Dialect.load("cmi87")
    misread = {"t": "0200", "3": "164761", "4": "739001010119", "7": "0000000000", "43": f"SHOP {MASTERCARD}"}
    for said in (describe(dialect, misread), str(as_shown(dialect, misread))):
        assert "739001010119" not in said
        assert MASTERCARD not in said


@pytest.mark.parametrize("rrn", [VISA[:12], VISA[-12:], VISA[2:14]])
def test_a_reference_of_twelve_digits_of_the_message_s_own_card_is_shown_by_nobody(rrn: str) -> None:
    dialect = Dialect.load("cmi87")
    message = {"t": "0200", "2": VISA, "11": "000001", "37": rrn}
    assert names_card(message)
    assert names_card({"t": "0200", "35": f"{VISA}=29122010000012300000", "37": rrn})
    for said in (describe(dialect, message), str(as_shown(dialect, message)), str(Mask(dialect).document(message))):
        assert rrn not in said


@pytest.mark.parametrize("rrn", ["532912000123", "000000000000", MASTERCARD[:12], "", VISA[:10]])
def test_any_other_reference_is_one(rrn: str) -> None:
    assert not names_card({"t": "0200", "2": VISA.replace("1010", "0000"), "37": rrn})
    assert not names_card({"t": "0200", "2": "3600000000000008", "37": rrn})
    assert not names_card({"t": "0200", "37": rrn})
