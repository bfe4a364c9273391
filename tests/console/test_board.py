"""What the hop log adds up to on the board, and what is kept of it."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from switch.console import board
from switch.console.board import ALL, HOST, KEYS_KEPT, LISTENER, ROUTE, Board, Mark, Sums, mark_of
from switch.console.charts import HEIGHT, WIDTH, Series, draw
from switch.console.following import follow
from switch.console.history import History
from switch.observe.model import Model
from tests.console.scene import Scene
from tests.observe.samples import START_NS, an_afternoon

MINUTE = START_NS // 60_000_000_000


@pytest.fixture
def lines(tmp_path: Path) -> list[bytes]:
    return an_afternoon(tmp_path / "hops.jsonl").read_bytes().splitlines()


def test_payments_are_counted_as_watch_counts_them_and_a_host_by_its_own_answers(lines: list[bytes]) -> None:
    made, model = Board(), Model()
    made.feed(lines)
    model.feed_all(lines)
    now = START_NS // 1_000_000_000 + 12
    for route, sums in model.routes.items():
        found = made.lately(ROUTE + route, 1, now)
        assert (found.approved, found.declined) == (sums.approved, sums.declined), route
        assert found.latency.percentile(99) == sums.latency.percentile(99), route
    assert made.lately(ALL, 1, now).total == model.total.total == made.lately(LISTENER + "acquirers", 1, now).total
    atlas = made.lately(HOST + "atlas", 1, now)
    assert (atlas.approved, dict(atlas.codes)) == (2, {"51": 1, "91": 1})
    assert sum(sums.total for sums in made.recent_seconds(now + 1, 60)) == model.total.total


def test_a_line_that_is_no_event_costs_nothing_but_itself(lines: list[bytes]) -> None:
    made = Board()
    made.feed([b"nonsense", b'{"event":"hop.sent","de39":5}', *lines])
    assert made.unreadable == 2
    assert made.lately(ALL, 1, START_NS // 1_000_000_000 + 12).total == 8


def test_names_that_peers_make_up_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "KEYS_KEPT", 5)
    made = Board()
    for n in range(50):
        at = "2026-09-21T14:13:21.000000Z"
        made.feed(
            [
                b'{"at":"%s","event":"hop.sent","link":"l%d#1","direction":"sent","mti":"0210","de39":"00"}'
                % (at.encode(), n)
            ]
        )
    assert len(made.keys) <= 6 < KEYS_KEPT
    assert made.minutes[MINUTE][ALL].approved == 50


@pytest.mark.parametrize(
    ("event", "kind", "text"),
    [
        ({"event": "link.up", "link": "visa#1", "host": "visa"}, "link", "link visa#1 · host visa"),
        ({"event": "link.up", "link": "pos#1"}, "", ""),
        ({"event": "day.closed", "closed": "2026-11-27", "by": "amina"}, "cutover", "closed 2026-11-27"),
        (
            {"event": "network.reloaded", "changes": ["host rif: mac_key a to b"]},
            "keys",
            "changes host rif: mac_key a to b",
        ),
        ({"event": "network.reloaded", "changes": ["host rif: timeout_ms"]}, "reload", "changes host rif: timeout_ms"),
        (
            {"event": "operator.command", "command": "links.drain", "arguments": {"name": "rif", "acquirer": False}},
            "operator",
            "command links.drain · arguments name rif",
        ),
        ({"event": "answer.late", "link": "visa#1"}, "", ""),
    ],
)
def test_what_may_explain_a_change_is_a_mark(event: dict[str, object], kind: str, text: str) -> None:
    mark = mark_of({"at": "2026-11-27T10:00:00.000000Z", "level": "info", **event})
    assert (mark.kind if mark else "", mark.text if mark else "") == (kind, text)


def test_minutes_that_are_over_are_kept_once_and_found_again_whole(lines: list[bytes], tmp_path: Path) -> None:
    made, history = Board(), History(tmp_path / "history" / "history.sqlite")
    later = b'{"at":"2026-09-21T14:20:00.000000Z","event":"hop.sent","link":"pos#1","direction":"sent","mti":"0210","de39":"00"}'
    made.feed([*lines, later])
    for _ in range(2):  # as after a restart: what is there already is as it was
        history.keep(list(made.closed), list(made.fresh))
    (row,) = history.minutes(ALL, MINUTE, MINUTE + 1)
    assert (row.approved, row.declined, row.codes) == (5, 3, {"51": 1, "15": 1, "91": 1})
    whole = history.sums(ALL, MINUTE, MINUTE + 1)
    assert whole.latency.percentile(99) == row.p99
    assert list(whole.latency) == list(made.minutes[MINUTE][ALL].latency)
    assert len(history.marks(0, 1 << 40)) == len(made.fresh) == 5
    assert ROUTE + "visa" in history.keys(MINUTE, MINUTE + 1)
    history.close()
    assert (tmp_path / "history" / "history.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_line_is_broken_where_nothing_is_known_and_zero_lies_on_the_lower_edge() -> None:
    series = Series(name="a", look="good", values=[0, 7, None, 3, 3])
    chart = draw("Rate", "a second", 0, 60, [series], [(60, "link", "x"), (999, "link", "y")])
    assert chart.top == 10
    assert chart.path(series) == "M0.0,200.0 L250.0,60.0 M750.0,140.0 L1000.0,140.0"
    assert [tick.x for tick in chart.ticks] == [WIDTH / 4]
    assert chart.labels == ["10", "5", "0"]


def test_times_are_drawn_by_decades() -> None:
    chart = draw("Time", "ms", 0, 1, [Series(name="p99", look="second", values=[1, 10, 12_000, 0.2])], bottom=1.0)
    assert chart.labels == ["100 s", "10 s", "1 s", "100 ms", "10 ms", "1 ms"]
    heights = [float(point.partition(",")[2]) for point in chart.path(chart.series[0])[1:].split(" L")]
    assert heights[0] == heights[3] == HEIGHT
    assert heights[1] == HEIGHT * 4 / 5


async def test_a_history_that_cannot_be_written_ends_nothing_and_misses_nothing(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """A full disk, as SQLite says it: in the middle of a transaction."""
    scene, events = Scene(tmp_path), list[str]()
    scene.desk.board.closed.append((1_000, {ALL: Sums(approved=7)}))
    db = scene.desk.history._db
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {pages}")
    scene.desk.board.fresh.append(
        Mark(at="2026-11-27T10:00:00.000000Z", event="link.down", kind="link", level="info", text="x" * 200_000)
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow, scene.desk, lambda event, fields: events.append(event))
        await trio.sleep(25)
        assert events == ["history.failed"] * 2
        db.execute("PRAGMA max_page_count = 100000")
        await trio.sleep(25)
        nursery.cancel_scope.cancel()
    assert events == ["history.failed"] * 2
    assert scene.desk.history.sums(ALL, 1_000, 1_001).approved == 7
    scene.close()


async def test_an_older_log_that_is_damaged_is_said_and_costs_no_page(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    scene, events = Scene(tmp_path), list[tuple[str, str]]()
    scene.log.with_name("hops.jsonl.1.gz").write_bytes(b"half")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow, scene.desk, lambda event, fields: events.append((event, str(fields["error"]))))
        await trio.sleep(3)
        nursery.cancel_scope.cancel()
    assert [(event, "hops.jsonl.1.gz is damaged" in said) for event, said in events] == [("hoplog.damaged", True)]
    page = await (await scene.browser().log_in()).get("/payments/9")
    assert page.status == 200
    assert "Hops may be missing: " in page.text
    assert "hops.jsonl.1.gz is damaged" in page.text
    scene.close()
