"""Connections, and the hosts behind them, as the switch holds them.

A `Session` is one connection. A `HostState` is what the switch holds for a host of the network file over all its connections.
Both are of the moment: neither outlives the process, and nothing durable is in them.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from switch.core.limits import NEVER
from switch.core.links.awaited import Pending
from switch.core.links.key_serials import reader
from switch.core.links.pending import PendingTable
from switch.core.links.sealing import Sealing
from switch.core.links.states import MOVES, LinkEvent, SessionState
from switch.core.links.valid_sets import LinkSets
from switch.core.messages.answer_codes import answer_codes
from switch.core.messages.dates import Dates
from switch.core.messages.translator import Direct, Translator
from switch.core.network import HostLink, Listener, ListenerRole
from switch.core.party import Certificate, LinkId, Seal, link_name
from switch.core.records.records import Key
from switch.wire import Dialect
from switch.wire.framing import Framing
from switch.wire.vocabulary import DE, Document


def significant(institution: str) -> str:
    """DE32 without the zeros that some hosts fill it with; "" where it says nothing.

    >>> significant("00000504101")
    '504101'
    """
    return institution.strip().lstrip("0")


RESUME_HINT: Final = "an operator has put it into maintenance; `cmi-switch links resume {}` ends that"


def why_no_payment(host: "HostState") -> str:
    """Why a new payment does not go to a host that is leaving."""
    return f"host {host.name} is no longer in the network file: it is leaving, and gets no new payment"


SUSPECT_NS: Final = 1_000_000_000
"""A connection that has been silent for so long since a request left on it is passed over while another one speaks."""


RETURN_NS = 1_000_000_000
"""A keep-alive is returned once in so long at most: between two ends that both return them, none would ever be the last."""


NOTHING, DAY, WINDOW = range(3)
BUSINESS_DAYS: Final = {"none": NOTHING, "day": DAY, "window": WINDOW}
"""What of a payment's business day answers say, as the network file has it"""

Handler: TypeAlias = Callable[["Session", Document, Document, int], None]
"""What a flow does with a message: connection, message in internal format and as it came, time"""
Speech: TypeAlias = Callable[[Document, Document | None], bytes]


def _speech(dialect: Dialect, framing: Framing, translator: Translator) -> Speech:
    """Translate, encode and frame, with what a link needs none of left out."""
    outward, encode, frame = translator.outward, dialect.encode, framing.frame
    if isinstance(translator, Direct):
        return lambda document, _: frame(encode(document))
    return lambda document, reference: frame(encode(outward(document, reference)))


