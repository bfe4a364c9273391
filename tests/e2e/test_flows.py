"""Every flow of the demo network over real sockets: what an acquirer sends, what it hears, and what the log says of it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from switch.cli._costs import costs_sentence
from switch.cli._windows import all_of
from switch.config import load_network
from switch.core.records.records import Delivered, Owed
from switch.journal.ledgers import open_ledger
from switch.ledger.levels import network_cost
from switch.money.currency import format_amount
from switch.observe.lines import HopLine
from switch.simulators.build import find_member
from switch.simulators.cards import TestCard, demo_cards
from switch.simulators.de48 import Private48, private_elements
from switch.simulators.messages import BALANCE, CASH, PREAUTH, PURCHASE, REFUND, VERIFICATION, WEB, Web, repeat
from switch.wire.vocabulary import DE, Document
from tests.e2e.pos import Till, card_of, moment
from tests.e2e.stage import Client, Stage, wait_for

BANKS = ("atlas", "rif", "souss")
CARDS = demo_cards(load_network("morocco"))
DECLINES = [card for card in CARDS if card.shows and card.de39 not in ("00", "91")]
FOREIGN = [card for card in CARDS if card.shows and card.issuer in ("visa", "mastercard") and card.de39 == "00"]


@pytest.fixture
def till(running: Stage) -> Iterator[Callable[..., Till]]:
    """Opens tills on the running network: `till("rif")`, `till("rif", "pos")`."""
    opened: list[Till] = []

    def open_one(bank: str, listener: str = "acquirers", number: int = 0) -> Till:
        opened.append(Till(running, bank, listener, number))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def neighbour(bank: str) -> str:
    return BANKS[BANKS.index(bank) - 1]


def others(hops: list[dict[str, Any]], link: str) -> set[str]:
    return {hop["link"] for hop in hops} - {link}


# -- domestic


@pytest.mark.parametrize("bank", BANKS)
def test_a_purchase_debits_the_card_holder_and_its_void_gives_it_back(
    running: Stage, till: Callable[..., Till], bank: str
) -> None:
    at = till(neighbour(bank))
    card = f"{bank}-cmi-01"
    ledger, available = at.balance(card)
    request, answer = at.pays(PURCHASE, card, 123_45)
    assert (answer["t"], answer[DE.RESPONSE_CODE]) == ("0210", "00")
    assert len(answer[DE.APPROVAL_CODE]) == 6
    for de in (DE.PAN, DE.PROCESSING_CODE, DE.AMOUNT, DE.TRANSMISSION_TIME, DE.STAN, DE.RRN, DE.TERMINAL, DE.CURRENCY):
        assert answer[de] == request[de], f"DE{de} is echoed"
    assert at.balance(card) == (ledger - 123_45, available - 123_45)

    reversal, acknowledged = at.voids(request, answer)
    assert (acknowledged["t"], acknowledged[DE.RESPONSE_CODE]) == ("0410", "00")
    sent = running.hops(request[DE.RRN], 8)
    assert [hop["mti"] for hop in sent[-4:]].count("0400") == 1
    txn = next(hop["txn"] for hop in sent if hop["mti"] == "0400")
    delivered = running.event("reversal.delivered", txn=txn)
    assert delivered["de39"] in ("00", "400"), "as the host says it: Souss speaks the 1993 edition"
    assert delivered["original"] == sent[0]["txn"]
    assert at.balance(card) == (ledger, available)
    assert at.client.asks(repeat(reversal))[DE.RESPONSE_CODE] == "00"
    assert at.balance(card) == (ledger, available), "a repeated reversal gives nothing back twice"


@pytest.mark.parametrize("bank", BANKS)
def test_cash_refund_and_card_verification(till: Callable[..., Till], bank: str) -> None:
    at, card = till(neighbour(bank)), f"{bank}-cmi-02" if bank == "atlas" else f"{bank}-visa-02"
    ledger, _ = at.balance(card)
    assert at.pays(CASH, card, 200_00)[1][DE.RESPONSE_CODE] == "00"
    assert at.balance(card)[0] == ledger - 200_00
    assert at.pays(REFUND, card, 50_00)[1][DE.RESPONSE_CODE] == "00"
    assert at.balance(card)[0] == ledger - 150_00
    assert at.pays(VERIFICATION, card, 0)[1][DE.RESPONSE_CODE] in ("85", "00"), "ISO 8583:1993 says 00 for 85"
    assert at.balance(card)[0] == ledger - 150_00


@pytest.mark.parametrize("bank", BANKS)
def test_a_preauthorization_holds_and_its_completion_captures_the_final_amount(
    running: Stage, till: Callable[..., Till], bank: str
) -> None:
    at, card = till(neighbour(bank)), f"{bank}-approved"
    ledger, available = at.balance(card)
    request, answer = at.pays(PREAUTH, card, 300_00)
    assert (answer["t"], answer[DE.RESPONSE_CODE]) == ("0110", "00")
    assert at.balance(card) == (ledger, available - 300_00), "held, not yet taken"
    completion, acknowledged = at.completes(request, answer, 275_50)
    assert (acknowledged["t"], acknowledged[DE.RESPONSE_CODE]) == ("0230", "00")
    wait_for(lambda: at.balance(card) == (ledger - 275_50, available - 275_50))
    assert at.client.asks(repeat(completion))[DE.RESPONSE_CODE] == "00"
    assert at.balance(card) == (ledger - 275_50, available - 275_50), "captured once"


@pytest.mark.parametrize("bank", BANKS)
def test_an_advice_of_an_offline_payment_is_acknowledged_at_once_and_reaches_the_issuer_once(
    running: Stage, till: Callable[..., Till], bank: str
) -> None:
    at, card = till(neighbour(bank)), f"{bank}-approved"
    ledger, _ = at.balance(card)
    advice = {**at.request(PURCHASE, card, 42_00), "t": "0220", DE.APPROVAL_CODE: "OFFLIN", DE.RESPONSE_CODE: "00"}
    del advice[DE.TRACK2]
    acknowledged = at.client.asks(advice)
    assert (acknowledged["t"], acknowledged[DE.RESPONSE_CODE]) == ("0230", "00")
    assert at.client.asks(repeat(advice))[DE.RESPONSE_CODE] == "00"
    txn = running.hops(advice[DE.RRN], 4)[0]["txn"]
    assert running.event("advice.delivered", txn=txn)["de39"] in ("00", "000")
    assert at.balance(card)[0] == ledger - 42_00


def test_an_acquirer_that_reverses_what_never_came_through_is_acknowledged_and_the_original_refused_later(
    running: Stage, till: Callable[..., Till]
) -> None:
    at = till("rif")
    ledger, _ = at.balance("atlas-approved")
    request = at.request(PURCHASE, "atlas-approved", 77_00)
    _, acknowledged = at.voids(request, {})
    assert acknowledged[DE.RESPONSE_CODE] == "00"
    hops = running.hops(request[DE.RRN], 4)
    running.event("reversal.original_unknown", txn=hops[0]["txn"])
    running.event("reversal.delivered", txn=hops[0]["txn"], de39="00")
    refused = at.client.asks(request)[DE.RESPONSE_CODE]
    assert refused in ("05", "91"), "switch or issuer remembers the reversal that came first"
    assert at.balance("atlas-approved")[0] == ledger


@pytest.mark.parametrize("scheme", ["visa", "mastercard"])
@pytest.mark.parametrize("bank", BANKS)
def test_a_moroccan_banks_own_visa_and_mastercard_cards_stay_at_home(
    running: Stage, till: Callable[..., Till], bank: str, scheme: str
) -> None:
    request, answer = till(neighbour(bank)).pays(PURCHASE, f"{bank}-{scheme}")
    assert answer[DE.RESPONSE_CODE] == "00"
    hops = running.hops(request[DE.RRN], 4)
    assert {hop["route"] for hop in hops} == {"", "domestic"}
    assert any(link.startswith(f"{bank}#") for link in others(hops, hops[0]["link"]))
    assert not any(hop["cost"] for hop in hops)


# -- what is there to show


def shown(till: Till, card: TestCard) -> Document:
    """The payment that makes a showcase card answer as it is there to."""
    scenario = card.name.partition("-")[2]
    if scenario == "n7":
        wrong = f"{(int(card.cvv2) + 1) % 1000:03d}"
        return till.pays(WEB, card, web=Web(wrong))[1]
    amounts = {"61": 600_00, "61-day": 1_100_00}
    return till.pays(CASH if scenario == "57" else PURCHASE, card, amounts.get(scenario, 150_00))[1]


@pytest.mark.parametrize("card", DECLINES, ids=lambda card: card.name)
def test_each_showcase_card_is_declined_as_it_says(till: Callable[..., Till], card: TestCard) -> None:
    bank = neighbour(card.issuer) if card.issuer in BANKS else "rif"
    answer = shown(till(bank), card)
    assert (answer["t"], answer[DE.RESPONSE_CODE]) == ("0210", card.de39)
    assert DE.APPROVAL_CODE not in answer


def test_a_card_of_no_range_has_no_such_issuer(running: Stage, till: Callable[..., Till]) -> None:
    request, answer = till("atlas").pays(PURCHASE, "atlas-approved", de2="3600000000000008", de35="")
    assert answer[DE.RESPONSE_CODE] == "15"
    received, sent = running.hops(request[DE.RRN], 2)
    assert (sent["txn"], sent["de39"], sent["route"]) == (received["txn"], "15", "refused")
    assert "no BIN range holds this card" in sent["note"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"de43": "LIBRAIRIE DU CANAL       PARIS        FR"}, "the merchant's country (end of DE43) is FR"),
        ({"de19": "250"}, "the acquirer's country (DE19) is 250"),
    ],
)
def test_a_domestic_card_at_a_foreign_merchant_is_refused_and_the_log_says_why(
    running: Stage, till: Callable[..., Till], changes: dict[str, Any], why: str
) -> None:
    request, answer = till("rif").pays(PURCHASE, "atlas-approved", **changes)
    assert answer[DE.RESPONSE_CODE] == "57"
    note = running.hops(request[DE.RRN], 2)[-1]["note"]
    assert note.startswith(f"{running.path}:")
    assert note.endswith(why)


# -- web payments


@pytest.mark.parametrize("name", ["atlas-visa", "souss-approved", "fr-visa", "us-mastercard"])
def test_a_web_payment_is_approved_with_its_own_cvv2_and_declined_with_another(
    till: Callable[..., Till], name: str
) -> None:
    card = next(c for c in CARDS if c.name == name)
    at = till("rif")
    request, answer = at.pays(WEB, card, web=Web(card.cvv2))
    assert request[DE.ENTRY_MODE].startswith("81")
    assert private_elements(request)[Private48.CVV2] == card.cvv2
    assert answer[DE.RESPONSE_CODE] == "00"
    wrong = f"{(int(card.cvv2) + 1) % 1000:03d}"
    _, refused = at.pays(WEB, card, web=Web(wrong))
    assert refused[DE.RESPONSE_CODE] == ("63" if card.issuer == "souss" else "N7"), "ISO 8583:1993 has no N7"
    assert at.pays(WEB, card, web=None)[1][DE.RESPONSE_CODE] == "05", "nothing in DE48 to know the card holder by"


# -- point of sale


@pytest.mark.parametrize("bank", BANKS)
def test_a_terminal_speaks_bcd_behind_a_tpdu_and_hears_its_addresses_turned_round(running: Stage, bank: str) -> None:
    with closing(Till(running, bank, "pos", number=7)) as at:
        request = at.request(PURCHASE, f"{neighbour(bank)}-approved", 12_50)
        frame = bytearray(at.client.frame(request))
        assert frame[2] == 0x60, "a TPDU behind the length"
        frame[3:7] = bytes.fromhex("00420178")
        at.client.sock.sendall(frame)
        raw = at.client.sock.recv(4096)
        assert raw[2:7] == bytes.fromhex("6001780042")
        assert at.client.framing.feed(raw) == [raw[2:]]
        answer = at.client.translator.inward(at.client.dialect.decode(raw[2:]))
        assert (answer["t"], answer[DE.RESPONSE_CODE], answer[DE.STAN]) == ("0210", "00", request[DE.STAN])
        assert at.voids(request, answer)[1][DE.RESPONSE_CODE] == "00"


# -- foreign cards


@pytest.mark.parametrize("card", FOREIGN, ids=lambda card: card.name)
def test_a_foreign_card_is_approved_by_its_network_with_conversion_and_cost(
    running: Stage, till: Callable[..., Till], card: TestCard
) -> None:
    at = till("rif")
    request, answer = at.pays(PURCHASE, card, 1_000_00)
    assert answer[DE.RESPONSE_CODE] == "00"
    assert (answer[DE.AMOUNT], answer[DE.CURRENCY]) == (request[DE.AMOUNT], "504")
    assert answer[DE.CURRENCY_BILLING] == card.currency
    rate = float(running.network.rates[card.currency])
    margin = 1 + float(next(t.conversion for t in running.network.tariffs if t.network == card.scheme))
    assert int(answer[DE.AMOUNT_BILLING]) == pytest.approx(1_000_00 / rate * margin, abs=1.01)

    hops = running.hops(request[DE.RRN], 4)
    assert [hop["route"] for hop in hops] == ["", card.scheme, card.scheme, card.scheme]
    tariff = next(t for t in running.network.tariffs if t.network == card.scheme)
    interchange = 0.0115 if card.product in ("debit", "prepaid") else 0.015
    shares = (float(tariff.ad_valorem + tariff.cross_border) + interchange) * 1_000_00
    assert hops[2]["cost"] == pytest.approx(tariff.per_transaction + shares, abs=1.01)
    assert [hop["cost"] for hop in hops if hop["event"] != "hop.received"] == [0, 0]
    said = costs_sentence(running.network, request, int(answer[DE.AMOUNT]), "rif")
    assert f" of that {card.scheme} {format_amount(hops[2]['cost'], '504')}, switch 0.30 MAD; rif keeps " in said
    with open_ledger(running.state, "504") as ledger:
        (posted,) = (e for w in all_of(ledger) for e in ledger.entries(w) if e.txn == int(hops[0]["txn"], 16))
    assert network_cost(posted, {card.scheme: card.scheme}) == hops[2]["cost"]
    assert at.voids(request, answer)[1][DE.RESPONSE_CODE] == "00"


@pytest.mark.parametrize("scheme", ["visa", "mastercard"])
def test_cards_used_abroad_come_in_from_their_network_and_are_routed_to_their_issuers(
    running: Stage, scheme: str
) -> None:
    def approved() -> list[dict[str, Any]] | None:
        for hop in running.events("hop.sent", mti="0110", route="domestic", de39="00"):
            if hop["link"].startswith(f"{scheme}#"):
                return [
                    line for line in running.log() if line.get("txn") == hop["txn"] and line["event"].startswith("hop.")
                ]
        return None

    hops = wait_for(approved)
    assert [hop["direction"] for hop in hops] == ["received", "sent", "received", "sent"]
    assert hops[1]["link"].partition("#")[0] in BANKS
    assert hops[0]["currency"] in ("EUR", "USD", "GBP")


def test_a_domestic_card_used_abroad_is_refused_to_the_network_that_brought_it(running: Stage) -> None:
    refused = wait_for(lambda: running.events("hop.sent", route="refused", de39="57", mti="0110"), 60)[0]
    assert refused["link"].partition("#")[0] in ("visa", "mastercard")
    assert "for use in MA only, and the message came from a card network" in refused["note"]


# -- what goes wrong


def test_a_silent_issuer_costs_91_at_the_deadline_and_a_reversal_that_arrives(
    running: Stage, till: Callable[..., Till]
) -> None:
    at = till("rif")
    request, answer = at.pays(PURCHASE, "atlas-silent", 99_00)
    assert answer[DE.RESPONSE_CODE] == "91"
    hops = running.hops(request[DE.RRN], 5)
    original = hops[0]["txn"]
    missing = running.event("answer.missing", txn=original)
    assert (missing["host"], missing["reason"], missing["timeout_ms"], missing["reversal_owed"]) == (
        "atlas", "timeout", 1_500, True,
    )  # fmt: skip
    assert next(hop for hop in hops if hop["mti"] == "0210")["note"] == "timeout at host atlas"
    assert any(hop["mti"] == "0420" and hop["link"].startswith("atlas#") for hop in hops)
    running.event("reversal.delivered", original=original, de39="00")
    again = at.client.asks(repeat(request))
    assert again[DE.RESPONSE_CODE] == "91", "a repeat hears what the original heard"


def test_a_late_approval_is_known_for_one_and_stays_reversed(running: Stage, till: Callable[..., Till]) -> None:
    at = till("rif")
    request, answer = at.pays(PURCHASE, "atlas-late", 88_00)
    assert answer[DE.RESPONSE_CODE] == "91"
    txn = running.hops(request[DE.RRN], 3)[0]["txn"]
    late = running.event("answer.late", txn=txn)
    assert (late["given_up"], late["de39"]) == ("timeout", "00")
    running.event("reversal.delivered", original=txn, de39="00")


def test_a_repeat_is_answered_as_its_original_and_debits_once(running: Stage, till: Callable[..., Till]) -> None:
    at, card = till("atlas"), "rif-cmi-01"
    ledger, _ = at.balance(card)
    request, answer = at.pays(PURCHASE, card, 64_00)
    again = at.client.asks(repeat(request))
    assert (again["t"], again[DE.RESPONSE_CODE], again[DE.APPROVAL_CODE]) == ("0210", "00", answer[DE.APPROVAL_CODE])
    assert at.balance(card)[0] == ledger - 64_00
    other = at.client.asks({**request, DE.AMOUNT: "000000006500"})
    assert other[DE.RESPONSE_CODE] == "94", "the same key with another amount is no repeat"
    assert at.balance(card)[0] == ledger - 64_00


def test_a_payment_before_the_sign_on_is_refused_with_58(running: Stage) -> None:
    with closing(Till(running, "rif", sign_on=False)) as at:
        request, answer = at.pays(PURCHASE, "atlas-approved")
        assert answer[DE.RESPONSE_CODE] == "58"
        assert "sign on first" in running.hops(request[DE.RRN], 2)[-1]["note"]


def test_a_stranger_may_not_sign_on(running: Stage) -> None:
    with closing(Client(running, institution="504109", sign_on=False)) as client:
        document = {"t": "0800", "7": moment().sent_at, "11": "000001", "32": "504109", "70": "001"}
        assert client.asks(document)[DE.RESPONSE_CODE] == "58"
        refused = running.event("link.sign_on_refused", institution="504109")
        assert refused["did_you_mean"] in [m.institution for m in running.network.members]


def test_an_acquirer_may_echo_and_sign_off(running: Stage) -> None:
    with closing(Till(running, "rif")) as at:
        institution = find_member(running.network, "rif").institution
        base = {"t": "0800", "7": moment().sent_at, "32": institution}
        assert at.client.asks({**base, "11": at.stan(), "70": "301"})[DE.RESPONSE_CODE] == "00"
        assert at.client.asks({**base, "11": at.stan(), "70": "002"})[DE.RESPONSE_CODE] == "00"
        assert at.pays(PURCHASE, "atlas-approved")[1][DE.RESPONSE_CODE] == "58"


# -- the hop log, and what is in nothing the switch writes


def test_a_payment_is_four_hops_joined_by_one_transaction_with_every_key(
    running: Stage, till: Callable[..., Till]
) -> None:
    request, _ = till("rif").pays(PURCHASE, "atlas-approved", 15_00)
    hops = running.hops(request[DE.RRN], 4)
    assert all(tuple(hop) == HopLine.__struct_fields__ for hop in hops)
    assert len({hop["txn"] for hop in hops}) == 1
    assert [(hop["event"], hop["link"].partition("#")[0], hop["mti"]) for hop in hops] == [
        ("hop.received", "acquirers", "0200"), ("hop.sent", "atlas", "0200"),
        ("hop.received", "atlas", "0210"), ("hop.sent", "acquirers", "0210"),
    ]  # fmt: skip
    assert {(hop["pan"], hop["amount"], hop["currency"]) for hop in hops} == {("950401******0010", 15_00, "MAD")}
    elapsed = [hop["elapsed_us"] for hop in hops]
    assert elapsed == sorted(elapsed)
    assert elapsed[0] == 0
    assert [hop["de39"] for hop in hops] == ["", "", "00", "00"]
    assert hops[0]["stan"] == hops[3]["stan"] == request[DE.STAN]
    assert hops[1]["stan"] == hops[2]["stan"], "the switch's own towards the issuer"


PIN_BLOCK = "0F1E2D3C4B5A6978"
CAVV = "Q0FWViBvZiBhIHRlc3QhIDEyMzQ="


def secrets_of(card: TestCard, track2: str) -> list[str]:
    return [card.pan, track2, track2.replace("=", "D"), PIN_BLOCK, CAVV, f"92{len(card.cvv2):02d}{card.cvv2}43"]


def as_written(secret: str) -> set[bytes]:
    """The bytes a secret may have taken: ASCII, EBCDIC, packed digits."""
    forms = {secret.encode(), secret.lower().encode(), secret.encode("cp500")}
    digits = secret.replace("=", "D")
    if all(c in "0123456789ABCDEF" for c in digits):
        forms.add(bytes.fromhex(digits + "F" * (len(digits) % 2)))
    return forms


def test_no_card_number_track_cvv2_or_pin_block_is_in_anything_the_switch_writes(
    running: Stage, till: Callable[..., Till]
) -> None:
    at, pos = till("rif"), till("rif", "pos", 9)
    used = [
        card_of(running, name) for name in ("atlas-approved", "souss-approved", "fr-visa", "us-mastercard", "atlas-51")
    ]
    tracks: list[str] = []
    last: Document = {}
    for where in (at, pos):
        for card in used:
            track2 = f"{card.pan}={card.expiry}2019876543210"
            tracks.append(track2)
            request, answer = where.pays(PURCHASE, card, de35=track2, de52=PIN_BLOCK, de53="0100000000000000")
            where.voids(request, answer)
            web = Web(card.cvv2, "05", CAVV)
            last, _ = where.pays(WEB, card, web=web)
            where.client.asks(repeat(last))
    damaged = at.request(PURCHASE, used[0], de35=tracks[0], de52=PIN_BLOCK)
    frame = bytearray(at.client.frame(damaged))
    frame[frame.index(tracks[0].encode()) - 2] = ord("x")
    at.client.sock.sendall(frame)
    assert at.client.gets()[DE.RESPONSE_CODE] == "30", "the length of its track 2 is no number"
    running.hops(last[DE.RRN], 4)
    wait_for(lambda: running.events("message.unreadable", de11=damaged[DE.STAN]))

    secrets = {
        form
        for card, track2 in zip(used * 2, tracks, strict=True)
        for s in secrets_of(card, track2)
        for form in as_written(s)
    }
    secrets |= {form for card in CARDS for form in as_written(card.pan)}
    written = {path.name: path.read_bytes() for path in running.state.rglob("*") if path.is_file()} | running.outputs()
    holding = [name for name, data in written.items() if b"950401******0010" in data]
    assert len(holding) >= 2, "hop log and journal are looked through: they have the masked number"
    for name, data in written.items():
        found = [form for form in secrets if form in data]
        assert not found, f"{name} holds {found[0][:6]!r}…"


def test_everything_owed_has_arrived(running: Stage) -> None:
    def owed() -> set[int]:
        entries = running.entries()
        return {e.txn for e in entries if isinstance(e, Owed)} - {e.txn for e in entries if isinstance(e, Delivered)}

    at_first = owed()
    wait_for(lambda: not owed() & at_first)


def test_balance_inquiries_say_both_balances(till: Callable[..., Till]) -> None:
    request, answer = till("rif").pays(BALANCE, "rif-approved", 0)
    assert (request["t"], answer["t"], answer[DE.RESPONSE_CODE]) == ("0100", "0110", "00")
    assert len(answer[DE.ADDITIONAL_AMOUNTS]) == 40
