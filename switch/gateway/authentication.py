"""The cardholder authenticated, before an order is authorized: the flow between the order, the 3DS server and the browser.

In: an order and a card; what the card's bank says (ARes, RReq), what the browser brings (3DS Method, CRes). Out: the order
authorized with what was proved, or refused. The one rule: the RReq decides; a CRes is trusted for nothing, and a challenge of
which both do not say yes authorizes nothing.

The card waits in memory while its holder is at the bank: a gateway that was killed has forgotten it, and the order is paid by
another try. Nobody is charged whose browser has not come back.
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import msgspec
import trio

from switch.gateway.desk import Desk
from switch.gateway.orders.lifecycle import PAYABLE, IllegalMoveError, Move, Stage
from switch.gateway.orders.messages import KeptMessage, kept, unanswered
from switch.gateway.orders.order import Attempt, Authentication, Merchant, Order
from switch.gateway.outcomes import attempt_of, named
from switch.gateway.payment_messages import Card
from switch.gateway.shops import now_us
from switch.http.listening import is_loopback
from switch.money.currency import currency
from switch.threeds.peers import PeerError
from switch.threeds.protocol.encoding import Message, from_form
from switch.threeds.protocol.errors import VERSION, ErroCode, ProtocolError
from switch.threeds.protocol.messages import check_message, same_id
from switch.threeds.protocol.statuses import PROVED, REFUSED, Status, eci_of
from switch.threeds.requests import Browser, Purchase, Requestor, cardholder_of, make_areq, make_creq
from switch.threeds.server import ThreeDsServer

AUTHENTICATION_US: Final = 900_000_000
"""for the cardholder to come back; the bank's own time for a code is ten minutes"""
RESULT_S: Final = 10.0
"""for an RReq to come, once the browser is back with its CRes"""
PAY: Final = "pay"
"""`Merchant.unauthenticated`: a card that cannot be authenticated is authorized without proof"""
BACK, METHOD_DONE = "/3ds/back", "/3ds/method"
_REMEMBERED: Final = 10_000
_NOT_ENROLLED: Final = "13"
Submit = Callable[[Order, Card, Attempt], Awaitable[Order]]
Refuse = Callable[[Order, Attempt], Awaitable[Order]]
Lost = Callable[[Order], Awaitable[Order]]


class Pending:
    """An authentication under way, as far as it is in memory alone."""

    def __init__(self, number: int, card: Card | None = None, browser: Browser | None = None) -> None:
        """`card`: None where a process before had it."""
        self.number, self.card, self.browser = number, card, browser
        self.method_url, self.version = "", VERSION
        self.method_done = self.asked = False
        self.answered = trio.Event()
        """the AReq has come to something"""
        self.result = trio.Event()
        """the RReq has come"""


