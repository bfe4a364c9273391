"""Playbooks: an answer that a link's dialect cannot say becomes one that it can."""

import pytest

from switch.core.messages.internal import answer
from switch.core.transactions.replies import reply
from switch.wire.vocabulary import Document
from tests.core.scripts import Scene, purchase


def said(changes: Document) -> Document:
    """What an acquirer in `cmi87` reads where it is to be answered with these elements."""
    scene = Scene()
    session = scene.book.switch.sessions[scene.rif.link]
    request = purchase()
    reply(scene.book.switch, session, {**answer(request, "00"), **changes}, request)
    scene.book.journal_flushes()
    (reduced,) = scene.book.logged("answer.reduced")
    assert reduced.level == "warning"
    return scene.rif.gets()


def test_an_element_that_cannot_be_said_is_left_out() -> None:
    read = said({"38": "far too long for six"})
    assert (read["39"], "38" in read) == ("00", False)


@pytest.mark.parametrize("element", ["37", "41"])
def test_so_is_one_of_those_that_an_answer_is_matched_on(element: str) -> None:
    read = said({element: "longer than any of them may be by its dialect"})
    assert (read["11"], read["39"], element in read) == ("000123", "00", False)


def test_a_code_that_cannot_be_said_becomes_the_plain_one_that_moves_no_money() -> None:
    assert said({"39": "912"})["39"] == "96"
