"""The order store: one of two who were first, files that are damaged or another's, what is durable together."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from switch.gateway.orders.database import DamagedError, StoreError
from switch.gateway.orders.lifecycle import IllegalMoveError, Move, Stage
from switch.gateway.orders.order import Attempt, Merchant, Order, Refusal
from switch.gateway.orders.store import Store
from switch.gateway.payment_messages import Names
from switch.gateway.posting import Posted
from switch.gateway.protocol.requests import PaymentRequest
from switch.wire.dates import DAY_US

NAMES = Names(stan="1", sent_at="", local_time="", local_date="", rrn="R1", amount=3150, currency="504")


def order(oid: str = "A1", **more: object) -> Order:
    asked = PaymentRequest(
        clientid="600000001",
        oid=oid,
        amount=3150,
        currency="504",
        sale=False,
        ok_url="",
        fail_url="",
        callback_url="",
        language="fr",
        session_s=900,
        refresh_s=5,
    )
    made = Order(number=0, token=oid, asked=asked, form=[], version="ver3", opened_us=1_000_000)
    return msgspec.structs.replace(made, **more)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "gateway.sqlite")) as made:
        yield made


def test_of_two_who_saw_the_same_order_one_moves_it(store: Store) -> None:
    """Both saw it captured, with nothing given back: the second credit would forget the first."""
    seen = store.open_order(order(stage=Stage.CAPTURED, captured=3150))
    crediting = store.move(seen, Move.CREDIT, 2)
    credited = store.move(crediting, Move.CREDITED, 3, credited=1000)
    with pytest.raises(IllegalMoveError, match="meanwhile"):
        store.move(seen, Move.CREDIT, 4)
    assert store.by_number(seen.number) == credited


def lose(store: Store, oid: str) -> None:
    store.open_order(order(oid))
    raise ZeroDivisionError


def end_the_transaction(store: Store, oid: str) -> None:
    """As a full disk does, in the midst."""
    store.open_order(order(oid))
    store._db.execute("ROLLBACK")


def test_what_is_done_together_is_kept_or_lost_together(store: Store) -> None:
    with store.together():
        first = store.open_order(order("A1"))
        with pytest.raises(IllegalMoveError):
            store.move(first, Move.POSTED, 1)
        store.open_order(order("A2"))
    with pytest.raises(ZeroDivisionError), store.together():
        lose(store, "A3")
    with pytest.raises(StoreError, match="no transaction is active"), store.together():
        end_the_transaction(store, "A4")
    oids = [found.asked.oid for found in (store.by_id("600000001", f"A{n}") for n in range(1, 5)) if found]
    assert oids == ["A1", "A2"]
    assert store.take_numbers("stan", 500) == 1
    assert store.next_number("stan") == 501


def test_what_is_due_and_what_is_unfinished_is_found_whatever_else_there_is(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switch.gateway.orders.store._PAGE", 2)
    for number in range(5):
        store.open_order(order(f"U{number}", stage=Stage.REVERSING))
        store.open_order(order(f"D{number}", due_us=100 - number))
        store.open_order(order(f"H{number}", stage=Stage.HELD, due_us=10**15))
    found, above = list[str](), 0
    while page := store.unfinished(2_000_000, above):
        above = page[-1].number
        found += [one.asked.oid for one in page]
    assert found == [f"U{number}" for number in range(5)]
    assert [one.asked.oid for one in store.due(99)] == ["D4", "D3"]


def test_refusals_are_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("switch.gateway.orders.store._REFUSALS_MAX", 3)
    store.add_refusals(Refusal(n, "card", "600000001", f"A{n}", "10.0.0.1", "why") for n in range(5))
    assert [one.oid for one in store.refusals()] == ["A4", "A3", "A2"]
    assert not store.refusals("another")


def test_another_process_that_comes_and_goes_takes_no_log_away(tmp_path: Path) -> None:
    """Locks of a file are a process's: one that closes it by another way loses them."""
    store = Store(tmp_path / "gateway.sqlite")
    reader = store.beside()
    first = store.open_order(order("A1"))
    assert reader.by_number(first.number) is not None
    code = (
        "import sys; from pathlib import Path; from switch.gateway.orders.store import Store; "
        "from tests.gateway.test_store import order; s = Store(Path(sys.argv[1])); s.open_order(order('A2')); s.close()"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "gateway.sqlite")], check=True)
    assert (tmp_path / "gateway.sqlite-wal").exists()
    assert reader.by_id("600000001", "A2") is not None
    assert store.by_id("600000001", "A2") is not None
    store.close()
    reader.close()


def fill(path: Path) -> None:
    store = Store(path)
    with store.together():
        for number in range(200):
            store.open_order(order(f"A{number}"))
    store.close()


