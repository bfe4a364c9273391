"""Hops of a log -> spans of OpenTelemetry, as OTLP writes them in JSON. Pure: its time is the lines' own.

A transaction is a trace: one span from its first hop until its answer has left, below it one for each request to a host until
its answer; what is owed to a host (0420, 0220) is acknowledged after that, and so its span ends later. Ids are
made of the transaction's, so that what is sent twice is the same trace. Attributes are `iso8583.…` where a message says them
and `cmi_switch.…` where the switch does; no card's number is among them, masked or not.

Source of the form: OTLP 1.x, its JSON encoding (opentelemetry.io/docs/specs/otlp): ids in hex, keys in lower camel case,
enumerations as numbers, 64-bit integers as decimal strings.
"""

import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, TypeAlias

from switch.core.party import link_name
from switch.observe.lines import HopLine, answer_code, time_of
from switch.wire.vocabulary import ADVICES, ANSWER_NAMES, REVERSALS, Answer, is_response

Span: TypeAlias = dict[str, Any]
SERVER, CLIENT = 2, 3
ERROR: Final = 2
OPEN_MAX: Final = 50_000
"""transactions under way; one more, and the oldest is told as it is"""
SILENT_US: Final = 120_000_000
"""a transaction of which nothing came for so long is told as it is: longer than any host's timeout"""
FAILED: Final = frozenset({Answer.ISSUER_INOPERATIVE, Answer.MALFUNCTION})
"""codes that no party has decided"""
_CARD: Final = re.compile(r"\d{6}\*+\d{4}")
"""a masked number in a note"""
_OWED: Final = ADVICES | REVERSALS
_EPOCH: Final = datetime.fromtimestamp(0, UTC)


class Traces:
    """Gathers hops until a transaction has ended. `share`: of transactions that are told; of those that failed, all are."""

    def __init__(self, share: float = 1.0) -> None:
        self._share = share
        self._open: OrderedDict[str, list[HopLine]] = OrderedDict()
        """by transaction; the one of which something came last is at the end"""

    def feed(self, hop: HopLine) -> list[Span]:
        """One more hop: the spans of what has ended with it, or been silent too long."""
        hops = self._open.setdefault(hop.txn, [])
        hops.append(hop)
        self._open.move_to_end(hop.txn)
        spans: list[Span] = []
        if is_response(hop.mti) and _is_over(hops):
            spans += self._told(self._open.pop(hop.txn))
        now_us = _us(hop.at)
        while self._open and (len(self._open) > OPEN_MAX or self._silent(now_us)):
            spans += self._told(self._open.popitem(last=False)[1])
        return spans

    def finish(self) -> list[Span]:
        """What is still open, as it is."""
        spans = [span for hops in self._open.values() for span in self._told(hops)]
        self._open.clear()
        return spans

    def _silent(self, now_us: int) -> bool:
        oldest = next(iter(self._open.values()))
        return now_us - _us(oldest[-1].at) > SILENT_US

    def _told(self, hops: Sequence[HopLine]) -> list[Span]:
        if (
            self._share < 1
            and not _wrong(hops)
            and int(sha256(hops[0].txn.encode()).hexdigest()[:8], 16) >= (self._share * (1 << 32))
        ):
            return []
        return list(spans_of(hops))


def spans_of(hops: Sequence[HopLine]) -> Iterator[Span]:
    """The spans of one transaction, its hops in order; the first has no parent."""
    first, last = hops[0], _answer_of(hops)
    trace, root = _id(first.txn, 32), _id(f"{first.txn} {first.at} {first.link}", 16)
    kind = SERVER if first.direction == "received" else CLIENT
    yield _span(trace, root, "", kind, hops, first, last, _wrong(hops))
    asked: dict[tuple[str, str], HopLine] = {}
    for number, hop in enumerate(hops):
        if link_name(hop.link) == link_name(first.link):
            continue
        key = link_name(hop.link), hop.stan
        if not is_response(hop.mti):
            asked[key] = hop
        elif key in asked:
            yield _span(trace, _id(f"{root} {number}", 16), root, CLIENT, hops, asked.pop(key), hop, "")
    for hop in asked.values():
        yield _span(
            trace, _id(f"{root} {hop.link} {hop.stan}", 16), root, CLIENT, hops, hop, hops[-1], "no answer came"
        )


