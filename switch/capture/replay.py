"""Plays one side of a captured talk and compares what the other side says now with what it said then. Knows no socket, no clock.

Theory. A talk is requests and answers of both sides. Ours are sent: a request when its time has come *and* everything of the
other side that we waited for before it in the capture has come too (or was given up), an answer when the live request that
belongs to it comes. Theirs are expected: an answer belongs to our request of the same class and DE11, best the one that agrees in
DE7, 37, 41, 42, 32 besides; a request to the first captured one, still unseen, that agrees best. What an answer repeated of its
request in the capture is repeated of, and expected from, the live ones (`compare.expected_now`).

Whoever drives a `Replay` hands it messages without frames and the time, and sends what it returns: `live.py` over sockets,
`switch.testing` against the pure switch in virtual time.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from switch.capture.compare import EXACT, Difference, differences, expected_now
from switch.capture.pairing import agreement, answers, same_class
from switch.capture.talks import Said, Talk, said
from switch.wire import Document, EncodeError
from switch.wire.vocabulary import DE, MTI, response_mti

NS: Final = 1_000_000_000


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How to replay."""

    client: bool = True
    """play the client's side; False: the server's"""
    speed: float = 0.0
    """1: as captured, 2: twice as fast; 0: as fast as the other side allows"""
    timeout_ns: int = 5 * NS
    """an answer not here by then is missing; nothing at all for so long ends the replay"""
    rules: Mapping[str, str] = {}
    refresh: Callable[[Document], Document] | None = None
    """changes each request of ours before it is sent"""


class Case(msgspec.Struct):
    """One thing that was expected of the other side."""

    name: str
    differences: list[Difference] = []
    found: bool = False
    took_ns: int = 0

    @property
    def same(self) -> bool:
        """True if it came, and was as captured."""
        return not self.differences


class _Request(msgspec.Struct):
    """A captured request and its captured answer, and what became of them now."""

    number: int
    said: Said
    answer: Said | None = None
    live: Document = {}
    sent_ns: int = -1
    """when ours was sent; -1: not yet"""
    seen: bool = False
    """theirs has come; ours has been answered or given up"""
    judged: bool = False
    """ours: a case has been made of its answer"""
    waits_for: list["_Request"] = []
    """ours that were answered between the one before and this"""


