"""What each family makes of a payment: where its elements stand on the link, and what comes back of an answer."""

import base64

import pytest

from switch.core.messages.internal import Private48, answer, original_data, private_elements, replacement_amounts
from switch.wire.vocabulary import Document
from tests.core.messages.families import (
    CARD,
    CAVV,
    DIALECTS,
    TRANSLATORS,
    WEB,
    as_on_link,
    carry,
    subfields_of,
)

# -- a web payment in each family


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_a_web_payment_keeps_its_cvv2_eci_and_cavv(name: str) -> None:
    back = carry(name, WEB)
    assert back == WEB
    assert private_elements(back) == {Private48.ECI: "05", Private48.CAVV: CAVV, Private48.CVV2: "123"}


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_a_chip_payment_keeps_its_track_pin_and_chip_data(name: str) -> None:
    assert carry(name, CARD) == CARD


def test_visa_has_the_web_data_in_de60_and_de126() -> None:
    link = as_on_link("visa", WEB)
    assert link["h"] == "1601020000400001504000" + "0" * 22
    assert link["22"] == "8120"
    assert link["60"] == "000000000500"
    assert link["63"] == "8000000002"
    cavv = base64.b64decode(CAVV).hex().upper()
    assert subfields_of("visa", link, "126") == {"9": cavv, "10": "11 123"}
    assert "48" not in link


def test_visa_has_a_dataset_around_chip_data_and_d_in_track_2() -> None:
    link = as_on_link("visa", CARD)
    assert link["55"] == "010014" + CARD["55"]
    assert link["35"] == "4111111111111111D28122011234500000000"


def test_visa_names_a_transaction_in_de62_and_a_reversal_says_why() -> None:
    link = as_on_link("visa", {**CARD, "t": "0420", "48": "6315416329123456789"})
    assert subfields_of("visa", link, "62") == {"2": "416329123456789"}
    assert subfields_of("visa", link, "63") == {"1": "0002", "3": "2502"}


def test_visa_fees_have_their_sign_as_a_byte() -> None:
    assert as_on_link("visa", {**CARD, "28": "D00000100"})["28"] == "C400000100"


def test_an_answer_to_visa_turns_the_stations_round_and_echoes_the_networks_own() -> None:
    request = {
        **as_on_link("visa", WEB), "h": "1601020000111111222222" + "00" * 7 + "07" + "00" * 3,
        "62": "4000000000000000" + "0416329123456789", "63": "A0000000025555",
    }  # fmt: skip
    internal = TRANSLATORS["visa"].inward(request)
    assert private_elements(internal)[Private48.REFERENCE] == "416329123456789"
    reply = answer(internal, "N7", {"48": "8701N"})
    link = as_on_link("visa", reply, request)
    assert link["h"] == "1601020000222222111111" + "00" * 7 + "07" + "00" * 3
    assert (link["62"], link["63"]) == (request["62"], request["63"])
    assert link["44"] == "5         N"
    assert subfields_of("visa", link, "44")["10"] == "N"
    assert link["39"] == "N7"


@pytest.mark.parametrize(
    ("results", "on_behalf"),
    [
        ("5       2", "02V"),
        ("5       1     2", "02I05V"),
        ("5             4", "05I"),
        ("5             0", "05U"),
        ("5", ""),
    ],
)
def test_what_visa_has_checked_for_an_issuer_is_said(results: str, on_behalf: str) -> None:
    """DE44.8 and .13 of a request that it brings."""
    internal = TRANSLATORS["visa"].inward(as_on_link("visa", CARD) | {"44": results})
    assert private_elements(internal).get(Private48.ON_BEHALF, "") == on_behalf


def test_what_mastercard_has_checked_for_an_issuer_is_said() -> None:
    """DE48.71 of a request that it brings: four characters a service, of which the last is of no use here."""
    internal = TRANSLATORS["mastercard"].inward(as_on_link("mastercard", CARD) | {"48": "R710802V 05I 8701M"})
    assert private_elements(internal) == {Private48.ON_BEHALF: "02V05I", Private48.CVV2_RESULT: "M"}


def test_mastercard_has_the_web_data_in_de48_behind_the_category_and_pos_data_in_de61() -> None:
    link = as_on_link("mastercard", WEB)
    assert link["48"] == f"T420701032124328{CAVV}9203123"
    assert link["61"] == "20245100061" + "00" + "504" + " " * 10


@pytest.mark.parametrize(
    ("changed", "category"),
    [({}, "R"), ({"3": "010000"}, "Z"), ({"25": "08"}, "T"), ({"22": "812"}, "T"), ({"48": "420207"}, "T")],
)
def test_mastercards_category_follows_what_is_being_done(changed: Document, category: str) -> None:
    assert as_on_link("mastercard", {**CARD, **changed})["48"][0] == category


