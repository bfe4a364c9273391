"""The one statement that appends: each of its guards stands for something, and a statement without it is found."""

from collections.abc import Callable

import pytest

from switch.bench.servers import Cluster
from switch.journal.log import GENESIS
from switch.journal.store import postgresql
from switch.journal.store.port import Batch, Claim, Owner, StoreError, chain_of
from switch.journal.store.postgresql import PostgreSQL
from tests.journal.store import test_postgresql as proofs
from tests.journal.store.nodes import KEY, connect

pytestmark = [pytest.mark.outside("initdb"), pytest.mark.outside("psycopg", extra="postgresql")]
LEASE_MS = 60_000
ONE_CHAIN = chain_of(GENESIS, 1, [b"one"], KEY.secret)


def begun(servers: Cluster, journal: str) -> PostgreSQL:
    """Owned by node a, with one record; where its row lies is known."""
    store = connect(servers, journal)
    assert store.claim(Claim("a", "a-1", KEY.check, LEASE_MS)) is not None
    assert store.append(Batch(1, [b"one"], ONE_CHAIN, 1), 0, LEASE_MS)
    return store


def batch(first: int, epoch: int = 1) -> Batch:
    return Batch(first, [b"more"], chain_of(ONE_CHAIN, first, [b"more"], KEY.secret), epoch)


def owner_of(store: PostgreSQL) -> Owner:
    owner = store.look()
    assert owner is not None
    return owner


def what_is_appended_is_the_owners(servers: Cluster, journal: str) -> None:
    store = begun(servers, journal)
    before = owner_of(store)
    assert store.append(batch(2), 1, 2 * LEASE_MS)
    after = owner_of(store)
    assert (before.last, before.chain) == (1, ONE_CHAIN)
    assert (after.last, after.chain) == (2, batch(2).chain)
    assert after.until > before.until, "it keeps the lease"
    assert [each.last for each in store.batches(0)] == [1, 2]


def who_was_taken_for_dead_appends_nothing(servers: Cluster, journal: str) -> None:
    store, successor = begun(servers, journal), connect(servers, journal)
    assert successor.reclaim("a-1", LEASE_MS) is not None
    assert not store.append(batch(2), 1, LEASE_MS)
    assert (owner_of(store).epoch, owner_of(store).last) == (2, 1)
    assert [each.last for each in store.batches(0)] == [1]


def nor_where_the_successors_row_lies_at_the_place_of_its_own(servers: Cluster, journal: str) -> None:
    """PostgreSQL uses the room of old versions again."""
    store, successor = begun(servers, journal), connect(servers, journal)
    assert successor.reclaim("a-1", LEASE_MS) is not None
    for _ in range(1_000):
        assert successor.renew(2, LEASE_MS)
        if successor._row == store._row:
            break
    assert successor._row == store._row, "its room was never used again"
    assert not store.append(batch(2), 1, LEASE_MS)
    assert owner_of(store).last == 1


def what_leaves_a_hole_is_not_appended(servers: Cluster, journal: str) -> None:
    store = begun(servers, journal)
    assert not store.append(batch(3), 2, LEASE_MS)
    assert owner_of(store).last == 1
    assert [each.last for each in store.batches(0)] == [1]


def other_journals_are_left_alone(servers: Cluster, journal: str) -> None:
    other = connect(servers, f"{journal}-other")
    assert other.claim(Claim("b", "b-1", KEY.check, LEASE_MS)) is not None
    begun(servers, journal)
    assert owner_of(other).last == 0


def under(setting: str, value: str) -> Callable[[Cluster, str], None]:
    """Nothing is made durable by an owner, a claimer, or who stands by, while this is so; and all of it afterwards."""

    def scenario(servers: Cluster, journal: str) -> None:
        store = begun(servers, journal)
        there = servers.primary.ask(f"SHOW {setting}")
        servers.primary.set(**{setting: value})
        try:
            assert not store.append(batch(2), 1, LEASE_MS)
            assert any(said.startswith(f"{setting} is ") for said in store.unsafe())
            assert not store.renew(1, LEASE_MS)
            assert store.claim(Claim("a", "a-2", KEY.check, LEASE_MS)) is None
            assert store.reclaim("a-1", LEASE_MS) is None
            assert not store.mark(Claim("b", "b-1", KEY.check, LEASE_MS), 1, ONE_CHAIN)
        finally:
            servers.primary.set(**{setting: there})
        assert store.append(batch(2), 1, LEASE_MS)

    return scenario


