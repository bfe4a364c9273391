"""What an approval costs, decided with it and recorded beside it: no later tariff or BIN table alters yesterday.

In: what was approved, and who brought it. Out: `Priced`, or None where no money moves (an inquiry, a decline). A hold has a
price without fees: money moves when it is completed. What follows a payment (a reversal, a correction of its amount) carries
the change, fee(new) - fee(old), so that whoever adds up the records has the fees of what stands.
"""

import msgspec

from switch.core.kernel import Kernel
from switch.core.messages.meaning import channel_of, direction_of, is_inquiry
from switch.core.network import BinRange
from switch.core.records.prices import Priced
from switch.core.records.records import ACQUIRER, MTI_CLASS
from switch.core.records.state import Outcome
from switch.core.routing.routing import Decision, Router
from switch.core.transactions.transaction import Incoming
from switch.money.fees import given_back
from switch.wire.vocabulary import APPROVALS, DE, MTI, Answer, Document


class Pricing:
    """Of one network file."""

    def __init__(self, kernel: Kernel, router: Router) -> None:
        self._kernel = kernel
        self._router = router

    def of_request(self, request: Document, acquirer: str, decision: Decision, now: int) -> Priced | None:
        """Of a request (internal format) that is approved; None for an inquiry."""
        if is_inquiry(request):
            return None
        hold = request[DE.MTI][1] == MTI.AUTHORIZATION
        direction = 0 if hold else direction_of(request)
        return self._priced(request, acquirer, decision.host, decision.bin, direction, now)

    def of_advice(self, message: Incoming, host: str, followed: Outcome | None) -> Priced | None:
        """Of an advice: a completion or a payment that was approved elsewhere; of a tip, what it changes.

        `followed`: what it completes or corrects, where that is known. None: it tells of no approval.
        """
        document, now = message.document, message.now
        if document.get(DE.RESPONSE_CODE, Answer.APPROVED) not in APPROVALS or is_inquiry(document):
            return None
        direction = 0 if message.key[MTI_CLASS] == MTI.AUTHORIZATION else direction_of(document)
        before = followed.priced if followed is not None else None
        if before is None:
            range_ = self._router.lookup(message.pan)
            return self._priced(document, message.key[ACQUIRER], host, range_, direction, now)
        day = self._kernel.business_day(now)
        return msgspec.structs.replace(before, day=day, direction=direction, fees=(), unpriced="", of_day=before.day)

    def of_reversal(self, original: Outcome, now: int) -> Priced | None:
        """Of a reversal of what was approved: what it gives back. None: nothing is known of its original's price."""
        before = original.priced if original.approved else None
        if before is None:
            return None
        day = self._kernel.business_day(now)
        return msgspec.structs.replace(before, day=day, of_day=before.day, fees=given_back(before.fees), unpriced="")

    def _priced(
        self, elements: Document, acquirer: str, host: str, range_: BinRange | None, direction: int, now: int
    ) -> Priced:
        get = elements.get
        return Priced(
            day=self._kernel.business_day(now),
            scheme=range_.scheme if range_ is not None else "",
            product=range_.product if range_ is not None else "",
            channel=channel_of(elements),
            acquirer=acquirer,
            issuer=(range_.issuer if range_ is not None else "") or self._kernel.hosts[host].config.member or host,
            merchant=get(DE.MERCHANT, "").rstrip(),
            mcc=get(DE.MERCHANT_TYPE, ""),
            direction=direction,
        )
