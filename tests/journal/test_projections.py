"""What is derived from the journal can be thrown away: built again, it is what it was; and each projection stands alone."""

import hashlib
import random
from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from switch.cli.journal import command
from switch.config import load_network
from switch.core.limits import Limits
from switch.core.records.records import SCHEMA, Answered, AnyEntry, Owed
from switch.journal.history import IndexHistory
from switch.journal.index import REMOVED, Index, Progress, Rebuilt
from switch.journal.log import JournalError, Log
from switch.journal.projections import STANDARD
from switch.journal.projections.days import DayFold, Days, sums
from switch.journal.projections.effects import Effect, Party
from switch.journal.projections.ledger import Ledger
from switch.journal.projections.projection import Fold, Folding, Look, Projection, Take, Write, begin
from switch.journal.projections.transactions import TransactionFold, Transactions, newest_first
from switch.journal.prune import prune
from switch.journal.rebuild import rebuild
from switch.journal.recovery import decode, journal_directory, recover, settle
from switch.server.indexing import projection_rebuilt
from switch.sim.cast import Cast
from switch.sim.world import World
from switch.wire.dates import DAY_US
from tests.journal.samples import (
    START_US,
    answered,
    catch_up,
    day,
    forwarded,
    key,
    open_writer,
    snapshot,
    write,
    written,
)

FAR_US = START_US + 1_000 * DAY_US


@pytest.fixture(scope="module")
def simulated() -> list[AnyEntry]:
    """What is durable of a simulated day with everything that can break."""
    world = World(Cast(load_network("morocco")), 26, 400)
    assert world.run().failures == ()
    disk = world.switch.disk
    assert len(disk.entries) > 900
    return disk.entries[: disk.durable]


def dump(state: Path, projections: Sequence[Projection] = STANDARD) -> list[str]:
    """Every table of the index, to the byte."""
    index = Index(state, projections)
    found = list(index.database.iterdump())
    index.close()
    return found


def live(state: Path, entries: Sequence[AnyEntry], seed: int, projections: Sequence[Projection] = STANDARD) -> int:
    """The journal written and indexed bit by bit, by switches that are killed and indexers that are, too; how many crashes."""
    chance, at, crashes = random.Random(seed), 0, 0
    writer, index = open_writer(state), Index(state, projections)
    while at < len(entries):
        step = chance.randrange(1, 60)
        write(writer, entries[at : at + step], batch=chance.randrange(1, 9))
        at += step
        if chance.random() < 0.7:
            index.batch(chance.randrange(1, 80))
        if chance.random() < 0.3:
            crashes += 1
            index.database.execute("BEGIN IMMEDIATE")  # and dies in the middle
            index.tables.advance(journal_directory(state), [], 50)
            index.database.execute("UPDATE projections SET sequence = sequence + 1")
            index.close()
            found = recover(state, Limits())
            settle(state, "morocco", found)
            writer, index = open_writer(state, found.position, found.chain), Index(state, projections)
    writer.close()
    while index.batch(77):
        pass
    assert (index.place() or pytest.fail("nothing was indexed")).sequence == len(entries)
    index.close()
    return crashes


@pytest.mark.parametrize("seed", range(4))
def test_tables_built_again_are_those_built_live_to_the_byte(
    tmp_path: Path, simulated: list[AnyEntry], seed: int
) -> None:
    assert live(tmp_path, simulated, seed) > 3
    lived = dump(tmp_path)
    assert [(r.projection, r.records, r.first) for r in rebuild(tmp_path)] == [
        (each.name, len(simulated), 1) for each in STANDARD
    ]
    assert dump(tmp_path) == lived
    for each in STANDARD:
        assert [r.projection for r in rebuild(tmp_path, [each.name])] == [each.name]
        assert dump(tmp_path) == lived
    for file in tmp_path.glob("index.sqlite*"):
        file.unlink()
    catch_up(tmp_path)
    assert dump(tmp_path) == lived


def test_the_same_folds_run_without_a_database(tmp_path: Path, simulated: list[AnyEntry]) -> None:
    live(tmp_path, simulated, 5)
    folds = begin(STANDARD)
    folding = Folding(folds.values())
    for segment, record in Log(journal_directory(tmp_path), SCHEMA):
        folding.add(decode(segment, record), record.sequence, segment.ordinal, record.offset)
    index = Index(tmp_path)
    transactions, days = folds["transactions"], folds["days"]
    assert isinstance(transactions, TransactionFold)
    assert isinstance(days, DayFold)
    assert sorted(transactions.changed.values(), key=lambda row: -row.txn) == list(newest_first(index.look))
    assert days.sums == dict(sums(index.look))
    index.close()


class NextDays(Days):
    """As a later release might have them."""

    version: Final = 99  # type: ignore[misc]


class NextTransactions(Transactions):
    """As a later release might have them."""

    version: Final = 99  # type: ignore[misc]


