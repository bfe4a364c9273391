"""Who authenticates cardholders on the web (3-D Secure), as a network file says it."""

import msgspec


class AuthenticationRule(msgspec.Struct, frozen=True, kw_only=True):
    """What an access control server does about a payment with a card of one range."""

    low: str
    """as in `BinRange`; "" of what holds for all others"""
    high: str
    asks: str
    """`always` a code, `never`, `above` an amount; or `attempt`, `refuse`, `reject`, `unavailable`, `not-enrolled`"""
    above: int = 0
    """of `above`: minor units of the home currency"""


class AccessControl(msgspec.Struct, frozen=True, kw_only=True):
    """An access control server (ACS): where issuers' cardholders are authenticated on the web (3-D Secure)."""

    name: str
    issuers: tuple[str, ...]
    """members whose cards it knows; of foreign cards, schemes"""
    host: str
    port: int
    """where it listens"""
    url: str
    """how browsers and the directory server reach it"""
    rules: tuple[AuthenticationRule, ...]
    """the last holds for cards of no range before it"""
    method: bool = True
    """it looks at the browser first (3DS Method)"""
    cavv_key: str = ""
    """names of the security module's keys; both empty: the test keys"""
    aav_key: str = ""


class ThreeDs(msgspec.Struct, frozen=True, kw_only=True):
    """Where the directory server of 3-D Secure is."""

    host: str
    port: int
    url: str


def acs_of(servers: tuple[AccessControl, ...], issuer: str) -> AccessControl | None:
    """What authenticates the cards of this member, or the foreign ones of this scheme; None: nothing does."""
    return next((acs for acs in servers if issuer in acs.issuers), None)
