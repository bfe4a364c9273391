"""Which message of a classic terminal another one means: what it repeats, takes back or uploads, within what it has not settled.

`classic` says the rules.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import Final

from switch.core.kernel import Kernel
from switch.core.links.session import Session
from switch.core.records.batch_records import Said
from switch.core.records.batches import Batch, Till
from switch.core.records.outcomes import Outcome
from switch.core.records.records import MTI_CLASS, STAN, TRANSMISSION_TIME, Forwarded, Key
from switch.core.transactions.taken_back import followed_by
from switch.core.transactions.transaction import pan_of
from switch.wire.vocabulary import ADVICES, APPROVALS, DE, MTI, Document, is_repeat, mask_pan

PAYMENTS: Final = MTI.AUTHORIZATION + MTI.FINANCIAL
REPEAT_US: Final = 600_000_000
"""so long may a message sent again have another local time (DE12, DE13): a terminal that stamps anew repeats at once"""
NAMES: Final = frozenset({DE.RRN, DE.PRIVATE_60, DE.PRIVATE_61, DE.ORIGINAL})
"""what names another message, beside DE11"""
VOIDS: Final = frozenset({"02", "22"})
"""DE3 of a sale's and a refund's void; in a 0220, of an adjustment"""
ORIGINAL_60: Final = re.compile(r"0[12]\d\d(\d{6})(\d{12})?")
"""DE60: original's MTI, DE11 and DE37"""
ORIGINAL_61: Final = re.compile(r"\d{6}(\d{6})\d*")
"""DE61: original's batch, DE11, date"""

_ORIGINAL_90: Final = re.compile(r"\d{4}(\d{6})\d*")
"""DE90: original's MTI, DE11 …"""
_INVOICE: Final = re.compile(r"\d{1,12}")
_UNMARKED: Final = frozenset(
    {DE.PAN, DE.STAN, DE.EXPIRY, DE.TRACK1, DE.TRACK2, DE.TRACK3, DE.ACQUIRER, DE.NII, DE.MAC, DE.MAC_SECONDARY}
)
"""the card's elements, and what may be another of a message that is sent again"""