class Session:
    """One connection: its speech (framing, dialect, translator), who is at the other end, and its counters."""

    __slots__ = (
        "asked", "bad", "bad_in_a_row", "carried", "certificate", "classic", "dates", "defects", "dialect",
        "direct", "explained", "fees", "first", "framing", "framing_name", "good", "handlers", "heard_ns",
        "host", "in_flight", "institution", "inward", "keepalives", "link", "max_in_flight", "name",
        "network_from_ns", "network_messages", "not_carried", "outward", "peer", "report_illegal",
        "returned_ns", "role", "say", "says", "sealing", "sets", "since_de7", "source", "state",
        "unanswered_ns", "unproved",
    )  # fmt: skip
    inward: Callable[[Document], Document]
    dates: Dates
    """those that are known to exist, of all links of its family"""
    sealing: Sealing | None
    """what its messages are proved by, where they have MACs"""
    sets: LinkSets | None
    """what they say of their keys, where these change by message"""

    def __init__(
        self,
        link: LinkId,
        *,
        role: ListenerRole,
        dialect: Dialect,
        framing: Framing,
        translator: Translator,
        now: int,
        report_illegal: Callable[[LinkId, SessionState, LinkEvent], None],
    ) -> None:
        """`report_illegal`: told of a move that `MOVES` does not have; the state stays."""
        self.link, self.name, self.role = link, link_name(link), role
        self.dialect = dialect
        self.framing, self.framing_name = framing, framing.name
        self.inward = translator.inward
        self.direct = isinstance(translator, Direct)
        """the link form is the internal format"""
        self.outward = translator.outward
        self.say = _speech(dialect, framing, translator)
        """an internal document (and for an answer the request as it came) as framed bytes. Raises EncodeError, FramingError"""
        self.state = SessionState.CONNECTED
        """changed by `move` only"""
        self.report_illegal = report_illegal
        self.handlers: Mapping[str, Handler] = {}  # by MTI
        self.classic = self.explained = False
        """a classic terminal's, which never signs on: whose it is its listener says; what is wrong with it has been said"""
        self.source = ""
        """member (acquirer, terminal) or host name, once signed on"""
        self.peer = ""
        """address of the other end; "" where nobody knows it"""
        self.certificate: Certificate | None = None
        """of the other end; None: a plain connection"""
        self.institution = ""
        """what DE32 of an acquirer's messages means where it is absent, or zeros fill it: who signed on"""
        self.carried: frozenset[str] = frozenset()
        """institutions that its messages may name in DE32 (`significant`); empty: any but `not_carried`"""
        self.not_carried: frozenset[str] = frozenset()
        """institutions that they may not name: a network brings anybody's requests, but no member's of ours"""
        self.says, self.fees = NOTHING, False
        """what its answers say of the business day: `NOTHING`, `DAY` (DE15), `WINDOW` (and the number of the window); and whether
        those to advices and reversals say what a payment costs"""
        self.host: HostState | None = None
        self.heard_ns = now
        self.in_flight = 0
        """requests that came on it and wait for their answer"""
        self.max_in_flight = NEVER
        self.asked: dict[tuple[str, str], tuple[str, int]] = {}
        """network requests sent and not answered: (DE11, DE7) -> (DE70, when)"""
        self.since_de7 = ""
        """DE7 of the peer's sign-on: what it sent before that time, by its own clock, it sent on another connection"""
        self.unanswered_ns = 0
        """when the first request left since something was last heard; kept where a host has several connections"""
        self.first = b""
        """what came before the first good message, as far as it is remembered (`link_control.diagnosis`)"""
        self.sealing = self.sets = None
        self.good = self.bad = self.bad_in_a_row = self.unproved = self.defects = 0
        """messages; `unproved`: running, by their MACs; `defects`: that have led to an error of the switch's own"""
        self.network_messages, self.network_from_ns = 0, now
        self.keepalives, self.returned_ns = NEVER, -RETURN_NS  # dealt with, where they are returned; when one was last

    def seal(self, sealing: Sealing, document: Document, reference: Document | None) -> Seal:
        """What `say` makes, but for its MAC. Raises EncodeError."""
        return sealing.seal(self.dialect, self.outward(document, reference), self.framing.frame, reference)

    def name_key_sets(self, sets: LinkSets) -> None:
        """From here on its messages say which set of each key they are under."""
        self.sets = sets
        say, inward = self.say, self.inward
        if self.sealing is None:  # with MACs, `seal` has them said
            self.say = lambda document, reference: say(sets.with_sets(document), reference)
        if not sets.keys.pin_key:  # a DE53 that speaks of MACs is nothing to pass on with a PIN
            self.inward = lambda document: _without_sets(inward(document))

    def speak_for(self, institution: str, institutions: Iterable[str], others: Iterable[str] = ()) -> None:
        """From here on it carries messages of these, and of none of the `others`. `institution`: who signed on; "" for a host,
        which names each acquirer."""
        self.institution = institution
        self.carried = frozenset(significant(each) for each in (institution, *institutions) if each)
        self.not_carried = frozenset(map(significant, others)) - self.carried

    def bind_to_listener(self, listener: Listener) -> None:
        """Bind it to the listener that it has come in through: its bounds, and what its messages have and say."""
        self.max_in_flight = listener.max_in_flight
        self.say_business_day(listener.business_day)
        self.fees = listener.fees
        if listener.keys.ksn:
            self.inward = reader(self.inward, listener.keys.ksn)

    def say_business_day(self, business_day: str) -> None:
        """From here on its answers say so much of the business day: `none`, `day` or `window`, as far as its dialect can."""
        self.says = BUSINESS_DAYS[business_day] if DE.SETTLEMENT_DATE in self.dialect.elements else NOTHING

    def return_keepalives(self, told: Listener | HostLink | None) -> None:
        """From here on the switch sends back the keep-alives that come on it, if its section of the network file says so."""
        self.keepalives = 0 if told is not None and told.return_keepalives else NEVER

    def keepalive_back(self, now: int) -> bytes:
        """What answers the keep-alives that came since it was last asked; b"": nothing, as one has just been answered."""
        self.keepalives = self.framing.keepalives
        if now - self.returned_ns < RETURN_NS:
            return b""
        self.returned_ns = now
        return self.framing.keepalive

    def may_name(self, institution: str) -> bool:
        """True if a message on it may be of this acquirer (DE32); one that is absent or nothing but zeros is who signed on."""
        if institution in self.carried:
            return True
        called = significant(institution)
        return not called or called in self.carried or not (self.carried or called in self.not_carried)

    def move(self, event: LinkEvent) -> None:
        """To the state that the table has for this event."""
        target = MOVES.get((self.state, event))
        if target is None:
            self.report_illegal(self.link, self.state, event)
        else:
            self.state = target

    def resume_at(self, state: SessionState) -> None:
        """Begin where another switch had this connection."""
        self.state = state


