"""What all flows of transactions share: how a message is taken, checked, routed, refused and answered.

A flow decides: it reads state, records, sends. What a transaction may become is `core.records.lifecycle`'s; state itself changes
in `state.apply` only.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from switch.core.kernel import Kernel
from switch.core.links.session import HostState, Session, significant
from switch.core.links.states import SessionState
from switch.core.messages.dates import date_mistake
from switch.core.messages.internal import PRIVATE, Private48, original_data, private_elements
from switch.core.messages.meaning import INQUIRIES
from switch.core.messages.merchant import country_at_end
from switch.core.party import Hop, LinkId
from switch.core.records.records import (
    REVERSAL,
    Declined,
    Forwarded,
    Key,
    Owed,
    own_key,
)
from switch.core.records.standin_counters import STAND_IN
from switch.core.routing.decision import Decision
from switch.core.routing.routing import Router
from switch.core.shards import about_parts
from switch.core.transactions.incoming import Incoming
from switch.wire.pans import TEXTS, keepable
from switch.wire.subfields import SubfieldError
from switch.wire.vocabulary import DE, MTI, SENSITIVE, Answer, Document, mask_pan, original_of

UP: Final = SessionState.UP

KEPT: Final = (
    DE.PROCESSING_CODE, DE.AMOUNT, DE.AMOUNT_SETTLEMENT, DE.AMOUNT_BILLING, DE.RATE_SETTLEMENT, DE.RATE_BILLING, DE.LOCAL_TIME,
    DE.LOCAL_DATE, DE.MERCHANT_TYPE, DE.ACQUIRER_COUNTRY, DE.ENTRY_MODE, DE.CONDITION_CODE, DE.ACQUIRER, DE.RRN, DE.TERMINAL,
    DE.MERCHANT, DE.CURRENCY, DE.CURRENCY_SETTLEMENT, DE.CURRENCY_BILLING, DE.ADDITIONAL_AMOUNTS,
)  # fmt: skip
"""Elements of a request that a reversal repeats; none is sensitive."""

RESTORED: Final = (
    DE.PAN, DE.PROCESSING_CODE, DE.AMOUNT, DE.LOCAL_TIME, DE.LOCAL_DATE, DE.ACQUIRER, DE.RRN, DE.TERMINAL,
    DE.MERCHANT, DE.CURRENCY,
)  # fmt: skip
"""Elements an acquirer gets back as it sent them, whatever the issuer made of them."""

OF_THE_LINK: Final = frozenset({
    DE.HEADER, DE.MTI, DE.BITMAP, DE.BITMAP_SECONDARY, DE.TRANSMISSION_TIME, DE.STAN, DE.FORWARDER, DE.RESPONSE_CODE,
    DE.MAC, DE.MAC_SECONDARY,
})  # fmt: skip
"""Elements of an answer that are one message's, not the answer's: a repeat has its own."""

NOT_REMEMBERED: Final = OF_THE_LINK | SENSITIVE | {DE.PAN, DE.EXPIRY, DE.PRIVATE_126}
"""Of an answer; all else a repeat gets again, DE48 without what is sensitive in it."""

_RULED_OUT: Final = NOT_REMEMBERED.union(RESTORED)
_KEPT_TEXTS: Final = tuple(de for de in KEPT if de in TEXTS)

NOT_STORED: Final = SENSITIVE | {
    DE.PAN, DE.PRIVATE_48, DE.ICC, DE.MAC, DE.MAC_SECONDARY, DE.PRIVATE_126,
}  # fmt: skip
"""What an advice loses on its way into the journal."""

ORIGINAL_ACQUIRER: Final = slice(20, 31)
"""Of DE90: whose payment it names"""

REQUIRED: Final = frozenset({DE.PROCESSING_CODE, DE.TRANSMISSION_TIME, DE.STAN})
REQUIRED_WITH_MONEY: Final = frozenset({DE.AMOUNT, DE.CURRENCY})


class Refusal(Exception):  # noqa: N818 - the field's word; nothing has gone wrong here
    """A request that goes no further: DE39 and a sentence for the log."""

    def __init__(self, de39: str, reason: str, route: str = "refused") -> None:
        super().__init__(reason)
        self.de39 = de39
        self.reason = reason
        self.route = route

    def go_on(self, further: str) -> None:
        """The sentence goes on: why it was not helped, either."""
        self.reason = self.reason + further


class Away(Refusal):
    """The card's issuer cannot be asked, and has not been."""


@lru_cache(maxsize=1_024)
def _kept(elements: tuple[str, ...]) -> tuple[str, ...]:
    """Of a message with these elements, those that are kept: asked with every request, and most have the same elements."""
    return tuple(de for de in KEPT if de in elements)


