"""Business days partition what is in the journal: each record's effect is in one day, and all days together are what stands."""

import os
from collections import Counter as Tally
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.config import load_network
from switch.core.records.day_records import Cutover
from switch.core.records.lifecycle import Status
from switch.core.records.records import AnyEntry, Snapshot
from switch.journal.backup import backup
from switch.journal.days import DayTotals
from switch.journal.index import Index, index_path
from switch.journal.integrity import accept_end
from switch.journal.log import JournalError, Log, Place
from switch.journal.prune import prune
from switch.journal.recovery import journal_directory
from switch.journal.reports import Filters, Reports
from switch.journal.restore import restore
from switch.sim.cast import Cast
from switch.sim.playbook import Playbook
from switch.sim.world import World
from switch.simulators.reconciliation import journal_rows
from switch.wire.dates import DAY_US
from switch.wire.vocabulary import APPROVALS, MTI
from tests.core.scripts import Scene, purchase, reversal
from tests.core.test_mechanisms import Counter
from tests.core.transactions.test_standin import Away, small
from tests.journal.samples import (
    START_US,
    answered,
    booted,
    catch_up,
    declined,
    delivered,
    forwarded,
    open_writer,
    owed,
    snapshot,
    stood_in,
    write,
    written,
)

NEVER = START_US + 1_000 * DAY_US


def days_of(state: Path, by: str = "", limit: int = 0) -> list[DayTotals]:
    with closing(Reports(state)) as reports:
        return reports.days(START_US, by, limit)


def cut(n: int, at_us: int = START_US) -> Cutover:
    """The n-th close, of 2025-11-(24 + n)."""
    return Cutover(at_us=at_us + n, day=f"2025-11-{25 + n}", closed=f"2025-11-{24 + n}", by="atlas")


def standing(entries: Sequence[AnyEntry]) -> dict[str, int]:
    """What the books say stands, by currency."""
    found: Tally[str] = Tally()
    for row in journal_rows(entries):
        found[row.currency] += row.amount if row.status is Status.APPROVED else 0
    return {currency: amount for currency, amount in found.items() if amount}


def moved(days: Sequence[DayTotals]) -> dict[str, int]:
    """The net of days and what they hold, added up: the books count both as standing."""
    found: Tally[str] = Tally()
    for day in days:
        for currency, amount in (*day.net.items(), *day.held.items()):
            found[currency] += amount
    return {currency: amount for currency, amount in found.items() if amount}


@pytest.fixture(scope="module")
def traffics() -> list[list[AnyEntry]]:
    """Simulated times of everything: crashes, time-outs, reversals, completions, refunds, stand-in; and no close of a day."""
    cast = Cast(load_network("morocco"))
    found: list[list[AnyEntry]] = []
    for seed in (3, 26, 49):
        world = World(cast, seed, 300)
        assert world.run().failures == ()
        disk = world.switch.disk
        found.append([e for e in disk.entries[: disk.durable] if not isinstance(e, Cutover | Snapshot)])
    return found


def listed(state: Path) -> dict[str, int]:
    """What `journal list` has, counted as the days do."""
    reports = Reports(state)
    rows = {row.txn: row for row in reports.transactions(Filters())}
    reports.close()
    asked = [r for r in rows.values() if r.route and r.mti[1] != MTI.REVERSAL and r.de39]
    back = [r for r in rows.values() if r.mti == MTI.REVERSAL_ADVICE and not r.route]
    undone = [rows[r.original] for r in back if r.original]
    return {
        "approved": sum(r.de39 in APPROVALS for r in asked),
        "stood_in": sum(r.reason.startswith("stand-in for") or r.route == "stand-in" for r in asked),
        "declined": sum(r.de39 not in APPROVALS for r in asked),
        "reversed": sum(r.mti[2] == "2" or r.de39 in APPROVALS for r in undone)
        + sum(not r.original and r.acquirer != "" for r in back),
        "advices": sum(r.mti[1] != MTI.REVERSAL and not r.route and r.reason == "acquirer" for r in rows.values()),
    }


