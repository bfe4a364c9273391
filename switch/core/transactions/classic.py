"""Classic terminals (`profile = "classic"`): no 0800, no DE7, no DE37, the card in DE35 alone, a connection for each message.

Theory of operation. Such a terminal names a message by DE11 and its own DE41. Here each gets what the other flows go by, and then
is theirs: DE7, which makes its key, DE32 (its listener's member), DE37, and DE49 where it is absent. What was given is recorded
(`Batched`) before anything else becomes of the message, and the request leaves only when its own record is durable, so that after
a crash there is none that a host knows and the switch does not.

A terminal does one thing at a time. So what has the DE11 of its newest payment, and its card, amount and kind, is that payment
sent again, whatever its clock says meanwhile; what has the DE11 of an older one is a new payment of a terminal whose numbers have
begun anew, unless it is marked as a repeat (0201). A reversal has the DE11 of what it takes back, and a void (0200 with DE3 02 or
22; in some specifications 20, or a 0400) that, or names it by DE37, DE60 or DE61; all within what it has not settled.

Sources: terminal specifications that banks and processors have published (POSLine, UnionPay POS) and terminals' own source code.
"""

from collections.abc import Callable
from typing import Final

from switch.core.kernel import Kernel
from switch.core.link_control.admission import bar
from switch.core.links.session import Handler, Session, maintenance_of
from switch.core.links.states import LinkEvent, SessionState
from switch.core.messages.internal import answer, original_data
from switch.core.messages.meaning import direction_of
from switch.core.records.batch_records import Batched, Said
from switch.core.records.batches import Batch
from switch.core.records.records import (
    INSTITUTION,
    MTI_CLASS,
    STAN,
    TRANSMISSION_TIME,
    Declined,
    Key,
)
from switch.core.transactions.batch_lookup import NAMES, ORIGINAL_61, PAYMENTS, VOIDS, Lookup, said_by
from switch.core.transactions.batch_settlement import BatchSettlement
from switch.core.transactions.payments import Payments
from switch.core.transactions.replies import reply
from switch.core.transactions.reversals import PREAUTH_CONDITION, Reversals
from switch.core.transactions.terminal_services import TerminalServices
from switch.core.transactions.transaction import Refusal, hop_of, key_of, take
from switch.wire.vocabulary import (
    ADVICES,
    DE,
    MTI,
    NETWORK_REQUESTS,
    REQUESTS,
    REVERSALS,
    Answer,
    Document,
    Processing,
    original_of,
    request_of,
)

_UNIONPAY_HOLD, _HOLD = "03", "30"
"""DE3 of pre-authorizations"""
_UNSAID: Final = Said()
_SECONDS_MORE: Final = 60
"""in which a terminal may have named what it has settled since"""
_OWN: Final = frozenset({DE.NII, DE.PRIVATE_60, DE.PRIVATE_61, DE.PRIVATE_62, DE.PRIVATE_63, DE.ORIGINAL})
"""Between the terminal and its acquirer: NII, batch, original, invoice, totals"""


