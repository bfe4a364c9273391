"""Everything about one payment, put together for its page: the way it took, who decided what, by which rule, at what price.

In: its row and records of the journal, its hops and events of the hop log, the network file. Out: a `View` that the template lays
out. Pure. The one rule: what is shown is what was kept, and what was not kept is not made up: a rule that cannot be told from
a masked card is said to be one of several.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec

from switch.console.advice import advice
from switch.core.network import BinRange, HostLink, Network
from switch.core.records.lifecycle import Status
from switch.core.records.records import (
    Abandoned,
    Answered,
    AnyEntry,
    Declined,
    Forwarded,
    Owed,
    StoodIn,
)
from switch.journal.projections.transactions import Row
from switch.journal.views import FACTS, time_text_ms
from switch.money.fee_line import Fee
from switch.observe.lines import HopLine, answer_code, time_of, towards_issuer
from switch.observe.waterfall import meaning
from switch.wire import Dialect
from switch.wire.describe import Line, described
from switch.wire.vocabulary import APPROVALS, DE, Document, is_response

WIDE: Final = 1_000
"""of a bar's picture"""
_INTERNAL: Final = "cmi87"
"""the dialect in whose names the journal's elements are said"""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A hop, or an event between hops."""

    at_us: int
    """since the first hop"""
    left: str
    right: str
    arrow: str
    """`0200 →`, as it is drawn between the two; "": an event"""
    what: str
    """its answer, or the event's name"""
    look: str
    """`good`, `bad` or "" """
    note: str
    begin: float
    """of the time that led to it, 0 to `WIDE`"""
    width: float
    whose: str
    """`host` or `switch`: who had it meanwhile; "": nobody is known to"""
    spent_us: int
    number: int = 0
    """of the hop, from 1"""


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A record."""

    sequence: int
    at: str
    what: str
    text: str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal keeps of a message, in internal form."""

    title: str
    lines: list[Line]


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a bound was used."""

    name: str
    used_us: int
    bound_ms: int
    key: str
    """of the network file"""

    @property
    def share(self) -> int:
        """Of the bound, 0 to 1,000."""
        return min(1_000, self.used_us // max(1, self.bound_ms))

    @property
    def late(self) -> bool:
        """The bound was reached."""
        return self.used_us >= self.bound_ms * 1_000


class View(msgspec.Struct, frozen=True, kw_only=True):
    """The page."""

    row: Row
    verdict: str
    look: str
    todo: str
    """"": nothing is to be done"""
    steps: list[Step]
    whole_us: int
    facts: list[Fact]
    messages: list[Message]
    ranges: list[BinRange]
    """that the card may be in"""
    rule: str
    """by which the switch refused; "": it did not"""
    fees: tuple[Fee, ...]
    unpriced: str
    day: str
    """business day and window; "": it moved nothing"""
    timers: list[Timer]
    matched: list[tuple[str, str]]
    """what its answer was known by"""
    key: list[tuple[str, str]]
    """what its repeats are known by"""
    host: HostLink | None
    merchant: str
    approval: str
    """DE38"""


def view_of(
    row: Row,
    entries: Sequence[tuple[int, AnyEntry]],
    hops: Sequence[HopLine],
    events: Sequence[dict[str, Any]],
    network: Network,
) -> View:
    """All of it. `entries`: the row's own records and those of what reverses it."""
    own = [entry for _, entry in entries if getattr(entry, "txn", 0) == row.txn]
    asked = next((_request(e) for e in own if isinstance(e, Forwarded | StoodIn)), None)
    answered = next((_answer(e) for e in reversed(own) if isinstance(e, Answered | StoodIn)), None)
    refused = next((e for e in own if isinstance(e, Declined)), None)
    priced = next((p for e in own if (p := getattr(e, "priced", None)) is not None), None)
    host = next((h for h in network.hosts if h.name == row.host), None)
    verdict, look, todo = _verdict(row, host)
    steps, whole = _steps(hops, events)
    elements = asked.elements if asked is not None else {}
    return View(
        row=row,
        verdict=verdict,
        look=look,
        todo=todo,
        steps=steps,
        whole_us=whole,
        facts=[_fact(n, e) for n, e in entries],
        messages=_messages(own, asked, answered),
        ranges=_ranges(row, network),
        rule=refused.reason if refused is not None else "",
        fees=priced.fees if priced is not None else (),
        unpriced=priced.unpriced if priced is not None else "",
        day=next((w for e in own if (w := getattr(e, "window", ""))), ""),
        timers=_timers(hops, host, network),
        matched=_matched(asked, host, hops),
        key=_key(asked, refused, own),
        host=host,
        merchant=elements.get(DE.MERCHANT, "").strip(),
        approval=(answered.elements if answered is not None else {}).get(DE.APPROVAL_CODE, ""),
    )