class Lookup:
    """Finds, in a terminal's open batch, the message that another one means."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def batch(self, session: Session, document: Document) -> Batch:
        """What the message's terminal has not settled."""
        return self._kernel.state.batches.of(till_of(session, document))

    def repeated(self, batch: Batch, document: Document) -> Key | None:
        """What `document` is sent again of; None: it is new."""
        newest = True
        for key in reversed(batch.keys):
            if key[MTI_CLASS] not in PAYMENTS:
                continue
            same_name = (key[MTI_CLASS], key[STAN]) == (document[DE.MTI][1], document[DE.STAN])
            if same_name and self._is_same(key, document, batch.said.get(key, Said()), newest=newest):
                return key
            newest = False
        return None

    def settled_before(self, session: Session, document: Document) -> tuple[Key, str] | None:
        """The last payment that the terminal has settled, and its DE37, where `document` is that again: a clock or a chip has to
        say so, for there are terminals whose numbers begin anew with each batch."""
        closed = self._kernel.state.batches.closed.get(till_of(session, document))
        newest = closed.newest if closed is not None else None
        if newest is None or not (_local(document) or DE.ICC in document):
            return None
        key, rrn, said = newest
        same_name = (key[MTI_CLASS], key[STAN]) == (document[DE.MTI][1], document[DE.STAN])
        return (key, rrn) if same_name and self._is_same(key, document, said, newest=False) else None

    def told_again(self, batch: Batch, document: Document) -> Key | None:
        """The advice that one under another DE11 says again, as its answer was lost: terminals send what they did offline until
        it is answered, each time under their next number. All else must be the same, and tell one payment from another."""
        said = said_by(document)
        if not (said.invoice or _local(document) or DE.ICC in document):
            return None
        for key in reversed(batch.keys):
            request, outcome = self.look(key) if batch.said.get(key) == said else (None, None)
            told = request is not None and outcome is not None and outcome.mti in ADVICES
            if request is not None and told and _what(document) == _of(request):
                return key if self._kernel.within_window(request.at_us) else None
        return None

    def _is_same(self, key: Key, document: Document, before: Said, *, newest: bool) -> bool:
        kernel = self._kernel
        request, outcome = self.look(key)
        if request is None:
            # overtaken by its reversal, which has said of what; or refused, and whatever has that number now is asked anew
            card, amount, _ = _what(document)
            meant = document[DE.MTI] not in ADVICES and before.card in ("", card) and before.amount in (0, amount)
            recent = outcome is not None and kernel.wall_us_now - outcome.at_us < REPEAT_US
            return outcome is not None and bool(outcome.reversed_by) and recent and meant
        told = outcome is not None and outcome.mti in ADVICES
        if _what(document) != _of(request) or (told and document[DE.MTI] not in ADVICES):
            return False
        recent = kernel.wall_us_now - request.at_us < REPEAT_US
        local, marked = _local(document), is_repeat(document[DE.MTI])
        alike, dated = before.mark == said_by(document).mark, bool(local) or DE.ICC in document
        if not (newest or marked):  # from a queue, behind others: by its bytes, and numbers may have begun anew
            return alike and (kernel.within_window(request.at_us) if dated else recent)
        ended = outcome is not None and (outcome.de39 not in APPROVALS or bool(outcome.reversed_by))
        if local == _local(request.elements):
            if ended and not marked and not local and before.mark:  # a number that is kept until a payment is approved
                return alike and recent
            return kernel.within_window(request.at_us)
        return not ended and recent

    def is_overtaken(self, session: Session, document: Document) -> bool:
        """True for a void whose reversal was here first."""
        named = (key for key in reversed(self.batch(session, document).keys) if key[STAN] == document[DE.STAN])
        key = next(named, None)
        request, outcome = self.look(key)
        if request is not None or outcome is None or not outcome.reversed_by:
            return False
        return self._kernel.wall_us_now - outcome.at_us < REPEAT_US

    def void_named(self, batch: Batch, document: Document) -> Key | None:
        """The void that has the DE11 which a message names, if that is the newest to have it, but for the advice that has undone
        it, and is of the card and DE37 that the message says."""
        stan = stan_named(document)
        named = [key for key in reversed(batch.keys) if key[STAN] == stan]
        outcome = self.look(named[0])[1] if len(named) > 1 else None
        if outcome is not None and outcome.mti in ADVICES:
            del named[0]
        void = named[0] if named and named[0][MTI_CLASS] == MTI.REVERSAL else None
        if void is None or self._kernel.find(void) is None:
            return None
        voided = (
            k
            for k in reversed(batch.keys)
            if k[MTI_CLASS] in PAYMENTS and k[TRANSMISSION_TIME] == void[TRANSMISSION_TIME]
        )
        request = self.look(next(voided, None))[0]
        card, rrn = mask_pan(pan_of(document)), document.get(DE.RRN, "").strip()
        if request is None:
            return void
        return void if card in ("", request.pan) and rrn in ("", request.elements.get(DE.RRN, "").strip()) else None

    def has_undone(self, batch: Batch, key: Key) -> bool:
        """True for the advice that has undone a void: it has the number of that."""
        outcome = self.look(key)[1]
        undoes = (other[MTI_CLASS] == MTI.REVERSAL and other[STAN] == key[STAN] for other in batch.keys)
        return outcome is not None and outcome.mti in ADVICES and any(undoes)

    def void_of(self, session: Session, document: Document) -> Key | None:
        """The void of the payment that a message names by DE37, DE60 or DE61, where one has come: the newest."""
        if not NAMES & document.keys():
            return None
        original, batch = self.payment_named(session, {**document, DE.STAN: ""}), self.batch(session, document)
        voids = (key for key in reversed(batch.keys) if key[MTI_CLASS] == MTI.REVERSAL and original is not None)
        found = next((key for key in voids if original and key[TRANSMISSION_TIME] == original[TRANSMISSION_TIME]), None)
        return found if found is not None and self._kernel.find(found) is not None else None

    def named(self, session: Session, document: Document) -> Key | None:
        """The payment that a message about one means, among those that its terminal has not settled; None: there is none."""
        batch = self.batch(session, document)
        card, amount = mask_pan(pan_of(document)), int(document.get(DE.AMOUNT) or 0)
        named = _by_name(batch, document)
        found = next((key for key in named if self._agrees(batch, key, card, amount)), None)
        while found is not None and (again := self._put_back(batch, found)) is not None:
            found = again
        return found

    def invoiced(self, session: Session, document: Document) -> Key | None:
        """The terminal's newest payment, where that has the invoice (DE62), card, amount and kind of a message about one."""
        batch, invoice = self.batch(session, document), said_by(document).invoice
        newest = next((key for key in reversed(batch.keys) if key[MTI_CLASS] in PAYMENTS), None)
        request = self.look(newest)[0]
        if newest is None or request is None or not invoice or batch.said.get(newest, Said()).invoice != invoice:
            return None
        return newest if _what(document) == _of(request) else None

    def payment_named(self, session: Session, document: Document) -> Key | None:
        """The same, where what names a payment may have the name of its tip: the payment is meant."""
        named = self.named(session, document)
        outcome = self._kernel.find(named) if named is not None else None
        payment = followed_by(self._kernel, outcome) if outcome is not None else None
        return payment.key if payment is not None else named

    def _put_back(self, batch: Batch, key: Key) -> Key | None:
        """The advice by which a payment stands again whose void was undone (`Classic._undo_void`); None: there is none. It is
        newer than the void, and that than the payment: one number may have been that of several voids."""
        keys, stans = list(batch.keys), set[str]()
        for other in keys[keys.index(key) + 1 :]:
            if other[MTI_CLASS] == MTI.REVERSAL and other[TRANSMISSION_TIME] == key[TRANSMISSION_TIME]:
                stans.add(other[STAN])
            elif other[MTI_CLASS] == MTI.FINANCIAL and other[STAN] in stans:
                outcome = self.look(other)[1]
                if outcome is not None and outcome.mti in ADVICES:
                    return other
        return None

    def _agrees(self, batch: Batch, key: Key, card: str, amount: int) -> bool:
        """True unless card or amount, where they are said, are not the payment's."""
        request, outcome = self.look(key)
        if request is None:
            return outcome is not None
        amounts = {request.amount, outcome.authorized if outcome is not None and outcome.packed else request.amount}
        agrees = not amount or amount in amounts or self._is_tipped(batch, key, amount)
        return card in ("", request.pan) and agrees

    def _is_tipped(self, batch: Batch, key: Key, amount: int) -> bool:
        """True where a tip has made this amount of a payment: then its void may say it, whatever became of it since."""
        advices = (self._kernel.find(other) for other in batch.keys if other[MTI_CLASS] == MTI.FINANCIAL)
        for advice in advices:
            if advice is not None and advice.mti in ADVICES and advice.amount == amount:
                payment = followed_by(self._kernel, advice)
                if payment is not None and payment.key == key:
                    return True
        return False

    def look(self, key: Key | None) -> tuple[Forwarded | None, Outcome | None]:
        """A payment as it was forwarded, and how it ended; None where it was not, or has not."""
        if key is None:
            return None, None
        pending = self._kernel.pending.get(key)
        if pending is not None:
            return self._kernel.state.open[pending.txn], None
        outcome = self._kernel.find(key)
        return (outcome.request, outcome) if outcome is not None else (None, None)