class Classic:
    """Turns a classic terminal's messages into those that other flows take; `handlers` has its own for each MTI."""

    def __init__(
        self,
        kernel: Kernel,
        payments: Payments,
        reversals: Reversals,
        misformed: Callable[[Session, Document, str], None],
    ) -> None:
        """`misformed`: answers and logs a message that makes no sense."""
        self._kernel = kernel
        self._payments = payments
        self._reversals = reversals
        self._misformed = misformed
        self._lookup = Lookup(kernel)
        self._settlement = BatchSettlement(kernel, self._lookup.payment_named)
        self._members = {x.name: x.members[0] for x in kernel.network.listeners if x.profile}
        steps: dict[str, Handler] = {
            **dict.fromkeys(REQUESTS, self._request),
            **dict.fromkeys(ADVICES, self._advice),
            **dict.fromkeys(REVERSALS, self._reversal),
            **dict.fromkeys(("0500", "0501"), self._settlement.settle),
            **dict.fromkeys(("0320", "0321"), self._settlement.upload),
            **dict.fromkeys((*NETWORK_REQUESTS, "0820"), TerminalServices(kernel).serve),
        }
        self.handlers: dict[str, Handler] = {mti: self._taken_by(step) for mti, step in steps.items()}

    # -- a message comes

    def _taken_by(self, step: Handler) -> Handler:
        def handle(session: Session, document: Document, raw: Document, now: int) -> None:
            for de in (DE.STAN, DE.TERMINAL):
                if not document.get(de, "").strip():
                    self._misformed(
                        session, raw, f"DE{de} is missing: a classic terminal's messages are named by DE11 and DE41"
                    )
                    return
            self._kernel.wall_us(now)
            if session.state is SessionState.CONNECTED and not self._let_in(session, document, raw):
                return
            dated, raw = self._without_wrong_dates(session, document, raw, now)
            step(session, {**_as_purchase(dated), DE.ACQUIRER: session.institution}, raw, now)

        return handle

    def _let_in(self, session: Session, document: Document, raw: Document) -> bool:
        """With its first message a connection is its member's."""
        kernel, name = self._kernel, self._members[session.name]
        barred = bar(kernel, session, name, ())
        if barred is not None:
            kernel.log(
                "warning",
                "link.sign_on_refused",
                link=session.link,
                source=name,
                peer=session.peer,
                reason=barred.reason,
                hint=barred.hint,
            )
            reply(kernel, session, answer(document, barred.de39), raw)
            return False
        session.source = name
        kernel.bind_to_peer(session)
        kept_out = maintenance_of(kernel.state.maintenance, session)
        session.move(LinkEvent.KEEP_OUT if kept_out else LinkEvent.SIGNED_ON)
        kernel.log("debug", "link.signed_on", link=session.link, source=name, profile="classic")
        return True

    def _without_wrong_dates(
        self, session: Session, document: Document, raw: Document, now: int
    ) -> tuple[Document, Document]:
        """A terminal whose clock has stopped at no date is no reason to refuse what it asks."""
        kernel = self._kernel
        if session.dates.exist(raw, kernel.wall_us(now)):
            return document, raw
        clock = (DE.LOCAL_TIME, DE.LOCAL_DATE)
        kernel.log(
            "warning",
            "element.dropped",
            link=session.link,
            de11=document[DE.STAN],
            terminal=document[DE.TERMINAL],
            reason=f"DE13={document.get(DE.LOCAL_DATE, 'absent')}, DE12={document.get(DE.LOCAL_TIME, 'absent')} is no "
            "date and time",
            hint="set the terminal's clock; the message goes on without them",
        )
        without = {de: value for de, value in document.items() if de not in clock}
        return without, {de: value for de, value in raw.items() if de not in clock}

    # -- payments and advices

    def _request(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """0100, 0200: a payment, the same again, or a void."""
        kind = document.get(DE.PROCESSING_CODE, "")[:2]
        if kind in VOIDS or (kind == Processing.REFUND and self._is_void(document, session)):
            self._void(session, document, raw, now)
        elif document[DE.MTI][1] == MTI.FINANCIAL and _completes(document):
            self._capture(session, document, raw, now)
        else:
            self._payments.handle_request(session, self._complete(session, document, now), raw, now)

    def _advice(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """0120, 0220: what was done without asking; with DE3 02, another amount of what was asked (a tip). With none, a void."""
        if self._leaves_nothing(session, document):
            self._void(session, document, raw, now)
        elif document.get(DE.PROCESSING_CODE, "")[:2] in VOIDS:
            original = self._lookup.payment_named(session, {**document, DE.AMOUNT: "0"})
            if original is None:
                self._refuse(session, document, raw, now)
                return
            document = self._complete(session, self._like(document, original), now)
            self._reversals.handle_advice(session, {**document, DE.ORIGINAL: _de90(original)}, raw, now)
        else:
            hold = self._hold(session, document) if _completes(document) else None
            again = self._lookup.told_again(self._lookup.batch(session, document), document)
            made = self._complete(session, document, now, again)
            self._reversals.handle_advice(session, made if hold is None else _about(made, hold), raw, now)

    def _capture(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """0200 with DE25 06 and DE38: complete what a 0100 holds. Its issuer is told by an advice: a payment of its own would be
        posted beside the hold."""
        hold = self._hold(session, document)
        if hold is None:
            self._refuse(session, document, raw, now)
            return
        made = self._complete(session, {**document, DE.MTI: "0220"}, now)
        self._reversals.handle_advice(session, _about(made, hold), raw, now)

    def _hold(self, session: Session, document: Document) -> Key | None:
        """The pre-authorization that a completion names, by what names a payment and by its approval code; of any amount."""
        key = self._lookup.payment_named(session, {**document, DE.AMOUNT: "0"})
        outcome = self._lookup.look(key)[1]
        if key is None or outcome is None or key[MTI_CLASS] != MTI.AUTHORIZATION:
            return None
        return key if outcome.elements.get(DE.APPROVAL_CODE, "") == document[DE.APPROVAL_CODE] else None

    def _complete(
        self, session: Session, document: Document, now: int, again: Key | None = None, follows: Key | None = None
    ) -> Document:
        """With what a payment is known by: that of the one it repeats (`again`, under another DE11; not `follows`), or new.
        Recorded, where the journal can take it."""
        kernel, batch = self._kernel, self._lookup.batch(session, document)
        key, rrn = self._lookup.repeated(batch, document) or again, ""
        key = None if key == follows else key
        if key is None and (settled := self._lookup.settled_before(session, document)) is not None:
            key, rrn = settled
        made = {de: value for de, value in document.items() if de not in _OWN}
        if key is None:
            made.setdefault(DE.RRN, self._rrn(now))
            self._name(session, made, batch, now)
            self._list(key_of(session, made), made[DE.RRN], now, said_by(document))
        else:
            made[DE.STAN], made[DE.TRANSMISSION_TIME], made[DE.RRN] = (
                key[STAN],
                key[TRANSMISSION_TIME],
                batch.keys.get(key, rrn),
            )
        made.setdefault(DE.CURRENCY, kernel.network.currency)
        made[DE.MTI] = original_of(made[DE.MTI])
        return made

    def _name(self, session: Session, made: Document, batch: Batch, now: int) -> None:
        """Give a new message a DE7 that no other of its terminal has: the present, or the next second that is free."""
        kernel, taken = self._kernel, {key[TRANSMISSION_TIME] for key in batch.keys}
        for second in range(len(batch.keys) + _SECONDS_MORE):
            made[DE.TRANSMISSION_TIME] = kernel.de7_at(now, second)
            key = key_of(session, made)
            if not (key[TRANSMISSION_TIME] in taken or key in kernel.state.recent or key in kernel.refused):
                return

    def _list(self, key: Key, rrn: str, now: int, said: Said = _UNSAID) -> None:
        kernel = self._kernel
        if not kernel.journal_down and not kernel.journal_full() and kernel.admitted < kernel.admit_to:
            kernel.record(Batched(at_us=kernel.wall_us(now), key=key, rrn=rrn, said=said))

    def _rrn(self, now: int) -> str:
        """DE37 for a message that has none: the last twelve digits of a transaction's number, µs. Not twice in eleven days."""
        return f"{self._kernel.next_txn(now) % 10**12:012d}"

    # -- voids and reversals

    def _leaves_nothing(self, session: Session, document: Document) -> bool:
        """True for an advice that says the amount 0 of a payment: terminals that void without asking tell it so, with DE3 02, or
        with that of the payment."""
        if int(document.get(DE.AMOUNT) or 0):
            return False
        is_void = document.get(DE.PROCESSING_CODE, "")[:2] in VOIDS
        return is_void or (not _completes(document) and self._lookup.payment_named(session, document) is not None)

    def _is_void(self, document: Document, session: Session) -> bool:
        """True for a 0200 with DE3 20 that names what it takes back: by DE61, or by having its DE11; a hold by DE37, too."""
        named = DE.PRIVATE_61 in document and ORIGINAL_61.fullmatch(document[DE.PRIVATE_61].strip())
        without = {de: value for de, value in document.items() if de != DE.RRN}
        hold = self._lookup.payment_named(session, document) if document[DE.MTI][1] == MTI.AUTHORIZATION else None
        is_hold = hold is not None and hold[MTI_CLASS] == MTI.AUTHORIZATION
        original = None if named else hold if is_hold else self._lookup.payment_named(session, without)
        if named or original is None:
            return bool(named)
        if key_of(session, self._taking_back(document, original)) in self._lookup.batch(session, document).keys:
            return True  # the same void, sent again; a reversal is not listed there
        request, outcome = self._lookup.look(original)
        sold = request is not None and direction_of(request.elements) > 0
        return sold and outcome is not None and outcome.approved

    def _void(self, session: Session, document: Document, raw: Document, now: int) -> None:
        original = self._lookup.payment_named(session, document)
        if original is None or self._lookup.is_overtaken(session, document):
            self._refuse(session, document, raw, now)
            return
        made = self._taking_back(document, original)
        key, batch = key_of(session, made), self._lookup.batch(session, document)
        if key not in batch.keys:
            self._list(key, "", now)
        self._reversals.handle_reversal(session, made, raw, now)

    def _reversal(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """0400: of what has its DE11, whether it is known whether that was approved or not."""
        batch = self._lookup.batch(session, document)
        void = self._lookup.void_named(batch, document)
        of_void = document.get(DE.PROCESSING_CODE, "")[:2] in VOIDS
        names_both = (
            void is not None and (void[0], MTI.FINANCIAL, *void[2:]) in batch.keys
        )  # the void has its payment's number
        if names_both and not of_void and document.get(DE.PROCESSING_CODE, "")[:2] != Processing.REFUND:
            void = None
        if void is None and of_void:  # under a DE11 of its own
            void = self._lookup.void_of(session, document)
            document = {**document, DE.STAN: void[STAN]} if void is not None else document
        if void is not None:
            self._undo_void(session, document, raw, void, now)
            return
        if of_void:  # of a void that has not come, whatever that has named
            original = self._lookup.named(session, {de: v for de, v in document.items() if de not in NAMES})
            if original is not None and self._lookup.has_undone(batch, original):
                original = None  # the same again, out of a queue, when its number had been another payment's
        else:
            original = self._lookup.named(session, document) or self._invoiced(session, document)
        if original is None:
            self._never_came(session, document, raw, now)
        else:
            self._reversals.handle_reversal(session, self._taking_back(document, original), raw, now)

    def _invoiced(self, session: Session, document: Document) -> Key | None:
        """What a reversal under a DE11 of its own takes back, by its invoice: the terminal's newest payment, if that stands."""
        original = self._lookup.invoiced(session, document)
        if original is None:
            return None
        outcome = self._lookup.look(original)[1]
        again = self._kernel.find(key_of(session, self._taking_back(document, original)))
        return original if outcome is None or outcome.approved or again is not None else None

    def _undo_void(self, session: Session, document: Document, raw: Document, void: Key, now: int) -> None:
        """A void whose answer was lost is reversed: the payment stands as before. Its host, which has been told to take it back,
        is told that it has happened."""
        batch = self._lookup.batch(session, document)
        voided = (key for key in reversed(batch.keys) if key[TRANSMISSION_TIME] == void[TRANSMISSION_TIME])
        original = next((key for key in voided if key[MTI_CLASS] in PAYMENTS), None)
        request, outcome = self._lookup.look(original) if original is not None else (None, None)
        if request is None or outcome is None or outcome.approved:
            self._never_came(session, document, raw, now)
            return
        like = {**self._like(document, original), DE.MTI: "0220"}
        made = {**self._complete(session, like, now, follows=original)}
        code = outcome.elements.get(DE.APPROVAL_CODE, "")
        made.update({DE.APPROVAL_CODE: code} if code else {})
        self._reversals.handle_advice(session, made, raw, now)

    def _taking_back(self, document: Document, original: Key) -> Document:
        """The reversal of `original`, under the message's own DE11: the same again has the same key."""
        made = self._like(document, original)
        made[DE.MTI], made[DE.TRANSMISSION_TIME] = "0400", original[TRANSMISSION_TIME]
        made[DE.ORIGINAL] = _de90(original)
        return made

    def _like(self, document: Document, original: Key | None) -> Document:
        """A message about `original`, with what that has and this lacks."""
        made = {de: value for de, value in document.items() if de not in _OWN and de != DE.RRN}
        request = self._lookup.look(original)[0] if original is not None else None
        if request is not None:
            made[DE.PROCESSING_CODE] = request.elements.get(DE.PROCESSING_CODE, "000000")
            made.setdefault(DE.CURRENCY, request.currency)
            if not int(made.get(DE.AMOUNT) or 0):
                made[DE.AMOUNT] = f"{request.amount:012d}"
        made.setdefault(DE.CURRENCY, self._kernel.network.currency)
        return made

    def _never_came(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """Nothing of what it takes back has left here, and nothing will: it is refused if it comes after all."""
        kernel = self._kernel
        made = self._like(document, None)
        self._name(session, made, self._lookup.batch(session, document), now)
        message = take(kernel, session, made, raw, now)
        if kernel.journal_down or kernel.journal_full():
            self._payments.decline(message, Refusal(Answer.MALFUNCTION, "the journal cannot take it"), remember=False)
            return
        key = (message.key[0], MTI.FINANCIAL, *message.key[2:])
        if kernel.find(key) is None:
            self._list(key, "", now, Said(card=message.masked, amount=message.amount))
            kernel.record(
                Declined(
                    txn=message.txn,
                    at_us=kernel.wall_us(now),
                    key=key,
                    link=session.name,
                    mti=request_of(MTI.FINANCIAL),
                    pan=message.masked,
                    amount=message.amount,
                    currency=message.currency,
                    rrn="",
                    de39=Answer.ISSUER_INOPERATIVE,
                    reason="its reversal was here first",
                    came=False,
                    window=kernel.window(now),
                )
            )
        said = answer(made, Answer.APPROVED)
        note = "nothing to undo: no payment with this DE11 has come from this terminal"
        kernel.log(
            "info", "reversal.nothing_to_undo", txn=f"{message.txn:x}", terminal=document[DE.TERMINAL], reason=note
        )
        hop = hop_of("hop.sent", message, said, session.link, "", Answer.APPROVED, note)
        reply(kernel, session, said, raw, after=kernel.position, hop=hop)

    def _refuse(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """It takes back, or changes, what nobody knows."""
        made = {**self._like(document, None), DE.TRANSMISSION_TIME: self._kernel.de7(now)}
        message = take(self._kernel, session, made, raw, now)
        why = "the terminal has no such payment that it has not settled: none has that DE37 or DE11 with this card and amount"
        self._payments.decline(message, Refusal(Answer.RECORD_NOT_FOUND, why), remember=False)


def _completes(document: Document) -> bool:
    """True for what completes a pre-authorization: DE25 says so, and DE38 is the approval code of that."""
    kind = document.get(DE.PROCESSING_CODE, "")[:2]
    return (
        document.get(DE.CONDITION_CODE) == PREAUTH_CONDITION
        and DE.APPROVAL_CODE in document
        and kind == Processing.PURCHASE
    )


def _as_purchase(document: Document) -> Document:
    """A pre-authorization has a DE3 of its own at some: 03 beside DE25 06 in UnionPay's form, at others 30 in a 0100 with an
    amount (without one that asks what is available). To issuers it is one of a purchase."""
    kind = document.get(DE.PROCESSING_CODE, "")
    holds = kind[:2] == _UNIONPAY_HOLD and document.get(DE.CONDITION_CODE) == PREAUTH_CONDITION
    if kind[:2] == _HOLD and document[DE.MTI][1] == MTI.AUTHORIZATION:
        holds = int(document.get(DE.AMOUNT) or 0) > 0
    return {**document, DE.PROCESSING_CODE: Processing.PURCHASE + kind[2:]} if holds else document


def _about(made: Document, hold: Key) -> Document:
    return {**made, DE.ORIGINAL: _de90(hold)}


def _de90(original: Key) -> str:
    """DE90 that names it by its whole key."""
    mti = request_of(original[MTI_CLASS])
    return original_data(mti, original[STAN], original[TRANSMISSION_TIME], original[INSTITUTION])
