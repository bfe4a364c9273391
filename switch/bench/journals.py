"""A journal as the writer's own code writes it, for measurements that need a long one."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from switch.core.records.records import ENCODER, SCHEMA, AnyEntry, Snapshot
from switch.journal.disk import RealDisk
from switch.journal.log import GENESIS
from switch.journal.recovery import journal_directory
from switch.journal.segment_writer import Chunk, Home, SegmentWriter

BATCH: Final = 500
"""records that become durable at once"""


def write_journal(state_dir: Path, network: str, entries: Iterable[AnyEntry], progress: Callable[[int], None]) -> int:
    """Write these records, each snapshot at the beginning of a segment, as a kill leaves them. Returns how many.

    `progress`: is told how many more there are.
    """
    os.makedirs(journal_directory(state_dir))
    writer = SegmentWriter(Home(journal_directory(state_dir), network, SCHEMA), 0, GENESIS, RealDisk())
    waiting: list[bytes] = []

    def write(*, snapshot: bool) -> None:
        writer.add(Chunk(writer.durable + 1, waiting, snapshot))
        writer.flush()
        progress(len(waiting))
        waiting.clear()

    for entry in entries:
        if type(entry) is Snapshot and waiting:
            write(snapshot=False)
        waiting.append(ENCODER.encode(entry))
        if type(entry) is Snapshot or len(waiting) == BATCH:
            write(snapshot=type(entry) is Snapshot)
    if waiting:
        write(snapshot=False)
    return writer.durable