@lru_cache(maxsize=1_024)
def _added(elements: tuple[str, ...]) -> tuple[str, ...]:
    """Of an answer with these elements, those that are remembered whatever was asked."""
    return tuple(de for de in elements if de not in _RULED_OUT)


def kept_of(document: Document) -> Document:
    """What of a request its record keeps, and a reversal repeats: `KEPT`, without a PAN in a text."""
    return keepable({de: document[de] for de in _kept(tuple(document))}, _KEPT_TEXTS)


def remembered(answered: Document, absent: Iterable[str]) -> Document:
    """What of a host's answer the journal keeps, and a repeat of its request gets again: all that the answer added, but nothing
    sensitive. `absent`: of `RESTORED`, what the request had not."""
    kept = {de: answered[de] for de in _added(tuple(answered))}
    kept.update({de: answered[de] for de in absent if de in answered and de not in NOT_REMEMBERED})
    if answered.get(DE.RESPONSE_CODE) == Answer.PARTIAL:
        kept[DE.AMOUNT] = answered[DE.AMOUNT]
    if DE.PRIVATE_48 in kept:
        private = _private(kept)
        for sensitive in (Private48.CAVV, Private48.CVV2):
            private.pop(sensitive, None)
        del kept[DE.PRIVATE_48]
        if private:
            kept[DE.PRIVATE_48] = PRIVATE.build(private)
    return keepable(kept)


def _private(document: Document) -> dict[str, str]:
    """Subelements of DE48; none where it cannot be read."""
    try:
        return dict(private_elements(document))
    except SubfieldError:
        return {}


def _repeated_48(answered: Document) -> str:
    """What of the answer's DE48 its reversal repeats: the network's name of the transaction, and the mark of a stand-in."""
    repeated = (Private48.STAND_IN, Private48.REFERENCE)
    kept = {name: value for name, value in _private(answered).items() if name in repeated}
    return PRIVATE.build(kept) if kept else ""


def original_name(kernel: Kernel, request: Forwarded) -> str:
    """DE90 as the host knows the request: the DE11 and DE7 that the switch gave it, or those of the advice it was told by."""
    acquirer, forwarder = request.elements.get(DE.ACQUIRER, ""), kernel.network.institution
    mti = MTI.AUTHORIZATION_ADVICE if request.route == STAND_IN else original_of(request.mti)
    return original_data(mti, request.stan, request.sent_at, acquirer, forwarder)


def reversal_entry(
    kernel: Kernel, request: Forwarded, reason: str, answered: Document, now: int, *, approved: bool = False
) -> Owed:
    """The switch's own reversal (0420) of a request it forwarded: same elements, DE90 naming it as the host knows it.

    `answered`: what its answer added (`Answered.elements`); empty where none came. `approved`: its host has approved it, and
    cannot know nothing of it.
    """
    stan, de7 = kernel.next_stan(request.host), kernel.de7(now)
    message = {
        **request.elements,
        DE.MTI: MTI.REVERSAL_ADVICE,
        DE.STAN: stan,
        DE.TRANSMISSION_TIME: de7,
        DE.FORWARDER: kernel.network.institution,
        DE.ORIGINAL: original_name(kernel, request),
    }
    message.update({de: answered[de] for de in (DE.APPROVAL_CODE, DE.AMOUNT) if de in answered})
    if reference := _repeated_48(answered):
        message[DE.PRIVATE_48] = reference
    amount = int(answered[DE.AMOUNT]) if DE.AMOUNT in answered else request.amount
    return Owed(
        txn=kernel.next_txn(now),
        at_us=kernel.wall_us(now),
        kind=REVERSAL,
        reason=reason,
        host=request.host,
        original=request.txn,
        key=own_key(MTI.REVERSAL, stan, de7),
        link=request.link,
        pan=request.pan,
        sealed=request.sealed,
        amount=amount,
        currency=request.currency,
        message=message,
        undoes=request.key,
        approved=approved,
    )


def forgotten_entry(kernel: Kernel, message: Incoming, host: str) -> Owed:
    """The switch's own reversal (0420) of a request that it does not know and a host may: named as its acquirer names it."""
    document, now = message.document, message.now
    stan, de7 = kernel.next_stan(host), kernel.de7(now)
    acquirer, forwarder = document.get(DE.ACQUIRER, ""), kernel.network.institution
    kept = kept_of(document)
    elements: Document = {
        **kept,
        DE.MTI: MTI.REVERSAL_ADVICE,
        DE.STAN: stan,
        DE.TRANSMISSION_TIME: de7,
        DE.FORWARDER: forwarder,
        DE.ORIGINAL: original_data(
            original_of(document[DE.MTI]), document[DE.STAN], document[DE.TRANSMISSION_TIME], acquirer, forwarder
        ),
    }
    txn = kernel.next_txn(now)
    return Owed(
        txn=txn,
        at_us=kernel.wall_us(now),
        kind=REVERSAL,
        reason="forgotten",
        host=host,
        original=0,
        key=own_key(MTI.REVERSAL, stan, de7),
        link=message.session.name,
        pan=message.masked,
        sealed=kernel.vault.seal(message.pan, txn),
        amount=message.amount,
        currency=message.currency,
        message=elements,
        undoes=message.key,
    )


