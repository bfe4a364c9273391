"""The forms that elements of 3-D Secure messages have: each tells whether a value is of it. Pure."""

import binascii
import ipaddress
import re
from base64 import b64decode
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

Form = Callable[[Any], bool]
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_HOST: Final = re.compile(r"[A-Za-z0-9._:\[\]-]+")
"""and a port: nothing that would mean something else in a page's policy, and no name of a user"""
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*={0,2}")


def text(longest: int, shortest: int = 1) -> Form:
    """A string of so many characters."""
    return lambda value: isinstance(value, str) and shortest <= len(value) <= longest


def digits(longest: int, shortest: int = 0) -> Form:
    """Decimal digits; without `shortest`, exactly so many."""
    low = shortest or longest
    return lambda value: (
        isinstance(value, str) and value.isascii() and value.isdecimal() and low <= len(value) <= longest
    )


def one_of(*values: str) -> Form:
    """One of these strings."""
    return lambda value: isinstance(value, str) and value in values


color_depth: Final = one_of("1", "4", "8", "15", "16", "24", "32", "48")
"""browserColorDepth: bits of a pixel"""


def numbered(last: int) -> Form:
    """`01` to `last`, or of the numbers that a directory server may give a meaning: 80 to 99."""
    two = digits(2)
    return lambda value: two(value) and (1 <= int(value) <= last or int(value) >= 80)


def truth(value: Any) -> bool:
    """true or false, and no string of it."""
    return isinstance(value, bool)


def uuid(value: Any) -> bool:
    """A transaction id, in either case of letters."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def url(longest: int) -> Form:
    """An absolute address by http or https."""

    def check(value: Any) -> bool:
        if not isinstance(value, str) or not value.isascii() or not value.isprintable() or len(value) > longest:
            return False
        try:
            parts = urlsplit(value)
            named = bool(parts.hostname) and _HOST.fullmatch(parts.netloc) is not None
            return parts.scheme in ("http", "https") and named and (parts.port or 1) > 0
        except ValueError:
            return False

    return check


def day(value: Any) -> bool:
    """YYYYMMDD."""
    return digits(8)(value) and _is_time(value, "%Y%m%d")


def moment(value: Any) -> bool:
    """YYYYMMDDHHMMSS."""
    return digits(14)(value) and _is_time(value, "%Y%m%d%H%M%S")


def month(value: Any) -> bool:
    """YYMM."""
    return digits(4)(value) and 1 <= int(value[2:]) <= 12


def _is_time(value: str, form: str) -> bool:
    try:
        datetime.strptime(value, form)  # noqa: DTZ007 - a form is tried, no time is made
    except ValueError:
        return False
    return True


def address(value: Any) -> bool:
    """An IP address, version 4 or 6."""
    try:
        ipaddress.ip_address(value if isinstance(value, str) else "")
    except ValueError:
        return False
    return True


def offset(value: Any) -> bool:
    """browserTZ: minutes between UTC and local time, with or without a sign."""
    return isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,4}", value) is not None


def proof(value: Any) -> bool:
    """An authenticationValue: 20 bytes in base64, 28 characters."""
    if not isinstance(value, str) or len(value) != 28:
        return False
    try:
        return len(b64decode(value, validate=True)) == 20
    except (binascii.Error, ValueError):
        return False


def base64url(longest: int) -> Form:
    """base64url, with or without padding."""
    return lambda value: isinstance(value, str) and len(value) <= longest and _BASE64URL.fullmatch(value) is not None


def array(value: Any) -> bool:
    """An array; what is in it is looked at elsewhere."""
    return isinstance(value, list)
