"""The switch: a party that knows which flow a message belongs to.

Bytes are cut into frames, decoded, brought into internal format and handed to one flow by MTI. What cannot be read is
answered with DE39=30 where it can be answered; one bad message never costs a healthy link.
"""

from collections.abc import Mapping

from switch.core.kernel import Kernel
from switch.core.link_control.admission import is_another, turned_away
from switch.core.link_control.diagnosis import LinkDiagnosis, LinkDoctor
from switch.core.link_control.keys import KeyLinks
from switch.core.link_control.leaving import Leaving
from switch.core.link_control.macs import Macs
from switch.core.link_control.maintenance import Maintenance
from switch.core.link_control.network_management import NetworkManagement
from switch.core.link_control.newcomers import Newcomers
from switch.core.link_control.retiring import Retiring
from switch.core.link_control.stalled import Stalled
from switch.core.links.awaited import Pending
from switch.core.links.session import Handler, HostState, Session
from switch.core.links.states import LinkEvent, SessionState
from switch.core.links.strangers import Strangers
from switch.core.messages.classic import Trimmed
from switch.core.messages.dates import drop_impossible
from switch.core.messages.family import UnreadableError
from switch.core.messages.texts import PRINTABLE, control_characters
from switch.core.messages.translator import translator_for
from switch.core.network import Listener, ListenerRole, Network
from switch.core.operator.business_day import BusinessDay
from switch.core.operator.cards import CardCommands
from switch.core.operator.disputes import DisputeCommands
from switch.core.operator.exceptions import ExceptionCommands
from switch.core.operator.keys import KeyCommands
from switch.core.operator.links import LinkCommands
from switch.core.operator.operator import Operator
from switch.core.operator.saf import SafCommands
from switch.core.operator.schedule import Scheduled
from switch.core.party import Certificate, Close, LinkId, Send, link_name
from switch.core.records.outcomes import History
from switch.core.records.records import SCHEMA, Booted, Forwarded
from switch.core.records.snapshots import snapshot_of
from switch.core.records.state import State
from switch.core.routing.routing import Router
from switch.core.saf.forwarder import Forwarder
from switch.core.transactions.classic import Classic
from switch.core.transactions.containment import Containment
from switch.core.transactions.format_errors import FormatErrors
from switch.core.transactions.hot_cards import HotCards
from switch.core.transactions.late_answers import LateAnswers
from switch.core.transactions.overload import Overload
from switch.core.transactions.own_rules import rules_of
from switch.core.transactions.payments import Payments
from switch.core.transactions.pins import PinsAhead
from switch.core.transactions.pricing import Pricing
from switch.core.transactions.reconciliation import Reconciliation
from switch.core.transactions.reversals import Reversals
from switch.security.module import SecurityModule
from switch.security.vault import Vault
from switch.wire import DecodeError, Dialect
from switch.wire.framing import FramingError, make_framing
from switch.wire.pans import names_card
from switch.wire.subfields import SubfieldError
from switch.wire.vocabulary import ADVICES, DE, FILE_UPDATES, MTI, RECONCILIATIONS, REQUESTS, REVERSALS, Document

TIMEOUT = "timeout"
CONNECTED, CLOSING, UP = SessionState.CONNECTED, SessionState.CLOSING, SessionState.UP
"""looking them up in the enumeration would cost more than comparing them"""


