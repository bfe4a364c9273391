"""A classic terminal of somebody else's at the real switch: its bytes are made here by hand, from public terminal specifications.

BCD behind a TPDU, 64 elements, a connection a message. Its paper, a line a slip, is what the settlement is asked about.
"""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.config import load_network
from switch.loopback import free_ports
from tests.e2e.stage import Stage, wait_for
from tests.tills import CLASSIC_PORT

FIXED = {3: 6, 4: 12, 11: 6, 12: 6, 13: 4, 14: 4, 22: 3, 23: 3, 24: 3, 25: 2}
TEXT = {37: 12, 38: 6, 39: 2, 41: 8, 42: 15}
CARD, TRACK = "9504010000090010", "9504010000090010D31122010000012300000"
EMV = "9F260801020304050607089F360200429F2701809F1002060A820219809A032611289C01005F2A02050495050000008000"


def bcd(digits: str) -> bytes:
    return bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)


def packed(mti: str, elements: dict[int, str]) -> bytes:
    """TPDU and message, as a terminal's own program puts them together."""
    bits = sum(1 << (64 - n) for n in elements)
    body = bcd(mti) + bits.to_bytes(8, "big")
    for n, value in sorted(elements.items()):
        if n in FIXED:
            body += bcd(value.rjust(FIXED[n], "0"))
        elif n == 2:
            body += bcd(f"{len(value):02d}") + bcd(value)
        elif n == 35:
            body += bcd(f"{len(value):02d}") + bytes.fromhex(value + "F" * (len(value) % 2))
        elif n in TEXT:
            body += value.ljust(TEXT[n]).encode()
        else:
            raw = bytes.fromhex(value) if n == 55 else value.encode()
            body += bcd(f"{len(raw):04d}") + raw
    return bytes.fromhex("6000030001") + body


def unpacked(message: bytes) -> tuple[str, dict[int, str]]:
    """MTI and elements of an answer; what a terminal does not expect is an error here as it is there."""
    assert message[:5].hex() == "6000010003", "the TPDU's addresses are turned round"
    mti, bits, at = message[5:7].hex(), int.from_bytes(message[7:15], "big"), 15
    found: dict[int, str] = {}
    for n in range(1, 65):
        if not bits >> (64 - n) & 1:
            continue
        if n in FIXED:
            size = (FIXED[n] + 1) // 2
            found[n] = message[at : at + size].hex()[-FIXED[n] :]
        elif n in TEXT:
            size = TEXT[n]
            found[n] = message[at : at + size].decode()
        else:
            assert n in (54, 55, 60, 63), f"no terminal expects DE{n}"
            at, size = at + 2, int(message[at : at + 2].hex())
            found[n] = message[at : at + size].hex()
        at += size
    assert at == len(message)
    return mti, found


class Terminal:
    """It dials, asks, hangs up, and keeps its paper."""

    def __init__(self, stage: Stage, port: int) -> None:
        self.stage = stage
        self.port = port
        self.stan = 0
        self.paper: dict[str, int] = {}
        """what stands, by STAN: sales above 0, refunds below"""

    def asks(self, mti: str, elements: dict[int, str], hears: bool = True) -> dict[int, str]:
        """The answer; {} where it hangs up without it."""
        message = packed(mti, {24: "003", 41: "TILL0001", 42: "MERCHANT0000001", **elements})
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as line:
            line.sendall(len(message).to_bytes(2, "big") + message)
            if not hears:
                return {}
            head = line.recv(2, socket.MSG_WAITALL)
            answer, found = unpacked(line.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL))
        assert answer == f"{mti[:2]}{int(mti[2]) + 1}0"
        assert {n: found[n] for n in (3, 11) if n in elements} == {
            n: elements[n].rjust(6, "0") for n in (3, 11) if n in elements
        }
        return found

    def next(self) -> str:
        self.stan += 1
        return f"{self.stan:06d}"

    def sells(self, amount: int, kind: str = "000000", **more: str) -> tuple[dict[int, str], dict[int, str]]:
        stan = self.next()
        given = {3: kind, 4: f"{amount:012d}", 11: stan, 22: "021", 25: "00", 35: TRACK, 62: stan}
        asked = {**given, **{int(n[2:]): v for n, v in more.items()}}
        answer = self.asks("0200", {n: v for n, v in asked.items() if v})
        if answer[39] == "00":
            self.paper[stan] = -amount if kind.startswith("20") else amount
        return asked, answer

    def taken_back(self) -> int:
        """Payments whose issuer was told to take them back; one whose reversal overtook its approval is told twice."""
        sent = self.stage.events("hop.sent", link="atlas#1")
        return len({hop["rrn"] for hop in sent if hop["mti"] in ("0400", "0420", "0421")})

    def settles(self, code: str = "920000", wrong: int = 0) -> str:
        sales, refunds = ([a for a in self.paper.values() if (a > 0) == sold] for sold in (True, False))
        sums = f"{len(sales):03d}{sum(sales) + wrong:012d}{len(refunds):03d}{-sum(refunds):012d}"
        return self.asks("0500", {3: code, 11: self.next(), 60: "000001", 63: sums.ljust(90, "0")})[39]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    stage = Stage(tmp_path / "stage")
    (port,) = free_ports(1)
    stage.path.write_text(stage.path.read_text() + CLASSIC_PORT.format(port))
    stage.network = load_network(str(stage.path))
    try:
        stage.issuers("atlas")
        stage.serve()
        stage.event("link.up", link="atlas#1")
        yield Terminal(stage, port)
    finally:
        stage.close()