class Authentications:
    """Takes each order through its bank's authentication, and on to its authorization."""

    def __init__(
        self,
        desk: Desk,
        institution: str,
        server: ThreeDsServer,
        pages: str,
        *,
        submit: Submit,
        refuse: Refuse,
        lost: Lost,
    ) -> None:
        """`institution`: of the acquirer. `pages`: where browsers reach the gateway. The others go on
        with the order: to the issuer, to the customer; `lost`, where nobody can."""
        self._desk, self._institution, self.server = desk, institution, server
        self._pages = pages.rstrip("/")
        self._submit, self._refuse, self._lost = submit, refuse, lost
        self._pending: OrderedDict[str, Pending] = OrderedDict()

    async def take_up(self) -> None:
        """Know the authentications that a process before has begun: their browsers may come back."""
        for order in await self._desk.disk(self._desk.registry.store.in_stage, Stage.AUTHENTICATING):
            self._remember(_of(order).trans_id, Pending(order.number))

    def _remember(self, trans_id: str, pending: Pending) -> None:
        self._pending[trans_id.lower()] = pending
        while len(self._pending) > _REMEMBERED:
            self._pending.popitem(last=False)

    def forget_card(self, order: Order) -> None:
        """The order has ended, or another card is tried: nobody needs this one, or its CVV2, any more."""
        known = order.attempt.authentication if order.attempt is not None else None
        pending = self._pending.get(known.trans_id.lower()) if known is not None else None
        if pending is not None:
            pending.card = pending.browser = None

    def pending(self, order: Order) -> Pending | None:
        """What is in memory of an order's authentication; None: nothing, so that it cannot be gone on with."""
        found = self._pending.get(_of(order).trans_id.lower())
        return found if found is not None and found.card is not None else None

    # -- the bank

    async def begin(self, order: Order, card: Card, attempt: Attempt, browser: Browser) -> Order:
        """The order: authorized or refused, or waiting for its browser. Raises IllegalMoveError."""
        cards, trans_id = self.server.range_of(card.pan), self.server.new_id()
        known = Authentication(trans_id=trans_id)
        if cards is None:
            status = Status.NOT_ENROLLED if self.server.ready else Status.FAILED
            return await self._decide(order, card, _with(attempt, known, status))
        attempt = msgspec.structs.replace(attempt, authentication=known)
        moved = await self._authenticating(order, attempt)
        pending = Pending(order.number, card, browser)
        pending.method_url, pending.version = cards.method_url if browser.scripted else "", cards.version
        self._remember(trans_id, pending)
        if pending.method_url:
            return moved
        return await self.ask(moved, "N" if cards.method_url else "U")

    async def _authenticating(self, order: Order, attempt: Attempt) -> Order:
        ends = now_us() + AUTHENTICATION_US
        return await self._desk.move(order, Move.AUTHENTICATE, ends, attempt=attempt, attempts=order.attempts + 1)

    async def method_over(self, order: Order) -> Order:
        """The page of the 3DS Method is done, or has waited long enough."""
        pending = self.pending(order)
        if pending is None:
            return await self._lost(order)
        return await self.ask(order, "Y" if pending.method_done else "N")

    async def ask(self, order: Order, comp: str) -> Order:
        """Send the AReq, once; returns when it has come to something. `comp`: threeDSCompInd."""
        pending = self.pending(order)
        if pending is None:
            return await self._lost(order)
        if not pending.asked:
            pending.asked = True
            self._desk.start(self._ask, order, pending, comp)
        await pending.answered.wait()
        return await self._desk.order(order.number)

    async def _ask(self, order: Order, pending: Pending, comp: str) -> None:
        card, attempt = pending.card, attempt_of(order)
        if card is None or pending.browser is None:
            raise LookupError("the card is not here any more")
        challenged = False
        try:
            who = await self._requestor(order)
            asked = make_areq(
                _of(order).trans_id, who, _purchase(order, card), pending.browser,
                server_url=self.server.url, notification_url=self._pages + BACK, comp=comp,
                version=pending.version, holder=cardholder_of(order.fields.get("BillToName"), order.fields.get("email")),
            )  # fmt: skip
            try:
                answer = await self.server.authenticate(asked)
            except PeerError as error:
                hint = "decided by the merchant's setting: `cmi-switch merchant change --unauthenticated pay|refuse`"
                self._desk.report("authentication.failed", {**named(order), "reason": str(error), "hint": hint})
                await self._note(order, [asked], unanswered("ARes", str(error), now_us()))
                await self._decide(order, card, _with(attempt, _of(order), Status.FAILED))
                return
            ids = asked["threeDSServerTransID"], answer["acsTransID"], answer["messageVersion"]
            await self._note(order, [asked, answer, *([make_creq(*ids)] if answer["transStatus"] == "C" else [])])
            challenged = await self._take_answer(order, card, answer)
        except IllegalMoveError:
            pass  # the customer has cancelled meanwhile
        finally:
            if not challenged:
                pending.card = pending.browser = None
            pending.answered.set()

    async def _note(self, order: Order, messages: Iterable[Message], *more: KeptMessage) -> None:
        """Keep them, masked, for who looks at the order."""
        await self._desk.disk(self._desk.registry.store.add_messages, order, [*kept(messages, now_us()), *more])

    async def _take_answer(self, order: Order, card: Card, answer: Message) -> bool:
        """True: the cardholder is to go to the bank's page."""
        said, attempt = answer["transStatus"], attempt_of(order)
        known = msgspec.structs.replace(
            _of(order),
            version=answer["messageVersion"],
            acs_trans_id=answer["acsTransID"],
            ds_trans_id=answer["dsTransID"],
        )
        if said == "C":
            known = msgspec.structs.replace(known, acs_url=answer["acsURL"])
            changed = msgspec.structs.replace(attempt, authentication=known)
            await self._desk.move(order, Move.CHALLENGE, now_us() + AUTHENTICATION_US, attempt=changed)
            return True
        enrolled = answer.get("transStatusReason") != _NOT_ENROLLED
        status = Status(said) if enrolled or said != Status.UNAVAILABLE else Status.NOT_ENROLLED
        await self._decide(order, card, _with(attempt, known, status, answer.get("authenticationValue", "")))
        return False

    async def _decide(self, order: Order, card: Card, attempt: Attempt) -> Order:
        """Authorize with what was proved, or without where the merchant bears that; or refuse."""
        status = Status(attempt.authentication.status) if attempt.authentication is not None else Status.FAILED
        pays = status in PROVED
        if not pays and status not in REFUSED:
            merchant: Merchant = await self._desk.merchant(order.asked.clientid)
            pays = merchant.unauthenticated == PAY
        if pays:
            return await self._submit(order, card, attempt)
        if order.stage in PAYABLE:
            order = await self._authenticating(order, attempt)
        return await self._refuse(order, attempt)

    # -- what comes back

    async def take_result(self, told: Message) -> str:
        """An RReq: durable when this returns. ProtocolError: nobody waits for it, or it says otherwise than before."""
        pending = self._pending.get(told["threeDSServerTransID"].lower())
        order = await self._desk.order(pending.number) if pending is not None else None
        known = order.attempt.authentication if order is not None and order.attempt is not None else None
        if pending is None or order is None or known is None:
            raise ProtocolError(ErroCode.ID_NOT_RECOGNIZED, "threeDSServerTransID", told)
        own = {"threeDSServerTransID": known.trans_id, "acsTransID": known.acs_trans_id, "dsTransID": known.ds_trans_id}
        for name, value in own.items():
            if not same_id(told[name], value):
                raise ProtocolError(ErroCode.ID_NOT_RECOGNIZED, name, told)
        if known.result:
            if known.result != told["transStatus"]:
                raise ProtocolError(ErroCode.DATA_NOT_VALID, "transStatus", told)
            return "01"
        if order.stage is Stage.AUTHENTICATING:
            value = told.get("authenticationValue", "")
            known = msgspec.structs.replace(known, result=told["transStatus"], value=value)
            changed = msgspec.structs.replace(attempt_of(order), authentication=known)
            try:
                await self._desk.move(order, Move.RESULT, order.due_us, attempt=changed)
            except IllegalMoveError:  # it came twice at once, or the customer has cancelled this very moment
                return await self.take_result(told)
            await self._note(order, [told, {"messageType": "RRes", **own, "resultsStatus": "01"}])
            pending.result.set()
        return "01"

    async def take_back(self, text: str) -> Order | None:
        """The browser is back with a CRes: the order as it goes on; None: it is back from nothing that is known."""
        try:
            message = from_form(text)
        except ProtocolError:
            return None
        trans_id = message.get("threeDSServerTransID")
        pending = self._pending.get(trans_id.lower()) if isinstance(trans_id, str) else None
        if pending is None:
            return None
        order = await self._desk.order(pending.number)
        if order.stage is not Stage.AUTHENTICATING or not same_id(_of(order).trans_id, trans_id):
            return order
        if pending.card is None:
            return await self._lost(order)
        with trio.move_on_after(RESULT_S if _says(message, order) else 0):
            await pending.result.wait()
        order = await self._desk.order(pending.number)
        if order.stage is not Stage.AUTHENTICATING or pending.card is None:
            return order
        known, said = _of(order), _says(message, order)
        await self._note(order, [message])
        status = _agreed(known.result, said)
        if status in REFUSED:
            reason = (
                f"the bank's result is {known.result or 'none'}, the browser says {said or 'nothing that is right'}"
            )
            self._desk.report("authentication.refused", {**named(order), "reason": reason})
        try:
            return await self._decide(order, pending.card, _with(attempt_of(order), known, status, known.value))
        except IllegalMoveError:  # the same CRes twice, or cancelled
            return await self._desk.order(order.number)
        finally:
            pending.card = None

    def method_notified(self, text: str) -> None:
        """The 3DS Method is done, says the browser."""
        try:
            trans_id = from_form(text).get("threeDSServerTransID")
        except ProtocolError:
            return
        pending = self._pending.get(trans_id.lower()) if isinstance(trans_id, str) else None
        if pending is not None:
            pending.method_done = True

    def method_data(self, order: Order) -> dict[str, str]:
        """What the 3DS Method's page is posted."""
        return {
            "threeDSServerTransID": _of(order).trans_id,
            "threeDSMethodNotificationURL": self._pages + METHOD_DONE,
        }

    async def _requestor(self, order: Order) -> Requestor:
        merchant: Merchant = await self._desk.merchant(order.asked.clientid)
        site = (merchant.site or merchant.hosts[0]).rpartition("://")[2].partition("/")[0]
        scheme = "http" if is_loopback(site.partition(":")[0]) else "https"
        return Requestor(
            id=merchant.clientid,
            name=merchant.title,
            url=f"{scheme}://{site}/",
            acquirer=self._institution,
            category=merchant.category,
            country=self._desk.network.country,
        )