@settings(max_examples=15, deadline=None)
@given(which=st.integers(0, 2), where=st.lists(st.integers(0, 5_000), max_size=5), indexed=st.integers(0, 5_000))
def test_days_add_up_to_the_books_wherever_they_are_closed_and_however_far_the_index_is(
    traffics: list[list[AnyEntry]], which: int, where: list[int], indexed: int
) -> None:
    traffic = traffics[which]
    positions = sorted({at % len(traffic) for at in where})
    entries = list(traffic)
    for n, at in reversed([*enumerate(positions, 1)]):
        entries.insert(at, cut(n))
    with TemporaryDirectory() as directory:
        state = Path(directory)
        writer = open_writer(state)
        write(writer, entries[: indexed % len(entries)], batch=500)
        catch_up(state)
        write(writer, entries[indexed % len(entries) :], batch=500)
        days = days_of(state)
        parts = {by: days_of(state, by) for by in ("acquirer", "host", "route")}
    assert moved(days) == standing(traffic)
    closed = [day for day in days if day.closed_by == "atlas"]
    for n, at in enumerate(positions, 1):
        until = [day for day in days if day.day <= f"2025-11-{24 + n}"]
        assert moved(until) == standing(traffic[:at]), "what comes after a close changes nothing of the day"
    assert len(closed) == len(positions)
    for found in parts.values():
        assert moved(found) == moved(days)
        for count in ("approved", "stood_in", "declined", "reversed", "advices"):
            assert sum(getattr(d, count) for d in found) == sum(getattr(d, count) for d in days)


def test_days_count_what_the_list_has(tmp_path: Path, traffics: list[list[AnyEntry]]) -> None:
    total: Tally[str] = Tally()
    for n, traffic in enumerate(traffics):
        state = tmp_path / str(n)
        written(state, [*traffic[:300], cut(1), *traffic[300:600], cut(2), *traffic[600:]], batch=500)
        index = Index(state)
        while index.batch(97):
            pass
        index.close()
        days = days_of(state)
        counted = {name: sum(getattr(d, name) for d in days) for name in listed(state)}
        assert counted == listed(state)
        total.update(counted)
    assert all(total[name] for name in ("approved", "declined", "reversed", "advices")), "too little to test with"


# -- one payment over several days


def told(book: Playbook, state: Path, by: str = "") -> list[tuple[str, str, int, int, int, int, dict[str, int]]]:
    """Days of what a switch recorded: (day, closed by, approved, declined, reversed, advices, net), newest first."""
    written(state, book.entries)
    return [(d.day, d.closed_by, d.approved, d.declined, d.reversed, d.advices, d.net) for d in days_of(state, by)]


def test_a_reversal_counts_on_its_own_day_with_what_it_takes_back(tmp_path: Path) -> None:
    shop = Counter()
    asked, _ = shop.asks("purchase", "atlas-approved", 300_00)
    shop.book.asks("day.close", again=True)
    shop.takes_back(asked, 120_00)
    shop.book.asks("day.close", again=True)
    shop.takes_back(asked)
    assert told(shop.book, tmp_path) == [
        ("2025-11-27", "", 0, 0, 1, 0, {"504": -120_00}),
        ("2025-11-26", "operator", 0, 0, 1, 0, {"504": -180_00}),
        ("2025-11-25", "operator", 1, 0, 0, 0, {"504": 300_00}),
    ]


def test_less_than_asked_a_refund_and_an_inquiry_count_as_what_they_move(tmp_path: Path) -> None:
    shop = Counter()
    shop.asks("purchase", "atlas-51", 80_00, less=True)
    shop.book.asks("day.close", again=True)
    refunded, _ = shop.asks("refund", "atlas-approved", 40_00)
    shop.asks("balance", "atlas-approved", 0)
    shop.book.asks("day.close", again=True)
    shop.takes_back(refunded, 15_00)
    assert told(shop.book, tmp_path) == [
        ("2025-11-27", "", 0, 0, 1, 0, {"504": 25_00}),
        ("2025-11-26", "operator", 2, 0, 0, 0, {"504": -40_00}),
        ("2025-11-25", "operator", 1, 0, 0, 0, {"504": 10_00}),
    ]


def test_what_is_in_flight_at_cutover_counts_where_its_answer_or_its_time_out_finds_it(tmp_path: Path) -> None:
    scene = Scene()
    scene.rif.sends(purchase(stan="000001"))
    scene.rif.sends(purchase(stan="000002"))
    request = scene.atlas.gets()
    scene.book.asks("day.close", again=True)
    scene.atlas.answers(request, "00")
    scene.book.asks("day.close", again=True)
    scene.book.passes(seconds=30)
    assert told(scene.book, tmp_path)[:2] == [
        ("2025-11-27", "", 0, 1, 0, 0, {}),
        ("2025-11-26", "operator", 1, 0, 0, 0, {"504": 150_00}),
    ], "a time-out is a decline, and the switch's own reversal of it no reversal of anything that stood"


