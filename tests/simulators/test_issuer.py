"""An issuer's host on its link: answers, repeats, sign-ons, faults, and what it makes of rubbish."""

import random

import msgspec
import pytest
from msgspec.structs import replace

from switch.core.party import Record
from switch.simulators.accounts import Ledger
from switch.simulators.build import find_host, host_speech
from switch.simulators.endpoint import Speech
from switch.simulators.faults import FaultPlan, Faults, Latency
from switch.simulators.issuer import Issuer
from switch.simulators.messages import network_request, repeat, reversal
from switch.wire import Dialect
from tests.simulators.far import Far
from tests.simulators.samples import CARD, PAN, at, pay
from tests.simulators.world import morocco

DIALECTS = [
    ("cmi87", "length2"),
    ("cmi87b", "tpdu"),
    ("iso93", "length2"),
    ("mastercard", "length2"),
    ("visa", "base1"),
]


def speech(dialect: str = "cmi87", framing: str = "length2") -> Speech:
    return Speech(Dialect.load(dialect), framing, "504101", "504000")


def host(plan: FaultPlan | None = None, *, signs_on: bool = False, says: Speech | None = None) -> Far:
    says = says or speech()
    return Far(Issuer("atlas", says, Ledger("atlas", [CARD]), random.Random(1), plan, signs_on=signs_on), says)


@pytest.mark.parametrize(("dialect", "framing"), DIALECTS)
def test_a_purchase_is_answered_in_every_dialect(dialect: str, framing: str) -> None:
    far = host(says=speech(dialect, framing))
    request = pay()
    far.says(request)
    answer = far.hears()
    assert (answer["t"], answer["39"], len(answer["38"])) == ("0210", "00", 6)
    assert [answer[de] for de in ("2", "3", "4", "7", "11", "37", "41", "49")] == [
        request[de] for de in ("2", "3", "4", "7", "11", "37", "41", "49")
    ]


def test_a_card_at_the_head_of_track_2_alone_is_known() -> None:
    far = host()
    far.says(pay(de2="", de35=f"{PAN}=31122010000000000"))
    answer = far.hears()
    assert (answer["39"], answer.get("35")) == ("00", None)


def test_sign_on_echo_and_sign_off_are_answered() -> None:
    far = host()
    for code, event in (("001", "link.signed_on"), ("301", ""), ("002", "link.signed_off")):
        far.says(network_request(code, "504000", at(), "000001"))
        answer = far.hears()
        assert (answer["t"], answer["39"], answer["70"]) == ("0810", "00", code)
        assert not event or far.events(event)


def test_an_unknown_network_request_is_an_invalid_transaction() -> None:
    far = host()
    far.says(network_request("999", "504000", at(), "000001"))
    assert far.hears()["39"] == "12"


def test_a_host_that_connects_in_signs_on_until_it_is_answered() -> None:
    far = host(signs_on=True)
    first = far.hears()
    assert (first["t"], first["70"], first["32"]) == ("0800", "001", "504101")
    far.passes(6)
    second = far.hears()
    far.answers(second, de70="001")
    far.passes(60)
    assert far.events("link.signed_on")
    assert not far.inbox


def test_a_refused_sign_on_is_said() -> None:
    far = host(signs_on=True)
    far.answers(far.hears(), "58", de70="001")
    assert far.events("sign_on.refused")[0]["de39"] == "58"


def test_traffic_before_a_sign_on_is_answered_and_said_once() -> None:
    far = host()
    far.says(pay(number=1))
    far.says(pay(number=2))
    assert len(far.inbox) == 2
    assert len(far.events("link.not_signed_on")) == 1


def test_repeats_and_reversals_are_acknowledged() -> None:
    far = host()
    request = pay()
    far.says(request)
    first = far.hears()
    far.says(repeat(request))
    assert far.hears()["38"] == first["38"]
    back = reversal(request, "", at(), "000900") | {"t": "0420"}
    far.says(back)
    far.says(repeat(back) | {"t": "0421"})
    assert [far.hears()["t"], far.hears()["39"]] == ["0430", "00"]
    assert far.party.ledger.accounts[PAN].balance == CARD.balance


def test_bytes_in_any_pieces_are_the_same_messages() -> None:
    far = host()
    data = far._line.message(pay(number=1)).data + far._line.message(pay(number=2)).data
    for byte in data:
        far.says_bytes(bytes([byte]))
    assert [far.hears()["11"], far.hears()["11"]] == ["000001", "000002"]


