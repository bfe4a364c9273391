"""A connection to the one of a database's servers that takes writes: all are asked at once, and the first that is it is taken.

libpq asks one after the other, and waits for each that is gone, or takes connections and stands still, as long as for any: a node
that takes over has no such seconds. In: a connection string. Out: a connection. Servers are told apart by address: a name may
stand for several.
"""

import select
import socket
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from psycopg import Error, conninfo, pq

from switch.journal.store.port import StoreError, said

if TYPE_CHECKING:
    from psycopg.pq import abc

WAIT_S: Final = 3.0
"""for the first that takes writes"""
MORE_S: Final = 1.0
"""for the others, once one has said that it does not: who asks comes again, and a standby may have been promoted by then"""
_PORT: Final = "5432"
_OURS: Final = {"application_name": "cmi-switch"}


def connect(url: str) -> "abc.PGconn":
    """A connection. Raises StoreError: there is none to be had; a sentence without a password.

    Never by libpq's own waiting, which would hold up all threads.
    """
    try:
        asked = conninfo.conninfo_to_dict(url)
        servers = servers_of(asked)
        wanted = (
            {} if len(servers) == 1 or asked.get("target_session_attrs") else {"target_session_attrs": "read-write"}
        )
        each = [conninfo.make_conninfo(url, **_OURS, **server, **wanted).encode() for server in servers]
    except Error as error:
        raise StoreError(said(str(error).encode())) from None
    return _first(each)


def servers_of(asked: Mapping[str, Any]) -> list[dict[str, str]]:
    """`host`, `port` and `hostaddr` of each server that a connection string names, as far as it has them. One without any of
    them: libpq knows better."""
    hosts, known = (str(asked.get(name) or "").split(",") for name in ("host", "hostaddr"))
    ports = str(asked.get("port") or _PORT).split(",")
    count = max(len(hosts), len(known))
    hosts, known, ports = (every * count if len(every) == 1 else every for every in (hosts, known, ports))
    if not len(hosts) == len(known) == len(ports) or not any((*hosts, *known)):
        return [{}]
    found: list[dict[str, str]] = []
    for host, address, port in zip(hosts, known, ports, strict=True):
        server = {"host": host, "port": port or _PORT}
        found += [server | {"hostaddr": one} for one in ([address] if address else _addresses(host, server["port"]))]
    return found


def _addresses(host: str, port: str) -> Sequence[str]:
    """Those of a name; "" where libpq is to look, as for a socket's directory, or to say that there is none."""
    if not host or host[0] in "/@":
        return ("",)
    try:
        return tuple(
            dict.fromkeys(str(one[4][0]) for one in socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM))
        )
    except (OSError, ValueError):
        return ("",)


def _first(strings: Sequence[bytes]) -> "abc.PGconn":
    """The connection that is open first; where none is, one that says why of all."""
    trying = dict.fromkeys((pq.PGconn.connect_start(string) for string in strings), pq.PollingStatus.WRITING)
    failed: list[Any] = []
    began = time.monotonic()
    until = began + WAIT_S
    while trying:
        for db in [db for db in trying if db.status == pq.ConnStatus.BAD]:
            failed.append(db)
            del trying[db]
        if failed:
            until = min(until, time.monotonic() + MORE_S)
        reading = {db.socket: db for db, wants in trying.items() if wants == pq.PollingStatus.READING}
        writing = {db.socket: db for db, wants in trying.items() if wants == pq.PollingStatus.WRITING}
        left = until - time.monotonic()
        if not trying or left <= 0:
            break
        readable, writable, _ = select.select(reading, writing, [], left)
        for db in [*(reading[fd] for fd in readable), *(writing[fd] for fd in writable)]:
            trying[db] = pq.PollingStatus(db.connect_poll())
            if trying[db] == pq.PollingStatus.OK:
                del trying[db]
                for other in (*trying, *failed):
                    other.finish()
                return db
            if trying[db] == pq.PollingStatus.FAILED:
                failed.append(db)
                del trying[db]
    reasons = [*(said(db.error_message) for db in failed), *(_silent(db, time.monotonic() - began) for db in trying)]
    for other in (*trying, *failed):
        other.finish()
    raise StoreError("; ".join(reasons))


def _silent(db: "abc.PGconn", waited_s: float) -> str:
    host, port = (part.decode() for part in (db.host, db.port))
    return f'connection to server at "{host}", port {port} failed: no answer for {waited_s:.1f} s'
