"""Claims under fire: what an answer did not say is looked up, and the banks' books are what the switch took."""

from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from switch.core.records.disputes import Step
from switch.sim.claims import Claim, disagreements
from switch.soak import disputes
from switch.soak.disputes import Disputer
from tests.ledger.stories import MAD, records


class Row(msgspec.Struct):
    """A payment as the journal has it."""

    acquirer: str = "rif"
    rrn: str = "532912000001"
    route: str = "domestic"
    stands: int = 100_00


class Forgetful:
    """A switch that takes each step, answers every second command, and lists what it has taken."""

    def __init__(self) -> None:
        self.asked = 0
        self.taken: dict[str, dict[str, Any]] = {}

    async def serve(self, stream: trio.SocketStream) -> None:
        command = msgspec.json.decode(await stream.receive_some(4_096), type=dict[str, Any])
        self.asked += 1
        answer: dict[str, Any] = {"ok": True}
        if command["command"] == "disputes.open":
            name = f"{len(self.taken) + 1:x}"
            amount = command["amount"] or 100_00
            row = {"dispute": name, "txn": command["txn"], "issuer": "atlas", "acquirer": "rif", "currency": MAD}
            self.taken[name] = {**row, "amount": amount, "step": "chargeback"}
            answer |= self.taken[name]
        elif command["command"] == "disputes.step":
            self.taken[command["dispute"]]["step"] = command["step"]
            answer |= self.taken[command["dispute"]]
        else:
            answer["items"] = list(self.taken.values())
        if self.asked % 2 or command["command"] == "disputes.list":
            await stream.send_all(msgspec.json.encode(answer) + b"\n")
        await stream.aclose()


async def test_a_step_whose_answer_was_lost_is_looked_up(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    autojump_clock.autojump_threshold = 0.01  # a thread is at work meanwhile
    log = tmp_path / "hops.jsonl"
    hop = b'{"event":"hop.sent","txn":"%x","mti":"0210","de39":"00"}\n'
    log.write_bytes(b"".join(hop % txn for txn in range(1, 400)))
    monkeypatch.setattr(disputes, "_NEW", 1)
    monkeypatch.setattr(Disputer, "_payment", lambda _self, _txn: Row())
    switch, disputer = Forgetful(), Disputer(tmp_path, log, Random(3))
    with trio.socket.socket(trio.socket.AF_UNIX) as listener:
        await listener.bind(str(tmp_path / "control.sock"))
        listener.listen()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, switch.serve, [trio.SocketListener(listener)])
            nursery.start_soon(disputer.run)
            await trio.sleep(30)
            await disputer.finish()
            nursery.cancel_scope.cancel()
    assert len(disputer.claims) == len(switch.taken) > 5
    assert {name: claim.amount for name, claim in disputer.claims.items()} == {
        name: row["amount"] for name, row in switch.taken.items()
    }
    ended = [name for name, row in switch.taken.items() if row["step"] == "closed"]
    assert ended
    assert all(disputer.claims[name].given_back in (0, disputer.claims[name].amount) for name in ended)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([(Step.CHARGEBACK, 0), (Step.REPRESENTMENT, 40_00)], []),
        (
            [(Step.CHARGEBACK, 0)],
            [
                "of dispute 1f5 the banks know 1 steps, the journal 2",
                "by its own books atlas has 10000 in 504 back from rif, by the ledger 6000",
            ],
        ),
        (
            [(Step.CHARGEBACK, 0), (Step.REPRESENTMENT, 50_00)],
            ["by its own books atlas has 5000 in 504 back from rif, by the ledger 6000"],
        ),
        (
            [],
            [
                "of dispute 1f5 the banks know 0 steps, the journal 2",
                "by its own books atlas has 0 in 504 back from rif, by the ledger 6000",
            ],
        ),
    ],
    ids=["the same", "a step more", "another amount", "nothing known"],
)
def test_what_the_ledger_has_moved_is_held_against_the_banks_books(
    steps: list[tuple[Step, int]], said: list[str]
) -> None:
    claim = Claim(txn="1", issuer="atlas", acquirer="rif", currency=MAD, amount=100_00)
    for step, amount in steps:
        claim.take(step, amount, "")
    claims = {f"{501:x}": claim} if steps else {}
    story = records("0200 100.00, chargeback, representment 40.00")
    assert list(disagreements(claims, story, MAD)) == said
