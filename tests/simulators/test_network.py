"""A card network on its link: conversion, references, traffic from abroad."""

import random
from decimal import Decimal

import msgspec
import pytest

from switch.core.messages.internal import Private48
from switch.core.party import Record
from switch.core.records.records import ENCODER
from switch.money.convert import apply_rate, decode_rate
from switch.security.card_values import CVV2_SERVICE_CODE, card_value
from switch.simulators.accounts import Ledger
from switch.simulators.acquirer_records import Asked
from switch.simulators.cards import TEST_CVK, TestCard
from switch.simulators.de48 import private_elements
from switch.simulators.endpoint import Speech
from switch.simulators.faults import FaultPlan, Latency
from switch.simulators.host import CATCH_UP
from switch.simulators.journal_records import DECODER, HostEntry
from switch.simulators.messages import Web, network_request, repeat, reversal
from switch.simulators.network import Abroad, CardNetwork, Exchange
from switch.simulators.under_way import Timeouts
from switch.wire import Dialect
from tests.simulators.far import MS, Far
from tests.simulators.samples import CARD, at, card, pay

RATES = {"504": Decimal(1), "978": Decimal("10.84"), "840": Decimal("9.97"), "826": Decimal("12.65")}
PAN = "4970000000000018"
CVV2 = card_value(TEST_CVK, PAN, "3112", CVV2_SERVICE_CODE)
FOREIGN = TestCard(
    name="fr", pan=PAN, expiry="3112", cvv2=CVV2, pin="1234", issuer="visa", scheme="visa", product="debit",
    country="250", currency="978", balance=1_000_00,
)  # fmt: skip
SPEECHES = {
    "visa": Speech(Dialect.load("visa"), "base1", "400000", "504000"),
    "mastercard": Speech(Dialect.load("mastercard"), "length2", "510000", "504000"),
}


def network(scheme: str = "visa", *, latency: Latency | None = None, abroad: Abroad | None = None) -> Far:
    party = CardNetwork(
        scheme, SPEECHES[scheme], Ledger(scheme, [FOREIGN]), random.Random(2), FaultPlan(latency=latency or Latency()),
        Exchange(rates=RATES, margin=Decimal("0.01")), abroad or Abroad(), Timeouts(answer_ns=20_000 * MS, repeat_ns=10_000 * MS),
    )  # fmt: skip
    return Far(party, SPEECHES[scheme])


def signed_on(scheme: str = "visa", *, rate: float = 1.0, cards: tuple[TestCard, ...] = (CARD,)) -> Far:
    far = network(scheme, abroad=Abroad(rate=rate, cards=cards))
    far.says(network_request("001", "504000", at(), "000001"))
    assert far.hears()["39"] == "00"
    return far