def _request(entry: Forwarded | StoodIn) -> Forwarded:
    return entry.request if isinstance(entry, StoodIn) else entry


def _answer(entry: Answered | StoodIn) -> Answered:
    return entry.answer if isinstance(entry, StoodIn) else entry


def _verdict(row: Row, host: HostLink | None) -> tuple[str, str, str]:
    """What became of it in a sentence, its look, and what to do."""
    who = host.name if host is not None else row.host
    match row.status:
        case Status.APPROVED if row.reason.startswith("stand-in"):
            return (
                "Approved by the switch in its issuer's place",
                "good",
                "The issuer is told by an advice; nothing is to be done.",
            )
        case Status.APPROVED:
            return f"Approved by {who}" + (f"; {row.reason}" if row.reason else ""), "good", ""
        case Status.DECLINED:
            return f"Declined by {who}", "bad", advice(row.de39, here=False)
        case Status.REFUSED:
            return "Declined by the switch; nobody else was asked", "bad", advice(row.de39, here=True)
        case Status.REVERSED:
            why = f" ({row.reason})" if row.reason else ""
            return f"Taken back{why}", "warn", advice("91", here=True) if row.de39 == "91" else ""
        case Status.ABANDONED:
            return f"Given up: {row.reason}", "bad", advice(row.de39, here=True)
        case Status.OWED:
            return (
                f"Owed to {who}, not acknowledged yet ({row.reason})",
                "warn",
                "It is sent again and again by itself: see Owed.",
            )
        case Status.DEAD:
            return (
                f"Owed to {who}, and given up: a dead letter",
                "bad",
                "A person decides: retry or resolve it under Exceptions.",
            )
        case Status.DELIVERED:
            return f"Acknowledged by {who}", "good", ""
        case Status.RESOLVED:
            return "Ended by a person", "warn", ""
        case Status.OPEN:
            return f"On its way to {who}: no answer yet", "warn", ""
        case _:
            return str(row.status), "warn", ""


# -- the way


def _steps(hops: Sequence[HopLine], events: Sequence[dict[str, Any]]) -> tuple[list[Step], int]:
    whole = max((hop.elapsed_us for hop in hops), default=0)
    found: list[tuple[int, int, Step]] = []
    before, whose = 0, ""
    for number, hop in enumerate(hops, 1):
        begin = WIDE * before / max(1, whole)
        issuers, sent = towards_issuer(hop), hop.direction == "sent"
        code = answer_code(hop)
        step = Step(
            at_us=hop.elapsed_us,
            left="switch" if issuers else hop.link,
            right=hop.link if issuers else "switch",
            arrow=f"{hop.mti} →" if sent == issuers else f"← {hop.mti}",
            what=meaning(hop) if hop.de39 else "",
            look=("good" if code in APPROVALS else "bad") if hop.de39 else "",
            note="; ".join(filter(None, (f"STAN {hop.stan}" if not is_response(hop.mti) else "", hop.note))),
            begin=begin,
            width=max(2.0, WIDE * (hop.elapsed_us - before) / max(1, whole)) if number > 1 else 2.0,
            whose=whose,
            spent_us=hop.elapsed_us - before,
            number=number,
        )
        found.append((hop.elapsed_us, number, step))
        before, whose = hop.elapsed_us, "host" if sent and issuers else "" if sent else "switch"
    if hops:
        found += [(s.at_us, len(hops) + n, s) for n, s in enumerate(_event(e, hops[0].at, whole) for e in events)]
    return [step for _, _, step in sorted(found, key=lambda one: one[:2])], whole


def _event(event: dict[str, Any], first_at: str, whole: int) -> Step:
    at = (time_of(str(event.get("at", ""))) - time_of(first_at)) // timedelta(microseconds=1)
    told = {k: v for k, v in event.items() if k not in ("at", "event", "level", "txn", "hint")}
    note = " ".join(f"{k}={v}" for k, v in told.items())
    hint = f" {event['hint']}" if event.get("hint") else ""
    look = "bad" if event.get("level") in ("warning", "error") else ""
    x = WIDE * min(at, whole) / max(1, whole)
    return Step(
        at_us=at,
        left="",
        right="",
        arrow="",
        what=str(event["event"]),
        look=look,
        note=note + hint,
        begin=x,
        width=2.0,
        whose="",
        spent_us=0,
    )


