"""What an issuer's answer means is its dialect's and its link's affair, and what nobody can tell is reversed, never passed on."""

from typing import Any

import msgspec
import pytest

from switch.core.messages.answer_codes import Meaning, Receipt, answer_codes
from switch.core.network import Network
from switch.core.records.records import Answered
from switch.sim.playbook import Peer, Playbook
from switch.wire.pans import luhn_digit
from switch.wire.vocabulary import Document
from tests.core.scripts import Scene, morocco, purchase, reversal

SOUSS_RANGE = next(r for r in morocco().bins if r.issuer == "souss" and r.scheme == "cmi")
SOUSS_CARD = SOUSS_RANGE.low.ljust(15, "0") + luhn_digit(SOUSS_RANGE.low.ljust(15, "0"))
"""its issuer speaks the 1993 edition"""


def network(host: str = "atlas", **changes: Any) -> Network:
    there = morocco()
    hosts = tuple(msgspec.structs.replace(h, **changes) if h.name == host else h for h in there.hosts)
    return msgspec.structs.replace(there, hosts=hosts)


def answer_raw(peer: Peer, request: Document, code: str | None, **more: str) -> None:
    """Answer in the link's own words: DE39 is `code`, whatever the edition calls it; None: there is none."""
    extra = {name.removeprefix("de"): value for name, value in more.items()}
    echoed = {de: v for de, v in request.items() if de not in ("35", "52", "14")}
    link = peer._translator.outward(
        {**echoed, "t": request["t"][:2] + "10", "39": "00", **extra}, peer._raw[request["11"], request["7"]]
    )
    link.pop("39")
    if code is not None:
        link["39"] = code
    peer.sends_bytes(peer._framing.frame(peer.dialect.encode(link)))


# -- tables


@pytest.mark.parametrize("code", ["000", "001", "003", "004", "005", "007", "042", "099"])
def test_every_1993_code_below_100_approves(code: str) -> None:
    meaning, internal = answer_codes("iso93").read(code)
    assert meaning is Meaning.APPROVED
    assert answer_codes("cmi").read(internal)[0] is Meaning.APPROVED


@pytest.mark.parametrize("family", ["cmi", "visa", "mastercard"])
@pytest.mark.parametrize("code", ["00", "08", "11", "16", "85"])
def test_the_1987_edition_has_more_approvals_than_one(family: str, code: str) -> None:
    assert answer_codes(family).read(code) == (Meaning.APPROVED, code)


@pytest.mark.parametrize(
    ("family", "code"),
    [("cmi", "09"), ("cmi", "ZZ"), ("cmi", "99"), ("cmi", ""), ("visa", "87"), ("iso93", "923"), ("iso93", "400"),
     ("iso93", "800"), ("iso93", "777"), ("iso93", "00")],
)  # fmt: skip
def test_a_code_that_no_table_lists_is_neither_yes_nor_no(family: str, code: str) -> None:
    assert answer_codes(family).read(code) == (Meaning.UNKNOWN, code)


def test_partial_approvals_have_several_codes_and_one_in_the_internal_format() -> None:
    assert {answer_codes(f).read(c) for f, c in (("cmi", "10"), ("cmi", "32"), ("mastercard", "87"), ("iso93", "002"),
                                                ("iso93", "006"))} == {(Meaning.PARTIAL, "10")}  # fmt: skip


def test_a_links_own_codes_go_before_its_dialects() -> None:
    own = answer_codes("cmi", {"08": "declined", "77": "approved", "51": "unknown"}, {"94": "accepted", "00": "later"})
    assert own.read("08") == (Meaning.DECLINED, "05")
    assert own.read("77") == (Meaning.APPROVED, "00")
    assert own.read("51") == (Meaning.UNKNOWN, "51")
    assert (own.receipt("94"), own.receipt("00"), own.receipt("480")) == (
        Receipt.ACCEPTED, Receipt.LATER, Receipt.REFUSED,
    )  # fmt: skip


# -- what becomes of the payment


@pytest.mark.parametrize(("code", "heard"), [("001", "08"), ("003", "11"), ("000", "00"), ("061", "00"), ("116", "51")])
def test_a_1993_issuers_codes_reach_a_1987_acquirer_as_what_they_mean(code: str, heard: str) -> None:
    book = Playbook(morocco())
    issuer, acquirer = book.host("souss"), book.acquirer("acquirers", "504102")
    acquirer.sends(sent := purchase(de2=SOUSS_CARD))
    answer_raw(issuer, issuer.gets(), code, de38="A12345")
    assert acquirer.gets()["39"] == heard
    (answered,) = (e for e in book.entries if isinstance(e, Answered))
    assert answered.de39 == heard
    acquirer.sends(reversal(sent))
    acquirer.gets()
    assert issuer.got_nothing() is (heard == "51")  # the money stands until its reversal is there


@pytest.mark.parametrize("code", ["08", "11", "16"])
def test_an_approval_by_another_code_waits_for_the_journal_and_can_be_reversed(code: str) -> None:
    scene = Scene()
    scene.book.journal_holds()
    scene.rif.sends(sent := purchase())
    scene.atlas.answers(scene.atlas.gets(), code, de38="A12345")
    assert scene.rif.got_nothing()
    scene.book.journal_flushes()
    assert scene.rif.gets()["39"] == code
    scene.rif.sends(reversal(sent))
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.gets()["t"] == "0420"


