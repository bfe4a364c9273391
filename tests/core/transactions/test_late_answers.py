"""A reversal is done when it is accepted, and what a host approves after all is reversed again.

Hosts differ: some answer 25 to a reversal whose original they have not posted yet, and post it then; some forget a reversal of
what they have not seen; some decline and approve the same request.
"""

import msgspec
import pytest

from switch.core.records.records import Delivered, Excepted, Owed, Resolved, Shelved
from switch.sim.playbook import Playbook
from switch.wire.vocabulary import Document
from tests.core.saf.test_forwarder import network
from tests.core.scripts import UNKNOWN_CARD, Scene, morocco, purchase, reversal


def timed_out(scene: Scene) -> tuple[Document, Document]:
    """A payment that its issuer did not answer in time, and the reversal it got."""
    scene.rif.sends(purchase())
    request = scene.atlas.gets()
    scene.book.passes(11)
    assert scene.rif.gets()["39"] == "91"
    undone = scene.atlas.gets()
    assert undone["t"] == "0420"
    return request, undone


def next_message(scene: Scene) -> Document:
    """What the issuer is sent next, echo tests apart, however long it takes."""
    for _ in range(1_000):
        while not scene.atlas.got_nothing():
            message = scene.atlas.gets()
            if message["t"] != "0800":
                return message
            scene.atlas.answers(message)
        scene.book.passes(1)
    raise AssertionError("nothing came")


def test_a_host_that_knows_nothing_and_approves_then_is_sent_the_reversal_again() -> None:
    scene = Scene()
    request, undone = timed_out(scene)
    scene.atlas.answers(undone, "25")
    assert not scene.book.switch.state.owed
    assert scene.book.logged("reversal.nothing_there")
    scene.atlas.answers(request, "00")
    again = scene.atlas.gets()
    assert (again["t"], again["90"], again["4"]) == ("0420", undone["90"], undone["4"])
    assert again["11"] != undone["11"]
    (late,) = scene.book.logged("answer.late")
    assert "reversed, as" in late.fields["hint"]
    scene.atlas.answers(again, "00")
    assert not scene.book.switch.state.owed


@pytest.mark.parametrize("code", ["25", "76"])
def test_the_watch_outlives_a_crash_and_a_snapshot(code: str) -> None:
    scene = Scene()
    request, undone = timed_out(scene)
    scene.atlas.answers(undone, code)
    scene.book.switch.snapshot(scene.book.now)
    scene.book._carry_out()
    after = Scene(scene.book.crashes())
    after.atlas.answers(request, "00")
    assert after.atlas.gets()["90"] == undone["90"]


def test_a_late_approval_while_the_reversal_is_owed_makes_25_no_answer_to_it() -> None:
    scene = Scene()
    request, undone = timed_out(scene)
    scene.atlas.answers(request, "00")
    assert scene.atlas.got_nothing()
    scene.atlas.answers(undone, "25")
    (owed,) = scene.book.switch.state.owed.values()
    assert owed.approved
    after = Scene(scene.book.crashes())
    anew = after.atlas.gets()
    assert (anew["t"], anew["90"]) == ("0420", undone["90"])
    after.atlas.answers(anew, "00")
    after.atlas.answers(after.atlas.gets(), "25")
    assert not after.book.switch.state.owed


@pytest.mark.parametrize("answered", ["00", "25", "94", "21"])
def test_a_host_that_approves_what_it_took_back_is_reversed_again_and_may_know_better(answered: str) -> None:
    scene = Scene()
    request, undone = timed_out(scene)
    scene.atlas.answers(undone, "00")
    scene.atlas.answers(request, "00")
    again = scene.atlas.gets()
    assert again["90"] == undone["90"]
    scene.atlas.answers(again, answered)
    assert not scene.book.switch.state.owed
    assert not scene.book.switch.state.shelved


