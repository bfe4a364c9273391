"""The gateway's link to the switch, as a party: signs on, asks, and gives each answer to whoever asked. Pure.

In: documents in internal format, bytes from the link. Out: the answer of each, or None once nobody need wait any more. The one
rule: an answer belongs to the request whose class, DE11, DE7 and DE41 it has; one that belongs to none is logged and no more.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from switch.core.messages.internal import answer
from switch.simulators.endpoint import Heard, Line, Speech
from switch.simulators.host import MS, Host
from switch.simulators.messages import network_request
from switch.simulators.under_way import match_key
from switch.simulators.unmatched import MatchKey
from switch.wire.vocabulary import DE, RESPONSES, Answer, Document, NetworkCode

SIGN_ON_RETRY_NS: Final = 5_000 * MS
Answered = Callable[[Document | None], None]


class Acquirer(Host):
    """One acquiring host with one connection at a time."""

    def __init__(self, name: str, speech: Speech) -> None:
        super().__init__(name, speech)
        self._up: Line | None = None
        self._waiting: dict[MatchKey, Answered] = {}
        self.refusal = ""
        """DE39 of the last sign-on, if it was refused"""

    @property
    def signed_on(self) -> bool:
        """Can anything be asked?"""
        return self._up is not None and not self.draining

    def ask(self, document: Document, answered: Answered, now: int, patience_ns: int) -> bool:
        """Send a request; `answered` is called once, with its answer, or None after `patience_ns`.

        False: there is no link, nothing was sent, and `answered` will not be called.
        """
        line = self._up
        if line is None or not self.signed_on:
            return False
        key = match_key(document)
        self._waiting[key] = answered
        self.at(now + patience_ns, partial(self._give_up, key, answered))
        self.say(line, document)
        return True

    def _give_up(self, key: MatchKey, answered: Answered, now: int) -> None:
        del now
        if self._waiting.get(key) is answered:
            del self._waiting[key]
            answered(None)

    def on_connected(self, line: Line, now: int) -> None:
        """Sign on at once."""
        self._sign_on(line, now)

    def _sign_on(self, line: Line, now: int) -> None:
        if self.lines.get(line.link) is not line or line.signed_on:
            return
        self.say(line, network_request(NetworkCode.SIGN_ON, self._speech.own, self.moment(now), self.next_stan()))
        self.at(now + SIGN_ON_RETRY_NS, partial(self._sign_on, line))

    def on_disconnected(self, line: Line, now: int) -> None:
        """What was asked waits for its time to run out: the answer is not known."""
        del now
        if self._up is line:
            self._up = None

    def on_message(self, line: Line, heard: Heard, now: int) -> None:
        """An answer; or an echo test of the switch's."""
        del now
        document = heard.internal
        mti = document[DE.MTI]
        if mti == "0800":
            reply = answer(document, Answer.APPROVED)
            if DE.NETWORK_CODE in document:
                reply[DE.NETWORK_CODE] = document[DE.NETWORK_CODE]
            self.say(line, reply, heard.raw)
        elif mti == "0810":
            self._take_sign_on(line, document)
        elif mti in RESPONSES:
            waits = self._waiting.pop(match_key(document), None)
            if waits is None:
                self.log(
                    "warning",
                    "answer.unmatched",
                    link=line.link,
                    mti=mti,
                    de11=document.get(DE.STAN, ""),
                    hint="its request was given up, or answered before",
                )
            else:
                waits(document)
        else:
            self.log("warning", "message.unexpected", link=line.link, mti=mti)

    def _take_sign_on(self, line: Line, document: Document) -> None:
        if document.get(DE.NETWORK_CODE) != NetworkCode.SIGN_ON:
            return
        self.refusal = (
            "" if document.get(DE.RESPONSE_CODE) == Answer.APPROVED else document.get(DE.RESPONSE_CODE, "none")
        )
        if self.refusal:
            self.log(
                "error",
                "sign_on.refused",
                link=line.link,
                de39=self.refusal,
                institution=self._speech.own,
                hint="DE32 must be the institution of a member of the switch's network file",
            )
            return
        line.signed_on = True
        self._up = line
        self.log("info", "link.signed_on", link=line.link)

    def drained(self) -> bool:
        """Nothing awaits its answer."""
        return self.draining and not self._waiting
