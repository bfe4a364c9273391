"""The 3-D Secure messages of an order, as they are kept for who looks. The one rule: a card's number is masked before anything is
kept, and what proves an authentication is left out."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from switch.threeds.protocol.encoding import shown
from switch.wire.pans import mask_pans

MESSAGE_MAX: Final = 16_384
"""characters of one: a peer may say more, and nobody reads it"""
SERVER, DIRECTORY, BROWSER = "3DS server", "directory server", "browser"
_WAYS: Final = {
    "AReq": (SERVER, DIRECTORY),
    "ARes": (DIRECTORY, SERVER),
    "CReq": (SERVER, BROWSER),
    "CRes": (BROWSER, SERVER),
    "RReq": (DIRECTORY, SERVER),
    "RRes": (SERVER, DIRECTORY),
}


class KeptMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message, or why there is none."""

    at_us: int
    kind: str
    """`AReq` …"""
    said: str
    """what it comes to: transStatus or resultsStatus, or why no answer counts; "": it asks"""
    text: str
    """JSON, indented; masked"""

    @property
    def way(self) -> tuple[str, str]:
        """Who sent it to whom, as the 3DS server sees it."""
        return _WAYS.get(self.kind, ("", ""))


def kept(messages: Iterable[Mapping[str, Any]], at_us: int) -> list[KeptMessage]:
    """As they are kept."""
    return [
        KeptMessage(
            at_us=at_us,
            kind=str(message.get("messageType", ""))[:4],
            said=str(message.get("transStatus", message.get("resultsStatus", "")))[:40],
            text=mask_pans(shown(message), anywhere=False)[:MESSAGE_MAX],
        )
        for message in messages
    ]


def unanswered(kind: str, why: str, at_us: int) -> KeptMessage:
    """In the place of an answer: none came, or none that counts."""
    return KeptMessage(at_us=at_us, kind=kind, said=why[:300], text="")