def declined_entry(kernel: Kernel, message: Incoming, de39: str, reason: str) -> Declined:
    """The record of a refusal."""
    document = message.document
    return Declined(
        txn=message.txn,
        at_us=kernel.wall_us(message.now),
        key=message.key,
        link=message.session.name,
        mti=document[DE.MTI],
        pan=message.masked,
        amount=message.amount,
        currency=message.currency,
        rrn=document.get(DE.RRN, ""),
        de39=de39,
        reason=reason,
        window=kernel.window(message.now),
    )


# -- what requests, advices and reversals share


def key_of(session: Session, document: Document) -> Key:
    """What makes this message the same as another one."""
    get = document.get
    return (
        session.source, document[DE.MTI][1], get(DE.STAN, ""), get(DE.TRANSMISSION_TIME, ""), get(DE.ACQUIRER, ""),
        get(DE.TERMINAL, ""),
    )  # fmt: skip


def take(kernel: Kernel, session: Session, document: Document, raw: Document, now: int) -> Incoming:
    """Give the message its transaction and log its first hop. It takes room (`transactions.overload`), however it ends."""
    kernel.admitted += 1
    get = document.get
    pan = get(DE.PAN) or pan_of(document)
    masked = f"{pan[:6]}******{pan[12:]}" if len(pan) == 16 else mask_pan(pan)
    mti, stan, currency, text = document[DE.MTI], get(DE.STAN, ""), get(DE.CURRENCY, ""), get(DE.AMOUNT)
    amount = int(text) if text else 0
    txn = kernel.next_txn(now)
    key = key_of(session, document)
    if session.institution and not significant(get(DE.ACQUIRER, "")):
        document = {**document, DE.ACQUIRER: session.institution}
    kernel.effects.append(
        Hop(
            event="hop.received",
            txn=txn,
            link=session.link,
            mti=mti,
            stan=stan,
            rrn=get(DE.RRN, ""),
            pan=masked,
            amount=amount,
            currency=currency,
            route="",
            de39="",
            cost=0,
            at_ns=now,
            first_ns=now,
        )
    )
    return Incoming(
        session=session,
        document=document,
        raw=raw,
        txn=txn,
        key=key,
        pan=pan,
        masked=masked,
        amount=amount,
        currency=currency,
        now=now,
    )


def pan_of(document: Document) -> str:
    """DE2, or the PAN at the head of track 2 (DE35); "" where there is neither."""
    pan = document.get(DE.PAN)
    if pan:
        return pan
    return document.get(DE.TRACK2, "").replace("D", "=").partition("=")[0]


def check_shape(kernel: Kernel, message: Incoming) -> None:
    """Raise Refusal unless the link may send it, in whose name it says, and the elements a request needs are there, with dates
    that exist.

    The PAN is checked by routing.
    """
    session, document = message.session, message.document
    if session.state is not UP:
        check_link_state(message)
    if session.host is not None and session.host.config.role != "network":
        why = "an issuer's link carries no requests of its own; use an acquirer's port"
        raise Refusal(Answer.NOT_PERMITTED_TERMINAL, why)
    if document.get(DE.ACQUIRER) not in session.carried or DE.ORIGINAL in document:
        check_institutions(kernel, message)
    if DE.PROCESSING_CODE not in document or DE.TRANSMISSION_TIME not in document or DE.STAN not in document:
        raise missing(REQUIRED.difference(document))
    no_money = DE.AMOUNT not in document or DE.CURRENCY not in document
    if no_money and document[DE.PROCESSING_CODE][:2] not in INQUIRIES:
        raise missing(REQUIRED_WITH_MONEY.difference(document))
    if not session.dates.exist(message.raw, message.txn):
        raise Refusal(Answer.FORMAT_ERROR, date_mistake(message.raw, session.dialect.family, message.txn))


