"""Of a database's servers the one that takes writes is found at once, whatever the others do; and the way to it may be bad."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from switch.bench.servers import Cluster
from switch.journal.store.port import StoreError
from switch.journal.store.postgresql import PostgreSQL
from switch.loopback import free_ports
from tests.journal.store.nodes import connect, own

pytestmark = [pytest.mark.outside("initdb"), pytest.mark.outside("psycopg", extra="postgresql")]


class Way:
    """A proxy before the primary: `bytes_at_once` every 10 ms; `stands`: it passes on nothing, and keeps what is connected."""

    def __init__(self, port: int, bytes_at_once: int, own: tuple[str, int]) -> None:
        self._port, self._bytes = port, bytes_at_once
        self.stands = False
        self._door = socket.create_server(own)
        self.port: int = self._door.getsockname()[1]
        self._ends: list[socket.socket] = [self._door]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._door.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                self._ends += [client, server]
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(self._bytes):
                time.sleep(0.01)
                if not self.stands:
                    target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        for end in self._ends:
            end.close()


@contextmanager
def way_to(servers: Cluster, bytes_at_once: int = 1 << 20, port: int = 0, host: str = "127.0.0.1") -> Iterator[Way]:
    way = Way(servers.primary.port, bytes_at_once, (host, port))
    try:
        yield way
    finally:
        way.close()


def url_of(*ports: int, more: str = "") -> str:
    return f"postgresql://cmi@{','.join(f'127.0.0.1:{port}' for port in ports)}/postgres{more}"


def port_of(store: PostgreSQL) -> int:
    return int(store.ask("SELECT inet_server_port()").get_value(0, 0) or 0)


@pytest.mark.parametrize("more", ["", "?target_session_attrs=read-write", "?target_session_attrs=primary"])
def test_the_one_that_takes_writes_is_found_though_others_are_mute_or_gone(servers: Cluster, more: str) -> None:
    """The first takes connections and never answers, as one whose process stands still; one refuses; one is a standby."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        ports = mute.getsockname()[1], free_ports(1)[0], servers.standbys[0].port, servers.primary.port
        began = time.monotonic()
        store = PostgreSQL(url_of(*ports, more=more), "any")
        assert time.monotonic() - began < 2.5, "the one that is mute was waited for"
        assert port_of(store) == servers.primary.port
        store.close()


def test_where_none_takes_writes_each_says_why_not(servers: Cluster) -> None:
    closed = free_ports(1)[0]
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        with pytest.raises(StoreError) as error:
            PostgreSQL(url_of(port, closed, servers.standbys[0].port).replace("cmi@", "cmi:hunter2@"), "any")
    said = str(error.value)
    assert "hunter2" not in said
    for sentence in (
        f"port {closed} failed: Connection refused",
        f"port {servers.standbys[0].port} failed: session is read-only",
        f"port {port} failed: no answer for 3.",
    ):
        assert sentence in said


def test_one_that_is_promoted_while_another_is_waited_for_is_asked_again(servers: Cluster) -> None:
    """It has refused at first: here nobody listens there yet."""
    late = free_ports(1)[0]
    with socket.create_server(("127.0.0.1", 0)) as mute:
        began, found = time.monotonic(), list[PostgreSQL]()
        asking = threading.Thread(
            target=lambda: found.append(PostgreSQL(url_of(mute.getsockname()[1], late), "any")), daemon=True
        )
        asking.start()
        time.sleep(0.6)
        with way_to(servers, port=late):
            asking.join(2.4)
            assert time.monotonic() - began < 2.5
            assert port_of(found[0]) == servers.primary.port
            found[0].close()


def test_a_name_that_stands_for_several_servers_is_several(servers: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of its addresses is a standby's."""
    monkeypatch.setattr(socket, "getaddrinfo", resolver({"db": ["127.0.0.1", "127.0.0.2"]}))
    with way_to(servers, port=servers.standbys[0].port, host="127.0.0.2"):
        store = PostgreSQL(f"postgresql://cmi@db:{servers.standbys[0].port}/postgres", "any")
        assert port_of(store) == servers.primary.port
        store.close()


def test_servers_are_told_apart(servers: Cluster) -> None:
    from switch.journal.store.connecting import servers_of

    found = servers_of({"host": "db,other,/run/postgresql", "port": "5432,,6000"})
    assert [tuple(server.values()) for server in found] == [
        ("db", "5432"),
        ("other", "5432"),
        ("/run/postgresql", "6000"),
    ]
    for left_to_libpq in ({"dbname": "cmi"}, {"host": "a,b", "port": "1,2,3"}, {"service": "cmi"}):
        assert servers_of(left_to_libpq) == [{}]
    found = servers_of({"host": "a,b", "hostaddr": "10.0.0.8,10.0.0.9", "port": "6000"})
    assert [tuple(server.values()) for server in found] == [("a", "6000", "10.0.0.8"), ("b", "6000", "10.0.0.9")]


def resolver(known: dict[str, list[str]], *, silent_s: float = 0.0) -> Any:
    """As `socket.getaddrinfo`; of who is not known it says nothing for `silent_s`, and then that there is no such name."""

    def look_up(host: str, port: int, *_: object, **__: object) -> list[object]:
        if host[0].isdigit():
            return [(2, 1, 6, "", (host, port))]
        if host not in known:
            time.sleep(silent_s)
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(2, 1, 6, "", (address, port)) for address in known[host]]

    return look_up


