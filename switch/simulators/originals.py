"""Which payment a message means, in an issuer's books: by its payment key, by DE90, or by what else it says of it.

In: an issuer's holdings, a document in internal format. Out: a posting that stands or stood, an increment of one, or None. It
changes nothing.
"""

from switch.core.messages.internal import Additional, additional_amounts
from switch.simulators.card_file import SUSPENSE
from switch.simulators.dismissals import is_whole, may_mean
from switch.simulators.payment_key import name_in_de90, own_name, parts_of, payment_key
from switch.simulators.postings import Holdings, Increment, MessageKey, Posting, Taken, WireKey
from switch.wire.vocabulary import DE, MTI, Answer, Document

_DE90_NAMES = 20
"""characters of DE90 that name a message: MTI, DE11, DE7"""


def message_key(document: Document) -> MessageKey:
    """What a message that is sent again unchanged is known by, whether it is marked as a repeat or not."""
    return document[DE.MTI][1], *wire_name(document), payment_key(document)


def wire_name(document: Document) -> WireKey:
    """DE11 and DE7."""
    return document.get(DE.STAN, ""), document.get(DE.TRANSMISSION_TIME, "")


def early_names(request: Document) -> tuple[str, str]:
    """What `early_name` has made of a reversal of this request, if one came before it."""
    stan, sent_at = wire_name(request)
    return own_name(request), f"{stan}@{sent_at}"


def early_name(reversal: Document) -> str:
    """What a reversal's original will be known by when it comes: its payment key, else DE11 and DE7 from DE90; "": neither."""
    if DE.RRN in reversal:
        return payment_key(reversal)
    stan, sent_at = _named_in_de90(reversal)
    return f"{stan}@{sent_at}" if sent_at else ""


def _named_in_de90(document: Document) -> WireKey:
    """DE11 and DE7 that DE90 names; empty where it is too short for both."""
    original = document.get(DE.ORIGINAL, "")
    return (original[4:10], original[10:20]) if len(original) >= _DE90_NAMES else ("", "")


def adds(document: Document) -> bool:
    """It is an increment: a 0100 with a DE90."""
    return document[DE.MTI][1] == MTI.AUTHORIZATION and len(document.get(DE.ORIGINAL, "")) >= _DE90_NAMES


class Originals:
    """Finds what messages are about, among what one issuer holds."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings

    def find(self, document: Document) -> Posting | None:
        """What has the same payment key; else what the rest of the message names; else, without DE37 and DE41, what DE90 names of
        the same card.

        DE90 alone proves little: STAN and time of another acquirer's, or of a switch that forgot a number, may be the same.
        """
        whole = is_whole(document)
        posting = self._holdings.postings.get(payment_key(document) if whole else name_in_de90(document))
        if posting is None and not whole:
            posting = self._find_alike(document)
        if posting is None and DE.RRN not in document and DE.TERMINAL not in document:
            posting = self._holdings.find_by_de90(*_named_in_de90(document))
        if posting is None or posting.card == SUSPENSE or document.get(DE.PAN) in (None, self._pan(posting)):
            return posting
        return None

    def find_hold(self, document: Document) -> Posting | None:
        """What a 0100 adds to: the hold of the same card that its DE90 names."""
        if not adds(document):
            return None
        hold = self._holdings.find_by_de90(*_named_in_de90(document))
        return hold if hold is not None and self._pan(hold) == document.get(DE.PAN) else None

    def find_increment(self, document: Document) -> tuple[Posting, Increment] | None:
        """The increment that a reversal names by its own payment key, or by DE90 where it has that of its hold."""
        key, holdings = payment_key(document), self._holdings
        hold = holdings.postings.get(holdings.increments.get(key, ""))
        for increment in hold.increments if hold is not None else ():
            same = hold is not None and increment.key == key
            if hold is not None and same and (key != hold.key or increment.wire == _named_in_de90(document)):
                return hold, increment
        return None

    def find_told(self, document: Document, hold: Posting) -> tuple[Increment, Taken] | None:
        """The increment of `hold` that a request under the same payment key told of before, and how that was answered. Not where
        increments have their hold's key: there a request under another DE11 is another one."""
        key = payment_key(document)
        increment = next((i for i in hold.increments if i.key == key != hold.key), None)
        told = self._holdings.answers.get((MTI.AUTHORIZATION, *increment.wire, key)) if increment is not None else None
        return (increment, told) if increment is not None and told is not None else None

    def _find_alike(self, document: Document) -> Posting | None:
        """What the message may mean (`may_mean`); of several, the newest."""
        return next((p for p in reversed(self._holdings.postings.values()) if self._may_mean(document, p)), None)

    def _may_mean(self, document: Document, posting: Posting) -> bool:
        """By what stands of it, or by what was asked: who has not had its answer knows nothing of an approval in part."""
        said = self._as_request(posting)
        asked = {DE.AMOUNT: posting.made_by[2]}
        return may_mean(document, said) or may_mean(document, said | asked)

    def _as_request(self, posting: Posting) -> Document:
        """What a request for it says, as far as messages about it repeat that."""
        acquirer, terminal, rrn = parts_of(posting.key)
        local_time, local_date = posting.made_by[3:]
        names = {DE.ACQUIRER: acquirer, DE.TERMINAL: terminal, DE.RRN: rrn, DE.AMOUNT: str(abs(posting.amount))}
        return names | {DE.PAN: self._pan(posting), DE.LOCAL_TIME: local_time, DE.LOCAL_DATE: local_date}

    def _pan(self, posting: Posting) -> str:
        return self._holdings.accounts.named(posting.card).card.pan


def asked_of(increment: Increment, told: Taken) -> int:
    """Minor units that an increment was asked for: approved in part, DE54 of its answer has that."""
    if told.de39 != Answer.PARTIAL:
        return increment.amount
    return additional_amounts(told.extra).get(Additional.ORIGINAL, increment.amount)