def _timers(hops: Sequence[HopLine], host: HostLink | None, network: Network) -> list[Timer]:
    timers = []
    asked = next((h for h in hops if towards_issuer(h) and h.direction == "sent" and not is_response(h.mti)), None)
    if host is not None and asked is not None:
        came = next((h for h in hops if towards_issuer(h) and h.direction == "received"), None)
        last = came.elapsed_us if came is not None else hops[-1].elapsed_us
        timers.append(
            Timer(
                name=f"{host.name} to answer",
                used_us=last - asked.elapsed_us,
                bound_ms=host.timeout_ms,
                key="timeout_ms",
            )
        )
    if hops and not towards_issuer(hops[0]):
        told = next((h for h in reversed(hops) if not towards_issuer(h) and h.direction == "sent"), hops[-1])
        bound = network.acquirers_wait_ms
        timers.append(
            Timer(name="the acquirer waits", used_us=told.elapsed_us, bound_ms=bound, key="acquirers_wait_ms")
        )
    return timers


# -- why


def _ranges(row: Row, network: Network) -> list[BinRange]:
    """Those that hold some card that is masked so, and lead to the row's host."""
    first = row.pan[:6]
    if not (len(first) == 6 and first.isdecimal()):
        return []
    hosts = {h.member: h.name for h in network.hosts if h.role == "issuer"}
    schemes = {h.scheme: h.name for h in network.card_networks}
    found = []
    for one in network.bins:
        width = min(6, len(one.low))
        leads = hosts.get(one.issuer, "") if one.issuer else schemes.get(one.scheme, "")
        if one.low[:width] <= first[:width] <= one.high[:width] and (not row.host or leads == row.host):
            found.append(one)
    return sorted(found, key=lambda one: -len(one.low))


def _matched(asked: Forwarded | None, host: HostLink | None, hops: Sequence[HopLine]) -> list[tuple[str, str]]:
    if asked is None or host is None or not any(towards_issuer(h) and h.direction == "received" for h in hops):
        return []
    names = {
        "7": ("DE7", asked.sent_at),
        "37": ("DE37", asked.elements.get("37", "")),
        "41": ("DE41", asked.elements.get("41", "")),
    }
    return [("MTI", f"answer to {asked.mti}"), ("DE11", asked.stan), *(names[n] for n in host.match if n in names)]


def _key(asked: Forwarded | None, refused: Declined | None, own: Sequence[AnyEntry]) -> list[tuple[str, str]]:
    entry = asked or refused or next((e for e in own if isinstance(e, Owed)), None)
    if entry is None:
        return []
    names = ("acquirer", "class", "DE11", "DE7", "DE32", "DE41")
    return [(name, value) for name, value in zip(names, entry.key, strict=True) if value]


# -- what was kept


def _messages(own: Sequence[AnyEntry], asked: Forwarded | None, answered: Answered | None) -> list[Message]:
    dialect = Dialect.load(_INTERNAL)
    found = []
    if asked is not None:
        found.append(_message(dialect, "The request", asked.mti, asked.pan, asked.elements))
    if answered is not None:
        elements = {**answered.elements, DE.RESPONSE_CODE: answered.de39}
        mti = f"{asked.mti[:2]}10" if asked is not None else "0210"
        found.append(_message(dialect, "What its answer added", mti, "", elements))
    found += [
        _message(dialect, f"What is owed: {e.kind}", e.message.get(DE.MTI, ""), e.pan, e.message)
        for e in own
        if isinstance(e, Owed)
    ]
    return found


def _message(dialect: Dialect, title: str, mti: str, pan: str, elements: Document) -> Message:
    document = {**elements, DE.MTI: mti, **({DE.PAN: pan} if pan else {})}
    return Message(title=title, lines=described(dialect, document))


def _fact(sequence: int, entry: AnyEntry) -> Fact:
    kind = type(entry).__name__
    told = {name: getattr(entry, name, None) for name in ("de39", "reason", "kind", "host", "by", "tries", "window")}
    if isinstance(entry, Abandoned | Declined):
        told.pop("kind")
    text = " ".join(f"{name}={value}" for name, value in told.items() if value not in (None, "", 0))
    return Fact(sequence=sequence, at=time_text_ms(entry.at_us), what=FACTS.get(kind, kind), text=text)
