"""A terminal and a host that are set up wrongly, and a switch whose log says what to change."""

import socket
from contextlib import closing

from switch.wire import Dialect
from switch.wire.framing import make_framing
from tests.e2e.stage import Stage

HELLO = {"t": "0800", "7": "1125120000", "11": "000001", "32": "504102", "70": "001"}


def says(stage: Stage, listener: str, data: bytes) -> None:
    at = stage.address(listener)
    with closing(socket.create_connection((at.host, at.port), timeout=10)) as sock:
        sock.sendall(data)
        assert sock.recv(100) == b"", "the switch hangs up"


def test_the_log_says_what_a_wrong_peer_sends_and_the_one_setting_to_change(stage: Stage) -> None:
    stage.serve()
    hello = Dialect.load("cmi87").encode(HELLO)
    says(stage, "acquirers", make_framing("ascii4", 9_999).frame(hello))
    event = stage.event("link.diagnosis")
    assert event["hint"] == (
        "The peer sends a length of 4 ASCII digits (30 30 36 33 = '0063'); "
        "length2 is configured, which takes 30 30 = '00' for a length of 12336."
    )
    assert event["change"] == 'framing = "ascii4"'
    assert stage.event("frame.bad", link=event["link"])
    says(stage, "pos", make_framing("length2", 9_999).frame(Dialect.load("mastercard").encode(HELLO)))
    event = stage.event("link.diagnosis", dialect="cmi87b")
    assert event["change"] == 'framing = "length2" and dialect = "mastercard"'
