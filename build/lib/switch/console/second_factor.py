"""A second factor of who logs in: a code of six digits that changes each half minute (TOTP, RFC 6238), or a recovery code.

In: a secret that an authenticator application has, too; what was typed; the time. Out: whether it is right, and for which half
minute, so that nobody who looked on can use it again. Pure.
"""

import hashlib
import hmac
from base64 import b32encode
from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

DIGITS: Final = 6
STEP_S: Final = 30
SECRET_BYTES: Final = 20
"""as RFC 4226 recommends, and applications expect"""
RECOVERY_CODES: Final = 10
_APART: Final = (0, -1, 1)
"""half minutes by which two clocks may differ (RFC 6238, 5.2)"""
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""of recovery codes: none is taken for another"""
_RECOVERY_LENGTH: Final = 12


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), STEP_S)  # noqa: S303 - what every application speaks; HMAC does not need more of it


def step_of(secret: bytes, typed: str, now_s: float) -> int | None:
    """The half minute that the code is of; None: of none that is near."""
    text = "".join(typed.split())
    if not (text.isascii() and text.isdecimal() and len(text) == DIGITS):
        return None
    step = int(now_s // STEP_S)
    near = [step + apart for apart in _APART if step + apart >= 0]
    return next((one for one in near if hmac.compare_digest(_totp(secret).generate(one * STEP_S), text.encode())), None)


def address_of(secret: bytes, name: str, issuer: str) -> str:
    """What an application reads, as a link or made into a QR code (otpauth)."""
    return _totp(secret).get_provisioning_uri(name, issuer)


def spelled(secret: bytes) -> str:
    """The secret as people type it."""
    text = b32encode(secret).decode().rstrip("=")
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def make_recovery(draw: Callable[[int], int]) -> str:
    """A code for who has lost the application. `draw`: a number below another, at random."""
    text = "".join(_LETTERS[draw(len(_LETTERS))] for _ in range(_RECOVERY_LENGTH))
    return f"{text[:4]}-{text[4:8]}-{text[8:]}"


def recovery_digest(typed: str) -> bytes:
    """What is kept of a recovery code: it has 59 bits, so that a plain digest tells nobody what it was."""
    letters = "".join(c for c in typed.lower() if c in _LETTERS)
    return hashlib.sha256(letters.encode()).digest()
