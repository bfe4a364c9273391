"""A journal in a real PostgreSQL cluster of its own: durable means on a standby, and one owner at a time."""

import contextlib
import os
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from switch.bench.servers import Cluster, cluster
from switch.cli.main import main
from switch.config.load import SHIPPED
from switch.journal.feed import Feed, WriterGone
from switch.journal.log import ChainKey, JournalError
from switch.journal.recovery import recover
from switch.journal.store.fencing import Owned
from switch.journal.store.opening import node_of
from switch.journal.store.port import Claim, FencedError, Owner, StoreError
from switch.journal.store.postgresql import PostgreSQL
from switch.journal.store.safety import refuse_unsafe
from switch.journal.store.shared import SharedLog, journal_of
from switch.journal.store.writing import boot_clock
from tests.e2e.stage import wait_for
from tests.journal.store.nodes import KEY, LEASE_MS, LIMITS, booted, connect, feed_of, own, write
from tests.journal.store.test_patroni import LEADER, REPLICA, answering

pytestmark = [pytest.mark.outside("initdb"), pytest.mark.outside("psycopg", extra="postgresql")]


def held(store: PostgreSQL) -> list[bytes]:
    return [payload for batch in store.batches(0) for payload in batch.payloads]


def test_what_is_appended_is_on_a_standby_when_it_is_said(servers: Cluster, journal: str) -> None:
    store = connect(servers, journal)
    owned = own(store, "a")
    owned.append([b"one", b"two"])
    owned.append([b"three"])
    assert held(store) == [b"one", b"two", b"three"]

    def on_a_standby() -> bool:
        asked = f"SELECT last FROM cmi_switch_owner WHERE journal = '{journal}'"
        return "3" in {standby.ask(asked) for standby in servers.standbys}

    assert wait_for(on_a_standby)
    store.close()


def test_another_node_waits_for_the_lease_and_then_fences(servers: Cluster, journal: str) -> None:
    first, second = connect(servers, journal), connect(servers, journal)
    owned = own(first, "a")
    owned.append([b"one"])
    claim = Claim("b", "b-1", KEY.check, LEASE_MS)
    assert second.claim(claim) is None
    taken = wait_for(lambda: second.claim(claim), 5)
    assert taken is not None
    assert (taken.epoch, taken.last) == (2, 1)
    with pytest.raises(StoreError, match=r"lease .* ran out"):
        owned.append([b"two"])
    late = Owned(first, Owner("a", "a-1", 1, 1, taken.chain), KEY.secret, 60_000, boot_clock)
    with pytest.raises(FencedError, match="node b owns the journal since epoch 2"):
        late.append([b"two"])
    assert held(second) == [b"one"]
    first.close()
    second.close()


def test_a_cancelled_commit_is_not_durable(servers: Cluster, journal: str) -> None:
    """It returns success and a warning, while no standby has it: seen by others, and lost with its server."""
    store = connect(servers, journal, answer_s=10.0)
    owned = own(store, "a", 60_000)
    stopped(servers, signal.SIGSTOP)
    try:
        cancelling = threading.Thread(target=cancel_the_wait, args=(servers,))
        cancelling.start()
        with pytest.raises(StoreError, match=r"warns: .*canceling"):
            owned.append([b"one"])
        cancelling.join()
    finally:
        stopped(servers, signal.SIGCONT)
    servers.wait_for_standbys()
    store.close()


def stopped(servers: Cluster, number: int) -> None:
    for standby in servers.standbys:
        standby.signal(number)


def cancel_the_wait(servers: Cluster) -> None:
    asked = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    wait_for(lambda: servers.primary.ask(asked) != "0")


def test_without_a_standby_nothing_is_said_and_nothing_is_cancelled(servers: Cluster, journal: str) -> None:
    """The connection is closed; the one that claims next sees what became of it."""
    store = connect(servers, journal)
    owned = own(store, "a", 60_000)
    owned.append([b"one"])
    stopped(servers, signal.SIGSTOP)
    try:
        with pytest.raises(StoreError, match="not answered for 2 s"):
            owned.append([b"two"])
    finally:
        stopped(servers, signal.SIGCONT)
    servers.wait_for_standbys()
    again = connect(servers, journal)
    owner = again.reclaim("a-1", LEASE_MS)
    assert owner is not None
    assert owner.last == 2
    assert held(again) == [b"one", b"two"]
    again.close()


