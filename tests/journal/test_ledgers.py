"""The ledger that follows the traffic says what a fold of the whole journal says, wherever the index stands, and without one."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from switch.config import load_network
from switch.core.records.records import AnyEntry, Forwarded
from switch.journal import ledgers
from switch.journal.index import Index, index_path
from switch.journal.ledgers import LedgerView, open_ledger
from switch.journal.log import JournalError
from switch.journal.projections.ledger import Unpriced
from switch.journal.prune import prune
from switch.ledger.entries import Entry, Window
from switch.ledger.fold import LedgerFold
from switch.sim.cast import Cast
from switch.sim.world import World
from switch.wire.dates import DAY_US
from tests.journal.samples import catch_up, snapshot, written
from tests.ledger.stories import DAY, MAD, START_US, cutover, owed, records

FAR_US = START_US + 1_000 * DAY_US


@pytest.fixture(scope="module")
def simulated() -> list[AnyEntry]:
    """What is durable of a simulated day with everything that can break, cutovers among it."""
    world = World(Cast(load_network("morocco")), 26, 200)
    assert world.run().failures == ()
    disk = world.switch.disk
    half = disk.durable // 2
    found = disk.entries[: disk.durable]
    day = LedgerFold(MAD)
    for sequence, entry in enumerate(found[:half], 1):
        day.fold(sequence, entry)
    assert day.windows.now is not None
    now = day.windows.now
    again = cutover(0, now.day, now.day, ended=now.number, window=now.number + 1)
    return [*found[:half], again, *found[half:]]


def told(view: LedgerView) -> dict[str, Any]:
    """All that a view has to say."""
    windows = [*(one.window for one in view.closed), *([view.now] if view.now else [])]
    return {
        "closed": view.closed,
        "now": view.now,
        "windows": {
            window: (view.positions(window), view.holds(window), view.unpriced(window), list(view.entries(window)))
            for window in windows
        },
    }


def folded(entries: Sequence[AnyEntry]) -> dict[str, Any]:
    """The same, of one fold in memory."""
    posted: list[Entry] = []
    fold = LedgerFold(MAD, posted.append)
    for sequence, entry in enumerate(entries, 1):
        fold.fold(sequence, entry)
    windows = [*(one.window for one in fold.closed), *([fold.windows.now] if fold.windows.now else [])]
    return {
        "closed": fold.closed,
        "now": fold.windows.now,
        "windows": {
            window: (
                fold.positions.get(window, {}),
                {tuple(of): held for (at, *of), held in fold.holds.items() if at == window},
                unpriced([entry for entry in fold.unpriced if entry.window == window]),
                [entry for entry in posted if entry.window == window],
            )
            for window in windows
        },
    }


def unpriced(entries: Sequence[Entry]) -> list[Unpriced]:
    whys = sorted(entry.unpriced for entry in entries)
    return [Unpriced(why, whys.count(why)) for why in sorted(set(whys))]


@pytest.mark.parametrize("indexed", [0, 40, 1_000_000])
def test_wherever_the_index_stands_the_ledger_is_the_journals(
    tmp_path: Path, simulated: list[AnyEntry], indexed: int
) -> None:
    written(tmp_path, simulated)
    index = Index(tmp_path)
    if indexed > len(simulated):
        index.catch_up()
    elif indexed:
        index.batch(indexed)
    index.close()
    built: list[tuple[int, int]] = []
    with open_ledger(tmp_path, MAD, lambda *step: built.append(step)) as view:
        found = told(view)
    expected = folded(simulated)
    assert len(expected["windows"]) > 1
    assert any(entry.counters for *_, entries in expected["windows"].values() for entry in entries)
    assert found == expected
    assert bool(built) == (not indexed), "it is built from the log only where the index has none"


@pytest.mark.parametrize("why", ["none", "of another version", "far behind", "of another journal"])
def test_without_a_ledger_that_fits_it_is_built_from_the_log_with_progress(
    tmp_path: Path, simulated: list[AnyEntry], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switch.journal.cold.STEP_RECORDS", 150)
    written(tmp_path, simulated)
    index = Index(tmp_path)
    index.batch(100)
    index.database.execute("UPDATE ledger_positions SET amount = amount + 1")
    if why == "of another version":
        index.database.execute("UPDATE projections SET version = version + 1 WHERE name = 'ledger'")
    elif why == "of another journal":
        index.database.execute("UPDATE projections SET chain = zeroblob(16)")
    index.close()
    if why == "none":
        Path(index_path(tmp_path)).unlink()
    elif why == "far behind":
        monkeypatch.setattr(ledgers, "TAIL_MAX", 200)
    built: list[tuple[int, int]] = []
    with open_ledger(tmp_path, MAD, lambda *step: built.append(step)) as view:
        found = told(view)
    assert found == folded(simulated)
    assert len(built) > 2
    assert built[-1] == (len(simulated), len(simulated))


def test_what_the_index_gets_meanwhile_is_not_counted_twice(tmp_path: Path, simulated: list[AnyEntry]) -> None:
    written(tmp_path, simulated)
    with closing(Index(tmp_path)) as index:
        index.batch(100)
    with open_ledger(tmp_path, MAD) as view:
        catch_up(tmp_path)
        assert told(view) == folded(simulated)


def a_journal(state: Path) -> Path:
    """A day that is closed, a snapshot after a payment of the next, and more of it."""
    first = [*records("0200 100.00"), *records("0100 80.00", first=5), cutover(10), *records("0200 7.00", first=11)]
    shot = msgspec.structs.replace(snapshot(14), cutover=cutover(10))
    written(
        state, [*first, shot, *records("0200 9.00", first=21), owed(30, 1, "0420", 100_00), cutover(40, "2026-11-28")]
    )
    return state


def test_what_a_closed_window_came_to_outlives_a_prune_and_its_messages_do_not(tmp_path: Path) -> None:
    state, window = a_journal(tmp_path), Window(DAY, 1)
    catch_up(state)
    with open_ledger(state, MAD) as view:
        before = view.positions(window)
    assert prune(state, FAR_US, FAR_US, None).first > 1
    with open_ledger(state, MAD) as view:
        assert view.whole(window)
        assert view.positions(window) == before
        with pytest.raises(
            JournalError, match=r"begins with record 8: messages of window 2026-11-27/1 lay before that"
        ):
            list(view.entries(window))


def test_a_ledger_built_from_a_pruned_journal_says_which_window_is_not_whole(tmp_path: Path) -> None:
    state = a_journal(tmp_path)
    catch_up(state)
    prune(state, FAR_US, FAR_US, None)
    Path(index_path(state)).unlink()
    for _ in ("from the log", "from the index"):
        with open_ledger(state, MAD) as view:
            assert [(str(one.window), view.whole(one.window)) for one in view.closed] == [("2026-11-28/1", False)]
        catch_up(state)


def test_payments_that_were_answered_before_a_prune_go_and_those_that_are_open_stay(tmp_path: Path) -> None:
    still_open = next(iter(records("0200 55.00", first=6)))
    assert isinstance(still_open, Forwarded)
    written(
        tmp_path, [*records("0200 100.00"), still_open, snapshot(14, [still_open]), *records("0200 9.00", first=21)]
    )
    index = Index(tmp_path)
    index.catch_up()
    prune(tmp_path, FAR_US, FAR_US, None)
    assert [txn for (txn,) in index.look("SELECT txn FROM ledger_payments ORDER BY txn")] == [6, 21]
    assert [s for (s,) in index.look("SELECT sequence FROM ledger_entries ORDER BY sequence")] == [6]
    index.close()


def test_no_ledger_of_an_index_that_is_no_database(tmp_path: Path) -> None:
    written(tmp_path, list(records("0200 100.00")))
    Path(index_path(tmp_path)).write_bytes(b"not a database, not at all")
    with open_ledger(tmp_path, MAD) as view:
        assert view.positions(Window(DAY, 1))
    with closing(sqlite3.connect(index_path(tmp_path))) as database:
        assert database.execute("SELECT count(*) FROM ledger_entries").fetchone() == (0,)
