"""Terminals: a steady load of payments behind one or more links to the switch.

One party plays many terminals (DE41), all of one acquirer. On a `terminal` port each link is a terminal, or a shop with
several; on an `acquirer` port one link carries a whole bank's. Payments leave at a fixed rate, many in flight; what the rate
asks for while no link is signed on is not made up for later.
"""

from functools import partial

import msgspec

from switch.core.messages.internal import answer
from switch.core.party import LinkId, link_name
from switch.simulators.acquiring import Acquiring
from switch.simulators.comparing import Comparing
from switch.simulators.endpoint import Heard, Line, Speech
from switch.simulators.faults import RandomSource
from switch.simulators.host import CATCH_UP, MS, Host
from switch.simulators.messages import CASH_BACK, Place, allow_partial, network_request, request
from switch.simulators.minds import Manner, happens
from switch.simulators.mix import Deck, Mix
from switch.simulators.own_totals import REQUEST_OF_ACQUIRER, OwnTotals
from switch.simulators.pins import PinPad
from switch.simulators.reconciliation import AcquirerBook
from switch.simulators.under_way import Timeouts
from switch.wire.vocabulary import DE, NETWORK_REQUESTS, RESPONSES, Answer, NetworkCode

SIGN_ON_RETRY_NS = 5_000 * MS
SIGN_OFF_WAIT_NS = 1_000 * MS


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """How much, for how long."""

    rate: float = 10.0
    """payments a second, over all terminals"""
    duration_s: float = 0.0
    """0: until `drain`"""
    payments: int = 0
    """stop after so many; 0: no bound"""
    in_flight_max: int = 5_000
    """awaiting answers at once; above it payments are skipped, and a warning is logged"""


