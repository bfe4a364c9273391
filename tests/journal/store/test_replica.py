"""A replica that lags, asked in the primary's place: it is refused, with how far it is, and nothing is read from it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.bench.servers import Cluster, Server
from switch.cli.main import main
from switch.config.load import SHIPPED
from switch.core.records.records import SCHEMA
from switch.journal.feed import Feed
from switch.journal.log import GENESIS
from switch.journal.recovery import recover
from switch.journal.segment_writer import Home
from switch.journal.store.catching_up import Copy, OwnEnd
from switch.journal.store.port import Claim, StoreError
from switch.journal.store.postgresql import PostgreSQL
from switch.journal.store.shared import SharedLog
from tests.e2e.stage import wait_for
from tests.journal.store.nodes import KEY, LEASE_MS, LIMITS, feed_of, write

pytestmark = [pytest.mark.outside("initdb"), pytest.mark.outside("psycopg", extra="postgresql")]
STANDBY = r"it is a standby: give all servers in the URL, .* \(whose last commit is of \d+ s ago\)"


@pytest.fixture
def lagging(servers: Cluster, journal: str, tmp_path: Path) -> Iterator[Server]:
    """A hot standby that has five of ten records; the other five are acknowledged, and on its disk."""
    server = servers.standbys[1]
    feed = feed_of(servers, journal, tmp_path / "owner")
    feed.open()
    write(feed, journal, 1, 5)
    asked = f"SELECT last FROM cmi_switch_owner WHERE journal = '{journal}'"
    assert wait_for(lambda: server.ask(asked) == "5")
    server.ask("SELECT pg_wal_replay_pause()")
    assert wait_for(lambda: server.ask("SELECT pg_get_wal_replay_pause_state()") == "paused")
    try:
        write(feed, journal, 6, 5)
        yield server
    finally:
        server.ask("SELECT pg_wal_replay_resume()")
        feed.close()


@pytest.mark.parametrize("standby", [False, True])
def test_no_switch_starts_by_it_nor_stands_by(lagging: Server, journal: str, tmp_path: Path, standby: bool) -> None:
    shared = SharedLog(url=lagging.url, journal=journal, lease_ms=LEASE_MS, replicated=True, standby=standby)
    with pytest.raises(StoreError, match=STANDBY):
        Feed(tmp_path / "new", journal, LIMITS, key=KEY, shared=shared).open()
    assert recover(tmp_path / "new", LIMITS).position == 0


def test_check_says_nothing_of_the_journal_by_it(lagging: Server, journal: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    text = (SHIPPED / "morocco.toml").read_text().replace('name = "morocco"', f'name = "{journal}"', 1)
    file.write_text(f'{text}\n[journal]\nstore = "{lagging.url}"\n')
    checked = CliRunner().invoke(main, ["check", str(file), "--store"])
    assert checked.exit_code == 1
    assert "it is a standby" in checked.output
    assert "owned by" not in checked.output


def test_who_follows_takes_nothing_from_it(lagging: Server, journal: str, tmp_path: Path) -> None:
    """Not even who has got past the question: behind what it reads it commits a row of its own."""
    store = PostgreSQL(lagging.url, journal)
    taken: list[int] = []
    end = OwnEnd(home=Home(str(tmp_path), journal, SCHEMA, KEY), last=0, chain=GENESIS)
    copy = Copy(end, lambda first, payloads: taken.extend(range(first, first + len(payloads))))
    with pytest.raises(StoreError, match="read-only"):
        copy.follow(store, Claim("b", "b-1", KEY.check, LEASE_MS))
    assert taken == []
    assert [batch.last for batch in store.batches(0)][-1:] == [5], "it has the first five, and no other"
    with pytest.raises(StoreError, match="read-only"):
        store.renew(1, LEASE_MS)
    store.close()


def test_with_the_primary_beside_it_in_the_url_it_is_passed_over(
    servers: Cluster, lagging: Server, journal: str
) -> None:
    url = f"postgresql://cmi@127.0.0.1:{lagging.port},127.0.0.1:{servers.primary.port}/postgres"
    store = PostgreSQL(url, journal)
    owner = store.look()
    assert owner is not None
    assert owner.last == 10
    assert [number for each in store.batches(0) for number in range(each.first, each.last + 1)] == list(range(1, 11))
    store.close()
