"""Clusters that Patroni keeps, by what it says of them: what Patroni 4.1.5 said, and that with one thing otherwise."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from switch.journal.store.patroni import Cluster, Member, Settings, cluster_at, summary, unsafe

SAID: dict[str, dict[str, Any]] = json.loads((Path(__file__).parents[2] / "vectors" / "patroni.json").read_text())
CONFIG, REPLICA, LEADER = SAID["config"], SAID["replica"], SAID["leader"]
IDENTIFIER: str = LEADER["database_system_identifier"]
OLD = {"patroni": {"version": "3.0.2", "scope": "cmi", "name": "n1"}}


class Says(BaseHTTPRequestHandler):
    """A member's REST API."""

    pages: Mapping[str, bytes]

    def do_GET(self) -> None:
        """One page."""
        page = self.pages.get(self.path, b"")
        self.send_response(503 if page else 404)  # a replica that is not well; what it says is the same
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def answering(*members: object, config: object = CONFIG) -> Iterator[list[str]]:
    """Each member at an address of its own."""
    with ExitStack() as stack:
        urls: list[str] = []
        for member in members:
            pages = {"/patroni": json.dumps(member).encode(), "/config": json.dumps(config).encode()}
            server = ThreadingHTTPServer(("127.0.0.1", 0), type("Member", (Says,), {"pages": pages}))
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
            urls.append(f"http://127.0.0.1:{server.server_port}")
        yield urls


def judged(*members: object, config: object = CONFIG) -> list[str]:
    with answering(*members, config=config) as urls:
        return unsafe(cluster_at(urls), IDENTIFIER)


def test_a_cluster_as_it_must_be() -> None:
    assert judged(REPLICA, REPLICA, LEADER) == []


@pytest.mark.parametrize(
    ("members", "config", "said"),
    [
        ((REPLICA | OLD, LEADER), {}, "n1 runs Patroni 3.0.2: at least 4 is needed"),
        ((REPLICA, LEADER | {"role": "master"} | OLD), {}, "n1 runs Patroni 3.0.2"),
        ((REPLICA | {"tags": {}}, LEADER), {}, "n1 does not say that it has a watchdog"),
        ((REPLICA, LEADER | {"tags": {"watchdog": "automatic"}}), {}, "n3 does not say that it has a watchdog"),
        ((REPLICA, LEADER | {"watchdog_failed": True}), {}, "the watchdog of n3 does not work"),
        ((REPLICA, LEADER), {"synchronous_mode": "off"}, "synchronous_mode is off: set it to quorum"),
        ((REPLICA, LEADER), {"synchronous_mode": True}, "synchronous_mode is true: set it to quorum"),
        ((REPLICA, LEADER), {"synchronous_mode_strict": False}, "synchronous_mode_strict is not true"),
        (
            (REPLICA, LEADER | {"database_system_identifier": "1"}),
            {},
            "names the cluster of database 1, and the store is 77",
        ),
        ((REPLICA, LEADER | {"state": "starting"}), {}, "no Patroni that leads has answered"),
        ((REPLICA, "what is no Patroni"), {}, r"no Patroni that leads has answered \(http://127\S+: Expected `object`"),
    ],
)
def test_what_is_unsafe_is_said(members: tuple[object, ...], config: dict[str, object], said: str) -> None:
    found = judged(*members, config=CONFIG | config)
    assert len(found) == 1
    assert re.search(said, found[0])


def test_a_member_that_is_away_is_no_reason_not_to_start() -> None:
    """It is just then that another machine takes over."""
    with answering(REPLICA, LEADER) as urls:
        cluster = cluster_at([*urls, "http://127.0.0.1:1"])
    assert unsafe(cluster, IDENTIFIER) == []
    assert summary(cluster).startswith("patroni: 2 of 3 answer, n3 leads; http://127.0.0.1:1: ")


def test_a_pause_is_said() -> None:
    with answering(REPLICA, LEADER | {"pause": True}) as urls:
        assert summary(cluster_at(urls)).endswith("n3 leads; paused: nobody is promoted, whatever happens")


def test_no_answer_is_no_traceback() -> None:
    cluster = cluster_at(["http://127.0.0.1:1", "https://127.0.0.1:1"])
    assert cluster == Cluster(members=(), settings=Settings(), silent=cluster.silent)
    assert [sentence[: sentence.index(": ")] for sentence in cluster.silent] == [
        "http://127.0.0.1:1",
        "https://127.0.0.1:1",
    ]
    assert cluster.leader is None
    assert Member().leads is False
