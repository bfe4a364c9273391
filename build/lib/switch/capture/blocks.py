"""Clearing files in blocks: records behind their lengths, cut into blocks of 1014 bytes.

A block is 1012 bytes of the stream and two fillers (X'40'), whatever stands in it; so a record may go over its end. Each record
stands behind its length in 4 bytes, a length of 0 ends them, and fillers follow to the end of the last block. Source: readers in
the open (PyPI `cardutil`, crates.io `card-messages`).
"""

from typing import Final

BLOCK: Final = 1014
_FILLER: Final = b"\x40\x40"
_LENGTH: Final = 4
FRAMING: Final = "length4"
"""the framing of the records, once they are out of their blocks"""


def unblocked(data: bytes) -> bytes | None:
    """The records of a file in blocks, each behind its length, up to what ends them; None: it is no such file."""
    if not data or len(data) % BLOCK:
        return None
    blocks = [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)]
    if not all(block.endswith(_FILLER) for block in blocks):
        return None
    stream = b"".join(block.removesuffix(_FILLER) for block in blocks)
    at = 0
    while size := int.from_bytes(stream[at : at + _LENGTH], "big"):
        if at + _LENGTH + size > len(stream):
            return None
        at += _LENGTH + size
    return stream[:at] or None
