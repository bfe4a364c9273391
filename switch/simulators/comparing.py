"""How an issuer's or network's host reconciles: at each cutover it says what it has counted of the day that ends, and compares.

A bank's host asks (0502), a network's tells (0522, and 0520 of the payments that it has brought), a message a currency; an
unanswered one is said again (0503, 0523)."""

from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from switch.simulators.clock import Moment
from switch.simulators.endpoint import Line
from switch.simulators.host import MS, Host
from switch.simulators.messages import repeat
from switch.simulators.own_totals import Compared, OwnTotals, Sums, compare, request
from switch.wire.vocabulary import DE, MTI, Document

AFTER_NS: Final = 1_000 * MS
"""from the cutover on: what was in flight has its answer by then, mostly"""
REPEAT_NS: Final = 5_000 * MS
REPEATS_MAX: Final = 3


class _Asked(msgspec.Struct):
    """A reconciliation on its way."""

    document: Document
    sums: Sums
    """as it said them"""
    tries: int = 0


class Comparing:
    """Sends a host's totals at each cutover, and keeps how the switch's compared."""

    def __init__(self, host: Host, mti: str, institution: str, line: Callable[[], Line | None]) -> None:
        """`mti`: of its message. `institution`: DE32 of it. `line`: one that is signed on."""
        self._host = host
        self._mti = mti
        self._institution = institution
        self._line = line
        self._asked: dict[str, _Asked] = {}
        """by DE11"""
        self.compared: list[Compared] = []

    def close(self, day: str, totals: OwnTotals, now: int) -> None:
        """This business day (MMDD) has ended: say what was counted of it, in a moment."""
        self._host.at(now + AFTER_NS, partial(self._begin, day, totals))

    def _begin(self, day: str, totals: OwnTotals, now: int) -> None:
        for (of, currency), sums in sorted(totals.days.items()):
            if of != day:
                continue
            at: Moment = self._host.moment(now)
            stan = self._host.next_stan()
            said = ((DE.TRANSMISSION_TIME, at.sent_at), (DE.STAN, stan), (DE.ACQUIRER, self._institution))
            copy = Sums(numbers=list(sums.numbers), amounts=list(sums.amounts))
            self._asked[stan] = _Asked(request(self._mti, day, currency, said, copy), copy)
            self._send(stan, now)

    def _send(self, stan: str, now: int) -> None:
        asked, line = self._asked.get(stan), self._line()
        if asked is None:
            return
        if asked.tries > REPEATS_MAX:
            self._give_up(self._asked.pop(stan))
            return
        if line is not None:
            again = repeat(asked.document) if asked.tries else asked.document
            asked.tries += 1
            self._host.say(line, again)
        self._host.at(now + REPEAT_NS, partial(self._send, stan))

    def _give_up(self, asked: _Asked) -> None:
        about = {"business_day": asked.document[DE.SETTLEMENT_DATE], "currency": asked.document[DE.CURRENCY_SETTLEMENT]}
        self._host.log(
            "warning",
            "reconciliation.not_answered",
            **about,
            times=asked.tries,
            hint="whoever is at the other end takes no 0500, 0502, 0520 or 0522, or loses them",
        )

    def take_answer(self, answer: Document) -> bool:
        """Compare. False: it answers nothing of ours."""
        if answer[DE.MTI][1] != MTI.RECONCILIATION or answer[DE.MTI][3] != self._mti[3]:
            return False
        asked = self._asked.pop(answer.get(DE.STAN, ""), None)
        if asked is None:
            return True
        found = compare(asked.sums, answer)
        day, currency = asked.document[DE.SETTLEMENT_DATE], asked.document[DE.CURRENCY_SETTLEMENT]
        result = answer.get(DE.SETTLEMENT_CODE, "")
        self.compared.append(Compared(day=day, currency=currency, result=result, disagreements=found))
        about = {"business_day": day, "currency": currency}
        if found:
            differing = [f"DE{d.element} {d.here} here, {d.there} there" for d in found]
            about |= {"cause": found[0].cause}
            self._host.log("warning", "reconciliation.differs", **about, differing=differing)
        elif result == "1":
            self._host.log("info", "reconciliation.agrees", **about)
        else:
            about |= {"de66": result, "de39": answer.get(DE.RESPONSE_CODE, "")}
            self._host.log("warning", "reconciliation.not_done", **about)
        return True
