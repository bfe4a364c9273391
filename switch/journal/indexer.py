"""The process that keeps the index of a running switch up to date: `python -m switch.journal.indexer --dir DIR --follow`.

In: a state directory. Out: its index, seconds behind the log while there is processor time for it; on standard output a line for
each projection that was built again. It ends with its standard input, and exits with `DAMAGED` where it had to remove what it
found. Niced: whatever it has not reached is found in the log all the same.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from switch.journal.index import BATCH_RECORDS, Index, IndexDamagedError, Rebuilt, inode_of, remove_index
from switch.journal.log import JournalError
from switch.journal.projections import STANDARD
from switch.journal.projections.projection import Projection
from switch.journal.recovery import journal_directory
from switch.journal.waiting import wait

DAMAGED: Final = 3
"""Exit code of the process: the index was damaged, and has been removed."""
FOLLOW_S: Final = 2.0
"""How long the follower lets what is new lie: a batch of two seconds costs less than eight of a quarter."""
FOLLOW_BYTES: Final = 1 << 20
"""or until the log has grown by so much, which whoever asks meanwhile has to search (a millisecond)"""
PEEK_S: Final = 0.25
"""How often it looks."""


def _size(directory: str) -> int:
    """How much the directory's files hold, as a measure of how the log grows."""
    total = 0
    with suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # pruned meanwhile
                total += entry.stat().st_size
    return total


def follow(
    state_dir: Path | str,
    parent: int,
    projections: Sequence[Projection] = STANDARD,
    tell: Callable[[Rebuilt], None] = lambda _: None,
) -> None:
    """Keep the index up to date until the descriptor `parent` is readable (its other end closed). Raises JournalError.

    `tell`: hears of each projection that was built again or removed.
    """
    index, wait_s = Index(state_dir, projections), 0.0
    try:
        inode = inode_of(state_dir)
        fitting = index.fit()
        directory, known, waited_s = journal_directory(state_dir), 0, 0.0
        while not wait(parent, wait_s):
            waited_s += wait_s
            if wait_s and waited_s < FOLLOW_S and _size(directory) - known < FOLLOW_BYTES:
                continue
            if inode_of(state_dir) != inode:  # removed, as one that is damaged is
                index.close()
                index = Index(state_dir, projections)
                inode = inode_of(state_dir)
                fitting = index.fit()
            step = next(fitting, None)
            if step is not None:
                if isinstance(step, Rebuilt):
                    tell(step)
                wait_s = 0.0
                continue
            known, waited_s = _size(directory), 0.0
            done = index.batch()
            if not done and index.misfits():  # as another release has left it
                fitting = index.fit()
            wait_s = 0.0 if done >= BATCH_RECORDS else PEEK_S
    finally:
        index.close()


def main(arguments: list[str], projections: Sequence[Projection] = STANDARD) -> int:
    """Run as a process: `--dir DIR` builds once, `--dir DIR --follow` goes on until standard input ends.

    Each projection that was built again or removed is a line on standard output: a `Rebuilt` in JSON.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(19)  # behind everything: what it has not reached is found in the log all the same
    state_dir = arguments[arguments.index("--dir") + 1]
    try:
        if "--follow" in arguments:
            follow(state_dir, 0, projections, _print)
        else:
            Index(state_dir, projections).catch_up()
    except IndexDamagedError:
        remove_index(state_dir)
        return DAMAGED
    except JournalError as error:
        sys.stderr.write(f"journal index: {error}\n")
        return 1
    return 0


def _print(rebuilt: Rebuilt) -> None:
    with suppress(BrokenPipeError):
        os.write(1, msgspec.json.encode(rebuilt) + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