def fit(state: Path, projections: Sequence[Projection]) -> list[Rebuilt]:
    index = Index(state, projections)
    found = [step for step in index.fit() if isinstance(step, Rebuilt)]
    index.close()
    return found


def spoil(state: Path, statement: str) -> None:
    """What a rebuild would mend: where it stays, that table was not built again."""
    index = Index(state)
    index.database.execute(statement)
    index.close()


MARKED = {"transactions": "UPDATE transactions SET reason = 'marked'", "days": "UPDATE days SET amount = amount + 7"}


@pytest.mark.parametrize(
    ("next_", "other"),
    [((Transactions(), NextDays(), Ledger()), "transactions"), ((NextTransactions(), Days(), Ledger()), "days")],
    ids=["days", "transactions"],
)
def test_a_new_version_builds_that_projection_again_and_no_other(
    tmp_path: Path, simulated: list[AnyEntry], next_: tuple[Projection, ...], other: str
) -> None:
    live(tmp_path, simulated, 6)
    spoil(tmp_path, MARKED[other])
    before = [line for line in dump(tmp_path) if f'INTO "{other}"' in line]
    changed, was = next((each.name, each.version) for each in STANDARD if each.name in MARKED and each.name != other)
    whole = [line for line in dump(tmp_path) if f'INTO "{changed}"' in line]
    spoil(tmp_path, MARKED[changed])
    assert [(r.projection, r.why, r.last) for r in fit(tmp_path, next_)] == [
        (changed, f"of version {was}, now 99", len(simulated))
    ]
    after = dump(tmp_path, next_)
    assert [line for line in after if f'INTO "{other}"' in line] == before, "it is left alone"
    assert [line for line in after if f'INTO "{changed}"' in line] == whole, "built from the log alone"
    assert fit(tmp_path, next_) == []


class TurnoverFold:
    """Counts answers, and effects as another fold finds them."""

    def __init__(self, transactions: TransactionFold, look: Look) -> None:
        self._counts: Tally[str] = Tally()
        for effect, count in look("SELECT effect, count FROM turnover", ()):
            self._counts[effect] = count
        also = transactions.report

        def report(at_us: int, party: Party, effect: Effect, currency: str, amount: int, count: int) -> None:
            also(at_us, party, effect, currency, amount, count)
            self._counts[effect] += count

        transactions.report = report
        self.takes: Mapping[type, Take] = {Answered: self._answer}

    def _answer(self, entry: Answered, _: int, __: bytes) -> None:
        self._counts[f"answer {entry.de39}"] += 1

    def writes(self) -> Iterable[Write]:
        yield "INSERT OR REPLACE INTO turnover VALUES (?, ?)", sorted(self._counts.items())


class Turnover:
    """A projection of another room: nothing but the Protocol ties it to the journal."""

    name: Final = "turnover"
    version: Final = 1
    tables: Final[Mapping[str, Sequence[str]]] = {
        "turnover": ("CREATE TABLE turnover (effect TEXT PRIMARY KEY, count INTEGER)",)
    }
    needs: Final = ("transactions",)

    def fold(self, look: Look, needed: Mapping[str, Fold]) -> Fold:
        transactions = needed["transactions"]
        assert isinstance(transactions, TransactionFold)
        return TurnoverFold(transactions, look)

    def forget(self, _first: int) -> Iterable[Write]:
        return ()


THREE: tuple[Projection, ...] = (*STANDARD, Turnover())


def turnover(state: Path) -> dict[str, int]:
    index = Index(state, THREE)
    found: dict[str, int] = dict(index.look("SELECT effect, count FROM turnover"))
    index.close()
    return found


def test_a_third_projection_is_plugged_in_built_alone_kept_live_and_taken_out(
    tmp_path: Path, simulated: list[AnyEntry]
) -> None:
    live(tmp_path / "from the first", simulated, 7, THREE)
    expected = turnover(tmp_path / "from the first")
    assert expected["answer 00"] == sum(isinstance(e, Answered) and e.de39 == "00" for e in simulated)
    assert expected["reversal"]
    state = tmp_path / "later"
    half = len(simulated) // 2
    live(state, simulated[:half], 7)
    two = dump(state)
    assert [(r.projection, r.why) for r in fit(state, THREE)] == [("turnover", "new")]
    assert [line for line in dump(state, THREE) if "turnover" not in line] == two
    found = recover(state, Limits())
    settle(state, "morocco", found)
    writer = open_writer(state, found.position, found.chain)
    write(writer, simulated[half:], batch=5)
    writer.close()
    index = Index(state, THREE)
    index.catch_up()
    index.close()
    assert turnover(state) == expected
    assert fit(state, STANDARD) == [Rebuilt(projection="turnover", why=REMOVED)]
    assert not [line for line in dump(state) if "turnover" in line]


