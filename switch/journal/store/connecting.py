"""A connection to the one of a database's servers that takes writes: all are asked at once, and the first that is it is taken.

libpq asks one after the other, and waits for each that is gone, or takes connections and stands still, as long as for any: a node
that takes over has no such seconds. In: a connection string. Out: a connection. Servers are told apart by address: a name may
stand for several, and each name is looked up by a thread of its own, as who answers for names may be gone, too.
"""

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from psycopg import Error, conninfo, pq

from switch.journal.store.port import StoreError, said
from switch.journal.waiting import ready

if TYPE_CHECKING:
    from psycopg.pq import abc

WAIT_S: Final = 3.0
"""for the first that takes writes"""
AGAIN_S: Final = 0.25
"""until one that has refused is asked again"""
LOOK_S: Final = 0.01
"""between two looks whether an address is known by now"""
_PORT: Final = "5432"
_OURS: Final = {"application_name": "cmi-switch"}


def connect(url: str) -> "abc.PGconn":
    """A connection. Raises StoreError: there is none to be had; a sentence without a password.

    Never by libpq's own waiting, which would hold up all threads.
    """
    try:
        asked = conninfo.conninfo_to_dict(url)
        servers = servers_of(asked)

        def string_of(server: Mapping[str, str], *, of_several: bool) -> bytes:
            wanted = of_several and not asked.get("target_session_attrs")
            more = {"target_session_attrs": "read-write"} if wanted else {}
            return str(conninfo.make_conninfo(url, **_OURS, **server, **more)).encode()

        several = len(servers) > 1
        known = [string_of(server, of_several=several) for server in servers if not _is_name(server)]
    except Error as error:
        raise StoreError(said(str(error).encode())) from None
    lookups = Lookups([server for server in servers if _is_name(server)])

    def found() -> list[bytes]:
        these = lookups.take()
        return [string_of(server, of_several=several or len(these) > 1) for server in these]

    return _first(known, lookups, found)


def servers_of(asked: Mapping[str, Any]) -> list[dict[str, str]]:
    """`host`, `port` and `hostaddr` of each server that a connection string names, as far as it has them. One without any of
    them: libpq knows better."""
    hosts, known = (str(asked.get(name) or "").split(",") for name in ("host", "hostaddr"))
    ports = str(asked.get("port") or _PORT).split(",")
    count = max(len(hosts), len(known))
    hosts, known, ports = (every * count if len(every) == 1 else every for every in (hosts, known, ports))
    if not len(hosts) == len(known) == len(ports) or not any((*hosts, *known)):
        return [{}]
    return [
        {"host": host, "port": port or _PORT, **({"hostaddr": address} if address else {})}
        for host, address, port in zip(hosts, known, ports, strict=True)
    ]


def _is_name(server: Mapping[str, str]) -> bool:
    """True where addresses must be asked for; not of a socket's directory."""
    host = server.get("host", "")
    if "hostaddr" in server or not host or host[0] in "/@":
        return False
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


class Lookups:
    """What names stand for, each asked in a thread: the system's resolver waits as long as it likes, and holds up whoever asks.
    A thread that is left behind ends with it."""

    def __init__(self, servers: Sequence[Mapping[str, str]]) -> None:
        self.waiting = [dict(server) for server in servers]
        """those of which nothing is known yet"""
        self.reasons: list[str] = []
        """why others have no address"""
        self._found: SimpleQueue[tuple[dict[str, str], list[dict[str, str]], str]] = SimpleQueue()
        for server in self.waiting:
            Thread(target=self._look_up, args=(server,), name="server's address", daemon=True).start()

    def _look_up(self, server: dict[str, str]) -> None:
        try:
            found = socket.getaddrinfo(server["host"], int(server["port"]), type=socket.SOCK_STREAM)
            addresses = dict.fromkeys(str(one[4][0]) for one in found)
            self._found.put((server, [server | {"hostaddr": address} for address in addresses], ""))
        except (OSError, ValueError) as error:  # a label too long for a name is a UnicodeError
            self._found.put((server, [], f'the address of "{server["host"]}" cannot be found: {error}'))

    def take(self) -> list[dict[str, str]]:
        """The servers of a name that is known since the last time; none where there is no such name."""
        try:
            server, found, reason = self._found.get_nowait()
        except Empty:
            return []
        self.waiting.remove(server)
        self.reasons += [reason] if reason else []
        return found

    def silence(self, waited_s: float) -> list[str]:
        """What is to be said of names that nothing came of."""
        hosts = dict.fromkeys(server["host"] for server in self.waiting)
        return [
            *self.reasons,
            *(f'nobody has said for {waited_s:.1f} s what the address of "{host}" is' for host in hosts),
        ]


def _first(strings: Sequence[bytes], lookups: Lookups, found: Callable[[], list[bytes]]) -> "abc.PGconn":
    """The connection that is open first. Those that refuse are asked again while others are still waited for: one of them may be
    promoted just now. `found`: servers whose address is known by now. Raises StoreError: none is, with what each has said."""
    began = time.monotonic()
    trying: dict[abc.PGconn, bytes] = {}
    wants: dict[abc.PGconn, pq.PollingStatus] = {}
    reasons: dict[bytes, str] = {}
    resting = dict.fromkeys(strings, 0.0)
    while (now := time.monotonic()) < began + WAIT_S:
        for db in [db for db in trying if wants[db] == pq.PollingStatus.FAILED or db.status == pq.ConnStatus.BAD]:
            string = trying.pop(db)
            reasons[string], resting[string] = said(db.error_message), now + AGAIN_S
            db.finish()
        resting |= dict.fromkeys(found(), 0.0)
        if not trying and not lookups.waiting and resting.keys() <= reasons.keys():
            break
        for string in [string for string, until in resting.items() if until <= now]:
            del resting[string]
            db = pq.PGconn.connect_start(string)
            trying[db], wants[db] = string, pq.PollingStatus.WRITING
        until = min([began + WAIT_S, *resting.values(), *([now + LOOK_S] if lookups.waiting else [])])
        for db in _wait(trying, wants, until - now):
            wants[db] = pq.PollingStatus(db.connect_poll())
            if wants[db] == pq.PollingStatus.OK:
                for other in trying:
                    if other is not db:
                        other.finish()
                return db
    waited_s = time.monotonic() - began
    silent = (_silent(db, waited_s) for db, string in trying.items() if string not in reasons)
    sentences = [*reasons.values(), *silent, *lookups.silence(waited_s)]
    for db in trying:
        db.finish()
    raise StoreError("; ".join(sentences))


def _wait(
    trying: Mapping["abc.PGconn", bytes], wants: Mapping["abc.PGconn", pq.PollingStatus], seconds: float
) -> list["abc.PGconn"]:
    """Those that can go on."""
    reading = {db.socket: db for db in trying if wants[db] == pq.PollingStatus.READING}
    writing = {db.socket: db for db in trying if wants[db] == pq.PollingStatus.WRITING}
    return [(reading | writing)[end] for end in ready(reading, writing, seconds)]


def _silent(db: "abc.PGconn", waited_s: float) -> str:
    host, port = (part.decode() for part in (db.host, db.port))
    return f'connection to server at "{host}", port {port} failed: no answer for {waited_s:.1f} s'
