"""The echo issuer's splicing against the codec, and its process."""

import os
import socket
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.bench.compare import running
from switch.bench.echo_issuer import ECHOED, Echo
from switch.bench.messages import Card, Settings, Speech
from switch.wire import Dialect
from switch.wire.framing import make_framing

CMI87 = Dialect.load("cmi87")
SPEECH = Speech(CMI87, Settings(institution="504101", local_time="260921141320"))
ECHO = Echo()


def digits(low: int, high: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=low, max_size=high)


def answered(document: dict[str, str]) -> dict[str, str]:
    framed = ECHO.answer(CMI87.encode(document))
    assert framed is not None
    (message,) = make_framing("length2", 8_192).feed(framed)
    answer = CMI87.decode(message)
    return {de: value for de, value in answer.items() if de not in ("p", "1")}


@given(
    st.sampled_from(["0100", "0200", "0201", "0220", "0400", "0420", "0421"]),
    digits(13, 19), digits(6, 6), digits(1, 11), st.one_of(st.none(), digits(1, 11)), st.booleans(),
)  # fmt: skip
def test_it_echoes_what_a_response_echoes_and_approves(
    mti: str, pan: str, stan: str, acquirer: str, forwarder: str | None, with_track: bool
) -> None:
    document = SPEECH.purchase(Card(pan, "3112")) | {"t": mti, "11": stan, "32": acquirer}
    if forwarder is not None:
        document["33"] = forwarder
    if not with_track:
        document.pop("35", None)
    expected = {de: v for de, v in document.items() if de in ECHOED} | {
        "t": mti[:2] + str(int(mti[2]) + 1) + "0",
        "39": "00",
    }
    if mti[1] in "12":
        expected["38"] = "A1B2C3"
    assert answered(document) == expected


def test_it_answers_network_messages_whose_answer_needs_a_second_bitmap() -> None:
    assert answered({"t": "0800", "7": "0921141320", "11": "000001", "32": "504000", "70": "001"}) == {
        "t": "0810", "7": "0921141320", "11": "000001", "32": "504000", "39": "00", "70": "001",
    }  # fmt: skip


@pytest.mark.parametrize("message", [CMI87.encode({"t": "0210", "11": "000001", "39": "00"}), b"", b"GET / HTTP/1.1"])
def test_what_asks_nothing_is_not_answered(message: bytes) -> None:
    assert ECHO.answer(message) is None


def test_the_process_serves_several_connections(tmp_path: Path) -> None:
    issuer = [sys.executable, "-m", "switch.bench.echo_issuer"]
    with running(issuer, frozenset(os.sched_getaffinity(0)), tmp_path / "issuer.err") as (process, ready):
        host, port = ready.listeners["cmi87"].split(":")
        framing = make_framing("length2", 8_192)
        for stan in ("000001", "000002"):
            with socket.create_connection((host, int(port)), timeout=10) as sock:
                sock.sendall(framing.frame(CMI87.encode({"t": "0800", "7": "0921141320", "11": stan, "70": "301"})))
                (answer,) = framing.feed(sock.recv(4_096))
                assert CMI87.decode(answer)["11"] == stan
        process.terminate()
        assert process.wait(10) == 0
