"""A reversal finds its original however its host names it, a marked repeat its first copy, and nothing is undone by guesswork.

Forms are those of public specifications and bug reports: DE90 with DE7 zero-filled or in local time, DE56 (1993) with local time,
no DE41, no DE37, DE32 absent or zero-filled, an MTI of another version, DE37 alone long after.
"""

import msgspec
import pytest

from switch.core.records.outcomes import Outcome
from switch.core.records.records import Answered, Declined, Forwarded, Owed
from switch.core.switch import Switch
from switch.sim.playbook import Playbook
from switch.wire.vocabulary import Document
from tests.core.scripts import ATLAS_CARD, OTHER_CARD, Scene, approved, morocco, purchase, reversal

ZEROS = "0" * 22


def small(recent: int) -> Scene:
    network = morocco()
    limits = msgspec.structs.replace(network.limits, recent_transactions=recent)
    return Scene(Playbook(msgspec.structs.replace(network, limits=limits)))


FORMS: dict[str, Document] = {
    "no DE41": {"41": ""},
    "no DE37": {"37": ""},
    "neither": {"37": "", "41": ""},
    "no DE32": {"32": ""},
    "DE32 of zeros": {"32": "00000000000"},
    "DE7 of DE90 zeros": {"90": "0200000123" + "0" * 10 + ZEROS},
    "DE7 zeros, no DE37": {"90": "0200000123" + "0" * 10 + ZEROS, "37": ""},
    "DE7 zeros, no DE41": {"90": "0200000123" + "0" * 10 + ZEROS, "41": ""},
    "local time in DE90": {"90": "0200000123" + "1125130000" + ZEROS},
    "local time, no DE37": {"90": "0200000123" + "1125130000" + ZEROS, "37": ""},
    "another second in DE90": {"90": "0200000123" + "1125120001" + ZEROS, "37": ""},
    "1993's MTI in DE90": {"90": "1200000123" + "1125120000" + ZEROS},
    "no MTI in DE90": {"90": "0000000123" + "1125120000" + ZEROS},
    "a repeat's MTI in DE90": {"90": "0201000123" + "1125120000" + ZEROS},
    "DE37 alone": {"90": ""},
    "DE37 and zeros": {"90": "0" * 42},
    "DE37 without a terminal": {"90": "", "41": ""},
    "DE37 without a card": {"90": "", "2": ""},
}


@pytest.mark.parametrize("form", FORMS)
def test_a_reversal_finds_what_it_reverses(form: str) -> None:
    scene = Scene()
    sent = purchase(de12="130000")
    request = approved(scene, sent)
    changed = {**reversal(sent), **FORMS[form]}
    scene.rif.sends({de: value for de, value in changed.items() if value})
    assert scene.rif.gets()["39"] == "00"
    undone = scene.atlas.gets()
    assert undone["90"][4:20] == request["11"] + request["7"], "under the name that its host knows"
    assert undone["37"] == sent["37"]
    assert not scene.book.logged("reversal.original_unknown")


@pytest.mark.parametrize("form", FORMS)
def test_a_reversal_ends_a_request_that_still_waits(form: str) -> None:
    scene = Scene()
    sent = purchase(de12="130000")
    scene.rif.sends(sent)
    request = scene.atlas.gets()
    changed = {**reversal(sent), **FORMS[form]}
    scene.rif.sends({de: value for de, value in changed.items() if value})
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.gets()["90"][4:20] == request["11"] + request["7"]
    scene.book.passes(20)
    assert scene.rif.got_nothing()


def test_de37_alone_finds_what_memory_has_let_go_of() -> None:
    scene = small(16)
    sent = purchase()
    request = approved(scene, sent)
    for n in range(200, 260):
        approved(scene, purchase(f"{n:06d}"))
    assert sent["37"] not in {outcome.rrn for outcome in scene.book.switch.state.recent.values()}
    scene.rif.sends(reversal(sent, de90=""))
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.gets()["90"][4:20] == request["11"] + request["7"]


@pytest.mark.parametrize("wrong", [{"37": "999999999999"}, {"41": "OTHER001"}, {"2": OTHER_CARD}])
def test_what_another_element_contradicts_is_not_meant(wrong: Document) -> None:
    scene = Scene()
    sent = purchase()
    approved(scene, sent)
    scene.rif.sends({**reversal(sent), "90": "0200000123" + "0" * 10 + ZEROS, **wrong})
    scene.rif.gets()
    assert scene.book.logged("reversal.original_unknown")


def test_another_acquirers_payment_is_never_meant() -> None:
    scene = Scene()
    sent = purchase()
    approved(scene, sent)
    atlas = scene.book.acquirer("acquirers", "504101")
    for form in ({}, {"90": ""}, {"41": ""}):
        changed = {**reversal(sent, de32="504101"), **form}
        atlas.sends({de: value for de, value in changed.items() if value})
    assert all(entry.original == 0 for entry in scene.book.recorded(Owed) if isinstance(entry, Owed))


# -- what is not known here