NAMES = under("synchronous_standby_names", "")
FSYNC = under("fsync", "off")
PAGES = under("full_page_writes", "off")
SCENARIOS = (
    what_is_appended_is_the_owners,
    who_was_taken_for_dead_appends_nothing,
    nor_where_the_successors_row_lies_at_the_place_of_its_own,
    what_leaves_a_hole_is_not_appended,
    other_journals_are_left_alone,
    NAMES,
    FSYNC,
    PAGES,
)


@pytest.mark.parametrize("number", range(len(SCENARIOS)))
def test_the_statement_appends_what_it_is_to_and_nothing_else(servers: Cluster, journal: str, number: int) -> None:
    SCENARIOS[number](servers, journal)


@pytest.mark.parametrize(
    ("guard", "instead", "found_by"),
    [
        ("epoch = $4::bigint AND ", "$4::bigint > 0 AND ", who_was_taken_for_dead_appends_nothing),
        (
            "epoch = $4::bigint AND ",
            "$4::bigint > 0 AND ",
            nor_where_the_successors_row_lies_at_the_place_of_its_own,
        ),
        ("AND last = $9::bigint ", "AND $9::bigint >= 0 ", what_leaves_a_hole_is_not_appended),
        ("WHERE journal = $1 AND ", "WHERE ", other_journals_are_left_alone),
        ("last = $3::bigint, ", "", what_is_appended_is_the_owners),
        ("chain = $6::bytea, ", "", what_is_appended_is_the_owners),
        ("until = clock_timestamp() + ", "until = until + 0 * ", what_is_appended_is_the_owners),
        (
            "FROM owner RETURNING (SELECT ctid FROM owner)",
            "RETURNING (SELECT ctid FROM owner)",
            who_was_taken_for_dead_appends_nothing,
        ),
        ("current_setting('synchronous_standby_names') <> ''", "true", NAMES),
        ("current_setting('fsync') = 'on'", "true", FSYNC),
        ("current_setting('full_page_writes') = 'on'", "true", PAGES),
    ],
)
def test_a_statement_without_one_of_its_guards_is_found(
    servers: Cluster,
    journal: str,
    monkeypatch: pytest.MonkeyPatch,
    guard: str,
    instead: str,
    found_by: Callable[[Cluster, str], None],
) -> None:
    for name in ("_APPEND", "_APPEND_AT"):
        statement = getattr(postgresql, name)
        assert guard in statement or guard.startswith("WHERE journal")
        monkeypatch.setattr(postgresql, name, statement.replace(guard, instead, 1))
    with pytest.raises((AssertionError, StoreError), match=r"^assert|^it keeps the lease|more than one row"):
        found_by(servers, journal)


def test_a_row_taken_by_its_place_alone_is_found(
    servers: Cluster, journal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = postgresql._APPEND_AT.replace("AND epoch = $4::bigint", "AND $4::bigint > 0", 1)
    monkeypatch.setattr(postgresql, "_APPEND_AT", statement)
    with pytest.raises(AssertionError):
        nor_where_the_successors_row_lies_at_the_place_of_its_own(servers, journal)


def test_who_does_not_ask_again_after_a_long_wait_is_found(
    servers: Cluster, journal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        PostgreSQL, "_commit_surely", lambda self, statement, values, *_: self._commit(statement, values)
    )
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        proofs.test_what_is_let_go_of_as_nobody_is_to_wait_any_more_is_not_durable(servers, journal, "append")


def test_who_heeds_no_warning_is_found(servers: Cluster, journal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PostgreSQL, "_note", lambda *_: None)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        proofs.test_a_cancelled_commit_is_not_durable(servers, journal)
