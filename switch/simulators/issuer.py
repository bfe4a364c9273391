"""An issuer's host: answers for its cards, on links that the switch connects (or that it connects itself).

Its books may be durable. Then it keeps a journal: what it takes is a record, and no answer leaves before everything
taken so far is durable, for a repeat says again what its original was answered. While the journal is away nothing is taken: a
request is answered 96, an advice or a reversal not at all (it will come again).
"""

from datetime import timedelta
from functools import partial

from switch.core.messages.internal import answer
from switch.core.messages.meaning import is_inquiry
from switch.core.party import Close, LinkId, Record, Send
from switch.core.transactions.transaction import pan_of
from switch.simulators.accounts import Ledger
from switch.simulators.comparing import Comparing
from switch.simulators.de48 import Private48, private_elements, with_private
from switch.simulators.endpoint import Heard, Line, Speech
from switch.simulators.faults import Fate, FaultPlan, RandomSource
from switch.simulators.host import MS, Host
from switch.simulators.journal_records import HostEntry
from switch.simulators.messages import file_update, network_request
from switch.simulators.minds import PLAIN_MIND, Mind, happens
from switch.simulators.own_totals import REQUEST
from switch.simulators.payment_key import payment_key
from switch.simulators.postings import Taken
from switch.simulators.reconciliation import IssuerBook
from switch.simulators.rules import STATUS, Verdict
from switch.simulators.writing import Writing, under_another
from switch.wire import EncodeError
from switch.wire.dates import day_of
from switch.wire.vocabulary import (
    ADVICES,
    APPROVALS,
    DE,
    NETWORK_REQUESTS,
    REQUESTS,
    REVERSALS,
    Answer,
    Document,
    FileUpdate,
    NetworkCode,
    is_repeat,
)

SIGN_ON_RETRY_NS = 5_000 * MS
ANSWERED_AGAIN_NS = 700 * MS
"""after its first answer, by a host that answers twice"""
WRONG_BY = 500_000
"""a wrong answer's DE11 is higher by so much: nothing that waits has that"""
UNACKNOWLEDGED_MAX = 10_000
"""records that may wait for the journal"""
_NETWORK_CODES = frozenset({NetworkCode.SIGN_ON, NetworkCode.SIGN_OFF, NetworkCode.CUTOVER, NetworkCode.ECHO})


