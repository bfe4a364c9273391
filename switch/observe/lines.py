"""What stands in a hop log: the keys of a hop's line, and reading lines back.

One JSON object a line. A line whose `event` begins with `hop.` has the keys of `HopLine`; any other has `at`, `event`,
`level` and what its event tells.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from switch.wire.vocabulary import RESPONSE_CODES, is_response


class HopLine(msgspec.Struct, kw_only=True, gc=False):
    """One hop of one transaction. Every key is always there, in this order; `docs/hop-log.md` is its page."""

    at: str = ""
    """wall clock, UTC, ISO 8601 with microseconds"""
    event: str = ""
    """`hop.received` or `hop.sent`"""
    txn: str = ""
    """the transaction's id, hexadecimal; the same on all of its hops"""
    link: str = ""
    direction: str = ""
    """`received` or `sent`, as the switch sees it"""
    mti: str = ""
    stan: str = ""
    rrn: str = ""
    pan: str = ""
    """masked"""
    amount: int = 0
    """minor units of `currency`"""
    currency: str = ""
    """letters where the number is known, else DE49 as it is"""
    route: str = ""
    de39: str = ""
    elapsed_us: int = 0
    """since the transaction's first hop"""
    cost: int = 0
    """of this hop, minor units of the home currency"""
    note: str = ""


_HOP = msgspec.json.Decoder(HopLine)
_ANY = msgspec.json.Decoder(dict[str, Any])


class LineError(ValueError):
    """A line that is no event: not JSON, not an object, or a key of the wrong type. The message says which."""


def read_hop(line: bytes) -> HopLine | None:
    """A hop's line as `HopLine`, None for any other event's. LineError: it is no event."""
    try:
        hop = _HOP.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if not line.startswith(b"{"):
            raise LineError(f"no JSON object: {error}") from None
        event = read_event(line)
        if str(event["event"]).startswith("hop."):
            raise LineError(str(error)) from None
        return None
    if not hop.event:
        raise LineError("no key `event`")
    return hop if hop.event.startswith("hop.") else None


def read_event(line: bytes) -> dict[str, Any]:
    """Any line as a dict that has `event`. LineError: it is no event."""
    try:
        event = _ANY.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LineError(f"no JSON object: {error}") from None
    if not isinstance(event.get("event"), str):
        raise LineError("no key `event`")
    return event


_EPOCH = datetime.fromtimestamp(0, UTC)


def time_of(at: str) -> datetime:
    """A line's `at`; the beginning of 1970 where it is no time."""
    try:
        return datetime.fromisoformat(at).replace(tzinfo=UTC)
    except ValueError:
        return _EPOCH


def second_of(at: str) -> int:
    """Seconds since 1970 of a line's `at`; 0 where it is no time."""
    return int(time_of(at).timestamp())


def towards_issuer(hop: HopLine) -> bool:
    """True where the hop's link is the issuer's side: requests leave on it and answers come in on it."""
    return is_response(hop.mti) == (hop.direction == "received")


def answer_code(hop: HopLine) -> str:
    """DE39 in its 1987 form, whatever edition the link speaks."""
    code = hop.de39
    return RESPONSE_CODES.get(code, "05") if len(code) == 3 else code
