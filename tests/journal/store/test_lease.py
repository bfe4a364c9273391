"""A lease while nothing is appended: it is kept by who reads for long, and asked for by who stands by."""

import contextlib
import time
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from switch.bench.servers import Cluster, Server, cluster
from switch.core.records.records import ENCODER, SCHEMA
from switch.journal.feed import Feed
from switch.journal.log import GENESIS
from switch.journal.segment_writer import Home
from switch.journal.store import opening
from switch.journal.store.catching_up import Copy, OwnEnd
from switch.journal.store.port import Claim
from switch.journal.store.postgresql import PostgreSQL
from switch.journal.store.shared import SharedLog
from switch.security.files import make_private_directory
from tests.e2e.stage import wait_for
from tests.journal.store.nodes import KEY, LEASE_MS, LIMITS, booted, connect, feed_of, own, write
from tests.journal.store.test_patroni import LEADER, answering

pytestmark = [pytest.mark.outside("initdb"), pytest.mark.outside("psycopg", extra="postgresql")]


def test_who_folds_for_longer_than_a_lease_keeps_what_it_has_claimed(
    servers: Cluster, journal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "OPENING_MS", 600)
    shared = SharedLog(url=servers.primary.url, journal=journal, lease_ms=300, replicated=True)
    directory = tmp_path / "journal"
    make_private_directory(directory)
    place = OwnEnd(home=Home(str(directory), journal, SCHEMA, KEY), last=0, chain=GENESIS)
    other, claim = connect(servers, journal), Claim("b", "b-1", KEY.check, LEASE_MS)
    with contextlib.ExitStack() as keeping:
        opening.take(shared, tmp_path, Copy(place, lambda *_: None), print, keeping)
        time.sleep(1.3)
        assert other.claim(claim) is None
    assert wait_for(lambda: other.claim(claim), 3)


def test_a_feed_that_folds_for_long_still_owns_the_journal(
    servers: Cluster, journal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "OPENING_MS", 600)
    feed = feed_of(servers, journal, tmp_path / "a")
    feed.open()
    write(feed, journal, 1, 3)
    feed.close()
    slow = feed_of(servers, journal, tmp_path / "b", lease_ms=300)

    def find_late(_: Path) -> tuple[()]:
        """After the fold, and before the writer is there."""
        time.sleep(1.3)
        assert connect(servers, journal).claim(Claim("c", "c-1", KEY.check, LEASE_MS)) is None
        return ()

    monkeypatch.setattr("switch.journal.feed.find_gaps", find_late)
    assert slow.open().position == 3
    slow.close()


def test_who_stands_by_asks_for_no_row_that_is_there(
    servers: Cluster, journal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(connect(servers, journal), "a", 60_000)
    store = connect(servers, journal)
    asked: list[str] = []
    ask = store.ask

    def noted(statement: str, *values: Any) -> Any:
        asked.append(statement[:6])
        return ask(statement, *values)

    monkeypatch.setattr(store, "ask", noted)
    assert store.claim(Claim("b", "b-1", KEY.check, LEASE_MS)) is None
    assert asked == ["UPDATE", "SELECT"]


def restart_once(server: Server, told: list[str], patroni: contextlib.ExitStack) -> None:
    """As if it were killed, and its Patroni with it, once a standby has said that it waits."""
    wait_for(lambda: told)
    patroni.close()
    server.stop("immediate")
    server.start()


def test_a_standby_outlives_the_primary_that_it_waits_by(tmp_path: Path) -> None:
    """It is then that it is to take over."""
    with cluster(standbys=0) as servers, contextlib.ExitStack() as patroni:
        servers.primary.set(synchronous_standby_names="")
        store = PostgreSQL(servers.primary.url, "left", replicated=False)
        store.make_tables()
        own(store, "a", 2_000).append([ENCODER.encode(booted(1, "left"))])
        told: list[str] = []
        identifier = servers.primary.ask("SELECT system_identifier FROM pg_control_system()")
        urls = patroni.enter_context(answering(LEADER | {"database_system_identifier": identifier}))
        shared = SharedLog(
            url=servers.primary.url,
            journal="left",
            lease_ms=LEASE_MS,
            replicated=False,
            standby=True,
            patroni=tuple(urls),
        )
        restarting = Thread(target=restart_once, args=(servers.primary, told, patroni))
        restarting.start()
        found = Feed(tmp_path, "left", LIMITS, key=KEY, shared=shared)
        assert found.open(tell=told.append).position == 1
        restarting.join()
        found.close()
    assert told[0] == "node a owns the journal"
    assert "cannot be reached" in told[1] or "the journal's database: " in told[1]
