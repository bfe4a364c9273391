"""The inventory of what the pages load: each file, why it is there, and what it is, to the byte (PCI DSS 6.4.3, 11.6.1).

In: the files as they are installed. Out: their bytes, or an InventoryError. The one rule: a file that is not the one that was
released is not served, and pages tell browsers what each must be (`integrity`), so that nothing put in its place runs.

A changed file changes its line here, which a reviewer sees.
"""

import base64
import hashlib
from importlib.resources import files
from typing import Final

import msgspec


class InventoryError(Exception):
    """A file that is not what was released; says which and what to do."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One file."""

    media_type: str
    reason: str
    integrity: str


INVENTORY: Final = {
    "pay.css": Item(
        media_type="text/css",
        reason="how all pages look",
        integrity="sha384-T78PjbpWkEFDv0AOGa8PBogOqrIjHZbpmfg4DtldrXDoFlTgHlJXPqctP4Oz60nJ",
    ),
    "pay.js": Item(
        media_type="text/javascript",
        reason="groups the card's digits, shows its scheme, types a test card, sends a form once, goes back to the shop",
        integrity="sha384-cViibPjBy1PZ7aX6hTPhAEdtpO+C20s9l7UUc0srBKPCc8hnGLTWO++vram8jI8U",
    ),
    "authenticate.js": Item(
        media_type="text/javascript",
        reason="tells the card's bank what 3-D Secure asks of a browser, and goes on to the bank by itself",
        integrity="sha384-CqjqO0O06mzd+CLBiqTUdvWPjIUEpdbX/MRvAeBZ2bQ2NN9YbpdOKtHe43SFRXYP",
    ),
    "icon.svg": Item(
        media_type="image/svg+xml",
        reason="the browser tab's picture",
        integrity="sha384-IkUf6eLYgYYzBAsTz6jgH8PKvuJQy5g2wQmWIboxgS0F9uB/nCg3nrdnbwA0SAxt",
    ),
}


def integrity_of(content: bytes) -> str:
    """As browsers check it."""
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


def read_released() -> dict[str, bytes]:
    """All files, each what it must be. Raises InventoryError."""
    found: dict[str, bytes] = {}
    for name, item in INVENTORY.items():
        content = files("switch.gateway.pages").joinpath(name).read_bytes()
        if integrity_of(content) != item.integrity:
            raise InventoryError(
                f"{name}: is not the file that was released (expected {item.integrity}, found {integrity_of(content)}); "
                "somebody has changed it: install cmi-switch anew, and find out who"
            )
        found[name] = content
    return found