class HostState:
    """A host: its connections, what it owes us (pending) and what we owe it (`saf`)."""

    def __init__(self, config: HostLink, family: str, late_max: int, by_key: dict[Key, Pending]) -> None:
        """`family`: of the dialect it speaks. `late_max`, `by_key`: see `PendingTable`."""
        self.config = config
        self.answers = answer_codes(family, config.answers, config.receipts)
        self.name = config.name
        self.route = config.scheme or "domestic"
        self.timeout_ns = config.timeout_ms * 1_000_000
        self.pending = PendingTable(late_max, by_key, config.match)
        self.stans_owed: set[str] = set()
        """DE11 of reversals and advices that it is owed"""
        self.sessions: list[Session] = []
        """those that carry payments: changed by `add` and `remove` only"""
        self.up: Session | None = None
        """one of them; None while the host is away. An attribute and no property: it is asked for with every payment"""
        self._turn = 0

    def add(self, session: Session) -> bool:
        """This connection carries payments from here on. True if none did before: the host is back."""
        if session in self.sessions:
            return False
        self.sessions.append(session)
        was_away, self.up = self.up is None, self.sessions[0]
        return was_away

    def pick(self, now: int) -> Session | None:
        """The connection that the next message leaves on; None while the host is away.

        They take turns, but that one which owes an answer for longer than `SUSPECT_NS` is passed over: it may be gone without
        saying so, which its echo test finds out later. If all of them do, the one heard from last has it.
        """
        sessions = self.sessions
        if len(sessions) < 2:
            return self.up
        self._turn = turn = (self._turn + 1) % len(sessions)
        session = sessions[turn]
        if session.unanswered_ns <= session.heard_ns:
            session.unanswered_ns = now
        elif now - session.unanswered_ns > SUSPECT_NS:
            return max(sessions, key=_heard_ns)
        return session

    def remove(self, session: Session) -> None:
        """This connection carries payments no longer, if it did."""
        if session in self.sessions:
            self.sessions.remove(session)
            self.up = self.sessions[0] if self.sessions else None


def _without_sets(document: Document) -> Document:
    return {de: value for de, value in document.items() if de != DE.SECURITY}


def _heard_ns(session: Session) -> int:
    return session.heard_ns


def maintenance_of(maintenance: dict[str, int], session: Session) -> str:
    """The maintenance (`State.maintenance`) that a connection falls under, as `host:atlas`; "": none."""
    if maintenance:
        for target in targets_of(session):
            if target in maintenance:
                return target
    return ""


def targets_of(session: Session) -> tuple[str, ...]:
    """What an operator may name to mean this connection, among others."""
    host = session.host
    whose = f"host:{host.name}" if host is not None else f"acquirer:{session.source}"
    return (whose, f"listener:{session.name}")
