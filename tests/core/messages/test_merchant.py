"""DE43 in the forms it comes in: which country it names, and what other links make of it."""

import pytest

from switch.core.messages.merchant import country_at_end, from_1993, from_mastercard, to_mastercard


def cmi(city: str, country: str) -> str:
    return f"{'EPICERIE DU PORT':<25}{city:<13}{country}"


def mastercard(city: str, country: str) -> str:
    return f"{'EPICERIE DU PORT':<22} {city:<13} {country:<3}"


@pytest.mark.parametrize(
    ("de43", "country"),
    [
        (cmi("CASABLANCA", "MA"), "MA"),
        (cmi("TUNIS", "TN"), "TN"),
        (mastercard("TUNIS", "TUN"), "TN"),  # not UN
        (mastercard("RABAT", "MAR"), "MA"),  # not Argentina
        (mastercard("NEW YORK", "USA"), "US"),  # not Saudi Arabia
        (mastercard("LONDON", "GBR"), "GB"),  # not Brazil
        (mastercard("DUBAI", "ARE"), "AE"),  # not Réunion
        (cmi("SIDI BOUKNADE", "MA"), "MA"),  # thirteen letters: EMA is no country
        (cmi("VILLE DE FARA", "XX"), ""),
        (cmi("ST JEAN DE TU", "UN"), ""),  # TUUN: neither
        (f"{'EPICERIE DU PORT':<25}{'LA GOULETTE SUD'[:12]}TUN", "TN"),  # no blank, but UN is no country
        (cmi("CASABLANCA", "  "), ""),
        (cmi("CASABLANCA", "ma"), ""),
        ("", ""),
        ("SHORT MA", ""),
    ],
)
def test_the_country_comes_in_two_letters_or_three(de43: str, country: str) -> None:
    assert country_at_end(de43) == country


@pytest.mark.parametrize(("acquirer", "country"), [("504", "MA"), ("212", "DM"), ("250", "DM"), ("", "DM")])
def test_where_two_letters_and_three_are_both_a_country_de19_decides(acquirer: str, country: str) -> None:
    assert country_at_end(cmi("SIDI KACEM  D", "MA"), acquirer) == country


@pytest.mark.parametrize(
    ("end", "pos_country", "internal"),
    [
        ("TUN", "788", "TN"), ("MAR", "", "MA"), ("NV ", "840", "US"), (" NV", "", "US"), ("ON ", "", "CA"), ("MA ", "840", "US"),
    ],
)  # fmt: skip
def test_mastercards_form_becomes_the_internal_one(end: str, pos_country: str, internal: str) -> None:
    assert from_mastercard(mastercard("LAS VEGAS", end), pos_country) == cmi("LAS VEGAS", internal)


def test_the_internal_form_becomes_mastercards() -> None:
    assert to_mastercard(cmi("CASABLANCA", "MA"), "504") == mastercard("CASABLANCA", "MAR")
    assert to_mastercard(mastercard("CASABLANCA", "MAR"), "504") == mastercard("CASABLANCA", "MAR")


@pytest.mark.parametrize("de43", ["NO COUNTRY AT ALL".ljust(40), "X" * 40])
def test_what_names_no_country_goes_as_it_is(de43: str) -> None:
    assert to_mastercard(de43, "504") == from_mastercard(de43, "504") == de43


@pytest.mark.parametrize(
    ("de43", "internal"),
    [
        ("EPICERIE DU PORT\\12 AVENUE HASSAN II\\TUNIS\\1000         TUN", cmi("TUNIS", "TN")),
        ("EPICERIE DU PORT\\12 AVENUE HASSAN II\\CASABLANCA\\20000     GRAMAR", cmi("CASABLANCA", "MA")),
        ("EPICERIE DU PORT         AV DES FAR   NEAR MARJANE CASABLANCA MAR", cmi("AV DES FAR", "MA")),
        (cmi("CASABLANCA", "MA"), cmi("CASABLANCA", "MA")),
        ("EPICERIE", "EPICERIE".ljust(40)),
    ],
)
def test_a_long_form_of_1993_keeps_its_country_and_not_two_letters_of_its_street(de43: str, internal: str) -> None:
    assert from_1993(de43) == internal
