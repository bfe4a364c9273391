"""Records found again by their place in the log, and places of a transaction's records by what it is called.

In: a place, as the head, the index and their projections keep it. Out: the record there, if it still is.
"""

import os
from contextlib import suppress
from typing import Final

from switch.core.records.records import SCHEMA, STAN_DIGITS, Key
from switch.journal.log import Log, Place, Segment, named
from switch.journal.projections.projection import PLACE, Look
from switch.journal.projections.transactions import key_hash
from switch.journal.scan import Record, Scan

_NAMED: Final = "SELECT txn, places FROM transactions WHERE {} IN ({}) AND acquirer = ? ORDER BY txn DESC LIMIT 64"
_WITH_KEY: Final = "SELECT txn, places FROM transactions WHERE key_hash = ? ORDER BY txn"
RRN_LENGTH: Final = 12
"""of DE37 (an 12)"""


def segment_paths(directory: str) -> dict[int, str]:
    """Every segment file there is, superseded ones too, by its ordinal."""
    found = ((named(name), name) for name in os.listdir(directory))
    return {numbers[1]: os.path.join(directory, name) for numbers, name in found if numbers is not None}


def record_at(paths: dict[int, str], place: bytes | Place) -> tuple[Segment, Record] | None:
    """The record at a place (PLACE's bytes or a Place); None where it is not there any more."""
    if isinstance(place, Place):
        sequence, ordinal, offset = place.sequence, place.ordinal, place.offset
    else:
        sequence, ordinal, offset = PLACE.unpack(place)
    path = paths.get(ordinal)
    if path is None:
        return None
    with open(path, "rb", buffering=0) as file:
        for record in Scan(file, offset, sequence):
            return Segment(path, ordinal, 0, 0), record
    return None


def is_at(directory: str, place: Place) -> bool:
    """True if the log has the very record at its place, whether or not a later segment supersedes it."""
    with suppress(OSError):
        found = record_at(segment_paths(directory), place)
        return found is not None and found[1].chain == place.chain
    return False


def end_of(directory: str, listed: list[Segment]) -> Place | None:
    """Of the last whole record; None: there is none."""
    for newest in reversed(range(len(listed))):
        last = None
        for segment, record in Log(directory, SCHEMA, listed[newest : newest + 1]):
            last = Place(segment.ordinal, record.offset, record.sequence, record.chain)
        if last is not None:
            return last
    return None


def places_named(look: Look, acquirer: str, name: str) -> list[tuple[int, bytes]]:
    """Transactions of this acquirer with this DE37 or, if it is six digits, DE11, newest first: txn and places."""
    column, names = ("stan", (name,)) if len(name) == STAN_DIGITS else ("rrn", spellings(name))
    statement = _NAMED.format(column, ", ".join("?" * len(names)))
    return [(int(txn), bytes(places)) for txn, places in look(statement, (*names, acquirer))]


def spellings(rrn: str) -> tuple[str, ...]:
    """A DE37 without blanks around it, as messages have it and so the table: as it is, or filled up on either side."""
    return tuple(dict.fromkeys((rrn, rrn.ljust(RRN_LENGTH), rrn.rjust(RRN_LENGTH))))


def places_with_key(look: Look, key: Key) -> list[tuple[int, bytes]]:
    """Txn and places of the transactions whose key has this key's hash."""
    return [(int(txn), bytes(places)) for txn, places in look(_WITH_KEY, (key_hash(key),))]
