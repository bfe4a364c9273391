"""Transactions as traces: what a receiver of OTLP gets, and what becomes of what it does not take."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from switch.cli.traces import command
from switch.observe.lines import HopLine
from switch.observe.otlp import BATCH, TRIES_MAX, Collector
from switch.observe.traces import OPEN_MAX, Traces, spans_of


def hop(direction: str, link: str, mti: str, elapsed_us: int, de39: str = "", **more: Any) -> HopLine:
    made = HopLine(
        at=f"2026-11-27T10:33:10.{100 + elapsed_us:06d}Z",
        event=f"hop.{direction}",
        txn="6613f9631aa9d",
        link=link,
        direction=direction,
        mti=mti,
        stan="000042" if link.startswith("acq") else "000001",
        rrn="633110163691",
        pan="497000******0017",
        amount=8_000,
        currency="MAD",
        route="visa",
        de39=de39,
        elapsed_us=elapsed_us,
    )
    for name, value in more.items():
        setattr(made, name, value)
    return made


def payment(de39: str = "00", **last: Any) -> list[HopLine]:
    return [
        hop("received", "acquirers#1", "0200", 0),
        hop("sent", "visa#1", "0200", 150),
        hop("received", "visa#1", "0210", 64_672, de39),
        hop("sent", "acquirers#1", "0210", 66_001, de39, **last),
    ]


def told(span: dict[str, Any]) -> dict[str, str]:
    """A span's attributes."""
    return {a["key"]: next(iter(a["value"].values())) for a in span["attributes"]}


