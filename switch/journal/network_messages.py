"""What the messages with networks said of payments, for their clearing files: heard as records go by, or found again in the log.

In: records, and the networks' hosts. Out: of each transaction, the elements that its request, advice or reversal had, and what
the network's approval added; of what follows a payment, that of the payment. Nothing of it is in the ledger, which knows money
only.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from switch.core.records.disputes import Disputed
from switch.core.records.records import ACQUIRER, SCHEMA, Answered, Forwarded, Owed
from switch.journal.log import Log
from switch.journal.recovery import decode, journal_directory
from switch.journal.shards import journals_of
from switch.journal.spool import KeptByTxn
from switch.wire.vocabulary import DE, Document

STEP_RECORDS: Final = 20_000
"""after so many, what was said leaves memory"""


class Said(msgspec.Struct, array_like=True, gc=False):
    """Of one message, as strings of the wire; "": it had no such element."""

    pan: str
    """masked"""
    processing: str
    mcc: str
    institution: str
    rrn: str
    terminal: str
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
    """What messages with some hosts have said, as records go by. `close` it."""

    def __init__(self, hosts: Collection[str]) -> None:
        """`hosts`: networks' links."""
        self._hosts = frozenset(hosts)
        self._new: dict[int, Said] = {}
        """since `rest`"""
        self._open: dict[int, Said] = {}
        """requests without an answer"""
        self._kept = KeptByTxn()
        self._reasons: dict[tuple[int, str], str] = {}
        """by payment and step of its dispute"""

    @property
    def takes(self) -> Mapping[type, Callable[[Any], None]]:
        """By kind of record: what takes it in. Those of other kinds say nothing."""
        return {
            Forwarded: self._forward,
            Answered: self._answer,
            Owed: self._owe,
            Disputed: self._dispute,
        }

    def said(self, txn: int) -> Said | None:
        """Of one message; None: nothing is known of it."""
        new = self._new.get(txn)
        if new is not None:
            return new
        kept = self._kept.recall(txn)
        return _DECODER.decode(kept) if kept is not None else None

    def reason(self, txn: int, step: str) -> str:
        """Why this step of a payment's dispute was taken; "": it was not."""
        return self._reasons.get((txn, step), "")

    def rest(self) -> None:
        """What has been said so far leaves memory."""
        encode = _ENCODER.encode
        self._kept.keep((txn, encode(said)) for txn, said in self._new.items())
        self._new.clear()

    def close(self) -> None:
        """Nothing is known any more."""
        self._kept.close()

    def _forward(self, request: Forwarded) -> None:
        if request.host in self._hosts or request.key[ACQUIRER] in self._hosts:
            self._new[request.txn] = self._open[request.txn] = _said(request, request.elements)

    def _answer(self, answer: Answered) -> None:
        said = self._open.pop(answer.txn, None)
        if said is not None:
            self._new[answer.txn] = said
            get = answer.elements.get
            said.approval, said.rate = get(DE.APPROVAL_CODE, ""), get(DE.RATE_SETTLEMENT, "")
            said.settles_in = get(DE.CURRENCY_SETTLEMENT, "")
            said.amount = int(get(DE.AMOUNT, said.amount))

    def _owe(self, owed: Owed) -> None:
        if owed.host in self._hosts:
            self._new[owed.txn] = _following(_said(owed, owed.message), self.said(owed.original))

    def _dispute(self, step: Disputed) -> None:
        if step.issuer in self._hosts or step.acquirer in self._hosts:
            self._reasons[step.original, step.step] = step.reason


def said_to(state_dir: Path, hosts: Collection[str]) -> Heard:
    """What messages with these hosts have said, in all of the journal. JournalError: the log is damaged."""
    heard = Heard(hosts)
    takes, needles = heard.takes, [host.encode() for host in hosts]
    for journal in journals_of(state_dir):
        for segment, record in Log(journal_directory(journal), SCHEMA):
            if any(needle in record.payload for needle in needles):  # the request names its host, the answer its issuer
                entry = decode(segment, record)
                take = takes.get(type(entry))
                if take is not None:
                    take(entry)
            if record.sequence % STEP_RECORDS == 0:
                heard.rest()
    return heard


def _said(entry: Forwarded | Owed, of: Document) -> Said:
    get = of.get
    return Said(
        entry.pan,
        get(DE.PROCESSING_CODE, ""),
        get(DE.MERCHANT_TYPE, ""),
        get(DE.ACQUIRER, ""),
        get(DE.RRN, ""),
        get(DE.TERMINAL, ""),
        entry_mode=get(DE.ENTRY_MODE, ""),
        condition=get(DE.CONDITION_CODE, ""),
        amount=entry.amount,
    )


def _following(said: Said, before: Said | None) -> Said:
    """What was said of a payment, and the network's approval of it."""
    if before is not None:
        said.approval, said.settles_in, said.rate = before.approval, before.settles_in, before.rate
    return said