def test_a_reversal_that_was_sent_before_the_approval_is_followed_by_one_that_is_sent_after_it() -> None:
    """A host that takes 0420 before it posts, and answers it after."""
    scene = Scene()
    request, undone = timed_out(scene)
    scene.atlas.answers(request, "00")
    assert scene.atlas.got_nothing()
    scene.atlas.answers(undone, "00")
    again = scene.atlas.gets()
    assert (again["t"], again["90"]) == ("0420", undone["90"])
    scene.atlas.answers(again, "25")
    assert not scene.book.switch.state.owed
    assert not scene.book.switch.state.shelved


@pytest.mark.parametrize("how", ["crash", "lost connection"])
def test_what_was_closed_as_nothing_there_is_asked_again_when_an_approval_may_have_been_missed(how: str) -> None:
    scene = Scene()
    _, undone = timed_out(scene)
    scene.atlas.answers(undone, "25")
    if how == "crash":
        atlas = Scene(scene.book.crashes()).atlas
    else:
        scene.atlas.hangs_up()
        atlas = scene.book.host("atlas")
    again = atlas.gets()
    assert (again["t"], again["90"]) == ("0420", undone["90"])


def few_watched(how_many: int) -> Scene:
    return Scene(Playbook(network({"late_answers": how_many})))


def test_it_is_asked_again_though_a_crash_leaves_more_open_than_can_be_watched_for() -> None:
    """Else an approval that was heard, and not durable when the switch was killed, would stand: nobody remembered it."""
    scene = few_watched(1)
    _, undone = timed_out(scene)
    scene.atlas.answers(undone, "25")
    scene.rif.sends(purchase("000124"))
    left_open = scene.atlas.gets()
    scene.book.journal_flushes()
    atlas = Scene(scene.book.crashes()).atlas
    reversed_again = {atlas.gets()["90"], atlas.gets()["90"]}
    assert undone["90"] in reversed_again
    assert any(named[4:10] == left_open["11"] for named in reversed_again)


def test_who_is_watched_for_no_longer_because_there_are_too_many_is_said_once_a_second() -> None:
    scene = few_watched(2)
    for stan in range(5):
        scene.rif.sends(purchase(f"{stan:06d}"))
    scene.book.passes(11)
    (said,) = scene.book.logged("limit.reached")
    assert (said.fields["limit"], said.fields["value"], said.fields["host"]) == ("late_answers", 2, "atlas")
    assert "raise late_answers in [limits]" in said.fields["hint"]


def watched_no_more(scene: Scene) -> Document:
    """A request that its host knew nothing of, `late_s` ago; another one has timed out since, and its reversal is on its way."""
    request, undone = timed_out(scene)
    scene.atlas.answers(undone, "25")
    for _ in range(31):
        scene.book.passes(10)
        while not scene.atlas.got_nothing():
            scene.atlas.answers(scene.atlas.gets())
    scene.rif.sends(purchase("000777"))
    scene.atlas.gets()
    scene.book.passes(11)
    return request


def test_after_late_s_it_is_not_asked_again_and_an_approval_is_an_exception() -> None:
    scene = Scene()
    request = watched_no_more(scene)
    scene.atlas.gets()
    scene.atlas.answers(request, "00")
    (row,) = scene.book.asks("exceptions.list").items
    assert (row.kind, row.host, row.amount) == ("late-approval", "atlas", 15_000)
    scene.book.asks("exceptions.resolve", txn=row.txn, reason="taken back by hand", by="amina")
    assert not scene.book.asks("exceptions.list").items


def test_dead_letters_count_towards_the_limit_of_exceptions_whatever_raises_one() -> None:
    network = morocco()
    limits = msgspec.structs.replace(network.limits, exceptions=1)
    scene = Scene(Playbook(msgspec.structs.replace(network, limits=limits)))
    request = watched_no_more(scene)
    (owed,) = scene.book.switch.state.owed
    scene.book.switch.record(Shelved(txn=owed, at_us=0, reason="tried often enough", tries=9))
    scene.atlas.answers(request, "00")
    assert not scene.book.recorded(Excepted)
    (late,) = scene.book.logged("answer.late")
    assert "limit exceptions reached" in late.fields["hint"]
    (reached,) = scene.book.logged("limit.reached")
    assert (reached.fields["limit"], reached.fields["value"]) == ("exceptions", 1)