class Issuer(Host):
    """Answers 0100, 0200, 0120, 0220, 0400, 0420 and their repeats from its ledger, and 0800.

    `signs_on`: it opens the conversation (0800, DE70=001, `speech.own` in DE32), as a host that connects in must. Otherwise it
    waits for the switch to. Its answers meet the fate that `plan` and `rng` decide; the ledger has moved by then.
    Its books live in memory, unless `keep_journal` says otherwise.
    """

    reconciles_by = REQUEST

    def __init__(
        self,
        name: str,
        speech: Speech,
        ledger: Ledger,
        rng: RandomSource,
        plan: FaultPlan | None = None,
        *,
        signs_on: bool = False,
        sends_stop_list: bool = False,
        mind: Mind = PLAIN_MIND,
    ) -> None:
        """`sends_stop_list`: after each sign-on it tells the switch which of its cards are lost or stolen (0302)."""
        super().__init__(name, speech)
        self.mind, self._writing = mind, Writing(mind)
        ledger.early, ledger.approves_part = mind.early, mind.approves_part
        ledger.holdings.totals.counts = mind.counts
        self.ledger = ledger
        self.comparing = Comparing(self, self.reconciles_by, speech.own, self.signed_on_line)
        self._position: int | None = None
        self._durable = 0
        self._journal_away = ""
        self._rng = rng
        self._plan = plan or FaultPlan()
        self._signs_on = signs_on
        self._sends_stop_list = sends_stop_list
        self._answers_due = 0
        self._unsigned: set[LinkId] = set()
        self.forgotten: set[str] = set()
        """payments taken after their reversal (`minds.FORGETS`, `UNKNOWN`): who hears no approval cannot know of them"""
        self._begins = ""
        """the business day (MMDD) that begins with the cutover that it has asked for"""
        self._begins_window, self._window = 1, 1
        """the same of the window of that day; and the one that it takes to be in force"""
        self.days_closed = 0
        """cutovers of this process to another day that the switch has acknowledged"""

    def book(self) -> IssuerBook:
        """The ledger's book."""
        return self.ledger.book()

    def behave(self, plan: FaultPlan) -> None:
        """From here on its answers meet the fate that `plan` decides."""
        self._plan = plan

    # -- the journal

    def fold(self, entry: HostEntry) -> None:
        """Remember a record of an earlier life. KeyError: it is about a card that is not on file."""
        assert isinstance(entry, Taken), "records of an acquirer in an issuer's journal"
        self.ledger.holdings.apply(entry)
        self.ledger.period = entry.period or self.ledger.period

    def keep_journal(self, position: int) -> None:
        """Record from now on what is taken. The journal holds `position` records, and all of them have been folded."""
        self._position = self._durable = position

    def durable(self, position: int, now: int) -> None:
        """The journal holds so much."""
        del now
        self._durable = position

    def journal_state(self, up: bool, reason: str, now: int) -> None:
        """The journal stopped, or works again."""
        del now
        self._journal_away = "" if up else reason or "unknown"

    def why_closed(self) -> str:
        """Why nothing can be taken now; "": it can."""
        if self._journal_away:
            return f"the journal is away: {self._journal_away}"
        if self._position is not None and self._position - self._durable >= UNACKNOWLEDGED_MAX:
            return f"{UNACKNOWLEDGED_MAX} records wait for the journal"
        return ""

    def record(self, entry: HostEntry) -> int:
        """Record it, where a journal is kept. Returns the position that every message about it must wait for."""
        if self._position is None:
            return 0
        self._position += 1
        self.emit(Record(self._position, entry))
        return self._position

    def _record_fresh(self) -> int:
        """Record what the ledger has taken. Returns the position that the answer must wait for."""
        fresh, self.ledger.fresh = self.ledger.fresh, []
        for entry in fresh:
            self.record(entry)
        return self._position or 0

    # -- links

    def on_connected(self, line: Line, now: int) -> None:
        """Sign on, where it is ours to do."""
        if self._signs_on:
            self._sign_on(line.link, now)

    def _sign_on(self, link: LinkId, now: int) -> None:
        line = self.lines.get(link)
        if line is not None and not line.signed_on and not self.draining:
            self._ask(line, NetworkCode.SIGN_ON, now)
            self.at(now + SIGN_ON_RETRY_NS, partial(self._sign_on, link))

    def _ask(self, line: Line, code: str, now: int, **more: str) -> None:
        self.say(line, network_request(code, self._speech.own, self.moment(now), self.next_stan()) | more)

    def drain(self, now: int) -> None:
        """Sign off everywhere; what is already being answered still is."""
        super().drain(now)
        self.sign_off(now)

    def sign_off(self, now: int) -> None:
        """Sign off on every link that is signed on, once."""
        for line in self.lines.values():
            if line.signed_on:
                line.signed_on = False
                self._ask(line, NetworkCode.SIGN_OFF, now)

    def close_day(self, now: int) -> None:
        """Say that a business day ends (0800, DE70=201), on one link that is signed on."""
        line = self.signed_on_line()
        if line is not None:
            tomorrow = day_of((now + self.wall_offset_ns) // 1_000) + timedelta(1)
            self._begins, self._begins_window = tomorrow.strftime("%m%d"), 1
            self._ask(line, NetworkCode.CUTOVER, now, **{DE.SETTLEMENT_DATE: self._begins})

    def close_window(self, now: int) -> None:
        """Say that a window of the business day ends (0800, DE70=201): by the number of the next one, as far as it knows."""
        line = self.signed_on_line()
        if line is not None:
            self._begins, self._begins_window = self.ledger.period or self.moment(now).sent_at[:4], self._window + 1
            named = with_private({DE.SETTLEMENT_DATE: self._begins}, {Private48.WINDOW: f"{self._begins_window:03d}"})
            self._ask(line, NetworkCode.CUTOVER, now, **named)

    def _begin_day(self, day: str, window: int, now: int) -> None:
        """The switch says that it is this business day (MMDD) from now on: what was counted of the one before is compared."""
        ended = self.ledger.period or self.moment(now).sent_at[:4]
        self.ledger.period, self._window = day, window
        if day != ended:
            self.reconcile(ended, now)

    def reconcile(self, day: str, now: int) -> None:
        """Say what was counted of a business day (MMDD) that has ended, and compare."""
        self.comparing.close(day, self.ledger.holdings.totals, now)

    def sign_on(self, now: int) -> None:
        """Sign on (again) on every link that is not signed on."""
        for line in self.lines.values():
            if not line.signed_on:
                self._ask(line, NetworkCode.SIGN_ON, now)

    def drained(self) -> bool:
        """Every answer under way has left."""
        return self.draining and not self._answers_due

    # -- messages

    def on_message(self, line: Line, heard: Heard, now: int) -> None:
        """Answer it, or log why not."""
        mti = heard.internal[DE.MTI]
        if mti in NETWORK_REQUESTS:
            self._answer_network(line, heard)
            if heard.internal.get(DE.NETWORK_CODE) == NetworkCode.CUTOVER and DE.SETTLEMENT_DATE in heard.internal:
                window = private_elements(heard.internal).get(Private48.WINDOW, "1")
                self._begin_day(heard.internal[DE.SETTLEMENT_DATE], int(window) if window.isdecimal() else 1, now)
            if line.signed_on and self._sends_stop_list and heard.internal.get(DE.NETWORK_CODE) == NetworkCode.SIGN_ON:
                self.send_stop_list(line, now)
        elif mti in REQUESTS or mti in ADVICES or mti in REVERSALS:
            heard = _with_card(heard)
            closed = self.why_closed()
            if closed:
                self._refuse_unbooked(line, heard, closed)
            elif mti in REQUESTS:
                self._take_request(line, heard, now)
            else:
                self._take_advice(line, heard, now)
        else:
            self.on_response(line, heard, now)

    def send_stop_list(self, line: Line, now: int) -> None:
        """Tell the switch which cards are lost or stolen, each in a message of its own."""
        for pan, account in self.ledger.accounts.items():
            reason = STATUS.get(account.card.status)
            if reason in (Answer.LOST, Answer.STOLEN):
                at, stan = self.moment(now), self.next_stan()
                self.say(line, file_update(FileUpdate.ADD, pan, reason, self._speech.own, at, stan))

    def _take_request(self, line: Line, heard: Heard, now: int) -> None:
        self._check_signed_on(line)
        mind, document = self.mind, heard.internal
        if happens("hangs up", mind.hangs_up, document):
            self.emit(Close(line.link, "this host does not read such a message"))
        elif happens("late", mind.posts_late, document):
            self.at(now + mind.late_ms * MS, partial(self._decide, line, heard))
        else:
            self._decide(line, heard, now)

    def _decide(self, line: Line, heard: Heard, now: int) -> None:
        if self.ledger.dismissed.has(heard.internal):
            self.forgotten.add(payment_key(heard.internal))
        verdict = self.decide(self._read_amount(heard.internal), now)
        fate, delay_ns = self._plan.fate(heard.internal.get(DE.PAN, ""), self._rng)
        if fate is not Fate.ANSWER:
            self.log("info", "fault." + fate.value, link=line.link, de11=heard.internal.get(DE.STAN, ""))
        self._answer(line, heard, verdict, fate, delay_ns, now)

    def _read_amount(self, document: Document) -> Document:
        """The request as this host reads it: for half of its amount, if that is its mind."""
        amount = int(document.get(DE.AMOUNT, "0"))
        if amount < 2 or is_inquiry(document) or not happens("less", self.mind.approves_less, document):
            return document
        return {**document, DE.AMOUNT: f"{amount // 2:012d}"}

    def _take_advice(self, line: Line, heard: Heard, now: int) -> None:
        """An advice or a reversal."""
        mti = heard.internal[DE.MTI]
        take = self.ledger.book_advice if mti in ADVICES else self.ledger.reverse
        verdict = take(self.enrich(heard.internal, now), self.moment(now))
        if verdict.reason and not is_repeat(mti):
            self.log("debug", "message.noted", mti=mti, de11=heard.internal.get(DE.STAN, ""), reason=verdict.reason)
        if self._plan.advices:
            fate, delay_ns = self._plan.fate("", self._rng)
        else:
            fate, delay_ns = Fate.ANSWER, self._plan.latency.draw_ns(self._rng)
        self._answer(line, heard, verdict, fate, delay_ns, now)

    def _refuse_unbooked(self, line: Line, heard: Heard, why: str) -> None:
        """The books cannot be written: a request is answered 96; what will be repeated anyway is not answered."""
        mti = heard.internal[DE.MTI]
        self.log("warning", "message.not_taken", link=line.link, mti=mti, de11=heard.internal.get(DE.STAN, ""), reason=why,
                 hint="requests are answered 96, advices and reversals not at all, until the journal works again")  # fmt: skip
        if mti in REQUESTS:
            self.say(line, answer(heard.internal, Answer.MALFUNCTION), heard.raw)

    def enrich(self, internal: Document, now: int) -> Document:
        """What a message needs before the ledger can judge it; a bank's own host adds nothing."""
        del now
        return internal

    def decide(self, internal: Document, now: int) -> Verdict:
        """What a request is answered with."""
        return self.ledger.authorize(self.enrich(internal, now), self.moment(now))

    def on_response(self, line: Line, heard: Heard, now: int) -> None:
        """An answer to something of ours: 0810; or a message this host has no use for."""
        internal = heard.internal
        if self.comparing.take_answer(internal):
            return
        if internal[DE.MTI] == "0312":
            if internal.get(DE.RESPONSE_CODE) != Answer.APPROVED:
                self.log("warning", "file_update.refused", link=line.link, de39=internal.get(DE.RESPONSE_CODE, ""))
        elif internal[DE.MTI] != "0810":
            self.log(
                "warning", "message.unexpected", link=line.link, mti=internal[DE.MTI], de11=internal.get(DE.STAN, "")
            )
        elif internal.get(DE.RESPONSE_CODE) != Answer.APPROVED:
            self.log("warning", "sign_on.refused", link=line.link, de39=internal.get(DE.RESPONSE_CODE, ""))
        elif internal.get(DE.NETWORK_CODE, NetworkCode.SIGN_ON) == NetworkCode.SIGN_ON:
            self._mark_signed_on(line)
            if self._sends_stop_list:
                self.send_stop_list(line, now)
        elif internal.get(DE.NETWORK_CODE) == NetworkCode.CUTOVER:
            self.days_closed += self._begins_window == 1
            self._begin_day(self._begins, self._begins_window, now)

    def _check_signed_on(self, line: Line) -> None:
        """A request before a sign-on is answered all the same, and logged once a link."""
        if not line.signed_on and line.link not in self._unsigned:
            self._unsigned.add(line.link)
            self.log("warning", "link.not_signed_on", link=line.link, hint="a request came before 0800 with DE70=001")

    def _mark_signed_on(self, line: Line) -> None:
        if not line.signed_on:
            line.signed_on = True
            self.log("info", "link.signed_on", link=line.link)

    def _answer_network(self, line: Line, heard: Heard) -> None:
        code = heard.internal.get(DE.NETWORK_CODE, "")
        if code == NetworkCode.SIGN_ON:
            self._mark_signed_on(line)
        elif code == NetworkCode.SIGN_OFF:
            line.signed_on = False
            self.log("info", "link.signed_off", link=line.link)
        de39 = Answer.APPROVED if code in _NETWORK_CODES else Answer.INVALID_TRANSACTION
        reply = answer(heard.internal, de39)
        if code:
            reply[DE.NETWORK_CODE] = code
        self.say(line, reply, heard.raw)

    def _answer(self, line: Line, heard: Heard, verdict: Verdict, fate: Fate, delay_ns: int, now: int) -> None:
        after = self._record_fresh()
        if fate is Fate.SILENCE:
            return
        reply = answer(heard.internal, verdict.de39, verdict.extra)
        if fate is Fate.WRONG:
            reply = under_another(reply, WRONG_BY)
        accepted = verdict.de39 in APPROVALS
        asked = self._read_amount(heard.internal) if heard.internal[DE.MTI] in REQUESTS else heard.internal
        if accepted and asked is not heard.internal:
            reply[DE.AMOUNT] = min(reply[DE.AMOUNT], asked[DE.AMOUNT])
        reply, code = self._writing.answer(reply, heard.internal, self.moment(now).sent_at, accepted=accepted)
        try:
            for early in self._writing.besides(reply, heard.internal):
                self._send(line.message(early, heard.raw if early is not heard.internal else None, "", after), fate)
            send = line.message(reply, heard.raw, code, after)
        except EncodeError as error:
            self.log("error", "message.unspeakable", link=line.link, mti=reply[DE.MTI], reason=str(error))
            return
        times = 2 if happens("twice", self.mind.twice, heard.internal) else 1
        for nth in range(times):
            if delay_ns or nth:
                self._answers_due += 1
                at = now + delay_ns + nth * ANSWERED_AGAIN_NS
                self.at(at, partial(self._answer_now, send, fate))
            else:
                self._send(send, fate)

    def _answer_now(self, send: Send, fate: Fate, now: int) -> None:
        del now
        self._answers_due -= 1
        self._send(send, fate)

    def _send(self, send: Send, fate: Fate) -> None:
        if fate is Fate.CUT:
            self.emit(Send(send.link, send.data[: len(send.data) // 2]))
            self.emit(Close(send.link, "fault: cut in the middle of an answer"))
        else:
            self.emit(send)


def _with_card(heard: Heard) -> Heard:
    """With the card in DE2: a chip payment may have it at the head of track 2 alone."""
    pan = pan_of(heard.internal)
    return heard._replace(internal={**heard.internal, DE.PAN: pan}) if pan and DE.PAN not in heard.internal else heard