def test_a_message_as_long_as_the_network_file_allows_is_read() -> None:
    """Private elements alone can fill three times what is allowed by default."""
    network = morocco()
    roomy = replace(network, limits=replace(network.limits, frame_bytes=65_535))
    far = host(says=host_speech(roomy, find_host(roomy, "atlas", "issuer")))
    far.says(pay() | {str(de): "1" * 999 for de in (*range(56, 64), *range(105, 126))})
    assert far.hears()["39"] == "00"


def test_a_message_that_cannot_be_read_is_answered_30_and_costs_no_link() -> None:
    far = host()
    data = bytearray(far._line.message(pay()).data)
    data[-3:] = b"XYZ"
    far.says_bytes(bytes(data))
    assert far.hears()["39"] == "30"
    assert "DE49" in far.events("message.unreadable")[0]["reason"]
    far.says(pay(number=2))
    assert far.hears()["39"] == "00"


def test_no_part_of_a_card_number_is_in_any_event() -> None:
    far = host(FaultPlan(host=Faults(silent=1.0)))
    far.says(pay(number=1))
    data = bytearray(far._line.message(pay(number=2)).data)
    data[-3:] = b"XYZ"
    far.says_bytes(bytes(data))
    assert not any(PAN in str(log.fields) or CARD.cvv2 in str(log.fields).split() for log in far.logs)


def test_a_stream_that_is_none_closes_the_link_with_the_reason() -> None:
    far = host()
    far.says_bytes(b"GET / HTTP/1.1\r\n\r\n" * 3)
    assert "HTTP" in far.closed


# -- faults


def test_a_silent_issuer_has_moved_the_money_and_says_nothing() -> None:
    far = host(FaultPlan(host=Faults(silent=1.0)))
    far.says(pay())
    far.passes(100)
    assert not far.inbox
    assert far.party.ledger.accounts[PAN].balance < CARD.balance


def test_a_silent_issuer_still_acknowledges_a_reversal() -> None:
    far = host(FaultPlan(host=Faults(silent=1.0)))
    request = pay()
    far.says(request)
    far.says(reversal(request, "", at(), "000900") | {"t": "0420"})
    assert far.hears()["t"] == "0430"
    assert far.party.ledger.accounts[PAN].balance == CARD.balance


def test_a_late_answer_comes_after_the_switchs_deadline() -> None:
    far = host(FaultPlan(host=Faults(late=1.0, late_ms=12_000)))
    far.says(pay())
    far.passes(11.9)
    assert not far.inbox
    far.passes(0.2)
    assert far.hears()["39"] == "00"


def test_a_wrong_answer_answers_nothing_that_was_asked() -> None:
    far = host(FaultPlan(host=Faults(wrong=1.0)))
    far.says(pay(number=1))
    assert far.hears()["11"] == "500001"


def test_a_cut_answer_ends_in_the_middle_of_its_frame() -> None:
    far = host(FaultPlan(host=Faults(cut=1.0)))
    far.says(pay())
    (data,) = far.raw_bytes
    assert len(data) < int.from_bytes(data[:2], "big") + 2
    assert "fault" in far.closed


def test_a_cards_own_fault_comes_before_the_hosts() -> None:
    far = host(FaultPlan(host=Faults(silent=1.0), cards={PAN: Faults(slow=1.0, slow_ms=2_000)}))
    far.says(pay())
    far.passes(1.9)
    assert not far.inbox
    far.passes(0.2)
    assert far.hears()["39"] == "00"


def test_shares_of_faults_are_what_was_asked_for() -> None:
    plan, rng = FaultPlan(host=Faults(silent=0.1, wrong=0.2)), random.Random(5)
    fates = [plan.fate("", rng)[0].value for _ in range(10_000)]
    assert 0.08 < fates.count("silence") / 10_000 < 0.12
    assert 0.18 < fates.count("wrong") / 10_000 < 0.22


def test_latency_is_log_normal_around_its_median() -> None:
    rng = random.Random(3)
    drawn = sorted(Latency(80, 0.35).draw_ns(rng) / 1e6 for _ in range(4_001))
    assert 75 < drawn[2_000] < 85
    assert drawn[-1] > 2 * drawn[2_000]
    assert Latency(80).draw_ns(rng) == 80_000_000
    assert Latency().draw_ns(rng) == 0


def test_a_draining_host_signs_off_and_finishes_what_it_is_answering() -> None:
    far = host(FaultPlan(latency=Latency(500)))
    far.says(network_request("001", "504000", at(), "000001"))
    far.hears()
    far.says(pay())
    far.party.drain(far.now)
    far.collect()
    assert far.hears()["70"] == "002"
    assert not far.party.drained()
    far.passes(0.6)
    assert far.hears()["39"] == "00"
    assert far.party.drained()


