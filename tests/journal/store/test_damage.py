"""What may be wrong with a database, with what is in it, and with the way to it: a sentence each, before anything is approved."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner

from switch.bench.servers import Cluster, cluster
from switch.children import start
from switch.cli.main import main
from switch.config.load import SHIPPED
from switch.journal.feed import Feed, WriterGone
from switch.journal.log import JournalError
from switch.journal.store.opening import node_of
from switch.journal.store.port import StoreError
from switch.journal.store.postgresql import PostgreSQL
from switch.journal.store.shared import SharedLog
from switch.loopback import free_ports
from tests.e2e.log_checker import check_log
from tests.e2e.stage import wait_for
from tests.journal.store.nodes import KEY, LEASE_MS, LIMITS, booted, connect, own, write

pytestmark = [pytest.mark.outside("initdb"), pytest.mark.outside("psycopg", extra="postgresql")]


def refused(url: str, state: Path) -> str:
    """What a switch says that is started with this database."""
    shared = SharedLog(url=url, journal="any", lease_ms=LEASE_MS, replicated=True)
    with pytest.raises(StoreError) as error:
        Feed(state, "any", LIMITS, key=KEY, shared=shared).open()
    return str(error.value)


def as_role(servers: Cluster, role: str) -> str:
    return servers.primary.url.replace("//cmi@", f"//{role}@")


# -- this node's files, and what is in the database


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\xff\xfe\x00", b"db1-0123", b"a b-01234567", b"'; DROP TABLE-01234567"]
)
def test_a_damaged_name_of_the_node_is_nobodys(servers: Cluster, tmp_path: Path, content: bytes) -> None:
    """An empty one would be the name of who owns nothing."""
    path = tmp_path / "journal" / "node"
    path.parent.mkdir(mode=0o700)
    path.write_bytes(content)
    assert f"{path} is damaged" in refused(servers.primary.url, tmp_path)
    path.unlink()
    assert node_of(tmp_path) == path.read_text().strip()


@pytest.mark.parametrize(
    "damage",
    [
        "body = substr(body, 2)",
        "body = body || '\\x00'",
        "lengths = substr(lengths, 2)",
        "lengths = lengths || '\\x00000000'",
        "last = last + 1",
    ],
)
def test_a_row_that_does_not_add_up_is_refused(servers: Cluster, journal: str, tmp_path: Path, damage: str) -> None:
    journal += damage[:12]
    own(connect(servers, journal), "a").append([b"one", b"two"])
    servers.primary.ask(f"UPDATE cmi_switch_log SET {damage} WHERE journal = '{journal.replace(chr(39), '')}'")
    store = connect(servers, journal)
    with pytest.raises(
        StoreError, match=r"records 1 to \d of the database are damaged: \d lengths .* compare with a standby"
    ):
        list(store.batches(0))
    store.close()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DELETE FROM cmi_switch_log WHERE first = 3", "record 3 is missing"),
        ("UPDATE cmi_switch_log SET epoch = 9 WHERE first = 1", "record 3 is of epoch 1, after one of 9"),
        ("UPDATE cmi_switch_log SET body = 'onetwp' WHERE first = 1", "chain is broken at record 1"),
        ("UPDATE cmi_switch_log SET body = 'onetwoo' WHERE first = 1", "lengths do not add up"),
        ("DELETE FROM cmi_switch_log WHERE first = 4", "the log ends with record 3, and its owner's row says 4"),
    ],
)
def test_the_checker_that_judges_the_machines_sees_what_is_wrong(
    servers: Cluster, journal: str, damage: str, said: str
) -> None:
    """See tests/e2e/test_machines.py."""
    journal += f"{len(damage)}{len(said)}"
    owned = own(connect(servers, journal), "a")
    for batch in ([b"one", b"two"], [b"three"], [b"four"]):
        owned.append(batch)
    assert [*check_log(servers.primary, journal, KEY.secret).values()] == [b"one", b"two", b"three", b"four"]
    servers.primary.ask(f"{damage} AND journal = '{journal}'")
    with pytest.raises(AssertionError, match=said):
        check_log(servers.primary, journal, KEY.secret)


# -- the way to it


@contextmanager
def pooled(servers: Cluster, mode: str) -> Iterator[str]:
    """The same database behind pgbouncer."""
    port = free_ports(1)[0]
    directory = Path(tempfile.mkdtemp(prefix="cmi-switch-pooler."))
    directory.chmod(0o755)
    file = directory / "pgbouncer.ini"
    target = f"host=127.0.0.1 port={servers.primary.port} user=cmi"
    lines = ("[databases]", f"postgres = {target}", "[pgbouncer]", "listen_addr = 127.0.0.1", f"listen_port = {port}")
    file.write_text("\n".join((*lines, "auth_type = any", f"pool_mode = {mode}", "unix_socket_dir =")) + "\n")
    child = start([*servers.user, "pgbouncer", "-q", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: listens(port))
        yield f"postgresql://cmi@127.0.0.1:{port}/postgres"
    finally:
        child.kill()
        child.wait()
        shutil.rmtree(directory)


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@pytest.mark.outside("pgbouncer")
@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_a_pooler_is_refused(servers: Cluster, tmp_path: Path, mode: str) -> None:
    with pooled(servers, mode) as url:
        assert "a pooler (pgbouncer or the like) stands before the journal's database" in refused(url, tmp_path)


def test_without_a_pooler_none_is_seen(servers: Cluster, journal: str) -> None:
    assert connect(servers, journal).is_direct()


def test_a_role_that_may_make_no_tables(servers: Cluster, tmp_path: Path) -> None:
    """It is told what it lacks; where the tables are there it needs no more than their rows."""
    servers.primary.ask("DROP TABLE IF EXISTS cmi_switch_owner, cmi_switch_log")
    servers.primary.ask("CREATE ROLE poor LOGIN")
    url = as_role(servers, "poor")
    assert "permission denied for schema public" in (said := refused(url, tmp_path))
    assert "its role needs SELECT, INSERT and UPDATE" in said
    connect(servers, "any").close()
    assert "permission denied for table cmi_switch_owner" in refused(url, tmp_path)
    servers.primary.ask("GRANT SELECT, INSERT, UPDATE ON cmi_switch_owner, cmi_switch_log TO poor")
    feed = Feed(
        tmp_path, "any", LIMITS, key=KEY, shared=SharedLog(url=url, journal="any", lease_ms=LEASE_MS, replicated=True)
    )
    feed.open()
    write(feed, "any", 1, 3)
    feed.close()


def test_a_role_that_sees_another_schema_makes_no_second_journal(servers: Cluster, tmp_path: Path) -> None:
    """Two nodes with a role each, each role with a schema of its name: both would own the journal."""
    connect(servers, "any").close()
    servers.primary.ask("CREATE ROLE second LOGIN")
    servers.primary.ask("CREATE SCHEMA second AUTHORIZATION second")
    servers.primary.ask("ALTER ROLE second SET search_path = '$user'")
    url = as_role(servers, "second")
    said = refused(url, tmp_path)
    assert "cmi_switch_owner is there, in schema public, which this role does not see" in said
    servers.primary.ask("GRANT SELECT, INSERT, UPDATE ON cmi_switch_owner, cmi_switch_log TO second")
    told = f"{url}?{said.rpartition('?')[2]}"
    shared = SharedLog(url=told, journal="seen", lease_ms=LEASE_MS, replicated=True)
    feed = Feed(tmp_path, "seen", LIMITS, key=KEY, shared=shared)
    feed.open()
    write(feed, "seen", 1, 1)
    feed.close()


def test_a_role_that_may_not_write_is_told_so(servers: Cluster, journal: str, tmp_path: Path) -> None:
    """At the start, and where a provider says so while it runs: its disk is full."""
    store = connect(servers, journal)
    owned = own(store, "a")
    owned.append([b"one"])
    servers.primary.set(default_transaction_read_only="on")
    try:
        assert "default_transaction_read_only is on, for this role" in refused(servers.primary.url, tmp_path)
        with pytest.raises(
            StoreError, match=r"read-only transaction; default_transaction_read_only is on: .* out of disk"
        ):
            owned.append([b"two"])
    finally:
        reset(servers, "default_transaction_read_only")
    own(connect(servers, journal), "a").append([b"two"])
    store.close()


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("fsync", "off", "fsync is off: a power cut takes what was acknowledged"),
        ("full_page_writes", "off", "full_page_writes is off: a power cut leaves half-written pages"),
        ("synchronous_standby_names", "", "synchronous_standby_names is empty: .* Set ANY 1"),
        ("", "", "it is a standby: give all servers in the URL, and target_session_attrs=read-write"),
    ],
)
def test_each_unsafe_setting_is_refused_by_its_name(
    servers: Cluster, tmp_path: Path, setting: str, value: str, said: str
) -> None:
    """By who starts, by `check`, and by a writer that connects anew."""
    server = servers.primary if setting else servers.standbys[0]
    file = tmp_path / "mine.toml"
    file.write_text((SHIPPED / "morocco.toml").read_text() + f'\n[journal]\nstore = "{server.url}"\n')
    shared = SharedLog(url=servers.primary.url, journal="unsafe", lease_ms=LEASE_MS, replicated=True)
    feed = Feed(tmp_path / "running", "unsafe", LIMITS, key=KEY, shared=shared)
    feed.open()
    before = servers.primary.ask(f"SHOW {setting}") if setting else ""
    if setting:
        servers.primary.set(**{setting: value})
    try:
        assert re.search(said, refused(server.url, tmp_path / "new"))
        checked = CliRunner().invoke(main, ["check", str(file), "--store"])
        assert checked.exit_code == 1
        assert re.search(said, checked.output)
        if setting:
            with pytest.raises(WriterGone, match=said):
                feed.restart()
    finally:
        if setting:
            servers.primary.set(**{setting: before})
    feed.restart()
    feed.close()


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_what_becomes_unsafe_under_a_running_switch_ends_approvals_until_it_is_mended(
    servers: Cluster, tmp_path: Path, setting: str
) -> None:
    """`ALTER SYSTEM SET …` and a reload: no connection ends."""
    shared = SharedLog(url=servers.primary.url, journal=f"live-{setting}", lease_ms=LEASE_MS, replicated=True)
    feed = Feed(tmp_path, shared.journal, LIMITS, key=KEY, shared=shared)
    feed.open()
    write(feed, shared.journal, 1, 1)
    servers.primary.set(**{setting: "off"})
    try:
        feed.append(2, booted(2, shared.journal))
        feed.push()
        with pytest.raises(WriterGone, match=f"the journal's database is not safe: {setting} is off"):
            wait_for(lambda: feed.acknowledged() == 2)
        with pytest.raises(WriterGone, match=f"{setting} is off"):
            feed.restart()
    finally:
        servers.primary.set(**{setting: "on"})
    feed.restart()
    feed.push()
    assert wait_for(lambda: feed.acknowledged() == 2)
    feed.close()


def test_a_servers_default_of_commits_changes_nothing_under_a_running_switch(servers: Cluster, journal: str) -> None:
    """The session has its own."""
    store = connect(servers, journal)
    owned = own(store, "a", 60_000)
    servers.primary.set(synchronous_commit="off")
    try:
        owned.append([b"one"])
        assert store.ask("SELECT current_setting('synchronous_commit')").get_value(0, 0) == b"on"
    finally:
        reset(servers, "synchronous_commit")
    store.close()


def reset(servers: Cluster, setting: str) -> None:
    servers.primary.ask(f"ALTER SYSTEM RESET {setting}")
    servers.primary.ask("SELECT pg_reload_conf()")
    time.sleep(0.2)  # each backend reads it between two statements


@pytest.fixture(scope="module")
def guarded(servers: Cluster) -> Cluster:
    """The same cluster, with TLS, a role that needs a password and one that needs TLS."""
    authority = trustme.CA()
    authority.issue_cert("db.morocco.test").private_key_and_cert_chain_pem.write_to_path(
        servers.primary.data / "server.pem"
    )
    authority.cert_pem.write_to_path(servers.directory / "ca.pem")
    pem = servers.primary.data / "server.pem"
    pem.chmod(0o600)
    if servers.user:
        shutil.chown(pem, 65534, 65534)
    servers.primary.ask("CREATE ROLE locked LOGIN PASSWORD 'right'")
    servers.primary.ask("CREATE ROLE sealed LOGIN SUPERUSER")
    rules = servers.primary.data / "pg_hba.conf"
    ours = "host all locked all scram-sha-256\nhostssl all sealed all trust\nhost all sealed all reject\n"
    rules.write_text(ours + rules.read_text())
    servers.primary.set(ssl_cert_file="server.pem", ssl_key_file="server.pem", ssl="on")
    return servers


def test_a_wrong_password_is_not_shown(guarded: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "fe_sendauth: no password supplied" in refused(as_role(guarded, "locked"), tmp_path)
    passwords = tmp_path / "pgpass"
    passwords.write_text("*:*:*:*:hunter2\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    said = refused(as_role(guarded, "locked"), tmp_path)
    assert 'password authentication failed for user "locked"' in said
    assert "hunter2" not in said


def test_where_tls_is_required_it_is_said(guarded: Cluster, tmp_path: Path) -> None:
    url = as_role(guarded, "sealed")
    assert "pg_hba.conf rejects connection" in (said := refused(f"{url}?sslmode=disable", tmp_path))
    assert "no encryption" in said
    PostgreSQL(f"{url}?sslmode=require", "any").close()


def test_a_certificate_of_another_host_is_refused(guarded: Cluster, tmp_path: Path) -> None:
    verified = f"{as_role(guarded, 'sealed')}?sslmode=verify-full&sslrootcert={guarded.directory / 'ca.pem'}"
    assert 'server certificate for "db.morocco.test" does not match host name "127.0.0.1"' in refused(
        verified, tmp_path
    )
    stranger = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(stranger)
    other = f"{as_role(guarded, 'sealed')}?sslmode=verify-ca&sslrootcert={stranger}"
    assert "certificate verify failed" in refused(other, tmp_path)


# -- its disk


@contextmanager
def small_disk(servers: Cluster) -> Iterator[Path]:
    """Twelve megabytes, for root."""
    directory = servers.directory / "small"
    directory.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m,uid=65534,gid=65534,mode=700", "tmpfs", directory], check=True
    )
    try:
        yield directory
    finally:
        servers.close()
        subprocess.run(["umount", directory], check=True)


@pytest.mark.skipif(os.getuid() != 0, reason="mounts a small disk, as root")
def test_a_full_disk_stops_approvals_and_room_brings_them_back(tmp_path: Path) -> None:
    with cluster(standbys=0) as servers, small_disk(servers) as disk:
        servers.primary.set(synchronous_standby_names="")
        servers.primary.ask(f"CREATE TABLESPACE small LOCATION '{disk}'")
        shared = SharedLog(url=servers.primary.url, journal="full", lease_ms=60_000, replicated=False)
        feed = Feed(tmp_path, "full", LIMITS, key=KEY, shared=shared)
        feed.open()
        servers.primary.ask("ALTER TABLE cmi_switch_log SET TABLESPACE small")
        servers.primary.ask(
            "CREATE TABLE filler TABLESPACE small AS SELECT repeat('x', 900) FROM generate_series(1, 7000)"
        )
        number, reason = 0, ""
        while not reason:
            number += 1
            assert number < 200_000, "its disk does not get full"
            feed.append(number, booted(number, "full" * 50))
            feed.push()
            if number % 500 == 0:
                reason = why_not(feed, number)
        assert "No space left on device" in reason
        assert "make room on its disk: nothing is approved until there is" in reason
        servers.primary.ask("DROP TABLE filler")
        feed.restart()
        wait_for(lambda: feed.push() and feed.acknowledged() == number)
        feed.close()


def why_not(feed: Feed, last: int) -> str:
    """Wait until all is durable: ""; or what the writer ended with."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            feed.push()
            if feed.acknowledged() == last:
                return ""
        except (WriterGone, JournalError) as error:
            return str(error)
        time.sleep(0.005)
    raise AssertionError("neither durable nor said why not")