def test_what_is_given_up_leaves_one_statement_behind_however_often(servers: Cluster, journal: str) -> None:
    """The one that waits for its standby; those that would wait for it end with their connections."""
    own(connect(servers, journal), "a", 60_000).append([b"one"])
    stopped(servers, signal.SIGSTOP)
    try:
        for _ in range(4):
            store = PostgreSQL(servers.primary.url, journal, answer_s=0.5)
            with pytest.raises(StoreError, match=r"not answered for 0\.5 s"):
                store.reclaim("a-1", 60_000)
        left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cmi-switch' AND state = 'active'"
        assert wait_for(lambda: servers.primary.ask(left) == "1")
    finally:
        stopped(servers, signal.SIGCONT)
    servers.wait_for_standbys()


def test_where_replication_is_switched_off_nothing_is_appended(servers: Cluster, journal: str) -> None:
    store = connect(servers, journal)
    owned = own(store, "a", 60_000)
    names = servers.primary.ask("SHOW synchronous_standby_names")
    servers.primary.set(synchronous_standby_names="")
    try:
        with pytest.raises(StoreError, match="synchronous_standby_names is empty"):
            owned.append([b"one"])
        with pytest.raises(StoreError, match="lost with the server"):
            refuse_unsafe(store, SharedLog(url="", journal=journal, lease_ms=LEASE_MS, replicated=True))
    finally:
        servers.primary.set(synchronous_standby_names=names)
    owned.append([b"one"])
    store.close()


@pytest.mark.parametrize("what", ["append", "reclaim"])
def test_what_is_let_go_of_as_nobody_is_to_wait_any_more_is_not_durable(
    servers: Cluster, journal: str, what: str
) -> None:
    """An operator empties `synchronous_standby_names` while its standbys are gone: the commit that waits returns, without a
    warning."""
    store = connect(servers, journal, answer_s=10.0)
    owned = own(store, "a", 60_000)
    names = servers.primary.ask("SHOW synchronous_standby_names")
    stopped(servers, signal.SIGSTOP)
    try:
        emptying = threading.Thread(target=empty_the_names, args=(servers,))
        emptying.start()
        with pytest.raises(StoreError, match="emptied while a commit waited"):
            owned.append([b"one"]) if what == "append" else store.reclaim("a-1", 60_000)
        emptying.join()
    finally:
        stopped(servers, signal.SIGCONT)
        servers.primary.set(synchronous_standby_names=names)
    servers.wait_for_standbys()
    store.close()


def empty_the_names(servers: Cluster) -> None:
    wait_for(lambda: servers.primary.ask("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"))
    servers.primary.set(synchronous_standby_names="")


def test_a_role_that_mutes_warnings_does_not_mute_them_here(servers: Cluster, journal: str) -> None:
    servers.primary.ask("ALTER ROLE cmi SET client_min_messages = error")
    try:
        store = connect(servers, journal)
        assert store.ask("SHOW client_min_messages").get_value(0, 0) == b"warning"
        assert store.ask("SHOW synchronous_commit").get_value(0, 0) == b"on"
        store.close()
    finally:
        servers.primary.ask("ALTER ROLE cmi RESET client_min_messages")


# -- the switch's end


def ended(feed: Feed) -> Exception | None:
    """Why its writer has; None: it runs."""
    try:
        feed.acknowledged()
    except (WriterGone, JournalError) as error:
        return error
    return None


def is_at(feed: Feed, last: int) -> bool:
    return feed.push() and feed.acknowledged() == last