def test_a_refused_reversal_is_sent_anew_and_no_repeat() -> None:
    scene = Scene()
    scene.rif.sends(sent := purchase())
    scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345")
    scene.rif.sends(reversal(sent))
    first = scene.atlas.gets()
    scene.atlas.answers(first, "25")
    second = next_message(scene)
    assert (second["t"], second["90"]) == ("0420", first["90"])
    assert second["11"] != first["11"]
    scene.atlas.answers(second, "00")
    assert not scene.book.switch.state.owed


def test_an_approval_that_follows_a_decline_is_reversed() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    request = scene.atlas.gets()
    scene.atlas.answers(request, "51")
    assert scene.rif.gets()["39"] == "51"
    scene.atlas.answers(request, "00")
    undone = scene.atlas.gets()
    assert undone["t"] == "0420"
    assert scene.rif.got_nothing()
    scene.atlas.answers(request, "00")
    assert scene.atlas.got_nothing()
    scene.atlas.answers(undone, "00")
    assert not scene.book.switch.state.owed


def test_a_second_approval_is_the_first_ones_copy() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    request = scene.atlas.gets()
    scene.atlas.answers(request, "00")
    scene.atlas.answers(request, "00")
    scene.atlas.answers(request, "51")
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.got_nothing()
    assert [log.fields["hint"] for log in scene.book.logged("answer.doubled")] == ["the first answer stands"] * 2


@pytest.mark.parametrize("answered", ["25", "76", "05", "", "ZZ"])
def test_the_reversal_of_an_approval_is_repeated_until_it_is_accepted_and_then_an_exception(answered: str) -> None:
    scene = Scene(Playbook(network()))
    scene.rif.sends(sent := purchase())
    scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345")
    assert scene.rif.gets()["39"] == "00"
    scene.rif.sends(reversal(sent))
    assert scene.rif.gets()["39"] == "00"
    for _ in range(3):
        undone = next_message(scene)
        assert undone["t"] == "0420"
        answer = {de: undone[de] for de in ("2", "3", "4", "7", "11", "37", "41", "49")} | {"t": "0430"}
        scene.atlas.sends({**answer, "39": answered} if answered else answer)
    (shelved,) = scene.book.recorded(Shelved)
    assert isinstance(shelved, Shelved)
    assert (shelved.kind, shelved.reason) == ("refused", f"the host answers DE39={answered or 'absent'}")
    (row,) = scene.book.asks("exceptions.list").items
    assert (row.kind, row.mti, row.amount) == ("refused", "0420", 15_000)
    scene.book.asks("exceptions.resolve", txn=row.txn, reason="credited by hand", by="amina")
    assert not scene.book.switch.state.owed
    (resolved,) = scene.book.recorded(Resolved)
    assert isinstance(resolved, Resolved)
    assert (resolved.reason, resolved.by) == ("credited by hand", "amina")
    assert not scene.book.asks("exceptions.list").items
    after = Scene(scene.book.crashes())
    assert not after.book.switch.state.owed


def test_an_answer_to_a_reversal_is_matched_though_its_host_stamps_de7_anew() -> None:
    scene = Scene()
    _, undone = timed_out(scene)
    scene.atlas.answers(undone, "00", de7="1125130000")
    assert [e.de39 for e in scene.book.recorded(Delivered)] == ["00"]


def test_an_unknown_reversal_that_its_issuer_does_not_accept_is_an_exception_at_once() -> None:
    scene = Scene()
    scene.rif.sends(reversal(purchase()))
    assert scene.rif.gets()["39"] == "00"
    scene.atlas.answers(scene.atlas.gets(), "25")
    (row,) = scene.book.asks("exceptions.list").items
    assert (row.kind, row.link, row.host) == ("unmatched-reversal", "acquirers", "atlas")
    assert scene.book.logged("owed.dead_letter")[0].level == "error"


def test_what_no_issuer_can_be_named_for_is_refused_and_no_exception() -> None:
    scene = Scene()
    scene.rif.sends(reversal(purchase(de2=UNKNOWN_CARD)))
    assert scene.rif.gets()["39"] == "25"
    assert not scene.book.recorded(Owed)
    assert not scene.book.recorded(Excepted)
