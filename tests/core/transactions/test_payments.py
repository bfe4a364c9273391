"""Playbooks: a payment's way through the switch, and everything that can cut it short."""

import msgspec
import pytest

from switch.core.records.records import Abandoned, Answered, Declined, Forwarded, Owed
from switch.sim.playbook import Playbook
from switch.wire.pans import luhn_digit
from tests.core.scripts import ATLAS_CARD, UNKNOWN_CARD, VISA_ABROAD, Scene, morocco, purchase


def test_a_purchase_reaches_the_issuer_and_its_approval_the_acquirer() -> None:
    scene = Scene()
    sent = purchase()
    scene.rif.sends(sent)

    request = scene.atlas.gets()
    assert request["t"] == "0200"
    assert {de: request[de] for de in ("2", "3", "4", "32", "35", "37", "41", "42", "43", "49", "52")} == {
        de: sent[de] for de in ("2", "3", "4", "32", "35", "37", "41", "42", "43", "49", "52")
    }
    assert request["33"] == "504000", "the switch names itself as forwarder"

    scene.atlas.answers(request, "00", de38="A12345", de54="0001504C000000050000")
    response = scene.rif.gets()
    assert (response["t"], response["39"], response["38"]) == ("0210", "00", "A12345")
    assert {de: response[de] for de in ("2", "3", "4", "7", "11", "12", "13", "32", "37", "41", "42", "49")} == {
        de: sent[de] for de in ("2", "3", "4", "7", "11", "12", "13", "32", "37", "41", "42", "49")
    }
    assert "33" not in response
    assert response["54"] == "0001504C000000050000"


def test_the_switch_uses_its_own_stan_towards_the_issuer() -> None:
    scene = Scene()
    scene.rif.sends(purchase(stan="000777"))
    scene.rif.sends(purchase(stan="000778"))
    stans = [scene.atlas.gets()["11"] for _ in range(2)]
    assert stans == ["000001", "000002"]


def test_answers_may_come_in_any_order() -> None:
    scene = Scene()
    for stan in ("000001", "000002", "000003"):
        scene.rif.sends(purchase(stan=stan, de4=f"{int(stan):012d}"))
    requests = [scene.atlas.gets() for _ in range(3)]
    for request in reversed(requests):
        scene.atlas.answers(request, "00")
    assert [scene.rif.gets()["11"] for _ in range(3)] == ["000003", "000002", "000001"]


def test_four_hops_tell_of_it_under_one_transaction_id() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    scene.book.passes(0.025)
    scene.atlas.answers(scene.atlas.gets(), "51")
    hops = scene.book.hops
    assert [(h.event, h.link.partition("#")[0], h.mti, h.de39) for h in hops] == [
        ("hop.received", "acquirers", "0200", ""),
        ("hop.sent", "atlas", "0200", ""),
        ("hop.received", "atlas", "0210", "51"),
        ("hop.sent", "acquirers", "0210", "51"),
    ]
    assert len({h.txn for h in hops}) == 1
    assert hops[-1].at_ns - hops[-1].first_ns == 25_000_000
    assert all(h.pan == "950401******" + ATLAS_CARD[-4:] for h in hops)


def test_an_approval_waits_for_the_journal_and_a_decline_does_not() -> None:
    scene = Scene()
    scene.rif.sends(purchase(stan="000001"))
    scene.rif.sends(purchase(stan="000002"))
    first, second = scene.atlas.gets(), scene.atlas.gets()
    scene.book.journal_holds()
    scene.atlas.answers(first, "00")
    assert scene.rif.got_nothing()
    scene.atlas.answers(second, "51")
    assert scene.rif.gets()["39"] == "51"
    scene.book.journal_flushes()
    assert scene.rif.gets()["39"] == "00"


def test_a_request_does_not_wait_for_the_journal() -> None:
    scene = Scene()
    scene.book.journal_holds()
    scene.rif.sends(purchase())
    assert scene.atlas.gets()["t"] == "0200"


