"""What documents of ISO 20022 have in common: elements, identifications, amounts, written and read."""

from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree as ET

from switch.money.currency import currency

ID_LONGEST: Final = 35
"""characters of an identification (Max35Text)"""
_DIGITS_MAX: Final = 18
"""of an amount"""


class InstructionError(ValueError):
    """A window of which no document can be made. The message says why, and what to do."""


def made_at(closed_us: int) -> str:
    """When a document was made: the close, wall-clock µs, in UTC, to the second; so it is the same when made again."""
    return datetime.fromtimestamp(closed_us // 1_000_000, UTC).isoformat()


def put(parent: ET.Element, tag: str, text: str) -> ET.Element:
    """An element at the end of `parent`."""
    element = ET.SubElement(parent, tag)
    element.text = text
    return element


def decimal_text(minor: int, code: str) -> str:
    """`1234.50`, with the decimals of the currency, without a sign. InstructionError: too large, or below zero."""
    unit = currency(code)
    digits = str(minor).rjust(unit.exponent + 1, "0")
    if minor < 0 or len(digits) > _DIGITS_MAX:
        raise InstructionError(
            f"{minor} minor units of {unit.alpha} are no amount of ISO 20022: up to {_DIGITS_MAX} digits"
        )
    whole, decimals = digits[: len(digits) - unit.exponent], digits[len(digits) - unit.exponent :]
    return f"{whole}.{decimals}" if decimals else whole


def put_amount(parent: ET.Element, tag: str, minor: int, code: str) -> None:
    """An amount with its currency."""
    put(parent, tag, decimal_text(minor, code)).set("Ccy", currency(code).alpha)


def text_at(parent: ET.Element, space: str, path: str) -> str:
    """Of the element there. InstructionError: it is missing."""
    text = parent.findtext(_path(space, path))
    if text is None:
        raise InstructionError(f"the document has no {path} in {parent.tag.removeprefix(space)}")
    return text


def read_amount(parent: ET.Element, space: str, path: str, code: str, *, least: int = 1) -> int:
    """Minor units. InstructionError: another currency than `code`, other decimals than it has, or below `least`."""
    unit, text = currency(code), text_at(parent, space, path)
    element = parent.find(_path(space, path))
    said = element.get("Ccy") if element is not None else None
    decimals = len(text.partition(".")[2])
    if said != unit.alpha or decimals != unit.exponent:
        raise InstructionError(f"{path} {text} {said} is no amount of {unit.alpha}, which has {unit.exponent} decimals")
    minor = int(text.replace(".", "")) if text.replace(".", "").isdecimal() else -1
    if minor < least:
        raise InstructionError(f"{path} {text} is not above zero")
    return minor


def _path(space: str, path: str) -> str:
    return "/".join(f"{space}{part}" for part in path.split("/"))
