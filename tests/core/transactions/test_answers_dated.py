"""Playbooks: every answer says the business day of the payment that it answers (DE15), and the window where its link wants it."""

from collections.abc import Callable

import msgspec
import pytest

from switch.core.network import Network
from switch.core.records.records import Answered
from switch.sim.playbook import Peer, Playbook
from switch.wire.pans import luhn_digit
from switch.wire.vocabulary import Document
from tests.core.scripts import UNKNOWN_CARD, Scene, morocco, purchase, reversal
from tests.core.transactions.test_standin import network as with_stand_in

TODAY, TOMORROW = "1125", "1126"


def saying(said: str = "window") -> Network:
    network = with_stand_in()
    listeners = tuple(msgspec.structs.replace(each, business_day=said) for each in network.listeners)
    return msgspec.structs.replace(network, listeners=listeners)


def scene(said: str = "window") -> Scene:
    return Scene(Playbook(saying(said)))


def dated(answer: Document) -> tuple[str, str]:
    """DE15, and the number of the window."""
    at = answer.get("48", "").find("6403")
    return answer.get("15", ""), answer["48"][at + 4 : at + 7] if at >= 0 else ""


def close(at: Scene, window: bool = False) -> None:
    at.book.asks("day.close_window" if window else "day.close", again=True)
    for peer in (at.atlas, at.rif):
        while not peer.got_nothing():
            peer.gets()


def approved(at: Scene, sent: Document, **more: str) -> Document:
    at.rif.sends(sent)
    at.atlas.answers(at.atlas.gets(), "00", de38="A12345", **more)
    return at.rif.gets()


def test_an_answer_says_the_day_in_which_its_outcome_is_recorded() -> None:
    at = scene()
    assert dated(approved(at, purchase("000001"))) == (TODAY, "001")
    at.rif.sends(purchase("000002"))
    request = at.atlas.gets()
    close(at)
    close(at, window=True)
    at.atlas.answers(request, "51")
    assert dated(at.rif.gets()) == (TOMORROW, "002"), "of a decline by its issuer, too"
    assert [entry.window for entry in at.book.recorded(Answered)] == ["2025-11-25/1", "2025-11-26/2"]


def _refused(at: Scene, sent: Document) -> Document:
    sent.update({"2": UNKNOWN_CARD, "35": f"{UNKNOWN_CARD}=29122010000012300000"})
    at.rif.sends(sent)
    return at.rif.gets()


def _silent(at: Scene, sent: Document) -> Document:
    at.rif.sends(sent)
    at.atlas.gets()
    at.book.passes(11)
    answer = at.rif.gets()
    owed = at.atlas.gets()
    at.atlas.answers(owed if owed["t"] == "0420" else at.atlas.gets(), "00")
    while not at.atlas.got_nothing():
        at.atlas.gets()
    return answer


def _stood_in(at: Scene, sent: Document) -> Document:
    sent.pop("52", None)
    sent["4"] = "000000002000"
    at.atlas.hangs_up()
    at.rif.sends(sent)
    return at.rif.gets()


def _reversed(at: Scene, sent: Document) -> Document:
    approved(at, sent)
    at.rif.sends(reversal(sent))
    return at.rif.gets()


OUTCOMES: dict[str, Callable[[Scene, Document], Document]] = {
    "approved": approved,
    "refused here": _refused,
    "not answered": _silent,
    "stood in for": _stood_in,
    "reversed": _reversed,
}
SAID = {"approved": "00", "refused here": "15", "not answered": "91", "stood in for": "00", "reversed": "00"}


