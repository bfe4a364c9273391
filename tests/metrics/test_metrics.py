"""Monitoring gets the switch's own figures, and hears at once where there is no answer."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text

from switch.metrics.collector import BUCKETS_US, HealthAnswer, SwitchCollector
from switch.metrics.following import Following
from switch.metrics.pages import Pages
from switch.metrics.serving import MetricsServer
from switch.observe.model import Model
from switch.readiness import wait_ready
from switch.server.health import Health
from tests.e2e.stage import Stage, wait_for
from tests.observe.samples import an_afternoon

DEPLOY = Path(__file__).parents[2] / "deploy"
WELL = {**{f: getattr(Health(), f) for f in Health().__struct_fields__}, "grade": "good", "problems": [], "owed": 3}
AWAY = {
    **WELL,
    "grade": "warning",
    "hosts_away": ["visa"],
    "keys": [{"party": "atlas", "acquirer": False, "key": "atlas-zak", "set": "07", "age_s": 86_400}],
    "problems": [{"part": "links", "grade": "warning", "sentence": "visa is away", "hint": "look at its log"}],
}
DOWN = {
    **WELL,
    "grade": "critical",
    "problems": [{"part": "journal", "grade": "critical", "sentence": "down", "hint": "x"}],
}


@contextmanager
def still(model: Model) -> Iterator[Model]:
    yield model


def pages(model: Model, health: dict[str, Any] | None) -> Pages:
    registry = CollectorRegistry()
    said = HealthAnswer(health=health, silence="" if health else "no switch runs")
    registry.register(SwitchCollector(lambda: still(model), lambda: said))
    return Pages(registry, lambda: said)


def get(page: Pages, path: str, *, method: str = "GET", accept: str = "") -> tuple[str, str]:
    told: list[str] = []
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_ACCEPT": accept}
    body = b"".join(page(environ, lambda status, _: told.append(status)))
    return told[0], body.decode()


@pytest.fixture
def afternoon(tmp_path: Path) -> Model:
    model = Model()
    model.feed_all(an_afternoon(tmp_path / "hops.jsonl").read_bytes().splitlines())
    return model


def samples(page: Pages) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text(get(page, "/metrics")[1])
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}


def test_payments_are_counted_by_route_and_outcome_as_watch_counts_them(afternoon: Model) -> None:
    found = samples(pages(afternoon, WELL))
    counts = {labels: value for (name, labels), value in found.items() if name == "cmi_switch_payments_total"}
    assert counts == {
        (("outcome", outcome), ("route", route)): getattr(sums, outcome)
        for route, sums in afternoon.routes.items()
        for outcome in ("approved", "declined")
    }
    assert found["cmi_switch_answers_total", (("de39", "51"), ("meaning", "not sufficient funds"))] == 1
    assert found["cmi_switch_owed", ()] == 3


def test_latencies_are_a_histogram_whose_buckets_rise_to_their_number(afternoon: Model) -> None:
    found = samples(pages(afternoon, WELL))
    route = ("route", "domestic")
    buckets = [
        found["cmi_switch_payment_duration_seconds_bucket", tuple(sorted((("le", bound), route)))]
        for bound in (*(repr(b / 1e6) for b in BUCKETS_US), "+Inf")
    ]
    assert buckets == sorted(buckets)
    assert buckets[-1] == afternoon.routes["domestic"].latency.total == 4
    slowest = afternoon.routes["domestic"].latency.highest
    assert buckets[next(i for i, bound in enumerate(BUCKETS_US) if bound >= slowest)] == 4


def test_who_asks_for_openmetrics_gets_it(afternoon: Model) -> None:
    _, body = get(pages(afternoon, WELL), "/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert body.endswith("# EOF\n")
    families = openmetrics(body)  # type: ignore[no-untyped-call]
    assert {family.name for family in families} >= {
        "cmi_switch_payments",
        "cmi_switch_payment_duration_seconds",
    }


@pytest.mark.parametrize(
    ("health", "live", "ready", "said"),
    [
        (WELL, "200 OK", "200 OK", "good\n"),
        (AWAY, "200 OK", "200 OK", "warning\nwarning: links: visa is away; look at its log\n"),
        (DOWN, "200 OK", "503 Service Unavailable", "critical\ncritical: journal: down; x\n"),
        (None, "503 Service Unavailable", "503 Service Unavailable", "no answer: no switch runs\n"),
    ],
    ids=["well", "something needs a person", "payments are declined", "no answer"],
)
def test_probes_say_why(health: dict[str, Any] | None, live: str, ready: str, said: str) -> None:
    page = pages(Model(), health)
    assert get(page, "/healthz") == (live, said)
    assert get(page, "/readyz") == (ready, said)


def test_keys_that_change_have_their_set_and_age(afternoon: Model) -> None:
    found = samples(pages(afternoon, AWAY))
    labels = (("key", "atlas-zak"), ("party", "atlas"), ("role", "host"))
    assert (found["cmi_switch_key_set", labels], found["cmi_switch_key_age_seconds", labels]) == (7, 86_400)


def test_a_switch_that_is_silent_is_down_and_its_payments_are_there_all_the_same(afternoon: Model) -> None:
    found = samples(pages(afternoon, None))
    assert (found["cmi_switch_up", ()], found["cmi_switch_ready", ()]) == (0, 0)
    assert ("cmi_switch_owed", ()) not in found, "what is not known is not 0"
    assert found["cmi_switch_payments_total", (("outcome", "approved"), ("route", "visa"))] == 2


def test_there_is_nothing_else_and_nothing_is_taken() -> None:
    page = pages(Model(), WELL)
    assert get(page, "/") == ("404 Not Found", "there are /metrics, /healthz, /readyz\n")
    assert get(page, "/metrics", method="POST")[0] == "405 Method Not Allowed"
    assert get(page, "/healthz", method="HEAD") == ("200 OK", "")


def test_what_the_log_held_before_is_not_counted_but_links_are_known(tmp_path: Path) -> None:
    following = Following(an_afternoon(tmp_path / "hops.jsonl"))
    with following.sums() as model:
        assert (model.total.total, bool(model.links)) == (0, True)
    following.close()


def names_in(words: str) -> set[str]:
    return set(re.findall(r"\bcmi_switch_\w+", words))


def test_alerts_and_dashboard_ask_for_what_there_is(afternoon: Model) -> None:
    known = {name for name, _ in samples(pages(afternoon, AWAY))}
    rules, dashboard = (DEPLOY / "alerts.yml").read_text(), (DEPLOY / "grafana.json").read_text()
    assert names_in(rules) - known == set()
    shown = names_in(" ".join(t["expr"] for p in json.loads(dashboard)["panels"] for t in p.get("targets", ())))
    assert shown - known == set()
    assert len(shown) > 8


def test_each_alert_has_its_place_in_the_page() -> None:
    rules = (DEPLOY / "alerts.yml").read_text()
    page = (DEPLOY.parent / "docs" / "monitoring.md").read_text()
    alerts = re.findall(r"- alert: (\w+)", rules)
    assert len(alerts) >= 8
    anchors = re.findall(r"runbook: docs/monitoring\.md#(\w+)", rules)
    assert [a.lower() for a in alerts] == anchors
    assert set(alerts) == set(re.findall(r"^### (\w+)$", page, flags=re.MULTILINE))


def test_the_page_has_every_figure_and_no_other(afternoon: Model) -> None:
    page = (DEPLOY.parent / "docs" / "monitoring.md").read_text()
    there = {re.sub(r"_(bucket|sum|count|created)$", "", name) for name, _ in samples(pages(afternoon, AWAY))}
    assert names_in(page.partition("## Figures")[2].partition("## Alerts")[0]) == there


def fetched(where: str, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{where}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"GET /healthz HTTP/1.0\r\n\r\n", b" 200 OK"),
        (b"HEAD /readyz HTTP/1.0\r\n\r\n", b" 200 OK"),
        (b"GET /readyz?from=haproxy HTTP/1.1\r\nHost: x\r\n\r\n", b" 200 OK"),
        (b"GET http://x:9583/readyz HTTP/1.1\r\nHost: x:9583\r\n\r\n", b" 200 OK"),
        (b"GET HTTP://x HTTP/1.1\r\nHost: x\r\n\r\n", b" 404 "),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", b" 405 "),
        (b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", b" 405 "),
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: */*;q=zzz\r\nAccept-Encoding: gzip\r\n\r\n", b" 200 OK"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b" 414 "),
        (b"GET /healthz HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", b" 431 "),
    ],
    ids=["1.0", "head", "query", "proxy", "proxy, no path", "options", "post", "accept", "long", "headers"],
)
def test_probes_and_scrapers_of_any_age_are_answered(sent: bytes, said: bytes) -> None:
    server = MetricsServer("127.0.0.1", 0, pages(Model(), WELL))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock:
            sock.sendall(sent)
            head = b""
            while b"\r\n\r\n" not in head and (piece := sock.recv(65_536)):
                head += piece
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert said in head.split(b"\r\n")[0] + b" "
    assert re.findall(rb"(?m)^Server: (.*?) ?\r$", head) == [b"cmi-switch"]


def test_of_many_who_come_at_once_so_many_are_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Any] = []
    monkeypatch.setattr(threading.Thread, "start", lambda thread: begun.append(thread))  # noqa: PLW0108 - a method
    server = MetricsServer("127.0.0.1", 0, pages(Model(), None))
    callers = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(4)]
    monkeypatch.setattr("switch.metrics.serving.CLIENTS_MAX", 3)
    for _ in callers:
        server.handle_request()
    assert len(begun) == 3
    for one in (*callers, server.socket, *(thread._args[0] for thread in begun)):
        one.close()


def test_beside_a_running_switch(tmp_path: Path) -> None:
    """Up, payments counted; stopped in its tracks: silent within two seconds; gone: said so."""
    stage = Stage(tmp_path)
    process = None
    try:
        stage.issuers()
        switch = stage.serve()
        ready = tmp_path / "metrics.json"
        arguments = ["--state", str(stage.state), "--listen", "127.0.0.1:0", "--ready", str(ready)]
        command = [sys.executable, "-m", "switch.cli.main", "metrics", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        where = wait_ready(ready, process).listeners["metrics"]
        assert fetched(where, "/healthz")[0] == 200
        os.kill(switch.pid, signal.SIGSTOP)
        status, said = fetched(where, "/healthz")
        assert (status, "did not answer within 1 s" in said) == (503, True), said
        os.kill(switch.pid, signal.SIGCONT)
        wait_for(lambda: fetched(where, "/healthz")[0] == 200)
        assert "\ncmi_switch_up 1.0\n" in fetched(where, "/metrics")[1]
        stage.close()
        assert fetched(where, "/readyz")[0] == 503
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert not ready.exists()
    finally:
        stage.close()
        if process is not None:
            process.kill()
            process.wait()
