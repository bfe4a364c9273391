"""How long payments are inside the switch, by its hops and turns; started and ended over the control socket."""

import msgspec
import pytest
import trio

from switch.core.network import Address
from switch.core.operator.command import Unable
from switch.core.party import Hop, LinkId
from switch.server import stopwatch
from switch.server.driving import driving
from switch.server.stopwatch import Stopwatch, Timing
from tests.hops import bare_hop
from tests.server.parties import Notes, Scripted
from tests.server.test_tap_port import Eyes

MS = 1_000_000


class Script:
    """Hops of payments at times that the test says, in ms."""

    def __init__(self) -> None:
        self.now = 0
        self.stopwatch = Stopwatch(lambda: self.now)

    def reads(self, txn: int, link: LinkId, at: int, first: int = 0) -> None:
        self.stopwatch.understood(self._hop("hop.received", txn, link, at, first or at))

    def sends(self, txn: int, link: LinkId) -> None:
        self.stopwatch.sent(link, b"", self._hop("hop.sent", txn, link, 0, 0), 0)

    def writes(self, at: int) -> None:
        self.now = at * MS
        self.stopwatch.written()

    def _hop(self, event: str, txn: int, link: LinkId, at: int, first: int) -> Hop:
        hop = bare_hop(event=event, mti="0200", note="")
        return msgspec.structs.replace(hop, txn=txn, link=link, at_ns=at * MS, first_ns=first * MS)

    @property
    def found(self) -> tuple[int, int, int]:
        made = self.stopwatch
        return made.inside.highest // 1000, made.own.highest // 1000, made.durable.highest // 1000


def test_a_payment_is_inside_but_for_its_issuer_s_time_and_its_wait_for_the_journal_is_said_apart() -> None:
    script = Script()
    script.reads(7, "pos#1", 10)
    script.sends(7, "atlas#1")
    script.writes(12)
    script.reads(7, "atlas#1", 100, first=10)
    script.writes(103)
    script.now = 110 * MS  # acknowledged
    script.sends(7, "pos#1")
    script.writes(111)
    assert script.found == (2 + 3 + 7 + 1, 2 + 3 + 1, 7)
    assert script.stopwatch.found()["payments"] == 1
    script.writes(200)
    assert script.stopwatch.inside.total == 1


def test_one_that_is_declined_at_once_was_inside_for_a_turn() -> None:
    script = Script()
    script.reads(7, "pos#1", 10)
    script.sends(7, "pos#1")
    script.writes(14)
    assert script.found == (4, 4, 0)


def test_what_was_under_way_before_or_is_nobodys_payment_is_not_timed() -> None:
    script = Script()
    script.reads(7, "atlas#1", 20, first=10)
    script.sends(7, "pos#1")
    script.sends(8, "atlas#1")
    script.stopwatch.sent("atlas#1", b"", None, 0)
    script.writes(25)
    assert script.stopwatch.found()["payments"] == 0


def test_too_many_that_are_never_answered_are_given_up_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopwatch, "UNFINISHED_MAX", 2)
    script = Script()
    for txn in (1, 2, 3):
        script.reads(txn, "pos#1", txn)
    for txn in (1, 2, 3):
        script.sends(txn, "pos#1")
    script.writes(5)
    found = script.stopwatch.found()
    assert (found["payments"], found["given_up"]) == (2, 1)


async def test_it_is_turned_on_and_off_over_the_control_socket_and_one_looks_on_at_a_time() -> None:
    async with driving(Scripted(), sinks=Notes().sinks(), listen=[("peers", Address("127.0.0.1", 0))]) as driver:
        timing = Timing(driver)
        with pytest.raises(Unable, match="nothing is being timed"):
            await timing.command({"on": False}, "root")
        with pytest.raises(Unable, match="takes `on`"):
            await timing.command({}, "root")
        assert await timing.command({"on": True}, "root") == {}
        assert await timing.command({"on": True}, "root") == {}, "anew"
        assert (await timing.command({"on": False}, "root"))["payments"] == 0
        assert driver.watcher is None
        driver.show_to(Eyes())
        with pytest.raises(Unable, match="a capture is being made"):
            await timing.command({"on": True}, "root")
        await trio.lowlevel.checkpoint()
