"""What every flow of the switch stands on: its state, its clock, its effects, and the ways to record, send and tell.

Rule: state changes only through `record`, which applies the entry to the state and hands it to the journal under the next
position, in one step.
"""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final, TypeAlias

from switch.core.defects import PlantedError, fields_of
from switch.core.limits import NEVER
from switch.core.links.awaited import Pending
from switch.core.links.sealing import Sealings
from switch.core.links.session import HostState, Session
from switch.core.links.states import IllegalLinkMoveError, LinkEvent, SessionState
from switch.core.messages.dates import Dates
from switch.core.network import LinkKeys, Network
from switch.core.party import Effect, Hop, LinkId, Log, Record, Send, link_name
from switch.core.records.fold import apply
from switch.core.records.fresh_history import FreshHistory
from switch.core.records.horizon import days_about
from switch.core.records.lifecycle import check
from switch.core.records.numbers import following, stans_of, txn_of
from switch.core.records.outcomes import History, Outcome
from switch.core.records.records import ACQUIRER, TRANSMISSION_TIME, AnyEntry, Key
from switch.core.records.refusals import Refusals
from switch.core.records.state import State
from switch.core.records.windows import name_of
from switch.security.commands import Reply, TranslatePin
from switch.security.module import SecurityModule
from switch.security.vault import Vault
from switch.wire import Dialect, EncodeError
from switch.wire.dates import DAY_US, day_of, later
from switch.wire.framing import FramingError
from switch.wire.spelling import respelled
from switch.wire.vocabulary import Document

Mark: TypeAlias = tuple[int, int]
"""Where a switch is: the position of its last record, and how many effects wait to be carried out."""

HALF_YEAR_US: Final = 182 * DAY_US


