"""One transaction as people read it: its hops down the page, between acquirer, switch and issuer; or a line a hop. Pure."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec

from switch.core.party import link_name
from switch.money.currency import format_amount
from switch.observe.lines import HopLine, answer_code, time_of, towards_issuer
from switch.wire.printable import printable
from switch.wire.vocabulary import ANSWER_NAMES, APPROVALS, is_response

Paint = Callable[[str, str], str]
"""(style, text) -> text: how a terminal colours it. Styles: `title`, `arrow`, `good`, `bad`, `note`"""

LANE: Final = 22


def no_paint(_style: str, text: str) -> str:
    """Text as it is, for pipes and files."""
    return text


def waterfall(hops: Sequence[HopLine], events: Sequence[dict[str, Any]], currency: str, paint: Paint = no_paint) -> str:
    """The hops of one transaction in order of time, with `events` that name it between them; costs in `currency`.

    Each hop is a line: ms since the first one, an arrow with the MTI on the acquirer's or the issuer's side, what stands out
    about it. ValueError: no hops.
    """
    if not hops:
        raise ValueError("no hops")
    hops = [_shown(hop) for hop in hops]
    lines = [_title(hops, currency, paint), ""]
    rows = [(hop.at, n, _hop_row(hop, hops, currency, paint)) for n, hop in enumerate(hops)]
    rows += [(str(e.get("at", "")), len(hops) + n, _event_row(e, hops[0].at, paint)) for n, e in enumerate(events)]
    lines.append(paint("title", f"{'ms':>12}  {'acquirer':<{LANE}}  {'switch':^6}  {'issuer':>{LANE}}"))
    lines += [text for _, _, text in sorted(rows)]
    return "\n".join(lines)


def _shown(hop: HopLine) -> HopLine:
    """The hop with what a terminal would obey written out: most of it is what strangers said."""
    texts = {name: value for name, value in msgspec.structs.asdict(hop).items() if isinstance(value, str)}
    if "".join(texts.values()).isprintable():
        return hop
    return msgspec.structs.replace(hop, **{name: printable(value) for name, value in texts.items()})


def _fields(event: dict[str, Any], but: tuple[str, ...]) -> str:
    return printable(" ".join(f"{k}={v}" for k, v in event.items() if k not in but))


def _title(hops: Sequence[HopLine], currency: str, paint: Paint) -> str:
    first, last = hops[0], hops[-1]
    route = next((hop.route for hop in reversed(hops) if hop.route), "not routed")
    cost = sum(hop.cost for hop in hops)
    parts = [
        first.pan or "no PAN",
        format_amount(first.amount, first.currency),
        f"RRN {first.rrn or '–'}",
        f"route {route}",
    ]
    outcome = _outcome(hops)
    parts.append(paint("good" if outcome.startswith("approved") else "bad", outcome))
    parts.append(f"{last.elapsed_us / 1000:.3f} ms")
    if cost:
        parts.append(f"cost {format_amount(cost, currency)}")
    return f"{paint('title', 'txn ' + first.txn)}  {first.at}\n" + "  ".join(parts)


def _outcome(hops: Sequence[HopLine]) -> str:
    for hop in reversed(hops):
        if is_response(hop.mti) and hop.de39:
            return meaning(hop)
    return "no answer yet"


def meaning(hop: HopLine) -> str:
    """`approved (00)`; `acknowledged (00)` where it answers a reversal."""
    code = answer_code(hop)
    if code in APPROVALS and hop.mti[1:2] == "4":
        return f"acknowledged ({hop.de39})"
    return f"{ANSWER_NAMES.get(code, 'unknown answer')} ({hop.de39})"


def _hop_row(hop: HopLine, hops: Sequence[HopLine], currency: str, paint: Paint) -> str:
    name, issuer_side = hop.link, towards_issuer(hop)
    right = (hop.direction == "sent") == issuer_side
    dashes = "─" * max(1, LANE - len(name) - len(hop.mti) - 5)
    arrow = f"──{hop.mti}{dashes}▶" if right else f"◀──{hop.mti}{dashes}"
    lane = f"{arrow} {name}" if issuer_side else f"{name} {arrow}"
    row = f"{'':<{LANE}}  {'│':^6}  {lane:<{LANE}}" if issuer_side else f"{lane:<{LANE}}  {'│':^6}  {'':<{LANE}}"
    said = [_stan(hop, hops), meaning(hop) if hop.de39 else "", _cost(hop, currency), hop.note]
    tail = "  ".join(part for part in said if part)
    style = "bad" if hop.de39 and answer_code(hop) not in APPROVALS else "note"
    return f"{hop.elapsed_us / 1000:>12,.3f}  {paint('arrow', row)}  {paint(style, tail)}".rstrip()


def _stan(hop: HopLine, hops: Sequence[HopLine]) -> str:
    """The STAN where it is first seen on that side of the switch."""
    first = next(h for h in hops if link_name(h.link) == link_name(hop.link))
    return f"STAN {hop.stan}" if first is hop else ""


def _cost(hop: HopLine, currency: str) -> str:
    return f"cost {format_amount(hop.cost, currency)}" if hop.cost else ""


def _event_row(event: dict[str, Any], first_at: str, paint: Paint) -> str:
    fields = _fields(event, ("at", "event", "level", "txn", "hint"))
    said = f"· {printable(event['event'])} {fields}"
    offset_ms = (time_of(str(event.get("at", ""))) - time_of(first_at)) / timedelta(milliseconds=1)
    return f"{offset_ms:>12,.3f}  {paint('note', said)}"


def hop_line(hop: HopLine, paint: Paint = no_paint) -> str:
    """A hop on one line, as a stream of them is read."""
    hop = _shown(hop)
    arrow = "→" if hop.direction == "sent" else "←"
    amount = format_amount(hop.amount, hop.currency) if hop.currency else ""
    style = "" if not hop.de39 else "good" if answer_code(hop) in APPROVALS else "bad"
    code = paint(style, f"{hop.de39 or '–':<3}") if style else f"{'–':<3}"
    return (
        f"{hop.at[11:23]} {hop.txn} {paint('arrow', arrow)} {hop.link:<14} {hop.mti} {code} {hop.pan:<19} {amount:>14} "
        f"{hop.route or '–':<10} {hop.elapsed_us / 1000:>9.3f} ms  {paint('note', hop.note)}"
    ).rstrip()


def event_line(event: dict[str, Any], paint: Paint = no_paint) -> str:
    """Any other event on one line."""
    style = "bad" if event.get("level") in ("warning", "error", "critical") else "note"
    at, fields = printable(str(event.get("at", ""))[11:23]), _fields(event, ("at", "event", "level"))
    return f"{at} {paint(style, printable(event['event']))} {fields}".rstrip()