class Terminal(Host):
    """A load of terminals.

    `places` are the terminals; number i pays on the link named `links[i % len(links)]`. `finished` turns True when the load is
    over and nothing is open; `book()` says what came of it.
    """

    def __init__(
        self, name: str, speech: Speech, places: tuple[Place, ...], links: tuple[str, ...], deck: Deck, mix: Mix, load: Load,
        rng: RandomSource, timeouts: Timeouts | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name, speech)
        self._places = places
        self.links = links
        self._link_of = {place.terminal: links[i % len(links)] for i, place in enumerate(places)}
        self._up: dict[str, Line] = {}
        self._stans: dict[str, int] = {}
        self._poses_as = ""
        self._poses: set[str] = set()
        """DE11 of sign-ons as that institution that have not been answered"""
        self._one_stan = False
        """DE11 tells its terminals' messages apart where DE41 does not"""
        self._deck, self._mix, self._load, self._rng = deck, mix, load, rng
        self.takes_less = mix.less / 100
        """share of payments that may be approved in part"""
        self.pin_pad: PinPad | None = None
        """where cardholders type their PINs; None: they do not"""
        self._acquiring = Acquiring(self, self._line, self._terminal_stan, timeouts or Timeouts())
        self.comparing = Comparing(self, REQUEST_OF_ACQUIRER, speech.own, lambda: next(iter(self._up.values()), None))
        self._period = ""
        """business day (MMDD) as the switch has said; "": it has not"""
        self._interval_ns = int(1e9 / load.rate) if load.rate > 0 else 0
        self._turn = 0
        self._made = 0
        self._began_ns: int | None = None
        self._next_ns = 0
        self._over = False
        self._signed_off = False
        self._signing_off: set[LinkId] = set()
        """links whose last sign-off is not answered yet"""
        self.skipped = 0
        """payments that the rate asked for and that were not sent"""
        self.refusals: dict[str, str] = {}
        """links whose sign-on was refused, and the DE39"""

    @property
    def finished(self) -> bool:
        """The load is over, nothing is open, and every link has been signed off."""
        return self._over and self._signed_off and not self._signing_off

    @property
    def signed_on(self) -> int:
        """Links that are up."""
        return len(self._up)

    @property
    def in_flight(self) -> int:
        """Messages that await their answer."""
        return self._acquiring.in_flight

    def book(self) -> AcquirerBook:
        """What was sent and what came of it."""
        return self._acquiring.book(self.name)

    def adopt(self, manner: Manner) -> None:
        """From here on its host's clock, and how it names what it takes back, are of this manner."""
        self.ahead_ns = manner.ahead_h * 3_600_000 * MS
        self._acquiring.manner = manner
        self._one_stan = DE.TERMINAL in manner.without

    def pose(self, institution: str) -> None:
        """From here on each connection, once signed on, says that it is this institution, too: as a concentrator may that signs
        on bank after bank over one connection, or whoever wants another's traffic."""
        self._poses_as = institution

    def note_posed(self, link: LinkId, now: int) -> None:
        """The switch has taken a connection for another's."""
        del now
        self.log("error", "sign_on.taken_for_another", link=link, institution=self._poses_as)

    # -- links

    def on_connected(self, line: Line, now: int) -> None:
        """Sign on at once."""
        self._sign_on(line.link, now)

    def _sign_on(self, link: LinkId, now: int) -> None:
        line = self.lines.get(link)
        if line is None or line.signed_on or self._signed_off:
            return
        place = self._places[self.links.index(link_name(link)) % len(self._places)]
        self.say(
            line,
            network_request(NetworkCode.SIGN_ON, self._speech.own, self.moment(now), self.next_stan(), place.terminal),
        )
        self.at(now + SIGN_ON_RETRY_NS, partial(self._sign_on, link))

    def sign_off(self, now: int) -> None:
        """Sign off on every link that is signed on; payments under way are still answered. `sign_on` ends the pause."""
        for line in self._up.values():
            line.signed_on = False
            self.say(line, network_request(NetworkCode.SIGN_OFF, self._speech.own, self.moment(now), self.next_stan()))
        self._up.clear()

    def sign_on(self, now: int) -> None:
        """Sign on (again) on every link that is not signed on."""
        for line in self.lines.values():
            self._sign_on(line.link, now)

    def on_disconnected(self, line: Line, now: int) -> None:
        """Payments of this link wait until it is back; those under way run into their timeout."""
        del now
        if self._up.get(link_name(line.link)) is line:
            del self._up[link_name(line.link)]
        self._signing_off.discard(line.link)

    def _line(self, terminal: str) -> Line | None:
        return self._up.get(self._link_of[terminal])

    # -- messages

    def on_message(self, line: Line, heard: Heard, now: int) -> None:
        """An answer; or an echo test of the switch's."""
        internal = heard.internal
        mti = internal[DE.MTI]
        if mti == "0810" and internal.get(DE.STAN) in self._poses:
            self._poses.discard(internal[DE.STAN])
            if internal.get(DE.RESPONSE_CODE) == Answer.APPROVED:
                self.note_posed(line.link, now)
        elif mti == "0810":
            self._take_network_answer(line, internal.get(DE.NETWORK_CODE, ""), internal.get(DE.RESPONSE_CODE, ""), now)
        elif self.comparing.take_answer(internal):
            pass
        elif mti in RESPONSES:
            self._acquiring.take_response(line, internal, now)
            self._finish_if_done(now)
        elif mti in NETWORK_REQUESTS:
            reply = answer(internal, Answer.APPROVED)
            if DE.NETWORK_CODE in internal:
                reply[DE.NETWORK_CODE] = internal[DE.NETWORK_CODE]
            self.say(line, reply, heard.raw)
            if internal.get(DE.NETWORK_CODE) == NetworkCode.CUTOVER and DE.SETTLEMENT_DATE in internal:
                self._begin_day(internal[DE.SETTLEMENT_DATE], now)
        else:
            self.log("warning", "message.unexpected", link=line.link, mti=mti)

    def _begin_day(self, day: str, now: int) -> None:
        """It is this business day (MMDD) from now on: what answers have said of the one before is compared."""
        ended = self._period or self.moment(now).sent_at[:4]
        self._period = day
        if day != ended:
            self.comparing.close(ended, self._acquiring.totals, now)

    @property
    def totals(self) -> OwnTotals:
        """What its answers have come to."""
        return self._acquiring.totals

    def _take_network_answer(self, line: Line, code: str, de39: str, now: int) -> None:
        if self._signed_off or code == NetworkCode.SIGN_OFF:
            self._signing_off.discard(line.link)
            return
        if de39 != Answer.APPROVED:
            self.refusals[link_name(line.link)] = de39
            self.log("error", "sign_on.refused", link=line.link, de39=de39, institution=self._speech.own,
                     hint="DE32 must be the institution of a member of the switch's network file")  # fmt: skip
            return
        line.signed_on = True
        self._up[link_name(line.link)] = line
        self.log("info", "link.signed_on", link=line.link)
        if self._poses_as:
            stan = self.next_stan()
            self._poses.add(stan)
            self.say(line, network_request(NetworkCode.SIGN_ON, self._poses_as, self.moment(now), stan))
        if self._began_ns is None and len(self._up) == len(self.links):
            self._begin(now)

    # -- the load

    def _begin(self, now: int) -> None:
        self._began_ns = self._next_ns = now
        second = self.moment(now).second % 3600
        self._stans = {place.terminal: second * 277 for place in self._places}
        if self._load.duration_s:
            self.at(now + int(self._load.duration_s * 1e9), self._stop)
        if self._interval_ns:
            self._send_due(now)

    def _send_due(self, now: int) -> None:
        """Send what is due by now; the schedule is kept, not the gaps."""
        if self._over:
            return
        if not self._up:
            self._next_ns = now + 100 * MS
        sent = 0
        while self._next_ns <= now:
            if sent >= CATCH_UP:
                missed = (now - self._next_ns) // self._interval_ns + 1
                self._skip(
                    missed, "the terminals' own process is too slow for this rate: lower --rate, or start a second one"
                )
                self._next_ns += missed * self._interval_ns
                break
            self._next_ns += self._interval_ns
            sent += 1
            self._pay(now)
            if self._load.payments and self._made >= self._load.payments:
                self._stop(now)
                return
        self.at(self._next_ns, self._send_due)

    def _pay(self, now: int) -> None:
        if self._acquiring.in_flight >= self._load.in_flight_max:
            self._skip(
                1, f"limit in_flight_max={self._load.in_flight_max} reached: answers come too slowly for this rate"
            )
            return
        place = self._places[self._turn % len(self._places)]
        self._turn += 1
        job = self._deck.deal(self._mix, self._rng)
        at = self.moment(now)
        stan = self._terminal_stan(place.terminal)
        cash = job.amount // 2 if job.kind == CASH_BACK else 0
        document = request(job.kind, job.card, job.amount, place, at, stan, at.rrn_prefix + stan, job.web, cash=cash)
        if happens("less", self.takes_less, document):
            document = allow_partial(document)
        if self.pin_pad is not None and job.web is None:
            document, typed = self.pin_pad.type(document, job.card)
            if not typed.ok:
                self._skip(1, f"no PIN block can be made: {typed.reason}")
                return
        route = "domestic" if job.card.country == place.country else job.card.scheme
        if self._acquiring.pay(document, job.kind, route, job.plan, now):
            self._made += 1
        else:
            self._skip(1, f"link {self._link_of[place.terminal]} is not signed on")

    def _skip(self, count: int, reason: str) -> None:
        if not self.skipped:
            self.log("warning", "payments.skipped", reason=reason)
        self.skipped += count

    def _terminal_stan(self, terminal: str) -> str:
        whose = self._places[0].terminal if self._one_stan else terminal
        stan = self._stans[whose] = self._stans.get(whose, 0) % 999_999 + 1
        return f"{stan:06d}"

    # -- the end

    def _stop(self, now: int) -> None:
        """Make no more payments; sign off once what is open has ended."""
        self._over = True
        self._finish_if_done(now)

    def _finish_if_done(self, now: int) -> None:
        if not self._over or self._signed_off or self._acquiring.unfinished:
            return
        self._signed_off = True
        self._signing_off = {line.link for line in self._up.values()}
        self.sign_off(now)
        self.at(now + SIGN_OFF_WAIT_NS, self._stop_waiting)

    def tick(self, now: int) -> None:
        """Run the timers that are due; one of them may have ended the last open payment."""
        super().tick(now)
        self._finish_if_done(now)

    def _stop_waiting(self, now: int) -> None:
        del now
        self._signing_off.clear()

    def drain(self, now: int) -> None:
        """Make no more payments."""
        super().drain(now)
        self._stop(now)

    def drained(self) -> bool:
        """Everything has ended."""
        return self.finished
