"""The ledger of a journal on the disk: the fold of all its records, read from the beginning.

In: a state directory. Out: `LedgerFold`, and with `post` each entry as it is made. The switch may be running: what it has not
made durable is read, too, and nothing is disturbed.
"""

from collections.abc import Callable
from pathlib import Path

from switch.core.records.records import SCHEMA
from switch.journal.log import JournalError, Log, segments
from switch.journal.recovery import decode, journal_directory
from switch.ledger.entries import Entry
from switch.ledger.fold import LedgerFold


def fold_ledger(state_dir: Path | str, home: str, post: Callable[[Entry], object] | None = None) -> LedgerFold:
    """`home`: numeric code of the currency that fees are in. Raises JournalError where there is no journal, or it is damaged."""
    directory = journal_directory(state_dir)
    if not segments(directory):
        raise JournalError(f"{directory}: no journal here; --state names the switch's state directory")
    ledger = LedgerFold(home, post)
    for segment, record in Log(directory, SCHEMA):
        ledger.fold(record.sequence, decode(segment, record))
    return ledger