class Kernel:
    """Base of the switch; the flows hold it as `kernel`."""

    own_rules: Any = None  # `transactions.own_rules.OwnRules`, where the network file names rules of its own
    translated: dict[TranslatePin, Reply]
    """PINs of the reading under way that were asked for ahead (`core.transactions.pins`)"""
    proved_serials: set[bytes]
    """of terminals' transactions in it (DUKPT): proved by a MAC, counted, and not used for a PIN yet"""

    def __init__(
        self,
        network: Network,
        dialects: Mapping[str, Dialect],
        state: State,
        position: int,
        vault: Vault,
        history: History,
        module: SecurityModule | None = None,
    ) -> None:
        """`module`: the security module, where the network file has keys."""
        self.effects: list[Effect] = []
        self.wall_offset_ns = 0
        self.network, self.limits = network, network.limits
        self.dialects, self.dates = dialects, {x.family: Dates(x.family) for x in dialects.values()}
        self.state = state
        self.position = position
        """of the last record"""
        self.durable_position = position
        self.vault = vault
        self.history = history if isinstance(history, FreshHistory) else FreshHistory(history)
        self.module, self.translated, self.proved_serials = module, {}, set()
        self._ports = {x.name: x.keys for x in network.listeners}
        self.sealings = Sealings(network, module)
        """what proves the messages of links that have MACs"""
        self.pending: dict[Key, Pending] = {}
        """requests awaiting an answer at any host, by the acquirers' own keys"""
        late_max = network.limits.late_answers
        self.hosts = {h.name: HostState(h, dialects[h.dialect].family, late_max, self.pending) for h in network.hosts}
        self._classic = frozenset(x.name for x in network.listeners if x.profile)
        self._members = {member.name: member for member in network.members}
        self.sessions: dict[LinkId, Session] = {}
        self.with_hosts: dict[LinkId, Session] = {}
        """of them, those with hosts, whoever made them"""
        self.copies: OrderedDict[int, int] = OrderedDict()
        """approvals said again to a repeat: how many copies may be on their way beside the one that fails next"""
        self.refused = Refusals(network.limits.recent_transactions)
        """those that the journal could not take, or was spared"""
        self.admitted = self.shed = 0
        """messages that took room (whatever has a transaction of its own), and requests declined where there was none
        (`core.transactions.overload`), since the start"""
        self.admit_to = NEVER
        """`admitted` may become so much in this turn"""
        self.journal_down = ""
        """why, while the journal is not there"""
        self._limits_said: dict[tuple[str, str], tuple[int, int]] = {}
        self.draining = False
        self.strict = False
        """an illegal move of a link, and an error nobody foresaw, raises (tests, simulation); else it is logged, and contained"""
        self.booted_de7 = ""
        """DE7 when this process started; "" where none was before it"""
        self.last_txn, self._shard, self.stans = state.last_txn, network.shard_number, stans_of(network.shard_number)
        self.now = self._wall_us = -1
        """the monotonic time and the wall clock when that was last asked for"""
        self._second, self._de7 = -1, ""
        self._calendar = 0, "1970-01-01", ""
        """days since 1970, the day they are, and its only window"""
        self._near: frozenset[str] = frozenset()
        """days that a DE7 sent now may name, for all that a horizon says"""

    @property
    def in_flight(self) -> int:
        """Requests awaiting an answer, over all hosts."""
        return len(self.pending)

    # -- time and numbers

    def wall_us(self, now: int) -> int:
        """Wall-clock microseconds since 1970 at the monotonic time `now`."""
        if now != self.now:
            self.now, self._wall_us = now, (now + self.wall_offset_ns) // 1000
        return self._wall_us

    def de7(self, now: int) -> str:
        """DE7 at `now`: MMDDhhmmss, UTC."""
        second = (now + self.wall_offset_ns) // 1_000_000_000
        if second != self._second:
            self._second = second
            self._de7 = datetime.fromtimestamp(second, UTC).strftime("%m%d%H%M%S")
            self._near = days_about(second // 86_400, 1)
        return self._de7

    def de7_at(self, now: int, seconds: int) -> str:
        """DE7 so many seconds after `now`."""
        later_on = (now + self.wall_offset_ns) // 1_000_000_000 + seconds
        return datetime.fromtimestamp(later_on, UTC).strftime("%m%d%H%M%S")

    @property
    def de7_now(self) -> str:
        """DE7 when it was last asked for, or "" if it never was."""
        return self._de7

    @property
    def wall_us_now(self) -> int:
        """Wall-clock microseconds when they were last asked for."""
        return self._wall_us

    def today(self) -> date:
        """The calendar day (UTC) at the last `wall_us`: what dates without a year are near to."""
        return day_of(self._wall_us)

    def business_day(self, now: int) -> str:
        """The business day in force at `now` (YYYY-MM-DD): until the first cutover, the calendar's (UTC)."""
        cutover = self.state.cutover
        return cutover.day if cutover is not None else self._calendar_day(now)[1]

    def window(self, now: int) -> str:
        """The window in force at `now` (`records.windows`): what is recorded now is in it."""
        return self.state.window or self._calendar_day(now)[2]

    @property
    def window_now(self) -> str:
        """The same at the last `wall_us`."""
        return self.state.window or self._calendar_day(self.now)[2]

    def _calendar_day(self, now: int) -> tuple[int, str, str]:
        days = self.wall_us(now) // DAY_US
        if days != self._calendar[0] or not self._calendar[2]:
            day = day_of(days * DAY_US).isoformat()
            self._calendar = days, day, name_of(day, 1)
        return self._calendar

    def next_txn(self, now: int) -> int:
        """A transaction id: wall-clock microseconds, or one more than the last. Unique over restarts and clock jumps."""
        wall = self.wall_us(now)
        if self._shard:
            self.last_txn = txn = txn_of(self._shard, wall, self.last_txn)
            return txn
        self.last_txn = txn = wall if wall > self.last_txn else self.last_txn + 1
        return txn

    def next_stan(self, host: str) -> str:
        """The next DE11 towards `host`, `stans` and round again, but for those that an answer may still come to."""
        there, stans = self.hosts.get(host), self.stans
        number = following(self.state.stans.get(host, 0), stans)
        stan = f"{number:06d}"
        if there is not None and (stan in there.stans_owed or there.pending.in_use(stan)):
            for _ in range(*stans):
                number = following(number, stans)
                stan = f"{number:06d}"
                if not (stan in there.stans_owed or there.pending.in_use(stan)):
                    break
        return stan

    # -- facts

    def record(self, entry: AnyEntry) -> int:
        """Apply `entry` to the state and give it to the journal; returns its position, for `Send.after`.

        Raises IllegalMoveError, and nothing is changed: no transaction may take this record now.
        """
        check(self.state, entry)
        apply(self.state, entry)
        self.position = position = self.position + 1
        self.effects.append(Record(position, entry))
        return position

    def journal_full(self) -> str:
        """The limit that stands in the way while too much waits to become durable; "" while there is room.

        Memory must hold every outcome that is not durable: two at most a record, and one for each request that still waits.
        """
        waiting = self.position - self.durable_position
        if waiting > self.limits.unacknowledged_records:
            return "unacknowledged_records"
        return "recent_transactions" if 2 * waiting + len(self.pending) >= self.limits.recent_transactions else ""

    def find(self, key: Key) -> Outcome | None:
        """What became of the message with this key: from memory, or from the journal's index where memory may have let it go.

        DE7 has no year, and a journal keeps years: a key means the nearest such date, so that what is older than half a year is
        another message's. Its age is that of its transaction, whose number is the time it came.
        """
        outcome = self.state.recent.get(key)
        if outcome is None:
            if not self.beyond_memory(key):
                return None
            outcome = self.history.find(key)
        return outcome if outcome is not None and self.of_this_year(outcome) else None

    def beyond_memory(self, key: Key) -> bool:
        """True if memory may have let go of what has this key: `find` would ask History."""
        horizon = self.state.horizons.get(key[ACQUIRER])
        if horizon is None:
            return False
        sent_at = key[TRANSMISSION_TIME]
        day = sent_at[:4]
        after = sent_at > horizon if day == horizon[:4] else later(sent_at, horizon)
        return not (after and day in self._near)

    def of_this_year(self, outcome: Outcome) -> bool:
        """True if a name without a year can mean this transaction."""
        return self._wall_us - outcome.at_us < HALF_YEAR_US

    def repeated(self, key: Key) -> Outcome | None:
        """What became of the message that one with this key repeats; None beyond the network's `duplicate_window_s`."""
        outcome = self.find(key)
        return outcome if outcome is not None and self.within_window(outcome.at_us) else None

    def within_window(self, at_us: int) -> bool:
        """True if what came then (wall-clock µs) can be repeated now."""
        return self._wall_us - at_us <= self.network.duplicate_window_s * 1_000_000

    def from_before(self, sent_at: str, session: Session) -> bool:
        """True if a message with this DE7 may be older than this process, or than the connection it comes on (by the acquirer's
        own clock, which may be ahead of ours): a crash may have taken what was known of it."""
        booted = self.booted_de7
        return bool(booted) and not (later(sent_at, booted) and later(sent_at, session.since_de7))

    def count_copy(self, txn: int) -> None:
        """One more copy of this approval is on its way."""
        self.copies[txn] = self.copies.get(txn, 0) + 1
        if len(self.copies) > self.limits.recent_transactions:
            self.copies.popitem(last=False)

    def may_have_arrived(self, txn: int) -> bool:
        """A copy of this approval was not delivered: True if there is another one."""
        others = self.copies.get(txn, 0)
        if others:
            self.copies[txn] = others - 1
        return others > 0

    def remember_refusal(self, key: Key, de39: str) -> None:
        """Remember a refusal in memory only: a repeat that is on its way already must not fare otherwise."""
        self.refused.add(key, self._wall_us, de39)

    def remembered_refusal(self, key: Key) -> str:
        """DE39 of such a refusal within the duplicate window; "" where there is none."""
        at_us, de39 = self.refused.find(key) or (0, "")
        return de39 if de39 and self.within_window(at_us) else ""

    def bind_to_peer(self, session: Session) -> None:
        """Bind a connection to who is at its other end, once that is known: whose messages it may carry, what its answers say of
        the business day, and the keys that prove them."""
        member = self._members.get(session.source)
        if session.host is not None:
            config = session.host.config
            session.say_business_day(config.business_day)
            brought = (config.institution, *config.institutions) if config.institutions else ()
            members = (each for m in self._members.values() for each in (m.institution, *m.institutions))
            session.speak_for("", brought, members)
        elif member is not None and not member.passes_on:
            session.speak_for(member.institution, member.institutions)
        keys = self.keys_of(session)
        session.sealing = self.sealings.of(keys, session.dialect)
        if (
            keys.zone_key
            and session.sets is None
            and (sets := self.sealings.sets_of(keys, session.dialect)) is not None
        ):
            session.name_key_sets(sets)

    def keys_of(self, session: Session) -> LinkKeys:
        """The keys of a connection: its host's, of the member whose acquiring host it is, or of a terminal's port."""
        if session.host is not None:
            return session.host.config.keys
        if session.role == "terminal":
            return self._ports[session.name]
        member = self._members.get(session.source) if session.role == "acquirer" else None
        return member.keys if member is not None else LinkKeys()

    def is_classic(self, link: LinkId) -> bool:
        """True for a connection of classic terminals."""
        return bool(self._classic) and link_name(link) in self._classic

    def end_waiting(self, link: LinkId) -> None:
        """A request of this connection does not wait any more, otherwise than by its answer."""
        session = self.sessions.get(link)
        if session is not None:
            session.in_flight -= 1

    # -- errors nobody foresaw

    def mark(self) -> Mark:
        """Where it is now, for `contain`."""
        return self.position, len(self.effects)

    def contain(self, error: Exception, doing: str, mark: Mark, **about: Any) -> None:
        """An error nobody foresaw goes no further. What was to be done since `mark` is not done, unless something has been
        recorded: then the record stays, with what was said of it. The event's `report` is for a file (`server.defects`)."""
        if self.strict and not isinstance(error, PlantedError):
            raise error
        position, effects = mark
        undone = self.position == position
        if undone:
            del self.effects[effects:]
        self.log("error", "switch.defect", **fields_of(error, doing, undone=undone, **about))

    # -- words

    def limit_times(self, limit: str, where: str, again_us: int = 1_000_000) -> int:
        """How often a limit was reached since it was last said; 0: it was said less than `again_us` ago, and need not be."""
        said_us, times = self._limits_said.get((limit, where), (0, 0))
        if abs(self._wall_us - said_us) < again_us:
            self._limits_said[limit, where] = said_us, times + 1
            return 0
        self._limits_said[limit, where] = self._wall_us, 0
        return times + 1

    def log(self, level: str, event: str, **fields: Any) -> None:
        """A structured event that is no hop."""
        self.effects.append(Log(level, event, fields))

    def report_illegal(self, link: LinkId, state: SessionState, event: LinkEvent) -> None:
        """A link was to move as no link may."""
        if self.strict:
            raise IllegalLinkMoveError(f"link {link} is {state.value}: {event.value}")
        self.log("error", "link.illegal_move", link=link, state=state.value, cause=event.value,
                 hint="a mistake of the switch's own: the link stays as it is; report it")  # fmt: skip

    def transmit(
        self,
        session: Session,
        document: Document,
        reference: Document | None = None,
        after: int = 0,
        txn: int = 0,
        hop: Hop | None = None,
    ) -> None:
        """Translate, encode, frame and send a document in internal format. EncodeError: the link's dialect cannot say it.

        Text with accents goes to a link of ASCII without them (`switch.wire.spelling`), and the log says so.
        """
        seal = None
        try:
            if session.sealing is None:
                data = session.say(document, reference)
            else:
                data, seal = b"", session.seal(session.sealing, document, reference)
        except EncodeError as error:
            plain, changed = respelled(document)
            if error.field not in changed:
                raise
            hint = f"dialect {session.dialect.name} has ASCII only, and accents were left out; if the peer reads ISO 8859-1, "
            hint += 'say charset = "latin-1" in its section of the network file'
            named = txn or (hop.txn if hop is not None else 0)
            self.log("info", "text.respelled", link=session.link, txn=f"{named:x}" if named else "", hint=hint,
                     elements=[f"DE{de}" for de in changed])  # fmt: skip
            self.transmit(session, plain, reference, after, txn, hop)
            return
        except FramingError as error:
            dialect = session.dialect.name
            raise EncodeError(
                dialect, "", "", 0, f"a message that {error.expected} hold", error.found, document
            ) from None
        self.effects.append(Send(session.link, data, after, txn, hop, seal))
