"""How one transaction reads, to the character."""

from pathlib import Path

import pytest

from switch.observe.lines import read_event, read_hop
from switch.observe.waterfall import event_line, hop_line, waterfall

from .samples import an_afternoon


@pytest.fixture
def log(tmp_path: Path) -> list[bytes]:
    return an_afternoon(tmp_path / "hops.jsonl").read_bytes().splitlines()


def fall(log: list[bytes], txn: str) -> str:
    hops = [hop for line in log if (hop := read_hop(line)) and hop.txn == txn]
    events = [e for line in log if (e := read_event(line)).get("txn") == txn and not e["event"].startswith("hop.")]
    return waterfall(hops, events, "MAD")


def test_a_foreign_payment_with_its_cost(log: list[bytes]) -> None:
    assert fall(log, "a4") == (
        """\
txn a4  2026-09-21T14:13:21.000000Z
950401******1234  800.00 MAD  RRN 626414123456  route visa  approved (00)  84.300 ms  cost 1.66 MAD

          ms  acquirer                switch                  issuer
       0.000  acquirers#3 ──0200──▶     │                             STAN 000164
       0.045                            │     ──0200───────▶ visa#1   STAN 000777  cost 1.66 MAD
      84.240                            │     ◀──0210─────── visa#1   approved (00)
      84.300  acquirers#3 ◀──0210──     │                             approved (00)"""
    )


def test_a_timeout_shows_its_reason_and_the_events_that_name_it(log: list[bytes]) -> None:
    assert fall(log, "a8").splitlines()[4:] == [
        "       0.000  acquirers#3 ──0200──▶     │                             STAN 000168",
        "       0.045                            │     ──0200──────▶ atlas#1   STAN 000777",
        "  10,000.000  · answer.missing host=atlas reason=timeout waited_ms=10000",
        "  10,000.190                            │     ◀──0210────── atlas#1   issuer or switch inoperative (91)",
        "  10,000.250  acquirers#3 ◀──0210──     │                             issuer or switch inoperative (91)"
        "  timeout at host atlas",
        "  40,100.000  · answer.late link=atlas#1",
    ]


def test_a_reversal_the_switch_owes_stands_on_the_issuer_s_side_alone(log: list[bytes]) -> None:
    _, summary, _, _, *rows = fall(log, "a9").splitlines()
    assert "acknowledged (00)" in summary
    assert [row.split("│")[0].split() for row in rows] == [["0.000"], ["0.900"], ["0.000"], ["0.900"]]
    assert "──0421──────▶ atlas#1" in rows[2]


def test_a_refusal_goes_straight_back_and_says_why(log: list[bytes]) -> None:
    assert fall(log, "a7").splitlines()[-1].endswith("no such issuer (15)  no BIN range holds 999999")


def test_a_transaction_under_way_has_no_answer_yet(log: list[bytes]) -> None:
    hops = [hop for line in log if (hop := read_hop(line)) and hop.txn == "a1"][:2]
    assert "no answer yet" in waterfall(hops, [], "MAD")


def test_colour_comes_from_the_caller(log: list[bytes]) -> None:
    hops = [hop for line in log if (hop := read_hop(line)) and hop.txn == "a3"]
    text = waterfall(hops, [], "MAD", lambda style, text: f"<{style}>{text}</{style}>")
    assert "<bad>not sufficient funds (51)</bad>" in text
    assert text.startswith("<title>txn a3</title>")


def test_one_line_a_hop(log: list[bytes]) -> None:
    hops = [hop for line in log if (hop := read_hop(line))]
    assert hop_line(hops[2]) == (
        "14:13:20.101 a1 ← atlas#1        0210 00  950401******1234        123.45 MAD domestic       1.170 ms"
    )
    assert event_line(read_event(log[0])) == "14:13:20.000 link.connected link=atlas#1"
