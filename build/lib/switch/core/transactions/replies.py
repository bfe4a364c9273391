"""How answers to payments leave: what each says of the business day, and what is left where a dialect cannot say all of it.

DE15 of an answer is always the switch's: the business day of the payment that it answers. What the acquirer or the issuer has put
there goes no further; a card network that brings payments has its own back, where its dialect says so.
"""

from typing import Final

from switch.core.kernel import Kernel
from switch.core.links.session import DAY, NOTHING, Session
from switch.core.messages.fee_amounts import fees_of, write_fees
from switch.core.messages.internal import Private48, answer, with_private
from switch.core.party import Hop
from switch.core.records.prices import Priced
from switch.core.records.windows import UNKNOWN, parts_of
from switch.core.transactions.incoming import Incoming
from switch.core.transactions.transaction import hop_of
from switch.wire import EncodeError
from switch.wire.vocabulary import APPROVALS, DE, MTI, Answer, Document

BARE: Final = (DE.MTI, DE.TRANSMISSION_TIME, DE.STAN, DE.RRN, DE.RESPONSE_CODE, DE.TERMINAL)
"""The least an answer needs to be matched and understood."""

_OF_PAYMENTS: Final = frozenset({MTI.AUTHORIZATION, MTI.FINANCIAL, MTI.REVERSAL})
"""classes of messages whose answers say which business day the payment is in"""


def reply(
    kernel: Kernel,
    session: Session,
    document: Document,
    raw: Document,
    after: int = 0,
    txn: int = 0,
    hop: Hop | None = None,
    window: str | None = None,
) -> None:
    """Send an answer, with DE32 as its request (`raw`) had it; where its link's dialect cannot say all of it, send what it can
    and log what was left out.

    `window`: of the payment that it answers (`records.windows`); None: the one in force; "": it is not known. `document` is
    changed.

    Raises EncodeError where the dialect cannot even say that a message of this kind was declined.
    """
    if document.get(DE.ACQUIRER) != raw.get(DE.ACQUIRER):
        document = {de: value for de, value in document.items() if de != DE.ACQUIRER}
        if DE.ACQUIRER in raw:
            document[DE.ACQUIRER] = raw[DE.ACQUIRER]
    if document[DE.MTI][1] in _OF_PAYMENTS:
        if window is None:
            window = kernel.window_now
        if window and session.says == DAY:  # the rule
            document[DE.SETTLEMENT_DATE] = parts_of(window)[0]
        else:
            _date(session, document, window)
    try:
        kernel.transmit(session, document, raw, after, txn, hop)
    except EncodeError as error:
        kernel.log("warning", "answer.reduced", link=session.link, reason=str(error),
                   hint="an element of the answer cannot be said in this link's dialect; sent without it")  # fmt: skip
        _reply_bare(kernel, session, document, raw, after, txn, hop)


def acknowledge(
    kernel: Kernel,
    message: Incoming,
    de39: str,
    note: str,
    by: str = "",
    window: str | None = None,
    priced: Priced | None = None,
) -> None:
    """Answer a reversal or an advice once everything recorded so far is durable: the promise among it. DE90 and DE95 come back as
    they came.

    `window`: that of what the message repeats; None: the one in force. `priced`: of what was promised.
    """
    session, document = message.session, message.document
    extra: Document = {de: document[de] for de in (DE.ORIGINAL, DE.REPLACEMENT) if de in document}
    if session.fees and priced is not None:
        extra |= _price_elements(kernel, priced, kernel.window_now if window is None else window)
    acknowledgement = answer(document, de39, extra)
    hop = hop_of("hop.sent", message, acknowledgement, session.link, by, de39, note)
    reply(kernel, session, acknowledgement, message.raw, after=kernel.position, hop=hop, window=window)


def _price_elements(kernel: Kernel, priced: Priced, window: str) -> Document:
    """What an answer says of a price, on a link whose listener has `fees`: the amounts that its acquirer is told (DE46), and the
    number of the window in which they count."""
    found: Document = {}
    fees = write_fees(fees_of(priced.fees, priced.acquirer, kernel.network.currency))
    if fees:
        found[DE.FEES] = fees
    number = parts_of(window)[2] if window else UNKNOWN
    if number != UNKNOWN:
        found[DE.PRIVATE_48] = with_private("", Private48.WINDOW, f"{number:03d}")
    return found


def _date(session: Session, document: Document, window: str) -> None:
    """Say which business day the payment is in, and which window, as far as the link says it at all."""
    if not window or session.says == NOTHING:
        document.pop(DE.SETTLEMENT_DATE, None)
        return
    document[DE.SETTLEMENT_DATE], _, number = parts_of(window)
    if number != UNKNOWN:
        document[DE.PRIVATE_48] = with_private(document.get(DE.PRIVATE_48, ""), Private48.WINDOW, f"{number:03d}")


def _reply_bare(
    kernel: Kernel, session: Session, document: Document, raw: Document, after: int, txn: int, hop: Hop | None
) -> None:
    """The least of an answer, without whatever of it the dialect cannot say. A code that it cannot say becomes the plain one
    that means the same; an answer is not an answer without one."""
    bare: Document = {de: document[de] for de in BARE if de in document}
    code = bare.get(DE.RESPONSE_CODE, "")
    plain = [Answer.APPROVED] if code in APPROVALS else [Answer.MALFUNCTION, Answer.DO_NOT_HONOUR]
    while True:
        try:
            kernel.transmit(session, bare, raw, after, txn, hop)
            return
        except EncodeError as error:
            if error.field == DE.RESPONSE_CODE and plain:
                bare[DE.RESPONSE_CODE] = plain.pop(0)
            elif error.field in (DE.MTI, DE.RESPONSE_CODE) or error.field not in bare:
                raise
            else:
                del bare[error.field]