class Replay:
    """One talk being replayed. `advance` and `received` return messages to send, in order."""

    def __init__(self, talk: Talk, plan: Plan, origin_ns: int = 0) -> None:
        """`origin_ns`: the wall-clock time of the capture that is the replay's beginning; 0: this talk's first message."""
        self.talk = talk
        self.cases: list[Case] = []
        self.troubles: list[str] = []
        self._plan = plan
        self._ours: list[_Request] = []
        self._theirs: list[_Request] = []
        self._read(talk)
        times = [message.at_ns for message in talk.said if message.at_ns]
        self._origin = origin_ns or min(times, default=0)
        self._next = 0
        self._open: list[_Request] = []
        """ours that were sent and await their answer"""
        self._silent: list[_Request] = []
        """ours that were sent and have no answer in the capture"""
        self._begun = -1
        self._heard = 0
        self._later: list[tuple[int, bytes]] = []
        self._strays: list[tuple[Document, int]] = []
        self._ended = False

    # -- the capture

    def _read(self, talk: Talk) -> None:
        """Pair requests with their answers; see what each request of ours waited for."""
        waiting: list[_Request] = []
        answered: list[_Request] = []
        for number, message in enumerate(talk.said, 1):
            ours = message.from_client == self._plan.client
            if message.wrong and not ours:
                self.troubles.append(
                    f"message {number} of the capture does not decode, and is expected of nobody: {message.wrong}"
                )
            elif message.asks or message.wrong:
                request = _Request(number, message)
                if ours:
                    request.waits_for, answered = answered, []
                    self._ours.append(request)
                else:
                    self._theirs.append(request)
                waiting.append(request)
            else:
                asked = [
                    x
                    for x in waiting
                    if x.said.from_client != message.from_client and answers(x.said.document, message.document)
                ]
                if asked:
                    best = max(asked, key=lambda x: agreement(x.said.document, message.document))
                    best.answer = message
                    waiting.remove(best)
                    if best.said.from_client == self._plan.client:
                        answered.append(best)
                else:
                    self.troubles.append(
                        f"message {number} of the capture, {message.mti}, answers nothing captured: left out"
                    )

    def _at(self, message: Said) -> int:
        """When a message of ours is due."""
        if not self._plan.speed or not message.at_ns:
            return self._begun
        return self._begun + round(max(0, message.at_ns - self._origin) / self._plan.speed)

    # -- being driven

    def started(self, now: int) -> None:
        """The connection is there."""
        self._begun = self._heard = now

    def due(self) -> int | None:
        """When `advance` has something to do at the latest; None once it is over."""
        if self._ended or self._begun < 0:
            return None
        times = [at for at, _ in self._later]
        times += [x.sent_ns + self._plan.timeout_ns for x in self._open[:1]]
        if self._next < len(self._ours) and self._free(self._ours[self._next]):
            times.append(self._at(self._ours[self._next].said))
        return min(times, default=self._heard + self._plan.timeout_ns)

    def advance(self, now: int) -> list[bytes]:
        """Send what is due, give up what is overdue."""
        if self._ended:
            return []
        while self._open and now >= self._open[0].sent_ns + self._plan.timeout_ns:
            self._open.pop(0).seen = True
        out = [data for at, data in self._later if at <= now]
        self._later = [(at, data) for at, data in self._later if at > now]
        while self._next < len(self._ours):
            request = self._ours[self._next]
            if not self._free(request) or self._at(request.said) > now:
                break
            self._next += 1
            out.append(self._send(request, now))
        if out:
            self._heard = max(self._heard, now)
        if not out and self._complete(now):
            self._end("")
        return out

    def received(self, data: bytes, now: int) -> list[bytes]:
        """A message of the other side."""
        message = said(self.talk.dialect, data, 0, not self._plan.client)
        if message.wrong:
            self.cases.append(
                Case(f"a message after {self._sent()}", [_whole("a message", "one that decodes", message.wrong)], True)
            )
            return []
        if message.asks:
            return self._take_request(message.document, now)
        self._heard = now
        self._answered(message.document, now)
        return self.advance(now)

    def unsent(self, reason: str) -> None:
        """A message that was returned to be sent cannot be: it does not fit the framing."""
        self.troubles.append(f"not sent: {reason}")

    def lost(self, reason: str) -> None:
        """The connection is gone; what has not come will not."""
        if not self._ended:
            self._end(reason)

    @property
    def done(self) -> bool:
        """True once nothing more is to come."""
        return self._ended

    # -- ours

    def _free(self, request: _Request) -> bool:
        return all(x.seen for x in request.waits_for)

    def _send(self, request: _Request, now: int) -> bytes:
        document, data = request.said.document, request.said.data
        if self._plan.refresh is not None and not request.said.wrong:
            document = self._plan.refresh(document)
            data = self.talk.dialect.encode(document)
        request.live, request.sent_ns = document, now
        (self._silent if request.answer is None else self._open).append(request)
        return data

    def _answered(self, document: Document, now: int) -> None:
        asked = [x for x in self._open if answers(x.live, document)]
        silent = [x for x in self._silent if answers(x.live, document)]
        if asked:
            request = max(asked, key=lambda x: agreement(x.live, document))
            self._open.remove(request)
            self._compare(request, document, now)
        elif silent:
            name = self._name(silent[0], "the answer to")
            self.cases.append(Case(name, [_whole("an answer", "", _brief(document))], True, now - silent[0].sent_ns))
        else:
            self._strays.append((document, now))

    def _compare(self, request: _Request, document: Document, now: int) -> None:
        assert request.answer is not None
        request.seen = request.judged = True
        found = differences(
            self.talk.dialect, request.answer.document, document, self._plan.rules, request.said.document, request.live
        )
        self.cases.append(Case(self._name(request, "the answer to"), found, True, now - request.sent_ns))

    # -- theirs

    def _take_request(self, document: Document, now: int) -> list[bytes]:
        alike = [x for x in self._theirs if not x.seen and same_class(x.said.document, document)]
        if document[DE.MTI][1:2] == MTI.NETWORK:  # an echo test is no sign-off that differs
            alike = [x for x in alike if x.said.document.get(DE.NETWORK_CODE) == document.get(DE.NETWORK_CODE)]
        if not alike:
            if document[DE.MTI][1:2] != MTI.NETWORK:
                self.cases.append(
                    Case(f"a request after {self._sent()}", [_whole("a request", "", _brief(document))], True)
                )
                return []
            return self._answer_network_management(document)
        self._heard = now  # echo tests that were not captured are no sign that more is to come
        request = max(alike, key=lambda x: agreement(x.said.document, document))
        request.seen = True
        found = differences(self.talk.dialect, request.said.document, document, self._plan.rules)
        self.cases.append(Case(self._name(request, "their"), found, True))
        if request.answer is None:
            return self.advance(now)
        reply = expected_now(request.answer.document, request.said.document, document)
        header = _turned(request, document)
        if header:
            reply[DE.HEADER] = header
        data = self._encoded(reply)
        wait = 0.0
        if self._plan.speed and request.answer.at_ns:
            wait = max(0, request.answer.at_ns - request.said.at_ns) / self._plan.speed
        if wait:
            self._later.append((now + round(wait), data))
            return self.advance(now)
        return [*filter(None, [data]), *self.advance(now)]

    def _answer_network_management(self, document: Document) -> list[bytes]:
        """A sign-on or echo test that was not captured depends on when one looks: it is answered, and no difference."""
        reply = {de: value for de, value in document.items() if de not in (DE.BITMAP, DE.BITMAP_SECONDARY)}
        reply |= {
            DE.MTI: response_mti(document[DE.MTI]),
            DE.RESPONSE_CODE: "00" if self.talk.dialect.version == "0" else "800",
        }
        return [*filter(None, [self._encoded(reply)])]

    def _encoded(self, document: Document) -> bytes:
        try:
            return self.talk.dialect.encode(document)
        except EncodeError as error:  # the live request's element does not fit the captured answer
            self.troubles.append(f"an answer could not be said: {error}")
            return b""

    # -- the end

    def _complete(self, now: int) -> bool:
        quiet = now - self._heard >= self._plan.timeout_ns
        payments = [x for x in self._theirs if x.said.mti[1:2] != MTI.NETWORK]
        expected = [x for x in (payments if payments or self._ours else self._theirs) if not x.seen]
        to_come = self._later or self._open or (self._next < len(self._ours))
        return not to_come and (quiet or not expected)

    def _end(self, reason: str) -> None:
        self._ended = True
        missing = [x for x in self._ours if x.answer is not None and not x.judged]
        for document, now in self._strays:
            alike = [
                x for x in missing if x.sent_ns >= 0 and same_class(x.answer.document if x.answer else {}, document)
            ]
            if alike:
                request = max(alike, key=lambda x: agreement(x.live, document))
                missing.remove(request)
                self._compare(request, document, now)
            else:
                name = f"an answer after {self._sent()}"
                self.cases.append(Case(name, [_whole("an answer", "", _brief(document))], True))
        why = reason or f"none within {self._plan.timeout_ns / NS:g} s"
        for request in missing:
            assert request.answer is not None
            never = why if request.sent_ns >= 0 else f"not asked: {why}"
            self.cases.append(
                Case(
                    self._name(request, "the answer to"), [_whole("an answer", _brief(request.answer.document), never)]
                )
            )
        for request in self._theirs:
            if not request.seen and request.said.mti[1:2] != MTI.NETWORK:
                self.cases.append(
                    Case(self._name(request, "their"), [_whole("a request", _brief(request.said.document), why)])
                )

    def _name(self, request: _Request, what: str) -> str:
        document = request.said.document
        stan = f", STAN {document[DE.STAN]}" if DE.STAN in document else ""
        return f"message {request.number}: {what} {request.said.mti or 'what does not decode'}{stan}"

    def _sent(self) -> str:
        return f"message {self._ours[self._next - 1].number}" if self._next else "the beginning"


