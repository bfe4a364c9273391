"""A payment's messages as a capture has them, for its page: bytes beside fields. Pure."""

from collections.abc import Sequence
from typing import Final

import msgspec

from switch.capture.transaction import Caught
from switch.wire.describe import Line, described

ROW_BYTES: Final = 16


class OnTheWire(msgspec.Struct, frozen=True, kw_only=True):
    """A message as a capture has it: bytes and fields, masked."""

    link: str
    hop: int
    dialect: str
    dump: str
    """sixteen bytes a line: offset, hexadecimal, text"""
    lines: list[Line]
    wrong: str
    """why it could not be read to its end"""


def shown(messages: Sequence[Caught]) -> list[OnTheWire]:
    """What a capture has of a payment."""
    return [
        OnTheWire(
            link=one.link,
            hop=one.hop,
            dialect=one.dialect.name,
            dump=_dump(one.message.data),
            lines=described(one.dialect, one.message.document),
            wrong=one.message.wrong,
        )
        for one in messages
    ]


def _dump(data: bytes) -> str:
    rows = []
    for at in range(0, len(data), ROW_BYTES):
        part = data[at : at + ROW_BYTES]
        text = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in part)
        rows.append(f"{at:04x}  {part.hex(' '):<{ROW_BYTES * 3}} {text}")
    return "\n".join(rows)
