"""What the messages with a network said of payments, for its clearing file: found again in the log, in one pass.

In: a state directory, the network's host, and the transactions that are wanted. Out: of each, the elements that its request,
advice or reversal had, and what the network's approval added; of what follows a payment, that of the payment. Nothing of it is
in the ledger, which knows money only.
"""

from collections.abc import Collection
from pathlib import Path
from sys import intern
from typing import Final, NamedTuple

from switch.core.records.records import SCHEMA, Answered, Forwarded, Owed
from switch.journal.log import Log
from switch.journal.recovery import decode, journal_directory
from switch.wire.vocabulary import DE, Document

OTHERS_MAX: Final = 50_000
"""Payments that are not wanted themselves, but may be taken back by one that is: the newest are remembered."""


class Said(NamedTuple):
    """Of one message, as strings of the wire; "": it had no such element."""

    pan: str
    """masked"""
    processing: str
    mcc: str
    institution: str
    rrn: str
    terminal: str
    merchant: str
    approval: str = ""
    settles_in: str = ""
    """DE50"""
    rate: str = ""
    """DE9"""


def said_to(state_dir: Path | str, host: str, wanted: Collection[int]) -> dict[int, Said]:
    """By txn. JournalError: the log is damaged."""
    found: dict[int, Said] = {}
    others: dict[int, Said] = {}
    needle = host.encode()
    for segment, record in Log(journal_directory(state_dir), SCHEMA):
        if needle not in record.payload:  # its records name it: the request its host, the answer its issuer
            continue
        entry = decode(segment, record)
        if isinstance(entry, Answered):
            of = found if entry.txn in found else others
            if entry.txn in of:
                of[entry.txn] = _answered(of[entry.txn], entry.elements)
            continue
        if not isinstance(entry, Forwarded | Owed) or entry.host != host:
            continue
        if isinstance(entry, Forwarded):
            said = _said(entry.pan, entry.elements)
        else:
            said = _following(_said(entry.pan, entry.message), found.get(entry.original) or others.get(entry.original))
        if entry.txn in wanted:
            found[entry.txn] = said
        else:
            others[entry.txn] = said
            if len(others) > OTHERS_MAX:
                del others[next(iter(others))]
    return found


def _said(pan: str, of: Document) -> Said:
    wanted = (DE.PROCESSING_CODE, DE.MERCHANT_TYPE, DE.ACQUIRER, DE.RRN, DE.TERMINAL, DE.MERCHANT)
    return Said(pan, *(intern(of.get(de, "")) for de in wanted))


def _answered(said: Said, of: Document) -> Said:
    approval, settles_in = of.get(DE.APPROVAL_CODE, ""), of.get(DE.CURRENCY_SETTLEMENT, "")
    rate = of.get(DE.RATE_SETTLEMENT, "")
    return said._replace(approval=approval, settles_in=settles_in, rate=rate)


def _following(said: Said, before: Said | None) -> Said:
    if before is None:
        return said
    return said._replace(approval=before.approval, settles_in=before.settles_in, rate=before.rate)
