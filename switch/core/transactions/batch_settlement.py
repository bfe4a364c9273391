"""A classic terminal settles: 0500 with its own totals; where they differ, all it has (0320), and a 0500 again.

Theory of operation. If the totals of a 0500 (`batch_totals`) are what stands here of the terminal's batch, it ends with 00. Else
the answer is 95, and the terminal uploads each of its payments (0320: DE60 has the original's MTI, DE11 and DE37) and ends with a
0500 whose DE3 is 96. Its totals must then be those of what it has uploaded, else 95 again: part of it was lost on the way. What
one side has and the other has not becomes an exception that a person looks at; no money moves for it.

Terminals of UnionPay's form are answered 00, and 1 or 2 in DE48. They upload several payments a message, and the end of it is a
0320, too; they do not send a 0500 again.

What has been uploaded is in the journal before the terminal hears that it was taken (`BatchUploaded`). A payment whose answer was
lost is uploaded again, mostly under another DE11, so it is known by what it says of its original (`name_of_original`). What was
taken once is not asked for again: there are terminals that send each payment until it is answered, and never after that.

Sources: as `classic` says.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from switch.core.kernel import Kernel
from switch.core.links.session import Session
from switch.core.links.states import SessionState
from switch.core.messages.internal import answer
from switch.core.messages.meaning import direction_of
from switch.core.records.batch_records import BatchClosed, BatchUploaded, Said, Sums, Uploaded
from switch.core.records.batches import Batch, Till
from switch.core.records.records import MTI_CLASS, STAN, Excepted, Key
from switch.core.transactions import batch_totals
from switch.core.transactions.batch_lookup import PAYMENTS, VOIDS, name_of_original
from switch.core.transactions.batch_totals import Row
from switch.core.transactions.exceptions import raise_exception
from switch.core.transactions.incoming import Incoming
from switch.core.transactions.replies import reply
from switch.core.transactions.transaction import Refusal, check_link_state, hop_of, take
from switch.wire.vocabulary import DE, MTI, Answer, Document, mask_pan

ONLY_TERMINAL: Final = "batch-only-terminal"
ONLY_SWITCH: Final = "batch-only-switch"
"""Kinds of exceptions: a terminal has uploaded a payment that does not stand here; has not uploaded one that does."""
AGREE, DIFFER = "1", "2"
CERTIFICATE: Final = "94"
"""DE3 of a 0320 that has no payment, but what a chip has signed of one"""
TRAILER: Final = "96"
"""DE3 of the 0500 behind an upload"""
_SETTLEMENTS: Final = frozenset({"", "00", "92", TRAILER})


class BatchSettlement:
    """Answers 0500 and 0320 of classic terminals, and closes their batches."""

    def __init__(self, kernel: Kernel, named: Callable[[Session, Document], Key | None]) -> None:
        """`named`: the payment of the terminal's batch that a message names."""
        self._kernel = kernel
        self._named = named

    # -- 0500

    def settle(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """0500: compare, and end the batch where it may end."""
        kernel = self._kernel
        message = self._take(session, document, raw, now)
        try:
            self._check(message)
            if document.get(DE.PROCESSING_CODE, "")[:2] not in _SETTLEMENTS:
                why = "DE3 of a 0500 is 92, behind an upload 96: no other totals are kept of a terminal"
                raise Refusal(Answer.NOT_SUPPORTED, why)
            theirs = batch_totals.totals(document)
        except Refusal as refusal:
            self._say(message, refusal.de39, refusal.reason)
            return
        till = session.source, document[DE.TERMINAL]
        batch, number = kernel.state.batches.of(till), batch_totals.batch_number(document)
        last = kernel.state.batches.closed.get(till)
        before = last.theirs if last is not None and not batch.keys and last.number == number else None
        ours = self._count(batch) if before is None else before
        if batch_totals.has_both_sides(document):
            voids = sum(key[MTI_CLASS] == MTI.REVERSAL for key in batch.keys) if before is None else theirs[0]
            theirs = batch_totals.without_voids(theirs, ours, voids)
        if before == theirs:
            self._say(message, Answer.APPROVED, "as it was settled before")
            return
        ours = self._count(batch)
        begun = kernel.state.batches.uploads.get(till)
        upload = begun or {}
        said = {"terminal": till[1], "batch": number, "theirs": theirs, "ours": ours}
        if theirs == ours:
            self._close(message, till, theirs, ours, 0)
            self._say(message, Answer.APPROVED, "the batch agrees")
        elif not document.get(DE.PROCESSING_CODE, "").startswith(TRAILER):
            named = tuple(one for one in upload.values() if not one.stan.isdecimal())
            self._record(till, named, now, anew=True)
            why = f"the terminal has {_words(theirs)}, and here stand {_words(ours)}"
            kernel.log(
                "warning",
                "batch.differs",
                link=session.link,
                **said,
                dropped=batch.dropped,
                hint="answered 95: the terminal uploads what it has (0320)",
            )
            self._say(message, Answer.RECONCILE_ERROR, why)
        elif begun is None or _sums(upload) != theirs:
            came = _sums(upload)
            self._record(till, (), now, anew=True)
            why = f"the terminal has {_words(theirs)}, and has uploaded {_words(came)}: once more, all of it"
            kernel.log(
                "warning",
                "batch.upload_not_whole",
                link=session.link,
                **said,
                uploaded=came,
                hint="answered 95: it uploads again; nothing is settled until all of it has come",
            )
            self._say(message, Answer.RECONCILE_ERROR, why)
        else:
            self._settle_differing(message, batch, upload, said, now)

    def _settle_differing(
        self, message: Incoming, batch: Batch, upload: Mapping[str, Uploaded], said: Mapping[str, object], now: int
    ) -> None:
        """All that the terminal has is here: the batch ends, and what differs is a person's."""
        kernel, till = self._kernel, (message.session.source, message.document[DE.TERMINAL])
        standing = {key: stands for key, (stands, _) in self._standing(batch).items()}
        matters = [one for one in upload.values() if not one.voided]
        known = {one.key: one.amount for one in matters if one.key is not None}
        unknown = [one for one in matters if one.key is None]
        only_here = [key for key, stands in standing.items() if known.get(key) != stands]
        only_there = [key for key, amount in known.items() if standing.get(key) != amount]
        for key in only_here:
            self._except(ONLY_SWITCH, f"terminal {till[1]} has not uploaded it with this amount", key, None, now)
        for key in only_there:
            why = f"terminal {till[1]} has uploaded it with {known[key]} minor units; here stand {standing.get(key, 0)}"
            self._except(ONLY_TERMINAL, why, key, None, now)
        for one in unknown:
            self._except(
                ONLY_TERMINAL,
                f"terminal {till[1]} has uploaded it, and it never came, or was settled before",
                None,
                one,
                now,
            )
        kernel.log(
            "error",
            "batch.settled_differing",
            link=message.session.link,
            **said,
            only_here=len(only_here),
            only_there=len(only_there) + len(unknown),
            hint="no money has moved for what differs: `cmi-switch exceptions` lists each, for a person to look at",
        )
        self._close(message, till, _sums(upload), self._count(batch), len(known) + len(unknown))
        self._say(message, Answer.APPROVED, "settled as the terminal has it; what differs is with the exceptions")

    def _except(self, kind: str, why: str, key: Key | None, unknown: Uploaded | None, now: int) -> None:
        kernel = self._kernel
        outcome = kernel.find(key) if key is not None else None
        request = outcome.request if outcome is not None else None
        pan = request.pan if request is not None else unknown.pan if unknown is not None else ""
        amount = request.amount if request is not None else unknown.amount if unknown is not None else 0
        entry = Excepted(
            txn=outcome.txn if outcome is not None else unknown.txn if unknown is not None else kernel.next_txn(now),
            at_us=kernel.wall_us(now),
            kind=kind,
            reason=why,
            host=request.host if request is not None else "",
            link=unknown.link if unknown is not None else request.link if request is not None else "",
            pan=pan,
            amount=amount,
            currency=request.currency if request is not None else kernel.network.currency,
            rrn=outcome.rrn if outcome is not None else "",
        )
        raise_exception(kernel, entry)

    def _close(self, message: Incoming, till: Till, theirs: Sums, ours: Sums, uploaded: int) -> None:
        kernel, batches = self._kernel, self._kernel.state.batches
        batch, before = batches.of(till), batches.closed.get(till)
        payments = ((key, batch.keys[key], batch.said.get(key, Said())) for key in reversed(batch.keys))
        newest = next((one for one in payments if one[0][MTI_CLASS] in PAYMENTS), before.newest if before else None)
        kernel.record(
            BatchClosed(
                at_us=kernel.wall_us(message.now),
                txn=message.txn,
                acquirer=till[0],
                terminal=till[1],
                number=batch_totals.batch_number(message.document),
                stan=message.document[DE.STAN],
                result=AGREE if theirs == ours else DIFFER,
                theirs=theirs,
                ours=ours,
                uploaded=uploaded,
                newest=newest,
            )
        )

    # -- 0320

    def upload(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """0320: one payment as the terminal has it; or several, or their end."""
        message = self._take(session, document, raw, now)
        try:
            self._check(message)
            rows = batch_totals.rows(document)
        except Refusal as refusal:
            self._say(message, refusal.de39, refusal.reason)
            return
        till = session.source, document[DE.TERMINAL]
        if batch_totals.ends_upload(document):
            self._end_upload(message, till)
            return
        if rows is not None:
            self._upload_rows(message, till, rows)
            note = "uploaded" if rows else "taken: it adds to a payment that has an entry of its own"
            self._say(message, Answer.APPROVED, note)
            return
        if document.get(DE.PROCESSING_CODE, "").startswith(CERTIFICATE):
            self._say(message, Answer.APPROVED, "a chip's certificate: its payment has a 0320 of its own")
            return
        name = name_of_original(document) or document[DE.STAN]
        if name not in self._kernel.state.batches.uploads.get(till, {}):
            key = self._named(session, {**document, DE.AMOUNT: "0"})
            one = self._uploaded(message, name, key, message.amount, direction_of(document))
            voided = msgspec.structs.replace(one, voided=self._is_void(document, one))
            self._record(till, (voided,), now)
        self._say(message, Answer.APPROVED, "uploaded")

    def _is_void(self, document: Document, one: Uploaded) -> bool:
        """True for a payment that its terminal uploads as voided: of nothing; or with a void's DE3 (a tip's, too), and none of it
        stands here."""
        if document.get(DE.PROCESSING_CODE, "")[:2] not in VOIDS:
            return not one.amount and bool(one.direction)
        outcome = self._kernel.find(one.key) if one.key is not None else None
        return not one.amount or outcome is None or bool(outcome.reversed_by)

    def _upload_rows(self, message: Incoming, till: Till, rows: list[Row]) -> None:
        """Several payments of a 0320, those that have not come before."""
        batches = self._kernel.state.batches
        batch, before = batches.of(till), batches.uploads.get(till, {})
        new = {row.stan: row for row in rows if row.stan not in before}
        if new:
            self._record(till, tuple(self._of_row(message, batch, row) for row in new.values()), message.now)

    def _of_row(self, message: Incoming, batch: Batch, row: Row) -> Uploaded:
        """One of several payments of a 0320."""
        named = {**message.document, DE.STAN: row.stan, DE.PAN: row.pan, DE.AMOUNT: "0", DE.PRIVATE_60: ""}
        key = self._named(message.session, named)
        outcome = self._kernel.find(key) if key is not None else None
        request = outcome.request if outcome is not None else None
        one = self._uploaded(
            message,
            row.stan,
            key if outcome is not None else None,
            row.amount,
            direction_of(request.elements) if request is not None else 1,
        )
        is_void = any(k[STAN] == row.stan and k[MTI_CLASS] == MTI.REVERSAL for k in batch.keys)
        voided = is_void or (outcome is not None and bool(outcome.reversed_by))
        return msgspec.structs.replace(one, pan=mask_pan(row.pan), voided=voided)

    def _uploaded(self, message: Incoming, stan: str, key: Key | None, amount: int, direction: int) -> Uploaded:
        """One payment, with a transaction id of its own: an exception is known by that."""
        return Uploaded(
            stan=stan,
            txn=self._kernel.next_txn(message.now),
            key=key,
            amount=amount,
            direction=direction,
            pan=message.masked,
            link=message.session.name,
        )

    def _end_upload(self, message: Incoming, till: Till) -> None:
        """The 0320 behind the last of several: what differs is a person's, or there is nothing to end."""
        batches = self._kernel.state.batches
        batch, upload = batches.of(till), batches.uploads.get(till)
        if upload or (upload is not None and batch.keys and batch_totals.has_none(message.document)):
            number, ours = batch_totals.batch_number(message.document), self._count(batch)
            said = {"terminal": till[1], "batch": number, "theirs": _sums(upload), "ours": ours}
            self._settle_differing(message, batch, upload, said, message.now)
        elif batch.keys:
            why = "nothing of the upload is known here: settle once more (0500)"
            self._say(message, Answer.RECONCILE_ERROR, why)
        else:
            self._say(message, Answer.APPROVED, "the batch is settled")

    def _record(self, till: Till, payments: tuple[Uploaded, ...], now: int, *, anew: bool = False) -> None:
        kernel = self._kernel
        kernel.record(
            BatchUploaded(at_us=kernel.wall_us(now), acquirer=till[0], terminal=till[1], anew=anew, payments=payments)
        )

    # -- what stands here

    def _standing(self, batch: Batch) -> dict[Key, tuple[int, int]]:
        """Of each payment of a batch that has moved money, how much stands (minor units), and which way it went."""
        found = {}
        for key in batch.keys:
            outcome = self._kernel.find(key) if key[MTI_CLASS] in (MTI.AUTHORIZATION, MTI.FINANCIAL) else None
            request = outcome.request if outcome is not None and outcome.approved else None
            if outcome is None or request is None or request.hold is not None:
                continue  # what follows another payment has changed what stands of that
            stands = outcome.captured if key[MTI_CLASS] == MTI.AUTHORIZATION else outcome.amount
            if stands:
                found[key] = stands, direction_of(request.elements)
        return found

    def _count(self, batch: Batch) -> Sums:
        sums: Sums = (0, 0, 0, 0)
        for stands, direction in self._standing(batch).values():
            sums = _add(sums, direction, stands)
        return sums

    # -- words

    def _take(self, session: Session, document: Document, raw: Document, now: int) -> Incoming:
        return take(self._kernel, session, {**document, DE.TRANSMISSION_TIME: self._kernel.de7(now)}, raw, now)

    def _check(self, message: Incoming) -> None:
        """Raises Refusal: the link is kept out, or the journal cannot take it."""
        kernel = self._kernel
        if message.session.state is not SessionState.UP:
            check_link_state(message)
        if kernel.journal_down or kernel.journal_full():
            raise Refusal(Answer.MALFUNCTION, f"the journal cannot take it: {kernel.journal_down or 'too much waits'}")

    def _say(self, message: Incoming, de39: str, note: str) -> None:
        kernel, session = self._kernel, message.session
        said = answer(message.document, de39)
        if said[DE.MTI][1] == MTI.RECONCILIATION and batch_totals.has_both_sides(message.document):
            said |= batch_totals.judged(message.document, de39)
        hop = hop_of("hop.sent", message, said, session.link, "", de39, note)
        reply(kernel, session, said, message.raw, after=kernel.position, hop=hop)


def _add(sums: Sums, direction: int, amount: int) -> Sums:
    """With one payment more; an inquiry (0) is none."""
    sales, sold, refunds, refunded = sums
    if direction < 0:
        return sales, sold, refunds + 1, refunded + amount
    return (sales + 1, sold + amount, refunds, refunded) if direction else sums


def _sums(upload: Mapping[str, Uploaded]) -> Sums:
    """Of what a terminal has uploaded."""
    sums: Sums = (0, 0, 0, 0)
    for one in upload.values():
        if not one.voided:
            sums = _add(sums, one.direction, one.amount)
    return sums


def _words(sums: Sums) -> str:
    return f"{sums[0]} sales of {sums[1]} and {sums[2]} refunds of {sums[3]} minor units"