# -- durable books


def keeps(position: int = 0) -> Far:
    says = speech()
    party = Issuer("atlas", says, Ledger("atlas", [CARD]), random.Random(1))
    party.keep_journal(position)
    return Far(party, says)


def test_what_is_taken_is_recorded_and_its_answer_waits_for_the_record() -> None:
    far = keeps()
    far.says(pay(number=1))
    far.says(reversal(pay(number=1), "", at(), "000900"))
    assert [(type(e).__name__, getattr(e, "position", getattr(e, "after", None))) for e in far.effects] == [
        ("Record", 1), ("Send", 1), ("Record", 2), ("Send", 2),
    ]  # fmt: skip


def test_a_repeat_is_no_record_and_waits_for_its_original() -> None:
    far = keeps()
    far.says(pay())
    far.says(repeat(pay()))
    assert [(type(e).__name__, getattr(e, "after", None)) for e in far.effects][2:] == [("Send", 1)]


def test_a_late_answer_waits_for_its_record_too() -> None:
    says = speech()
    party = Issuer("atlas", says, Ledger("atlas", [CARD]), random.Random(1), FaultPlan(latency=Latency(50)))
    party.keep_journal(7)
    far = Far(party, says)
    far.says(pay())
    assert [e.position for e in far.effects if isinstance(e, Record)] == [8]
    far.passes(1)
    assert far.effects[-1].after == 8


def test_without_its_journal_it_takes_nothing() -> None:
    far = keeps()
    far.party.journal_state(False, "the disk is full", far.now)
    for message in (pay(), reversal(pay(number=2), "", at(), "000900"), pay(number=3, t="0220")):
        far.says(message)
    assert [far.hears()["39"]] == ["96"]
    assert not far.inbox
    assert far.party.ledger.accounts[PAN].balance == CARD.balance
    assert {e["reason"] for e in far.events("message.not_taken")} == {"the journal is away: the disk is full"}
    far.party.journal_state(True, "", far.now)
    far.says(pay(number=4))
    assert far.hears()["39"] == "00"


def test_what_waits_for_the_journal_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("switch.simulators.issuer.UNACKNOWLEDGED_MAX", 2)
    far = keeps()
    for number in (1, 2, 3):
        far.says(pay(number=number, amount=1_00))
    assert [far.hears()["39"] for _ in range(3)] == ["00", "00", "96"]
    far.party.durable(1, far.now)
    far.says(pay(number=4, amount=1_00))
    assert far.hears()["39"] == "00"


def test_an_issuer_sends_its_stop_list_after_each_sign_on() -> None:
    lost, stolen = (msgspec.structs.replace(CARD, pan=PAN[:-2] + end, name=end, status=status)
                    for end, status in (("91", "lost"), ("83", "stolen")))  # fmt: skip
    ledger = Ledger("atlas", [CARD, lost, stolen])
    far = Far(Issuer("atlas", speech(), ledger, random.Random(1), sends_stop_list=True), speech())
    far.says(network_request("001", "504000", at(), "000001"))
    assert far.hears()["t"] == "0810"
    updates = [far.hears(), far.hears()]
    assert [(m["t"], m["2"], m["39"], m["91"], m["101"]) for m in updates] == [
        ("0302", lost.pan, "41", "1", "HOTCARDS"),
        ("0302", stolen.pan, "43", "1", "HOTCARDS"),
    ]
    for message in updates:
        far.says({**{de: message[de] for de in ("2", "7", "11", "32", "91")}, "t": "0312", "39": "00"})
    assert not far.events("file_update.refused")
    far.says({**{de: updates[0][de] for de in ("2", "7", "11", "32", "91")}, "t": "0312", "39": "25"})
    assert [told["de39"] for told in far.events("file_update.refused")] == ["25"]


def test_a_reconciliation_that_nobody_answers_is_given_up_and_said() -> None:
    far = host(signs_on=True)
    far.answers(far.hears(), de70="001")
    far.says(pay())
    far.hears()
    far.says(network_request("201", "504000", at(), "000009") | {"15": "1126"})
    assert far.hears()["39"] == "00"
    far.passes(60)
    assert [asked["t"] for asked in (heard.internal for heard in far.inbox)] == ["0502", "0503", "0503", "0503"]
    (given_up,) = far.events("reconciliation.not_answered")
    assert (given_up["business_day"], given_up["times"]) == ("1125", 4)
    assert far.party.next_deadline() is None
