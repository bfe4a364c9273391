"""What a classic terminal is answered: no more than it expects, and under the type of message it has sent."""

from typing import Final

from switch.core.messages.translator import Translator
from switch.wire.vocabulary import DE, MTI, Answer, Document, response_mti

ECHOED: Final = (
    DE.PROCESSING_CODE,
    DE.AMOUNT,
    DE.STAN,
    DE.LOCAL_TIME,
    DE.LOCAL_DATE,
    DE.NII,
    DE.TERMINAL,
)
"""What an answer repeats of its request, as it came."""
ADDED: Final = (DE.RRN, DE.APPROVAL_CODE, DE.RESPONSE_CODE, DE.ADDITIONAL_AMOUNTS, DE.ICC)
"""What it adds."""


class Trimmed:
    """Translator of a connection of classic terminals: that of its dialect, and less of what is answered.

    A void (0200) is a reversal inside, and its answer a 0210 again: `reference` says what was sent.
    """

    def __init__(self, inner: Translator) -> None:
        self._inner = inner
        self.dropped = inner.dropped

    def inward(self, document: Document) -> Document:
        """As its dialect has it."""
        return self._inner.inward(document)

    def outward(self, document: Document, reference: Document | None = None) -> Document:
        """An answer in the terminal's terms."""
        if reference is None or DE.MTI not in reference:
            return self._inner.outward(document, reference)
        link: Document = {DE.MTI: response_mti(reference[DE.MTI])}
        link.update({de: reference[de] for de in ECHOED if de in reference})
        link.update({de: document[de] for de in ADDED if de in document})
        if reference[DE.MTI][1] == MTI.RECONCILIATION and DE.PRIVATE_48 in document:
            link[DE.PRIVATE_48] = document[DE.PRIVATE_48]
        if reference[DE.MTI][1] == MTI.NETWORK and DE.PRIVATE_60 in reference:
            link[DE.PRIVATE_60] = reference[
                DE.PRIVATE_60
            ]  # a terminal of UnionPay's form takes its batch's number from there
        if document.get(DE.RESPONSE_CODE) == Answer.PARTIAL and DE.AMOUNT in document:
            link[DE.AMOUNT] = document[DE.AMOUNT]
        return self._inner.outward(link, reference)