def test_an_answer_to_mastercard_keeps_its_category_and_reference() -> None:
    request = {**as_on_link("mastercard", WEB), "63": "MCC123456789", "15": "1126"}
    internal = TRANSLATORS["mastercard"].inward(request)
    assert private_elements(internal)[Private48.REFERENCE] == "MCC1234567891126"
    link = as_on_link("mastercard", answer(internal, "00", {"38": "123456", "48": "8701M"}), request)
    assert link["48"] == "T8701M"
    assert (link["63"], link["15"]) == ("MCC123456789", "1126")
    assert "61" not in link


def test_a_reversal_to_mastercard_names_its_transaction() -> None:
    link = as_on_link("mastercard", {**CARD, "t": "0420", "48": "6316MCC1234567891126"})
    assert (link["48"], link["63"], link["15"]) == ("R", "MCC123456789", "1126")


def test_mastercards_country_of_the_terminal_becomes_de19_where_there_is_none() -> None:
    link = {**as_on_link("mastercard", CARD), "61": "00000000005" + "00" + "250" + " " * 10}
    del link["19"]
    assert TRANSLATORS["mastercard"].inward(link)["19"] == "250"


def test_iso93_has_its_own_mti_times_entry_and_function() -> None:
    link = as_on_link("iso93", WEB)
    assert {de: link[de] for de in ("t", "12", "22", "24", "26")} == {
        "t": "1100", "12": "261125103000", "22": "S00950S00000", "24": "100", "26": "5411",
    }  # fmt: skip
    assert "13" not in link
    assert "25" not in link


@pytest.mark.parametrize(
    ("mti", "de39", "action"),
    [
        ("0210", "00", "000"), ("0210", "51", "116"), ("0410", "00", "400"), ("0430", "00", "400"), ("0410", "25", "914"),
        ("0810", "00", "800"), ("0120", "00", "000"), ("0210", "N7", "122"),
    ],
)  # fmt: skip
def test_iso93_answers_with_action_codes(mti: str, de39: str, action: str) -> None:
    assert as_on_link("iso93", {**CARD, "t": mti, "39": de39})["39"] == action


def test_an_action_code_of_the_edition_reads_as_a_refusal_where_1987_has_none() -> None:
    assert TRANSLATORS["iso93"].inward({"t": "1110", "39": "188"})["39"] == "05"


def test_an_answer_in_iso93_has_the_requests_year() -> None:
    request = {**as_on_link("iso93", WEB), "12": "991231235959"}
    internal = TRANSLATORS["iso93"].inward(request)
    assert (internal["13"], internal["12"]) == ("1231", "235959")
    assert as_on_link("iso93", answer(internal, "00"), request)["12"] == "991231235959"


def test_a_partial_reversal_in_iso93_has_the_new_amount_in_de4_and_the_original_in_de30() -> None:
    internal = {
        **CARD,
        "t": "0400",
        "95": replacement_amounts(1500),
        "90": original_data("0200", "41", "1125103000", "504001"),
    }
    link = as_on_link("iso93", internal)
    assert (link["4"], link["30"]) == ("000000001500", "000000012345000000000000")
    assert (link["24"], link["25"]) == ("401", "4000")
    assert link["56"] == "1200" + "000041" + "261125103000" + "06504001"
    assert carry("iso93", internal) == internal


def test_network_management_goes_everywhere_with_its_code() -> None:
    for name in DIALECTS:
        internal = {"t": "0800", "7": "1125093000", "11": "000001", "32": "504001", "33": "504000", "70": "301"}
        assert carry(name, internal) == internal
        assert carry(name, answer(internal, "00"))["39"] == "00"
    assert as_on_link("iso93", internal)["24"] == "831"


def test_an_echo_test_in_iso93_may_have_its_code_in_de24_only() -> None:
    assert TRANSLATORS["iso93"].inward({"t": "1800", "11": "000001", "24": "801"})["70"] == "001"


# -- headers


def test_a_tpdu_names_the_link_and_is_turned_round_in_an_answer() -> None:
    link = as_on_link("cmi87b", CARD)
    assert link["h"] == "6000014000"
    request = {**link, "h": "6012345678"}
    assert as_on_link("cmi87b", answer(TRANSLATORS["cmi87b"].inward(request), "00"), request)["h"] == "6056781234"


def test_the_domestic_dialect_costs_nothing() -> None:
    translator = TRANSLATORS["cmi87"]
    assert translator.inward(CARD) is CARD
    assert translator.outward(CARD) is CARD
    assert translator.dropped == frozenset()
