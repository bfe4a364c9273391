"""One transaction's messages, out of the captures of a switch: as they stood on each link, and masked.

In: the file that the network file names, a transaction. Out: its messages in the order of its hops, bytes and elements. A file
in which the transaction is not named is searched as bytes and not read.
"""

import mmap
import re
from collections.abc import Iterator
from glob import escape
from pathlib import Path
from typing import Final, NamedTuple

from switch.capture.layers import segment_of
from switch.capture.masking import Mask
from switch.capture.pcapng import CaptureError, Packet, Reading
from switch.capture.spoken import ABOUT, known_framing, spoken
from switch.capture.talks import Said, said
from switch.wire import Dialect
from switch.wire.counted import FramingError
from switch.wire.framing import Framing, make_framing

_COMMENT: Final = re.compile(r"link=(\S+) txn=([0-9a-f]+) hop=(\d+)")


class Caught(NamedTuple):
    """One message."""

    link: str
    hop: int
    """of the transaction's, from 1"""
    dialect: Dialect
    message: Said


def capture_files(path: Path) -> list[Path]:
    """A capture's files, oldest first: `today.2.pcapng`, `today.1.pcapng`, `today.pcapng`; those that are there."""
    numbered = []
    for file in path.parent.glob(f"{escape(path.stem)}.*{escape(path.suffix)}"):
        number = file.name.removeprefix(f"{path.stem}.").removesuffix(path.suffix)
        if number.isdecimal():
            numbered.append((int(number), file))
    return [*(file for _, file in sorted(numbered, reverse=True)), *([path] if path.exists() else [])]


def caught(path: Path, txn: str) -> list[Caught]:
    """`txn`: as the hop log has it. Raises CaptureError, OSError."""
    found: dict[int, Caught] = {}
    framings: dict[int, Framing] = {}
    for link, hop, packet in (one for file in capture_files(path) if _names(file, txn) for one in _packets(file, txn)):
        about = dict(ABOUT.findall(packet.interface.description))
        segment = segment_of(packet.interface.linktype, packet.data)
        if segment is None or hop in found or (dialect := spoken(packet.interface, str(path))) is None:
            continue
        framing = framings.setdefault(hop, make_framing(known_framing(about.get("framing", ""), str(path))))
        try:
            frames = framing.feed(segment.payload)
        except FramingError as error:
            frames = error.frames
        for frame in frames[:1]:
            found[hop] = Caught(link, hop, dialect, said(dialect, Mask(dialect).message(frame), packet.at_ns, False))
    return [found[hop] for hop in sorted(found)]


def _names(file: Path, txn: str) -> bool:
    with file.open("rb") as opened:
        if not file.stat().st_size:
            return False
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return data.find(f"txn={txn} hop=".encode()) >= 0


def _packets(file: Path, txn: str) -> Iterator[tuple[str, int, Packet]]:
    try:
        reading = Reading(file)
    except CaptureError:
        return
    for packet in reading:
        match = _COMMENT.match(packet.comment)
        if match is not None and match[2] == txn:
            yield match[1], int(match[3]), packet
