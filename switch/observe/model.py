"""What a hop log adds up to: `feed` it lines, read the sums. Pure: its time is the lines' own.

A payment is counted when its answer leaves towards the acquirer (a sent response of class 1 or 2), a reversal when its
request leaves towards an issuer for the first time (a sent request of class 4, no repeat), a cost at whichever hop carries it.
"""

from collections import Counter, deque
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from switch.core.party import link_name
from switch.core.shards import PEER_LISTENER
from switch.observe.histogram import Histogram
from switch.observe.lines import HopLine, LineError, answer_code, read_event, read_hop, second_of
from switch.wire.printable import printable
from switch.wire.vocabulary import APPROVALS, is_repeat, is_response

SECONDS_KEPT: Final = 120
NOTABLE_KEPT: Final = 50
LINKS_KEPT: Final = 20_000
PASSED_ON_KEPT: Final = 20_000
NAMES_KEPT: Final = 1_000

STATES: Final[dict[str, str]] = {
    "link.connected": "connected",
    "link.up": "signed on",
    "link.signed_on": "signed on",
    "link.signed_off": "signed off",
    "link.down": "",
    "link.closed": "",
}
"""event -> state of the link it names; "" : that connection is gone"""

HOME_ROUTES: Final = ("domestic", "visa", "mastercard")


class RouteSums(msgspec.Struct):
    """One route's payments."""

    approved: int = 0
    declined: int = 0
    reversed: int = 0
    """reversals sent to the issuer"""
    cost: int = 0
    """minor units of the home currency"""
    amounts: Counter[str] = msgspec.field(default_factory=Counter)
    """currency -> minor units, of approved payments"""
    latency: Histogram = msgspec.field(default_factory=Histogram)
    """µs from the request's first byte read to the answer's leaving"""

    @property
    def total(self) -> int:
        """Payments answered."""
        return self.approved + self.declined

    def add(self, other: "RouteSums") -> None:
        """Take in what others have had."""
        self.approved += other.approved
        self.declined += other.declined
        self.reversed += other.reversed
        self.cost += other.cost
        self.amounts.update(other.amounts)
        self.latency.merge(other.latency)


class LinkSums(msgspec.Struct):
    """What stands behind one name of the network file: a host's connection, or thousands of terminals'."""

    connections: dict[str, str] = {}
    """link id -> state"""
    last: str = ""
    """what became of the last connection that went, or of the last attempt"""

    @property
    def signed_on(self) -> int:
        """How many carry payments."""
        return sum(1 for state in self.connections.values() if state == "signed on")

    @property
    def state(self) -> str:
        """In one word or two."""
        if not self.connections:
            return self.last or "down"
        if self.signed_on:
            return "signed on"
        return next(reversed(self.connections.values()))

    awaited: bool = False
    """it is a host's, so that it is missed while it is away; an acquirer or terminal that hung up is not"""


class Notable(msgspec.Struct, frozen=True, kw_only=True):
    """A warning or error that someone should see."""

    at: str
    level: str
    event: str
    text: str
    """its fields, `key=value`"""
    count: int = 1
    """how many of the same event came one after another"""