class Switch(Kernel):
    """The party. Give it the recovered state and the journal's position, call `started`, then let a driver run it."""

    def __init__(
        self,
        network: Network,
        dialects: Mapping[str, Dialect],
        state: State,
        position: int,
        vault: Vault,
        history: History,
        doctor: LinkDoctor | None = None,
        module: SecurityModule | None = None,
    ) -> None:
        """`doctor`: explains links that do not come up; None: they are not explained."""
        super().__init__(network, dialects, state, position, vault, history, module)
        router, self.own_rules, self.forwarder = Router(network), rules_of(self), Forwarder(self)
        pricing = Pricing(self, router)
        self._payments = Payments(self, router, self.forwarder, pricing)
        self.late_answers = LateAnswers(self, self.forwarder)
        self._hot_cards = HotCards(self, router)
        self._reversals = Reversals(self, router, self.forwarder, self._payments, pricing)
        self.management = NetworkManagement(self, self.forwarder.resume)
        self.keys = KeyLinks(self, self.management)
        self.maintenance, self.leaving = Maintenance(self, self.management), Leaving(self)
        day = BusinessDay(self, self.management)
        self.management.cutover = day.handle_cutover
        self.scheduled = Scheduled(self, day)
        self.operator = Operator(
            self,
            LinkCommands(self, self.maintenance, self.leaving, keys := KeyCommands(self.keys, self)).table(),
            keys.table(),
            SafCommands(self, self.forwarder).table(),
            day.table(),
            ExceptionCommands(self, self.forwarder).table(),
            CardCommands(self, self._hot_cards).table(),
            DisputeCommands(self, pricing).table(),
        )
        self._strangers, self._pins_ahead = Strangers(), PinsAhead(self, router)
        self.macs = Macs(self, self._close, self.management.sign_off, self.keys.seen)
        self._diagnosis = LinkDiagnosis(self.log, doctor)
        self._format_errors = FormatErrors(self, self._diagnosis, self._close)
        self.retiring = Retiring(self, self.management)
        self.management.retiring = self.retiring.links
        self.overload = Overload(self, self._frames)
        self.containment = Containment(
            self,
            self.forwarder,
            self._payments,
            lambda request, now: self.close_unwaited(request, now, "defect"),
            self._close,
        )
        self.hold, self.settle, self.release = self.overload.hold, self.overload.settle, self.overload.release
        self.listeners: dict[str, Listener] = {listener.name: listener for listener in network.listeners}
        self.connections: dict[str, int] = {}
        """open now, by listener"""
        self.newcomers = Newcomers(self._spare)
        self.unsigned = self.newcomers.deadlines
        self.partial: dict[LinkId, int] = {}
        """connections with a frame begun -> since when; in that order"""
        self._stalled = Stalled(self, self.newcomers, self.partial, self.listeners, self._close, self._sift)
        self.snapshot_at = position + self.limits.snapshot_records
        self._handlers: dict[str, Handler] = {
            **dict.fromkeys(REQUESTS, self._payments.handle_request),
            **dict.fromkeys(REVERSALS, self._reversals.handle_reversal),
            **dict.fromkeys(ADVICES, self._reversals.handle_advice),
            **dict.fromkeys(FILE_UPDATES, self._hot_cards.handle_update),
            **dict.fromkeys(RECONCILIATIONS, Reconciliation(self).handle),
            **self.management.handlers(),
            **dict.fromkeys(("0110", "0130", "0210", "0230", "0410", "0430"), self._answer),
        }
        self._terminals = Classic(self, self._payments, self._reversals, self._format_errors.misformed)

    def started(self, now: int) -> None:
        """The first call of a process: what was forwarded and never answered is owed a reversal (docs/journal.md)."""
        self.scheduled.begin(now)
        if self.position:
            self.booted_de7 = self.de7(now)
        of = self.network
        self.record(Booted(at_us=self.wall_us(now), schema=SCHEMA, network=of.name, currency=of.currency))
        self.late_answers.ask_all_again(now)
        for request in list(self.state.open.values()):
            self.close_unwaited(request, now)
        self.late_answers.watch(now)
        for name in {entry.host for entry in self.state.owed.values()} - self.hosts.keys():
            self.log("error", "owed.host_unknown", host=name,
                     hint="something is still owed to a host that left the network file; put it back")  # fmt: skip

    def close_unwaited(self, request: Forwarded, now: int, reason: str = "restart") -> None:
        """End what is open and waited for by nobody."""
        if request.host not in self.hosts:
            self.log("error", "owed.host_unknown", txn=f"{request.txn:x}", host=request.host,
                     hint="a host left the network file while something was open with it; put it back")  # fmt: skip
            return
        self._payments.close_open(request, reason, now)

    # -- links

    def connected(self, link: LinkId, now: int, peer: str = "", certificate: Certificate | None = None) -> None:
        """A connection to a listener, or one the switch has made to a host."""
        if not self.containment.guard(
            "beginning with a connection", now, self._connected, link, now, peer, certificate
        ):
            self.effects.append(Close(link, "an error of the switch's own"))

    def admits(self, link: LinkId, peer: str) -> bool:
        """False: this address may not connect to its listener, which the log says; nothing need be read of it."""
        listener = self.listeners.get(link_name(link))
        return listener is None or not turned_away(self, link, listener, peer)

    def _connected(self, link: LinkId, now: int, peer: str, certificate: Certificate | None) -> None:
        name = link_name(link)
        host = self.hosts.get(name)
        listener = self.listeners.get(name)
        if host is not None:
            config = host.config
            session = self.session(
                link, role="host", dialect=config.dialect, framing=config.framing, peer=config.institution, now=now
            )
            session.host, session.certificate = host, certificate
            if is_another(self, link, host.config, certificate):
                return
            self.bind_to_peer(session)
            self.sessions[link] = self.with_hosts[link] = session
            self.log("info", "link.connected", link=link, dialect=session.dialect.name)
            if not self.maintenance.keep_out(session):
                self.management.sign_on(session, now)
        elif listener is not None and not turned_away(self, link, listener, peer):
            session = self.session(
                link, role=listener.role, dialect=listener.dialect, framing=listener.framing, now=now
            )
            session.peer, session.certificate = peer, certificate
            self.sessions[link] = session
            self.log("debug", "link.connected", link=link, dialect=session.dialect.name)
            self.newcomers.add(session, now + self.limits.sign_on_ms * 1_000_000)
            self.connections[name] = self.connections.get(name, 0) + 1
            self.newcomers.bound(session, listener, self.connections[name], self.limits)
        elif listener is None:
            self.effects.append(Close(link, f"the network file knows no {name}"))

    def session(
        self, link: LinkId, *, role: ListenerRole, dialect: str, framing: str, now: int, peer: str = ""
    ) -> Session:
        """A connection that begins. `peer`: the institution at its other end, where that is known."""
        spoken = self.dialects[dialect]
        translator = translator_for(spoken, self.network.institution, peer, today=self.today)
        listener = self.listeners.get(name := link_name(link))
        if listener is not None and listener.profile:
            translator = Trimmed(translator)
        cutter, report = make_framing(framing, self.limits.frame_bytes), self.report_illegal
        session = Session(
            link, role=role, dialect=spoken, framing=cutter, translator=translator, now=now, report_illegal=report
        )
        session.handlers, session.dates, host = self._handlers, self.dates[spoken.family], self.hosts.get(name)
        session.return_keepalives(host.config if host is not None else listener)
        if listener is not None:
            session.bind_to_listener(listener)
            if listener.profile:
                session.classic, session.handlers = True, self._terminals.handlers
            if session.role == "terminal":
                session.sealing = self.sealings.of(listener.keys, spoken)
        return session

    def make_room(self, limit: str, value: int, remedy: str) -> bool:
        """Let go a connection that has not signed on, for another. False: there is none, and who comes is turned away."""
        return self.newcomers.make_room(limit, value, remedy)

    def _spare(self, link: LinkId, limit: str, value: int, remedy: str) -> None:
        session = self.sessions[link]
        times = self.limit_times(limit, remedy)
        if times:
            self.log("warning", "limit.reached", limit=limit, value=value, link=link, peer=session.peer or "unknown", times=times,
                     hint=f"it had not signed on and made room; raise {remedy}")  # fmt: skip
        self.newcomers.remove(link)
        self._close(session, f"limit {limit}={value} reached, and it had not signed on", at_once=True)

    def _close(self, session: Session, reason: str, *, at_once: bool = False) -> None:
        session.move(LinkEvent.CLOSE)
        if session.host is not None:
            session.host.remove(session)
        self.effects.append(Close(session.link, reason, at_once=at_once))

    def disconnected(self, link: LinkId, now: int) -> None:
        """What waited on this connection ends: its own requests lose their way back, a host's requests their answer, unless
        another connection of that host takes them over."""
        session = self.sessions.pop(link, None)
        self.with_hosts.pop(link, None)
        self.newcomers.remove(link)
        self.partial.pop(link, None)
        if session is None:
            return
        since = len(self.effects)
        if not session.good:
            self._diagnosis.explain_link(session, now)
        self._sift(session, since, now)
        if session.name in self.listeners:
            self.connections[session.name] -= 1
        host = session.host
        if host is None:
            if session.source:
                self.log("debug" if session.classic else "info", "link.down", link=link, source=session.source)
            return
        host.remove(session)
        self.log(
            "warning", "link.down", link=link, host=host.name, in_flight=len(host.pending), still_up=len(host.sessions)
        )
        for pending in [p for p in host.pending.waiting.values() if p.host_link == link]:
            self.containment.guard("ending a request", now, self._end, host, pending, "connection lost", now)
        self.containment.guard("asking again what was late", now, self.late_answers.ask_again, host, now)
        if host.up is not None:
            self.containment.guard("sending what was in flight again", now, self.forwarder.resume, host, now)

    def _end(self, host: HostState, pending: Pending, reason: str, now: int) -> None:
        """A request's time, or its connection, has gone: asked again on another connection, else given up."""
        try:
            if reason == TIMEOUT or not self._payments.resend(host, pending, now):
                self._payments.give_up(host, pending, reason, now)
        except Exception:
            self._wait_again(host, pending, now)
            raise

    def _wait_again(self, host: HostState, pending: Pending, now: int) -> None:
        """Dealing with its end has ended in an error: it goes on waiting, for another time-out, if it is still open."""
        if pending.txn in self.state.open and pending.answer_key not in host.pending.waiting:
            pending.deadline_ns = now + host.timeout_ns
            host.pending.add(pending)

    def retire(self, link: LinkId, reason: str, now: int) -> None:
        """Let a connection end once it can be missed."""
        session = self.sessions.get(link)
        if session is not None and session.state is not CLOSING and link not in self.retiring.links:
            self.retiring.add(session, reason, now)

    # -- bytes

    def received(self, link: LinkId, data: bytes, now: int) -> None:
        """Bytes of a link: all whole frames in them are dealt with, in order."""
        session = self.sessions.get(link)
        if session is None or session.state is CLOSING:
            return
        if not self.containment.guard("reading a link", now, self._received, session, link, data, now):
            self._close(session, "an error of the switch's own: where its next message begins is not known")

    def _received(self, session: Session, link: LinkId, data: bytes, now: int) -> None:
        session.heard_ns = now
        if not session.good:
            self._diagnosis.remember(session, data)
        framing = session.framing
        try:
            frames = framing.feed(data)
        except FramingError as error:
            self.overload.flush(session, now)
            self._frames(session, error.frames, now)
            since = len(self.effects)
            self.log("warning", "frame.bad", link=link, offset=error.offset, expected=error.expected, found=error.found,
                     reason=str(error), framing=session.framing_name)  # fmt: skip
            self._diagnosis.explain_link(session, now)
            self._close(session, f"bad frame: {error}")
            self._sift(session, since, now)
            return
        if framing.keepalives > session.keepalives and (poll := session.keepalive_back(now)):
            self.effects.append(Send(link, poll))
        if not (self.overload.holding and self.overload.hold_back(session, frames)):
            self._frames(session, frames, now)
        if framing.waiting:
            self.partial.setdefault(link, now)
            if frames:
                self.partial[link] = now
        elif link in self.partial:
            del self.partial[link]
        if self.position >= self.snapshot_at:
            self.containment.guard("making a snapshot", now, self.snapshot, now)

    def _sift(self, session: Session, since: int, now: int) -> None:
        """Leave out of the effects since then what the log has no room for, where who is talking has not signed on."""
        if not session.source and session.host is None:
            self._strangers.sift(self.effects, since, session.peer, now)

    def _frames(self, session: Session, frames: list[bytes], now: int) -> None:
        since = len(self.effects)
        proved = self.macs.check(session, frames, now)
        if len(proved) > 1:
            self._pins_ahead.ask(session, proved)
        self._each_frame(session, proved, now)
        self.translated.clear()
        self._sift(session, since, now)

    def _each_frame(self, session: Session, frames: list[bytes], now: int) -> None:
        for frame in frames:
            mark = self.position, len(self.effects)
            try:
                self._deal_with(session, frame, now)
            except Exception as error:
                self.containment.end_message(error, session, frame, mark, now)
            if session.state is CLOSING:
                return
        if self.unsigned and session.state is not CONNECTED:
            self.newcomers.remove(session.link)

    def _deal_with(self, session: Session, frame: bytes, now: int) -> None:
        try:
            raw = session.dialect.decode(frame)
        except DecodeError as error:
            raw = self._format_errors.with_letters(session, frame, error, now)
            if not raw:
                return
        if frame.translate(None, PRINTABLE) or not session.dialect.latin:
            controls = control_characters(session.dialect, raw)
            if controls and not self._format_errors.without_controls(session, frame, raw, controls):
                return
        if DE.PAN not in raw and self._format_errors.is_misread(session, raw):
            return
        if DE.RRN in raw and names_card(raw) and self._format_errors.without_card(session, raw):
            return
        try:
            document = session.inward(raw)
        except UnreadableError as error:
            self._format_errors.unreadable_inside(session, frame, raw, error, now)
            return
        except (SubfieldError, ValueError) as error:
            self._format_errors.misformed(session, raw, str(error))
            return
        handler = session.handlers.get(document[DE.MTI])
        if handler is None:
            self._format_errors.unspoken(session, raw, now)
            return
        session.good += 1
        session.bad_in_a_row = 0
        handler(session, document, raw, now)

    # -- answers

    def _answer(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """0110, 0210, 0130, 0230, 0410, 0430 from a host: of a request that waits, of something owed, or of nothing."""
        if not session.dates.exist(raw, self.wall_us(now)):
            for mistake in drop_impossible(document, raw, session.dialect.family, self.wall_us(now)):
                self._format_errors.say_dropped(session, document, mistake)
        host = session.host
        if host is not None:
            mti = document[DE.MTI]
            key = (mti[1], document.get(DE.STAN, ""))
            pending = host.pending.match(key, document) if mti[2] == "1" else None
            if pending is not None:
                try:
                    self._payments.handle_answer(session, document, raw, pending, now)
                except Exception:
                    self._wait_again(host, pending, now)
                    raise
                if self.draining:
                    self._say_goodbye(now)
                return
            if (mti[2] == "3" or mti[1] == MTI.REVERSAL) and self.forwarder.acknowledge(host, document, raw, now):
                return
        self.late_answers.handle(session, document, raw, now)

    # -- the driver's calls

    def undelivered(self, link: LinkId, txn: int, now: int) -> None:
        """An approval could not be handed to `link`: it is reversed."""
        del link
        call = "undoing what was not delivered", now, self._payments.undelivered, txn, now
        if not self.containment.guard(*call):
            self.containment.guard(*call)  # nobody asks again

    def durable(self, position: int, now: int) -> None:
        """The journal holds every record up to `position`."""
        del now
        self.durable_position = position
        self.history.settle(position)

    def journal_state(self, up: bool, reason: str, now: int) -> None:
        """Without a journal nothing is approved: requests are declined until it is back."""
        del now
        self.journal_down = "" if up else reason or "its writer is gone"

    def tick(self, now: int) -> None:
        """Expire requests, repeat what is owed, echo, close what stalls."""
        guard, errors = self.containment.guard, self.containment.errors
        for host in self.hosts.values():
            for pending in host.pending.expired(now):
                guard("ending a request", now, self._end, host, pending, TIMEOUT, now)
        guard("repeating what is owed", now, self.forwarder.tick, now)
        guard("seeing to links", now, self.management.tick, now)
        if self.draining:
            guard("saying goodbye", now, self._say_goodbye, now)
        guard("seeing to maintenance", now, self.maintenance.tick, now)
        guard("seeing to keys", now, self.keys.tick, now)
        guard("seeing to what retires", now, self.retiring.tick, now)
        guard("closing what is due", now, self.scheduled.tick, now)
        guard("closing what stalls", now, self._stalled.close, now)
        self.effects.extend(self._strangers.counted(now))
        self.containment.rest(self.containment.errors - errors, now)

    def next_deadline(self) -> int | None:
        """The earliest of all deadlines."""
        due = [self._stalled.deadline()]
        candidates = [host.pending.deadline() for host in self.hosts.values()]
        candidates += (self.forwarder.deadline(), self.management.deadline())
        candidates += (self.maintenance.deadline(), self.retiring.deadline(), self._strangers.deadline())
        candidates += (self.scheduled.deadline(), *self.keys.deadlines())
        due += [at for at in candidates if at is not None]
        return max(min(due), self.containment.rest_until)

    def drain(self, now: int) -> None:
        """Take no more requests. Hosts get their sign-off once nothing waits for them (`drained`)."""
        self.draining = True
        self.log("info", "switch.draining", in_flight=len(self.pending), owed=len(self.state.owed))
        self._say_goodbye(now)

    def _say_goodbye(self, now: int) -> None:
        """Sign off from every host that nothing is awaited of any more."""
        for host in self.hosts.values():
            for session in host.sessions:
                if not len(host.pending) and session.state is UP:
                    self.management.sign_off(session, now)
                    session.move(LinkEvent.SIGNED_OFF)

    def drained(self) -> bool:
        """No request waits for an answer, and every record is durable. What is owed stays in the journal."""
        return not self.pending and self.position == self.durable_position

    def snapshot(self, now: int) -> None:
        """Record all that is open and owed, so that a start folds only what follows."""
        self.snapshot_at = self.position + self.limits.snapshot_records
        self.record(snapshot_of(self.state, self.network.name, self.last_txn, self.wall_us(now)))
