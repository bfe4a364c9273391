"""Projections thrown away and built again, as a person asks for it: nothing is in them that is not in the log.

In: a state directory and names of projections. Out: what was built from which records. The switch may be running.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from switch.journal.copying import Progress, unwatched
from switch.journal.index import Index, Rebuilt
from switch.journal.log import JournalError, written_segments
from switch.journal.projections import STANDARD
from switch.journal.projections.projection import Projection
from switch.journal.recovery import journal_directory


def rebuild(
    state_dir: Path | str,
    names: Collection[str] = (),
    watch: Progress = unwatched,
    projections: Sequence[Projection] = STANDARD,
) -> list[Rebuilt]:
    """Throw away these projections (none named: all) and build them again from the log.

    `watch`: called with how many records of how many are folded. `projections`: all that the index keeps. Raises JournalError: no
    journal, no such projection, damage; the old tables are there then.
    """
    directory = journal_directory(state_dir)
    written_segments(directory)
    known = [projection.name for projection in projections]
    for name in names:
        if name not in known:
            raise JournalError(f"there is no projection {name!r}; there are: {', '.join(known)}")
    index = Index(state_dir, projections)
    try:
        index.catch_up()
        rebuilt: list[Rebuilt] = []
        for step in index.fit(names or known):
            if isinstance(step, Rebuilt):
                rebuilt.append(step)
            else:
                watch(step.done, step.total)
        return rebuilt
    finally:
        index.close()