def test_a_resolver_that_says_nothing_holds_up_no_server_that_is_known(
    servers: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolver({"db": ["127.0.0.1"]}, silent_s=5))
    port, began = servers.primary.port, time.monotonic()
    store = PostgreSQL(f"postgresql://cmi@gone:{port},db:{port}/postgres", "any")
    assert time.monotonic() - began < 2
    store.close()
    with pytest.raises(StoreError, match=r'nobody has said for 3\.0 s what the address of "gone" is'):
        PostgreSQL(f"postgresql://cmi@gone:{port}/postgres", "any")
    assert time.monotonic() - began < 4.5


def test_a_name_that_nobody_has_is_said(servers: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolver({}))
    with pytest.raises(StoreError, match=r'the address of "db9" cannot be found: .*not known'):
        PostgreSQL("postgresql://cmi@db9/postgres", "any")


def test_a_slow_way_is_no_dead_one(servers: Cluster, journal: str) -> None:
    """Both ways: what gets on is waited for, longer than one answer may let nothing come."""
    own(connect(servers, journal), "a", 60_000).append([bytes(1 << 20)])
    with way_to(servers, bytes_at_once=1 << 14) as way:
        store = PostgreSQL(url_of(way.port), journal, answer_s=0.4)
        began = time.monotonic()
        assert [len(batch.payloads[0]) for batch in store.batches(0)] == [1 << 20]
        own(store, "a", 60_000).append([bytes(1 << 20)])
        assert time.monotonic() - began > 1
        store.close()


def test_a_way_that_is_half_open_is_given_up(servers: Cluster, journal: str) -> None:
    with way_to(servers) as way:
        store = PostgreSQL(url_of(way.port), journal, answer_s=0.4)
        owned = own(store, "a", 60_000)
        way.stands = True
        began = time.monotonic()
        with pytest.raises(StoreError, match=r"not answered for 0\.4 s"):
            owned.append([b"one"])
        assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("synchronous_commit", "off"),
        ("synchronous_commit", "local"),
        ("default_transaction_isolation", "serializable"),
        ("statement_timeout", "50"),
        ("idle_session_timeout", "100"),
        ("client_min_messages", "error"),
        ("bytea_output", "escape"),
        ("client_encoding", "LATIN1"),
        ("datestyle", "SQL, DMY"),
        ("timezone", "Asia/Kathmandu"),
        ("quote_all_identifiers", "on"),
        ("standard_conforming_strings", "off"),
    ],
)
def test_what_a_role_or_a_database_has_as_its_default_changes_nothing(
    servers: Cluster, journal: str, setting: str, value: str
) -> None:
    journal += f"{setting}{value}"
    servers.primary.ask("CREATE ROLE odd LOGIN SUPERUSER") if not servers.primary.ask(
        "SELECT 1 FROM pg_roles WHERE rolname = 'odd'"
    ) else None
    servers.primary.ask(f"ALTER ROLE odd IN DATABASE postgres SET {setting} = '{value}'")
    try:
        store = PostgreSQL(servers.primary.url.replace("cmi@", "odd@"), journal)
        owned = own(store, "a")
        owned.append([b"\\one\x00", b"two"])
        assert [batch.payloads for batch in store.batches(0)] == [[b"\\one\x00", b"two"]]
        time.sleep(0.2 if setting == "idle_session_timeout" else 0)
        store.ask(f"SELECT pg_sleep({0.1 if setting == 'statement_timeout' else 0})")
        assert store.ask("SHOW synchronous_commit").get_value(0, 0) == b"on"
        there = store.look()
        assert there is not None
        store.ask("SELECT set_config('synchronous_commit', 'on', false)")
        assert store.look() == there
        store.close()
    finally:
        servers.primary.ask(f"ALTER ROLE odd IN DATABASE postgres RESET {setting}")
