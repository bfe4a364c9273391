"""Servers that are there are asked; one that is gone is not waited for."""

import socket
import time
from contextlib import ExitStack
from pathlib import Path

from switch.journal.store.postgresql import _servers
from switch.journal.store.reaching import reachable
from switch.loopback import free_ports


def serving(backlog: int = 5) -> socket.socket:
    return socket.create_server(("127.0.0.1", 0), backlog=backlog)


def address_of(server: socket.socket) -> tuple[str, str]:
    host, port = server.getsockname()
    return host, str(port)


def test_a_server_that_is_gone_is_not_asked() -> None:
    closed = str(free_ports(1)[0])
    with serving() as first, serving() as second, serving(backlog=0) as gone, ExitStack() as stack:
        for _ in range(3):  # its queue is full, and what comes now is dropped, as where nobody is
            link = stack.enter_context(socket.socket())
            link.setblocking(False)
            link.connect_ex(gone.getsockname())
        here = [address_of(first), address_of(second)]
        asked = [address_of(gone), here[0], ("127.0.0.1", closed), ("no.such.host.invalid", "1"), here[1]]
        began = time.monotonic()
        assert reachable(asked) == here
        assert 0.05 < time.monotonic() - began < 0.9, "the one that is gone was waited for"


def test_where_none_answers_all_are_asked() -> None:
    asked = [("127.0.0.1", str(port)) for port in free_ports(2)]
    assert reachable(asked) == asked


def test_a_socket_in_a_directory_is_a_server_too(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / ".s.PGSQL.5432"))
        server.listen()
        assert reachable([("/nowhere", "5432"), (str(tmp_path), "5432")]) == [(str(tmp_path), "5432")]


def test_what_a_connection_string_names() -> None:
    with serving() as server:
        port = str(server.getsockname()[1])
        closed = str(free_ports(1)[0])
        assert _servers({"host": "127.0.0.1,127.0.0.1", "port": f"{closed},{port}"})["port"] == port
        assert _servers({"host": "127.0.0.1,localhost", "port": port})["port"] == f"{port},{port}"
    assert _servers({"host": "127.0.0.1", "port": closed}) == {}
    assert _servers({"dbname": "cmi"}) == {}
    assert _servers({"host": "a,b", "port": "1,2,3"}) == {}
