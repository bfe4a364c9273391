"""Whether somebody is a merchant's user: of the API, and of the merchants' pages.

In: a merchant's number, and how to tell. Out: the merchant, or None. The one rule: who is not right learns nothing, nor by the
time it takes; wrong passwords of an address are counted, and above a limit none is looked at. (Not of a merchant: its passwords
are made here and cannot be guessed, and nobody shall lock it out.)
"""

import time
from collections.abc import Callable
from typing import Final

import trio

from switch.gateway.orders.order import Merchant
from switch.gateway.pace import counted_as
from switch.gateway.service import Service

_NOBODY: Final = Merchant(clientid="", title="", city="", category="", site="", hosts=(), sealed_key=b"")


async def log_in(service: Service, clientid: str, client: str, is_right: Callable[[Merchant], bool]) -> Merchant | None:
    """The merchant of that number; None: the password is not right, it is suspended, or too many wrong ones were tried.

    `client`: the address it comes from. `is_right`: takes a while, and is asked in a thread, of nobody where there is no such
    merchant.
    """
    who, now = counted_as(client), time.monotonic()
    if service.paces.is_full("logins_per_client", who, now):
        reason = "too many wrong passwords in ten minutes; none is looked at for a while"
        service.refusals.note("login", reason, client=client, clientid=_said(clientid))
        return None
    merchant: Merchant | None = await service.disk(service.registry.store.merchant, clientid)
    right = await trio.to_thread.run_sync(is_right, merchant or _NOBODY)
    if merchant is not None and right and not merchant.suspended:
        return merchant
    service.paces.take("logins_per_client", who, now)
    reason = "the merchant is suspended" if merchant is not None and right else "name or password is not right"
    service.refusals.note("login", reason, client=client, clientid=_said(clientid))
    return None


def _said(clientid: str) -> str:
    """As the log and the list of refusals have it: what can be no merchant's number may be a password in the wrong field."""
    return clientid if clientid.isascii() and clientid.isdigit() else ""
