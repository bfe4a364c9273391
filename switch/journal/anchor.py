"""Where a pruned journal begins: its oldest segments were removed on purpose, and this says so.

In: a journal's directory. Out: the anchor there, if there is one. Without it a journal that does not begin at record 1 is one
with segments missing.
"""

from pathlib import Path
from typing import Final

import msgspec

from switch.journal.log import JournalError, check_regular

_NAME: Final = "pruned.json"


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """The journal begins at record `first`; `chain` (hex) is the hash of the one before, as the header of its segment has it."""

    first: int
    chain: str
    pruned_us: int
    """wall-clock µs"""


def anchor_path(directory: Path | str) -> Path:
    """Where the anchor lies."""
    return Path(directory) / _NAME


def read_anchor(directory: Path | str) -> Anchor | None:
    """The anchor; None where nothing was ever pruned. Raises JournalError where it cannot be read."""
    path = anchor_path(directory)
    check_regular(str(path))
    try:
        return msgspec.json.decode(path.read_bytes(), type=Anchor)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise JournalError(
            f"{path}: cannot be read, and says where the pruned journal begins: {error}; put back the copy that its backup has"
        ) from None
