"""What changes under a switch that runs for years: the database's numbers of transactions, its password, its certificate."""

import contextlib
import shutil
import time
from pathlib import Path

import pytest
import trustme

from switch.bench.servers import Cluster, cluster
from switch.journal.feed import Feed
from switch.journal.store.port import StoreError
from switch.journal.store.postgresql import PostgreSQL
from switch.journal.store.shared import SharedLog
from tests.journal.store.nodes import KEY, LIMITS, connect, own, write

pytestmark = [pytest.mark.outside("initdb"), pytest.mark.outside("psycopg", extra="postgresql")]

OLD: int = 2_110_000_000
"""of 2 147 484 364, where numbers would run out in a new cluster: it warns from 40 million before"""
NUMBERS_A_FILE: int = 1 << 20


@pytest.mark.long
def test_numbers_of_transactions_that_run_out_are_said_and_stop_nothing_before_the_server_does(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with cluster(standbys=0) as servers:
        primary = servers.primary
        primary.set(synchronous_standby_names="", autovacuum_naptime="1h")
        shared = SharedLog(url=primary.url, journal="old", lease_ms=60_000, replicated=False)
        feed = Feed(tmp_path, "old", LIMITS, key=KEY, shared=shared)
        feed.open()
        write(feed, "old", 1, 3)
        feed.close()
        primary.stop()
        clog = primary.data / "pg_xact" / f"{OLD // NUMBERS_A_FILE:04X}"
        clog.write_bytes(bytes(NUMBERS_A_FILE // 4))
        if servers.user:
            shutil.chown(clog, 65534, 65534)
        servers.run("pg_resetwal", "-x", str(OLD), "-D", str(primary.data))
        primary.start()
        capfd.readouterr()
        feed.open()
        pid = feed.pid
        for number in range(4, 14):
            write(feed, "old", number, 1)
        assert feed.pid == pid, "the same writer"
        feed.close()
        assert "must be vacuumed within" in Path(f"{primary.data}.log").read_text()
        said = capfd.readouterr().err
        assert said.count("must be vacuumed within") >= 1
        assert "the journal's database will refuse writes before its numbers of transactions run out" in said


def test_another_warning_of_an_append_is_none_that_is_durable(servers: Cluster, journal: str) -> None:
    """As of a function of the database's own, which nobody can know."""
    owned = own(connect(servers, journal), "a", 60_000)
    owned.append([b"one"])
    body = "BEGIN RAISE WARNING 'who knows'; RETURN NEW; END"
    servers.primary.ask(f"CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
    servers.primary.ask(
        f"CREATE TRIGGER warn BEFORE INSERT ON cmi_switch_log FOR EACH ROW WHEN (NEW.journal = '{journal}') "
        "EXECUTE FUNCTION warn()"
    )
    try:
        with pytest.raises(StoreError, match="warns: WARNING: who knows"):
            owned.append([b"two"])
    finally:
        servers.primary.ask("DROP FUNCTION warn CASCADE")


def test_a_password_and_a_certificate_that_are_changed_are_asked_for_at_the_next_connection(
    servers: Cluster, journal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    primary = servers.primary
    rules, passwords, authority = primary.data / "pg_hba.conf", tmp_path / "pgpass", trustme.CA()
    passwords.touch(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    root = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(root)
    primary.ask("CREATE ROLE renewed LOGIN SUPERUSER PASSWORD 'first'")
    kept = rules.read_text()
    rules.write_text(f"hostssl all renewed all scram-sha-256\n{kept}")
    try:
        certify(servers, authority)
        passwords.write_text("*:*:*:*:first\n")
        url = f"{primary.url.replace('cmi@', 'renewed@')}?sslmode=verify-full&sslrootcert={root}"
        store = PostgreSQL(url, journal)
        store.make_tables()
        owned = own(store, "a", 60_000)
        primary.ask("ALTER ROLE renewed PASSWORD 'second'")
        certify(servers, authority)
        owned.append([b"under the connection that is there"])
        with pytest.raises(StoreError, match="password authentication failed"):
            PostgreSQL(url, journal)
        passwords.write_text("*:*:*:*:second\n")
        PostgreSQL(url, journal).close()
        certify(servers, trustme.CA())
        with pytest.raises(StoreError, match="certificate verify failed"):
            PostgreSQL(url, journal)
        owned.append([b"still"])
        store.close()
    finally:
        rules.write_text(kept)
        primary.set(ssl="off")


def certify(servers: Cluster, authority: trustme.CA) -> None:
    """The primary has a new certificate of this authority's."""
    pem = servers.primary.data / "renewed.pem"
    with contextlib.suppress(FileNotFoundError):
        pem.unlink()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
    pem.chmod(0o600)
    if servers.user:
        shutil.chown(pem, 65534, 65534)
    servers.primary.set(ssl_cert_file="renewed.pem", ssl_key_file="renewed.pem", ssl="on")
    time.sleep(0.1)