def test_projections_that_cannot_be_kept_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="projection days needs transactions: list that before it"):
        Index(tmp_path, (Days(), Transactions()))
    with pytest.raises(ValueError, match="two projections are called days"):
        Index(tmp_path, (*STANDARD, Days()))

    class Clash(Turnover):
        name: Final = "clash"  # type: ignore[misc]

    with pytest.raises(ValueError, match="projections turnover and clash both have a table turnover"):
        Index(tmp_path, (*THREE, Clash()))


def test_a_rebuild_that_is_broken_off_leaves_the_tables_as_they_were_and_they_answer_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switch.journal.beside.STEP_RECORDS", 20)
    written(tmp_path, day(100))
    catch_up(tmp_path)
    before, history, index = dump(tmp_path), IndexHistory(tmp_path), Index(tmp_path)
    steps = index.fit(["transactions"])
    for _ in range(4):
        assert isinstance(next(steps), Progress)
        assert history.find(key(11)) is not None
    steps.close()
    index.close()
    history.close()
    assert dump(tmp_path) == before


def test_records_that_come_while_a_projection_is_built_again_are_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switch.journal.beside.STEP_RECORDS", 20)
    writer = open_writer(tmp_path)
    write(writer, day(100))
    index, other = Index(tmp_path), Index(tmp_path)
    index.catch_up()
    steps = index.fit(["days"])
    next(steps)
    write(writer, day(100, first=301))
    other.catch_up()
    expected = dump(tmp_path)
    (last,) = [step for step in steps if isinstance(step, Rebuilt)]
    assert last.last == writer.durable - 1
    assert dump(tmp_path) == expected
    index.close()
    other.close()


def pruned(state: Path) -> int:
    """A journal that begins later; the record it begins with."""
    written(state, [*day(50), snapshot(200), *day(50, first=201)])
    catch_up(state)
    return prune(state, FAR_US, FAR_US, None).first


def test_of_a_pruned_journal_what_is_left_is_built_again_and_that_is_said(tmp_path: Path) -> None:
    first = pruned(tmp_path)
    assert first > 1
    before = [line for line in dump(tmp_path) if 'INTO "transactions"' in line]
    (done,) = rebuild(tmp_path, ["transactions"])
    assert done.first == first
    assert [line for line in dump(tmp_path) if 'INTO "transactions"' in line] == before
    event = projection_rebuilt(done)
    assert (event.level, event.event, event.fields["first"]) == ("warning", "projection.rebuilt", first)
    assert f"what lay before record {first} is in it no more" in event.fields["hint"]
    result = CliRunner().invoke(command, ["rebuild", "days", "--state", str(tmp_path)])
    assert "The journal was pruned: what lay before is in it no more." in result.output


def test_a_prune_in_the_middle_of_it_brings_nothing_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("switch.journal.beside.STEP_RECORDS", 20)
    written(tmp_path, [*day(50), snapshot(200), *day(50, first=201)])
    index = Index(tmp_path)
    index.catch_up()
    steps = index.fit(["transactions"])
    next(steps)
    prune(tmp_path, FAR_US, FAR_US, None)
    before = dump(tmp_path)
    with pytest.raises(JournalError, match="was pruned meanwhile: build the projection again"):
        list(steps)
    index.close()
    assert dump(tmp_path) == before


def test_a_record_that_was_indexed_and_is_gone_is_said_and_nothing_is_replaced(tmp_path: Path) -> None:
    written(tmp_path, [*day(40), forwarded(900), answered(900)])
    catch_up(tmp_path)
    before = dump(tmp_path)
    path = next(Path(journal_directory(tmp_path)).glob("*.log"))
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(JournalError):
        rebuild(tmp_path, ["days"])
    assert dump(tmp_path) == before


def test_the_simulated_day_has_every_effect(simulated: list[AnyEntry]) -> None:
    """Else nothing above would be worth much."""
    folds = begin(STANDARD)
    folding = Folding(folds.values())
    for sequence, entry in enumerate(simulated, 1):
        folding.add(entry, sequence, 1, 0)
    days = folds["days"]
    assert isinstance(days, DayFold)
    assert {cell.effect for cell in days.sums} >= {Effect.APPROVAL, Effect.DECLINE, Effect.REVERSAL, Effect.ADVICE}
    assert any(isinstance(entry, Owed) for entry in simulated)


def test_columns_that_change_take_a_higher_version() -> None:
    """An index of an older release is built again by its version alone: columns of the same version must be the same."""
    assert {each.name: (each.version, columns_digest(each)) for each in STANDARD} == {
        "transactions": (5, "33b43dd90faa"),
        "days": (3, "e0c89dd4cfe3"),
        "ledger": (6, "74c617aa6218"),
    }, "the statements that make a table have changed: raise the projection's version, and write down both here"


def columns_digest(projection: Projection) -> str:
    made = sorted((table, tuple(statements)) for table, statements in projection.tables.items())
    return hashlib.sha256(repr(made).encode()).hexdigest()[:12]