def test_a_successor_with_no_files_has_all_that_was_acknowledged(
    servers: Cluster, journal: str, tmp_path: Path
) -> None:
    feed = feed_of(servers, journal, tmp_path / "a")
    feed.open()
    write(feed, journal, 1, 700)
    os.kill(feed.pid, signal.SIGKILL)  # and the node with it: nothing is released
    other = feed_of(servers, journal, tmp_path / "b", standby=True)
    began = time.monotonic()
    told: list[str] = []
    found = other.open(tell=told.append)
    assert time.monotonic() - began < 10
    assert found.position == 700
    assert len(told) == 1
    assert told[0].endswith("owns the journal")
    write(other, journal, 701, 5)
    other.close()
    assert recover(tmp_path / "b", LIMITS).position == 705
    with contextlib.suppress(WriterGone):
        feed.close(0)


def test_who_stands_by_has_all_of_it_in_files_and_index_before_it_takes_over(
    servers: Cluster, journal: str, tmp_path: Path
) -> None:
    feed = feed_of(servers, journal, tmp_path / "a")
    feed.open()
    write(feed, journal, 1, 300)
    other = feed_of(servers, journal, tmp_path / "b", standby=True)
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(other.open)
        wait_for(lambda: position_in(tmp_path / "b") == 300)
        write(feed, journal, 301, 7)
        wait_for(lambda: position_in(tmp_path / "b") == 307)
        wait_for((tmp_path / "b" / "index.sqlite").exists)
        store = connect(servers, journal)
        assert [(node, last, ago < 60) for node, last, ago in store.marks()] == [(node_of(tmp_path / "b"), 307, True)]
        owner = store.look()
        assert owner is not None
        assert owner.node == node_of(tmp_path / "a"), "it owns nothing"
        store.close()
        feed.close()
        found = opening.result(20)
    assert (found.position, found.folded) == (307, 307)
    assert found.chain == recover(tmp_path / "b", LIMITS).chain
    write(other, journal, 308, 1)
    other.close()


def position_in(state: Path) -> int:
    return recover(state, LIMITS).position


def test_a_node_that_comes_back_is_brought_up_to_date(servers: Cluster, journal: str, tmp_path: Path) -> None:
    for state, first in (("a", 1), ("b", 101), ("a", 201), ("b", 301)):
        feed = feed_of(servers, journal, tmp_path / state)
        assert feed.open().position == first - 1
        write(feed, journal, first, 100)
        feed.close()


def test_a_writer_that_is_killed_is_brought_back_with_what_it_never_acknowledged(
    servers: Cluster, journal: str, tmp_path: Path
) -> None:
    feed = feed_of(servers, journal, tmp_path)
    feed.open()
    last = 0
    for _ in range(5):
        for number in range(last + 1, last + 301):
            feed.append(number, booted(number, journal))
        feed.push()
        os.kill(feed.pid, signal.SIGKILL)
        assert wait_for(lambda: ended(feed)) is not None
        feed.restart()
        last += 300
        assert wait_for(partial(is_at, feed, last))
    feed.close()
    assert recover(tmp_path, LIMITS).position == last


def test_a_zombie_ends(servers: Cluster, journal: str, tmp_path: Path) -> None:
    """Its writer is stopped longer than the lease; another node takes over; awake again it acknowledges nothing, and ends."""
    feed = feed_of(servers, journal, tmp_path / "a")
    feed.open()
    write(feed, journal, 1, 10)
    os.kill(feed.pid, signal.SIGSTOP)
    feed.append(11, booted(11, journal))
    feed.push()
    other = feed_of(servers, journal, tmp_path / "b", standby=True)
    assert other.open().position == 10
    os.kill(feed.pid, signal.SIGCONT)

    error = wait_for(lambda: ended(feed))
    assert feed.unacknowledged == 1
    if isinstance(error, WriterGone):  # its lease had run out: it asks again, and is told
        with pytest.raises(FencedError):
            feed.restart()
    write(other, journal, 11, 1)
    other.close()
    with contextlib.suppress(WriterGone, FencedError):
        feed.close(0)


