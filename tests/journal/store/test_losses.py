"""Rows of the failure table of docs/scaling.md that no other test plays."""

import signal
from pathlib import Path
from random import Random
from threading import Thread

import pytest

from switch.bench.servers import Cluster
from switch.core.records.records import ENCODER
from switch.journal.feed import Feed
from switch.journal.store.fencing import Owned
from switch.journal.store.port import Claim, FencedError
from switch.journal.store.shared import SharedLog
from tests.e2e.stage import wait_for
from tests.journal.store.model import Database, MemoryStore
from tests.journal.store.nodes import KEY, LEASE_MS, LIMITS, booted, connect, own


@pytest.mark.outside("initdb")
@pytest.mark.outside("psycopg", extra="postgresql")
def test_one_standby_of_two_may_be_away(servers: Cluster, journal: str) -> None:
    store = connect(servers, journal)
    owned = own(store, "a")
    servers.standbys[0].signal(signal.SIGSTOP)
    try:
        for _ in range(20):
            owned.append([b"one"])
    finally:
        servers.standbys[0].signal(signal.SIGCONT)
    servers.wait_for_standbys()
    assert owned.last == 20
    store.close()


@pytest.mark.outside("initdb")
@pytest.mark.outside("psycopg", extra="postgresql")
def test_where_no_connection_is_left_who_is_to_take_over_says_so_and_goes_on_when_there_is_one(
    servers: Cluster, journal: str, tmp_path: Path
) -> None:
    owner = connect(servers, journal)
    own(owner, "a", 3_000).append([ENCODER.encode(booted(1, journal))])
    servers.primary.ask("CREATE ROLE scarce LOGIN")
    servers.primary.ask("GRANT SELECT, INSERT, UPDATE ON cmi_switch_owner, cmi_switch_log TO scarce")
    told: list[str] = []
    url = servers.primary.url.replace("//cmi@", "//scarce@")
    shared = SharedLog(url=url, journal=journal, lease_ms=LEASE_MS, replicated=True, standby=True)
    feed = Feed(tmp_path, journal, LIMITS, key=KEY, shared=shared)

    def fill_up() -> None:
        wait_for(lambda: told)
        servers.primary.ask("ALTER ROLE scarce CONNECTION LIMIT 0")
        servers.primary.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'scarce'")
        wait_for(lambda: "too many connections" in told[-1])
        servers.primary.ask("ALTER ROLE scarce CONNECTION LIMIT -1")

    filling = Thread(target=fill_up)
    filling.start()
    assert feed.open(tell=told.append).position == 1
    filling.join()
    assert any("too many connections for role" in said for said in told)
    feed.close()
    owner.close()


def test_a_database_whose_clock_is_put_forward_ends_a_lease_and_its_owner_approves_nothing_more() -> None:
    database = Database(Random(1))
    store, other = MemoryStore(database), MemoryStore(database)
    owner = store.claim(Claim("a", "a-1", KEY.check, LEASE_MS))
    assert owner is not None
    late = Owned(store, owner, KEY.secret, LEASE_MS, lambda: 0.0)
    assert other.claim(Claim("b", "b-1", KEY.check, LEASE_MS)) is None
    database.off_ms = 3_600_000
    assert other.claim(Claim("b", "b-1", KEY.check, LEASE_MS)) is not None
    with pytest.raises(FencedError, match="node b owns the journal"):
        late.append([b"one"])
    assert database.log == []
