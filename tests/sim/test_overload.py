"""Days of a switch that does not keep up: every third turn has room for one request, or for none. The promises hold."""

from typing import Any

import pytest

from switch.core.messages.internal import answer
from switch.core.switch import Switch
from switch.core.transactions.replies import reply
from switch.sim.cast import Cast
from switch.sim.world import World
from switch.wire.vocabulary import Answer, Document

SEEDS = range(1, 9)
received = Switch.received


@pytest.fixture
def declined(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Requests declined where there is no room, a turn each."""
    counts: list[int] = []

    def tight(self: Switch, link: str, data: bytes, now: int) -> None:
        if self.position % 3:
            received(self, link, data, now)
            return
        before = self.shed
        self.hold(self.position % 2)
        received(self, link, data, now)
        self.settle(now)
        self.release(now)
        counts.append(self.shed - before)

    monkeypatch.setattr(Switch, "received", tight)
    return counts


def test_what_is_declined_for_want_of_room_is_nowhere_approved_and_what_is_let_in_is_whole(
    cast: Cast, declined: list[int]
) -> None:
    for seed in SEEDS:
        assert not World(cast, seed, 150).run().failures
    assert sum(declined) > 50


@pytest.mark.long
def test_declining_what_is_known_already_would_be_seen(
    cast: Cast, declined: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An acquirer that repeats what was approved, and is told 96, has a payment too few."""

    def shed(kernel: Any, session: Any, document: Document, raw: Document, now: int) -> bool:
        reply(kernel, session, answer(document, Answer.MALFUNCTION), raw)
        return True

    monkeypatch.setattr("switch.core.transactions.payments.shed", shed)
    assert any(World(cast, seed, 150).run().failures for seed in range(47, 150)), "day 47 is the first that has one"