def fits(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The spans of a request, which is of OTLP's form. AssertionError: it is not."""
    assert set(body) == {"resourceSpans"}
    (resource,) = body["resourceSpans"]
    assert {a["key"] for a in resource["resource"]["attributes"]} >= {"service.name", "service.version"}
    (scope,) = resource["scopeSpans"]
    for span in scope["spans"]:
        for key, digits in (("traceId", 32), ("spanId", 16), ("parentSpanId", 16)):
            value = span.get(key, "f" * digits)
            assert len(value) == digits
            assert int(value, 16) > 0
        assert span["kind"] in (2, 3)
        assert isinstance(span["startTimeUnixNano"], str)
        assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
        for attribute in span["attributes"]:
            ((kind, value),) = attribute["value"].items()
            assert kind in ("stringValue", "intValue")
            assert isinstance(value, str)
        assert set(span) <= {
            "traceId",
            "spanId",
            "parentSpanId",
            "name",
            "kind",
            "startTimeUnixNano",
            "endTimeUnixNano",
            "attributes",
            "status",
        }
    spans: list[dict[str, Any]] = scope["spans"]
    by_trace: dict[str, set[str]] = {}
    for span in spans:
        by_trace.setdefault(span["traceId"], set()).add(span["spanId"])
    assert all(span["parentSpanId"] in by_trace[span["traceId"]] for span in spans if "parentSpanId" in span)
    assert len({(span["traceId"], span["spanId"]) for span in spans}) == len(spans)
    return spans


class Receiver:
    """A collector that keeps what it gets, and answers as it is told; then with 200."""

    def __init__(self, *answers: tuple[int, dict[str, str], dict[str, Any]]) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answers = list(answers)
        self.url = ""


@contextmanager
def receiving(*answers: tuple[int, dict[str, str], dict[str, Any]]) -> Iterator[Receiver]:
    receiver = Receiver(*answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/v1/traces"
            receiver.bodies.append(body)
            receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
            code, headers, said = receiver.answers.pop(0) if receiver.answers else (200, {}, {})
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def collector(url: str, waits: list[float] | None = None) -> Collector:
    return Collector(url, "morocco", "1.0", {"x-token": "s3cret"}, (waits if waits is not None else []).append)


def test_a_payment_is_a_span_with_the_host_s_below_it() -> None:
    root, asked = spans_of(payment())
    assert (root["name"], root["kind"], "parentSpanId" in root, "status" in root) == ("0200 acquirers", 2, False, False)
    assert (asked["name"], asked["kind"], asked["parentSpanId"]) == ("0200 visa", 3, root["spanId"])
    begin = int(root["startTimeUnixNano"])
    assert begin == 1_795_775_590_000_100_000
    assert [int(span["endTimeUnixNano"]) - begin for span in (root, asked)] == [66_001_000, 64_672_000]
    assert told(root)["iso8583.response_code"] == "00"
    assert told(root)["iso8583.amount"] == "8000"
    assert told(asked)["iso8583.stan"] == "000001"
    assert "0017" not in json.dumps([root, asked])


def test_the_same_transaction_is_the_same_trace_and_another_is_another() -> None:
    assert list(spans_of(payment())) == list(spans_of(payment()))
    other = payment()
    for one in other:
        one.txn = "6613f9631aa9e"
    assert {s["traceId"] for s in spans_of(other)}.isdisjoint({s["traceId"] for s in spans_of(payment())})


def test_what_nobody_decided_is_an_error_and_a_decline_is_none() -> None:
    note = "timeout at host visa: card 497000******0017"
    root, _ = spans_of(payment("91", note=note))
    assert root["status"] == {"code": 2, "message": "timeout at host visa: card a card"}
    assert "0017" not in json.dumps(root)
    assert all("status" not in span for span in spans_of(payment("51")))


def test_a_request_without_an_answer_says_so() -> None:
    first, asked, _, last = payment("91")
    root, below = spans_of([first, asked, last])
    assert below["status"] == {"code": 2, "message": "no answer came"}
    assert below["endTimeUnixNano"] == root["endTimeUnixNano"]


def test_what_is_owed_to_a_host_is_acknowledged_after_the_answer_and_is_no_error() -> None:
    traces = Traces()
    reversal = [
        hop("received", "acquirers#1", "0400", 0),
        hop("sent", "atlas#1", "0420", 900, stan="000001"),
        hop("sent", "acquirers#1", "0410", 1_000),
        hop("received", "atlas#1", "0430", 5_000, stan="000001"),
    ]
    assert [traces.feed(one) for one in reversal[:3]] == [[]] * 3, "the host has not said that it knows"
    root, below = traces.feed(reversal[3])
    assert [(s["name"], "status" in s) for s in (root, below)] == [("0400 acquirers", False), ("0420 atlas", False)]
    begin = int(root["startTimeUnixNano"])
    assert [int(s["endTimeUnixNano"]) - begin for s in (root, below)] == [1_000_000, 5_000_000]
    assert traces.finish() == []
    for one in reversal[:3]:
        traces.feed(one)
    root, below = traces.finish()
    assert below["status"]["message"] == "no answer came"


def test_it_is_told_once_its_answer_has_left_or_once_it_has_been_silent() -> None:
    traces = Traces()
    *before, last = payment()
    assert [traces.feed(one) for one in before] == [[]] * 3
    assert len(traces.feed(last)) == 2
    assert traces.finish() == []
    lonely = hop("received", "acquirers#1", "0200", 0)
    assert traces.feed(lonely) == []
    later = hop("received", "acquirers#2", "0200", 0, txn="1", at="2026-11-27T10:36:00.000000Z")
    (span,) = traces.feed(later)
    assert span["status"]["message"] == "no answer was given"


def test_what_is_under_way_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("switch.observe.traces.OPEN_MAX", 3)
    traces = Traces()
    spans = [span for n in range(5) for span in traces.feed(hop("received", "acquirers#1", "0200", 0, txn=f"{n}"))]
    assert len(spans) == 2
    assert OPEN_MAX == 50_000


def test_a_share_is_told_and_of_what_failed_all() -> None:
    def count(de39: str) -> int:
        traces = Traces(0.1)
        found = 0
        for number in range(400):
            for one in payment(de39):
                one.txn = f"{number:x}"
                found += len(traces.feed(one)) // 2
        return found

    assert 20 <= count("00") <= 65
    assert count("91") == 400


def test_a_receiver_gets_what_otlp_asks_for() -> None:
    with receiving() as receiver:
        one = collector(receiver.url)
        spans = [span for n in range(BATCH) for span in spans_of([*_numbered(n)])]
        one.send(spans)
    assert [len(fits(body)) for body in receiver.bodies] == [BATCH, BATCH]
    assert one.sent.spans == 2 * BATCH
    assert receiver.headers[0]["content-type"] == "application/json"
    assert receiver.headers[0]["x-token"] == "s3cret"


def test_a_proxy_of_the_environment_is_not_asked_for_a_collector_on_this_machine() -> None:
    """Where banks sit behind one, `http_proxy` is set for every process, and `no_proxy` is not always."""
    with receiving() as proxy, receiving() as receiver:
        script = """if True:
            import sys
            from switch.observe.otlp import Collector
            for url in sys.argv[1:]:
                Collector(url, "morocco", "1", {}, lambda _: None).send([None])"""
        port = receiver.url.rpartition(":")[2]
        environment = {**os.environ, "http_proxy": proxy.url, "no_proxy": "", "NO_PROXY": ""}
        command = (sys.executable, "-c", script, receiver.url, f"http://localhost:{port}")
        subprocess.run(command, env=environment, check=True, timeout=60)
    assert len(receiver.bodies) == 2
    assert proxy.bodies == []


def _numbered(number: int) -> list[HopLine]:
    hops = payment()
    for one in hops:
        one.txn = f"{number:x}"
    return hops


def test_what_cannot_be_taken_now_is_sent_again_after_as_long_as_it_says() -> None:
    waits: list[float] = []
    with receiving((503, {}, {}), (429, {"Retry-After": "7"}, {})) as receiver:
        one = collector(receiver.url, waits)
        one.send(list(spans_of(payment())))
    assert len(receiver.bodies) == 3
    assert receiver.bodies[0] == receiver.bodies[2]
    assert waits == [0.5, 7.0]
    assert (one.sent.spans, one.sent.dropped) == (2, 0)


@pytest.mark.parametrize(
    ("answer", "dropped", "said"),
    [
        ((400, {}, {}), 2, "answers 400"),
        ((401, {}, {}), 2, "answers 401"),
        (
            (200, {}, {"partialSuccess": {"rejectedSpans": "1", "errorMessage": "too old"}}),
            1,
            "does not take them: too old",
        ),
        ((200, {}, {"partialSuccess": {"rejectedSpans": None}}), 0, ""),
    ],
)
def test_what_is_not_taken_is_let_go_and_said(
    answer: tuple[int, dict[str, str], dict[str, Any]], dropped: int, said: str
) -> None:
    with receiving(answer) as receiver:
        one = collector(receiver.url)
        one.send(list(spans_of(payment())))
    assert len(receiver.bodies) == 1
    assert (one.sent.dropped, one.sent.spans) == (dropped, 2 - dropped)
    assert said in one.sent.why
    assert "s3cret" not in one.sent.why


def test_who_redirects_is_not_followed_with_the_token() -> None:
    with receiving() as elsewhere, receiving((302, {"Location": f"{elsewhere.url}/v1/traces"}, {})) as receiver:
        one = collector(receiver.url)
        one.send(list(spans_of(payment())))
    assert (elsewhere.headers, one.sent.dropped) == ([], 2)
    assert "answers 302" in one.sent.why


def test_who_speaks_no_http_ends_nothing() -> None:
    def talk() -> None:
        for _ in range(TRIES_MAX):
            with listening.accept()[0] as stream:
                stream.recv(65_536)
                stream.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=talk)
        thread.start()
        one = collector(f"http://127.0.0.1:{listening.getsockname()[1]}")
        one.send(list(spans_of(payment())))
        thread.join(30)
    assert one.sent.dropped == 2
    assert "does not answer as HTTP asks: BadStatusLine" in one.sent.why


def test_a_collector_that_is_not_there_is_tried_so_often() -> None:
    waits: list[float] = []
    one = collector("http://127.0.0.1:9", waits)
    one.send(list(spans_of(payment())))
    assert waits == [0.5 * 2**n for n in range(TRIES_MAX - 1)]
    assert "cannot be reached" in one.sent.why
    with pytest.raises(ValueError, match="no address of a collector"):
        collector("collector:4318")


def test_the_command_sends_a_log(tmp_path: Path) -> None:
    import msgspec

    log = tmp_path / "hops.jsonl"
    lines = [msgspec.json.encode(one) for one in payment()]
    log.write_bytes(b"\n".join([lines[0], b'{"at": "x", "event": "link.up"}', b"torn {", *lines[1:]]) + b"\n")
    with receiving() as receiver:
        done = CliRunner().invoke(
            command,
            ["--once", "--log", str(log), "--to", receiver.url, "--state", str(tmp_path)],
            env={"OTEL_EXPORTER_OTLP_HEADERS": "x-token=s%20t"},
        )
    assert done.exit_code == 0, done.output
    assert "2 spans sent" in done.output
    assert len(fits(receiver.bodies[0])) == 2
    assert receiver.headers[0]["x-token"] == "s t"
    missing = CliRunner().invoke(command, ["--once", "--log", str(tmp_path / "none"), "--state", str(tmp_path)])
    assert (missing.exit_code, "no such file" in missing.output) == (1, True)