def test_an_unknown_reversal_goes_to_the_issuer_as_its_acquirer_says_it() -> None:
    scene = Scene()
    asked = reversal(purchase(), de39="17", de14="2912", de43="EPICERIE DU PORT         CASABLANCA   MA")
    scene.rif.sends(asked)
    assert scene.rif.gets()["39"] == "00"
    told = scene.atlas.gets()
    assert [told.get(de) for de in ("90", "37", "39", "14", "43")] == [
        asked[de] for de in ("90", "37", "39", "14", "43")
    ]


@pytest.mark.parametrize("form", [{}, {"41": ""}, {"32": ""}, {"90": "0200000123" + "0" * 10 + ZEROS}])
def test_the_original_that_an_unknown_reversal_names_is_refused_when_it_comes(form: Document) -> None:
    scene = Scene()
    sent = purchase()
    changed = {**reversal(sent), **form}
    scene.rif.sends({de: value for de, value in changed.items() if value})
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.gets()["t"] == "0420"
    scene.rif.sends(sent)
    assert scene.rif.gets()["39"] == "91"
    assert scene.atlas.got_nothing()
    assert not scene.book.recorded(Forwarded)


def test_another_payment_under_the_same_stan_is_not_refused_for_it() -> None:
    scene = Scene()
    scene.rif.sends(reversal(purchase(), de41=""))
    scene.rif.gets()
    scene.atlas.gets()
    approved(scene, purchase(de7="1125120500", de37="532912000999"))


def test_what_never_came_is_no_declined_payment() -> None:
    scene = Scene()
    scene.rif.sends(reversal(purchase()))
    (entry,) = scene.book.recorded(Declined)
    assert isinstance(entry, Declined)
    assert not entry.came


def test_a_reversal_of_a_date_to_come_is_past_every_horizon() -> None:
    scene = Scene()
    sent = purchase(de7="1201120000", de13="1201")
    scene.rif.sends(reversal(sent))
    assert scene.rif.gets()["39"] == "25"
    assert not scene.book.recorded(Owed)


# -- what passes through


def test_an_acquirers_reason_expiry_and_place_reach_the_issuer_and_its_names_come_back() -> None:
    scene = Scene()
    sent = purchase()
    approved(scene, sent)
    place = "EPICERIE DU PORT         CASABLANCA   MA"
    asked = reversal(
        sent, de39="17", de14="2912", de43=place, de95="000000005000" + "0" * 12 + "C" + "0" * 8 + "C" + "0" * 8
    )
    scene.rif.sends(asked)
    answer = scene.rif.gets()
    assert (answer["39"], answer["90"], answer["95"]) == ("00", asked["90"], asked["95"])
    told = scene.atlas.gets()
    assert (told["39"], told["14"], told["43"], told["95"]) == ("17", "2912", place, asked["95"])


# -- repeats


@pytest.mark.parametrize("when", ["waiting", "approved", "restarted"])
def test_a_marked_repeat_with_another_de7_is_the_same_payment(when: str) -> None:
    scene = Scene()
    sent = purchase()
    scene.rif.sends(sent)
    request = scene.atlas.gets()
    again = {**sent, "t": "0201", "7": "1125120030"}
    if when != "waiting":
        scene.atlas.answers(request, "00", de38="A12345")
        assert scene.rif.gets()["39"] == "00"
    if when == "restarted":
        scene = Scene(scene.book.crashes())
    scene.rif.sends(again)
    if when == "waiting":
        scene.atlas.answers(request, "00", de38="A12345")
    answer = scene.rif.gets()
    assert (answer["39"], answer["38"], answer["7"]) == ("00", "A12345", "1125120030")
    assert scene.atlas.got_nothing()


def test_an_unmarked_request_with_another_de7_is_a_new_payment() -> None:
    scene = Scene()
    sent = purchase()
    approved(scene, sent)
    request = approved(scene, {**sent, "7": "1125120030"})
    assert request["t"] == "0200"


@pytest.mark.parametrize(
    "change", [{"4": "000000099900"}, {"2": OTHER_CARD, "35": ""}, {"41": "RIF00002"}, {"37": "0" * 11 + "7"}]
)
def test_a_marked_repeat_of_something_else_is_no_repeat_of_this(change: Document) -> None:
    scene = Scene()
    sent = purchase()
    approved(scene, sent)
    scene.rif.sends({de: v for de, v in {**sent, "t": "0201", "7": "1125120030", **change}.items() if v})
    assert scene.atlas.gets()["t"] == "0201", "its issuer may know it: the mark stays"


def test_a_marked_advice_with_another_de7_is_owed_once() -> None:
    scene = Scene()
    told = purchase(t="0220", de39="00", de35="", de52="")
    scene.rif.sends(told)
    scene.rif.sends({**told, "t": "0221", "7": "1125120030"})
    assert [scene.rif.gets()["39"], scene.rif.gets()["39"]] == ["00", "00"]
    assert len(scene.book.recorded(Owed)) == 1