def _answer_of(hops: Sequence[HopLine]) -> HopLine:
    """What was answered to whoever began, or what came last where nothing was."""
    begun = link_name(hops[0].link)
    return next((hop for hop in reversed(hops) if is_response(hop.mti) and link_name(hop.link) == begun), hops[-1])


def _is_over(hops: Sequence[HopLine]) -> bool:
    """Its answer has left, and whatever was owed to a host is acknowledged."""
    begun, owed = link_name(hops[0].link), set[tuple[str, str]]()
    for hop in hops:
        link = link_name(hop.link)
        if link != begun and is_response(hop.mti):
            owed.discard((link, hop.stan))
        elif link != begun and hop.mti in _OWED:
            owed.add((link, hop.stan))
    return not owed and is_response(_answer_of(hops).mti) and link_name(_answer_of(hops).link) == begun


def _span(
    trace: str, span: str, parent: str, kind: int, hops: Sequence[HopLine], begin: HopLine, end: HopLine, wrong: str
) -> Span:
    base_ns = _us(hops[0].at) * 1_000 - hops[0].elapsed_us * 1_000
    made: Span = {
        "traceId": trace,
        "spanId": span,
        "name": f"{begin.mti} {link_name(begin.link)}",
        "kind": kind,
        "startTimeUnixNano": str(base_ns + begin.elapsed_us * 1_000),
        "endTimeUnixNano": str(base_ns + max(end.elapsed_us, begin.elapsed_us) * 1_000),
        "attributes": list(_attributes(begin, end)),
    }
    if parent:
        made["parentSpanId"] = parent
    if wrong:
        made["status"] = {"code": ERROR, "message": wrong}
    return made


def _attributes(begin: HopLine, end: HopLine) -> Iterator[dict[str, Any]]:
    """Of what was asked, and of what was answered."""
    texts = {
        "cmi_switch.txn": begin.txn,
        "cmi_switch.link": begin.link,
        "cmi_switch.route": end.route or begin.route,
        "cmi_switch.note": _CARD.sub("a card", end.note or begin.note),
        "iso8583.mti": begin.mti,
        "iso8583.stan": begin.stan,
        "iso8583.rrn": begin.rrn,
        "iso8583.currency": begin.currency,
        "iso8583.response_code": end.de39,
    }
    for key, text in texts.items():
        if text:
            yield {"key": key, "value": {"stringValue": text}}
    numbers = {"iso8583.amount": begin.amount, "cmi_switch.cost": end.cost}
    for key, number in numbers.items():
        if number:
            yield {"key": key, "value": {"intValue": str(number)}}


def _wrong(hops: Sequence[HopLine]) -> str:
    """Why a transaction has failed, which a decline has not; "" where it has not."""
    last = _answer_of(hops)
    if not is_response(last.mti):
        return "no answer was given"
    code = answer_code(last)
    return _CARD.sub("a card", last.note) or ANSWER_NAMES.get(code, code) if code in FAILED else ""


def request(spans: Sequence[Span], network: str, version: str) -> dict[str, Any]:
    """An `ExportTraceServiceRequest` of these spans."""
    resource = [
        {"key": "service.name", "value": {"stringValue": "cmi-switch"}},
        {"key": "service.namespace", "value": {"stringValue": network}},
        {"key": "service.version", "value": {"stringValue": version}},
    ]
    scope = {"name": "cmi-switch.hops", "version": version}
    return {
        "resourceSpans": [
            {"resource": {"attributes": resource}, "scopeSpans": [{"scope": scope, "spans": list(spans)}]}
        ]
    }


def _us(at: str) -> int:
    return (time_of(at) - _EPOCH) // timedelta(microseconds=1)


def _id(text: str, digits: int) -> str:
    return sha256(text.encode()).hexdigest()[:digits]