@pytest.mark.parametrize(
    ("changes", "de39", "why"),
    [
        ({"de2": UNKNOWN_CARD}, "15", "no BIN range"),
        ({"de2": ATLAS_CARD[:-1] + str((int(ATLAS_CARD[-1]) + 1) % 10)}, "14", "check digit"),
        ({"de19": "250"}, "57", "for use in MA only"),
        ({"de43": "BOULANGERIE              LYON         FR"}, "57", "for use in MA only"),
        ({"de11": ""}, "30", "DE11"),
        ({"de49": ""}, "30", "DE49"),
        ({"de2": "", "de35": ""}, "30", "DE2 is missing"),
        ({"de2": VISA_ABROAD}, "91", "visa is not signed on"),
    ],
)
def test_what_cannot_go_on_is_refused_with_its_reason(changes: dict[str, str], de39: str, why: str) -> None:
    scene = Scene()
    scene.rif.sends(purchase(**changes))
    assert scene.rif.gets()["39"] == de39
    (declined,) = scene.book.recorded(Declined)
    assert isinstance(declined, Declined)
    assert (declined.de39, why in declined.reason) == (de39, True), declined.reason
    assert scene.book.hops[-1].note == declined.reason
    assert scene.atlas.got_nothing()


def test_a_card_number_may_come_from_track_2_alone() -> None:
    scene = Scene()
    scene.rif.sends(purchase(de2=""))
    scene.atlas.gets()


def test_a_link_that_has_not_signed_on_carries_no_payments() -> None:
    scene = Scene()
    stranger = scene.book.acquirer("acquirers", "504103", sign_on=False)
    stranger.sends(purchase(de32="504103"))
    assert stranger.gets()["39"] == "58"
    assert "sign on first" in scene.book.hops[-1].note


def test_an_issuer_that_is_away_is_answered_for_with_91() -> None:
    scene = Scene()
    scene.atlas.hangs_up()
    scene.rif.sends(purchase())
    assert scene.rif.gets()["39"] == "91"


def test_a_silent_issuer_means_91_at_the_deadline_and_a_reversal() -> None:
    scene = Scene()
    sent = purchase()
    scene.rif.sends(sent)
    request = scene.atlas.gets()
    scene.book.passes(9.999)
    assert scene.rif.got_nothing()
    scene.book.passes(0.001)

    assert scene.rif.gets()["39"] == "91"
    undo = scene.atlas.gets()
    assert undo["t"] == "0420"
    assert undo["90"] == "0200" + request["11"] + request["7"] + "00000504102" + "00000504000"
    assert (undo["2"], undo["4"], undo["37"]) == (ATLAS_CARD, sent["4"], sent["37"])
    (missing,) = scene.book.logged("answer.missing")
    assert missing.fields["reason"] == "timeout"


def test_neither_91_nor_the_reversal_leaves_before_the_reversal_is_durable() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    scene.atlas.gets()
    scene.book.journal_holds()
    scene.book.passes(11)
    assert scene.rif.got_nothing()
    assert scene.atlas.got_nothing()
    scene.book.journal_flushes()
    assert scene.rif.gets()["39"] == "91"
    assert scene.atlas.gets()["t"] == "0420"


def test_a_reversal_is_repeated_until_it_is_acknowledged() -> None:
    network = morocco()
    hosts = tuple(msgspec.structs.replace(h, retry_ms=5_000) for h in network.hosts)
    scene = Scene(Playbook(msgspec.structs.replace(network, hosts=hosts)))
    scene.rif.sends(purchase())
    scene.atlas.gets()
    scene.book.passes(10)
    first = scene.atlas.gets()
    scene.book.passes(5)
    second = scene.atlas.gets()
    scene.book.passes(9.9)
    assert scene.atlas.got_nothing(), "each wait is twice the last"
    scene.book.passes(0.1)
    third = scene.atlas.gets()
    assert [m["t"] for m in (first, second, third)] == ["0420", "0421", "0421"]
    assert {**second, "t": "0420"} == first
    scene.atlas.answers(third, "00")
    assert not scene.book.switch.state.owed
    (done,) = scene.book.logged("reversal.delivered")
    assert done.fields["tries"] == 3


def test_a_late_answer_is_known_for_one_and_changes_nothing() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    request = scene.atlas.gets()
    scene.book.passes(10.5)
    assert scene.rif.gets()["39"] == "91"
    scene.atlas.answers(request, "00")
    assert scene.rif.got_nothing()
    (late,) = scene.book.logged("answer.late")
    assert (late.fields["late_ms"], late.fields["given_up"]) == (500, "timeout")


def test_a_second_answer_is_known_for_one() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    request = scene.atlas.gets()
    scene.atlas.answers(request, "00")
    scene.atlas.answers(request, "00")
    scene.rif.gets()
    assert scene.rif.got_nothing()
    assert scene.book.logged("answer.doubled")


