"""A close that is said again and again is one close; one that was acknowledged and has no record, or two, is found."""

from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from switch.core.records.day_records import Cutover
from switch.soak.closes import Closer, closed_once

DAY = "2026-11-27"


def cutover(closed: str, ended: int, day: str, window: int) -> Cutover:
    return Cutover(at_us=1, day=day, closed=closed, by="operator", window=window, ended=ended)


CHAIN = [cutover(DAY, 1, DAY, 2), cutover(DAY, 2, "2026-11-28", 1), cutover("2026-11-28", 1, "2026-11-28", 2)]


@pytest.mark.parametrize(
    ("done", "cutovers", "said"),
    [
        ([f"{DAY}/1", DAY], CHAIN, []),
        ([f"{DAY}/1", f"{DAY}/1", f"{DAY}/2"], CHAIN, []),
        (["2026-11-28"], CHAIN, ["the close of 2026-11-28 was acknowledged, and has no cutover"]),
        ([], [*CHAIN, cutover(DAY, 1, DAY, 2)], [f"{DAY}/1 was closed 2 times"]),
    ],
    ids=["by window and by day", "said twice", "lost", "done twice"],
)
def test_what_was_acknowledged_ended_once(done: list[str], cutovers: list[Cutover], said: list[str]) -> None:
    assert [d.sentence for d in closed_once(done, cutovers)] == said


class Flaky:
    """A switch that answers every third command, and dies on the others before or after it has done them."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.window = 1

    async def serve(self, stream: trio.SocketStream) -> None:
        command = msgspec.json.decode(await stream.receive_some(4_096), type=dict[str, Any])
        self.asked.append(command)
        if len(self.asked) % 3 != 1 and command["command"] != "day.show" and command["ends"] == f"{DAY}/{self.window}":
            self.window += 1
        if len(self.asked) % 3 == 0:
            await stream.send_all(msgspec.json.encode({"ok": True, "day": DAY, "window": self.window}) + b"\n")
        await stream.aclose()


async def test_it_insists_until_it_is_answered(tmp_path: Path, autojump_clock: MockClock) -> None:
    switch, closer = Flaky(), Closer(tmp_path / "control.sock", Random(3))
    with trio.socket.socket(trio.socket.AF_UNIX) as listener:
        await listener.bind(str(tmp_path / "control.sock"))
        listener.listen()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, switch.serve, [trio.SocketListener(listener)])
            with trio.move_on_after(60):
                await closer.run()
            nursery.cancel_scope.cancel()
    ends = [each["ends"] for each in switch.asked if "ends" in each]
    assert len(closer.done) > 5
    assert set(closer.done) <= set(ends)
    assert len(ends) > 4 * len(closer.done), "twice, and each until it is answered"
