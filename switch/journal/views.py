"""What `reports` finds as plain values, for whoever prints or sends it on: one object a row, a record, a business day.

In: rows, entries, totals. Out: dictionaries that JSON holds; times as ISO 8601 in UTC, numbers of transactions in hexadecimal,
amounts in minor units. Nothing secret: the sealed PAN is left out.
"""

from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from switch.core.records.records import AnyEntry, HoldName, StoodIn
from switch.journal.days import DayTotals
from switch.journal.projections.transactions import Row

DAY_PARTS: Final = {"acquirer": "acquirer", "issuer": "host", "route": "route"}
"""What a day's totals can be parted by -> what the journal calls it."""
DAY_COUNTS: Final = ("approved", "stood_in", "declined", "reversed", "advices")
FACTS: Final = {
    "Forwarded": "forwarded to the host", "Answered": "answered by the host", "Declined": "refused by the switch",
    "Owed": "owed to the host", "Delivered": "acknowledged by the host", "Abandoned": "given up",
    "Shelved": "made a dead letter", "Retried": "put back by an operator", "Resolved": "ended by a person",
    "StoodIn": "approved by the switch in its issuer's place", "Charged": "charged to a merchant, without a payment",
}  # fmt: skip
"""What the kinds of records say, in words."""
_OF_THE_INDEX: Final = ("key_hash", "places", "direction", "stands", "stands_in")


def time_text(at_us: int) -> str:
    """Wall-clock µs as ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_text_ms(at_us: int) -> str:
    """Wall-clock µs as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def row_fields(row: Row) -> dict[str, Any]:
    """A transaction, without what only the index needs."""
    fields = {name: getattr(row, name) for name in row.__struct_fields__ if name not in _OF_THE_INDEX}
    fields["at"] = time_text_ms(fields.pop("at_us"))
    for name in ("txn", "original", "reversed_by"):
        fields[name] = f"{fields[name]:x}" if fields[name] else ""
    return fields


def entry_fields(sequence: int, entry: AnyEntry) -> dict[str, Any]:
    """A record's members; `record`: its number, `fact`: its kind."""
    fields: dict[str, Any] = {"record": sequence, "fact": type(entry).__name__}
    if isinstance(entry, StoodIn):
        advice = {"product": entry.product, "advice": f"{entry.advice.txn:x}", "elements": entry.advice.message}
        return entry_fields(sequence, entry.request) | fields | advice
    for name in entry.__struct_fields__:
        value = getattr(entry, name)
        if name == "at_us":
            fields["at"] = time_text_ms(value)
        elif name in ("txn", "original"):
            fields[name] = f"{value:x}"
        elif isinstance(value, HoldName):
            fields[name] = f"{value.txn:x}"
        elif name != "sealed":
            fields[name] = _named(value)
    return fields


def _named(value: Any) -> Any:
    """A member's value, of a struct its members by name, however it is packed in the record."""
    if isinstance(value, Struct):
        return {name: _named(getattr(value, name)) for name in value.__struct_fields__}
    return [_named(part) for part in value] if isinstance(value, tuple | list) else value


def day_fields(day: DayTotals, part: str = "") -> dict[str, Any]:
    """A business day, or a `part` of it (a key of `DAY_PARTS`); `net`: minor units by currency (ISO 4217 numeric)."""
    closed = time_text(day.closed_us) if day.closed_us else ""
    fields: dict[str, Any] = {"day": day.day, "open": not day.closed_us, "closed": closed, "closed_by": day.closed_by}
    if part:
        fields[part] = day.of
    counts = {name: getattr(day, name) for name in DAY_COUNTS}
    return {**fields, **counts, "net": day.net, "held": day.held, "whole": day.whole}