class Model(msgspec.Struct):
    """The sums. Bounded: seconds, links and notable events by the constants above, the rest by what routes and codes exist."""

    routes: dict[str, RouteSums] = {}
    codes: Counter[str] = msgspec.field(default_factory=Counter)
    """DE39 (1987 form) of payments"""
    links: dict[str, LinkSums] = {}
    notable: deque[Notable] = msgspec.field(default_factory=lambda: deque(maxlen=NOTABLE_KEPT))
    events: Counter[str] = msgspec.field(default_factory=Counter)
    """events that are no hops, by name"""
    warnings: Counter[str] = msgspec.field(default_factory=Counter)
    """those of level warning or worse, by name"""
    unwell: tuple[str, ...] = ()
    """what the switch said last of itself, as sentences; nothing: it is well"""
    seconds: dict[int, int] = {}
    """second since 1970 -> payments answered in it, the last `SECONDS_KEPT`"""
    hops: int = 0
    unreadable: int = 0
    """lines that are no events"""
    first_at: str = ""
    last_at: str = ""
    of_shard: bool = False
    """of several: what another shard has passed on is left to that one"""
    _passed_on: dict[str, None] = {}
    """transactions under way that are another shard's"""
    _second: tuple[str, int] = ("", 0)

    def feed(self, line: bytes) -> None:
        """Add one line. Never raises: a line that is no event is counted in `unreadable`."""
        try:
            hop = read_hop(line)
            if hop is not None:
                self._hop(hop)
            else:
                self._event(read_event(line))
        except LineError:
            self.unreadable += 1

    def feed_all(self, lines: Iterable[bytes]) -> None:
        """Add them in order."""
        for line in lines:
            self.feed(line)

    def forget_payments(self) -> None:
        """Start counting anew; what is known of links stays."""
        fresh = Model()
        for name in ("routes", "codes", "notable", "events", "warnings", "seconds", "hops", "unreadable", "first_at"):
            setattr(self, name, getattr(fresh, name))

    @property
    def total(self) -> RouteSums:
        """All routes together (its latency too)."""
        total = RouteSums()
        for sums in self.routes.values():
            total.add(sums)
        return total

    def add(self, shard: str, other: "Model") -> None:
        """Take in what another shard's log adds up to; its links get its name."""
        for route, sums in other.routes.items():
            self.routes.setdefault(route, RouteSums()).add(sums)
        for mine, theirs in ((self.codes, other.codes), (self.events, other.events), (self.warnings, other.warnings)):
            mine.update(theirs)
        self.links.update({f"{shard}/{name}": link for name, link in other.links.items()})
        self.notable = deque(sorted([*self.notable, *other.notable], key=lambda one: one.at), NOTABLE_KEPT)
        self.unwell += tuple(f"shard {shard}: {sentence}" for sentence in other.unwell)
        for second, count in other.seconds.items():
            self.seconds[second] = self.seconds.get(second, 0) + count
        self.hops += other.hops
        self.unreadable += other.unreadable
        self.first_at = min(filter(None, (self.first_at, other.first_at)), default="")
        self.last_at = max(self.last_at, other.last_at)

    def rates(self, until: int, count: int) -> list[int]:
        """Payments in each of the `count` seconds that end before second `until`, oldest first."""
        return [self.seconds.get(second, 0) for second in range(until - count, until)]

    def _hop(self, hop: HopLine) -> None:
        self.hops += 1
        self._seen(hop.at)
        if self.of_shard and self._is_passed_on(hop):
            return
        if len(hop.mti) != 4 or not (hop.cost or hop.direction == "sent"):
            return
        kind = hop.mti[1]
        answered = hop.direction == "sent" and kind in "12" and is_response(hop.mti)
        undone = hop.direction == "sent" and kind == "4" and not is_response(hop.mti) and not is_repeat(hop.mti)
        if not (answered or undone or hop.cost):
            return
        sums = self.routes.get(hop.route or "refused")
        if sums is None:
            sums = self.routes[hop.route or "refused"] = RouteSums()
        sums.cost += hop.cost
        sums.reversed += undone
        if answered:
            self._answer(hop, sums)

    def _is_passed_on(self, hop: HopLine) -> bool:
        """True of each hop of what came from another shard."""
        known = hop.txn in self._passed_on
        if link_name(hop.link) != PEER_LISTENER:
            return known
        if hop.direction == "sent":
            self._passed_on.pop(hop.txn, None)
        elif len(self._passed_on) < PASSED_ON_KEPT:
            self._passed_on[hop.txn] = None
        return True

    def _answer(self, hop: HopLine, sums: RouteSums) -> None:
        code = answer_code(hop)
        self.codes[code] += 1
        sums.latency.record(hop.elapsed_us)
        if code in APPROVALS:
            sums.approved += 1
            sums.amounts[hop.currency] += hop.amount
        else:
            sums.declined += 1
        if hop.at[:19] != self._second[0]:
            self._second = (hop.at[:19], second_of(hop.at[:19]))
        second, seconds = self._second[1], self.seconds
        seconds[second] = seconds.get(second, 0) + 1
        if len(seconds) > SECONDS_KEPT:
            del seconds[min(seconds)]

    def _event(self, event: dict[str, Any]) -> None:
        name = event["event"]
        self._seen(str(event.get("at", "")))
        name = name if len(self.events) < NAMES_KEPT or name in self.events else "other"
        self.events[name] += 1
        if name == "health.changed":
            problems = event.get("problems")
            self.unwell = tuple(str(p) for p in problems) if isinstance(problems, list) else ()
        link = event.get("link")
        if isinstance(link, str) and (name in STATES or name == "link.connect_failed"):
            self._link(name, link, event)
        if event.get("level") in ("warning", "error", "critical"):
            self._notable(name, event)

    def _link(self, name: str, link: str, event: dict[str, Any]) -> None:
        state = STATES.get(name)
        sums = self.links.get(link_name(link))
        if sums is None:
            if state == "" and "host" not in event:
                return
            sums = self.links[link_name(link)] = LinkSums()
        sums.awaited = sums.awaited or "host" in event or name in ("link.up", "link.connect_failed")
        if state is None:
            sums.last = f"unreachable: {event.get('reason', '')}"
        elif state:
            if link in sums.connections or len(sums.connections) < LINKS_KEPT:
                sums.connections[link] = state
        elif sums.connections.pop(link, None) is not None and not sums.connections:
            sums.last = f"down: {event['reason']}" if "reason" in event else "down"
            if not sums.awaited:
                del self.links[link_name(link)]
        elif "reason" in event and not sums.connections and sums.last == "down":
            sums.last = f"down: {event['reason']}"

    def _notable(self, name: str, event: dict[str, Any]) -> None:
        self.warnings[name] += 1
        fields = printable(" ".join(f"{k}={v}" for k, v in event.items() if k not in ("at", "event", "level", "hint")))
        count = 1
        if self.notable and self.notable[-1].event == name:
            count = self.notable.pop().count + 1
        self.notable.append(
            Notable(at=str(event.get("at", "")), level=str(event["level"]), event=name, text=fields, count=count)
        )

    def _seen(self, at: str) -> None:
        self.last_at = at
        self.first_at = self.first_at or at


def route_order(routes: Iterable[str]) -> list[str]:
    """Domestic first, then the networks, then whatever else, `refused` last."""
    rank = {name: n for n, name in enumerate(HOME_ROUTES)}
    return sorted(routes, key=lambda route: (rank.get(route, len(rank) + (route == "refused")), route))
