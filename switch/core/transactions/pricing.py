"""What an approval costs, decided with it and recorded beside it: no later tariff or BIN table alters yesterday.

In: what was approved, and who brought it. Out: `Priced`, or None where no money moves (an inquiry, a decline). A hold has a
price without fees: money moves when it is completed. What follows a payment (a reversal, a correction of its amount) carries
the change, fee(new) - fee(old), so that whoever adds up the records has the fees of what stands: by the rules of the original's
day, where they are still in the file.
"""

from collections.abc import Container
from typing import Final, TypeAlias

import msgspec

from switch.core.kernel import Kernel
from switch.core.links.awaited import Pending
from switch.core.messages.meaning import channel_of, direction_of, is_inquiry
from switch.core.network import BinRange
from switch.core.records.outcomes import Outcome
from switch.core.records.prices import UNPRICED, Priced
from switch.core.records.records import ACQUIRER, MTI_CLASS
from switch.core.routing.decision import Decision
from switch.core.routing.fee_table import fee_table
from switch.core.routing.routing import Router
from switch.core.transactions.incoming import Incoming
from switch.money.fee_line import Fee
from switch.money.fees import Fees, Payment, Plan, change, given_back, region_of
from switch.wire.pans import keepable
from switch.wire.vocabulary import APPROVALS, DE, MTI, Answer, Document

_MERCHANT: Final = (DE.MERCHANT,)
_DECIDING: Final = (
    DE.PROCESSING_CODE,
    DE.MERCHANT_TYPE,
    DE.ENTRY_MODE,
    DE.CONDITION_CODE,
    DE.CURRENCY,
    DE.ACQUIRER_COUNTRY,
)
"""Elements that decide which rules a payment has, beside its class and whose it is: nothing else of it is looked at."""
KNOWN_MAX: Final = 20_000
"""merchants, and kinds of payments, that are known at once"""

_Fees: TypeAlias = tuple[tuple[Fee, ...], str]
"""Lines, and why there are none where that is a mistake of the table; "" else"""
_Kind: TypeAlias = tuple[Payment, Plan, int | None]
"""What selects the rules of a payment, these rules, and which way its money goes (`Priced.direction`); None: none moves."""