def test_what_was_stood_in_for_counts_once_though_its_issuer_is_told_on_another_day(tmp_path: Path) -> None:
    scene = Away()
    scene.pays(small())
    scene.book.asks("day.close", again=True)
    atlas = scene.returns()
    atlas.answers(atlas.gets(), "00")
    scene.rif.sends(reversal(small()))
    assert told(scene.book, tmp_path) == [
        ("2025-11-26", "", 0, 0, 1, 0, {"504": -150_00}),
        ("2025-11-25", "operator", 1, 0, 0, 0, {"504": 150_00}),
    ]
    (first,) = [d for d in days_of(tmp_path) if d.closed_us]
    assert first.stood_in == 1


def test_a_completion_in_another_currency_takes_the_holds_amount_out_of_its_own(tmp_path: Path) -> None:
    advice = owed(4, 2)
    message = {de: value for de, value in advice.message.items() if de != "t"} | {"t": "0220", "3": "000000"}
    advice = msgspec.structs.replace(advice, kind="advice", amount=900, currency="978", message=message)
    written(tmp_path, [booted(), forwarded(2), answered(2), cut(1), advice, cut(2), owed(6, 2)])
    assert [d.net for d in days_of(tmp_path)] == [{"978": -900}, {"504": -12_345, "978": 900}, {"504": 12_345}]


# -- which days there are


