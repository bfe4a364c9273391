"""Payments are claimed back, and the claims answered, while everything breaks; with books of the banks' own.

In: the switch's control socket and its hop log. Out: `claims`, each step that was taken, as the banks that asked for it know. The
rule: where an answer is lost with the process that gave it, they look whether the step was taken before they go on.
"""

from collections import deque
from pathlib import Path
from typing import Any, Final

import trio

from switch.core.records.disputes import ACQUIRER, ISSUER, MOVES, Step
from switch.journal.log import JournalError
from switch.journal.reports import Reports
from switch.observe.follow import Follower
from switch.observe.lines import LineError, read_hop
from switch.sim.claims import Claim
from switch.simulators.faults import RandomSource
from switch.soak.asking import AGAIN_S, Asker
from switch.wire.vocabulary import APPROVALS

EVERY_S: Final = 1.0
"""between two looks, in the mean"""
_KNOWN_MAX: Final = 600
"""payments that may be claimed back"""
_NEW: Final = 200
"""of the newest of them, which are let alone: their acquirers may take them back themselves"""
_REASONS: Final = {"cmi": "C4", "visa": "13.1", "mastercard": "4853"}


class Disputer:
    """The banks of one network, and whoever takes their steps at its switch."""

    def __init__(self, state: Path, log: Path, rng: RandomSource) -> None:
        """`state`: the switch's directory; `log`: its hop log."""
        self.claims: dict[str, Claim] = {}
        """by the dispute's name"""
        self._state, self._rng = state, rng
        self._switch = Asker(state / "control.sock")
        self._log = Follower(log)
        self._paid: deque[str] = deque(maxlen=_KNOWN_MAX)
        self._steps: dict[str, Step] = {}
        """the newest of each dispute that is open"""
        self._looking = trio.Lock()

    async def run(self) -> None:
        """Until cancelled: `finish` first, so that nothing is left unknown."""
        while True:
            await trio.sleep(EVERY_S * (0.5 + self._rng.random()))
            async with self._looking:
                self._read()
                for name in [one for one in self._steps if self._rng.random() < 0.5]:
                    await self._step(name)
                if len(self._paid) > _NEW:
                    await self._claim(self._pick())

    async def finish(self) -> None:
        """What was asked for is known to have been taken, or not; from now on nothing is."""
        await self._looking.acquire()

    def _pick(self) -> str:
        at = int(self._rng.random() * (len(self._paid) - _NEW))
        txn = self._paid[at]
        del self._paid[at]
        return txn

    def _read(self) -> None:
        """Approvals that acquirers were sent."""
        for line in self._log.poll():
            try:
                hop = read_hop(line)
            except LineError:
                continue
            if hop is not None and hop.event == "hop.sent" and hop.mti == "0210" and hop.de39 in APPROVALS:
                self._paid.append(hop.txn)

    async def _claim(self, txn: str) -> None:
        row = await trio.to_thread.run_sync(self._payment, txn)
        if row is None:
            return
        scheme = row.route if row.route in _REASONS else "cmi"
        about = {"txn": txn, "acquirer": row.acquirer, "rrn": row.rrn, "reason": _REASONS[scheme], "by": "a bank"}
        part = 1 + int(self._rng.random() * abs(row.stands or 1)) if self._rng.random() < 0.5 else 0
        before = set(self.claims)
        answer = await self._switch.ask({"command": "disputes.open", **about, "amount": part})
        while not answer:
            listed = await self._listed()
            found = [one for name, one in listed.items() if name not in before and one["txn"] == txn]
            answer = {"ok": True, **found[0]} if found else {"ok": False}
        if answer["ok"]:
            name = answer["dispute"]
            claim = Claim(
                txn=txn,
                issuer=answer["issuer"],
                acquirer=answer["acquirer"],
                currency=answer["currency"],
                amount=part or answer["amount"],
            )
            claim.take(Step.CHARGEBACK, 0, "")
            self.claims[name], self._steps[name] = claim, Step.CHARGEBACK

    async def _step(self, name: str) -> None:
        claim, rng = self.claims[name], self._rng
        may = MOVES[self._steps[name]]
        step = may[int(rng.random() * len(may))]
        amount = int(rng.random() * (claim.given_back + 1)) if step is Step.REPRESENTMENT else 0
        side = (ISSUER if rng.random() < 0.5 else ACQUIRER) if step is Step.CLOSED else ""
        about = {"dispute": name, "step": step.value, "by": "a bank", "amount": amount, "side": side}
        answer = await self._switch.ask({"command": "disputes.step", **about})
        while not answer:
            answer = {"ok": (await self._listed()).get(name, {}).get("step") == step.value}
        if not answer["ok"]:
            return
        claim.take(step, amount, side)
        self._steps[name] = step
        if not MOVES[step]:
            del self._steps[name]

    async def _listed(self) -> dict[str, dict[str, Any]]:
        """All disputes, by name."""
        answer: dict[str, Any] = {}
        while not answer.get("ok"):
            await trio.sleep(AGAIN_S)
            answer = await self._switch.ask({"command": "disputes.list", "all": True, "limit": 0})
        return {one["dispute"]: one for one in answer["items"]}

    def _payment(self, txn: str) -> Any:
        """As the journal has it; None: not now."""
        try:
            reports = Reports(self._state)
        except (JournalError, OSError):
            return None
        try:
            found = reports.transaction(int(txn, 16))
        except JournalError:
            return None
        finally:
            reports.close()
        return found[0] if found is not None else None
