"""Who is logged in on the merchants' pages. Pure: time and randomness come in.

In: a merchant that has shown its password, a cookie. Out: a session, or None. The one rule: what a cookie holds is kept as a
digest only, a session ends after a while without use, at the latest after a day's work, and at once when the password changes.
"""

import hashlib
import hmac
from collections import OrderedDict
from typing import Final

import msgspec

from switch.gateway.orders.order import Merchant
from switch.http.sessions import lasts

SESSIONS_MAX: Final = 1_000


class Session(msgspec.Struct, kw_only=True):
    """One browser of a merchant's."""

    clientid: str
    password: bytes
    """what was kept of the password then"""
    form_key: str
    """what its forms must have: another site's do not know it"""
    began: float
    used: float


class Sessions:
    """Of one gateway; they end with its process."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, Session] = OrderedDict()

    def begin(self, merchant: Merchant, token: str, form_key: str, now: float) -> None:
        """`token`: for the cookie, fresh and random, as `form_key` is. Above the limit the one that was unused longest ends."""
        while len(self._kept) >= SESSIONS_MAX:
            self._kept.popitem(last=False)
        self._kept[_digest(token)] = Session(
            clientid=merchant.clientid, password=merchant.page_password, form_key=form_key, began=now, used=now
        )

    def find(self, token: str, now: float) -> Session | None:
        """The session of a cookie, which is used now."""
        key = _digest(token)
        found = self._kept.get(key)
        if found is None or not lasts(found.began, found.used, now):
            self._kept.pop(key, None)
            return None
        found.used = now
        self._kept.move_to_end(key)
        return found

    def end(self, token: str) -> None:
        """Log out."""
        self._kept.pop(_digest(token), None)


def is_of(session: Session, merchant: Merchant) -> bool:
    """May it go on? Not once the merchant is suspended, or has another password."""
    return not merchant.suspended and hmac.compare_digest(session.password, merchant.page_password)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
