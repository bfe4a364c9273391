"""Shops' forms: whose, signed how, for what, and whether it was asked before.

In: the fields of a form. Out: the order it opens, or has opened. The one rule: the same order id twice is one order: the same
payment asked again is shown as it stands, another payment under the same id is refused.
"""

import secrets
from collections.abc import Callable

import trio

from switch.gateway.orders.order import Merchant, Order
from switch.gateway.orders.store import TakenError
from switch.gateway.protocol import hashes, maroc_telecommerce
from switch.gateway.protocol.explain import explain
from switch.gateway.protocol.fields import Fields
from switch.gateway.protocol.requests import PaymentRequest, RequestError, read_request
from switch.gateway.service import Service
from switch.gateway.shops import now_us
from switch.http.client import CallError, check_target


class RefusedFormError(Exception):
    """A form that opens no order. The sentence is for the merchant's log: it holds no key and no value of a hash."""


async def take_form(service: Service, fields: Fields) -> Order:
    """The order of a form. Raises RefusedFormError."""
    merchant = await _merchant(service, fields.get("clientid"))
    key = service.registry.key_of(merchant)
    if hashes.check(fields, key, frozenset(merchant.accepts)) is None:
        raise RefusedFormError(f"merchant {merchant.clientid}: {await _why(service, merchant, fields, key)}")
    return await _open(service, merchant, key, fields, read_request, hashes.version_of(fields))


async def take_older_form(service: Service, fields: Fields, action_url: str) -> Order:
    """The order of a form of the older protocol, posted to `action_url`. Raises RefusedFormError."""
    merchant = await _merchant(service, fields.get("storeId"))
    named = f"merchant {merchant.clientid}"
    if maroc_telecommerce.VERSION not in merchant.accepts:
        hint = f"`cmi-switch merchant change {merchant.clientid} --accepts {maroc_telecommerce.VERSION}` allows it"
        raise RefusedFormError(f"{named}: is not allowed the older protocol; {hint}")
    key = service.registry.key_of(merchant)
    if not maroc_telecommerce.check_request(fields, action_url, key):
        raise RefusedFormError(
            f"{named}: field checksum: is none over {action_url}, storeId, cartId, (Count,) totalAmountTx, email and the key; "
            "is that the very address of the shop's setting (http or https, port, path)?"
        )
    return await _open(service, merchant, key, fields, maroc_telecommerce.read_request, maroc_telecommerce.VERSION)


async def _merchant(service: Service, clientid: str) -> Merchant:
    merchant: Merchant | None = await service.disk(service.registry.store.merchant, clientid)
    if merchant is None or merchant.suspended:
        what = "is suspended" if merchant else "is not known; add it with `cmi-switch merchant add`"
        raise RefusedFormError(f"merchant {clientid[:20]!r} {what}")
    return merchant


async def _open(
    service: Service,
    merchant: Merchant,
    key: str,
    fields: Fields,
    read: Callable[[Fields], PaymentRequest],
    version: str,
) -> Order:
    """The order of a form whose signature is right. Raises RefusedFormError."""
    try:
        _check_no_card(service, fields)
        _check_no_key(key, fields)
        asked = read(fields)
        for url in filter(None, (asked.ok_url, asked.fail_url, asked.callback_url)):
            check_target(url, merchant.hosts)
    except (RequestError, CallError) as error:
        raise RefusedFormError(f"merchant {merchant.clientid}: {error}") from None
    opened_us = now_us()
    order = Order(
        number=0,
        token=secrets.token_urlsafe(24),
        asked=asked,
        form=fields.pairs,
        version=version,
        charset=fields.charset,
        opened_us=opened_us,
        due_us=opened_us + asked.session_s * 1_000_000,
    )
    try:
        opened: Order = await service.disk(service.registry.store.open_order, order)
    except TakenError:
        return _asked_again(await service.disk(service.registry.store.by_id, *order.key), asked)
    return opened


async def _why(service: Service, merchant: Merchant, fields: Fields, key: str) -> str:
    """Why the hash is not right. It takes many hashes to find out: in a thread, and for so many forms of a merchant a minute."""
    if not service.explained.take(merchant.clientid, trio.current_time()):
        return "the hash is not right; why is not looked into, as that was done for as many as one merchant's forms a minute get"
    return await trio.to_thread.run_sync(explain, fields, key, frozenset(merchant.accepts))


def _check_no_card(service: Service, fields: Fields) -> None:
    """The form is kept and echoed as it came: a card's number must not be in it, whatever its name. Raises RequestError."""
    for name, value in fields:
        if service.is_card(value.replace(" ", "").replace("-", "")):
            raise RequestError(f"field {name[:40]}: is a card's number; cards are entered on the payment page only")


def _check_no_key(key: str, fields: Fields) -> None:
    """Some clients put all their settings into the form: whoever pays then reads the key and can sign. Raises RequestError."""
    for name, value in fields:
        if value.strip() == key:
            raise RequestError(
                f"field {name[:40]}: is the store key itself, which the browser has seen; take it out of the form, then "
                "`cmi-switch merchant rotate-key`"
            )


def _asked_again(order: Order, asked: PaymentRequest) -> Order:
    """The same payment, asked again: the amount, the currency and the kind say so, whatever else was changed since."""
    then = order.asked
    if (then.amount, then.currency, then.sale) != (asked.amount, asked.currency, asked.sale):
        raise RefusedFormError(
            f"merchant {asked.clientid}: field oid: {asked.oid} was used for another amount; each order has an id of its own"
        )
    return order