def test_a_repeat_gets_the_whole_of_the_first_answer() -> None:
    scene = Scene()
    sent = purchase()
    scene.rif.sends(sent)
    more = {
        "de16": "1125",
        "de44": "X",
        "de54": "0002504C000000012345",
        "de60": "60",
        "de62": "62",
        "de63": "63",
        "de102": "102",
    }
    scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345", de48="6315123456789012345" + "8701M", **more)
    first = scene.rif.gets()
    scene.rif.sends({**sent, "t": "0201"})
    again = scene.rif.gets()
    assert {de: v for de, v in again.items() if de not in "p1"} == {de: v for de, v in first.items() if de not in "p1"}


def test_nothing_sensitive_of_an_answer_is_remembered() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    scene.atlas.answers(
        scene.atlas.gets(), "00", de2=ATLAS_CARD, de48="9203123" + "8701M", de53="1234567890123456", de126="CVV2"
    )
    (said,) = [e.elements for e in scene.book.recorded(Answered)]
    assert said == {"25": "00", "48": "8701M"}


def test_a_reversal_by_name_costs_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand payments later it looks at one of them."""
    scene = Scene()
    sent = purchase()
    approved(scene, sent)
    state = scene.book.switch.state
    (outcome,) = state.recent.values()
    for n in range(10_000):
        key = (*outcome.key[:2], f"{200_000 + n}", *outcome.key[3:])
        state.recent[key] = msgspec.structs.replace(outcome, key=key, rrn=f"{n:012d}")
        state.names.add(key, f"{n:012d}")
    looked: list[Outcome] = []

    def look(_: Switch, outcome: Outcome) -> bool:
        looked.append(outcome)
        return True

    monkeypatch.setattr(Switch, "of_this_year", look)
    scene.rif.sends(reversal(sent, de90="", de41=""))
    assert scene.rif.gets()["39"] == "00"
    assert len(looked) < 10


# -- what its issuer may take for another

LOST = purchase("000157", de12="130000")
"""of the same terminal, card and amount as what stands; it never came here, or a crash took its record"""


def lost_reversal(sent_at: str = "1125130000", **changes: str) -> Document:
    return reversal(LOST, de37="", de90="0200000157" + sent_at + ZEROS, **changes)


@pytest.mark.parametrize("sent_at", ["1125130000", "1125120000", "0000000000"])
def test_an_unknown_original_that_its_issuer_may_take_for_what_stands_is_not_sent_to_it(sent_at: str) -> None:
    scene = Scene()
    approved(scene, purchase(de12="130000"))
    scene.rif.sends(lost_reversal(sent_at))
    assert scene.rif.gets()["39"] == "21"
    assert scene.atlas.got_nothing()
    (row,) = scene.book.asks("exceptions.list").items
    assert (row.kind, row.amount) == ("ambiguous-reversal", 15_000)
    (logged,) = scene.book.logged("reversal.ambiguous")
    assert "without DE37 its issuer may take it for" in logged.fields["reason"]
    scene.rif.sends(reversal(LOST, stan="000901"))
    assert scene.rif.gets()["39"] == "00", "named in full, it goes to who may know it"
    assert scene.atlas.gets()["37"] == LOST["37"]


def test_nor_is_it_while_the_other_waits_for_its_answer() -> None:
    scene = Scene()
    scene.rif.sends(purchase(de12="130000"))
    scene.atlas.gets()
    scene.rif.sends(lost_reversal())
    assert scene.rif.gets()["39"] == "21"
    assert scene.atlas.got_nothing()


@pytest.mark.parametrize("answered", [True, False])
def test_without_a_terminal_it_is_one_at_any_of_the_acquirers(answered: bool) -> None:
    scene = Scene()
    if answered:
        approved(scene, purchase(de12="130000"))
    else:
        scene.rif.sends(purchase(de12="130000"))
        scene.atlas.gets()
    scene.rif.sends(lost_reversal(de41=""))
    assert scene.rif.gets()["39"] == "21"
    assert scene.atlas.got_nothing()


@pytest.mark.parametrize("form", ["another local time", "another amount", "another card", "another terminal", "undone"])
def test_an_unknown_original_that_nothing_here_resembles_goes_to_its_issuer(form: str) -> None:
    scene = Scene()
    other = {"another amount": {"4": "000000015001"}, "another terminal": {"41": "RIF00002"}}.get(form, {})
    other |= {"2": "9504010000000779", "35": ""} if form == "another card" else {}
    other |= {"12": "130007"} if form == "another local time" else {}
    sent = {de: value for de, value in {**purchase(de12="130000"), **other}.items() if value}
    approved(scene, sent)
    if form == "undone":
        scene.rif.sends(reversal(sent))
        assert scene.rif.gets()["39"] == "00"
        scene.atlas.answers(scene.atlas.gets(), "00")
    scene.rif.sends(lost_reversal(stan="000901"))
    assert scene.rif.gets()["39"] == "00"
    undo = scene.atlas.gets()
    assert (undo["t"], undo["90"][4:10]) == ("0420", "000157")
    assert scene.book.logged("reversal.original_unknown")