def check_institutions(kernel: Kernel, message: Incoming) -> None:
    """Raise Refusal where DE32, or the acquirer in DE90, is another's than who signed on and those it speaks for.

    Absent or nothing but zeros it is who signed on. 58 as Mastercard has it: not permitted to acquirer or terminal. It is the
    answer to what comes before a sign-on, too, so that a reversal is sent again, and taken once the network file is mended.
    """
    session, document = message.session, message.document
    if not (session.carried or session.not_carried):
        return
    original = document.get(DE.ORIGINAL, "")
    named = (("DE32", document.get(DE.ACQUIRER, "")), ("DE90", original[ORIGINAL_ACQUIRER] if original else ""))
    for element, institution in named:
        if session.may_name(institution):
            continue
        called = significant(institution)
        kernel.log(
            "warning", "message.foreign_institution", link=session.link, source=session.source, institution=called,
            element=element, mti=document[DE.MTI], txn=f"{message.txn:x}", carried=sorted(session.carried),
            hint=f"refused: {session.source} does not speak for it; if it should, `institutions` of its section in the network "
            "file names it",
        )  # fmt: skip
        why = f"{element} names institution {called}, and {session.source} has signed on, which does not speak for it"
        raise Refusal(Answer.NOT_PERMITTED_TERMINAL, why)


def check_link_state(message: Incoming) -> None:
    """The link is not up. Raise Refusal, unless it drains and this is about something that began before."""
    session, mti = message.session, message.document[DE.MTI]
    if session.state is SessionState.DRAINING:
        if mti[1] == MTI.REVERSAL or mti[2] == "2":
            return
        why = f"an operator drains link {session.link}: nothing new begins on it"
        raise Refusal(Answer.ISSUER_INOPERATIVE, why)
    if session.state is SessionState.MAINTENANCE:
        raise Refusal(Answer.ISSUER_INOPERATIVE, f"an operator has put link {session.link} into maintenance")
    why = f"link {session.link} is {session.state.value}: sign on first (0800, DE70=001)"
    raise Refusal(Answer.NOT_PERMITTED_TERMINAL, why)


def away(kernel: Kernel, host: HostState) -> str:
    """Why nothing can be sent to a host that is not up."""
    if f"host:{host.name}" in kernel.state.maintenance:
        return f"an operator has put host {host.name} into maintenance"
    return f"host {host.name} is not signed on"


def route(router: Router, message: Incoming, *, back: bool = False) -> Decision:
    """Where the card's issuer is reached; `back`: of a payment not known here, was. Raises Refusal, with the rule."""
    session, get = message.session, message.document.get
    if not message.pan:
        raise Refusal(Answer.FORMAT_ERROR, "DE2 is missing, and there is no track 2 (DE35) to take the PAN from")
    ask = router.route_back if back else router.route
    decision = ask(
        message.pan,
        source="network" if session.host is not None else "member",
        source_host=session.source,
        acquirer_country=get(DE.ACQUIRER_COUNTRY, ""),
        merchant_country=country_at_end(get(DE.MERCHANT_NAME, ""), get(DE.ACQUIRER_COUNTRY, "")),
    )
    if decision.de39:
        raise Refusal(decision.de39, decision.rule)
    return decision


def missing(elements: frozenset[str] | set[str]) -> Refusal:
    """The refusal that names the absent elements."""
    names = ", ".join(f"DE{de}" for de in sorted(elements, key=int))
    return Refusal(Answer.FORMAT_ERROR, f"required and missing: {names}")


def limit_reached(kernel: Kernel, limit: str, value: int, de39: str, host: str, where: str = "") -> Refusal:
    """Say which limit, and how to raise it, once a second at most; the refusal to raise. `host`: or the link it holds for.

    `where`: the section of the network file; "": that of the host or [limits].
    """
    where = where or (f"[[host]] {host}" if limit == "max_pending" else "[limits]")
    times = kernel.limit_times(limit, where)
    if times:
        part = about_parts(kernel.network, kernel.hosts[host].config) if limit == "max_pending" else ""
        kernel.log("warning", "limit.reached", limit=limit, value=value, host=host, times=times,
                   hint=f"raise {limit} in {where} of the network file{part}")  # fmt: skip
    return Refusal(de39, f"limit {limit}={value} reached ({where if limit == 'max_in_flight' else f'host {host}'})")


def hop_of(
    event: str, message: Incoming, document: Document, link: LinkId, route: str = "", de39: str = "", note: str = ""
) -> Hop:
    """A hop of `document`, which is `message` or answers it: its amount, its transaction, its time."""
    get = document.get
    return Hop(
        event=event,
        txn=message.txn,
        link=link,
        mti=document[DE.MTI],
        stan=get(DE.STAN, ""),
        rrn=get(DE.RRN, ""),
        pan=message.masked,
        amount=message.amount,
        currency=message.currency,
        route=route,
        de39=de39,
        cost=0,
        at_ns=message.now,
        first_ns=message.now,
        note=note,
    )
