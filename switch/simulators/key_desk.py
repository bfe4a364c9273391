"""The keys of a simulated host, changed by message: the same rules as the switch's, and the ways in which real hosts break them.

In: 0800 and 0810 about keys, sets that messages came under. Out: answers, and changes of its own. Its security module is its own:
two ends of a link that share one have nothing to exchange.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

import msgspec

from switch.core.links.key_exchange import SECOND_NS, KeyExchange
from switch.core.links.key_place import KeyWord, place_of
from switch.core.links.valid_sets import Valid, ValidSets
from switch.core.messages.internal import answer
from switch.core.party import LinkId
from switch.security.commands import OF_SET
from switch.simulators.clock import Moment
from switch.simulators.endpoint import Heard, Line, Speech
from switch.simulators.messages import network_request
from switch.wire.vocabulary import DE, KEY_CODES, NETWORK_REQUESTS, Document, NetworkCode

WRONG_VALUE: Final = "0F0F0F"


class KeyManner(msgspec.Struct, frozen=True, kw_only=True):
    """How a host goes about it. The default: as it should, and it never begins."""

    begins_every_s: float = 0.0
    """it offers new keys so often, but not while the set before is valid still"""
    late_s: float = 0.0
    """its answers about keys come so late"""
    wrong_value: bool = False
    """the check values of its offers are another key's"""
    silent: bool = False
    """it takes what it is offered, and answers nothing about keys"""
    lingers_s: float = 0.0
    """it goes on sending under the set before for so long after a change"""


PLAIN_KEYS: Final = KeyManner()


class LingeringSets(ValidSets):
    """Those of a host that goes on with the set before for a while."""

    until_ns = 0
    now = 0

    def of(self, key: str) -> Valid:
        """See ValidSets; the set before is the one to send under."""
        valid = super().of(key)
        before = valid.sets.previous
        if before is None or self.now >= self.until_ns:
            return valid
        return msgspec.structs.replace(valid, sending=key + OF_SET + before.set_id, set_id=before.set_id)


class Owner(Protocol):
    """The host, as seen from here (`host.Host`)."""

    wall_offset_ns: int
    lines: dict[LinkId, Line]

    def at(self, when: int, do: Callable[[int], None]) -> None:
        """Call it then."""

    def say(self, line: Line, document: Document, reference: Document | None = None) -> None:
        """Send it."""

    def log(self, level: str, event: str, **fields: object) -> None:
        """Log it."""

    def moment(self, now: int) -> Moment:
        """The wall clock."""

    def next_stan(self) -> str:
        """DE11 of a message of its own."""


class KeyDesk:
    """Of one host: `key_exchange.Outside` of its exchange with the switch."""

    def __init__(self, host: Owner, speech: Speech, line: Callable[[], Line | None]) -> None:
        """`speech.sets` is there. `line`: one that is signed on."""
        assert speech.sets is not None
        place = place_of(speech.dialect)
        assert place is not None, "its dialect says where"
        self._host, self._speech, self._place, self._line = host, speech, place, line
        self.manner = PLAIN_KEYS
        self._valid = speech.sets.valid
        wins = int(speech.own or 0) < int(speech.peer or 0)
        self.exchange = KeyExchange(speech.sets.keys, self._valid, self, wins=wins)
        self._valid.seen = self._seen
        self._now = 0
        self._armed: int | None = None
        self._began = False

    def behave(self, manner: KeyManner) -> None:
        """From the next sign-on on it goes about it in this manner."""
        self.manner = manner

    def _begin(self, now: int) -> None:
        self._now = now
        if not (self.exchange.busy or self.exchange.overlaps):
            self.exchange.begin(now)
        self._arm(now)
        self._host.at(now + int(self.manner.begins_every_s * SECOND_NS), self._begin)

    def link_up(self, now: int) -> None:
        """A line is signed on."""
        if self.manner.begins_every_s and not self._began:
            self._began = True
            self._host.at(now + int(self.manner.begins_every_s * SECOND_NS), self._begin)
        self.exchange.link_up(now)
        self._arm(now)

    def take(self, line: Line, heard: Heard, now: int) -> bool:
        """True: the message was about keys, and is dealt with."""
        self._now = now
        if isinstance(self._valid, LingeringSets):
            self._valid.now = now
        code, mti = heard.internal.get(DE.NETWORK_CODE, ""), heard.internal[DE.MTI]
        if code not in KEY_CODES or mti not in NETWORK_REQUESTS | {"0810"}:
            return False
        if mti == "0810":
            word = self._place.read(heard.internal)
            self.exchange.answered(code, heard.internal.get(DE.RESPONSE_CODE, ""), word, now)
        else:
            self._answer(line, heard, code, now)
        self._arm(now)
        return True

    def _answer(self, line: Line, heard: Heard, code: str, now: int) -> None:
        de39 = self.exchange.asked(code, self._place.read(heard.internal), now)
        if self.manner.silent:
            return
        reply = answer(heard.internal, de39) | {DE.NETWORK_CODE: code}
        say = partial(self._say_later, line, reply, heard)
        if self.manner.late_s:
            self._host.at(now + int(self.manner.late_s * SECOND_NS), say)
        else:
            say(now)

    def _say_later(self, line: Line, reply: dict[str, str], heard: Heard, now: int) -> None:
        del now
        if self._host.lines.get(line.link) is line:
            self._host.say(line, reply, heard.raw)

    def _seen(self, name: str) -> None:
        self.exchange.seen(name, self._now)

    # -- key_exchange.Outside

    def say(self, code: str, word: KeyWord, now: int) -> bool:
        """See key_exchange.Outside."""
        line = self._line()
        if line is None:
            return False
        if self.manner.wrong_value and code == NetworkCode.KEY_EXCHANGE:
            word = word._replace(check_value=WRONG_VALUE)
        at, stan = self._host.moment(now), self._host.next_stan()
        self._host.say(line, network_request(code, self._speech.own, at, stan) | self._place.compose(word))
        return True

    def log(self, level: str, event: str, **fields: Any) -> None:
        """See key_exchange.Outside."""
        if event == "keys.in_use" and isinstance(self._valid, LingeringSets):
            self._valid.until_ns = self._now + int(self.manner.lingers_s * SECOND_NS)
        self._host.log(level, event, **fields)

    def wall_us(self, now: int) -> int:
        """See key_exchange.Outside."""
        return (now + self._host.wall_offset_ns) // 1_000

    # -- time

    def _arm(self, now: int) -> None:
        due = self.exchange.deadline()
        if due is not None and (self._armed is None or due < self._armed):
            self._armed = max(due, now)
            self._host.at(self._armed, self._tick)

    def _tick(self, now: int) -> None:
        self._now, self._armed = now, None
        if isinstance(self._valid, LingeringSets):
            self._valid.now = now
        self.exchange.tick(now)
        self._arm(now)
