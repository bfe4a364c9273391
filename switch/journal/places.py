"""Records found again by their place in the log.

In: a place, as the head, the index and their projections keep it. Out: the record there, if it still is.
"""

import os
from contextlib import suppress

from switch.journal.log import Place, Segment, named
from switch.journal.projections.projection import PLACE
from switch.journal.scan import Record, Scan


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
