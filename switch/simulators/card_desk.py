"""A simulated issuer's desk for its cards: what it has a key for it has checked (`core.transactions.card_proofs`).

In: a card's account, a request in internal format. Out: why it is declined, or nothing. Rule: the highest counter (ATC) that a
cryptogram has proved is in a record before it is answered, so that a host that is killed takes no cryptogram twice.
"""

from typing import Final

from switch.core.network import CardKeys
from switch.core.transactions.card_proofs import CHIP, PRINT, STRIPE, Card, check_card
from switch.security.module import NO_MODULE, SecurityModule
from switch.simulators.card_file import Account
from switch.simulators.de48 import Private48, private_elements, with_private
from switch.simulators.postings import ChipSeen
from switch.simulators.rules import Verdict
from switch.wire.vocabulary import Answer, Document

_CARD: Final = (CHIP, STRIPE, PRINT)
"""what is checked here: the card; who pays with it on the web, `ProofDesk` asks"""
_NO: Final = with_private({}, {Private48.CVV2_RESULT: "N"})


class CardDesk:
    """Of one issuer. Without a key it compares the printed value with the one on file, and checks nothing else."""

    def __init__(self, module: SecurityModule = NO_MODULE, keys: CardKeys = CardKeys()) -> None:  # noqa: B008
        self._module, self._keys = module, keys
        self._seen: ChipSeen | None = None
        self._response: Document = {}

    def seen(self) -> ChipSeen | None:
        """The counter that the last `judge` has proved, once."""
        seen, self._seen = self._seen, None
        return seen

    def response(self) -> Document:
        """What an approval of what was judged last answers the chip (DE55)."""
        return self._response

    def judge(self, account: Account, document: Document) -> Verdict | None:
        """None: nothing speaks against the card."""
        self._response = {}
        card, keys = account.card, self._keys
        if not keys.cvv_key and private_elements(document).get(Private48.CVV2, card.cvv2) != card.cvv2:
            return Verdict(Answer.CVV2_FAILURE, _NO, "wrong CVV2")
        if not (keys.cvv_key or keys.chip_key or keys.dynamic_key):
            return None
        known = Card(pan=card.pan, expiry=card.expiry, scheme=card.scheme, atc=account.atc)
        proof = check_card(self._module, keys, known, document, _CARD)
        wrong = proof.wrong
        if wrong is not None:
            return Verdict(wrong.de39, _NO if wrong.what == PRINT else {}, wrong.reason)
        if proof.atc >= 0:
            self._seen = ChipSeen(card.name, proof.atc)
        self._response = proof.response
        return None
