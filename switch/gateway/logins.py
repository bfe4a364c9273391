"""Whether somebody is a merchant's user: of the API, and of the merchants' pages.

In: a name and a password. Out: the merchant, or None. The one rule: who is not right learns nothing, not by the time it takes
either; wrong passwords of an address are counted, and above a limit none is looked at. (Not of a merchant: its passwords
are made here and cannot be guessed, and nobody shall lock it out.)
"""

import time
from typing import Final

import msgspec
import trio

from switch.gateway.merchants import check_password
from switch.gateway.orders.order import Merchant
from switch.gateway.pace import counted_as
from switch.gateway.service import Service

_NOBODY: Final = Merchant(clientid="", title="", city="", category="", site="", hosts=(), sealed_key=b"")


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Who somebody says to be; its repr shows no password."""

    clientid: str
    name: str
    password: str

    def __repr__(self) -> str:
        return f"User({self.clientid[:15]!r})"


async def log_in(service: Service, user: User, client: str) -> Merchant | None:
    """Its merchant; None: it is nobody's user, its merchant is suspended, or too many wrong passwords were tried."""
    who, now = counted_as(client), time.monotonic()
    if service.paces.is_full("logins_per_client", who, now):
        reason = "too many wrong passwords in ten minutes; none is looked at for a while"
        service.refusals.note("login", reason, client=client, clientid=user.clientid)
        return None
    merchant: Merchant | None = await service.disk(service.registry.store.merchant, user.clientid)
    right = await trio.to_thread.run_sync(check_password, merchant or _NOBODY, user.name, user.password)
    if merchant is not None and right and not merchant.suspended:
        return merchant
    service.paces.take("logins_per_client", who, now)
    reason = "the merchant is suspended" if merchant is not None and right else "name or password is not right"
    service.refusals.note("login", reason, client=client, clientid=user.clientid)
    return None