def _what(document: Document) -> tuple[str, int, str]:
    """Card, amount and kind (DE3) that a message says."""
    return mask_pan(pan_of(document)), int(document.get(DE.AMOUNT) or 0), document.get(DE.PROCESSING_CODE, "")[:2]


def _of(request: Forwarded) -> tuple[str, int, str]:
    """The same of a payment."""
    return request.pan, request.amount, request.elements.get(DE.PROCESSING_CODE, "")[:2]


def said_by(document: Document) -> Said:
    """What a payment's message says beside what is recorded of it. Nothing in it tells its card: that is compared by itself."""
    text = "\n".join(f"{de} {document[de]}" for de in sorted(document) if de.isdecimal() and de not in _UNMARKED)
    invoice = document.get(DE.PRIVATE_62, "").strip()
    return Said(
        mark=hashlib.blake2b(text.encode(), digest_size=4).hexdigest(),
        invoice=invoice if _INVOICE.fullmatch(invoice) else "",
    )


def till_of(session: Session, document: Document) -> Till:
    """The terminal that sends it."""
    return session.source, document[DE.TERMINAL]


def stan_named(document: Document) -> str:
    """DE11 of the message that another one means: what DE60, DE61 or DE90 says, else its own."""
    stan = document[DE.STAN]
    for de, form in ((DE.PRIVATE_60, ORIGINAL_60), (DE.PRIVATE_61, ORIGINAL_61), (DE.ORIGINAL, _ORIGINAL_90)):
        said = form.fullmatch(document.get(de, "").strip())
        stan = said[1] if said else stan
    return stan


def name_of_original(document: Document) -> str:
    """What a message that is uploaded says of its original, the same however often it is uploaded: DE60, DE37, card and amount.
    "": it names none."""
    rrn, said = document.get(DE.RRN, "").strip(), ORIGINAL_60.fullmatch(document.get(DE.PRIVATE_60, "").strip())
    if said is None and not rrn.strip("0"):
        return ""
    stan = said[1] if said else ""
    return "/".join((stan, rrn, mask_pan(pan_of(document)), document.get(DE.AMOUNT, "")))


def _by_name(batch: Batch, document: Document) -> Iterator[Key]:
    """Payments of a batch that a message may name, newest first."""
    payments = [key for key in reversed(batch.keys) if key[MTI_CLASS] in PAYMENTS]
    said = ORIGINAL_60.fullmatch(document.get(DE.PRIVATE_60, "").strip())
    for rrn in (document.get(DE.RRN, "").strip(), said[2] if said else ""):
        if rrn and rrn.strip("0"):
            yield from (key for key in payments if batch.keys[key] == rrn)
    stan = stan_named(document)
    yield from (key for key in payments if key[STAN] == stan)


def _local(document: Document) -> str:
    return document.get(DE.LOCAL_DATE, "") + document.get(DE.LOCAL_TIME, "")
