"""The chart of the last minutes: a span is drawn as it was, also where the log is read a moment later than it was written."""

from pathlib import Path

from switch.console.board import Board
from switch.console.screens.live import LiveScreen
from tests.console.scene import Scene
from tests.observe.samples import START_NS, an_afternoon


def test_a_span_that_was_half_read_when_it_ended_is_drawn_whole_later(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    lines = an_afternoon(tmp_path / "hops.jsonl").read_bytes().splitlines()
    begin = START_NS // 1_000_000_000 // 5 * 5
    whole = Board()
    whole.feed(lines)
    expected = [whole.seconds[second].total for second in sorted(whole.seconds)]
    screen = LiveScreen(scene.desk)

    def drawn(now: int) -> int:
        """Payments of all spans there are."""
        return sum(span[0] + span[1] for span in screen._spans("5m", now)[2] if span is not None)

    scene.desk.board = Board()
    scene.desk.board.feed(lines[: len(lines) // 2])
    half = drawn(begin + 5)
    scene.desk.board.feed(lines[len(lines) // 2 :])
    assert 0 < half < sum(expected)
    assert drawn(begin + 20) == sum(expected)
    scene.close()