@pytest.mark.parametrize("scheme", ["visa", "mastercard"])
def test_the_amount_is_converted_with_the_margin_and_de10_leads_from_de4_to_de6(scheme: str) -> None:
    far = network(scheme)
    far.says(pay(amount=1_084_00 // 10, card=FOREIGN))
    answer = far.hears()
    assert (answer["39"], answer["51"], answer["50"]) == ("00", "978", "840")
    assert int(answer["6"]) == apply_rate(108_40, "504", "978", decode_rate(answer["10"]))
    assert int(answer["6"]) == 10_10
    assert int(answer["5"]) == apply_rate(108_40, "504", "840", decode_rate(answer["9"])) == 10_87
    assert far.party.ledger.accounts[PAN].balance == 1_000_00 - 10_10


def test_visa_names_a_transaction_by_fifteen_digits_and_mastercard_by_banknet_number_and_date() -> None:
    references = {}
    for scheme in ("visa", "mastercard"):
        far = network(scheme)
        far.says(pay(card=FOREIGN))
        references[scheme] = private_elements(far.hears())[Private48.REFERENCE]
    assert len(references["visa"]) == 15
    assert references["visa"].isdecimal()
    assert (references["mastercard"][:3], references["mastercard"][-4:], len(references["mastercard"])) == (
        "MCC",
        "1125",
        16,
    )


def test_a_repeat_has_the_same_reference_and_amounts() -> None:
    far = network()
    request = pay(card=FOREIGN)
    far.says(request)
    far.says(repeat(request))
    assert far.hears() == far.hears()


@pytest.mark.parametrize(("cvv2", "de39", "result"), [(FOREIGN.cvv2, "00", "M"), ("000", "N7", "N")])
def test_the_card_value_is_checked_and_its_result_told(cvv2: str, de39: str, result: str) -> None:
    assert FOREIGN.cvv2 != "000"
    far = network()
    far.says(pay("web", card=FOREIGN, web=Web(cvv2)))
    answer = far.hears()
    assert (answer["39"], private_elements(answer)[Private48.CVV2_RESULT]) == (de39, result)


def test_an_unknown_foreign_card_is_an_invalid_one() -> None:
    far = network()
    far.says(pay(card=card(pan="4970000000000026")))
    assert far.hears()["39"] == "14"


def test_a_currency_without_a_rate_is_refused_and_said() -> None:
    far = network()
    far.says(pay(card=FOREIGN, de49="392"))
    assert far.hears()["39"] == "12"
    assert "392" in far.events("conversion.impossible")[0]["reason"]


def test_a_reversal_gives_back_what_was_billed() -> None:
    far = network()
    request = pay(card=FOREIGN)
    far.says(request)
    far.says(reversal(request, "", at(), "000900") | {"t": "0420"})
    assert far.party.ledger.accounts[PAN].balance == 1_000_00


def test_answers_take_their_time() -> None:
    far = network(latency=Latency(80))
    far.says(pay(card=FOREIGN))
    far.passes(0.079)
    assert not far.inbox
    far.passes(0.002)
    assert far.hears()["39"] == "00"


# -- from abroad


@pytest.mark.parametrize("scheme", ["visa", "mastercard"])
def test_a_moroccan_card_abroad_comes_in_the_merchants_currency_and_is_billed_in_the_cards(scheme: str) -> None:
    far = signed_on(scheme)
    far.passes(1)
    request = far.hears()
    assert request["2"] == CARD.pan
    assert request["19"] in ("250", "724", "840", "826")
    assert request["49"] in ("978", "840", "826")
    assert (request["51"], request["43"][38:]) == (
        "504",
        {"250": "FR", "724": "ES", "840": "US", "826": "GB"}[request["19"]],
    )
    assert int(request["6"]) == apply_rate(int(request["4"]), request["49"], "504", decode_rate(request["10"]))
    assert request["32"] == f"{SPEECHES[scheme].own[:3]}{request['19']}"


def test_nothing_comes_from_abroad_before_the_switch_has_signed_on() -> None:
    far = network(abroad=Abroad(rate=10, cards=(CARD,)))
    far.passes(5)
    assert not far.inbox


def test_no_more_come_from_abroad_than_were_asked_for_however_late_its_timer_is() -> None:
    far = network(abroad=Abroad(rate=1000, payments=5, cards=(CARD,)))
    far.says(network_request("001", "504000", at(), "000001"))
    assert far.hears()["39"] == "00"
    far.now += 2_000 * MS
    far.party.tick(far.now)
    far.collect()
    assert (len(far.inbox), far.party.abroad_book().sent) == (5, 5)


def test_what_is_due_at_once_beyond_a_bound_is_left_out_and_said() -> None:
    far = network(abroad=Abroad(rate=1000, cards=(CARD,)))
    far.says(network_request("001", "504000", at(), "000001"))
    far.hears()
    for _ in range(2):
        far.now += 2_000 * MS
        far.party.tick(far.now)
        far.collect()
    assert [event["times"] > 1_000 for event in far.events("payments.skipped")] == [True] * 2
    assert far.party.abroad_book().sent == 2 * CATCH_UP


def test_its_book_tells_what_came_of_them() -> None:
    far = signed_on()
    far.passes(3)
    for de39 in ("00", "51", "57"):
        far.answers(far.hears(), de39)
    book = far.party.abroad_book()
    assert (book.sent, book.approved, book.declined) == (3, 1, {"51": 1, "57": 1})


def test_no_answer_from_the_switch_means_a_reversal() -> None:
    far = signed_on(rate=0.1)
    far.passes(10)
    request = far.hears()
    far.party.draining = True
    far.passes(20)
    back = far.hears()
    assert (back["t"], back["37"]) == ("0400", request["37"])
    far.answers(back)
    assert far.party.abroad_book().reversed == 1


def test_draining_sends_nothing_more_and_signs_off_once_all_has_ended() -> None:
    far = signed_on()
    far.passes(1)
    request = far.hears()
    far.party.drain(far.now)
    far.passes(5)
    assert not far.inbox
    assert not far.party.drained()
    far.answers(request)
    assert far.hears()["70"] == "002"
    assert far.party.drained()


# -- durable records of payments abroad


def again(records: list[HostEntry]) -> Far:
    """The network in its next life, its link up and signed on."""
    party = CardNetwork(
        "visa", SPEECHES["visa"], Ledger("visa", [FOREIGN]), random.Random(3), FaultPlan(),
        Exchange(rates=RATES, margin=Decimal("0.01")), Abroad(rate=1.0, cards=(CARD,)),
        Timeouts(answer_ns=20_000 * MS, repeat_ns=10_000 * MS),
    )  # fmt: skip
    for entry in records:
        party.fold(DECODER.decode(ENCODER.encode(entry)))
    party.keep_journal(len(records))
    far = Far(party, SPEECHES["visa"])
    far.says(network_request("001", "504000", at(), "000001"))
    assert far.hears()["39"] == "00"
    return far


def records_of(far: Far) -> list[HostEntry]:
    return [effect.entry for effect in far.effects if isinstance(effect, Record)]


def test_a_request_from_abroad_leaves_once_it_is_on_record() -> None:
    far = again([])
    far.passes(1)
    assert [(type(e).__name__, getattr(e, "position", getattr(e, "after", None))) for e in far.effects][-2:] == [
        ("Record", 1),
        ("Send", 1),
    ]


def test_after_a_restart_what_has_no_end_on_record_is_reversed_and_the_book_goes_on() -> None:
    far = again([])
    far.passes(3)
    told, declined, open_ = far.hears(), far.hears(), far.hears()
    far.answers(told, "00", de38="123456")
    far.answers(declined, "51")
    far = again(records_of(far))
    far.passes(0.6)
    back = far.hears()
    assert (back["t"], back["2"], back["37"], back["90"][4:10]) == ("0400", CARD.pan, open_["37"], open_["11"])
    far.answers(back)
    book = far.party.abroad_book()
    assert (book.sent, book.approved, book.declined, book.reversed, book.open) == (3, 1, {"51": 1}, 1, 0)
    far.passes(1)
    assert far.hears()["37"] not in {told["37"], declined["37"], open_["37"]}, "numbers go on"


def test_a_third_life_reverses_nothing_twice() -> None:
    far = again([])
    far.passes(1)
    first = records_of(far)
    far = again(first)
    far.passes(0.6)
    far.answers(far.hears())
    far = again([*first, *records_of(far)])
    far.passes(0.6)
    assert not far.inbox


def test_its_records_hold_no_pan_no_track_and_no_cvv2() -> None:
    far = again([])
    far.passes(40)
    while far.inbox:
        far.answers(far.hears(), "00", de38="123456")
    records = records_of(far)
    assert len(records) > 60
    text = b"".join(ENCODER.encode(entry) for entry in records)
    assert CARD.pan.encode() not in text
    assert not any(
        set(entry.request) & {"2", "14", "35", "45", "48", "52", "55"} for entry in records if isinstance(entry, Asked)
    )


def test_while_the_journal_is_away_nothing_comes_from_abroad() -> None:
    far = again([])
    far.party.journal_state(False, "the disk is full", far.now)
    far.passes(5)
    assert not far.inbox
    far.party.journal_state(True, "", far.now)
    far.passes(2)
    assert far.hears()["2"] == CARD.pan


def test_a_record_about_a_card_that_is_no_longer_there_is_refused_before_anything_is_sent() -> None:
    far = again([])
    far.passes(1)
    (asked,) = (entry for entry in records_of(far) if isinstance(entry, Asked))
    with pytest.raises(KeyError, match="sold"):
        again([msgspec.structs.replace(asked, card="sold")])