def _of(order: Order) -> Authentication:
    """An order's authentication. LookupError: it has none."""
    found = attempt_of(order).authentication
    if found is None:
        raise LookupError(f"order {order.number} is not being authenticated")
    return found


def _with(attempt: Attempt, known: Authentication, status: Status, value: str = "") -> Attempt:
    eci = eci_of(attempt.scheme, status)
    proof = value if status in PROVED else ""
    known = msgspec.structs.replace(known, status=status, eci=eci, value=proof)
    return msgspec.structs.replace(attempt, authentication=known)


def _says(message: Message, order: Order) -> str:
    """Y or N of a CRes that is right, and of this order; "" of anything else."""
    try:
        said = check_message(message, {"CRes"})
    except ProtocolError:
        return ""
    return str(said["transStatus"]) if same_id(said["acsTransID"], _of(order).acs_trans_id) else ""


def _agreed(result: str, said: str) -> Status:
    """What a challenge came to: yes where both say so; unavailable where the bank says so; else no."""
    if result in PROVED and said == "Y":
        return Status(result)
    return Status.UNAVAILABLE if (result, said) == (Status.UNAVAILABLE, "N") else Status.NOT_AUTHENTICATED


def _purchase(order: Order, card: Card) -> Purchase:
    return Purchase(
        pan=card.pan,
        expiry=card.expiry,
        amount=order.asked.amount,
        currency=order.asked.currency,
        exponent=currency(order.asked.currency).exponent,
        at=time.strftime("%Y%m%d%H%M%S", time.gmtime()),
    )
