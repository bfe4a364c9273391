"""Playbooks: what an error that nobody foresaw costs: the message it arose with, and its link where that goes on."""

from collections.abc import Callable
from typing import Any

import pytest

from switch.core.defects import PlantedError
from switch.core.links.session import Session
from switch.core.operator.command import Unable
from switch.core.records.records import Answered, Forwarded, Owed
from switch.sim.playbook import Playbook
from tests.core.scripts import ATLAS_CARD, OTHER_CARD, Scene, morocco, purchase, reversal


def plant(there: Any, name: str, times: int = 1, *, after: bool = False) -> None:
    """So often, calling `name` of an object raises an error, before (or after) it has done what it does."""
    call: Callable[..., Any] = getattr(there, name)
    left = times

    def planted(*args: Any, **more: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            return call(*args, **more)
        if after:
            call(*args, **more)
        raise PlantedError(f"4111111111111111 was in {name}")

    setattr(there, name, planted)


def test_a_request_that_leads_to_an_error_is_answered_96_and_leaves_no_trace() -> None:
    scene = Scene()
    entries = list(scene.book.entries)
    plant(scene.book.switch, "transmit")
    scene.rif.sends(purchase())
    assert scene.rif.gets()["39"] == "96"
    assert scene.atlas.got_nothing()
    assert scene.book.entries == entries
    assert not scene.book.switch.pending


def test_the_next_message_is_dealt_with_as_ever() -> None:
    scene = Scene()
    plant(scene.book.switch, "transmit")
    scene.rif.sends(purchase(stan="000001"))
    scene.rif.gets()
    scene.rif.sends(purchase(stan="000002"))
    scene.atlas.answers(scene.atlas.gets(), "00")
    assert scene.rif.gets()["39"] == "00"


def test_a_message_twice_does_not_fare_otherwise_the_second_time() -> None:
    scene = Scene()
    plant(scene.book.switch, "transmit")
    for _ in range(2):
        scene.rif.sends(purchase())
        assert scene.rif.gets()["39"] == "96"
    assert not scene.book.recorded(Forwarded)


def test_a_repeat_of_what_may_be_approved_gets_no_answer_rather_than_a_no() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00")
    scene.rif.gets()
    plant(scene.book.switch, "repeated")
    scene.rif.sends(purchase(t="0201"))
    assert scene.rif.got_nothing()


def test_what_was_recorded_before_the_error_stays_and_is_reversed() -> None:
    scene = Scene()
    plant(scene.book.switch.hosts["atlas"].pending, "add")
    scene.rif.sends(purchase())
    assert scene.atlas.gets()["t"] == "0200"
    assert scene.atlas.gets()["t"] == "0420", "nobody waits for its answer"
    (owed,) = scene.book.recorded(Owed)
    assert isinstance(owed, Owed)
    assert owed.reason == "defect"


def test_an_answer_that_leads_to_an_error_is_none_and_its_request_goes_on_waiting() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    request = scene.atlas.gets()
    plant(scene.book.switch, "record")
    scene.atlas.answers(request, "00")
    assert scene.rif.got_nothing()
    scene.book.passes(seconds=11)
    assert scene.rif.gets()["39"] == "91"
    assert scene.atlas.gets()["t"] == "0420"


def test_an_approval_that_was_recorded_and_not_said_is_reversed() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    request = scene.atlas.gets()
    plant(scene.book.switch, "transmit")
    scene.atlas.answers(request, "00")
    assert scene.book.recorded(Answered)
    assert scene.rif.got_nothing()
    assert scene.atlas.gets()["t"] == "0420"


def test_a_reversal_that_leads_to_an_error_is_asked_for_again() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00")
    scene.rif.gets()
    plant(scene.book.switch, "record")
    scene.rif.sends(reversal(purchase()))
    assert scene.rif.gets()["39"] == "96"
    scene.rif.sends(reversal(purchase(), t="0401"))
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.gets()["t"] == "0420"


def test_what_is_owed_and_cannot_be_sent_for_an_error_is_sent_later() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00")
    scene.rif.gets()
    plant(scene.book.switch.vault, "open")
    scene.rif.sends(reversal(purchase()))
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.got_nothing()
    scene.book.passes(seconds=120)
    assert scene.atlas.gets()["t"] in ("0420", "0421")


def test_a_link_whose_messages_go_on_leading_to_errors_ends_and_no_other() -> None:
    scene = Scene()
    other = scene.book.acquirer("acquirers", "504103")
    plant(scene.book.switch, "repeated", times=99)
    for stan in ("000001", "000002", "000003"):
        assert not scene.rif.closed
        scene.rif.sends(purchase(stan=stan))
    assert "led to errors of the switch's own" in scene.rif.closed
    assert not other.closed
    assert not scene.atlas.closed


@pytest.mark.parametrize("where", ["move", "add"])
def test_a_link_whose_sign_on_leads_to_an_error_is_begun_again_and_not_away_for_ever(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host lives, answers every echo, and would be waited for as long as it does."""
    book = Playbook(morocco())
    atlas, host = book.host("atlas", sign_on=False), book.switch.hosts["atlas"]
    monkeypatch.setattr(Session, "move", Session.move)
    plant(Session if where == "move" else host, where)
    atlas.answers(atlas.gets(), "00")
    for _ in range(20):
        book.passes(seconds=5)
        if not atlas.closed and not atlas.got_nothing():
            atlas.answers(atlas.gets(), "00")
    assert atlas.closed == "0800 not answered in time"
    book.host("atlas")
    assert host.up is not None


def test_a_deadline_that_leads_to_errors_for_ever_is_not_looked_at_for_ever() -> None:
    scene = Scene()
    plant(scene.book.switch.forwarder, "tick", times=1_000)
    scene.book.passes(seconds=60)
    assert len(scene.book.logged("switch.defect")) < 100


def test_a_command_that_ends_in_an_error_says_so_and_changes_nothing() -> None:
    scene = Scene()
    entries = list(scene.book.entries)
    plant(scene.book.switch, "record")
    with pytest.raises(Unable, match=r"saf.hold failed: PlantedError"):
        scene.book.asks("saf.hold", name="atlas")
    assert scene.book.entries == entries


def test_the_report_says_where_and_nothing_of_the_message() -> None:
    scene = Scene()
    plant(scene.book.switch, "transmit")
    scene.rif.sends(purchase())
    (event,) = scene.book.logged("switch.defect")
    assert event.level == "error"
    assert (event.fields["doing"], event.fields["undone"]) == ("dealing with a 0200", True)
    assert "core/transactions/payments.py" in event.fields["report"]
    for secret in (ATLAS_CARD, OTHER_CARD, "4111111111111111", "0123456789ABCDEF"):
        assert secret not in str(event.fields)