def test_a_primary_that_lacks_what_was_acknowledged_is_refused(tmp_path: Path) -> None:
    """One was promoted that had not got it: the segments know better, and are kept."""
    with cluster(standbys=2) as servers:
        feed = feed_of(servers, "lost", tmp_path / "a")
        feed.open()
        write(feed, "lost", 1, 50)
        behind = servers.standbys[1]
        behind.stop("immediate")
        write(feed, "lost", 51, 50)
        feed.close()
        servers.primary.stop("immediate")
        servers.standbys[0].stop("immediate")
        behind.start_scratch()
        behind.promote()
        behind.set(synchronous_standby_names="")
        shared = SharedLog(url=behind.url, journal="lost", lease_ms=LEASE_MS, replicated=False)
        with pytest.raises(StoreError, match=r"the database ends at record \d+, .* at 100: a server was promoted"):
            Feed(tmp_path / "a", "lost", LIMITS, key=KEY, shared=shared).open()
        assert recover(tmp_path / "a", LIMITS).position == 100


def test_a_journal_of_files_becomes_the_databases(servers: Cluster, journal: str, tmp_path: Path) -> None:
    feed = Feed(tmp_path / "a", journal, LIMITS, key=KEY)
    feed.open()
    write(feed, journal, 1, 1_200)
    feed.close()
    shared = feed_of(servers, journal, tmp_path / "a")
    assert shared.open().position == 1_200
    shared.close()
    other = feed_of(servers, journal, tmp_path / "b")
    assert other.open().position == 1_200
    other.close()


def test_each_shard_has_a_journal_of_its_own(servers: Cluster, journal: str, tmp_path: Path) -> None:
    feeds = []
    for shard in ("a", "b"):
        shared = SharedLog(
            url=servers.primary.url, journal=journal_of(journal, shard), lease_ms=LEASE_MS, replicated=True
        )
        feeds.append(Feed(tmp_path / shard, journal, LIMITS, key=KEY, shared=shared))
        feeds[-1].open()
    for count, feed in enumerate(feeds, 3):
        write(feed, journal, 1, count)
    for feed in feeds:
        feed.close()
    asked = f"SELECT journal, last FROM cmi_switch_owner WHERE journal LIKE '{journal}/%' ORDER BY journal"
    assert servers.primary.ask(asked).split() == [f"{journal}/a|3", f"{journal}/b|4"]


def test_check_asks_the_database(servers: Cluster, journal: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    text = (SHIPPED / "morocco.toml").read_text().replace('name = "morocco"', f'name = "n{journal}"', 1)
    file.write_text(f'{text}\n[journal]\nstore = "{servers.primary.url}"\n')

    def check() -> Result:
        return CliRunner().invoke(main, ["check", str(file), "--store"])

    assert "never been owned" in check().output
    feed = feed_of(servers, f"n{journal}", tmp_path / "a")
    feed.open()
    write(feed, f"n{journal}", 1, 3)
    store = connect(servers, f"n{journal}")
    store.mark(Claim("b-01234567", "b", KEY.check, LEASE_MS), 2, bytes(16))
    store.close()
    feed.close()
    assert re.search(
        r"set up as it must be\npatroni: not asked .*\nn\w+: 3 records, owned by node .* under epoch 2\n"
        r"n\w+: node b-01234567 has stood by, and had 2 records \d s ago\n",
        check().output,
    )
    identifier = servers.primary.ask("SELECT system_identifier FROM pg_control_system()")
    with answering(
        *(member | {"database_system_identifier": identifier} for member in (REPLICA, REPLICA, LEADER))
    ) as urls:
        file.write_text(f"{file.read_text()}patroni = {urls}\n")
        assert "\npatroni: 3 of 3 answer, n3 leads\n" in check().output
    assert (check().exit_code, "no Patroni that leads has answered" in check().output) == (1, True)
    file.write_text(file.read_text().replace(str(servers.primary.port), "1"))
    assert (check().exit_code, "cannot be reached" in check().output) == (1, True)


def test_another_vault_key_is_refused(servers: Cluster, journal: str, tmp_path: Path) -> None:
    feed = feed_of(servers, journal, tmp_path / "a")
    feed.open()
    feed.close()
    shared = SharedLog(url=servers.primary.url, journal=journal, lease_ms=LEASE_MS, replicated=True)
    other = Feed(tmp_path / "b", journal, LIMITS, key=ChainKey(bytes(32), b"another."), shared=shared)
    with pytest.raises(StoreError, match="begun with the vault key of check value"):
        other.open()