@pytest.mark.parametrize("code", [None, "09", "ZZ", "99"])
def test_an_answer_nobody_can_read_is_reversed_and_answered_91(code: str | None) -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    answer_raw(scene.atlas, scene.atlas.gets(), code, de38="A12345")
    assert scene.rif.gets()["39"] == "91"
    undone = scene.atlas.gets()
    assert (undone["t"], undone["90"][4:10]) == ("0420", "000001")
    (log,) = scene.book.logged("answer.not_known")
    assert ("no DE39" if code is None else f"DE39={code}") in log.fields["reason"]


CONTRADICTIONS = {
    "less": ({"de4": "000000000001"}, "DE4=000000000001, and 15000", "it approves 000000000001 of 15000"),
    "more": ({"de4": "000000015001"}, "it approves DE4=000000015001, and 15000 was asked", ""),
    "currency": ({"de49": "978"}, "it approves in currency 978, and 504 was asked", ""),
    "kind": ({"de3": "200000"}, "it approves DE3=20…, and 00… was asked", ""),
}


@pytest.mark.parametrize("which", CONTRADICTIONS)
def test_an_approval_that_contradicts_its_request_is_reversed_and_both_values_are_said(which: str) -> None:
    changes, said, other = CONTRADICTIONS[which]
    scene = Scene()
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345", **changes)
    assert scene.rif.gets()["39"] == "91"
    assert scene.atlas.gets()["t"] == "0420"
    (log,) = scene.book.logged("answer.not_known")
    assert (other or said) in log.fields["reason"]


def test_another_card_contradicts_unless_the_link_answers_with_tokens() -> None:
    token = "4999990000000012"
    scene = Scene()
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00", de2=token)
    assert scene.rif.gets()["39"] == "91"
    (log,) = scene.book.logged("answer.not_known")
    assert token not in str(log.fields)
    scene = Scene(Playbook(network(pan_tokens=True)))
    scene.rif.sends(sent := purchase())
    scene.atlas.answers(scene.atlas.gets(), "00", de2=token)
    answer = scene.rif.gets()
    assert (answer["39"], answer["2"]) == ("00", sent["2"])


@pytest.mark.parametrize("absent", ["2", "3", "4", "49", "37", "41", "7", "32"])
def test_an_absent_element_contradicts_nothing(absent: str) -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    request = scene.atlas.gets()
    raw = {de: v for de, v in request.items() if de not in ("35", "52", "14", absent)}
    scene.atlas.sends_bytes(
        scene.atlas._framing.frame(scene.atlas.dialect.encode({**raw, "t": "0210", "39": "00", "38": "A12345"}))
    )
    assert scene.rif.gets()["39"] == "00"


def test_accounts_in_de3_are_the_issuers_to_choose_and_a_decline_may_zero_the_amount() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00", de3="002030")
    assert scene.rif.gets()["3"] == "000000"
    scene.rif.sends(purchase("000124"))
    scene.atlas.answers(scene.atlas.gets(), "51", de4="000000000000")
    answer = scene.rif.gets()
    assert (answer["39"], answer["4"]) == ("51", "000000015000")


@pytest.mark.parametrize("code", ["00", "10", "32"])
def test_less_than_was_asked_is_a_partial_approval_where_the_terminal_can_take_it(code: str) -> None:
    scene = Scene()
    scene.rif.sends(purchase(de48="61011"))
    scene.atlas.answers(scene.atlas.gets(), code, de4="000000005000", de38="A12345")
    answer = scene.rif.gets()
    assert (answer["39"], answer["4"]) == ("10", "000000005000")


def test_a_host_that_stamps_de7_anew_is_matched_where_its_link_says_so() -> None:
    for match, heard in ((("7", "37", "41"), None), (("37", "41"), "00")):
        scene = Scene(Playbook(network(match=match)))
        scene.rif.sends(purchase())
        scene.atlas.answers(scene.atlas.gets(), "00", de7="1125120007")
        assert (None if scene.rif.got_nothing() else scene.rif.gets()["39"]) == heard


@pytest.mark.parametrize(("match", "de7"), [(("37", "41"), "1125130000"), (("7", "37", "41"), "0000000000")])
def test_so_is_its_answer_to_the_sign_on(match: tuple[str, ...], de7: str) -> None:
    book = Playbook(network(match=match))
    atlas = book.host("atlas", sign_on=False)
    atlas.answers(atlas.gets(), "00", de70="001", de7=de7)
    assert book.switch.hosts["atlas"].up is not None


def test_what_a_host_leaves_out_or_fills_with_zeros_is_matched_by_the_rest() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00", de7="0000000000", de32="00000000000")
    answer = scene.rif.gets()
    assert (answer["39"], answer["7"], answer["32"]) == ("00", "1125120000", "504102")


def test_a_stan_that_can_still_be_answered_is_given_to_no_other_request() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    first = scene.atlas.gets()
    scene.book.switch.state.stans["atlas"] = int(first["11"]) - 1
    scene.rif.sends(purchase("000124"))
    assert scene.atlas.gets()["11"] != first["11"]