@pytest.mark.parametrize("harm", ["truncated", "garbage", "no database", "newer", "another's"])
def test_a_damaged_file_ends_with_what_to_do(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "gateway.sqlite"
    if harm == "another's":
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE tracks (name TEXT)")
        other.close()
    else:
        fill(path)
    content = path.read_bytes()
    if harm == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif harm == "garbage":
        path.write_bytes(content[:8192] + b"\xa5" * 8192 + content[16384:])
    elif harm == "no database":
        path.write_text("#!/bin/sh\n" * 400)
    elif harm == "newer":
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
    with pytest.raises(StoreError, match=r"gateway\.sqlite: .*; .*(--state|backup)"), closing(Store(path)) as store:
        store.check()


class Broken:
    """A connection whose statements fail."""

    in_transaction = False

    def __init__(self, code: int) -> None:
        self.code = code

    def execute(self, *_: object) -> None:
        error = sqlite3.OperationalError("as told")
        error.sqlite_errorcode = self.code
        raise error


@pytest.mark.parametrize(
    ("code", "damaged", "said"),
    [
        (sqlite3.SQLITE_FULL, False, "as told; make room on its disk"),
        (sqlite3.SQLITE_IOERR_WRITE, False, "look after its disk"),
        (sqlite3.SQLITE_BUSY, False, "another program holds it"),
        (sqlite3.SQLITE_READONLY, False, "may this user write"),
        (sqlite3.SQLITE_CORRUPT, True, "put a backup of it there"),
        (sqlite3.SQLITE_NOTADB, True, "put a backup of it there"),
        (sqlite3.SQLITE_READONLY_DBMOVED, True, "moved or deleted while it was in use"),
    ],
)
def test_nothing_of_sqlites_is_raised_by_anything_that_the_store_offers(
    store: Store, monkeypatch: pytest.MonkeyPatch, code: int, damaged: bool, said: str
) -> None:
    kept = store.open_order(order("A1"))
    monkeypatch.setattr(store, "_db", Broken(code))
    asked: list[Callable[[], object]] = [
        lambda: store.by_number(1),
        store.merchants,
        lambda: store.move(kept, Move.CANCEL, 1),
        lambda: store.refunds_of(kept),
        store.check,
    ]
    for ask in asked:
        with pytest.raises(StoreError, match=rf"gateway\.sqlite: cannot be used: .*{said}") as raised:
            ask()
        assert isinstance(raised.value, DamagedError) is damaged


def test_a_file_that_is_taken_away_in_use_is_missed(store: Store, tmp_path: Path) -> None:
    """SQLite goes on writing to a file that has no name any more: what it says is durable is lost with the process."""
    store.check_place()
    path = tmp_path / "gateway.sqlite"
    path.rename(tmp_path / "away")
    with pytest.raises(DamagedError, match="moved or deleted while it was in use"):
        store.check_place()
    path.write_bytes((tmp_path / "away").read_bytes())
    with pytest.raises(DamagedError):
        store.check_place()
    (tmp_path / "away").replace(path)
    store.check_place()


def test_a_row_that_somebody_has_changed_is_said(store: Store) -> None:
    kept = store.open_order(order("A1", due_us=5))
    store._db.execute("UPDATE orders SET body = ?", (b'{"number": "one"}',))
    with pytest.raises(StoreError, match=r"a row \(order\) cannot be read"):
        store.by_number(kept.number)
    with pytest.raises(StoreError, match="backup"):
        store.due(10)


def _without_windows(db: sqlite3.Connection) -> None:
    db.execute("DROP INDEX by_window")
    db.execute("ALTER TABLE orders DROP COLUMN window")


def captured(oid: str, window: str, **more: object) -> Order:
    attempt = Attempt(names=NAMES, masked="950401******0010", scheme="cmi", client="", code="00", approval="123456")
    posted = Posted(at_us=5, window=window, fees=50, tax=5, currency="504")
    return order(oid, stage=Stage.CAPTURED, attempt=attempt, captured=3150, posted=posted, **more)


@pytest.mark.parametrize("half_done", [False, True])
def test_captures_of_an_older_file_are_found_by_their_window(half_done: bool, tmp_path: Path) -> None:
    path = tmp_path / "gateway.sqlite"
    store = Store(path)
    for oid, window in (("A1", "2026-11-27/1"), ("A2", "2026-11-28/1"), ("A3", "2026-11-28/1")):
        store.open_order(captured(oid, window))
    store.open_order(order("A4"))
    store.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        if half_done:  # by a start that was killed
            db.execute("UPDATE orders SET window = ''")
        else:
            _without_windows(db)
        db.execute("PRAGMA user_version = 2")
    store = Store(path)
    assert store.windows("600000001") == [("2026-11-28/1", 2), ("2026-11-27/1", 1)]
    (line,) = store.of_window("600000001", "2026-11-27/1")
    assert (line.oid, line.captured, line.fees, line.net) == ("A1", 3150, 55, 3095)
    assert store.of_window("600000001", "") == []
    assert store.of_window("600000009", "2026-11-28/1") == [], "another merchant's"
    plan = store._db.execute(
        "EXPLAIN QUERY PLAN SELECT body FROM orders WHERE clientid = 'x' AND window = 'y' AND window <> ''"
    )
    assert "by_window" in plan.fetchone()[3]
    store.close()


def test_a_file_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "gateway.sqlite"
    store = Store(path)
    held = store.open_order(order("A1", stage=Stage.HELD))
    opened = store.open_order(order("A2"))
    merchant = Merchant(
        clientid="600000001", title="", city="", category="", site="", hosts=(), sealed_key=b"", hold_days=3
    )
    store.add_merchant(merchant)
    store.close()
    with sqlite3.connect(path) as db:
        for change in ("DROP INDEX by_due", "ALTER TABLE orders DROP COLUMN due_us", "DROP TABLE refusals"):
            db.execute(change)
        _without_windows(db)
        db.execute("PRAGMA user_version = 1")
        db.execute("PRAGMA application_id = 0")
    db.close()
    store = Store(path)
    store.check()
    assert [found.due_us for found in (store.by_number(held.number), store.by_number(opened.number)) if found] == [
        held.moved_us + 3 * DAY_US,
        opened.ends_us,
    ]
    assert len(store.due(10**18)) == 2
    kept = tmp_path / "gateway.sqlite.version-1"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert str(kept) in store.taken_over
    with closing(sqlite3.connect(kept)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert db.execute("SELECT count(*) FROM orders").fetchone() == (2,)
    store.close()
    with closing(Store(path)) as again:
        assert again.taken_over == "", "once"