@pytest.mark.parametrize("how", OUTCOMES)
@pytest.mark.parametrize("crash", [False, True], ids=["from memory", "from the journal"])
def test_a_repeat_is_answered_with_the_day_of_its_payment(how: str, crash: bool) -> None:
    at, sent = scene(), purchase("000042")
    close(at)
    close(at, window=True)
    first = OUTCOMES[how](at, sent)
    assert first["39"] == SAID[how]
    assert dated(first) == (TOMORROW, "002")
    if crash:
        at.book.switch.snapshot(at.book.now)
        at.book.asks("day.show")
        at = Scene(at.book.crashes())
    close(at)
    at.rif.sends({**sent, "t": "0201"})
    again = at.rif.gets()
    assert again["39"] == ("91" if how == "reversed" else first["39"])
    assert dated(again) == (TOMORROW, "002")


def test_a_reversal_and_an_advice_are_answered_with_the_day_that_they_count_in() -> None:
    at, sent = scene(), purchase("000001")
    approved(at, sent)
    close(at)
    taken_back = reversal(sent)
    at.rif.sends(taken_back)
    assert at.atlas.gets()["t"] == "0420"
    assert dated(at.rif.gets()) == (TOMORROW, "001")
    advice = purchase("000003", t="0220")
    at.rif.sends(advice)
    assert dated(at.rif.gets()) == (TOMORROW, "001")
    at.book.asks("day.close_window", again=True)
    assert at.rif.gets()["70"] == "201"
    for repeat in ({**taken_back, "t": "0401"}, {**advice, "t": "0221"}):
        at.rif.sends(repeat)
        assert dated(at.rif.gets()) == (TOMORROW, "001")


@pytest.mark.parametrize(("said", "says"), [("none", ("", "")), ("day", (TODAY, "")), ("window", (TODAY, "001"))])
def test_a_link_says_what_the_network_file_has_it_say(said: str, says: tuple[str, str]) -> None:
    at = scene(said)
    assert dated(approved(at, purchase("000001"), de15="1201")) == says, "an issuer's DE15 goes no further"
    at.rif.sends(purchase("000002", de15="1231", de3="990000", de4=""))
    refused = at.rif.gets()
    assert (refused["39"], dated(refused)) == ("30", says), "nor does an acquirer's"


def test_a_number_stands_beside_what_an_answer_has_in_DE48() -> None:  # noqa: N802 - an element's name
    at = scene()
    answer = approved(at, purchase("000001"), de48="8701M")
    assert answer["48"] == "8701M6403001"
    assert approved(at, purchase("000002"), de48="what a bank means by it")["48"] == "what a bank means by it"


def test_the_1993_edition_has_an_element_for_the_number() -> None:
    network = saying()
    listeners = tuple(msgspec.structs.replace(each, dialect="iso93", framing="length2") for each in network.listeners)
    book = Playbook(msgspec.structs.replace(network, listeners=listeners))
    atlas, rif = book.host("atlas"), book.acquirer("acquirers", "504102")
    rif.sends(purchase("000001"))
    atlas.answers(atlas.gets(), "00", de38="A12345", de48="8701M")
    raw = raw_of(rif)
    assert (raw["15"], raw["29"], raw["48"]) == ("251125", "001", "8701M")


def raw_of(peer: Peer) -> Document:
    return peer.raw_of(peer.gets())


@pytest.mark.parametrize("name", ["visa", "mastercard"])
def test_a_network_has_its_own_date_back_or_none(name: str) -> None:
    book = Playbook(morocco())
    atlas, network = book.host("atlas"), book.host(name)
    request = purchase(
        "000001", de32="499999", de48="6315" + "1" * 15 if name == "visa" else "6316MCC123456789" + "1124"
    )
    request.pop("52")
    request.pop("35")
    request["2"] = next_card(book.network, name)
    network.sends(request)
    atlas.answers(atlas.gets(), "00", de38="A12345", de15="1201")
    assert raw_of(network).get("15", "") == ("" if name == "visa" else "1124")


def next_card(network: Network, scheme: str) -> str:
    """A card of this scheme that Atlas has issued."""
    low = next(each.low for each in network.bins if each.scheme == scheme and each.issuer == "atlas")
    head = low.ljust(15, "0")
    return head + luhn_digit(head)