@pytest.mark.long
def test_a_day_of_a_terminal_of_somebody_elses_agrees_with_its_paper(terminal: Terminal) -> None:
    at = terminal
    assert at.asks("0800", {3: "990000", 11: at.next()})[39] == "00"

    sold, answer = at.sells(100_00, de22="051", de23="001", de55=EMV)  # by chip
    assert (answer[39], len(answer[37]), len(answer.get(38, "").strip())) == ("00", 12, 6)
    tip = {
        3: "020000",
        4: f"{110_00:012d}",
        11: at.next(),
        22: "051",
        25: "00",
        35: TRACK,
        37: answer[37],
        38: answer[38],
    }
    assert at.asks("0220", tip)[39] == "00"
    at.paper[sold[11]] = 110_00

    sold, answer = at.sells(20_00)  # voided by its DE37, and no amount said
    void = {3: "020000", 11: at.next(), 22: "021", 25: "00", 35: TRACK, 37: answer[37]}
    assert at.asks("0200", void)[39] == "00"
    del at.paper[sold[11]]

    sold, answer = at.sells(21_00)  # voided with the sale's own STAN, card typed in
    assert (
        at.asks("0200", {3: "020000", 4: sold[4], 11: sold[11], 2: CARD, 14: "3112", 22: "011", 25: "00"})[39] == "00"
    )
    del at.paper[sold[11]]

    sold, answer = at.sells(22_00)  # voided by what it was in DE60
    original = f"0200{sold[11]}{answer[37]}"
    assert (
        at.asks("0200", {3: "020000", 4: sold[4], 11: at.next(), 22: "021", 25: "00", 35: TRACK, 60: original})[39]
        == "00"
    )
    del at.paper[sold[11]]
    at.stage.count("hop.sent", 3, link="atlas#1", mti="0420")
    again = at.asks("0200", {3: "020000", 4: sold[4], 11: at.next(), 22: "021", 25: "00", 35: TRACK, 60: original})
    assert again[39] == "00", "it is voided, which is what was asked"

    assert at.sells(5_00, kind="200000")[1][39] == "00"

    stan = at.next()  # the line drops before the answer: a reversal goes first, and once more as it was not heard
    lost = {3: "000000", 4: f"{33_00:012d}", 11: stan, 22: "021", 25: "00", 35: TRACK, 62: stan}
    at.asks("0200", lost, hears=False)
    assert [at.asks("0400", lost)[39] for _ in range(2)] == ["00", "00"]
    never = {**lost, 11: at.next(), 62: f"{at.stan:06d}"}
    assert at.asks("0400", never)[39] == "00", "what never came, too"

    offline = {3: "000000", 4: f"{12_00:012d}", 11: at.next(), 22: "021", 25: "06", 35: TRACK, 38: "OFF001"}
    assert at.asks("0220", offline)[39] == "00"
    at.paper[offline[11]] = 12_00

    assert at.settles() == "00"
    wait_for(lambda: at.taken_back() >= 4)
    assert at.taken_back() == 4, "three voids and what was lost: each once"


@pytest.mark.long
def test_a_batch_that_differs_is_uploaded_by_a_terminal_of_somebody_elses(terminal: Terminal) -> None:
    at = terminal
    slips = [at.sells(amount) for amount in (10_00, 20_00)]
    assert at.settles(wrong=1) == "95"
    for asked, answer in slips:
        kept = {n: asked[n] for n in (3, 4, 22, 25, 35)}
        row = {**kept, 11: at.next(), 38: answer[38], 60: f"0200{asked[11]}{answer[37]}"}
        assert at.asks("0320", row)[39] == "00"
    assert at.settles(code="960000") == "00"
    assert at.sells(1_00)[1][39] == "00", "the next batch begins"


@pytest.mark.long
def test_a_terminal_that_shuts_its_side_has_hung_up_and_is_not_charged(terminal: Terminal) -> None:
    """TCP tells a side that is shut from a line that is gone only once something is sent: its answer is not waited for."""
    at = terminal
    sale = {3: "000000", 4: f"{44_00:012d}", 11: at.next(), 22: "021", 25: "00", 35: TRACK}
    message = packed("0200", {24: "003", 41: "TILL0001", 42: "MERCHANT0000001", **sale})
    with socket.create_connection(("127.0.0.1", at.port), timeout=20) as line:
        line.sendall(len(message).to_bytes(2, "big") + message)
        line.shutdown(socket.SHUT_WR)
        assert line.recv(4_096) == b""
    wait_for(lambda: at.taken_back() == 1)
    assert at.asks("0400", sale)[39] == "00"
    assert at.settles() == "00", "nothing stands"