def _turned(request: _Request, document: Document) -> str:
    """The header of an answer: where the captured one was its request's TPDU turned round, the live one's turned round."""
    then, now = request.said.document.get(DE.HEADER, ""), document.get(DE.HEADER, "")
    answered = request.answer.document.get(DE.HEADER, "") if request.answer is not None else ""
    if len(then) == len(now) == 10 and answered == then[:2] + then[6:] + then[2:6]:
        return now[:2] + now[6:] + now[2:6]
    return ""


def _brief(document: Document) -> str:
    parts = [document.get(DE.MTI, "a message")]
    parts += [f"DE{de} {document[de]}" for de in (DE.STAN, DE.RESPONSE_CODE, DE.NETWORK_CODE) if de in document]
    return " ".join(parts)


def _whole(name: str, expected: str, found: str) -> Difference:
    return Difference("", name, expected, found, EXACT)


class Report(msgspec.Struct):
    """What came of a replay."""

    cases: list[tuple[Talk, Case]]
    troubles: list[str]

    @property
    def same(self) -> bool:
        """True if everything expected came as captured, and something was expected."""
        return bool(self.cases) and all(case.same for _, case in self.cases)

    @property
    def different(self) -> list[Case]:
        """The cases that differ."""
        return [case for _, case in self.cases if not case.same]

    def __repr__(self) -> str:
        """As text: pytest shows the `repr` of what stands behind an assertion."""
        return str(self)

    def __str__(self) -> str:
        """For people: what differs, element by element, then the sum of it."""
        lines: list[str] = []
        talks = len({talk.name for talk, _ in self.cases})
        for talk, case in self.cases:
            if not case.same:
                lines.append(f"{case.name}" + (f"  ({talk.name})" if talks > 1 else ""))
                lines += [f"  {difference.text}" for difference in case.differences]
        lines += [f"note: {trouble}" for trouble in self.troubles]
        good = sum(case.same for _, case in self.cases)
        total = len(self.cases)
        if not total:
            return "\n".join([*lines, "nothing was expected of the other side: is it the right --side?"])
        return "\n".join(
            [*lines, f"{good} of {total} as captured" + ("" if good == total else f", {total - good} differ")]
        )


def report_of(replays: list[Replay]) -> Report:
    """Of all talks together. What could not be read of the captures is among the troubles."""
    cases = [(replay.talk, case) for replay in replays for case in replay.cases]
    troubles = [f"{r.talk.name}: {trouble}" for r in replays for trouble in (*r.talk.troubles, *r.troubles)]
    return Report(cases, troubles)
