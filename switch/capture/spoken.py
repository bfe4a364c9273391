"""How a capture says a link speaks: its framing, and its dialect: a name everybody has, or all that a file of one's own says."""

import json
import re
from typing import Any, Final

from switch.capture.pcapng import CaptureError, Interface
from switch.wire import Dialect, DialectError
from switch.wire.dialect import LATIN_1, names
from switch.wire.framing import FRAMINGS

ABOUT: Final = re.compile(r"(\w+)=(\S+)")
"""`dialect=cmi87 framing=length2`: what a capture says of itself."""
_CARRIED: Final = "dialect file: "


def whole(dialect: Dialect) -> dict[str, Any]:
    """All its file says."""
    return {"dialect": dialect.head, **dialect.spec}


def carried(dialect: Dialect) -> str:
    """The comment of an interface that has the dialect whole."""
    return _CARRIED + json.dumps(whole(dialect), separators=(",", ":"))


def everybody_has(dialect: Dialect) -> bool:
    """True where its name is enough: who loads by it gets the same."""
    return dialect.name.removesuffix(f"+{LATIN_1}") in names() and whole(Dialect.load(dialect.name)) == whole(dialect)


def known_framing(name: str, where: str) -> str:
    """A framing's name. CaptureError: none is called so."""
    if name not in FRAMINGS:
        raise CaptureError(f"{where}: no framing is called {name!r}; there are {', '.join(FRAMINGS)}")
    return name


def load_dialect(name: str, where: str) -> Dialect:
    """By name or path. CaptureError: it does not load."""
    try:
        return Dialect.load(name)
    except DialectError as error:
        raise CaptureError(f"{where}: {error}") from None


def spoken(interface: Interface, where: str) -> Dialect | None:
    """What the links of an interface speak, None where it does not say. CaptureError: it does not load."""
    if interface.comment.startswith(_CARRIED):
        try:
            return Dialect.from_spec(json.loads(interface.comment.removeprefix(_CARRIED)), f"{where}, {interface.name}")
        except (ValueError, RecursionError) as error:
            raise CaptureError(f"{where} carries a dialect file that cannot be read: {error}") from None
    name = dict(ABOUT.findall(interface.description)).get("dialect", "")
    try:
        return load_dialect(name, where) if name else None
    except CaptureError as error:
        raise CaptureError(f"{error}; the capture has no more than that name: give it with --dialect") from None
