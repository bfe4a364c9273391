"""The states of a link, and every move between them.

Theory of operation. A link is one connection. Whoever is at the other end signs on before it may pay; towards a host that the
switch connects to, the switch itself signs on, and waits for the answer. An operator takes a link out of use, at once
(maintenance) or once what is in flight has ended (draining), and puts it back. Whatever happens, a link can be closed, and
nothing moves a link that is closing.

    connected ──SIGN_ON──> signing on ──SIGNED_ON──> up ──SIGNED_OFF──> signed off ──SIGNED_ON──> up
    up ──DRAIN──> draining ──KEEP_OUT──> maintenance ──RESUME──> up, or ──SIGN_ON──> signing on      (a host)
    any ──CLOSE──> closing

`MOVES` is the whole of it, and the table that runs: `core.links.session.Session.move` knows no other way to another state.
"""

from enum import Enum
from typing import Final


class SessionState(Enum):
    """Only `UP` carries payments."""

    CONNECTED = "connected"
    SIGNING_ON = "signing on"
    UP = "up"
    SIGNED_OFF = "signed off"
    DRAINING = "draining"
    """by an operator: what is in flight ends, nothing new begins"""
    MAINTENANCE = "maintenance"
    """by an operator: nothing passes"""
    CLOSING = "closing"


class LinkEvent(Enum):
    """What moves a link."""

    SIGN_ON = "the switch signs on"
    SIGNED_ON = "a sign-on is accepted"
    SIGNED_OFF = "a sign-off is sent or accepted"
    DRAIN = "an operator drains it"
    KEEP_OUT = "an operator keeps it out"
    RESUME = "an operator lets it in again"
    CLOSE = "it is closed"


class IllegalLinkMoveError(Exception):
    """An event that a link in its state cannot meet: a mistake of the switch's own."""


_S, _E = SessionState, LinkEvent

MOVES: Final[dict[tuple[SessionState, LinkEvent], SessionState]] = {
    (_S.CONNECTED, _E.SIGN_ON): _S.SIGNING_ON,
    (_S.MAINTENANCE, _E.SIGN_ON): _S.SIGNING_ON,
    (_S.CONNECTED, _E.SIGNED_ON): _S.UP,
    (_S.SIGNING_ON, _E.SIGNED_ON): _S.UP,
    (_S.SIGNED_OFF, _E.SIGNED_ON): _S.UP,
    (_S.UP, _E.SIGNED_ON): _S.UP,
    (_S.DRAINING, _E.SIGNED_ON): _S.UP,
    (_S.MAINTENANCE, _E.SIGNED_ON): _S.UP,
    (_S.CONNECTED, _E.SIGNED_OFF): _S.SIGNED_OFF,
    (_S.SIGNING_ON, _E.SIGNED_OFF): _S.SIGNED_OFF,
    (_S.UP, _E.SIGNED_OFF): _S.SIGNED_OFF,
    (_S.SIGNED_OFF, _E.SIGNED_OFF): _S.SIGNED_OFF,
    (_S.DRAINING, _E.SIGNED_OFF): _S.DRAINING,
    (_S.MAINTENANCE, _E.SIGNED_OFF): _S.MAINTENANCE,
    (_S.UP, _E.DRAIN): _S.DRAINING,
    (_S.DRAINING, _E.DRAIN): _S.DRAINING,
    (_S.CONNECTED, _E.KEEP_OUT): _S.MAINTENANCE,
    (_S.SIGNING_ON, _E.KEEP_OUT): _S.MAINTENANCE,
    (_S.UP, _E.KEEP_OUT): _S.MAINTENANCE,
    (_S.SIGNED_OFF, _E.KEEP_OUT): _S.MAINTENANCE,
    (_S.DRAINING, _E.KEEP_OUT): _S.MAINTENANCE,
    (_S.MAINTENANCE, _E.KEEP_OUT): _S.MAINTENANCE,
    (_S.DRAINING, _E.RESUME): _S.UP,
    (_S.MAINTENANCE, _E.RESUME): _S.UP,
    **{(state, _E.CLOSE): _S.CLOSING for state in _S},
}