def test_until_the_first_cutover_days_are_the_calendars_of_the_deciding_record(tmp_path: Path) -> None:
    late = msgspec.structs.replace(answered(2), at_us=START_US + DAY_US)
    written(tmp_path, [booted(), forwarded(2), forwarded(4), answered(4), declined(6), late])
    reports = Reports(tmp_path)
    shown = [(d.day, d.closed_us, d.closed_by, d.approved, d.declined) for d in reports.days(START_US + DAY_US)]
    assert shown == [
        ("2025-11-26", 0, "", 1, 0),
        ("2025-11-25", START_US + DAY_US // 2, "calendar", 1, 1),
    ]
    assert reports.days(START_US + 5 * DAY_US)[0].day == "2025-11-30", "today is open, with nothing in it yet"
    reports.close()


def test_a_day_without_a_payment_is_a_day(tmp_path: Path) -> None:
    written(tmp_path, [booted(), forwarded(2), answered(2), cut(1), cut(2, START_US + 5)])
    assert [(d.day, d.closed_us, d.approved, d.net) for d in days_of(tmp_path)] == [
        ("2025-11-27", 0, 0, {}),
        ("2025-11-26", START_US + 7, 0, {}),
        ("2025-11-25", START_US + 1, 1, {"504": 12_345}),
    ]
    assert [d.day for d in days_of(tmp_path, limit=2)] == ["2025-11-27", "2025-11-26"]


def test_reversals_belong_to_the_acquirer_and_the_route_of_what_they_undo(tmp_path: Path) -> None:
    own = msgspec.structs.replace(owed(4, 2, "undelivered"))
    written(tmp_path, [booted(), forwarded(2), answered(2), declined(3), cut(1), own, stood_in(8), owed(10, 8)])
    parts = {
        by: [(d.day[-2:], d.of, d.approved, d.reversed) for d in days_of(tmp_path, by)] for by in ("acquirer", "route")
    }
    assert parts["acquirer"] == [("26", "100001", 1, 2), ("25", "100001", 1, 0)]
    assert parts["route"] == [
        ("26", "domestic", 0, 1),
        ("26", "stand-in", 1, 1),
        ("25", "domestic", 1, 0),
        ("25", "refused", 0, 0),
    ]


# -- an index that is not what it was


def three_days() -> list[AnyEntry]:
    """A payment a day, each reversed on the next; a snapshot in the middle of the second."""
    first: list[AnyEntry] = [booted(), forwarded(2), answered(2), cut(1)]
    second: list[AnyEntry] = [forwarded(4), answered(4), owed(5, 2), delivered(5)]
    snap = msgspec.structs.replace(snapshot(5), cutover=cut(1))
    third: list[AnyEntry] = [
        forwarded(8),
        answered(8),
        cut(2),
        owed(9, 4),
        delivered(9),
        forwarded(10),
        answered(10),
        owed(11, 8),
        delivered(11),
    ]
    return [*first, *second, snap, *third]


def test_days_of_a_deleted_index_and_of_a_restored_journal_are_the_same(tmp_path: Path) -> None:
    written(tmp_path / "a", three_days())
    days = days_of(tmp_path / "a")
    assert [d.net for d in days] == [{"504": -12_345}, {"504": 12_345}, {"504": 12_345}]
    Path(index_path(tmp_path / "a")).unlink()
    assert days_of(tmp_path / "a") == days
    backup(tmp_path / "a", tmp_path / "kept", START_US)
    restore(tmp_path / "kept", tmp_path / "b", without_key=True)
    assert days_of(tmp_path / "b") == days


def test_an_older_backup_put_beside_a_newer_index_has_its_own_days_once_a_person_says_so(tmp_path: Path) -> None:
    entries = three_days()
    written(tmp_path, entries)
    days_of(tmp_path)
    for segment in Path(journal_directory(tmp_path)).glob("*.log"):
        segment.unlink()
    written(tmp_path, entries[:4])
    with pytest.raises(JournalError, match="records are missing at its end"):
        days_of(tmp_path)
    accept_end(tmp_path)
    assert [(d.day, d.net) for d in days_of(tmp_path)] == [("2025-11-26", {}), ("2025-11-25", {"504": 12_345})]


@pytest.mark.parametrize("again", [False, True])
def test_a_pruned_journal_has_the_days_it_still_has_and_says_which_is_not_whole(tmp_path: Path, again: bool) -> None:
    written(tmp_path, three_days())
    whole = days_of(tmp_path)
    assert prune(tmp_path, NEVER, NEVER, None).files
    if again:
        Path(index_path(tmp_path)).unlink()
    days = days_of(tmp_path)
    assert (days[0].approved, days[0].reversed, days[0].net) == (1, 2, whole[0].net)
    assert [(d.day, d.closed_by, d.whole) for d in days] == [
        ("2025-11-27", "", not again),
        ("2025-11-26", "atlas", False),
    ]


@pytest.mark.parametrize("batch", [1, 5_000])
def test_the_snapshot_that_a_pruned_journal_begins_with_says_which_day_it_is(tmp_path: Path, batch: int) -> None:
    entries = three_days()
    at = next(n for n, entry in enumerate(entries) if isinstance(entry, Snapshot))
    written(tmp_path, [*entries[: at + 1], forwarded(8), answered(8)])
    assert prune(tmp_path, NEVER, NEVER, None).files
    Path(index_path(tmp_path)).unlink()
    index = Index(tmp_path)
    while index.batch(batch):
        pass
    index.close()
    assert [(d.day, d.closed_us, d.approved, d.whole) for d in days_of(tmp_path)] == [("2025-11-26", 0, 1, False)]


def test_a_partial_reversal_that_leaves_more_than_stands_takes_nothing(tmp_path: Path) -> None:
    less = msgspec.structs.replace(answered(2, "10"), elements={"4": "000000006000"})
    back = msgspec.structs.replace(owed(4, 2), message=owed(4, 2).message | {"95": "000000007000".ljust(42, "0")})
    entries: list[AnyEntry] = [booted(), forwarded(2), less, cut(1), back]
    written(tmp_path, entries)
    assert [d.net for d in days_of(tmp_path)] == [{"504": 0}, {"504": 60_00}]


def test_what_the_follower_indexes_meanwhile_is_not_counted_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = three_days()
    writer = open_writer(tmp_path)
    write(writer, entries[:6])

    def meanwhile(directory: str, schema: int, listed: None, after: Place | None) -> Log:
        write(writer, entries[6:])
        follower = Index(tmp_path)
        follower.catch_up()
        follower.close()
        return Log(directory, schema, listed, after)

    with monkeypatch.context() as patched:
        patched.setattr("switch.journal.look.Log", meanwhile)
        seen = days_of(tmp_path)
    assert seen == days_of(tmp_path)
    assert [d.net for d in seen] == [{"504": -12_345}, {"504": 12_345}, {"504": 12_345}]


def test_where_no_index_can_be_made_the_log_has_the_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, three_days())
    days = days_of(tmp_path)
    Path(index_path(tmp_path)).unlink()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert days_of(tmp_path) == days