def test_an_answer_to_nothing_names_its_nearest_request_and_the_element_that_differs() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    request = scene.atlas.gets()
    scene.atlas.answers({**request, "7": "1125115959"}, "00")
    (unmatched,) = scene.book.logged("answer.unmatched")
    assert unmatched.fields["nearest"] == (
        "DE11 000001 was sent 0 ms before with DE7 1125120000, the answer has DE7 1125115959; a host that stamps DE7 anew needs "
        '`match = ["37", "41"]` in its [[host]]'
    )
    scene.atlas.answers(request, "00")
    assert scene.rif.gets()["39"] == "00"


def test_an_unanswered_balance_inquiry_is_declined_and_nothing_is_reversed() -> None:
    scene = Scene()
    scene.rif.sends(purchase(de3="310000", de4="", de49=""))
    scene.atlas.gets()
    scene.book.passes(10)
    assert scene.rif.gets()["39"] == "91"
    assert scene.book.recorded(Abandoned)
    assert not scene.book.recorded(Owed)


def test_a_lost_issuer_connection_is_not_waited_for() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    scene.atlas.hangs_up()
    assert scene.rif.gets()["39"] == "91"
    assert len(scene.book.switch.state.owed) == 1
    again = scene.book.host("atlas")
    assert again.gets()["t"] == "0420"


def test_an_approval_whose_acquirer_is_gone_is_reversed() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    request = scene.atlas.gets()
    scene.rif.hangs_up()
    scene.atlas.answers(request, "00", de38="A00001")
    undo = scene.atlas.gets()
    assert (undo["t"], undo["38"]) == ("0420", "A00001")
    (owed,) = scene.book.recorded(Owed)
    assert isinstance(owed, Owed)
    assert owed.reason == "undelivered"


def test_an_approval_that_could_not_be_handed_over_after_its_flush_is_reversed() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    request = scene.atlas.gets()
    scene.book.journal_holds()
    scene.atlas.answers(request, "00")
    scene.rif.hangs_up()
    scene.book.journal_flushes()
    assert scene.atlas.gets()["t"] == "0420"


def test_without_a_journal_nothing_is_approved() -> None:
    scene = Scene()
    scene.rif.sends(purchase(stan="000001"))
    scene.book.journal_fails("No space left on device")
    scene.atlas.answers(scene.atlas.gets(), "00")
    assert scene.rif.got_nothing(), "approved by the issuer, but not yet durable"
    scene.rif.sends(purchase(stan="000002"))
    assert scene.rif.gets()["39"] == "96"
    assert "No space left" in scene.book.hops[-1].note
    scene.book.journal_returns()
    assert scene.rif.gets()["39"] == "00"
    scene.rif.sends(purchase(stan="000003"))
    scene.atlas.gets()


def test_a_card_used_abroad_comes_in_from_its_network_and_its_answer_goes_back_there() -> None:
    scene = Scene()
    visa = scene.book.host("visa")
    range_ = next(b for b in scene.book.network.bins if b.scheme == "visa" and b.issuer == "atlas")
    body = range_.low.ljust(15, "0")
    pan = body + luhn_digit(body)
    abroad = purchase(
        de2=pan, de19="250", de32="400001", de43="BOULANGERIE              LYON         FR", de49="978",
        de6="000000163000", de51="504",
    )  # fmt: skip
    visa.sends(abroad)
    request = scene.atlas.gets()
    assert (request["2"], request["51"], request["6"]) == (pan, "504", "000000163000")
    scene.atlas.answers(request, "00", de38="B00001")
    response = visa.gets()
    assert (response["t"], response["39"], response["38"], response["11"]) == ("0210", "00", "B00001", abroad["11"])


def test_a_foreign_card_in_a_currency_without_a_rate_still_goes_to_its_network() -> None:
    scene = Scene()
    visa = scene.book.host("visa")
    scene.rif.sends(purchase(de2=VISA_ABROAD, de49="999"))
    assert visa.gets()["49"] == "999"


def test_records_tell_the_whole_story_without_a_secret() -> None:
    scene = Scene()
    sent = purchase(de48="9203123")
    scene.rif.sends(sent)
    scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345")
    assert [type(e) for e in scene.book.entries[1:]] == [Forwarded, Answered]
    text = repr(scene.book.entries) + repr(scene.book.hops) + repr(scene.book.logs)
    for secret in (sent["35"], sent["52"], "9203123"):
        assert secret not in text
