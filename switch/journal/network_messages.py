"""What the messages with a network said of payments, for its clearing file: found again in the log, in one pass.

In: a state directory, the network's host, and the transactions that are wanted. Out: of each, the elements that its request,
advice or reversal had, and what the network's approval added; of what follows a payment, that of the payment. Nothing of it is
in the ledger, which knows money only.
"""

from collections.abc import Collection
from pathlib import Path
from sys import intern
from typing import Final, NamedTuple

import msgspec

from switch.core.records.disputes import Disputed
from switch.core.records.records import ACQUIRER, SCHEMA, Answered, Forwarded, Owed
from switch.journal.log import Log
from switch.journal.recovery import decode, journal_directory
from switch.journal.shards import journals_of
from switch.wire.vocabulary import DE, Document

OTHERS_MAX: Final = 50_000
"""Payments that are not wanted themselves, but may be taken back by one that is: the newest are remembered."""


KEPT_MAX: Final = 400_000
"""Messages that are remembered while a log is read for something else."""


_AS_IT_IS: Final = (
    DE.PROCESSING_CODE,
    DE.MERCHANT_TYPE,
    DE.ACQUIRER,
    DE.RRN,
    DE.TERMINAL,
    DE.MERCHANT,
    DE.ENTRY_MODE,
    DE.CONDITION_CODE,
)


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
    entry_mode: str = ""
    condition: str = ""
    """DE22, 25"""
    amount: int = 0
    """minor units that were asked or, of what was approved in part, approved"""


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Said)


class Heard:
    """What messages with some hosts have said, as records go by."""

    def __init__(self, hosts: Collection[str], wanted: Collection[int] = (), others: int | None = None) -> None:
        """`hosts`: networks' links. `wanted`: transactions that are remembered in any case; of others the newest `others`;
        None: `KEPT_MAX`."""
        self._hosts, self._wanted = hosts, wanted
        self._most = KEPT_MAX if others is None else others
        self._found: dict[int, bytes] = {}
        self._others: dict[int, bytes] = {}
        self._reasons: dict[int, str] = {}
        self.dropped = False
        """some have made room: not all that was said is known"""

    def take(self, entry: object) -> None:
        """A record of any kind."""
        if isinstance(entry, Forwarded):
            if entry.host in self._hosts or entry.key[ACQUIRER] in self._hosts:
                self._keep(entry.txn, _said(entry, entry.elements))
        elif isinstance(entry, Answered):
            before = self.said(entry.txn)
            if before is not None:
                self._keep(entry.txn, _answered(before, entry.elements))
        elif isinstance(entry, Disputed):
            if {entry.issuer, entry.acquirer} & set(self._hosts):
                self._reasons[entry.original] = entry.reason
        elif isinstance(entry, Owed) and entry.host in self._hosts:
            self._keep(entry.txn, _following(_said(entry, entry.message), self.said(entry.original)))

    def said(self, txn: int) -> Said | None:
        """Of one message; None: nothing is known of it."""
        kept = self._others.get(txn) or self._found.get(txn)
        return _DECODER.decode(kept) if kept is not None else None

    def reason(self, txn: int) -> str:
        """Why a payment was claimed back last; "": it was not."""
        return self._reasons.get(txn, "")

    def _keep(self, txn: int, said: Said) -> None:
        if txn in self._wanted:
            self._found[txn] = _ENCODER.encode(said)
            return
        self._others[txn] = _ENCODER.encode(said)
        if len(self._others) > self._most:
            self.dropped = True
            del self._others[next(iter(self._others))]


def said_to(state_dir: Path | str, host: str, wanted: Collection[int]) -> Heard:
    """What was said of these transactions. JournalError: the log is damaged."""
    heard = Heard((host,), wanted, OTHERS_MAX)
    needle = host.encode()
    for journal in journals_of(state_dir):
        for segment, record in Log(journal_directory(journal), SCHEMA):
            if needle in record.payload:  # its records name it: the request its host, the answer its issuer
                heard.take(decode(segment, record))
    return heard


def _said(entry: Forwarded | Owed, of: Document) -> Said:
    processing, mcc, institution, rrn, terminal, merchant, entry_mode, condition = (
        intern(of.get(de, "")) for de in _AS_IT_IS
    )
    return Said(
        pan=entry.pan,
        processing=processing,
        mcc=mcc,
        institution=institution,
        rrn=rrn,
        terminal=terminal,
        merchant=merchant,
        entry_mode=entry_mode,
        condition=condition,
        amount=entry.amount,
    )


def _answered(said: Said, of: Document) -> Said:
    approval, settles_in = of.get(DE.APPROVAL_CODE, ""), of.get(DE.CURRENCY_SETTLEMENT, "")
    rate = of.get(DE.RATE_SETTLEMENT, "")
    amount = int(of.get(DE.AMOUNT, said.amount))
    return said._replace(approval=approval, settles_in=settles_in, rate=rate, amount=amount)


def _following(said: Said, before: Said | None) -> Said:
    if before is None:
        return said
    return said._replace(approval=before.approval, settles_in=before.settles_in, rate=before.rate)
