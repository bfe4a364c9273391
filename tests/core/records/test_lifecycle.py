"""What a record may do to a transaction, and an event to a link: the tables that run."""

import pytest

from switch.core.links.states import MOVES as LINK_MOVES
from switch.core.links.states import IllegalLinkMoveError, LinkEvent, SessionState
from switch.core.records.lifecycle import MOVES, PROMISES, IllegalMoveError, Status
from switch.core.records.records import Answered, Delivered, Forwarded
from tests.core.scripts import Scene, purchase


def test_an_answer_to_nothing_open_is_refused_before_anything_changes() -> None:
    scene = Scene()
    switch, position = scene.book.switch, scene.book.switch.position
    with pytest.raises(IllegalMoveError, match="received cannot take a Answered"):
        switch.record(Answered(txn=1, at_us=0, de39="00", elements={}, cost=0))
    assert (switch.position, switch.effects) == (position, [])


def test_what_is_not_owed_cannot_be_delivered() -> None:
    with pytest.raises(IllegalMoveError):
        Scene().book.switch.record(Delivered(txn=1, at_us=0, de39="00"))


def test_a_second_answer_is_no_move() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    (request,) = scene.book.recorded(Forwarded)
    answered = Answered(txn=request.txn, at_us=0, de39="51", elements={}, cost=0)
    scene.book.switch.record(answered)
    with pytest.raises(IllegalMoveError):
        scene.book.switch.record(answered)


def test_what_has_ended_badly_stays_so() -> None:
    ended = {Status.DECLINED, Status.REFUSED, Status.REVERSED, Status.ABANDONED, Status.DELIVERED}
    assert not ended & {status for status, _ in MOVES | PROMISES}


def test_a_closing_link_moves_nowhere_else() -> None:
    assert {event for state, event in LINK_MOVES if state is SessionState.CLOSING} == {LinkEvent.CLOSE}
    assert {state for state, event in LINK_MOVES if event is LinkEvent.CLOSE} == set(SessionState)


def test_an_illegal_move_of_a_link_raises_here_and_is_logged_in_production() -> None:
    scene = Scene()
    switch, session = scene.book.switch, scene.book.switch.sessions[scene.rif.link]
    with pytest.raises(IllegalLinkMoveError, match="is up: the switch signs on"):
        session.move(LinkEvent.SIGN_ON)
    switch.strict = False
    session.move(LinkEvent.SIGN_ON)
    assert session.state is SessionState.UP
    assert switch.effects.pop().event == "link.illegal_move"