class Pricing:
    """Prices by the fees, tariffs and BIN table of one network file."""

    def __init__(self, kernel: Kernel, router: Router) -> None:
        self._kernel = kernel
        self._router = router
        self._home = kernel.network.country
        self._regions = kernel.network.regions
        self._fees = fee_table(kernel.network)
        self._countries = {member.name: member.country for member in kernel.network.members}
        """of who is at home; who brings payments through a network is abroad, unless DE19 says where"""
        self._networks = kernel.network.networks
        """of now, of before by the file, and those that are leaving"""
        self._tariffs = frozenset(tariff.network for tariff in kernel.network.tariffs)
        self._kinds: dict[tuple[object, ...], _Kind] = {}
        """by the elements that decide it; bounded"""
        self._merchants: dict[str, str] = {}
        """DE42 as it comes -> as it is recorded; bounded"""

    def _again(self, payment: Payment, day: str, merchant: str, amount: int, direction: int, rate: str) -> _Fees:
        """What `Fees.price` says of a payment that is recorded; no fees, and why, where a network has left with its tariff: what
        it takes of a payment that it had would be given back whole, or never owed."""
        if direction and payment.out and payment.out not in self._tariffs and self._fees.rules:
            why = f"no [[tariff]] is of {payment.out}, which has left"
            self._say_unpriced(why)
            return (), why
        return self._fees.price(payment, day, merchant, amount, direction, rate)

    def of_request(self, pending: Pending, amount: int, now: int) -> Priced | None:
        """Of a request that is approved for `amount` minor units; None for an inquiry."""
        return self.of_approval(pending.request, pending.key[ACQUIRER], pending.decision, amount, now)

    def of_approval(self, request: Document, acquirer: str, decision: Decision, amount: int, now: int) -> Priced | None:
        """The same of a request (internal format) from `acquirer`, routed as decided."""
        return self._price(request, acquirer, decision.host, decision.bin, amount, now)

    def of_advice(self, message: Incoming, host: str, followed: Outcome | None) -> Priced | None:
        """Of an advice: a completion, or a payment that was approved elsewhere; of a tip, what it changes.

        `followed`: what it completes or corrects, where that is known. None: it tells of no approval.
        """
        document, now = message.document, message.now
        if document.get(DE.RESPONSE_CODE, Answer.APPROVED) not in APPROVALS or is_inquiry(document):
            return None
        before = followed.priced if followed is not None else None
        if followed is None or before is None:
            range_ = self._router.lookup(message.pan)
            return self._price(document, message.key[ACQUIRER], host, range_, message.amount, now)
        direction = _direction(document)
        of_hold = followed.key[MTI_CLASS] == MTI.AUTHORIZATION
        today = self._kernel.business_day(now)
        day = today if of_hold else before.day
        payment = recorded_payment(self._fees, self._networks, before, message.currency)
        rate = "" if of_hold else _rate_of(followed, before, message.currency)
        rate = rate or self._fees.plan(payment, day, direction).rate
        fees, why = self._again(payment, day, before.merchant, message.amount, direction, rate)
        if not of_hold and direction:
            fees = change(before.fees, fees) if not why else ()
        return msgspec.structs.replace(
            before, day=today, direction=direction, fees=fees, unpriced=why, of_day=before.day, rate=rate
        )

    def of_reversal(self, original: Outcome, left: int, now: int) -> Priced | None:
        """Of a reversal of what was approved, all of it or down to `left` minor units: what it gives back; nothing, and why,
        where the network file has no rule or rate of its day any more. None: nothing is known of its original's price."""
        before, request = (original.priced if original.approved else None), original.request
        if before is None or request is None:
            return None
        fees, why = given_back(before.fees), before.unpriced
        if left and before.fees:
            payment = recorded_payment(self._fees, self._networks, before, request.currency)
            stays, why = self._again(payment, before.day, before.merchant, left, before.direction, before.rate)
            fees = change(before.fees, stays) if not why else ()
        day = self._kernel.business_day(now)
        return msgspec.structs.replace(before, day=day, of_day=before.day, fees=fees, unpriced=why)

    def _say_unpriced(self, why: str) -> None:
        """Once a second at most of each reason; all of them are on the list of exceptions."""
        times = self._kernel.limit_times(UNPRICED, why)
        if times:
            hint = "no fee is charged or given back: `cmi-switch exceptions list --kind unpriced`; a rule prices what comes"
            self._kernel.log("warning", "payment.unpriced", reason=why, times=times, hint=hint)

    def _price(
        self, elements: Document, acquirer: str, host: str, range_: BinRange | None, amount: int, now: int
    ) -> Priced | None:
        get, day = elements.get, self._kernel.business_day(now)
        merchant = get(DE.MERCHANT, "")
        merchant = self._merchants.get(merchant) or self._know(merchant)
        kind = (
            acquirer,
            host,
            elements[DE.MTI][1],
            *map(get, _DECIDING),
            range_.low if range_ is not None else None,
            range_.high if range_ is not None else None,
            day,
            merchant if self._fees.by_merchant else "",
        )
        found = self._kinds.get(kind) or self._begin(kind, elements, acquirer, host, range_, merchant, day)
        payment, plan, direction = found
        if direction is None:
            return None
        if plan.unpriced:
            self._say_unpriced(plan.unpriced)
        return Priced(
            day=day,
            scheme=payment.scheme,
            product=payment.product,
            channel=payment.channel,
            acquirer=acquirer,
            issuer=payment.issuer,
            merchant=merchant,
            mcc=payment.mcc,
            direction=direction,
            fees=plan.fees(amount, merchant),
            unpriced=plan.unpriced,
            region=payment.region,
            rate=plan.rate,
        )

    def _know(self, merchant: str) -> str:
        """DE42 as a record may have it; most payments of a day are of merchants that are known."""
        if len(self._merchants) >= KNOWN_MAX:
            self._merchants.clear()
        known = keepable({DE.MERCHANT: merchant}, _MERCHANT)[DE.MERCHANT].rstrip()
        return self._merchants.setdefault(merchant, known)

    def _begin(
        self,
        kind: tuple[object, ...],
        elements: Document,
        acquirer: str,
        host: str,
        range_: BinRange | None,
        merchant: str,
        day: str,
    ) -> _Kind:
        """The first payment of a kind: what selects its rules is read from what makes the kind, and from nothing else."""
        if len(self._kinds) >= KNOWN_MAX:
            self._kinds.clear()
        deciding: Document = {de: elements[de] for de in (DE.MTI, *_DECIDING) if de in elements}
        payment = self._selecting(deciding, acquirer, host, range_, merchant)
        direction = None if is_inquiry(deciding) else _direction(deciding)
        found = self._kinds[kind] = payment, self._fees.plan(payment, day, direction or 0), direction
        return found

    def _selecting(
        self, deciding: Document, acquirer: str, host: str, range_: BinRange | None, merchant: str
    ) -> Payment:
        """What selects the rules of a payment that nothing is decided about yet. `deciding`: those elements of it that do."""
        get, network = deciding.get, host in self._networks
        country = get(DE.ACQUIRER_COUNTRY) or self._countries.get(acquirer, "")
        if range_ is None:
            scheme = product = ""
            region = region_of(self._home, country, self._regions)
            issuer = host if network else self._kernel.hosts[host].config.member
        else:
            scheme, product = range_.scheme, range_.product
            region = region_of(range_.country, country, self._regions)
            issuer = range_.issuer or host
        return Payment(
            scheme=scheme,
            product=product,
            channel=channel_of(deciding),
            region=region,
            mcc=get(DE.MERCHANT_TYPE, ""),
            merchant=merchant if self._fees.by_merchant else "",
            acquirer=acquirer,
            issuer=issuer,
            out=host if network else "",
            into=acquirer if acquirer in self._networks else "",
            currency=get(DE.CURRENCY, ""),
        )


def _direction(elements: Document) -> int:
    return 0 if elements[DE.MTI][1] == MTI.AUTHORIZATION else direction_of(elements)


def _rate_of(payment: Outcome, priced: Priced, currency: str) -> str:
    """The rate that a payment was taken at, where what follows it is in the same currency; else ""."""
    return priced.rate if payment.request is not None and payment.request.currency == currency else ""


def recorded_payment(fees: Fees, networks: Container[str], priced: Priced, currency: str) -> Payment:
    """What selected the rules of a payment whose price is recorded. `networks`: names of those it may have passed through."""
    return Payment(
        scheme=priced.scheme,
        product=priced.product,
        channel=priced.channel,
        region=priced.region,
        mcc=priced.mcc,
        merchant=priced.merchant if fees.by_merchant else "",
        acquirer=priced.acquirer,
        issuer=priced.issuer,
        out=priced.issuer if priced.issuer in networks else "",
        into=priced.acquirer if priced.acquirer in networks else "",
        currency=currency,
    )
